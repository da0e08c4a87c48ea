//! `d365-user`: reads what was typed, starts logging and the daemon, and ends with a documented exit code.

use std::process::ExitCode;

use d365_user::{cli::Cli, config::Config, daemon, exit::Exit, logging};

fn main() -> ExitCode {
    // clap answers --help and --version, and ends with code 2 on what it does not understand.
    let cli = Cli::parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let (config, warnings) = match Config::new(cli) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::Usage.into();
        }
    };
    if let Err(error) = logging::init(config.log_format, &config.log_filter) {
        eprintln!("error: cannot start logging: {error}");
        return Exit::Internal.into();
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    match run(config) {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            if let Some(details) = error.details() {
                tracing::debug!("{details}");
            }
            if tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{error}");
            } else {
                eprintln!("error: {error}");
            }
            error.exit().into()
        }
    }
}

/// Runs the daemon on this thread; what blocks goes to threads of tokio's own.
fn run(config: Config) -> Result<(), daemon::StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(daemon::StartError::Signals)?.block_on(daemon::run(config))
}
