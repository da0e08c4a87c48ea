//! Where what is documented and etherparse's own reading of a whole frame differ on purpose: each difference is a rule, and is
//! counted.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write as _},
};

use super::{LATER_FRAGMENT, MALFORMED, NOT_TCP};
use crate::corpus::Expected;

/// A difference on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A third VLAN tag.
    ThirdTag,
    /// A tag of the kind 0x9100.
    OldTag,
    /// IEEE 802.1AE.
    MacSec,
    /// ARP.
    Arp,
    /// IPv4 of a total length of zero, longer than the field can state.
    BigTcp,
    /// An authentication header.
    Authentication,
    /// IPv6 of a payload length of zero in a frame that the field can state.
    ZeroPayload,
    /// More than seven extension headers.
    LongChain,
    /// What stands behind the fragment header of a later fragment.
    LaterFragment,
    /// A first fragment of TCP.
    FirstFragment,
    /// Upper layers that are not TCP.
    UpperLayer,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ThirdTag,
        Self::OldTag,
        Self::MacSec,
        Self::Arp,
        Self::BigTcp,
        Self::Authentication,
        Self::ZeroPayload,
        Self::LongChain,
        Self::LaterFragment,
        Self::FirstFragment,
        Self::UpperLayer,
    ];

    /// Whether etherparse by itself may say this where the rule is met.
    #[must_use]
    pub fn excuses(self, plain: &Expected) -> bool {
        match self {
            // It reads on where we do not, and finds anything.
            Self::ThirdTag
            | Self::OldTag
            | Self::MacSec
            | Self::Authentication
            | Self::ZeroPayload
            | Self::LongChain => true,
            // It refuses.
            Self::Arp | Self::BigTcp | Self::UpperLayer => *plain == MALFORMED,
            // It reads extension headers of fragments, and no segment.
            Self::LaterFragment => [MALFORMED, NOT_TCP, LATER_FRAGMENT].contains(plain),
            Self::FirstFragment => *plain == LATER_FRAGMENT,
        }
    }

    /// What we do, and why.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ThirdTag => "at most two tags are looked through (802.1ad); etherparse looks through three",
            Self::OldTag => "0x9100 was never a standard's tag; etherparse looks through it",
            Self::MacSec => {
                "what MACsec (802.1AE) carries is not looked for; etherparse reads what is not encrypted"
            }
            Self::Arp => "ARP is not IP, and is not read; etherparse refuses a cut one",
            Self::BigTcp => {
                "a total length of zero in a packet too long for the field is a batch that the kernel joined (BIG TCP); \
                 etherparse refuses it"
            }
            Self::Authentication => {
                "an authentication header (RFC 4302) is not looked through, in IPv4 as in IPv6; etherparse looks through it"
            }
            Self::ZeroPayload => {
                "a payload length of zero is a jumbogram's only where the field could not state the length (RFC 2675); \
                 etherparse always takes the rest of the frame, padding included"
            }
            Self::LongChain => {
                "at most seven extension headers are looked through (RFC 8200, 4.1); etherparse has no limit"
            }
            Self::LaterFragment => {
                "behind the fragment header of a later fragment stands the midst of a packet (RFC 8200, 4.5); etherparse \
                 reads headers there"
            }
            Self::FirstFragment => {
                "a first fragment has the TCP header (RFC 791, 3.2; RFC 8200, 4.5); etherparse reads no fragment's upper layer"
            }
            Self::UpperLayer => "upper layers other than TCP are not read; etherparse refuses odd ones",
        }
    }
}

/// So many generated frames use each rule: the rarest, [`Rule::BigTcp`], is one of ten thousand.
const ENOUGH: u64 = 100_000;

/// How often each rule was met where etherparse says something else that it excuses.
#[derive(Clone, Debug, Default)]
pub struct Uses(BTreeMap<Rule, u64>);

impl Uses {
    /// Counts these.
    pub fn count(&mut self, rules: &[Rule]) {
        for rule in rules {
            *self.0.entry(*rule).or_default() += 1;
        }
    }

    /// Rules that were not.
    #[must_use]
    pub fn unused(&self) -> Vec<Rule> {
        Rule::ALL.into_iter().filter(|rule| !self.0.contains_key(rule)).collect()
    }

    /// Says how often each was used, past the capture of libtest.
    ///
    /// # Panics
    /// When one was not: nobody would notice that it is wrong.
    pub fn all_used(&self) {
        let _ = write!(io::stderr(), "{self}");
        let unused = self.unused();
        assert!(unused.is_empty(), "rules without use: {unused:?}");
    }

    /// The same of so many generated frames, where they are enough for each rule to be used.
    ///
    /// # Panics
    /// As above.
    pub fn all_used_by(&self, frames: u64) {
        if frames < ENOUGH {
            let _ = write!(io::stderr(), "{self}");
        } else {
            self.all_used();
        }
    }
}

/// A line for each rule.
impl fmt::Display for Uses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in Rule::ALL {
            let times = self.0.get(&rule).copied().unwrap_or_default();
            writeln!(f, "{times:>9} {rule:?}: {}", rule.reason())?;
        }
        Ok(())
    }
}
