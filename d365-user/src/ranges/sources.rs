//! Sets of list sources, by their positions on the command line.

/// A set of list sources, of at most [`SourceSet::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceSet(u64);

impl SourceSet {
    /// Largest number of sources.
    pub const MOST: usize = 64;

    /// The set of the source at this position; empty if the position is not less than [`MOST`](Self::MOST).
    #[must_use]
    pub const fn of(place: usize) -> Self {
        if place < Self::MOST { Self(1 << place) } else { Self(0) }
    }

    /// The sources of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The positions of its sources, in ascending order.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..Self::MOST).filter(move |place| self.0 & (1 << place) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_its_places_each_once() {
        let set = SourceSet::of(63).with(SourceSet::of(0)).with(SourceSet::of(5)).with(SourceSet::of(0));
        assert_eq!(set.places().collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!(SourceSet::of(64), SourceSet::default());
        assert_eq!(SourceSet::default().places().count(), 0);
    }
}
