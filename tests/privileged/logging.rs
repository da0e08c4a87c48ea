//! The log of a running daemon as data: each line is a JSON object, and its fields are members.

use std::{fs, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    require,
    temp::TempDir,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a line with this message, and with these members among others.
fn line(daemon: &Daemon, message: &str, members: &Value) -> Value {
    let members = members.as_object().unwrap();
    let texts = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
    let texts: Vec<String> = texts.chain([format!("\"message\":{}", json!(message))]).collect();
    let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let line: Value = serde_json::from_str(&daemon.wait_for_line(&parts, PATIENCE).unwrap()).unwrap();
    assert_eq!(line["message"], message, "{line}");
    members.iter().for_each(|(name, value)| assert_eq!(line[name], *value, "{name} in {line}"));
    line
}

#[test]
fn lines_about_an_interface_a_source_and_a_generation_have_them_as_members() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, directory) = (Lab::new().unwrap(), TempDir::new("list"));
    let path = directory.file("list");
    let write = |text: &str| {
        fs::write(directory.file("new"), text).unwrap();
        fs::rename(directory.file("new"), &path).unwrap();
    };
    write("11.0.0.0/24,NAM\n");
    let source = format!("file:{}", path.display());
    let options = DaemonOptions::on(&[lab.iface()]).args(["--ranges", &source, "--log-format", "json"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();

    line(&daemon, "attached", &json!({"iface": lab.iface()}));
    line(&daemon, "recognised ranges", &json!({"source": source, "generation": 1, "ranges": 1}));
    let listed = "the range is listed from now on";
    let range = json!({"source": source, "range": "11.0.0.0/24", "geo": "NAM", "geo_source": "configured"});
    line(&daemon, listed, &range);
    write("11.0.0.0/24,NAM\n11.0.1.0/24,EUR\n");
    line(&daemon, listed, &json!({"source": source, "range": "11.0.1.0/24", "geo": "EUR"}));
    line(&daemon, "the new list is published", &json!({"generation": 2, "ranges": 2, "retired": 0}));
    write("nonsense\n");
    let stays = "the source gave no list: what was accepted before stays";
    let failed = line(&daemon, stays, &json!({"source": source, "level": "WARN"}));
    assert!(failed["error"].as_str().unwrap().contains("line 1"), "{failed}");

    let log = daemon.stop().unwrap().stderr;
    for text in log.lines() {
        let line: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        for name in ["timestamp", "level", "target", "message"] {
            assert!(line[name].is_string(), "{name} in {text}");
        }
    }
}
