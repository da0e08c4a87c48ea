//! The interfaces of `--iface`: names, and patterns that match names. Nothing here asks the kernel.

use d365_common::names::MAX_INTERFACES;
use glob::Pattern;

use super::ConfigError;

/// The longest name of an interface in bytes: that of an alternative name, the kernel's `ALTIFNAMSIZ` (128)
/// less the terminating zero.
pub const MAX_INTERFACE_NAME: usize = 127;

/// The characters that make a pattern of a name.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// The interfaces to watch, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// Names. Each interface must exist, unless the daemon waits for interfaces.
    pub names: Vec<String>,
    /// Patterns. An interface with a matching name is watched as well.
    pub patterns: Vec<Pattern>,
}

impl Interfaces {
    /// Separates names and patterns.
    ///
    /// # Errors
    /// [`ConfigError`] for the first text that is neither.
    pub fn new(texts: Vec<String>) -> Result<Self, ConfigError> {
        texts.iter().try_for_each(|text| check(text))?;
        let (patterns, names): (Vec<_>, Vec<_>) =
            texts.into_iter().partition(|text| text.contains(WILDCARDS));
        let pattern = |text: String| {
            // The library reads several stars as parts of a path.
            let mut single = text.clone();
            while single.contains("**") {
                single = single.replace("**", "*");
            }
            Pattern::new(&single).map_err(|error| ConfigError::Pattern { text, reason: error.msg })
        };
        Ok(Self { names, patterns: patterns.into_iter().map(pattern).collect::<Result<_, _>>()? })
    }

    /// Returns true if a pattern matches the name.
    #[must_use]
    pub fn is_match(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    /// Number of rows of counters. Patterns may match any number of interfaces, and the number of rows is
    /// fixed when the kernel object is loaded.
    #[must_use]
    pub fn rows(&self) -> usize {
        if self.patterns.is_empty() { self.names.len() } else { MAX_INTERFACES }
    }

    /// The names and patterns as they were given, names first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).chain(self.patterns.iter().map(Pattern::as_str))
    }
}

/// The kernel's rules for a name (`dev_valid_name`, net/core/dev.c). In addition, control characters are not
/// allowed, because they would spoil log lines.
fn check(name: &str) -> Result<(), ConfigError> {
    let reason = match name {
        "" => "it is empty",
        "." | ".." => "it is a directory's name",
        _ if name.len() > MAX_INTERFACE_NAME => "it is longer than 127 bytes",
        _ if name.contains(['/', ':']) => "it holds a slash or a colon",
        _ if name.contains(char::is_whitespace) => "it holds white space",
        _ if name.contains(char::is_control) => "it holds a control character",
        _ => return Ok(()),
    };
    Err(ConfigError::InterfaceName { name: name.to_owned(), reason })
}
