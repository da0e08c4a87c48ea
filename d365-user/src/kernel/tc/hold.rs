//! The two means by which the tc program is attached.

/// The means by which the tc program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcHold {
    /// A tcx link. The kernel detaches it when the daemon ends.
    Tcx,
    /// A filter. It outlives a daemon that is killed, and tags nothing once the lease has expired.
    Clsact,
}
