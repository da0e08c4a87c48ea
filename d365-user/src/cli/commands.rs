//! What `d365-user` does besides running as the daemon.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::state::DEFAULT_DIRECTORY;

/// A task that ends by itself.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the changes of the range list that wait, and approve them
    Approve(Approve),
    /// Compare the vendor's table, the embedded list, the service tag and what the kernel holds; exit 1 when they differ
    Drift(Drift),
}

/// Flags of `approve`.
#[derive(Clone, Debug, Args)]
pub struct Approve {
    /// The daemon's state directory
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,

    /// Approve without asking
    #[arg(long)]
    pub yes: bool,
}

/// Flags of `drift`.
#[derive(Clone, Debug, Args)]
pub struct Drift {
    /// The daemon's state directory: the documents that it has kept, and what its gates accepted
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,

    /// A service tags document in a file, in place of the one that the daemon has kept
    #[arg(long, value_name = "PATH")]
    pub document: Option<PathBuf>,

    /// Write JSON in place of a table
    #[arg(long)]
    pub json: bool,
}
