//! Rules for the English of comments and documents, as far as a program can check them: a sentence starts
//! with its subject, the field's nouns are used, and lines are short. It checks no strings and no code.

use super::Finding;

/// The longest line of a comment or of Markdown prose, in columns.
const COLUMNS: usize = 110;
/// Words that open no sentence: the subject comes first.
const NO_SENTENCE: [&str; 7] = ["What", "Whatever", "Whoever", "Whether", "How", "Of", "Whichever"];
/// Further words that open no comment or paragraph.
const NO_COMMENT: [&str; 6] = ["Who", "However", "Why", "Where", "Wherever", "Which"];
/// Everyday words in the place of the field's noun.
const PHRASES: [&str; 34] = [
    "anew",
    "are none",
    "are said",
    "bear",
    "bearing",
    "bears",
    "believe",
    "believed",
    "believes",
    "beside",
    "besides",
    "deaf",
    "did without",
    "do without",
    "does without",
    "done without",
    "goes by",
    "goes on",
    "goes with",
    "is none",
    "is said",
    "of so many",
    "said",
    "says so",
    "so many",
    "stands",
    "tell",
    "tells",
    "told",
    "vouch",
    "vouched",
    "vouches",
    "was none",
    "was said",
];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let blocks = if path.ends_with(".rs") { comments(text) } else { paragraphs(text) };
    let mut findings = Vec::new();
    for Block { line, text, long } in blocks {
        let found = long.into_iter().map(|(line, columns)| {
            let what = format!("{columns} columns: break comments and prose at {COLUMNS}");
            Finding { path: path.to_owned(), line, what }
        });
        findings.extend(found);
        let what = opening(&text).or_else(|| phrase(&text));
        findings.extend(what.map(|what| Finding { path: path.to_owned(), line, what }));
    }
    findings
}

/// A comment or a paragraph: its first line, its text without code, and its lines that are too long.
struct Block {
    line: usize,
    text: String,
    long: Vec<(usize, usize)>,
}

impl Block {
    fn new(line: usize) -> Self {
        Self { line, text: String::new(), long: Vec::new() }
    }

    fn push(&mut self, line: usize, whole: &str, part: &str) {
        let columns = whole.chars().count();
        // A link cannot be broken.
        if columns > COLUMNS && !whole.contains("://") {
            self.long.push((line, columns));
        }
        self.text.push(' ');
        self.text.push_str(part);
    }
}

/// Comments that have their lines to themselves.
fn comments(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut before = None;
    for (line, whole) in (1..).zip(text.lines()) {
        let Some(rest) = whole.trim_start().strip_prefix("//") else {
            before = None;
            continue;
        };
        let marker = rest.chars().next().filter(|c| ['/', '!'].contains(c)).or(Some(' '));
        if marker != before {
            blocks.push(Block::new(line));
        }
        before = marker;
        if let Some(block) = blocks.last_mut() {
            block.push(line, whole, rest.trim_start_matches(['/', '!']));
        }
    }
    blocks
}

/// Paragraphs and items of lists; no tables, headings or code.
fn paragraphs(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut is_code, mut goes_on) = (false, false);
    for (line, whole) in (1..).zip(text.lines()) {
        let trimmed = whole.trim_start();
        is_code ^= trimmed.starts_with("```");
        if is_code || trimmed.is_empty() || trimmed.starts_with(['|', '#', '`', '<']) {
            goes_on = false;
            continue;
        }
        let item = trimmed.strip_prefix("- ");
        if item.is_some() || !goes_on {
            blocks.push(Block::new(line));
        }
        goes_on = true;
        if let Some(block) = blocks.last_mut() {
            block.push(line, whole, item.unwrap_or(trimmed));
        }
    }
    blocks
}

/// The words of a text without its code spans; a word ends a sentence if it has its punctuation.
fn words(text: &str) -> Vec<&str> {
    let prose = text.split('`').step_by(2);
    prose.flat_map(str::split_whitespace).map(|word| word.trim_start_matches(['*', '(', '"'])).collect()
}

fn opening(text: &str) -> Option<String> {
    let starts_with_code = text.trim_start().starts_with('`');
    let words = words(text);
    let mut is_start = !starts_with_code;
    for (at, word) in words.iter().enumerate() {
        let bare = word.trim_end_matches([',', ':', '*']);
        if is_start && (NO_SENTENCE.contains(&bare) || at == 0 && NO_COMMENT.contains(&bare)) {
            let sentence = words[at..].iter().find(|word| word.ends_with(['.', '?']));
            if !sentence.is_some_and(|end| end.ends_with('?')) {
                return Some(format!("a sentence opens with `{bare}`: start with the subject that acts"));
            }
        }
        is_start = word.ends_with(['.', '!', '?']);
    }
    None
}

fn phrase(text: &str) -> Option<String> {
    let words: Vec<String> = words(text)
        .into_iter()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .collect();
    let is_here = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    };
    let found = PHRASES.into_iter().find(|phrase| is_here(phrase));
    found.map(|phrase| {
        format!("`{phrase}`: use the field's word, as verify, publish, accept, log, trust, report")
    })
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_sentence_starts_with_its_subject() {
        assert_eq!(lines("x.rs", "//! Reads a list.\nfn f() {}\n/// What it reads.\n"), [3]);
        assert_eq!(lines("x.rs", "/// Reads. Of all lists\n/// the first.\n"), [1]);
        assert_eq!(lines("x.rs", "/// Where it is.\n// Fine. Where it is, it stays.\n"), [1]);
        assert_eq!(lines("x.md", "# What it does\n\nIt reads.\n\n- How it reads.\n"), [5]);
        assert_eq!(lines("x.md", "What does it do? It reads.\n"), NOTHING, "a question");
        assert_eq!(lines("x.rs", "/// `What` is a variant.\n"), NOTHING);
    }

    #[test]
    fn the_fields_nouns_are_used() {
        assert_eq!(lines("x.rs", "/// The list is believed.\n// It is none.\nlet told = 1;\n"), [1, 2]);
        assert_eq!(lines("x.rs", "/// `vouch` is a name, and nonetheless fine.\n"), NOTHING);
        assert_eq!(lines("x.md", "```\nhe said\n```\n\n| told |\n"), NOTHING);
    }

    #[test]
    fn lines_are_short() {
        let long = "x ".repeat(60);
        assert_eq!(lines("x.rs", &format!("// Fine.\n// {long}\nlet x = \"{long}\";\n")), [2]);
        assert_eq!(lines("x.md", &format!("Fine.\n{long}\n\n| {long} |\n\nhttps://x/ {long}\n")), [2]);
    }
}
