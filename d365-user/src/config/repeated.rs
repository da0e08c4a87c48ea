//! Values that are given more than once.

use super::{ConfigError, Warning};

/// The values of a flag, each once, in the order of its first occurrence, and at most `most`.
pub(super) fn each_once<T: PartialEq + ToString>(
    flag: &'static str,
    values: Vec<T>,
    most: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<T>, ConfigError> {
    let mut kept: Vec<T> = Vec::with_capacity(values.len());
    for value in values {
        if kept.contains(&value) {
            let warning = Warning::Duplicate { flag, value: value.to_string() };
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        } else {
            kept.push(value);
        }
    }
    let count = kept.len();
    if count > most { Err(ConfigError::TooMany { flag, count, most }) } else { Ok(kept) }
}
