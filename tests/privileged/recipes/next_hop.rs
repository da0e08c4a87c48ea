//! The mail server behind the edge reads the tag from the DSCP.

use d365_tests::{lab::Lab, mail::recipe, next_hop::NextHop, nft, require, smtp::Listener};

use super::{counters, firewall, lab, listed, port_for, sources, steer, strangers, tagging};

/// Counts incoming packets to port 25, and those of them with the code point.
const WATCH: &str = "
table inet watch {
    counter tagged {}
    counter seen {}
    chain coming {
        type filter hook prerouting priority raw;
        tcp dport 25 counter name seen
        tcp dport 25 ip dscp cs1 counter name tagged
        tcp dport 25 ip6 dscp cs1 counter name tagged
    }
}
";

/// Makes the sender write the code point itself.
const FORGE: &str = "
table inet forge {
    chain leaving {
        type filter hook output priority mangle;
        ip dscp set cs1
        ip6 dscp set cs1
    }
}
";

/// A mail server behind the edge, with routes to all sources.
fn behind(lab: &Lab) -> NextHop {
    let next_hop = NextHop::behind(lab).unwrap();
    sources().for_each(|source| next_hop.add_source(source).unwrap());
    next_hop
}

/// Listens on the server's two ports.
fn listen(next_hop: &NextHop) -> Listener {
    super::listen(&next_hop.server, NextHop::address_for, &[25, 10025])
}

/// The page's table for the mark, with the rules for the DSCP in place of the rule for the mark.
fn table() -> String {
    let rules = recipe("# /etc/nftables.conf, on the mail server: the rules of chain steer").unwrap();
    let table = recipe("# /etc/nftables.conf").unwrap();
    let by_mark = table.lines().find(|line| line.contains("meta mark")).expect("a rule for the mark");
    table.replace(by_mark, &rules)
}

#[test]
fn the_next_hop_tells_tagged_mail_by_its_dscp() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    let next_hop = behind(&lab);
    for ruleset in [&firewall(), &table(), WATCH] {
        nft::load(&next_hop.server, ruleset).unwrap();
    }
    let listener = listen(&next_hop);
    let daemon = tagging(&lab, "dscp");

    // The mail is long enough for segments, acknowledgements and the end of the connection.
    let body = format!("Subject: test\r\n\r\n{}", "a line of a mail\r\n".repeat(20_000));
    let send = |source| port_for(&lab, &listener, source, NextHop::address_for(source), &body);
    let counts =
        || ["tagged", "seen"].map(|counter| nft::packets(&next_hop.server, "inet watch", counter).unwrap());
    for source in strangers() {
        assert_eq!(send(source), 25, "{source}");
    }
    let [tagged, before] = counts();
    assert_eq!(tagged, 0);
    for source in listed() {
        assert_eq!(send(source), 10025, "{source}");
    }
    let [tagged, all] = counts();
    assert!(tagged > 200, "{tagged}");
    assert_eq!(tagged, all - before, "every packet of a listed source");

    nft::load(&lab.sender, FORGE).unwrap();
    for source in strangers() {
        assert_eq!(send(source), 25, "{source} wrote the code point itself");
    }
    assert_eq!(counts()[0], tagged);

    // After the daemon's stop nothing is tagged: mail still flows, by the ordinary way.
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

/// On the edge, the recipe for the mark does not affect forwarded connections.
#[test]
fn the_edge_does_not_steer_what_it_forwards() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    let next_hop = behind(&lab);
    let listener = listen(&next_hop);
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    for source in sources() {
        let server = NextHop::address_for(source);
        assert_eq!(port_for(&lab, &listener, source, server, "Subject: test\r\n\r\n"), 25, "{source}");
    }
    assert_eq!(counters(&lab.host), [0, 0]);
}
