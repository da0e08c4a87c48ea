//! The metrics as Prometheus' own checker reads them: `promtool check metrics` has nothing to say.

use std::{
    io::{ErrorKind, Write as _},
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use d365_user::{
    ranges::{Geo, GeoCode, GeoSource, Range},
    snapshot::{Attachment, Count, Generation, Interface, LinkKind, Mode, ProcessStats, Snapshot},
    view::{Format, metrics},
};

/// Of everything at least one, and a name that needs escaping.
fn snapshot() -> Snapshot {
    let range = |prefix: &str, code, source| Range {
        prefix: prefix.parse().expect("a prefix"),
        geo: Geo { code: GeoCode::new(code).expect("three letters"), source },
        region: None,
    };
    let count = Count { packets: 12, bytes: 3456, connections: 1 };
    let interface = |name: &str, attached, mode, link| Interface {
        name: name.to_owned(),
        attachment: Some(Attachment { mode, link }),
        attached,
        ranges: vec![count; 3],
        unlisted: count,
        other: vec![("other_port", 9), ("not_tcp", 0)],
    };
    Snapshot {
        generation: Generation {
            number: 1,
            source: "embedded,file:/tmp/a\\b\"c".to_owned(),
            change_number: Some(39),
            digest: "ab12".to_owned(),
            ranges: vec![
                range("192.0.2.0/26", "NAM", GeoSource::Documented),
                range("192.0.2.64/26", "NAM", GeoSource::Inferred),
                range("2001:db8::/48", "ZZZ", GeoSource::Unknown),
            ],
        },
        interfaces: vec![
            interface("eth0", true, Mode::Native, LinkKind::BpfLink),
            interface("eth1", false, Mode::Generic, LinkKind::Netlink),
        ],
        listen: None,
        process: Some(ProcessStats {
            cpu: Duration::from_millis(1250),
            start: Duration::from_secs(1_700_000_000),
            resident_bytes: 1 << 23,
            virtual_bytes: 1 << 24,
            threads: 3,
            open_fds: Some(42),
            max_fds: Some(1024),
        }),
    }
}

/// `promtool check metrics` over this text; `None` where there is no promtool.
fn promtool(text: &str) -> Option<Output> {
    let program = std::env::var_os("D365_TOOLS")
        .map(|directory| PathBuf::from(directory).join("promtool"))
        .filter(|path| path.exists())
        .unwrap_or_else(|| "promtool".into());
    let pipe = Stdio::piped;
    let mut child = match Command::new(program)
        .args(["check", "metrics"])
        .stdin(pipe())
        .stdout(pipe())
        .stderr(pipe())
        .spawn()
    {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("promtool does not start: {error}"),
    };
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    Some(child.wait_with_output().expect("promtool ends"))
}

#[test]
fn classic_text_is_clean() {
    let text = metrics(&Arc::new(snapshot()), Format::Classic).unwrap();
    let Some(output) = promtool(&text) else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "promtool (package prometheus) is missing");
        // Past the test runner, which would keep it to itself.
        let _ = writeln!(std::io::stderr(), "not run: promtool (package prometheus) is not on PATH");
        return;
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
    // That it looks at all:
    let wrong = promtool("# HELP mail_packets Packets.\n# TYPE mail_packets counter\nmail_packets 1\n");
    assert!(!wrong.unwrap().stderr.is_empty());
}
