//! Loads the kernel object: sets its constants, sizes its maps, and selects the program that this kernel
//! accepts.

mod options;

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{Map, MapData, MapError},
    programs::{ProgramError, SchedClassifier, Xdp},
};
use aya_obj::{VerifierLog, btf::BtfFeatures};
use d365_common::{
    dscp::Dscp,
    mark::Mark,
    names::{self, MAX_INTERFACES, MAX_PORTS, SAMPLE_RING, SMTP_PORT},
    setup::Setup,
};
use nix::libc::{EINVAL, O_CLOEXEC, dup3};

pub use self::options::Options;
use super::{
    buffers::Buffers,
    counters::Counters,
    error::{LoadError, is_passing},
    interrupted::{PATIENCE, again},
    links::Links,
    object::Kernel,
    requirements,
    store::Store,
    table::pages_of_all,
    tries::{Tries, typed},
};

/// Size of the smallest ring buffer in bytes; it is rounded up to one page.
const SMALLEST_RING: u32 = 1;
/// Size of the ring buffer of log records in bytes.
const LOG_RING: u32 = 256 * 1024;

impl Kernel {
    /// Loads `object`, with the first of `programs` that the kernel accepts, so that it counts in `counters`,
    /// which have the options' shape. The store keeps what is attached. Nothing is attached and nothing is
    /// published yet.
    ///
    /// # Errors
    /// [`LoadError`]; the kernel then keeps nothing of the object.
    pub fn load_with(
        programs: &[&'static str],
        object: &[u8],
        options: &Options,
        counters: &Counters,
        store: Store,
    ) -> Result<Self, LoadError> {
        let interface_count = options.interface_count()?;
        let port_count = options::count("ports", options.ports.len(), MAX_PORTS)?;
        let mut ports = [SMTP_PORT; MAX_PORTS];
        ports[..options.ports.len()].copy_from_slice(&options.ports);
        let mut ifindexes = [0; MAX_INTERFACES];
        for (place, interface) in ifindexes.iter_mut().zip(&options.interfaces) {
            *place = interface.index;
        }
        let setup =
            Setup::new(ports[0], port_count, interface_count, options.has_actions(), options.trie_only);
        let log_ring = if options.log_packets { LOG_RING } else { SMALLEST_RING };
        let sample_ring = if options.watch { SAMPLE_RING } else { SMALLEST_RING };
        let mut ebpf = EbpfLoader::new()
            .override_global(names::PORTS, &ports, true)
            .override_global(names::IFINDEXES, &ifindexes, true)
            .override_global(names::CAPACITY, &options.capacity, true)
            .override_global(names::SAMPLE_UNLISTED, &u8::from(options.watch), true)
            .override_global(names::MARK_BASE, &options.tags.mark.map_or(0, Mark::base), true)
            .override_global(names::MARK_MASK, &options.tags.mark.map_or(0, Mark::mask), true)
            .override_global(names::DSCP, &options.tags.dscp.map_or(0, Dscp::number), true)
            .override_global(names::TAG_RETIRED, &u8::from(options.tags.retired), true)
            .override_global(names::DROP_UNLISTED, &u8::from(options.drop_unlisted), true)
            .override_global(names::SETUP, &setup.bits(), true)
            .override_global(names::LOG_PACKETS, &u8::from(options.log_packets), true)
            .map_max_entries(names::TABLES, pages_of_all(options.max_pages))
            // Maps of other sizes replace these two.
            .map_max_entries(names::RANGE_COUNTERS, 1)
            .map_max_entries(names::CLASS_COUNTERS, 1)
            .map_max_entries(names::LOGS, log_ring)
            .map_max_entries(names::SAMPLES, sample_ring)
            .load(object)
            .map_err(refused)?;
        counters.each(|name, map| count_in(&ebpf, name, map))?;
        let program = load_first(&mut ebpf, programs)?;
        for name in [names::PROGRAM_PROVE, names::PROGRAM_LEASE] {
            try_load(&mut ebpf, name)?.map_err(|error| explain(name, error))?;
        }
        let buffers = Buffers::take(&mut ebpf)?;
        let failsafe = Tries::take(&mut ebpf, [names::FAILSAFE_V4, names::FAILSAFE_V6])?;
        let leases = typed(&mut ebpf, names::LEASE)?;
        let ifindexes = typed(&mut ebpf, names::ROW_INTERFACES)?;
        let links = Links::new(store);
        Ok(Kernel {
            ebpf,
            buffers,
            failsafe,
            leases,
            ifindexes,
            links,
            port: ports[0],
            program,
            warned: BTreeSet::new(),
        })
    }

    /// The tc program with this name. It is loaded when it is used for the first time.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn tc(&mut self, name: &'static str) -> Result<&mut SchedClassifier, LoadError> {
        let program = self.ebpf.program_mut(name).ok_or(LoadError::Missing(name))?;
        let program: &mut SchedClassifier = program.try_into().map_err(|_| LoadError::Missing(name))?;
        if program.fd().is_err() {
            again(PATIENCE, || program.load()).map_err(|error| explain(name, error))?;
        }
        Ok(program)
    }
}

