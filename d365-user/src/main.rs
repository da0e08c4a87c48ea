//! `d365-user`: reads the command line, runs the task that it names or starts logging and the daemon, and
//! ends with a documented exit code.

use std::{
    io::Write as _,
    panic::{self, PanicHookInfo},
    process::ExitCode,
};

use d365_user::{
    cli::{Cli, Command, environment},
    command,
    config::Config,
    daemon,
    exit::Exit,
    kernel, logging, resources, shutdown,
    start_over::start_over,
};

fn main() -> ExitCode {
    shutdown::block_file_size_signal();
    shutdown::hold_back();
    panic::set_hook(Box::new(report));
    // After any panic the operator gets one line and a documented code.
    panic::catch_unwind(run).unwrap_or_else(|_| Exit::Internal.into())
}

fn run() -> ExitCode {
    let unknown = environment::unknown_variables();
    // Warns without a log, together with an error that a misspelt variable may have caused.
    let warn = || {
        for variable in &unknown {
            let _ = writeln!(std::io::stderr(), "warning: {variable}");
        }
    };
    // clap answers --help and --version, and ends with code 2 on a command line that it does not understand.
    let cli = Cli::parse_from(std::env::args_os()).unwrap_or_else(|error| {
        if error.use_stderr() {
            warn();
        }
        error.exit()
    });
    if let Some(task) = &cli.command {
        shutdown::release();
        // Doctor has its own check for them.
        if !matches!(task, Command::Doctor(_)) {
            warn();
        }
        return command::run(task)
            .unwrap_or_else(|error| {
                say(&error);
                error.exit()
            })
            .into();
    }
    let (config, warnings) = match Config::new(cli.daemon) {
        Ok(config) => config,
        Err(error) => {
            warn();
            say(&error);
            return Exit::Usage.into();
        }
    };
    // If this does not help, loading reports what is missing.
    if kernel::are_features_misjudged()
        && let Some(error) = start_over()
    {
        say(&format_args!("cannot start over after a signal: {error}"));
    }
    // The guard is held to the end: it writes the lines that are still queued, for a moment at most.
    let _log = match logging::init(config.log_format, &config.log_filter) {
        Ok(guard) => guard,
        Err(error) => {
            say(&error);
            return Exit::Resources.into();
        }
    };
    let by_spans = config.log_filter.is_by_spans();
    for variable in &unknown {
        tracing::warn!(remark = %variable, "an environment variable is ignored");
    }
    for warning in warnings {
        tracing::warn!(remark = %warning, "a remark on the options");
    }
    match run_daemon(config) {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            if let Some(details) = error.details() {
                for line in details.lines() {
                    tracing::debug!(line, "the verifier's log");
                }
            }
            if tracing::enabled!(tracing::Level::ERROR) && !by_spans {
                tracing::error!(%error, "d365-user ends");
            } else {
                say(&error);
            }
            error.exit().into()
        }
    }
}

/// Writes an error if there is no log. A standard error that is gone changes nothing.
fn say(error: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "error: {error}");
}

/// Logs a panic on any thread, which is a fault of this program. The place is for the developer who corrects
/// it.
fn report(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message").replace(['\r', '\n'], " ");
    let place = info.location().map(|place| format!(" ({place})")).unwrap_or_default();
    let error = format!("{message}{place}");
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(error, "a fault of this program, please report it");
    } else {
        say(&format_args!("a fault of this program, please report it: {error}"));
    }
}

/// Runs the daemon on this thread. Work that blocks goes to threads that are made at the start.
fn run_daemon(config: Config) -> Result<(), daemon::StartError> {
    resources::check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(daemon::StartError::Signals)?;
    runtime.block_on(daemon::run(config))
}
