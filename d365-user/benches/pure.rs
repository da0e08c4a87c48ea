//! Measures a change of the list outside of the kernel (compiling the list and its direct table), a scrape
//! (rendering its metrics), and an export in each format.
//!
//! `cargo bench -p d365-user --bench pure`.

use std::{
    hint::black_box,
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
    sync::Arc,
};

use criterion::{BenchmarkId, Criterion};
use d365_common::direct::DEFAULT_PAGES;
use d365_user::{
    export::{Export, FORMATS, Selection, Template},
    generation::{Table, compile},
    geo::{Geo, GeoCode, GeoSource},
    published::{Lease, PublishedList, PublishedRange, PublishedSource},
    ranges::Range,
    snapshot::{Count, Generation, Interface, Mode, Snapshot, XdpMode},
    view::{Format, metrics},
};
use ipnet::{Ipv4Net, Ipv6Net};

/// Numbers of ranges: the embedded list's, and a long one's.
const LISTS: [u32; 2] = [39, 10_000];
/// Numbers of ranges in an export: the embedded list's, and a very long list's.
const EXPORTS: [u32; 2] = [39, 100_000];
/// A template with a line for each range.
const TEMPLATE: &str = "{% for line in comment %}\n# {{ line }}\n{% endfor %}\n\
                        {% for range in ranges %}\n{{ range.first }} {{ range.mask }} {{ range.geo }}\n{% endfor %}\n";
/// Interfaces of a snapshot.
const INTERFACES: [&str; 2] = ["eth0", "eth1"];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    compiling(&mut criterion);
    rendering(&mut criterion);
    exporting(&mut criterion);
    criterion.final_summary();
}

/// As many ranges, each a /25.
fn ranges(count: u32) -> Vec<Range> {
    let geo = Geo { code: GeoCode::UNKNOWN, source: GeoSource::Unknown };
    let range = |number: u32| {
        let net = Ipv4Net::new(Ipv4Addr::from(0x1400_0000 | number << 8), 25).expect("25 bits");
        Range { prefix: net.into(), geo, region: None }
    };
    (0..count).map(range).collect()
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    for count in LISTS {
        let ranges = ranges(count);
        let slots: Vec<u32> = (0..count).collect();
        group.bench_with_input(BenchmarkId::from_parameter(count), &ranges, |bench, ranges| {
            bench.iter(|| compile(black_box(ranges), &slots));
        });
        let entries = compile(&ranges, &slots).expect("few slots").entries;
        group.bench_with_input(BenchmarkId::new("table", count), &entries, |bench, entries| {
            bench.iter(|| Table::new(black_box(entries), DEFAULT_PAGES));
        });
    }
    group.finish();
}

fn rendering(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    for count in LISTS {
        let snapshot = snapshot(count);
        for (name, format) in [("classic", Format::Classic), ("OpenMetrics", Format::OpenMetrics)] {
            group.bench_with_input(BenchmarkId::new(name, count), &snapshot, |bench, snapshot| {
                bench.iter(|| metrics(black_box(snapshot), format));
            });
        }
    }
    group.finish();
}

/// From the published list to the text of a file.
fn exporting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("export");
    group.sample_size(10);
    let selection = Selection::default();
    for count in EXPORTS {
        let list = published(count);
        for format in FORMATS {
            group.bench_with_input(BenchmarkId::new(format.name, count), &list, |bench, list| {
                bench.iter(|| {
                    let export = Export::new(black_box(list), &selection, format.name, 0).expect("ranges");
                    (format.render)(&export)
                });
            });
        }
        group.bench_with_input(BenchmarkId::new("template", count), &list, |bench, list| {
            bench.iter(|| {
                let template = Template::parse(TEMPLATE.into()).expect("a template");
                let export =
                    Export::for_template(black_box(list), &selection, Path::new("t"), 0).expect("ranges");
                template.render(&export).expect("a result")
            });
        });
    }
    group.finish();
}

/// A list of as many ranges, every third of IPv6. None can be joined with another.
fn published(count: u32) -> PublishedList {
    let geo = Geo { code: GeoCode::UNKNOWN, source: GeoSource::Unknown };
    let range = |number: u32| PublishedRange {
        prefix: if number.is_multiple_of(3) {
            let address = Ipv6Addr::from((0x2a01_0111_u128 << 32 | u128::from(number) << 1) << 64);
            Ipv6Net::new(address, 64).expect("64 bits").into()
        } else {
            Ipv4Net::new(Ipv4Addr::from(0x1400_0000 | number << 8), 25).expect("25 bits").into()
        },
        geo,
        region: Some("WestEurope".to_owned()),
        sources: vec![0],
    };
    let source = PublishedSource { name: "azure".to_owned(), lease: Lease::Endless, ..Default::default() };
    PublishedList { sources: vec![source], ranges: (0..count).map(range).collect(), ..Default::default() }
}

/// As a daemon with two interfaces has it.
fn snapshot(count: u32) -> Arc<Snapshot> {
    let generation = Generation { number: 1, ranges: ranges(count), ..Generation::default() };
    let interface = |name: &str| Interface {
        name: name.to_owned(),
        mode: Some(Mode::Xdp(XdpMode::Native)),
        attached: true,
        ranges: vec![Count { packets: 1_234_567, bytes: 98_765_432, connections: 4321 }; count as usize],
        ..Interface::default()
    };
    let interfaces = INTERFACES.map(interface).to_vec();
    Arc::new(Snapshot { generation, interfaces, ..Snapshot::default() })
}
