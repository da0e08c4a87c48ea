//! The start-up summary: a few lines about the ranges that the daemon recognises, its interfaces, and the
//! address of its metrics.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use ipnet::IpNet;

use crate::{
    config::Config,
    geo::GeoSource,
    logging::{self, list},
    published::Lease,
    settings::Tags,
    snapshot::{Generation, Interface, Snapshot, SourceStatus},
    tag::{dscp, mark},
};

/// Logs, in this order: the generation, its geos, the leases as they are at `now`, the tags and the drops,
/// the waiting changes if there are any, every interface, and the address of the metrics.
pub(super) fn log(
    snapshot: &Snapshot,
    config: &Config,
    failsafe: Option<&[IpNet]>,
    url: &str,
    now: SystemTime,
) {
    generation(&snapshot.generation);
    snapshot.updates.sources.iter().for_each(|source| lease(source, now));
    tags(config.tags);
    failsafe.iter().for_each(|except| drops(&config.ports, except));
    let waiting = snapshot.updates.pending.iter().filter(|(_, count)| *count > 0);
    for (change, count) in waiting {
        tracing::info!(change, count, "changes wait; see `d365-user approve`");
    }
    snapshot.interfaces.iter().for_each(interface);
    tracing::info!(url, "metrics");
}

fn generation(generation: &Generation) {
    let Generation { number, source, change_number, ranges, .. } = generation;
    let ipv6 = ranges.iter().filter(|range| range.prefix.addr().is_ipv6()).count();
    tracing::info!(
        generation = number, %source, change_number, ranges = ranges.len(), ipv4 = ranges.len() - ipv6, ipv6,
        retired = generation.retired.len(),
        "recognised ranges"
    );
    let mut sources: BTreeMap<GeoSource, BTreeMap<&str, usize>> = BTreeMap::new();
    for range in ranges {
        let geos = sources.entry(range.geo.source).or_default();
        *geos.entry(range.geo.code.as_str()).or_default() += 1;
    }
    for (source, geos) in sources {
        let geos = geos.iter().map(|(geo, count)| format!("{geo} {count}"));
        let geos = geos.collect::<Vec<_>>().join(", ");
        tracing::info!(geo_source = %source, geos, "geos of the ranges");
    }
}

/// Logs the end of the trust in a source's ranges, which may have passed.
fn lease(SourceStatus { name: source, lease, .. }: &SourceStatus, now: SystemTime) {
    let is_over = |time| now.duration_since(UNIX_EPOCH).is_ok_and(|now| now.as_secs() >= time);
    match *lease {
        Lease::Unconfirmed => tracing::info!(%source, "lease: not confirmed yet"),
        Lease::Until(time) if is_over(time) => {
            tracing::info!(%source, until = %logging::time(time), "lease: ended");
        }
        Lease::Until(time) => tracing::info!(%source, until = %logging::time(time), "lease: trusted"),
        Lease::Endless => tracing::info!(%source, "lease: without an end"),
    }
}

fn tags(tags: Tags) {
    if tags.any() {
        let (mark, dscp) = (tags.mark.map(mark::text), tags.dscp.map(dscp::text));
        tracing::info!(mark, dscp, retired = tags.retired, "tags: packets are tagged while the lease holds");
    }
}

fn drops(ports: &[u16], except: &[IpNet]) {
    tracing::info!(
        port = list(ports),
        except = list(except),
        "unlisted: new connections are dropped while the lease holds"
    );
}

fn interface(interface: &Interface) {
    let iface = &interface.name;
    match interface.mode {
        Some(mode) if interface.attached => tracing::info!(iface, mode = mode.as_str(), "attached"),
        _ => tracing::info!(iface, "not attached"),
    }
}

#[cfg(test)]
mod tests {
    use d365_common::{dscp::Dscp, mark::Mark};

    use super::*;
    use crate::{
        cli::Cli,
        logging::logged,
        snapshot::Updates,
        view::tests::{now, sample},
    };

    fn config() -> Config {
        let cli = Cli::parse_from(["d365-user", "--iface=eth0", "--port=25,587"]).unwrap();
        Config::new(cli.daemon).unwrap().0
    }

    /// The summary, without level and target.
    fn summary(snapshot: &Snapshot, tags: Tags, failsafe: Option<&[IpNet]>) -> Vec<String> {
        let config = Config { tags, ..config() };
        let lines = logged(|| log(snapshot, &config, failsafe, "http://[::1]:9365/metrics", now()));
        let text = |line: &String| {
            let text = line.strip_prefix("INFO d365_user::updater::report::summary: ");
            text.expect("the level and the target").to_owned()
        };
        lines.iter().map(text).collect()
    }

