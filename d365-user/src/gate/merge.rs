//! The merge of all gates into one list: the only one. The daemon publishes its result, and tasks compare or
//! show it.

use super::{machine::Gate, time::Timestamp};
use crate::{
    ranges::{Range, RangeError, RangeSet},
    source::Origin,
};

/// One source's part of the merged list.
pub struct Part<'a> {
    /// The position of the source. If two sources have different geos for a prefix, the first one counts.
    pub place: usize,
    /// The origin of its list.
    pub origin: Origin,
    /// Its list.
    pub list: PartList<'a>,
}

/// The list of one source.
#[derive(Clone, Copy)]
pub enum PartList<'a> {
    /// The list that a gate accepted, and the ranges that have left it a short time ago.
    Accepted(&'a Gate),
    /// A list that needs no gate: the one of this build.
    Trusted(&'a [Range]),
}

/// Merges these parts into one list of at most `limit` ranges, as [`RangeSet::union`] does. `now` decides
/// which ranges are still recognised as retired.
///
/// # Errors
/// As [`RangeSet::union`].
pub fn merge<'a>(
    parts: impl IntoIterator<Item = Part<'a>>,
    now: Timestamp,
    limit: u32,
) -> Result<RangeSet, RangeError> {
    let (mut lists, mut retired) = (Vec::new(), Vec::new());
    for Part { place, origin, list } in parts {
        let ranges: Vec<Range> = match list {
            PartList::Trusted(ranges) => ranges.to_vec(),
            PartList::Accepted(gate) => {
                retired.extend(gate.retired(now).map(|(range, _)| (place, range.clone())));
                gate.accepted().cloned().collect()
            }
        };
        if !ranges.is_empty() {
            lists.push((place, origin, ranges));
        }
    }
    RangeSet::union(&lists, retired, limit)
}
