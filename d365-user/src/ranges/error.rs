//! Why a list is refused. A refusal is total: nothing of the lists is used.

use ipnet::IpNet;

use super::{Place, Policy};

/// Why one prefix is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many addresses for any list of mail senders.
    #[error(
        "broader than /{limit}, so it would vouch for networks of others; list the narrower prefixes that are meant"
    )]
    TooBroad {
        /// The shortest length that is accepted.
        limit: u8,
    },
    /// Its addresses, or some of them, are not ordinary Internet addresses.
    #[error("{block} is {purpose}; correct the list, or pass --allow-special in a lab")]
    Special {
        /// The block of special addresses.
        block: IpNet,
        /// What the block is for.
        purpose: &'static str,
    },
}

/// Why no set was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// At least one prefix is not accepted: this is the first.
    #[error("{place}: prefix {prefix} is refused: {refusal}{}", others(*.more))]
    Refused {
        /// Where it is written.
        place: Place,
        /// The prefix as written.
        prefix: IpNet,
        /// Why.
        refusal: Refusal,
        /// How many more are refused.
        more: usize,
    },
    /// More ranges than the policy takes.
    #[error(
        "the lists hold {count} ranges, and the limit is {limit}; raise --max-ranges (at most {}) or shorten the lists",
        Policy::HIGHEST_MAX_RANGES
    )]
    TooMany {
        /// How many, after merging.
        count: usize,
        /// The limit.
        limit: u32,
    },
    /// No range at all.
    #[error("the lists hold no range; add prefixes to the list, or use --ranges embedded")]
    Empty,
    /// The policy's own limit is out of bounds.
    #[error("--max-ranges {given} is out of bounds; give 1 to {}", Policy::HIGHEST_MAX_RANGES)]
    BadLimit {
        /// The limit given.
        given: u32,
    },
}

fn others(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" ({more} more refused)") }
}
