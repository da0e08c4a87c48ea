//! A process inherits its trusted roots and its proxy from the environment, and its memory stays bounded.
//! Each test starts this program again as a process of its own.

use std::{
    env,
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use d365_tests::{
    https::{Answer, Proxy},
    temp::TempFile,
};
use d365_user::source::download::{Client, Options, Target, fetch};

use super::site::Site;

/// Variable with the URL that the other process fetches.
const URL: &str = "D365_TEST_FETCH";

/// This is not a test: it is the code of the other process. The process fetches the URL, then prints the
/// result and its peak memory.
#[test]
fn in_another_process() -> Result<()> {
    let Ok(url) = env::var(URL) else { return Ok(()) };
    let client = Client::new(&Options::from_environment()?)?;
    match fetch(&client, &Target::document(url.parse()?, &[]), None) {
        Ok(fetched) => println!("fetched: {fetched:?}"),
        Err(error) => println!("failed: {} {error}", error.reason().as_str()),
    }
    println!("peak: {}", peak()?);
    Ok(())
}

/// Peak memory of this process, in bytes.
fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}

/// Fetches the URL in another process that trusts the authority in this file.
fn in_another(url: &str, authority: &TempFile, variables: &[(&str, String)]) -> Result<String> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", "download::environment::in_another_process", "--nocapture"]);
    for name in
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_DIR"]
    {
        command.env_remove(name);
    }
    command.env(URL, url).env("SSL_CERT_FILE", authority.path()).envs(variables.iter().cloned());
    let Output { status, stdout, stderr } = command.output().context("cannot start itself")?;
    let output = String::from_utf8(stdout)?;
    ensure!(status.success(), "{output}{}", String::from_utf8_lossy(&stderr));
    Ok(output)
}

#[test]
fn an_authority_of_the_systems_is_trusted() -> Result<()> {
    let (site, other) = (Site::new()?, Site::new()?);
    site.server.route("/", [Answer::ok("here")]);
    for (trust, expected) in [(&site.trust, "fetched: Some(Document"), (&other.trust, "failed: tls ")] {
        let output = in_another(site.url("/").as_str(), &trust.file, &[])?;
        assert!(output.contains(expected), "{output}");
    }
    Ok(())
}

/// Exceptions are by name, by name and port, and by prefix.
#[test]
fn the_environments_proxy_is_asked_unless_the_host_is_an_exception() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("here")]);
    let proxy = Proxy::to(site.server.address())?;
    let by_name = site.url("/");
    let by_address = site.server.url("/").replace("localhost", "127.0.0.1");
    let host = by_name.host().to_string();
    for (url, exceptions, asked) in [
        (by_name.as_str(), "", 1),
        (by_name.as_str(), "localhost", 0),
        (by_name.as_str(), &host, 0),
        (by_name.as_str(), "localhost:1", 1),
        (&by_address, "10.0.0.0/8,127.0.0.0/8", 0),
        (&by_address, "10.0.0.0/8", 1),
    ] {
        let before = proxy.asked().len();
        let variables = [("HTTPS_PROXY", proxy.url()), ("NO_PROXY", exceptions.to_owned())];
        let output = in_another(url, &site.trust.file, &variables)?;
        assert!(output.contains("fetched: Some(Document"), "{output}");
        assert_eq!(proxy.asked().len() - before, asked, "{exceptions}: {url}");
    }
    assert_eq!(proxy.asked()[0], host);
    Ok(())
}

#[test]
fn a_gigabyte_does_not_get_into_memory() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/small", [Answer::ok("small")]);
    site.server.route("/announced", [Answer::blanks(1 << 30)]);
    site.server.route("/chunked", [Answer::blanks(1 << 30).chunked()]);
    let peak = |path: &str| -> Result<(u64, bool)> {
        let output = in_another(site.url(path).as_str(), &site.trust.file, &[])?;
        let peak = output.lines().find_map(|line| line.strip_prefix("peak: ")).context("no peak")?;
        Ok((peak.parse()?, output.contains("failed: too_large ")))
    };
    let (least, _) = peak("/small")?;
    for path in ["/announced", "/chunked"] {
        let (most, too_large) = peak(path)?;
        assert!(too_large, "{path}");
        // The limit counts twice: while the buffer of a body without a length grows, the old and the new one
        // exist together.
        let limit = 2 * d365_user::source::MAX_BYTES + (8 << 20);
        assert!(most < least + limit, "{path}: {most} bytes, {least} for a small body");
    }
    Ok(())
}
