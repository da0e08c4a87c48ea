//! The harness itself: what the other tests trust without looking.

use std::{
    io::Read as _,
    net::{IpAddr, SocketAddr},
    process::{Command, Stdio},
};

use d365_tests::{
    lab::Lab,
    netns::Netns,
    require,
    smtp::{Listener, Mail, deliver},
};

#[test]
fn a_namespace_is_apart_and_leaves_no_trace() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    let inside = netns.run(|| std::fs::read_link("/proc/thread-self/ns/net").unwrap());
    assert_ne!(inside, std::fs::read_link("/proc/thread-self/ns/net").unwrap());
    assert_eq!(netns.ip(&["-o", "link"]).unwrap().lines().count(), 1, "loopback only");
    let names = Command::new("ip").args(["netns", "list"]).output().unwrap();
    assert_eq!(names.stdout, b"");
}

#[test]
fn a_failing_program_says_what_and_why() {
    require!(Root, Tool("ip"));
    let error = Netns::new().unwrap().ip(&["link", "show", "nowhere0"]).unwrap_err().to_string();
    assert!(error.starts_with("`ip link show nowhere0`: exit status: 1: "), "{error}");
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn a_child_runs_inside_and_ends_with_its_value() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "readlink /proc/self/ns/net; exec sleep 600"]).stdout(Stdio::piped());
    let mut child = netns.spawn(command).unwrap();
    let mut line = [0; 64];
    let length = child.take_stdout().unwrap().read(&mut line).unwrap();
    let inside = netns.run(|| std::fs::read_link("/proc/thread-self/ns/net").unwrap());
    assert_eq!(std::str::from_utf8(&line[..length]).unwrap().trim(), inside.to_str().unwrap());
    let proc_entry = format!("/proc/{}", child.pid());
    assert!(std::fs::exists(&proc_entry).unwrap());
    drop(netns);
    assert!(std::fs::exists(&proc_entry).unwrap(), "a child keeps its namespace");
    drop(child);
    assert!(!std::fs::exists(&proc_entry).unwrap());
}

#[test]
fn mail_is_delivered_from_any_source_of_both_families() {
    require!(Root, Tool("ip"));
    let lab = Lab::new().unwrap();
    let addresses = [lab.link().host_v4().into(), lab.link().host_v6().into()];
    let addresses = addresses.map(|address: IpAddr| SocketAddr::new(address, 25));
    let listener = lab.host.run(|| Listener::bind(&addresses).unwrap());
    let sources = ["13.71.171.9", "198.51.100.7", "2001:db8:1::7"].map(|source| source.parse().unwrap());
    for source in sources {
        lab.add_source(source).unwrap();
        let server = SocketAddr::new(lab.link().host_for(source), 25);
        lab.sender.run(|| deliver(source, server, &Mail::new("Subject: test\r\n\r\ntext\r\n"))).unwrap();
    }
    let delivered: Vec<_> = listener.stop().into_iter().map(|mail| mail.peer.ip()).collect();
    assert_eq!(delivered, sources);
}
