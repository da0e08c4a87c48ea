//! `d365-user`: the daemon's entry point. Nothing but exit codes here.

fn main() {}
