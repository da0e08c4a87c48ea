//! The mail server behind the edge reads the tag from the DSCP.

use std::net::{IpAddr, SocketAddr};

use d365_tests::{
    mail::recipe,
    next_hop::NextHop,
    nft, require,
    smtp::{Listener, Mail, deliver},
};

use super::{lab, listed, strangers, tagging};

/// Counts packets to port 25 by their code point, as they come in.
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

/// The sender writes the code point itself.
const FORGE: &str = "
table inet forge {
    chain leaving {
        type filter hook output priority mangle;
        ip dscp set cs1
        ip6 dscp set cs1
    }
}
";

#[test]
fn the_next_hop_tells_tagged_mail_by_its_dscp() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    let next_hop = NextHop::behind(&lab).unwrap();
    let sources = || listed().into_iter().chain(strangers());
    sources().for_each(|source| next_hop.add_source(source).unwrap());
    nft::load(&next_hop.server, &recipe("# /etc/nftables.conf, on the mail server").unwrap()).unwrap();
    nft::load(&next_hop.server, WATCH).unwrap();
    let ports = [25, 10025].into_iter();
    let addresses: Vec<_> = ports
        .flat_map(|port| listed().map(|peer| SocketAddr::new(NextHop::address_for(peer), port)))
        .collect();
    let listener = next_hop.server.run(|| Listener::bind(&addresses)).unwrap();
    let daemon = tagging(&lab, "dscp");

    // Enough that segments, acknowledgements and the end all come by.
    let body = format!("Subject: test\r\n\r\n{}", "a line of a mail\r\n".repeat(20_000));
    let send = |source: IpAddr| {
        let server = SocketAddr::new(NextHop::address_for(source), 25);
        lab.sender.run(|| deliver(source, server, &Mail::new(body.as_str()))).unwrap();
        let mail = listener.delivered().pop().unwrap();
        assert_eq!((mail.peer.ip(), &mail.body), (source, &body));
        mail.local.port()
    };
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

    // Nobody vouches any more: mail still flows, by the ordinary way.
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}
