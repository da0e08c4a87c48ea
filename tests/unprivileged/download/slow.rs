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
const WHOLE: &str = "before the download was whole";

#[track_caller]
fn times_out(error: &DownloadError, step: &str) {
    assert!(matches!(error.problem, Problem::Timeout(found) if found.starts_with(step)), "{step}: {error}");
    assert_eq!(error.reason(), Reason::Timeout);
}

#[test]
fn a_server_that_never_shakes_hands() -> Result<()> {
    let trust = Trust::new()?;
    // The kernel completes the TCP handshake. No program accepts the connection, so the TLS handshake never
    // starts.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url: Url = format!("https://localhost:{}/", listener.local_addr()?.port()).parse()?;
    let limits = Limits { connect: Duration::from_secs(1), ..patient() };
    let client = Client::new(&Options { limits, ..trust.options() })?;
    times_out(&body(&client, &url).unwrap_err(), "while connecting");
    Ok(())
}

#[test]
fn an_answer_that_does_not_come_that_stops_or_that_never_ends() -> Result<()> {
    let site = Site::new()?;
    times_out(&site.error_within(Limits { whole: Duration::ZERO, ..patient() }, "/"), WHOLE);
    assert!(site.server.received().is_empty(), "nothing is requested without time left");
    let stops = Answer::ok("0123456789").dripping(5, Duration::from_secs(2));
    // The body is never silent for long, and it never ends.
    let endless = Answer::blanks(100_000).dripping(1, Duration::from_millis(5));
    for (answer, limits, step) in [
        (Answer::silence(), Limits { response: SHORT, ..patient() }, "before an answer came"),
        (Answer::silence(), Limits { whole: SHORT, ..patient() }, WHOLE),
        (stops, Limits { stall: SHORT, ..patient() }, "while nothing came"),
        (endless, Limits { whole: Duration::from_secs(1), ..patient() }, WHOLE),
    ] {
        site.server.route("/", [answer]);
        times_out(&site.error_within(limits, "/"), step);
    }
    Ok(())
}
