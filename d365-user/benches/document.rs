//! Measures the time and the peak of memory for reading the vendor's largest document. The budget is 60 ms
//! and 12 MiB.
//!
//! `cargo bench -p d365-user --bench document`. It reads the document in `../shared/data`,
//! or a generated one of its size.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput};
use d365_user::source::Cloud;
use d365_user::source::service_tags::{Document, Options, read};
use peak_alloc::PeakAlloc;

#[path = "../../tests/harness/vendor/made.rs"]
#[expect(dead_code, unreachable_pub, reason = "a module of the tests, which make small documents, too")]
mod made;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A document of 4.4 MB.
const DOCUMENT: &str = "../../shared/data/service-tags/public-2026-cn398.json";
/// The memory that reading may take in addition, in bytes.
const BUDGET: usize = 12 << 20;

fn main() {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let made = std::env::temp_dir().join(format!("d365-document-{}.json", std::process::id()));
    let path: &PathBuf = if real.is_file() { &real } else { &made };
    if path == &made {
        std::fs::write(&made, made::large()).expect("the temporary directory can be written to");
    }
    println!("document: {}", path.display());
    memory(path);
    let mut criterion = Criterion::default().configure_from_args();
    time(&mut criterion, path);
    criterion.final_summary();
    let _ = std::fs::remove_file(&made);
}

fn options(keep_azure: bool) -> Options {
    Options { cloud: Some(Cloud::Public), keep_azure }
}

fn document(path: &Path, options: &Options) -> Document {
    let text = std::fs::read(path).expect("the document opens");
    read(&text, options).expect("the document is whole")
}

/// Prints the additional memory at the peak and after reading, with the text of the file.
fn memory(path: &Path) {
    for keep_azure in [false, true] {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let document = document(path, &options(keep_azure));
        let (peak, stays) = (MEMORY.peak_usage() - before, MEMORY.current_usage() - before);
        println!(
            "memory: peak {peak} bytes, {stays} stay with {} ranges and {} prefixes of Azure",
            document.list.entries.len(),
            document.azure.as_ref().map_or(0, |azure| azure.names().count())
        );
        assert!(peak <= BUDGET, "{peak} bytes are more than {BUDGET}");
    }
}

fn time(criterion: &mut Criterion, path: &Path) {
    let text = std::fs::read(path).expect("the document opens");
    let mut group = criterion.benchmark_group("document");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("from memory", |bench| {
        bench.iter(|| read(black_box(&text), &options(false)));
    });
    group.bench_function("from a file", |bench| {
        bench.iter(|| document(black_box(path), &options(true)));
    });
    // The least that reading it can take: serde_json's own way over all of it.
    group.bench_function("skipped by serde_json", |bench| {
        bench.iter(|| serde_json::from_slice::<serde::de::IgnoredAny>(black_box(text.as_slice())));
    });
    group.finish();
}
