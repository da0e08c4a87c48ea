//! Another build of the daemon: its kernel object has another digest, and does the same.

use std::{fs, os::unix::fs::PermissionsExt as _};

use d365_tests::{daemon, temp::TempFile};
use d365_user::kernel::OBJECT;
use object::{Object as _, ObjectSection as _, SectionKind};

/// Bytes between two places at which the object may be in the program.
const ALIGNMENT: usize = 8;
/// `BPF_ALU64 | BPF_MOV | BPF_K` and `BPF_ALU | BPF_MOV | BPF_K` (linux/bpf.h): a register becomes a number.
/// Both do the same with a number that is not negative.
const MOVE: u8 = 0xb7;
const SHORT_MOVE: u8 = 0xb4;

/// The daemon's program with another object.
pub(super) fn make() -> TempFile {
    let mut program = fs::read(daemon::binary().unwrap()).unwrap();
    let at = (0..program.len()).step_by(ALIGNMENT).find(|at| program[*at..].starts_with(OBJECT));
    let at = at.expect("the daemon has the object that these tests have");
    change(&mut program[at..at + OBJECT.len()]);
    let file = TempFile::new("another-build", &program);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// Changes all such instructions of all programs.
fn change(object: &mut [u8]) {
    let file = object::File::parse(OBJECT).unwrap();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        let (offset, size) = section.file_range().unwrap();
        let [from, to] = [offset, offset + size].map(|at| usize::try_from(at).unwrap());
        let instructions = object[from..to].chunks_mut(8);
        instructions
            .filter(|bytes| bytes[0] == MOVE && bytes[7] < 0x80)
            .for_each(|bytes| bytes[0] = SHORT_MOVE);
    }
}
