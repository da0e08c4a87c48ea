//! Tests of signals and exits need a process of their own: this test binary runs itself again.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The variable that selects the child's task.
const CHILD: &str = "SHUTDOWN_TESTS_CHILD";

/// The child. It does nothing when run by itself.
#[test]
fn child() {
    match std::env::var(CHILD).as_deref() {
        Ok("signals") => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let requested = super::requested().unwrap();
                println!("child: listening");
                println!("child: {}", requested.await);
            });
        }
        Ok("hangs") => {
            let deadline = super::Deadline::new().unwrap();
            deadline.start(Duration::from_millis(100));
            std::thread::sleep(Duration::from_secs(30));
        }
        _ => {}
    }
}

fn start(what: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shutdown::tests::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, what)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn each_of_the_signals_is_a_request_to_stop() {
    for name in ["SIGINT", "SIGTERM", "SIGXCPU"] {
        let mut child = start("signals");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The test runner's own output comes before the child's on the same line.
        assert!(lines.any(|line| line.ends_with("child: listening")));
        let kill = format!("kill -{} {}", &name[3..], child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert!(lines.any(|line| line == format!("child: {name}")), "{name}");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_stop_that_hangs_is_cut_off() {
    let since = Instant::now();
    assert_eq!(start("hangs").wait().unwrap().code(), Some(1));
    assert!(since.elapsed() < Duration::from_secs(10));
}
