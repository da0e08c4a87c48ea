//! The leases that the kernel program checks: the times until which it may tag and drop.
//!
//! Each source is confirmed separately. A range is trusted while at least one of the sources that list it is
//! confirmed. Ranges that the same sources list form a group, and each group has its own lease. Drops have
//! one more lease, because a source that is out of date may lack ranges that must pass.

/// Number of lease groups: the numbers that three bits of an [`Entry`](crate::entry::Entry) can hold.
pub const GROUPS: usize = 8;
/// Index of the lease of drops, after those of the groups.
pub const DROPS: usize = GROUPS;
/// Number of all leases.
pub const LEASES: usize = GROUPS + 1;

/// The end of each lease in the kernel's ticks (`jiffies64`), host byte order: the value of the map `LEASE`.
pub type Ends = [u64; LEASES];
