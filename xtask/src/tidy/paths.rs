//! Reads Rust source as far as the rules need it: the code without comments and strings, and the paths that
//! the code names.

/// Returns `text` with comments, strings and character literals blanked out. Every line keeps its number.
pub(super) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = skip(rest, code.chars().next_back());
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the comment or literal that `rest` begins with; 0 if it begins with code.
fn skip(rest: &str, before: Option<char>) -> usize {
    let until =
        |from: usize, end: &str| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until(2, "*/");
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    if let Some(literal) = rest.strip_prefix('\'') {
        // This is a character and not a lifetime: one character or an escape, then a quote.
        let mut chars = literal.chars();
        let (one, two) = (chars.next(), chars.next());
        return if one == Some('\\') || two == Some('\'') { quoted(rest, '\'') } else { 0 };
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest.strip_prefix('r').map(|raw| (raw, raw.len() - raw.trim_start_matches('#').len())) {
        Some((raw, hashes)) if raw[hashes..].starts_with('"') && (!in_word || before == Some('b')) => {
            until(hashes + 2, &format!("\"{}", "#".repeat(hashes)))
        }
        _ => 0,
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// The paths that `code` names, each with its line from 1. Groups are expanded (`a::{b, c}` gives `a::b` and
/// `a::c`), and leading `super`s become `crate`.
pub(super) fn paths(code: &str) -> Vec<(usize, String)> {
    let without_supers = |path: String| {
        let below = path.trim_start_matches("super::");
        if below.len() < path.len() { format!("crate::{below}") } else { path }
    };
    written(code).into_iter().map(|(line, path)| (line, without_supers(path))).collect()
}

/// The same with `super` as it is written.
pub(super) fn written(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // The text before each open brace, if paths start there.
    let mut groups: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut start = 1;
    for (line, content) in (1..).zip(code.lines()) {
        let mut rest = content;
        while let Some(first) = rest.chars().next() {
            let word = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
            let other = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            let (token, behind) = rest.split_at(if word > 0 { word } else { other });
            rest = behind;
            if token.trim().is_empty() && path.ends_with("::") {
                continue;
            }
            if word > 0 {
                if !path.ends_with("::") {
                    finish(&mut path, start, &mut found);
                    path.clone_from(groups.last().unwrap_or(&String::new()));
                    start = line;
                }
                path.push_str(token);
            } else if token == "::" {
                path.push_str(if path.is_empty() { "" } else { token });
            } else if token == "{" {
                groups.push(if path.ends_with("::") { std::mem::take(&mut path) } else { String::new() });
                finish(&mut path, start, &mut found);
            } else {
                finish(&mut path, start, &mut found);
                if token == "}" {
                    groups.pop();
                }
            }
        }
        if !path.ends_with("::") {
            finish(&mut path, start, &mut found);
        }
    }
    found
}

fn finish(path: &mut String, line: usize, found: &mut Vec<(usize, String)>) {
    let whole = std::mem::take(path);
    if !whole.is_empty() {
        found.push((line, whole));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let blank = |text: &str| code(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(blank("a // b \"c\nd"), "a d");
        assert_eq!(blank("a /* b\n c */ d"), "a d");
        assert_eq!(blank(r#"f("a \" // b", c)"#), "f( , c)");
        assert_eq!(blank("f(r#\"a \" b\"#, c)"), "f( , c)");
        assert_eq!(blank("f('\"', '\\'', x) // y"), "f( , , x)");
        assert_eq!(blank("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("a /* b\n c */ d").lines().count(), 2);
    }

    #[test]
    fn groups_are_spelled_out() {
        let names = |code: &str| paths(code).into_iter().map(|(_, path)| path).collect::<Vec<_>>();
        let expected =
            ["use", "std::fs", "std::net::IpAddr", "std::net::TcpStream", "fn", "f", "tokio::spawn"];
        assert_eq!(names("use std::{fs, net::{IpAddr, TcpStream}};\nfn f() { tokio::spawn() }"), expected);
        assert_eq!(names("super::super::kernel::load()"), ["crate::kernel::load"]);
        assert_eq!(paths("use crate::{\n    view,\n    kernel,\n};")[2], (3, "crate::kernel".to_owned()));
    }
}
