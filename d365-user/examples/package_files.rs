//! Writes the files of the package that the command line describes: a manual page of each command, the
//! completions of three shells, and `/etc/default/d365` with every variable.
//!
//! `cargo xtask dist` runs it. It is an example because it needs the daemon's command line, which xtask must
//! not depend on, and because neither the daemon nor its library needs these dependencies.

use std::{env, error::Error, fmt::Write as _, fs, io, path::Path};

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use d365_user::cli::Cli;

/// The section of commands for the administrator.
const SECTION: &str = "8";
const HEAD: &str = "\
# Settings of d365.service, read at each start. Each flag of d365-user(8) has its variable here.
# Without D365_IFACE the service does not start.
# After a change: systemctl restart d365
";

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args_os().nth(1).ok_or("usage: package_files DIRECTORY")?;
    let directory = Path::new(&directory);
    let (manuals, completions) = (directory.join("man"), directory.join("completions"));
    fs::create_dir_all(&manuals)?;
    fs::create_dir_all(&completions)?;
    let mut cli = Cli::command();
    fs::write(directory.join("d365.default"), defaults(&cli)?)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut cli, "d365-user", &completions)?;
    }
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    manual(&cli, &manuals)?;
    Ok(())
}

/// Writes the manual pages of a command and of its subcommands.
fn manual(command: &Command, directory: &Path) -> io::Result<()> {
    command.get_subcommands().try_for_each(|subcommand| manual(subcommand, directory))?;
    Man::new(command.clone()).section(SECTION).generate_to(directory).map(drop)
}

/// Each variable with its short help, commented out, with its default value.
fn defaults(cli: &Command) -> Result<String, std::fmt::Error> {
    let mut text = HEAD.to_owned();
    for (arg, variable) in cli.get_arguments().filter_map(|arg| Some((arg, arg.get_env()?.to_str()?))) {
        text.push('\n');
        for line in wrapped(&arg.get_help().map(ToString::to_string).unwrap_or_default()) {
            writeln!(text, "# {line}")?;
        }
        writeln!(text, "#{variable}={}", value(arg))?;
    }
    Ok(text)
}

fn value(arg: &Arg) -> String {
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !arg.get_action().takes_values() && defaults.is_empty() {
        return "false".to_owned();
    }
    defaults.join(",")
}

/// The words of a help text in lines of at most 100 characters.
fn wrapped(help: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in help.split_whitespace() {
        let line = lines.last_mut().filter(|line| line.is_empty() || line.len() + word.len() < 100);
        match line {
            Some(line) if line.is_empty() => word.clone_into(line),
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
