//! Reads samples back, independent of the encoder.

use std::collections::{BTreeMap, HashMap};

#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: String,
}

/// Every sample of an exposition. It panics if the text is no exposition, or if a series occurs twice.
pub(super) fn samples(text: &str) -> Vec<Sample> {
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with("# ")).map(sample).collect();
    let mut seen = HashMap::new();
    for sample in &samples {
        let before = seen.insert((&sample.name, &sample.labels), &sample.value);
        assert_eq!(before, None, "twice: {sample:?}");
    }
    samples
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap();
            let (value, after) = quoted(after);
            assert_eq!(labels.insert(label.to_owned(), value), None, "label twice: {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap();
    assert!(value.parse::<f64>().is_ok(), "{line}");
    Sample { name: name.to_owned(), labels, value: value.to_owned() }
}

/// The value up to the closing quote, and the text after it.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match characters.next().unwrap().1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                other => panic!("\\{other} in {text}"),
            }),
            _ => value.push(character),
        }
    }
    panic!("no closing quote in {text}")
}
