//! The leases that the kernel program keeps: until when it may act on what it finds.
//!
//! Sources are confirmed one by one, so a range is trusted as long as one of the sources that list it. Ranges that the
//! same sources list form a group, and each group has a lease of its own. Drops have one more, because a source that is
//! not up to date may lack ranges that would have to pass.

/// Lease groups: what three bits of an [`Entry`](crate::entry::Entry) can number.
pub const GROUPS: usize = 8;
/// The lease of drops, behind those of the groups.
pub const DROPS: usize = GROUPS;
/// All leases.
pub const LEASES: usize = GROUPS + 1;

/// When each lease ends, in the kernel's ticks (`jiffies64`), host byte order: the value of the map `LEASE`.
pub type Ends = [u64; LEASES];
