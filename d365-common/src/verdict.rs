//! The verdict on a packet: of a listed range, unlisted, or something else than watched mail traffic.
//!
//! It says what a packet is, never what to do with it.

use crate::{
    entry::Entry,
    packet::{self, Reader, Reason, Segment, Source},
};

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To a watched port, from a listed range.
    Listed(Entry, Segment),
    /// To a watched port, from no listed range.
    Unlisted(Segment),
    /// Anything else.
    Other(Reason),
}

/// The classes that are counted per interface and not per range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Class {
    /// To a watched port, from no listed range.
    Unlisted,
    /// [`Reason::OtherPort`].
    OtherPort,
    /// [`Reason::NotTcp`] and [`Reason::Opaque`].
    NotTcp,
    /// [`Reason::NotIp`].
    NotIp,
    /// [`Reason::LaterFragment`] and [`Reason::OverlappingFragment`].
    LaterFragment,
    /// [`Reason::Malformed`] and [`Reason::HiddenHeader`].
    Malformed,
    /// [`Reason::TooManyTags`] and [`Reason::TooManyHeaders`].
    TooManyHeaders,
}

impl Class {
    /// How many there are.
    pub const COUNT: u32 = 7;

    /// All that are not mail traffic, in the order in which they are shown.
    pub const OTHERS: [Self; 6] = [
        Self::OtherPort,
        Self::NotTcp,
        Self::NotIp,
        Self::LaterFragment,
        Self::Malformed,
        Self::TooManyHeaders,
    ];

    /// The metrics' label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlisted => "unlisted",
            Self::OtherPort => "other_port",
            Self::NotTcp => "not_tcp",
            Self::NotIp => "not_ip",
            Self::LaterFragment => "later_fragment",
            Self::Malformed => "malformed",
            Self::TooManyHeaders => "too_many_headers",
        }
    }
}

impl From<Reason> for Class {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::OtherPort => Self::OtherPort,
            Reason::NotTcp | Reason::Opaque => Self::NotTcp,
            Reason::NotIp => Self::NotIp,
            Reason::LaterFragment | Reason::OverlappingFragment => Self::LaterFragment,
            Reason::Malformed | Reason::HiddenHeader => Self::Malformed,
            Reason::TooManyTags | Reason::TooManyHeaders => Self::TooManyHeaders,
        }
    }
}

/// Looks sources up.
pub trait Find {
    /// The entry of the longest prefix that holds `source`; `None` when it is not listed.
    fn find(&self, source: &Source) -> Option<Entry>;
}

/// Any closure can. The kernel program has a type of its own, since a closure's body may become a call of its own there.
impl<F: Fn(&Source) -> Option<Entry>> Find for F {
    #[inline(always)]
    fn find(&self, source: &Source) -> Option<Entry> {
        self(source)
    }
}

/// Judges a frame. `watched` says whether a TCP destination port is one to look for; `find` looks a
/// source up, longest prefix first.
#[expect(clippy::needless_pass_by_value, reason = "a closure, or a type without a value")]
#[inline(always)]
pub fn judge<R: Reader + ?Sized>(frame: &R, watched: impl Fn(u16) -> bool, find: impl Find) -> Verdict {
    match packet::parse(frame, watched) {
        Ok(segment) => match find.find(&segment.source) {
            Some(entry) => Verdict::Listed(entry, segment),
            None => Verdict::Unlisted(segment),
        },
        Err(reason) => Verdict::Other(reason),
    }
}
