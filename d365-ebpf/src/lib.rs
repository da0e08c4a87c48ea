//! Empty on purpose: `d365-user` has this crate as a build dependency, so that cargo sees its changes.
#![no_std]
