//! Classification of a packet: from a listed range, from an unlisted source, or not a segment to a watched
//! port.
//!
//! This module does not decide what is done to a packet.

use crate::{
    entry::Entry,
    packet::{self, Reader, Reason, Segment, Source},
};

/// The classification of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classification {
    /// A segment to a watched port from a listed range.
    Listed(Entry, Segment),
    /// A segment to a watched port from an unlisted source.
    Unlisted(Segment),
    /// Not a segment to a watched port.
    Other(Reason),
}

/// The classes that have one [`Counter`](crate::counter::Counter) for each interface. Listed packets are
/// counted for each range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Class {
    /// A segment to a watched port from an unlisted source.
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
    /// Number of classes.
    pub const COUNT: u32 = 7;

    /// All classes except [`Class::Unlisted`], in the order of reports.
    pub const OTHERS: [Self; 6] = [
        Self::OtherPort,
        Self::NotTcp,
        Self::NotIp,
        Self::LaterFragment,
        Self::Malformed,
        Self::TooManyHeaders,
    ];

    /// The label value in metrics.
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

/// Looks up sources.
pub trait RangeLookup {
    /// The entry of the longest prefix that contains `source`; `None` if the source is not listed.
    fn find(&self, source: &Source) -> Option<Entry>;
}

/// Every closure of this form can look up sources. The kernel program uses a type instead: the compiler may
/// put a closure's body into a BPF function of its own, which costs a call.
impl<F: Fn(&Source) -> Option<Entry>> RangeLookup for F {
    #[inline(always)]
    fn find(&self, source: &Source) -> Option<Entry> {
        self(source)
    }
}

/// Classifies a frame. `watched` returns true for a watched TCP destination port (host byte order). `find`
/// looks up a source by the longest prefix.
#[expect(clippy::needless_pass_by_value, reason = "a closure, or a type without a value")]
#[inline(always)]
pub fn classify<R: Reader + ?Sized>(
    frame: &R,
    watched: impl Fn(u16) -> bool,
    find: impl RangeLookup,
) -> Classification {
    match packet::parse(frame, watched) {
        Ok(segment) => match find.find(&segment.source) {
            Some(entry) => Classification::Listed(entry, segment),
            None => Classification::Unlisted(segment),
        },
        Err(reason) => Classification::Other(reason),
    }
}