    #[test]
    fn it_says_what_where_and_how() {
        let mut snapshot = sample();
        snapshot.interfaces.push(Interface {
            name: "eth1".to_owned(),
            attached: false,
            ..snapshot.interfaces[0].clone()
        });
        let (mark, dscp) = (Some(Mark::DEFAULT), Some(Dscp::DEFAULT));
        let failsafe = ["127.0.0.0/8", "::1/128"].map(|prefix| prefix.parse().unwrap());
        assert_eq!(
            summary(&snapshot, Tags { mark, dscp, ..Tags::default() }, Some(&failsafe)),
            [
                "recognised ranges generation=1 source=embedded change_number=39 ranges=3 ipv4=2 ipv6=1 retired=1",
                "geos of the ranges geo_source=documented geos=\"NAM 2\"",
                "geos of the ranges geo_source=inferred geos=\"KOR 1\"",
                "lease: trusted source=azure until=2026-12-08T18:00:00Z",
                "lease: not confirmed yet source=file:/etc/list",
                "tags: packets are tagged while the lease holds mark=0xd3650000/0xffff0000 dscp=\"CS1 (8)\" retired=false",
                "unlisted: new connections are dropped while the lease holds port=25,587 except=127.0.0.0/8,::1/128",
                "changes wait; see `d365-user approve` change=addition count=3",
                "changes wait; see `d365-user approve` change=removal count=1",
                "attached iface=eth0 mode=native",
                "not attached iface=eth1",
                "metrics url=http://[::1]:9365/metrics",
            ]
        );
    }

    #[test]
    fn a_lease_has_an_end_or_none() {
        let line = |lease| {
            let sources = vec![SourceStatus { name: "azure".to_owned(), lease, ..SourceStatus::default() }];
            let updates = Updates { sources, ..Updates::default() };
            let snapshot = Snapshot { updates, ..Snapshot::default() };
            let lines = summary(&snapshot, Tags::default(), None);
            let mut lines = lines.into_iter().filter(|line| line.starts_with("lease: "));
            let (Some(line), None) = (lines.next(), lines.next()) else { panic!("{lease:?}") };
            line
        };
        assert_eq!(line(Lease::Unconfirmed), "lease: not confirmed yet source=azure");
        assert_eq!(line(Lease::Endless), "lease: without an end source=azure");
        let last = "lease: trusted source=azure until=9999-12-31T23:59:59Z";
        assert_eq!(line(Lease::Until(253_402_300_799)), last);
        let later = "lease: trusted source=azure until=\"a year after 9999\"";
        assert_eq!(line(Lease::Until(253_402_300_800)), later);
        assert_eq!(line(Lease::Until(u64::MAX)), later);
        let next = "lease: trusted source=azure until=2026-11-24T00:00:01Z";
        assert_eq!(line(Lease::Until(1_795_478_401)), next);
        let over = "lease: ended source=azure until=2026-11-24T00:00:00Z";
        assert_eq!(line(Lease::Until(1_795_478_400)), over, "as the kernel has it");
    }

    #[test]
    fn what_is_not_there_is_not_in_it() {
        let mut snapshot = sample();
        snapshot.updates.pending.iter_mut().for_each(|(_, number)| *number = 0);
        assert!(!summary(&snapshot, Tags::default(), None).join("\n").contains("change="));
        let least = summary(&Snapshot::default(), Tags::default(), None);
        assert_eq!(least.len(), 2, "the generation and the address");
    }

    #[test]
    fn it_says_which_tags() {
        let (mark, dscp) = (Some(Mark::DEFAULT), Dscp::new(63));
        let line = |tags| {
            let lines = summary(&Snapshot::default(), tags, None);
            lines.into_iter().find_map(|line| {
                line.strip_prefix("tags: packets are tagged while the lease holds ").map(str::to_owned)
            })
        };
        assert_eq!(line(Tags::default()), None);
        assert_eq!(line(Tags { retired: true, ..Tags::default() }), None);
        let fields = "mark=0xd3650000/0xffff0000 retired=false";
        assert_eq!(line(Tags { mark, ..Tags::default() }).as_deref(), Some(fields));
        let fields = "dscp=63 retired=true";
        assert_eq!(line(Tags { dscp, retired: true, ..Tags::default() }).as_deref(), Some(fields));
    }
}
