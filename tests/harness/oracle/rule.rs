//! The deliberate differences between the documented reading and etherparse's own reading of a whole frame.
//! Each difference is a rule, and its uses are counted.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write as _},
};

use super::{LATER_FRAGMENT, MALFORMED, NOT_TCP};
use crate::corpus::Expected;

/// A deliberate difference.
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
    /// IPv4 with a total length of zero, in a packet longer than the field can state.
    BigTcp,
    /// An authentication header.
    Authentication,
    /// IPv6 with a payload length of zero, in a frame whose length the field can state.
    ZeroPayload,
    /// More than seven extension headers.
    LongChain,
    /// The bytes behind the fragment header of a later fragment.
    LaterFragment,
    /// A first fragment of TCP.
    FirstFragment,
    /// Upper layers that are not TCP.
    UpperLayer,
}

/// A rule, the reason for our reading, and the results of etherparse's own reading that the rule explains.
type Explanation = (Rule, &'static str, Option<&'static [Expected]>);

/// All rules. `None` means any result: etherparse reads further than we do.
const RULES: [Explanation; 11] = [
    (Rule::ThirdTag, "at most two tags are looked through (802.1ad); etherparse looks through three", None),
    (Rule::OldTag, "0x9100 was never a standard's tag; etherparse looks through it", None),
    (Rule::MacSec, "the content of MACsec (802.1AE) is not read; etherparse reads it unless encrypted", None),
    (Rule::Arp, "ARP is not IP, and is not read; etherparse refuses a cut one", Some(&[MALFORMED])),
    (
        Rule::BigTcp,
        "a total length of zero in a packet too long for the field is a batch that the kernel joined (BIG \
         TCP); etherparse refuses it",
        Some(&[MALFORMED]),
    ),
    (
        Rule::Authentication,
        "an authentication header (RFC 4302) is not looked through, in IPv4 as in IPv6; etherparse looks \
         through it",
        None,
    ),
    (
        Rule::ZeroPayload,
        "a payload length of zero is a jumbogram's only where the field could not state the length (RFC \
         2675); etherparse always takes the rest of the frame, padding included",
        None,
    ),
    (
        Rule::LongChain,
        "at most seven extension headers are looked through (RFC 8200, 4.1); etherparse has no limit",
        None,
    ),
    (
        Rule::LaterFragment,
        "a later fragment has the middle of a packet behind its fragment header (RFC 8200, 4.5); etherparse \
         reads headers there",
        Some(&[MALFORMED, NOT_TCP, LATER_FRAGMENT]),
    ),
    (
        Rule::FirstFragment,
        "a first fragment has the TCP header (RFC 791, 3.2; RFC 8200, 4.5); etherparse reads no fragment's \
         upper layer",
        Some(&[LATER_FRAGMENT]),
    ),
    (
        Rule::UpperLayer,
        "upper layers other than TCP are not read; etherparse refuses odd ones",
        Some(&[MALFORMED]),
    ),
];

impl Rule {
    /// Returns true if this rule explains `plain`, etherparse's own reading.
    pub fn excuses(self, plain: &Expected) -> bool {
        RULES
            .iter()
            .any(|(rule, _, results)| *rule == self && results.is_none_or(|results| results.contains(plain)))
    }
}

/// The number of generated frames that is enough to use each rule. The rarest one, [`Rule::BigTcp`], is used
/// in one of ten thousand.
const ENOUGH: u64 = 100_000;

/// Counts, for each rule, the frames that it explains: etherparse's own reading differs there.
#[derive(Clone, Debug, Default)]
pub struct Uses(BTreeMap<Rule, u64>);

impl Uses {
    /// Counts one use of each of these rules.
    pub fn count(&mut self, rules: &[Rule]) {
        for rule in rules {
            *self.0.entry(*rule).or_default() += 1;
        }
    }

    /// Rules that were not used.
    pub fn unused(&self) -> Vec<Rule> {
        RULES.iter().map(|(rule, ..)| *rule).filter(|rule| !self.0.contains_key(rule)).collect()
    }

    /// Prints the number of uses of each rule, past the capture of libtest.
    ///
    /// # Panics
    /// If a rule was not used: a fault in it would stay unseen.
    pub fn all_used(&self) {
        let _ = write!(io::stderr(), "{self}");
        let unused = self.unused();
        assert!(unused.is_empty(), "rules without use: {unused:?}");
    }

    /// Does the same if this many generated frames are enough to use each rule. Otherwise it only prints.
    ///
    /// # Panics
    /// As [`Self::all_used`].
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
        for (rule, reason, _) in RULES {
            let times = self.0.get(&rule).copied().unwrap_or_default();
            writeln!(f, "{times:>9} {rule:?}: {reason}")?;
        }
        Ok(())
    }
}
