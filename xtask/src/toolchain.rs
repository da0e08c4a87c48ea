//! Chooses the compiler and the linker that can build the kernel program on this machine.
//!
//! The target `bpfel-unknown-none` has no prebuilt `core`. It needs the `rust-src` of exactly the compiler in
//! use, and a `bpf-linker` whose LLVM is not older than the compiler's. This module looks and chooses; it
//! never changes the machine. It uses only the standard library, because `d365-user/build.rs` includes this
//! file by its path.

use std::{
    env,
    ffi::OsStr,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The name under which rustup knows Debian's compiler in `/usr`.
pub(crate) const LINKED: &str = "d365-bpf";

/// A compiler that has its `rust-src`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// Rustup's name for it; `None` for the compiler on the PATH of a machine without rustup.
    pub(crate) name: Option<String>,
    /// Major and minor version.
    pub(crate) release: (u32, u32),
    /// True if it accepts `-Z` flags without `RUSTC_BOOTSTRAP`.
    pub(crate) nightly: bool,
    /// Major version of its LLVM.
    pub(crate) llvm: u32,
}

/// A `bpf-linker` that can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    pub(crate) path: PathBuf,
    /// Major version of the LLVM library that it loads; `None` if it contains its own.
    pub(crate) llvm: Option<u32>,
}

/// Facts about the compilers and the linker of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// True if rustup is installed. `aya-build` then calls compilers only by rustup's names.
    pub(crate) rustup: bool,
    /// Every compiler with `rust-src`: those of rustup, or the one on the PATH without rustup.
    pub(crate) compilers: Vec<Compiler>,
    pub(crate) linker: Option<Linker>,
}

/// The compiler and the linker for the kernel program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice<'a> {
    pub(crate) compiler: &'a Compiler,
    pub(crate) linker: &'a Linker,
}

/// The reason why nothing can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// There is no compiler with `rust-src` that is new enough.
    Compiler,
    /// There is no linker.
    Linker,
    /// The linker's LLVM is older than the compiler's, which is this version.
    LinkerLlvm(u32),
}

impl Compiler {
    /// Returns true if it can build this workspace.
    pub(crate) fn is_new_enough(&self) -> bool {
        self.release >= oldest_release()
    }
}

impl Facts {
    /// Gathers the facts of this machine.
    pub(crate) fn gather() -> Self {
        let rustup = find("rustup").is_some();
        let compilers = if rustup { rustup_compilers() } else { compiler_on_path().into_iter().collect() };
        Self { rustup, compilers, linker: find("bpf-linker").and_then(linker_at) }
    }

    /// Chooses a compiler: the newest nightly, then Debian's. Without rustup, it is the one on the PATH. Its
    /// LLVM is not newer than `newest_llvm`.
    pub(crate) fn compiler(&self, newest_llvm: Option<u32>) -> Result<&Compiler, Missing> {
        let fits = |c: &&Compiler| c.is_new_enough() && newest_llvm.is_none_or(|newest| c.llvm <= newest);
        if !self.rustup {
            return self.compilers.iter().find(fits).ok_or(Missing::Compiler);
        }
        let nightlies = self.compilers.iter().filter(|c| c.nightly).filter(fits);
        let debians = || self.compilers.iter().find(|c| c.name.as_deref() == Some(LINKED)).filter(fits);
        nightlies.max_by_key(|c| c.release).or_else(debians).ok_or(Missing::Compiler)
    }

    /// Chooses a compiler and a linker that work together.
    pub(crate) fn choose(&self) -> Result<Choice<'_>, Missing> {
        let Some(linker) = &self.linker else {
            return Err(self.compiler(None).err().unwrap_or(Missing::Linker));
        };
        match self.compiler(linker.llvm) {
            Ok(compiler) if linker.llvm.is_some_and(|llvm| llvm < compiler.llvm) => {
                Err(Missing::LinkerLlvm(compiler.llvm))
            }
            Ok(compiler) => Ok(Choice { compiler, linker }),
            Err(missing) => Err(self.compiler(None).map_or(missing, |c| Missing::LinkerLlvm(c.llvm))),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = oldest_release();
        match self {
            Self::Compiler => {
                write!(f, "no compiler for the BPF target: rustc {major}.{minor} or newer with rust-src")
            }
            Self::Linker => f.write_str("no bpf-linker"),
            Self::LinkerLlvm(llvm) => {
                write!(f, "bpf-linker's LLVM is older than the compiler's, which is {llvm}")
            }
        }
    }
}

/// The workspace's `rust-version`.
fn oldest_release() -> (u32, u32) {
    major_minor(env!("CARGO_PKG_RUST_VERSION")).unwrap_or_default()
}

/// The directories of the PATH, and behind them cargo's own, which plain Debian does not have on the PATH.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    if let Some(bin) = home("CARGO_HOME", ".cargo").map(|home| home.join("bin"))
        && !dirs.contains(&bin)
    {
        dirs.push(bin);
    }
    dirs
}

/// The first file of this name on [`search_path`].
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// The compiler below `sysroot`, if it has its `rust-src`.
pub(crate) fn compiler_at(sysroot: &Path, name: Option<String>) -> Option<Compiler> {
    sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file().then_some(())?;
    let version = stdout_of(&sysroot.join("bin/rustc"), &["-vV"])?;
    parse_compiler(&version, name)
}

fn rustup_compilers() -> Vec<Compiler> {
    let Some(home) = home("RUSTUP_HOME", ".rustup") else { return Vec::new() };
    let Ok(entries) = fs::read_dir(home.join("toolchains")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().and_then(OsStr::to_str).map(str::to_owned);
    paths.iter().filter_map(|path| compiler_at(path, Some(name(path)?))).collect()
}

fn compiler_on_path() -> Option<Compiler> {
    let sysroot = stdout_of(&find("rustc")?, &["--print", "sysroot"])?;
    compiler_at(Path::new(sysroot.trim_end()), None)
}

fn linker_at(path: PathBuf) -> Option<Linker> {
    let libraries = stdout_of(Path::new("ldd"), &[path.to_str()?]).unwrap_or_default();
    let llvm = parse_linker_llvm(&libraries)?;
    Some(Linker { path, llvm })
}

/// Reads the output of `rustc -vV`.
pub(crate) fn parse_compiler(version: &str, name: Option<String>) -> Option<Compiler> {
    let field = |key: &str| version.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let release = field("release:")?;
    Some(Compiler {
        name,
        release: major_minor(release)?,
        nightly: release.ends_with("-nightly") || release.ends_with("-dev"),
        llvm: major_minor(field("LLVM version:")?)?.0,
    })
}

/// The LLVM version in the output of `ldd`. The outer `None` means that a library is not found: that linker
/// cannot start.
fn parse_linker_llvm(libraries: &str) -> Option<Option<u32>> {
    let Some(line) = libraries.lines().map(str::trim).find(|line| line.starts_with("libLLVM")) else {
        return Some(None);
    };
    let digits = line.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (!line.contains("not found")).then(|| digits[..end].parse().ok())
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The directory that this variable names, or its default below the home directory.
pub(crate) fn home(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(below_home)))
}

fn stdout_of(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
#[path = "toolchain_tests.rs"]
mod tests;
