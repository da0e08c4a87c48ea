//! The errors of lists. A set is built whole or not at all: after an error, nothing of the lists is used.

use d365_common::entry;
use ipnet::IpNet;

use super::Place;

/// Reason why no set was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum RangeError {
    /// At least one prefix is not accepted; the error describes the first, and counts `more`.
    #[error("{place}: prefix {prefix} is refused: {refusal}{}", others(*.more))]
    Refused { place: Place, prefix: IpNet, refusal: Refusal, more: usize },
    #[error(
        "the lists hold {count} ranges, and the limit is {limit}; raise --max-ranges (at most {}) or shorten the lists",
        entry::MOST_RANGES
    )]
    TooMany { count: usize, limit: u32 },
    #[error("the lists hold no range; add prefixes to the list, or use --ranges embedded")]
    Empty,
}

impl RangeError {
    /// The message about the list with this name. That about a rejected prefix already names the list with
    /// its line.
    #[must_use]
    pub fn of_list(&self, list: &str) -> String {
        match self {
            Self::Refused { .. } => self.to_string(),
            _ => format!("{list}: {self}"),
        }
    }
}

/// Reason why one prefix is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum Refusal {
    /// It has too many addresses for any list of mail senders.
    #[error(
        "broader than /{limit}, so it would cover other networks too; list the narrower prefixes that are meant"
    )]
    TooBroad { limit: u8 },
    /// Some or all of its addresses are not ordinary Internet addresses.
    #[error("{block} is {purpose}; correct the list, or pass --allow-special in a lab")]
    Special { block: IpNet, purpose: &'static str },
}

fn others(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" ({more} more refused)") }
}
