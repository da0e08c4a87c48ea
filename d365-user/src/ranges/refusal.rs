//! The reasons why one prefix is not accepted.

use ipnet::IpNet;

/// Reason why one prefix is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has too many addresses for any list of mail senders.
    #[error(
        "broader than /{limit}, so it would cover other networks too; list the narrower prefixes that are meant"
    )]
    TooBroad {
        /// The shortest length that is accepted.
        limit: u8,
    },
    /// Some or all of its addresses are not ordinary Internet addresses.
    #[error("{block} is {purpose}; correct the list, or pass --allow-special in a lab")]
    Special {
        /// The block of special addresses.
        block: IpNet,
        /// The purpose of the block.
        purpose: &'static str,
    },
}
