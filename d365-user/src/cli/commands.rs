//! The tasks of `d365-user`, other than running as the daemon.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use d365_common::mark::Mark;
use ipnet::IpNet;

use super::{DaemonFlags, daemon::DEFAULT_LISTEN, export::Export, updates::DEFAULT_PINS};
use crate::{settings::Listen, state::DEFAULT_DIRECTORY, tag::mark};

/// A task that ends by itself.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the changes of the range list that wait, and approve or reject them
    #[command(long_about = APPROVE)]
    Approve(Approve),
    /// Check the daemon's flags and variables, and the files that they name, without touching an interface
    #[command(long_about = CHECK)]
    Check(Box<DaemonFlags>),
    /// Detach the programs that a daemon with --keep-attached left, and remove its counters from the kernel
    #[command(long_about = DETACH)]
    Detach(Detach),
    /// Check kernel, interfaces and state, and report what is in the way; exit 1 with warnings, 2 with errors
    #[command(long_about = DOCTOR)]
    Doctor(Doctor),
    /// Compare the vendor's table, the embedded list, the service tag and what the kernel holds; exit 1 when
    /// they differ
    #[command(long_about = DRIFT)]
    Drift(Drift),
    /// Write the published list in a form that another program reads
    #[command(long_about = EXPORT)]
    Export(Export),
    /// Show the embedded list or, with --geos, the register of geos, each with the mark that packets get
    Ranges(Ranges),
}

const APPROVE: &str = "\
Show the changes of the range list that wait, and approve or reject them.

Without PREFIX everything that waits is meant, and only what was shown: if the list has changed by the time the daemon \
looks, nothing is done. A running daemon carries it out at once; otherwise the next start does, before it decides on its \
first list. What is rejected waits for the approval of its prefix, until the source offers something else.

The times are the daemon's own, as it last wrote them down: up to five minutes ago.

Every user who may write into the state directory may approve: its permissions are the whole of the authority.

Exit codes: 0 nothing waits, or everything that was asked for was done, or the next start will do it; 1 something was not \
done: not confirmed, not waiting (PREFIX, --expect), changed meanwhile, no room, or no answer; 2 the command line is not \
valid; 11 the state directory cannot be used.";

const CHECK: &str = "\
Check the daemon's flags and variables, and the files that they name, without touching an interface.

Give the task the same flags and environment as the daemon. It fails where a start would fail because of them, and warns \
where a start would continue without something. It needs no privilege, downloads nothing and changes nothing. `doctor` \
checks kernel and interfaces.

Exit codes: 0 the configuration is valid; 2 a flag or variable is not valid; 3 no source gives a list; 11 the state \
directory cannot be used; 13 the web configuration cannot be used.";

const DETACH: &str = "\
Detach the programs that a daemon with --keep-attached left, and remove its counters from the kernel.

The task removes every pin in the directory, and nothing else. If the directory has no pins, nothing changes. If a \
daemon uses the directory, the task fails.

Exit codes: 0 the directory has no pins; 2 the command line is not valid; 10 the directory cannot be used, or a daemon \
uses it.";

const DOCTOR: &str = "\
Look at what the daemon needs and say what is found, one line each: ok, warning or error, and what to do.

It only looks: nothing is attached, set or written. It runs without root as far as it can; what could not be asked is a \
warning with the reason. docs/doctor.md explains every check.

Exit codes: 0 everything is as it should be; 1 there are warnings; 2 there are errors, or the command line is not valid.";

const DRIFT: &str = "\
Compare the vendor's documentation table, the embedded list, the service tag (the whole and the union of its regions), \
what the daemon's gates have accepted, and what the programs attached in this network namespace hold.

A missing list is named and not compared. An expected difference is a remark: the lists of this build are older than \
the source's, a change waits or was rejected, a range is of a list of your own. Root (CAP_SYS_ADMIN) is needed to read \
the kernel's list.

Exit codes: 0 the lists agree, but for what is expected; 1 they differ; 2 the command line is not valid; 3 the document of --document is \
unusable; 11 the state directory that was named cannot be used.";

const EXPORT: &str = "\
Write the published list in a form that another program reads.

The list is the one that the daemon of the state directory published last. A file of --output is replaced as a whole or not \
at all, and only if its content changes. docs/spam-filters.md describes each format.

Exit codes: 0 the list is written, also if a lease has ended and --on-lapse allows it; 1 a lease has ended (--on-lapse \
fail), or the file cannot be written; 2 the command line is not valid; 3 there is no published list, or it has no range of \
the selection; 11 the state directory cannot be used.";

/// Flags of `approve`.
#[derive(Clone, Debug, Args)]
pub struct Approve {
    /// Prefix whose change is meant, as it is shown; without one, all that wait
    #[arg(value_name = "PREFIX")]
    pub prefixes: Vec<IpNet>,

    /// Reject the changes in place of approving them
    #[arg(long)]
    pub reject: bool,

    /// Decide without asking, only for the sources whose waiting changes still have the digest that was
    /// shown; repeat it, or separate digests by commas
    #[arg(long, value_name = "DIGEST", value_delimiter = ',')]
    pub expect: Vec<String>,

    /// Do it without asking
    #[arg(long)]
    pub yes: bool,

    /// The daemon's state directory
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,
}

/// Flags of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Interface to look at closely, by name or by a pattern as the daemon's --iface; repeat it, or separate
    /// names by commas [default: every Ethernet
    /// interface of this network namespace that is up, briefly]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub iface: Vec<String>,

    /// The daemon's state directory
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,

    /// The daemon's --listen
    #[arg(long, env = "D365_LISTEN", value_name = "ADDR:PORT", default_value = DEFAULT_LISTEN)]
    pub listen: Listen,

    /// The daemon's --web-config
    #[arg(long, env = "D365_WEB_CONFIG", value_name = "FILE")]
    pub web_config: Option<PathBuf>,

    /// Write JSON in place of a table
    #[arg(long)]
    pub json: bool,
}

/// Flags of `detach`.
#[derive(Clone, Debug, Args)]
pub struct Detach {
    /// The daemon's directory of pins
    #[arg(long, env = "D365_PIN_DIR", value_name = "DIR", default_value = DEFAULT_PINS)]
    pub pin_dir: PathBuf,
}

/// Flags of `drift`.
#[derive(Clone, Debug, Args)]
pub struct Drift {
    /// The daemon's state directory, with its documents and the lists that its gates accepted [default:
    /// /var/lib/d365, which need not exist]
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
