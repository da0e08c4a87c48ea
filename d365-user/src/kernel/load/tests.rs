//! The errno and the verifier's log together classify a load error.

use nix::libc::{E2BIG, EACCES, EAGAIN, EMFILE, ENOMEM};

use super::*;

#[test]
fn the_summary_is_the_reason_and_not_the_statistics() {
    let log = "0: R1=ctx() R10=fp0\n0: (bf) r2 = r3\nR3 !read_ok\nverification time 35 usec\n\
               stack depth 0\nprocessed 1 insns (limit 1000000) max_states_per_insn 0\n";
    assert_eq!(summary(log), "R3 !read_ok");
    assert_eq!(summary(""), "no reason given");
}

fn failed(code: i32) -> ProgramError {
    let io_error = io::Error::from_raw_os_error(code);
    ProgramError::LoadError { io_error, verifier_log: VerifierLog::new("0: R1=ctx()".to_owned()) }
}

#[test]
fn only_a_verdict_is_the_verifiers_refusal() {
    for code in [EAGAIN, ENOMEM, EMFILE] {
        let error = explain("d365", failed(code));
        assert!(!matches!(error, LoadError::Verifier { .. }), "{error}");
    }
    for code in [EINVAL, EACCES, E2BIG] {
        let error = explain("d365", failed(code));
        assert!(matches!(error, LoadError::Verifier { .. }), "{error}");
    }
}
