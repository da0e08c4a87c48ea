//! Moves the state of a source from an earlier name to its current name. Earlier releases named a `url:`
//! source by its URL with the query, and an operator may give a source a name later. Without this move the
//! source's next list would be its first one, and would be used without a gate. The old names may hold
//! tokens, so nothing of them stays.

use std::collections::BTreeSet;

use crate::{
    gate::{Gate, approval, gates::Gates},
    source::{Spec, documents, shown_name, without_query},
    state::{StateDir, StateError},
};

/// Moves the gates and the documents to the current names, and removes the last approval's answer, which has
/// the old names. Returns true if the gates must be saved again, and the errors of moving or removing files.
/// Such a document is downloaded again.
pub(super) fn take_over(specs: &[Spec], gates: &mut Gates, directory: &StateDir) -> (bool, Vec<StateError>) {
    let mut errors = Vec::new();
    let moves = moves(specs, gates);
    for (old, new) in &moves {
        if let Some(gate) = gates.remove(old) {
            gates.insert(new.clone(), gate);
        }
    }
    let names: BTreeSet<String> = specs.iter().map(ToString::to_string).collect();
    let is_left = |name: &String| shown_name(name) != name && !names.contains(name);
    let left: Vec<String> = gates.keys().filter(|name| is_left(name)).cloned().collect();
    let exact = specs.iter().filter_map(|spec| Some((exact(spec)?, spec.to_string())));
    for (old, new) in moves.iter().cloned().chain(exact).filter(|(old, _)| !names.contains(old)) {
        errors.extend(documents::rename(directory, &old, &new).err());
    }
    for old in &left {
        errors.extend(directory.remove(&documents::file_name(old)).err());
        gates.remove(old);
    }
    let are_changed = !moves.is_empty() || !left.is_empty();
    if are_changed {
        errors.extend(directory.remove(approval::ANSWER).err());
    }
    (are_changed, errors)
}

/// Pairs the old name of a gate with the current name of its source. A source takes the gate of exactly its
/// URL, otherwise the last confirmed gate of the same URL without the query. A gate that already has the
/// current name is not moved. If two sources share a URL and get each other's gate, every difference is held,
/// so that nothing is accepted by it.
fn moves(specs: &[Spec], gates: &Gates) -> Vec<(String, String)> {
    let names: BTreeSet<String> = specs.iter().map(ToString::to_string).collect();
    let mut free: Vec<(&String, &Gate)> = gates.iter().filter(|(name, _)| !names.contains(*name)).collect();
    free.sort_by_key(|(_, gate)| gate.confirmed());
    let mut waiting: Vec<&Spec> =
        specs.iter().filter(|spec| exact(spec).is_some() && !gates.contains_key(&spec.to_string())).collect();
    let mut moves = Vec::new();
    for is_exact in [true, false] {
        waiting.retain(|spec| {
            let url = exact(spec).unwrap_or_default();
            let is_of =
                |name: &str| if is_exact { name == url } else { without_query(name) == without_query(&url) };
            let found = free.iter().rposition(|(name, _)| is_of(name)).map(|at| free.remove(at));
            moves.extend(found.map(|(old, _)| (old.clone(), spec.to_string())));
            found.is_none()
        });
    }
    moves
}

/// The name of a source in an earlier release.
fn exact(spec: &Spec) -> Option<String> {
    spec.kind().earlier_name()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gate::GatePolicy, state::Scratch};

    fn gates(names: &[&str]) -> Gates {
        let gate = |name: &&str| ((*name).to_owned(), Gate::new(GatePolicy::default()));
        names.iter().map(gate).collect()
    }

    fn moved(specs: &[&str], names: &[&str]) -> Vec<String> {
        let specs: Vec<Spec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
        let mut gates = gates(names);
        let before = moves(&specs, &gates);
        let scratch = Scratch::new();
        let directory = crate::state_files::open(&scratch.0).unwrap();
        let (is_changed, errors) = take_over(&specs, &mut gates, &directory);
        assert!(errors.is_empty());
        assert!(gates.keys().all(|name| shown_name(name) == name), "a token is kept: {gates:?}");
        let kept: BTreeSet<&str> = gates.keys().map(String::as_str).collect();
        assert_eq!(is_changed, kept != names.iter().copied().collect());
        before.into_iter().map(|(old, new)| format!("{old} > {new}")).collect()
    }

    #[test]
    fn a_source_goes_on_under_todays_name() {
        for (spec, old, new) in [
            ("url:https://a/x?sig=1", "url:https://a/x?sig=1", "url:https://a/x"),
            ("url:https://a/x?sig=2", "url:https://a/x?sig=1", "url:https://a/x"),
            ("url:m=https://a/x?sig=1", "url:https://a/x?sig=1", "url:m"),
            ("url:m=https://a/x?sig=2", "url:https://a/x?sig=1", "url:m"),
            ("url:m=https://a/x?sig=2", "url:https://a/x", "url:m"),
            ("url:m=https://a/x", "url:https://a/x", "url:m"),
        ] {
            assert_eq!(moved(&[spec], &[old]), [format!("{old} > {new}")], "{spec}");
        }
    }

    #[test]
    fn what_has_its_name_or_is_another_source_stays() {
        for (spec, names) in [
            ("url:https://a/x", &["url:https://a/x"][..]),
            ("url:https://a/x?sig=2", &["url:https://a/x"]),
            ("url:m=https://a/x", &["url:m"]),
            ("url:https://a/x", &["url:https://a/xy", "url:https://b/x", "azure:public", "file:/a?b"]),
            ("file:/a", &["file:/a?b"]),
            ("azure", &["azure:china"]),
        ] {
            assert_eq!(moved(&[spec], names), [""; 0], "{spec}");
        }
    }

    #[test]
    fn of_two_with_one_url_each_finds_its_own() {
        let names = ["url:https://a/x?doc=a&sig=1", "url:https://a/x?doc=b&sig=1"];
        let specs = ["url:b=https://a/x?doc=b&sig=1", "url:a=https://a/x?doc=a&sig=2"];
        assert_eq!(moved(&specs, &names), [format!("{} > url:b", names[1]), format!("{} > url:a", names[0])]);
        // A gate that no source takes over is removed together with its name.
        assert_eq!(moved(&["url:a=https://a/x?doc=a&sig=1"], &names), [format!("{} > url:a", names[0])]);
    }

    #[test]
    fn a_source_that_was_there_keeps_its_gate_beside_one_that_is_new() {
        let specs = ["url:https://a/x", "url:m=https://a/x?sig=1"];
        assert_eq!(moved(&specs, &["url:https://a/x"]), [""; 0]);
    }
}
