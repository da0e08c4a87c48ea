//! Whether aya knows what this kernel can do. It asks once in a process, by small programs, and takes every failure for a no:
//! also that of a program whose verifier a signal interrupted.

use aya::{
    maps::MapType,
    programs::ProgramType,
    sys::{is_map_supported, is_program_supported},
};

use super::{
    interrupted::{PATIENCE, again},
    requirements,
};

/// Whether aya took a no of the moment for one of the kernel: then only a new process asks again.
///
/// Every kernel that the daemon needs takes names and global data. Where it does not take what is asked here either, it is a
/// lasting no, and loading says why.
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
