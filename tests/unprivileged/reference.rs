//! `docs/reference.md` agrees with the program: flags with their variables and defaults, exit codes, and the
//! names and types of the metrics.

use std::{collections::BTreeSet, fs, path::Path};

use clap::{Arg, Command, CommandFactory as _};
use d365_user::{cli::Cli, exit::Exit};

fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The part of the page between two headings.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let start = page.split_once(&format!("\n{from}\n")).unwrap_or_else(|| panic!("no heading {from}")).1;
    start.split_once(to).map_or(start, |(part, _)| part)
}

/// The rows of the tables in a part: the cells of each, without the backticks of a cell that is all code.
fn rows(part: &str) -> impl Iterator<Item = Vec<String>> {
    let rows = part.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    })
}

/// The flags of a table: name, variable, and the default if the program has one.
fn written(part: &str, command: &Command) -> BTreeSet<(String, String, Option<String>)> {
    let flags = rows(part).filter(|cells| cells[0].starts_with("--"));
    flags
        .map(|cells| {
            let arg = command.get_arguments().find(|arg| Some(&cells[0]) == long(arg).as_ref());
            let default = arg.and_then(default).map(|_| cells[3].clone());
            (cells[0].clone(), cells[2].clone(), default)
        })
        .collect()
}

fn long(arg: &Arg) -> Option<String> {
    arg.get_long().map(|long| format!("--{long}"))
}

fn default(arg: &Arg) -> Option<String> {
    let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    // A switch has the default `false`, which the page writes as `off`.
    (!values.is_empty() && arg.get_action().takes_values()).then(|| values.join(","))
}

fn of_the_program(command: &Command) -> BTreeSet<(String, String, Option<String>)> {
    let own = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let own = own.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
    own.filter_map(|arg| {
        let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Some((long(arg)?, variable, default(arg)))
    })
    .collect()
}

#[test]
fn every_flag_is_in_the_reference_with_its_variable_and_default() {
    let (page, mut command) = (repository("docs/reference.md"), Cli::command());
    command.build();
    assert_eq!(written(part(&page, "## Command line", "\n## "), &command), of_the_program(&command));
    let tasks: Vec<_> = command.get_subcommands().filter(|task| task.get_name() != "help").collect();
    assert_eq!(tasks.len(), 7);
    for task in tasks {
        if task.get_name() == "check" {
            assert_eq!(of_the_program(task), of_the_program(&command));
            continue;
        }
        let own = part(&page, &format!("### `{}`", task.get_name()), "\n##");
        assert_eq!(written(own, task), of_the_program(task), "{}", task.get_name());
    }
}

#[test]
fn every_exit_code_is_in_the_reference() {
    let page = repository("docs/reference.md");
    let codes = rows(part(&page, "## Exit codes", "\n## ")).filter_map(|cells| cells[0].parse::<u8>().ok());
    assert_eq!(codes.collect::<Vec<_>>(), Exit::TABLE.map(|(exit, _)| exit.code()));
}

/// The golden text has every family but the one that depends on a limit of the process.
#[test]
fn every_metric_is_in_the_reference_with_its_type() {
    let (page, text) =
        (repository("docs/reference.md"), repository("d365-user/src/view/tests/openmetrics.txt"));
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let families = families.map(|(name, kind)| match kind {
        "counter" => (format!("{name}_total"), kind.to_owned()),
        "info" => (format!("{name}_info"), "gauge".to_owned()),
        _ => (name.to_owned(), kind.to_owned()),
    });
    let limit = ("process_max_fds".to_owned(), "gauge".to_owned());
    let expected: BTreeSet<_> = families.chain([limit]).collect();
    let written = rows(part(&page, "## Metrics", "\n### Values of labels"));
    let written =
        written.filter(|cells| cells.len() > 1 && ["counter", "gauge"].contains(&cells[1].as_str()));
    assert_eq!(written.map(|cells| (cells[0].clone(), cells[1].clone())).collect::<BTreeSet<_>>(), expected);
}
