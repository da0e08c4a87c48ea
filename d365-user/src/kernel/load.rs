//! Loads the kernel object: sets its constants, sizes its maps, and selects the program that this kernel
//! accepts.

mod options;

use std::io;

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::MapError,
    programs::{ProgramError, SchedClassifier, Xdp},
};
use aya_obj::{VerifierLog, btf::BtfFeatures};
use d365_common::{
    counter::{CLASS_ROW, rows},
    dscp::Dscp,
    mark::Mark,
    names::{self, MAX_INTERFACES, MAX_PORTS, SAMPLE_RING, SMTP_PORT},
    setup::Setup,
};
use nix::{
    libc::{EAGAIN, EINTR, EINVAL, EMFILE, ENFILE, ENOMEM, EPERM},
    sys::resource::{RLIM_INFINITY, Resource, setrlimit},
};

pub use self::options::Options;
use super::{
    buffers::Buffers,
    counters::Counters,
    error::LoadError,
    interrupted::{PATIENCE, again},
    links::Links,
    object::Kernel,
    requirements,
    table::pages_of_all,
    tries::Tries,
};

/// Size of the smallest ring buffer in bytes; it is rounded up to one page.
const SMALLEST_RING: u32 = 1;
/// Size of the ring buffer of log records in bytes.
const LOG_RING: u32 = 256 * 1024;

impl Kernel {
    /// Loads `object`. Nothing is attached and nothing is published yet.
    ///
    /// # Errors
    /// [`LoadError`]; the kernel then keeps nothing of the object.
    pub fn load(object: &[u8], options: &Options) -> Result<(Self, Counters), LoadError> {
        Self::load_one_of(&names::PROGRAMS, object, options)
    }

    /// Loads `object` with the first of `programs` that the kernel accepts.
    ///
    /// # Errors
    /// As [`Kernel::load`].
    pub fn load_one_of(
        programs: &[&'static str],
        object: &[u8],
        options: &Options,
    ) -> Result<(Self, Counters), LoadError> {
        // Kernels before 5.11 count maps towards this limit. If the limit cannot be raised, creating a map
        // reports it.
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
        let interfaces_count = count("interfaces", options.interfaces.len(), MAX_INTERFACES)?;
        let port_count = count("ports", options.ports.len(), MAX_PORTS)?;
        let interfaces = u32::from(interfaces_count);
        let rows = rows(interfaces);
        let too_large = || LoadError::TooMany {
            what: "counter slots over all interfaces",
            count: options.capacity as usize * rows as usize,
            most: u32::MAX as usize,
        };
        let slots = rows.checked_mul(options.capacity).ok_or_else(too_large)?;
        let mut ports = [SMTP_PORT; MAX_PORTS];
        ports[..options.ports.len()].copy_from_slice(&options.ports);
        let setup =
            Setup::new(ports[0], port_count, interfaces_count, options.has_actions(), options.trie_only);
        let mut ifindexes = [0; MAX_INTERFACES];
        for (place, interface) in ifindexes.iter_mut().zip(&options.interfaces) {
            *place = interface.index;
        }
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
            .map_max_entries(names::RANGE_COUNTERS, slots)
            .map_max_entries(names::CLASS_COUNTERS, rows * CLASS_ROW)
            .map_max_entries(names::LOGS, log_ring)
            .map_max_entries(names::SAMPLES, sample_ring)
            .load(object)
            .map_err(refused)?;
        let program = load_first(&mut ebpf, programs)?;
        for name in [names::PROGRAM_PROVE, names::PROGRAM_LEASE] {
            try_load(&mut ebpf, name)?.map_err(|error| explain(name, error))?;
        }
        if options.tags.mark.is_some() {
            load_tc(&mut ebpf, names::PROGRAM_TAG)?;
        }
        if options.tc {
            load_tc(&mut ebpf, names::PROGRAM_TC)?;
            load_tc(&mut ebpf, names::PROGRAM_TC_L3)?;
        }
        let buffers = Buffers::take(&mut ebpf)?;
        let failsafe = Tries::take(&mut ebpf, [names::FAILSAFE_V4, names::FAILSAFE_V6])?;
        let counters = Counters::take(&mut ebpf, interfaces, options.capacity)?;
        let kernel = Kernel {
            ebpf,
            buffers,
            failsafe,
            links: Links::default(),
            port: ports[0],
            program,
            capacity: options.capacity,
        };
        Ok((kernel, counters))
    }
}

fn count(what: &'static str, count: usize, most: usize) -> Result<u8, LoadError> {
    let number = u8::try_from(count).ok().filter(|_| (1..=most).contains(&count));
    number.ok_or(LoadError::TooMany { what, count, most })
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
                tracing::debug!("program {name} is not for this kernel");
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

/// Loads a tc program.
fn load_tc(ebpf: &mut Ebpf, name: &'static str) -> Result<(), LoadError> {
    let missing = || LoadError::Missing(name);
    let program = ebpf.program_mut(name).ok_or_else(missing)?;
    let program: &mut SchedClassifier = program.try_into().map_err(|_| missing())?;
    again(PATIENCE, || program.load()).map_err(|error| explain(name, error))
}

fn explain(program: &'static str, error: ProgramError) -> LoadError {
    match error {
        ProgramError::LoadError { io_error: source, verifier_log }
            if is_verdict(&source) && !is_silent(&verifier_log) =>
        {
            let log = verifier_log.to_string();
            LoadError::Verifier { program, source, summary: summary(&log), log }
        }
        ProgramError::LoadError { io_error: source, .. } => {
            refused_or(|| LoadError::Program { program, source })
        }
        error => refused(EbpfError::ProgramError(error)),
    }
}

/// True if an error is about the program itself, and not about privileges or missing resources.
fn is_verdict(error: &io::Error) -> bool {
    !matches!(error.raw_os_error(), Some(EAGAIN | EINTR | EPERM | ENOMEM | EMFILE | ENFILE))
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
    refused_or(|| match error {
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

fn refused_or(otherwise: impl FnOnce() -> LoadError) -> LoadError {
    if let Err(missing) = requirements::check() {
        return missing.into();
    }
    match requirements::missing_feature() {
        Some(missing) => missing.into(),
        None => otherwise(),
    }
}

#[cfg(test)]
mod tests;
