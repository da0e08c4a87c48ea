//! Detects wrong results of aya's feature probes. aya probes the kernel once per process with small programs
//! and treats every failure as a missing feature. This includes a load that a signal interrupted in the
//! verifier.

use aya::{
    maps::MapType,
    programs::ProgramType,
    sys::{is_map_supported, is_program_supported},
};

use super::{
    interrupted::{PATIENCE, again},
    requirements,
};

/// Returns true if aya recorded a feature as missing that this kernel has. Only a new process makes aya probe
/// again.
///
/// Every kernel that the daemon can run on supports names and global data. If the kernel also rejects the
/// maps and programs that this function probes itself, the feature is really missing, and loading reports the
/// reason.
#[must_use]
pub fn are_misjudged() -> bool {
    let features = aya::features();
    let is_known = features.bpf_name() && features.bpf_global_data();
    !is_known && requirements::check().is_ok() && takes_maps_and_programs()
}

fn takes_maps_and_programs() -> bool {
    let takes_maps = matches!(is_map_supported(MapType::Array), Ok(true));
    let of = |kind| again(PATIENCE, || is_program_supported(kind));
    takes_maps
        && [ProgramType::Xdp, ProgramType::SchedClassifier]
            .into_iter()
            .all(|kind| matches!(of(kind), Ok(true)))
}
