//! The check for misspelt variables of the environment: the daemon would run without their settings.

use super::super::finding::{Check, Finding};
use crate::cli::environment::UnknownVariable;

pub(super) fn judge(unknown: &[UnknownVariable]) -> Vec<Finding> {
    if unknown.is_empty() {
        return vec![Finding::ok(Check::Environment, "every D365_ variable here is a flag's")];
    }
    let finding = |variable: &UnknownVariable| {
        let found = format!("no flag reads the variable {:?}", variable.name);
        Finding::warning(Check::Environment, found, variable.advice())
    };
    unknown.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::finding::Level;

    #[test]
    fn each_unknown_variable_is_a_warning() {
        let [fine] = &judge(&[])[..] else { panic!("one finding") };
        assert_eq!((fine.level, &fine.advice), (Level::Ok, &None));
        let unknown = |name: &str, nearest: Option<&str>| UnknownVariable {
            name: name.to_owned(),
            nearest: nearest.map(str::to_owned),
        };
        let [range, other] =
            &judge(&[unknown("D365_RANGE", Some("D365_RANGES")), unknown("D365_X", None)])[..]
        else {
            panic!("two findings")
        };
        assert_eq!(
            (range.level, &*range.found),
            (Level::Warning, "no flag reads the variable \"D365_RANGE\"")
        );
        assert_eq!(range.advice.as_deref(), Some("did you mean D365_RANGES?"));
        assert_eq!(other.advice.as_deref(), Some("d365-user --help lists every variable"));
    }
}
