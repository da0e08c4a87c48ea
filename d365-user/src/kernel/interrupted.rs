//! Repeats a call to the kernel that a signal interrupted. Stop and continue signals interrupt it too, and no
//! process can block them.

use std::time::{Duration, Instant};

use aya::programs::ProgramError;
use nix::libc::{EAGAIN, EINTR};

/// Time for which an interrupted call is repeated. It is a time and not a number of tries as in libbpf: if
/// signals arrive faster than the verifier finishes, any number of tries is used up at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Repeats `ask` until no signal interrupts it or `patience` is over. `ask` must be safe to repeat.
///
/// The verifier returns EAGAIN as soon as a signal is pending (`do_check`, kernel/bpf/verifier.c), and aya
/// tries only twice. A run of a program returns EINTR before Linux 5.13 (`bpf_test_run`,
/// `net/bpf/test_run.c`).
pub(super) fn again<T>(
    patience: Duration,
    mut ask: impl FnMut() -> Result<T, ProgramError>,
) -> Result<T, ProgramError> {
    let since = Instant::now();
    loop {
        match ask() {
            Err(error) if is_interrupted(&error) && since.elapsed() < patience => {}
            result => return result,
        }
    }
}

fn is_interrupted(error: &ProgramError) -> bool {
    let error = match error {
        ProgramError::LoadError { io_error, .. } => io_error,
        ProgramError::SyscallError(error) => &error.io_error,
        _ => return false,
    };
    matches!(error.raw_os_error(), Some(EAGAIN | EINTR))
}

#[cfg(test)]
mod tests {
    use std::io;

    use aya::sys::SyscallError;
    use aya_obj::VerifierLog;
    use nix::libc::EINVAL;

    use super::*;

    fn load(code: i32) -> ProgramError {
        let io_error = io::Error::from_raw_os_error(code);
        ProgramError::LoadError { io_error, verifier_log: VerifierLog::new("0: R1=ctx()".to_owned()) }
    }

    fn run(code: i32) -> ProgramError {
        let io_error = io::Error::from_raw_os_error(code);
        ProgramError::SyscallError(SyscallError { call: "bpf_prog_test_run", io_error })
    }

    #[test]
    fn what_a_signal_interrupts_is_asked_again() {
        for interrupted in [|| load(EAGAIN), || run(EINTR), || run(EAGAIN)] {
            let mut tries = 0;
            let third = again(PATIENCE, || {
                tries += 1;
                if tries < 3 { Err(interrupted()) } else { Ok(()) }
            });
            assert!(third.is_ok());
            assert_eq!(tries, 3);
        }
    }

    #[test]
    fn an_answer_is_an_answer_and_patience_ends() {
        let answers: [(fn() -> ProgramError, Duration); 4] = [
            (|| load(EAGAIN), Duration::ZERO),
            (|| load(EINVAL), PATIENCE),
            (|| run(EINVAL), PATIENCE),
            (|| ProgramError::NotLoaded, PATIENCE),
        ];
        for (answer, patience) in answers {
            let mut tries = 0;
            let result = again(patience, || {
                tries += 1;
                Err::<(), _>(answer())
            });
            assert!(result.is_err());
            assert_eq!(tries, 1);
        }
    }
}
