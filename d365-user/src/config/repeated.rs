//! Values that are given more than once.

use super::Warning;

/// Each value once, in the order of its first occurrence.
pub(super) fn dedup_with_warning<T: PartialEq + ToString>(
    flag: &'static str,
    values: Vec<T>,
    warnings: &mut Vec<Warning>,
) -> Vec<T> {
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
    kept
}
