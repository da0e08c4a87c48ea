//! Reports a frame on which the readers disagree: the frame is shrunk, and stays as a case.

use std::path::Path;

use super::judge;
use crate::{corpus::regressions, shrink::shrink};

/// Shrinks `frame`, keeps the rest as a case of the corpus, and returns a report of this. `said` returns the
/// readers' answers for a frame, or `None` if all agree. `name` is the name of the case.
pub fn report(name: &str, frame: &[u8], said: impl FnMut(&[u8]) -> Option<String>) -> String {
    report_into(&regressions::directory(), name, frame, said)
}

fn report_into(
    directory: &Path,
    name: &str,
    frame: &[u8],
    mut said: impl FnMut(&[u8]) -> Option<String>,
) -> String {
    let least = shrink(frame, |frame| said(frame).is_some());
    let words = said(&least).unwrap_or_else(|| "all agree when they are asked again".to_owned());
    // A case assumes that port 25 is watched.
    let (text, kept) = regressions::keep(directory, name, &words, judge(&least, &[25]).is, &least);
    let kept = match kept {
        Ok(path) => format!("kept in {}", path.display()),
        Err(error) => format!("not kept ({error})"),
    };
    format!("{name}, {kept}:\n{text}\nbefore it shrank: {frame:02x?}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::report_into;
    use crate::{
        corpus::{self, text},
        oracle::judge,
        temp::TempDir,
    };

    /// Simulates a reader that takes no frame with a VLAN tag for a segment.
    #[test]
    fn a_frame_that_is_judged_wrongly_shrinks_and_stays_as_a_case() {
        let is_segment = |frame: &[u8]| matches!(judge(frame, &[25]).is, corpus::Expected::Smtp { .. });
        let is_wrong = |frame: &[u8]| is_segment(frame) && frame[12..14] == [0x81, 0x00];
        let said = |frame: &[u8]| is_wrong(frame).then(|| "the host says not_ip".to_owned());
        let case = corpus::all().into_iter().find(|case| is_wrong(&case.frame)).expect("a tagged segment");
        let long = [&case.frame[..], &[0xa5; 400]].concat();
        let directory = TempDir::new("regressions");

        let report = report_into(directory.path(), "found-1-7", &long, said);

        let path = directory.file("found-1-7.txt");
        assert!(report.starts_with(&format!("found-1-7, kept in {}", path.display())), "{report}");
        let written = fs::read_to_string(path).unwrap();
        assert!(written.contains("the host says not_ip") && report.contains(&written), "{report}");
        let kept = text::read("found-1-7", &written).unwrap();
        assert!(is_wrong(&kept.frame) && kept.frame.len() <= case.frame.len(), "{written}");
        assert_eq!(kept.expected, judge(&kept.frame, &[25]).is);
    }
}
