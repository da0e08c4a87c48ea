//! What is done with a frame of which not all say the same: it shrinks, and stays as a case.

use super::judge;
use crate::{corpus::regressions, shrink::shrink};

/// Shrinks `frame`, keeps what is left as a case, and says all of it. `said` tells who says what of a frame, and nothing where
/// all agree; `name` is the case's.
pub fn report(name: &str, frame: &[u8], mut said: impl FnMut(&[u8]) -> Option<String>) -> String {
    let least = shrink(frame, |frame| said(frame).is_some());
    let words = said(&least).unwrap_or_else(|| "all agree when they are asked again".to_owned());
    let (text, kept) = regressions::keep(name, &words, judge(&least, &[25]).is, &least);
    let kept = match kept {
        Ok(path) => format!("kept in {}", path.display()),
        Err(error) => format!("not kept ({error})"),
    };
    format!("{name}, {kept}:\n{text}\nbefore it shrank: {frame:02x?}")
}
