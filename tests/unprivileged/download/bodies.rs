//! The client accepts a body only if it is complete and unencoded, and it never reads more than the limit.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use d365_tests::https::Answer;
use d365_user::source::download::Problem;

use super::site::{LIMIT, Site};

const GIGABYTE: u64 = 1 << 30;

#[test]
fn a_body_comes_however_it_is_framed() -> Result<()> {
    let site = Site::new()?;
    let body: Vec<u8> = (0..LIMIT).map(|number| number.to_le_bytes()[0]).collect();
    site.server.route("/length", [Answer::ok(&body)]);
    site.server.route("/chunked", [Answer::ok(&body).chunked()]);
    site.server.route("/close", [Answer::ok(&body).until_close()]);
    for path in ["/length", "/chunked", "/close"] {
        assert!(site.get(path)? == body, "{path}");
    }
    site.server.route("/empty", [Answer::ok("")]);
    assert!(site.get("/empty")?.is_empty());
    Ok(())
}

#[test]
fn a_body_ends_at_the_limit() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/announced", [Answer::blanks(GIGABYTE)]);
    site.server.route("/chunked", [Answer::blanks(GIGABYTE).chunked()]);
    site.server.route("/close", [Answer::blanks(GIGABYTE).until_close()]);
    site.server.route("/one-more", [Answer::blanks(LIMIT + 1).chunked()]);
    for path in ["/announced", "/chunked", "/close", "/one-more"] {
        let error = site.get(path).unwrap_err();
        assert!(matches!(error.problem, Problem::TooLarge { limit: LIMIT }), "{path}: {error}");
        assert_eq!(error.reason().as_str(), "too_large");
    }
    // The server's count includes bytes that the client never read: they are still in the buffers of the
    // sockets.
    assert!(site.server.sent() < GIGABYTE / 8, "{} bytes were taken", site.server.sent());
    Ok(())
}

#[test]
fn what_is_announced_counts() -> Result<()> {
    let site = Site::new()?;
    // The client allocates no memory for bytes that a server announces and does not send.
    site.server.route("/huge", [Answer::ok("short").claiming(u64::MAX)]);
    let problem = site.problem("/huge");
    assert!(matches!(problem, Problem::TooLarge { .. }), "{problem}");
    site.server.route("/less", [Answer::ok("a document").claiming(1)]);
    assert_eq!(site.get("/less")?, b"a");
    Ok(())
}

#[test]
fn half_a_body_is_none() -> Result<()> {
    let site = Site::new()?;
    let whole = || Answer::ok([b'x'; 1000]);
    site.server.route("/short", [whole().claiming(2000)]);
    site.server.route("/reset", [whole().reset_after(500)]);
    site.server.route("/reset-at-once", [whole().reset_after(0)]);
    site.server.route("/reset-chunked", [whole().chunked().reset_after(1000)]);
    for path in ["/short", "/reset", "/reset-at-once", "/reset-chunked"] {
        let error = site.get(path).unwrap_err();
        assert!(
            matches!(error.problem, Problem::Truncated { received } if received <= 1000),
            "{path}: {error}"
        );
        assert_eq!(error.reason().as_str(), "truncated");
    }
    Ok(())
}

#[test]
fn an_encoded_body_is_none() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/gzip", [Answer::ok([0x1f, 0x8b]).header("Content-Encoding", "gzip")]);
    let problem = site.problem("/gzip");
    assert!(matches!(&problem, Problem::Encoded(encoding) if encoding == "gzip"), "{problem}");
    assert_eq!(site.server.received()[0].header("accept-encoding"), Some("identity"));
    site.server.route("/plain", [Answer::ok("x").header("Content-Encoding", "identity")]);
    assert_eq!(site.get("/plain")?, b"x");
    Ok(())
}

#[test]
fn only_success_has_a_document() -> Result<()> {
    let site = Site::new()?;
    // The client did not make a conditional request, so status 304 is an error too.
    for status in [201, 206, 300, 304, 400, 403, 404, 429, 500, 503] {
        let answer = Answer::status(status);
        site.server.route("/", [if status == 304 { answer.claiming(0) } else { answer }]);
        let problem = site.problem("/");
        assert!(matches!(problem, Problem::Status(found) if found == status), "{status}: {problem}");
    }
    Ok(())
}

#[test]
fn a_server_that_asks_for_rest_is_heard() -> Result<()> {
    let site = Site::new()?;
    let rest = |status, value: &str| {
        site.server.route("/", [Answer::status(status).header("Retry-After", value)]);
        match site.problem("/") {
            Problem::RetryAfter { status: found, pause } if found == status => Some(pause.as_secs()),
            Problem::Status(found) if found == status => None,
            problem => panic!("{status}, {value}: {problem}"),
        }
    };
    for status in [429, 503] {
        assert_eq!(rest(status, "120"), Some(120));
        assert_eq!(rest(status, "31536000"), Some(86_400), "a day at most");
        assert_eq!(rest(status, "Sun, 06 Nov 1994 08:49:37 GMT"), Some(0), "it is over");
        let soon =
            humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_secs(3600)).to_string();
        assert_eq!(rest(status, &soon), None, "no date of HTTP's");
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        let asked = rest(status, &soon);
        assert!(asked.is_some_and(|seconds| (3500..=3600).contains(&seconds)), "{asked:?}");
    }
    assert_eq!(rest(404, "120"), None, "others do not ask");
    assert_eq!(rest(500, "120"), None);
    Ok(())
}

#[test]
fn a_head_without_end_is_not_read() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("x").header("X-Long", &"y".repeat(1 << 20))]);
    let problem = site.problem("/");
    assert!(matches!(problem, Problem::Protocol(_)), "{problem}");
    Ok(())
}

#[test]
fn a_page_that_keeps_programs_out_is_told_as_one() -> Result<()> {
    let site = Site::new()?;
    let page = |status, body: &str| {
        Answer::ok(body).with_status(status).header("Content-Type", "text/html; charset=UTF-8")
    };
    for (status, answer, by) in [
        (
            403,
            page(403, "<!DOCTYPE html><title>Just a moment...</title>").header("cf-mitigated", "challenge"),
            "Cloudflare",
        ),
        (503, page(503, "<html>_cf_chl_opt").header("Server", "cloudflare"), "Cloudflare"),
        (429, page(429, "<HTML><TITLE>Access Denied</TITLE>").header("Server", "AkamaiGHost"), "Akamai"),
        (
            403,
            page(403, "<html><h2>The request is blocked.</h2>").header("x-azure-ref", "0"),
            "Azure Front Door",
        ),
    ] {
        site.server.route("/", [answer]);
        let error = site.get("/").unwrap_err();
        let is_it = |problem: &Problem| matches!(problem, Problem::Challenge { by: found, status: of, retry_after: None } if *found == by && *of == status);
        assert!(is_it(&error.problem), "{by}: {error}");
        assert!(
            error.reason().as_str() == "challenge" && error.to_string().contains("--user-agent"),
            "{error}"
        );
    }
    site.server
        .route("/", [page(429, "<html>").header("cf-mitigated", "challenge").header("Retry-After", "60")]);
    assert_eq!(site.get("/").unwrap_err().retry_after(), Some(Duration::from_secs(60)));
    // An error page of the server itself is not a challenge.
    site.server
        .route("/", [page(403, "<html><h1>403 Forbidden</h1><hr>nginx").header("Server", "cloudflare")]);
    let problem = site.problem("/");
    assert!(matches!(problem, Problem::Status(403)), "{problem}");
    assert!(problem.to_string().contains("check the token in the URL"), "{problem}");
    Ok(())
}