/// Makes the object's programs use `map` in place of the object's own map of this name, if it has one. The
/// instructions name maps by descriptors, so the number of the object's own descriptor is given to `map`.
fn count_in(ebpf: &Ebpf, name: &'static str, map: &MapData) -> Result<(), LoadError> {
    let Some(Map::PerCpuArray(own)) = ebpf.map(name) else { return Ok(()) };
    let (own, kept) = (own.fd().as_fd().as_raw_fd(), map.fd().as_fd().as_raw_fd());
    // SAFETY: both descriptors are open. The owner of `own` uses it as a map of this type only, which it
    // still is.
    if unsafe { dup3(kept, own, O_CLOEXEC) } < 0 {
        return Err(LoadError::Replace { map: name, source: io::Error::last_os_error() });
    }
    Ok(())
}

/// Loads the first of `programs` that the kernel accepts. A kernel without frames in several buffers rejects
/// that program's flag with EINVAL, and its verifier logs nothing.
fn load_first(ebpf: &mut Ebpf, programs: &[&'static str]) -> Result<&'static str, LoadError> {
    let mut refusal = LoadError::Missing("XDP program");
    for name in programs.iter().copied() {
        match try_load(ebpf, name)? {
            Ok(()) => return Ok(name),
            Err(error) => {
                let unknown_flag = matches!(
                    &error,
                    ProgramError::LoadError { io_error, verifier_log }
                        if io_error.raw_os_error() == Some(EINVAL) && is_silent(verifier_log)
                );
                refusal = explain(name, error);
                if !unknown_flag {
                    break;
                }
                tracing::debug!(program = %name, "the program is not for this kernel");
            }
        }
    }
    match refusal {
        // Without type information in the kernel, aya changes the object's own types, and the verifier misses
        // some.
        LoadError::Verifier { .. } if !knows_types() => Err(TYPES),
        refusal => Err(refusal),
    }
}

fn try_load(ebpf: &mut Ebpf, name: &'static str) -> Result<Result<(), ProgramError>, LoadError> {
    let program = ebpf.program_mut(name).ok_or(LoadError::Missing(name))?;
    let program: &mut Xdp = program.try_into().map_err(|_| LoadError::Missing(name))?;
    Ok(again(PATIENCE, || program.load()))
}

fn explain(program: &'static str, error: ProgramError) -> LoadError {
    match error {
        ProgramError::LoadError { io_error: source, verifier_log }
            if !is_passing(&source) && !is_silent(&verifier_log) =>
        {
            let log = verifier_log.to_string();
            LoadError::Verifier { program, source, summary: summary(&log), log }
        }
        ProgramError::LoadError { io_error: source, .. } => {
            LoadError::or_missing(|| LoadError::Program { program, source })
        }
        error => refused(EbpfError::ProgramError(error)),
    }
}

fn is_silent(log: &VerifierLog) -> bool {
    log.to_string().trim().is_empty()
}

/// The line of a verifier's log that gives the reason: the last one before the statistics.
fn summary(log: &str) -> String {
    let statistics = ["processed ", "verification time", "stack depth", "mark_precise", "subprog "];
    let lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut reasons = lines.filter(|line| !statistics.iter().any(|start| line.starts_with(start)));
    reasons.next_back().unwrap_or("no reason given").to_owned()
}

/// The reason why loading failed: a missing privilege or feature if there is one, otherwise aya's error.
fn refused(error: EbpfError) -> LoadError {
    LoadError::or_missing(|| match error {
        EbpfError::RelocationError(_) if !aya::features().bpf_global_data() => {
            LoadError::Test { test: "a small test program", source: requirements::program_error() }
        }
        // Without type information each map names types that were not loaded.
        EbpfError::MapError(_) if !knows_types() => TYPES,
        // aya itself names a map that it could not create.
        EbpfError::MapError(source @ MapError::SyscallError(_)) => LoadError::Constants(source),
        error => LoadError::Object(Box::new(error)),
    })
}

/// aya treats this kernel as older than 5.0.
const TYPES: LoadError = LoadError::Test { test: "small test types", source: None };

/// True if aya found that this kernel has type information, also for functions.
fn knows_types() -> bool {
    aya::features().btf().is_some_and(BtfFeatures::btf_func)
}

#[cfg(test)]
mod tests;
