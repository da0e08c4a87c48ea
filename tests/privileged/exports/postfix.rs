//! Postfix and its postscreen.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use d365_tests::{
    lab::Lab,
    mail::{Postfix, Root},
    netns::Netns,
    require,
    smtp::{Mail, Session},
};

use super::{
    DIRECTORY, block, lab,
    lists::{Case, LISTED, STRANGERS},
    without_block_list,
};
use crate::steps::{addresses, until};

#[test]
fn postmap_finds_the_listed_addresses_and_no_other() {
    require!(Root, Tool("ip"), Daemon, MailPrograms, Overlay);
    let root = Root::new(&Netns::new().unwrap()).unwrap();
    for case in Case::all(10) {
        let keys: String = case.addresses.iter().map(|address| format!("{address}\n")).collect();
        for (format, file, action) in
            [("postfix-cidr", "d365-postfix.cidr", "OK"), ("postscreen", "d365-postscreen.cidr", "permit")]
        {
            let path = format!("{DIRECTORY}/{file}");
            root.write(&path, &case.export(format)).unwrap();
            let found = Postfix::look_up(&root, &format!("cidr:{path}"), &keys).unwrap();
            let found: BTreeSet<IpAddr> = found
                .lines()
                .map(|line| line.strip_suffix(action).unwrap().trim_end().parse().unwrap())
                .collect();
            case.agree(&found);
        }
    }
}

/// Sends a mail from an address of the lab's sender.
fn send(lab: &Lab, source: IpAddr) -> Result<(), String> {
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let mut session = lab.sender.run(|| Session::open(source, server)).unwrap();
    session.send(&Mail::new("Subject: test\r\n\r\ntext\r\n")).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_session_is_accepted_or_rejected_by_the_table() {
    require!(Root, Tool("ip"), Daemon, MailPrograms, Overlay);
    let lab = lab(&addresses(&[LISTED, STRANGERS].concat()));
    let root = Root::new(&lab.host).unwrap();
    let table = format!("{DIRECTORY}/d365-postfix.cidr");
    root.write(&table, &Case::both_families().export("postfix-cidr")).unwrap();
    let main = without_block_list("# /etc/postfix/main.cf", "    reject");
    let postfix = Postfix::start(&root, &main, "").unwrap();
    for source in addresses(&LISTED) {
        assert_eq!(send(&lab, source), Ok(()), "{source}: {}", postfix.log().unwrap());
    }
    for source in addresses(&STRANGERS) {
        let refused = send(&lab, source).unwrap_err();
        assert!(refused.contains("554 5.7.1 <unknown"), "{source}: {refused}");
    }
}

/// Postscreen's tests after the greeting defer every client that it does not know.
#[test]
fn postscreen_spares_listed_clients_its_tests() {
    require!(Root, Tool("ip"), Daemon, MailPrograms, Overlay);
    let lab = lab(&addresses(&[LISTED, STRANGERS].concat()));
    let root = Root::new(&lab.host).unwrap();
    root.write(&format!("{DIRECTORY}/d365-postscreen.cidr"), &Case::both_families().export("postscreen"))
        .unwrap();
    let main = block("# /etc/postfix/main.cf, with postscreen")
        + "postscreen_bare_newline_enable = yes\npostscreen_bare_newline_action = enforce\n\
           postscreen_greet_wait = 1s\n";
    let master = "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n";
    let postfix = Postfix::start(&root, &main, master).unwrap();
    for source in addresses(&LISTED) {
        assert_eq!(send(&lab, source), Ok(()), "{source}: {}", postfix.log().unwrap());
    }
    for source in addresses(&STRANGERS) {
        let refused = send(&lab, source).unwrap_err();
        assert!(refused.contains("450 4.3.2 Service currently unavailable"), "{source}: {refused}");
    }
    let permitted = || postfix.log().unwrap().matches("ALLOWLISTED [").count();
    until(10, || permitted() == LISTED.len(), || postfix.log().unwrap());
}
