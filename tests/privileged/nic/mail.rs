//! Mail from every range: the counters are compared with what arrived at the card and with what left the
//! sender.

use d365_tests::{raw::Sniffer, require};

use super::{came_as_sent, described, lab, runs_in, start, usual_mode};
use crate::{
    mail::{compare, deliver_from, embedded, listen, sources, strangers},
    steps::stop,
};

fn from_every_range(flags: &[&str], mode: &str) {
    let lab = lab(1500);
    let (set, listener) = (embedded(), listen(&lab));
    let daemon = start(&lab, flags);
    runs_in(&daemon, mode);
    let (arriving, leaving) =
        (Sniffer::on(&lab.link().host).unwrap(), Sniffer::leaving(&lab.link().sender).unwrap());
    let sources = [sources(set.ranges()), strangers()].concat();
    deliver_from(&lab, 0, &sources);
    let (arrived, sent) = (arriving.stop().unwrap(), leaving.stop().unwrap());
    assert_eq!(listener.stop().len(), sources.len(), "every mail arrived");
    assert_eq!(sent.to_port(25, |_| true).connections, sources.len() as u64);
    came_as_sent(&arrived, &sent);
    compare(&daemon.scrape().unwrap(), lab.iface(), &set, &arrived);
    stop(daemon);
}

#[test]
fn mail_from_every_range_is_counted_without_mode() {
    require!(Root, Nic, Tool("ip"), Daemon);
    from_every_range(&[], usual_mode(described()));
}

#[test]
fn mail_from_every_range_is_counted_by_tc() {
    require!(Root, Nic, Tool("ip"), Daemon);
    from_every_range(&["--mode", "tc"], "tc");
}
