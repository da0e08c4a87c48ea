//! Misspelt variables of the environment: those with the prefix of the program's own names that no flag has.
//! They change nothing and are reported. Such a name alone prevents no start.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory as _;

use super::Cli;

/// The prefix of all names.
const PREFIX: &str = "D365_";
/// The lowest likeness (Jaro–Winkler, from 0 to 1) at which a name is offered in place of another.
const ALIKE: f64 = 0.8;

/// A variable that no flag has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no flag reads the variable {name:?}, it changes nothing; {advice}")]
pub struct UnknownVariable {
    /// The name as it is set.
    pub name: String,
    /// The next step for the operator.
    pub advice: String,
}

/// The variables of every flag, including those of the tasks.
fn known_variables() -> Vec<String> {
    let command = Cli::command();
    let tasks = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let all = command.get_arguments().chain(tasks).filter_map(clap::Arg::get_env);
    all.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// The variables of this process that no flag has, sorted by name. A variable that is set but empty counts as
/// not set.
#[must_use]
pub fn unknown_variables() -> Vec<UnknownVariable> {
    among(std::env::vars_os())
}

fn among(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<UnknownVariable> {
    let known = known_variables();
    let is_set = |value: &OsStr| value.to_str().is_none_or(|value| !value.trim().is_empty());
    let names =
        variables.filter(|(_, value)| is_set(value)).map(|(name, _)| name.to_string_lossy().into_owned());
    let is_unknown = |name: &String| name.starts_with(PREFIX) && !known.contains(name);
    let mut names: Vec<String> = names.filter(is_unknown).collect();
    names.sort_unstable();
    names.into_iter().map(|name| UnknownVariable { advice: advice(&name, &known), name }).collect()
}

/// Offers the known name that is most like `name`, if one is similar enough. Names are compared in capitals,
/// without their common prefix.
fn advice(name: &str, known: &[String]) -> String {
    let rest = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_uppercase();
    let alike = known.iter().map(|known| (strsim::jaro_winkler(&rest(name), &rest(known)), known));
    match alike.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
        Some((likeness, nearest)) if likeness >= ALIKE => format!("did you mean {nearest}?"),
        _ => "d365-user --help lists every variable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(variables: &[(&str, &str)]) -> Vec<UnknownVariable> {
        among(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    fn advice(name: &str) -> String {
        let unknown = unknown(&[(name, "x")]);
        assert_eq!(unknown.len(), 1, "{name}");
        unknown[0].advice.clone()
    }

    #[test]
    fn a_misspelt_variable_is_reported_with_the_one_that_was_meant() {
        for (name, meant) in [
            ("D365_RANGE", "D365_RANGES"),
            ("D365_TAGS", "D365_TAG"),
            ("D365_IFACES", "D365_IFACE"),
            ("D365_STATE_DIRECTORY", "D365_STATE_DIR"),
            ("D365_STATEDIR", "D365_STATE_DIR"),
            ("D365_LOGLEVEL", "D365_LOG_LEVEL"),
            ("D365_MAXRANGES", "D365_MAX_RANGES"),
            ("D365_ranges", "D365_RANGES"),
            ("D365_PORTS", "D365_PORT"),
        ] {
            assert_eq!(advice(name), format!("did you mean {meant}?"), "{name}");
        }
        for name in ["D365_", "D365_X", "D365_CUSTOMER", "D365_ENVIRONMENT"] {
            assert_eq!(advice(name), "d365-user --help lists every variable", "{name}");
        }
    }

    #[test]
    fn a_known_empty_or_foreign_variable_is_not_reported() {
        let known = known_variables();
        assert!(known.len() > 25 && known.iter().all(|name| name.starts_with(PREFIX)), "{known:?}");
        let set: Vec<(&str, &str)> = known.iter().map(|name| (name.as_str(), "x")).collect();
        assert_eq!(unknown(&set), []);
        assert_eq!(unknown(&[("D365_RANGE", " "), ("D365", "x"), ("D3650_RANGE", "x"), ("PATH", "/")]), []);
    }

    #[test]
    fn messages_are_one_line_and_never_show_a_value() {
        let variables = [("D365_RANGE", "file:/secret"), ("D365_A\nB\u{1b}", "secret")];
        let messages: Vec<String> = unknown(&variables).iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "no flag reads the variable \"D365_A\\nB\\u{1b}\", it changes nothing; d365-user --help lists every variable",
                "no flag reads the variable \"D365_RANGE\", it changes nothing; did you mean D365_RANGES?",
            ]
        );
    }
}
