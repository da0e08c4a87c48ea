//! The client gives up a server that is too slow.

use std::{net::TcpListener, time::Duration};

use anyhow::Result;
use d365_tests::https::Answer;
use d365_user::source::download::{Client, Limits, Options, Phase, Problem, Url};

use super::site::{Site, Trust, body, patient};

const SHORT: Duration = Duration::from_millis(200);

#[track_caller]
fn times_out(problem: &Problem, phase: Phase) {
    assert!(matches!(problem, Problem::Timeout(found) if *found == phase), "{problem}");
    assert_eq!(problem.as_str(), "timeout");
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
    times_out(&body(&client, &url).unwrap_err().problem, Phase::Connect);
    Ok(())
}

#[test]
fn a_server_that_never_answers() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::silence()]);
    times_out(&site.problem_within(Limits { response: SHORT, ..patient() }, "/"), Phase::Response);
    times_out(&site.problem_within(Limits { whole: SHORT, ..patient() }, "/"), Phase::Whole);
    Ok(())
}

#[test]
fn a_body_that_stops_coming() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("0123456789").dripping(5, Duration::from_secs(2))]);
    times_out(&site.problem_within(Limits { stall: SHORT, ..patient() }, "/"), Phase::Stall);
    Ok(())
}

#[test]
fn a_body_that_never_stops_coming() -> Result<()> {
    let site = Site::new()?;
    // The body is never silent for long, and it never ends.
    site.server.route("/", [Answer::blanks(100_000).dripping(1, Duration::from_millis(5))]);
    let limits = Limits { whole: Duration::from_secs(1), ..patient() };
    times_out(&site.problem_within(limits, "/"), Phase::Whole);
    Ok(())
}

#[test]
fn no_time_is_no_request() -> Result<()> {
    let site = Site::new()?;
    times_out(&site.problem_within(Limits { whole: Duration::ZERO, ..patient() }, "/"), Phase::Whole);
    assert!(site.server.received().is_empty());
    Ok(())
}
