//! The kernel program is the same whatever a packager sets for the daemon: the verifier accepts what its own
//! profile makes, and no other program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{env, fs, path::PathBuf, process::Command};

use d365_tests::temp::TempDir;
use d365_user::kernel::OBJECT;

/// Settings of packagers, each of which would change the program.
const SETTINGS: [(&str, &str); 9] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "true"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "0"),
    ("CARGO_BUILD_RUSTFLAGS", "-Copt-level=1"),
    ("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=1"),
    ("RUSTFLAGS", "-Copt-level=1"),
];

/// The newest build script of the daemon, as cargo built it for this test.
fn build_script() -> PathBuf {
    let program = env::current_exe().unwrap();
    let build = program.ancestors().nth(2).unwrap().join("build");
    let scripts = fs::read_dir(build).unwrap().map(|entry| entry.unwrap().path());
    let scripts =
        scripts.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("d365-user-"));
    let scripts = scripts.map(|path| path.join("build-script-build")).filter(|path| path.is_file());
    scripts.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap()
}

#[test]
fn a_packagers_settings_do_not_change_the_kernel_program() {
    let out = TempDir::new("object");
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../d365-user").canonicalize().unwrap();
    let mut script = Command::new(build_script());
    script.current_dir(&manifest).env("CARGO_MANIFEST_DIR", &manifest).env("OUT_DIR", out.path());
    script.env("CARGO_CFG_TARGET_ENDIAN", "little").env("CARGO_CFG_TARGET_ARCH", env::consts::ARCH);
    let output = script.envs(SETTINGS).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read(out.file("d365")).unwrap() == OBJECT, "the object has changed");
}
