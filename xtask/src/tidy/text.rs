//! Rules for every text that people edit: no tabs, and no blanks at the end of a line.

use super::Finding;

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let what = if content.contains('\t') {
            "a tab: indent with spaces, write \\t in a string"
        } else if content.ends_with(char::is_whitespace) {
            "blanks at the end of the line: remove them"
        } else {
            continue;
        };
        findings.push(Finding { path: path.to_owned(), line, what: what.to_owned() });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn lines(text: &str) -> Vec<usize> {
        check("x.md", text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn tabs_and_blanks_at_the_end_are_found() {
        assert_eq!(lines("fine\n\n  fine\n"), NOTHING);
        assert_eq!(lines("a\tb\nfine\nc \n"), [1, 3]);
        assert_eq!(lines("crlf\r\n"), NOTHING, "git's business");
    }
}
