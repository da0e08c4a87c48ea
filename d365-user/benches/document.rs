//! What it costs to read the vendor's largest document: time, and memory at its peak. The budget is 60 ms and 12 MiB.
//!
//! `cargo bench -p d365-user --bench document`. Needs the documents in `../shared/data`; it says so and ends without them: as a
//! failure where `CI=true`, unless `D365_WITHOUT` names `shared-data`, as for tests.

use std::env;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use criterion::{Criterion, Throughput};
use d365_user::source::Cloud;
use d365_user::source::service_tags::{Document, Options, Regions, read};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Of 4.4 MB.
const DOCUMENT: &str = "../../shared/data/service-tags/public-2026-cn398.json";
/// What reading may take beside what was there before, in bytes.
const BUDGET: usize = 12 << 20;

fn main() -> ExitCode {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    if !path.is_file() {
        eprintln!("not measured: {} is not there", path.display());
        return if may_lack_it() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    memory(&path);
    let mut criterion = Criterion::default().configure_from_args();
    time(&mut criterion, &path);
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn may_lack_it() -> bool {
    let says = |name| env::var(name).unwrap_or_default();
    says("CI") != "true" || says("D365_WITHOUT").split(',').any(|lacking| lacking == "shared-data")
}

fn options(keep_azure: bool) -> Options {
    Options { cloud: Some(Cloud::Public), keep_azure, ..Options::default() }
}

fn document(path: &Path, options: &Options) -> Document {
    let file = File::open(path).expect("the document opens");
    read(file, options).expect("the document is whole")
}

/// The peak beside what was there before, and what stays, with the file read as a stream.
fn memory(path: &Path) {
    for keep_azure in [false, true] {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let document = document(path, &options(keep_azure));
        let (peak, stays) = (MEMORY.peak_usage() - before, MEMORY.current_usage() - before);
        println!(
            "memory: peak {peak} bytes, {stays} stay with {} ranges and {} prefixes of Azure",
            document.ranges.len(),
            document.azure.as_ref().map_or(0, Regions::len)
        );
        assert!(peak <= BUDGET, "{peak} bytes are more than {BUDGET}");
    }
}

fn time(criterion: &mut Criterion, path: &Path) {
    let text = std::fs::read(path).expect("the document opens");
    let mut group = criterion.benchmark_group("document");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("from memory", |bench| {
        bench.iter(|| read(black_box(text.as_slice()), &options(false)));
    });
    group.bench_function("from a file", |bench| {
        bench.iter(|| document(black_box(path), &options(true)));
    });
    // The least that reading it can take: serde_json's own way over all of it.
    group.bench_function("skipped by serde_json", |bench| {
        bench.iter(|| {
            serde_json::from_reader::<_, serde::de::IgnoredAny>(io::BufReader::new(black_box(
                text.as_slice(),
            )))
        });
    });
    group.finish();
}
