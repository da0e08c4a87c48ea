//! The paths that Rust source names, read from its tokens: comments, strings and characters name none.

use std::iter::Peekable;

use proc_macro2::{TokenStream, TokenTree, token_stream::IntoIter};

/// A path that the code names, such as `a::b`. Groups are expanded: `a::{b, c}` gives `a::b` and `a::c`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    /// True in a statement that re-exports.
    pub(super) is_exported: bool,
}

/// The paths in a file's text, without the file's own tests at its end. Nothing is read from text that is not
/// Rust, which the compiler rejects.
pub(super) fn of(text: &str) -> Vec<Named> {
    let code = text.find("\n#[cfg(test)]\nmod ").map_or(text, |at| &text[..at]);
    let mut found = Vec::new();
    read(code.parse().unwrap_or_default(), &[], false, &mut found);
    found
}

/// Reads the tokens of a file or group. Each path in them starts with `above`.
fn read(tokens: TokenStream, above: &[String], mut is_exported: bool, found: &mut Vec<Named>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut is_public = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "pub" => is_public = true,
            TokenTree::Ident(word) if word == "use" => is_exported = is_public,
            TokenTree::Ident(word) => {
                is_public = false;
                let line = word.span().start().line;
                let mut path = above.to_vec();
                path.push(word.to_string());
                match behind(&mut path, &mut tokens) {
                    Some(group) => read(group, &path, is_exported, found),
                    None => found.push(Named { path, line, is_exported }),
                }
            }
            TokenTree::Group(group) => read(group.stream(), &[], false, found),
            TokenTree::Punct(mark) => is_exported &= mark.as_char() != ';',
            TokenTree::Literal(_) => {}
        }
    }
}

/// Adds the further parts of a path. Returns the group at its end, if there is one.
fn behind(path: &mut Vec<String>, tokens: &mut Peekable<IntoIter>) -> Option<TokenStream> {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    loop {
        let mut ahead = tokens.clone();
        if !(ahead.next().is_some_and(|token| is_colon(&token))
            && ahead.next().is_some_and(|token| is_colon(&token)))
        {
            return None;
        }
        match ahead.next() {
            Some(TokenTree::Ident(word)) => path.push(word.to_string()),
            Some(TokenTree::Punct(mark)) if mark.as_char() == '*' => path.push("*".to_owned()),
            Some(TokenTree::Group(group)) => {
                *tokens = ahead;
                return Some(group.stream());
            }
            _ => return None,
        }
        *tokens = ahead;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let long = of(text).into_iter().filter(|named| named.path.len() > 1);
        long.map(|named| format!("{}{}", if named.is_exported { "pub " } else { "" }, named.path.join("::")))
            .collect()
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = "// a::b \"c\n/* a::c\n */ /// a::d\nfn f<'a>(x: &'a str) { f(\"a::e \\\" // b\", r#\"a::f \" b\"#, '\"') }";
        assert!(paths(text).is_empty(), "{:?}", paths(text));
        assert_eq!(paths("f(a::b) // a::c\n"), ["a::b"]);
    }

    #[test]
    fn groups_are_spelled_out() {
        let text = "use std::{fs, net::{IpAddr, TcpStream}};\nuse super::*;\nfn f() { tokio::spawn::<T>(vec![super::a::b()]) }";
        let expected =
            ["std::fs", "std::net::IpAddr", "std::net::TcpStream", "super::*", "tokio::spawn", "super::a::b"];
        assert_eq!(paths(text), expected);
        assert_eq!(of("use crate::{\n    view,\n    kernel,\n};").pop().map(|named| named.line), Some(3));
    }

    #[test]
    fn re_exports_are_marked_and_tests_are_left_out() {
        let text = "pub(crate) use a::{b::C, D};\nuse e::F;\npub fn f() { g::h() }\n\n#[cfg(test)]\nmod tests { use x::y; }\n";
        assert_eq!(paths(text), ["pub a::b::C", "pub a::D", "e::F", "g::h"]);
    }
}
