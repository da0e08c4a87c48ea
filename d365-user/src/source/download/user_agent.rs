//! The name by which servers know this program: the header field `User-Agent`. The vendor's page has rejected
//! names that do not begin like that of a browser (reported by public scripts). Therefore the default is an
//! honest name of that form.

use std::str::FromStr;

use crate::version::VERSION;

/// Longest value in bytes.
const MAX_LENGTH: usize = 512;

/// A value of `User-Agent`: printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    /// The value as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for UserAgent {
    fn default() -> Self {
        Self(format!("Mozilla/5.0 (compatible; d365-user/{VERSION})"))
    }
}

impl FromStr for UserAgent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_value = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let fits = (1..=MAX_LENGTH).contains(&text.len()) && text.trim() == text;
        if is_value && fits {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "not a value of User-Agent: write 1 to {MAX_LENGTH} printable ASCII characters, without space at the ends"
        ))
    }
}

#[cfg(test)]
mod tests {
    use ureq::http::HeaderValue;

    use super::*;

    #[test]
    fn the_default_is_a_value_of_the_usual_form() {
        let default = UserAgent::default();
        assert_eq!(default.as_str(), format!("Mozilla/5.0 (compatible; d365-user/{VERSION})"));
        assert_eq!(default.as_str().parse(), Ok(default));
    }

    #[test]
    fn what_is_taken_is_a_value_of_a_header_field() {
        for text in ["x", "curl/8.5.0", "a (b; c) d/1", &"x".repeat(MAX_LENGTH)] {
            assert!(text.parse::<UserAgent>().is_ok() && HeaderValue::from_str(text).is_ok(), "{text}");
        }
        for text in ["", " ", " a", "a ", "a\nb", "a\tb", "a\u{7f}", "ä", &"x".repeat(MAX_LENGTH + 1)] {
            assert!(text.parse::<UserAgent>().is_err(), "{text:?}");
        }
    }
}
