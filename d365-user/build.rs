//! Builds the kernel program into `$OUT_DIR/d365`, and gives its digest and the commit to the compiler.
//!
//! It installs nothing: where the kernel program cannot be built, `cargo xtask setup` is the way.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use aya_build::{Package, Toolchain};
use object::{File, Object as _, ObjectSymbol as _};
use sha2::{Digest as _, Sha256};

#[path = "../xtask/src/toolchain.rs"]
mod toolchain;

/// Everything that the binary is built from. A change elsewhere does not make the commit "dirty".
const INPUTS: [&str; 6] =
    ["Cargo.lock", "Cargo.toml", "d365-common", "d365-ebpf", "d365-user", "xtask/src/toolchain.rs"];

/// The profile of the kernel program. The verifier accepts what these settings make, and no others.
/// Variables precede the manifest and every configuration of cargo's; the manifest adds one setting for the
/// crate `d365-ebpf`.
const PROFILE: [(&str, &str); 11] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "2"),
    ("CARGO_PROFILE_RELEASE_STRIP", "none"),
    ("CARGO_PROFILE_RELEASE_LTO", "thin"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4"),
    ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
    ("CARGO_PROFILE_RELEASE_PANIC", "unwind"),
    // Without paths of this machine, the same sources make the same object in every directory.
    ("CARGO_PROFILE_RELEASE_TRIM_PATHS", "all"),
    ("CARGO_UNSTABLE_TRIM_PATHS", "true"),
];
/// Beginnings of variables by which a packager sets cargo's flags and profiles. They are for the daemon.
const FOREIGN: [&str; 6] = [
    "CARGO_BUILD_",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "CARGO_UNSTABLE_",
    "RUSTC_WRAPPER",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // No backtrace, whatever the environment says: the message is all that helps.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("not run by cargo")?);
    let workspace = manifest.parent().context("d365-user is not in its workspace")?;
    kernel_program(&workspace.join("d365-ebpf"))?;
    for input in INPUTS {
        println!("cargo:rerun-if-changed={}", workspace.join(input).display());
    }
    let path = PathBuf::from(env::var_os("OUT_DIR").context("not run by cargo")?).join("d365");
    let object = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    check(&object).with_context(|| format!("the kernel program in {} is unusable", path.display()))?;
    println!("cargo:rustc-env=D365_OBJECT={}", digest(&object));
    println!("cargo:rustc-env=D365_REVISION={}", revision(workspace).unwrap_or_else(|| "unknown".to_owned()));
    Ok(())
}

fn kernel_program(root: &Path) -> Result<()> {
    let facts = toolchain::Facts::gather();
    let choice = facts.choose().map_err(|missing| {
        anyhow!("cannot build the kernel program: {missing}\n\n    run `cargo xtask setup`\n")
    })?;
    let path = env::join_paths(toolchain::search_path())?;
    let foreign: Vec<OsString> =
        env::vars_os().map(|(name, _)| name).filter(|name| is_foreign(name)).collect();
    // SAFETY: a build script has one thread, and has started none yet.
    unsafe {
        foreign.iter().for_each(|name| env::remove_var(name));
        PROFILE.iter().for_each(|(name, value)| env::set_var(name, value));
        env::set_var("PATH", path);
        // Cargo shows every line of the inner cargo as a warning. Errors in the code are still shown.
        env::set_var("CARGO_TERM_QUIET", "true");
        if !choice.compiler.nightly {
            env::set_var("RUSTC_BOOTSTRAP", "1");
        }
    }
    let root_dir = root.to_str().context("the workspace's path is not UTF-8")?;
    // Without a rustup `aya-build` takes the compiler on the PATH and never looks at the name.
    let name = choice.compiler.name.as_deref().unwrap_or_default();
    let package = Package { name: "d365-ebpf", root_dir, ..Package::default() };
    aya_build::build_ebpf([package], Toolchain::Custom(name))
        .with_context(|| format!("building the kernel program with {choice:?}"))
}

/// Fails if the object has code for panics, which overflow checks and assertions bring and the verifier
/// refuses, or no BTF.
fn check(object: &[u8]) -> Result<()> {
    let object = File::parse(object)?;
    for section in [".BTF", ".BTF.ext"] {
        ensure!(object.section_by_name(section).is_some(), "it has no section {section}");
    }
    let panics = object.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains("panic")));
    ensure!(panics.is_none(), "it has code for panics: {panics:?}; was it built with another profile?");
    Ok(())
}

/// The SHA-256 digest of the object, 12 digits.
fn digest(object: &[u8]) -> String {
    Sha256::digest(object)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns true if this variable would change the kernel program.
fn is_foreign(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| FOREIGN.iter().any(|prefix| name.starts_with(prefix)))
}

/// The commit, 12 digits, `-dirty` behind it where one of [`INPUTS`] differs from it; `None` outside of git.
fn revision(workspace: &Path) -> Option<String> {
    // A source tarball may lie in somebody else's repository: that one's commit says nothing about us.
    let top_level = git(workspace, &["rev-parse", "--show-toplevel"])?;
    (Path::new(&top_level).canonicalize().ok()? == workspace.canonicalize().ok()?).then_some(())?;
    let head = git(workspace, &["rev-parse", "--short=12", "HEAD"])?;
    let mut watched = vec!["HEAD".to_owned(), "packed-refs".to_owned()];
    watched.extend(git(workspace, &["symbolic-ref", "--quiet", "HEAD"]));
    for name in watched {
        let path = workspace.join(git(workspace, &["rev-parse", "--git-path", &name])?);
        // A packed branch has no file until the next commit makes one in the nearest directory that is there;
        // a path that is not there would make cargo run this again each time.
        let there = path
            .ancestors()
            .find(|path| path.exists())
            .filter(|there| *there == path || name.starts_with("refs/"));
        if let Some(there) = there {
            println!("cargo:rerun-if-changed={}", there.display());
        }
    }
    let mut status = vec!["--no-optional-locks", "status", "--porcelain", "--"];
    status.extend(INPUTS);
    let dirty = if git(workspace, &status)?.is_empty() { "" } else { "-dirty" };
    Some(format!("{head}{dirty}"))
}

/// The output of git without the last line break; `None` if git fails.
fn git(workspace: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(workspace).args(args).output().ok()?;
    let stdout = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(stdout.trim_end().to_owned())
}
