//! Errors of the kernel object, and the text of their causes. Nothing here calls the kernel.

use std::io;

use nix::libc::{EAGAIN, EINTR, EMFILE, ENFILE, ENOMEM, EPERM};

mod load;
mod publish;

pub use load::LoadError;
pub use publish::{MapIndexError, PublishError, VerifyError};

/// Returns true if an error is about privileges, resources or a signal, and not about the request: the same
/// request may succeed later.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EAGAIN | EINTR | EPERM | ENOMEM | EMFILE | ENFILE))
}

/// Formats an error and its causes in one line, down to the errno. aya's own messages leave the causes out.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use aya::{maps::MapError, sys::SyscallError};

    #[test]
    fn a_chain_ends_with_the_errno() {
        let io_error = io::Error::from_raw_os_error(nix::libc::ENOMEM);
        let error = MapError::SyscallError(SyscallError { call: "bpf_map_update_elem", io_error });
        assert_eq!(
            super::error_chain(&error),
            "`bpf_map_update_elem` failed: Cannot allocate memory (os error 12)"
        );
    }
}
