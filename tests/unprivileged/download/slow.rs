//! The client gives up a server that is too slow.

use std::{net::TcpListener, time::Duration};

use anyhow::Result;
use d365_tests::https::Answer;
use d365_user::source::{
    Reason,
    download::{Client, DownloadError, Limits, Options, Problem, Url},
};

use super::site::{Site, Trust, body, patient};

const SHORT: Duration = Duration::from_millis(200);

#[track_caller]
fn times_out(error: &DownloadError, step: &str) {
    assert!(matches!(error.problem, Problem::Timeout(found) if found.starts_with(step)), "{error}");
    assert_eq!(error.reason(), Reason::Timeout);
}

#[test]
fn a_server_that_never_shakes_hands() -> Result<()> {
    let trust = Trust::new()?;
    // The kernel completes the TCP handshake. Nobody accepts the connection, so the TLS handshake never
    // starts.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url: Url = format!("https://localhost:{}/", listener.local_addr()?.port()).parse()?;
    let limits = Limits { connect: Duration::from_secs(1), ..patient() };
    let client = Client::new(&Options { limits, ..trust.options() })?;
    times_out(&body(&client, &url).unwrap_err(), "while connecting");
    Ok(())
}

#[test]
fn a_server_that_never_answers() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::silence()]);
    times_out(&site.error_within(Limits { response: SHORT, ..patient() }, "/"), "before an answer came");
    times_out(&site.error_within(Limits { whole: SHORT, ..patient() }, "/"), "before the download was whole");
    Ok(())
}

#[test]
fn a_body_that_stops_coming() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("0123456789").dripping(5, Duration::from_secs(2))]);
    times_out(&site.error_within(Limits { stall: SHORT, ..patient() }, "/"), "while nothing came");
    Ok(())
}

#[test]
fn a_body_that_never_stops_coming() -> Result<()> {
    let site = Site::new()?;
    // The body is never silent for long, and it never ends.
    site.server.route("/", [Answer::blanks(100_000).dripping(1, Duration::from_millis(5))]);
    let limits = Limits { whole: Duration::from_secs(1), ..patient() };
    times_out(&site.error_within(limits, "/"), "before the download was whole");
    Ok(())
}

#[test]
fn no_time_is_no_request() -> Result<()> {
    let site = Site::new()?;
    times_out(
        &site.error_within(Limits { whole: Duration::ZERO, ..patient() }, "/"),
        "before the download was whole",
    );
    assert!(site.server.received().is_empty());
    Ok(())
}
