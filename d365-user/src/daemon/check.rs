//! Checks the interfaces that the operator names, and this process's privileges, before anything of an
//! earlier daemon is touched. This module changes nothing.

use super::StartError;
use crate::{
    config::Config,
    kernel::{self, AttachError, Inherited, Interface, InterfaceError, Stack},
    runtime::Choice,
};

/// Returns the interfaces that the operator names and that exist.
///
/// # Errors
/// [`StartError`] for the first interface that cannot be watched, or for a missing privilege.
pub(super) fn check(config: &Config, inherited: &Inherited) -> Result<Vec<Interface>, StartError> {
    let names = config.interfaces.names.iter();
    let found = names.map(|name| find(name, config)).collect::<Result<Vec<_>, _>>()?;
    let present: Vec<_> = found.into_iter().flatten().collect();
    kernel::distinct(&present)?;
    for interface in &present {
        unless_awaited(config, interface.header())?;
    }
    kernel::check()?;
    let (choice, stack) = (Choice::new(config), Stack::read_or_warn());
    for interface in &present {
        match choice.require_fit(interface, &stack, inherited) {
            Err(AttachError::Interface(error)) => unless_awaited(config, Err(error))?,
            fits => Some(fits?),
        };
    }
    Ok(present)
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
