//! Tags and drops in words: a line of the summary for each, and the notice before anything is dropped.

use ipnet::IpNet;

use crate::{
    settings::Tags,
    snapshot::Drops,
    tag::{dscp, mark},
};

/// The tags of packets; `None` if packets are not tagged.
pub(super) fn tags(tags: Tags) -> Option<String> {
    let mark = tags.mark.map(|tag| format!("mark {}", mark::text(tag)));
    let dscp = tags.dscp.map(|tag| format!("DSCP {}", dscp::text(tag)));
    let which: Vec<_> = mark.into_iter().chain(dscp).collect();
    let ranges = if tags.retired { "listed and retired" } else { "listed" };
    (!which.is_empty()).then(|| {
        format!("tags: {} for packets from {ranges} ranges, while the lease holds", which.join(" and "))
    })
}

/// The drops.
#[must_use]
pub fn drops(drops: &Drops) -> String {
    format!(
        "unlisted: new connections to {} are dropped while the lease holds, except from {}",
        ports(&drops.ports),
        prefixes(&drops.failsafe)
    )
}

/// The notice about `--unlisted drop` on these interfaces. The daemon logs it before it drops anything.
#[must_use]
pub fn drop_notice(drops: &Drops, interfaces: &[String]) -> [String; 3] {
    [
        format!(
            "--unlisted drop: on {}, new TCP connections to {} are DROPPED unless they come from a listed or retired range: \
             all other mail is turned away",
            interfaces.join(", "),
            ports(&drops.ports)
        ),
        format!("never dropped: new connections from {}", prefixes(&drops.failsafe)),
        "established connections pass, and nothing is dropped while the list is not trusted (its lease); stopping \
         d365-user ends it, and so does starting it without --unlisted drop"
            .to_owned(),
    ]
}

fn ports(ports: &[u16]) -> String {
    let numbers: Vec<_> = ports.iter().map(ToString::to_string).collect();
    format!("port{} {}", if numbers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// All prefixes: an operator who is locked out looks here.
fn prefixes(prefixes: &[IpNet]) -> String {
    let all: Vec<_> = prefixes.iter().map(ToString::to_string).collect();
    if all.is_empty() { "nowhere".to_owned() } else { all.join(", ") }
}
