//! What `d365-user` does besides running as the daemon.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use d365_common::mark::Mark;

use super::updates::time;
use crate::{state::DEFAULT_DIRECTORY, tag::mark};

/// A task that ends by itself.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the changes of the range list that wait, and approve them
    #[command(long_about = APPROVE)]
    Approve(Approve),
    /// Look at kernel, interfaces and state, and say what is in the way; exit 1 with warnings, 2 with errors
    #[command(long_about = DOCTOR)]
    Doctor(Doctor),
    /// Compare the vendor's table, the embedded list, the service tag and what the kernel holds; exit 1 when they differ
    #[command(long_about = DRIFT)]
    Drift(Drift),
    /// Show the embedded list or, with --geos, the register of geos, each with the mark that packets get
    Ranges(Ranges),
}

const APPROVE: &str = "\
Show the changes of the range list that wait, and approve them.

Everything that waits is approved together, and only what was shown: if the list has changed by the time the daemon \
looks, nothing is done. A running daemon carries the approval out at once; otherwise the next start does.

Whoever may write into the state directory may approve: its permissions are the whole of the authority.

Exit codes: 0 nothing waits, or everything was approved, or the next start will do it; 1 something was not approved; \
2 the command line is not valid; 11 the state directory cannot be used.";

const DOCTOR: &str = "\
Look at what the daemon needs and say what is found, one line each: ok, warning or error, and what to do.

It only looks: nothing is attached, set or written. It runs without root as far as it can; what could not be asked is a \
warning with the reason. docs/doctor.md explains every check.

Exit codes: 0 everything is as it should be; 1 there are warnings; 2 there are errors, or the command line is not valid.";

const DRIFT: &str = "\
Compare the vendor's documentation table, the embedded list, the service tag (the whole and the union of its regions), \
what the daemon's gates have accepted, and what the programs attached in this network namespace hold.

A list that is not there is said and not compared. The documentation table is a part of the others and is compared as \
such. To read what the kernel holds takes root (CAP_SYS_ADMIN).

Exit codes: 0 the lists agree; 1 they differ; 2 the command line is not valid; 3 the document of --document is \
unusable; 11 the state directory that was named cannot be used.";

/// Flags of `approve`.
#[derive(Clone, Debug, Args)]
pub struct Approve {
    /// The daemon's state directory
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,

    /// Approve without asking
    #[arg(long)]
    pub yes: bool,

    /// The daemon's --confirm-after, for the times that are shown
    #[arg(long, env = "D365_CONFIRM_AFTER", value_name = "TIME", default_value = "1h", value_parser = time)]
    pub confirm_after: Duration,

    /// The daemon's --hold, for the times that are shown
    #[arg(long, env = "D365_HOLD", value_name = "TIME", default_value = "72h", value_parser = time)]
    pub hold: Duration,
}

/// Flags of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Interface to look at closely; repeat it, or separate names by commas [default: every Ethernet interface of this
    /// network namespace that is up, briefly]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub iface: Vec<String>,

    /// The daemon's state directory
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,

    /// Write JSON in place of a table
    #[arg(long)]
    pub json: bool,
}

/// Flags of `drift`.
#[derive(Clone, Debug, Args)]
pub struct Drift {
    /// The daemon's state directory: the documents that it has kept, and what its gates accepted [default:
    /// /var/lib/d365, where it need not be there]
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// A service tags document in a file, in place of those that the daemon has kept
    #[arg(long, value_name = "PATH")]
    pub document: Option<PathBuf>,

    /// Write JSON in place of a table, with every prefix
    #[arg(long)]
    pub json: bool,
}

/// Flags of `ranges`.
#[derive(Clone, Debug, Args)]
pub struct Ranges {
    /// The geos with their numbers, which never change, in place of the ranges
    #[arg(long)]
    pub geos: bool,

    /// The daemon's --mark, for the marks that are shown
    #[arg(
        long,
        env = "D365_MARK",
        value_name = "BASE/MASK",
        default_value = "0xd3650000/0xffff0000",
        value_parser = mark::read
    )]
    pub mark: Mark,

    /// Write JSON in place of a table
    #[arg(long)]
    pub json: bool,
}
