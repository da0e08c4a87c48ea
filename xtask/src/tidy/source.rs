//! Rules for Rust source: it opens with its purpose, stays small, and hides nothing from the compiler.

use super::{Finding, paths};

/// A longer file does more than one thing.
const MAX_LINES: usize = 350;

/// Text that must not be in code, and the remedy.
const BANNED: [(&str, &str); 5] = [
    ("#[allow(", "write #[expect(lint, reason = \"…\")], which ends when its reason does"),
    ("#![allow(", "write #![expect(lint, reason = \"…\")], which ends when its reason does"),
    ("todo!", "finish it, or return an error that says what is not supported"),
    ("unimplemented!", "finish it, or return an error that says what is not supported"),
    ("dbg!", "remove it, or use tracing"),
];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |line: usize, what: String| findings.push(Finding { path: path.to_owned(), line, what });
    if !text.starts_with("//! ") {
        found(1, "no module documentation: begin with `//! ` and what this file is for".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found(MAX_LINES, format!("{lines} lines: split it by purpose into files of {MAX_LINES} at most"));
    }
    for (line, code) in (1..).zip(paths::code(text).lines()) {
        for (banned, advice) in BANNED {
            let before = code.find(banned).map(|at| code[..at].chars().next_back());
            if before.is_some_and(|before| !before.is_some_and(|c| c.is_alphanumeric() || c == '_')) {
                found(line, format!("`{banned}`: {advice}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn lines(text: &str) -> Vec<usize> {
        check("x.rs", text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(lines("//! For this.\nfn f() {}\n"), NOTHING);
        assert_eq!(lines("// For this.\n"), [1]);
        assert_eq!(lines(""), [1]);
    }

    #[test]
    fn a_file_stays_small() {
        let lines_of = |n: usize| format!("//! For this.\n{}", "\n".repeat(n - 1));
        assert_eq!(lines(&lines_of(MAX_LINES)), NOTHING);
        assert_eq!(lines(&lines_of(MAX_LINES + 1)), [MAX_LINES]);
    }

    #[test]
    fn banned_words_are_found_in_code_only() {
        assert_eq!(lines("//! X.\n#[allow(dead_code)]\nfn f() { todo!() }\n"), [2, 3]);
        assert_eq!(lines("//! todo! dbg!(x)\nlet s = \"#[allow(x)]\"; // dbg!(x)\n"), NOTHING);
        assert_eq!(lines("//! X.\nmy_dbg!(x);\n"), NOTHING);
        assert_eq!(lines("//! X.\n    dbg!(x);\n"), [2]);
    }
}
