//! The errors of lists. A set is built whole or not at all: after an error, nothing of the lists is used.

use ipnet::IpNet;

use super::{Place, Policy, Refusal};

/// Reason why no set was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// At least one prefix is not accepted; the error describes the first.
    #[error("{place}: prefix {prefix} is refused: {refusal}{}", others(*.more))]
    Refused {
        /// The place of the prefix in its list.
        place: Place,
        /// The prefix as written.
        prefix: IpNet,
        /// The reason.
        refusal: Refusal,
        /// Number of further prefixes that are not accepted.
        more: usize,
    },
    /// There are more ranges than the policy accepts.
    #[error(
        "the lists hold {count} ranges, and the limit is {limit}; raise --max-ranges (at most {}) or shorten the lists",
        Policy::HIGHEST_MAX_RANGES
    )]
    TooMany {
        /// Number of ranges after merging.
        count: usize,
        /// The limit.
        limit: u32,
    },
    /// There is no range.
    #[error("the lists hold no range; add prefixes to the list, or use --ranges embedded")]
    Empty,
    /// The limit of the policy is itself out of bounds.
    #[error("--max-ranges {given} is out of bounds; give 1 to {}", Policy::HIGHEST_MAX_RANGES)]
    BadLimit {
        /// The limit given.
        given: u32,
    },
}

fn others(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" ({more} more refused)") }
}
