//! Checks the interfaces that the operator names, and this process's privileges, before anything of an
//! earlier daemon is touched. This module changes nothing.

use super::StartError;
use crate::{
    config::Config,
    kernel::{self, AttachError, Inherited, Interface, InterfaceError, Stack},
    runtime::Choice,
};

/// Returns the interfaces that exist and that the operator names, and then those that match a pattern.
///
/// # Errors
/// [`StartError`] for the first named interface that cannot be watched, for a missing privilege, or if the
/// daemon could be attached to no interface and does not wait for one.
pub(super) fn check(config: &Config, inherited: &Inherited) -> Result<Vec<Interface>, StartError> {
    let names = config.interfaces.names.iter();
    let found = names.map(|name| find(name, config)).collect::<Result<Vec<_>, _>>()?;
    let present: Vec<_> = found.into_iter().flatten().collect();
    kernel::distinct(&present)?;
    for interface in &present {
        unless_awaited(config, interface.header())?;
    }
    kernel::check()?;
    let (choice, stack) = (Choice::new(config), devices(config)?);
    for interface in &present {
        match choice.require_fit(interface, &stack, inherited) {
            Err(AttachError::Interface(error)) => unless_awaited(config, Err(error))?,
            fits => Some(fits?),
        };
    }
    let is_named = |found: &Interface| present.iter().any(|named| named.index == found.index);
    let matching = stack.matching(|name| config.interfaces.is_match(name));
    let matching: Vec<_> = matching.filter(|found| !is_named(found)).collect();
    if config.interfaces.names.is_empty() && !config.wait_for_iface {
        let patterns = config.interfaces.texts().collect::<Vec<_>>().join(",");
        let mut last = InterfaceError::NoMatch { patterns }.into();
        let fits = |interface: &Interface| {
            interface.header()?;
            choice.require_fit(interface, &stack, inherited)
        };
        if !matching.iter().any(|interface| fits(interface).map_err(|error| last = error).is_ok()) {
            return Err(last.into());
        }
    }
    Ok([present, matching].concat())
}

/// The devices of this network namespace. Without patterns the daemon needs only their order.
fn devices(config: &Config) -> Result<Stack, InterfaceError> {
    if config.interfaces.patterns.is_empty() {
        return Ok(Stack::read_or_warn());
    }
    let name = config.interfaces.texts().collect::<Vec<_>>().join(",");
    Stack::read().map_err(|source| InterfaceError::Netlink { name, source })
}

/// Finds an interface. It may be missing if the daemon waits for it.
fn find(name: &str, config: &Config) -> Result<Option<Interface>, InterfaceError> {
    let found = unless_awaited(config, Interface::find(name))?;
    if found.is_none() {
        tracing::warn!(iface = name, "no interface has this name yet; it is attached when it appears");
    }
    Ok(found)
}

/// Returns `None` for an interface that is missing, if the daemon waits for interfaces.
fn unless_awaited<T>(
    config: &Config,
    result: Result<T, InterfaceError>,
) -> Result<Option<T>, InterfaceError> {
    match result {
        Err(InterfaceError::NotFound { .. }) if config.wait_for_iface => Ok(None),
        result => result.map(Some),
    }
}
