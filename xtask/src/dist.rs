//! `cargo xtask dist`: makes the packages of a release in `target/dist`.
//!
//! The same commit makes the same bytes in every directory: the time is the commit's, and no path of this
//! machine is in a file. `--check` shows that by a second build.

mod archive;
mod build;
mod judge;
mod package;
mod same;

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;

use self::{
    build::{Architecture, Linking},
    package::Package,
};
use crate::{cargo, command, setup, tools};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Architectures of Debian to build for; all when none is given
    #[arg(long, num_args = 1.., value_name = "NAME", value_parser = PossibleValuesParser::new(build::NAMES))]
    arch: Vec<String>,
    /// Check the packages with Debian's tools, boot the one for arm64, build again in another directory, and
    /// fail unless all files are the same
    #[arg(long)]
    check: bool,
}

/// Makes the packages.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(setup::Options::default())?;
    let is_wanted =
        |a: &Architecture| options.arch.is_empty() || options.arch.iter().any(|arch| arch == a.debian);
    let architectures: Vec<Architecture> = build::ARCHITECTURES.into_iter().filter(is_wanted).collect();
    let mut changes = Vec::new();
    architectures.iter().for_each(|architecture| changes.extend(architecture.needs()));
    tools::provide(changes, &[tools::DEB, tools::RPM, tools::SBOM])?;
    let out = cargo::target_dir()?.join("dist");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let files = package::generated()?;
    for architecture in &architectures {
        let binary = build::binary(architecture, Linking::Shared)?;
        build::check_libc(&binary)?;
        let package = Package::stage(architecture, &binary, &files)?;
        package.deb(&out)?;
        package.rpm(&out)?;
        let binary = build::binary(architecture, Linking::Static)?;
        Package::stage(architecture, &binary, &files)?.tar(&out)?;
    }
    archive::sbom(&out)?;
    archive::sums(&out)?;
    if options.check {
        judge::judge(&out)?;
        same::check(&out, &options.arch)?;
    }
    print!("{}", command::stdout(Command::new("ls").arg("-l").arg(&out))?);
    Ok(())
}

/// Makes the Debian package with this binary for this machine, for tests, and returns its directory.
pub(crate) fn for_tests(binary: &Path, into: &Path) -> Result<()> {
    tools::provide(Vec::new(), &[tools::DEB])?;
    let files = package::generated()?;
    Package::stage(&build::ARCHITECTURES[0], binary, &files)?.deb(into)
}
