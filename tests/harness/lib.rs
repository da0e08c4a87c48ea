//! The lab: what tests and the demo need around the daemon. It must not know the daemon's code.
