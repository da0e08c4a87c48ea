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
    site.server.route("/less", [Answer::ok("a document").claiming(1)]);
    assert_eq!(site.get("/less")?, b"a", "as much as is announced");
    site.server.route("/plain", [Answer::ok("x").header("Content-Encoding", "identity")]);
    assert_eq!(site.get("/plain")?, b"x");
    Ok(())
}

#[test]
fn a_body_that_is_too_long_cut_off_or_encoded_is_rejected() -> Result<()> {
    let site = Site::new()?;
    let whole = || Answer::ok([b'x'; 1000]);
    for (name, answer, reason) in [
        ("announced", Answer::blanks(GIGABYTE), "too_large"),
        ("in chunks", Answer::blanks(GIGABYTE).chunked(), "too_large"),
        ("until the end", Answer::blanks(GIGABYTE).until_close(), "too_large"),
        ("one byte more", Answer::blanks(LIMIT + 1).chunked(), "too_large"),
        // The client allocates no memory for bytes that a server announces and does not send.
        ("announced only", Answer::ok("short").claiming(u64::MAX), "too_large"),
        ("short", whole().claiming(2000), "truncated"),
        ("reset", whole().reset_after(500), "truncated"),
        ("reset at once", whole().reset_after(0), "truncated"),
        ("reset in chunks", whole().chunked().reset_after(1000), "truncated"),
        ("gzip", Answer::ok([0x1f, 0x8b]).header("Content-Encoding", "gzip"), "encoding"),
        ("a long head", Answer::ok("x").header("X-Long", &"y".repeat(1 << 20)), "protocol"),
    ] {
        site.server.route("/", [answer]);
        let error = site.get("/").unwrap_err();
        assert_eq!(error.reason().as_str(), reason, "{name}: {error}");
        let has_details = match &error.problem {
            Problem::TooLarge { limit } => *limit == LIMIT,
            Problem::Truncated { received } => *received <= 1000,
            Problem::Encoded(encoding) => encoding == "gzip",
            _ => true,
        };
        assert!(has_details, "{name}: {error}");
    }
    // The server's count includes bytes that the client never read: they are still in the buffers of the
    // sockets.
    assert!(site.server.sent() < GIGABYTE / 8, "{} bytes were taken", site.server.sent());
    assert_eq!(site.server.received()[0].header("accept-encoding"), Some("identity"));
    Ok(())
}

#[test]
fn an_answer_without_success_is_rejected_and_retry_after_is_read() -> Result<()> {
    let site = Site::new()?;
    // The client did not make a conditional request, so status 304 is an error too.
    for status in [201, 206, 300, 304, 400, 403, 404, 429, 500, 503] {
        let answer = Answer::status(status);
        site.server.route("/", [if status == 304 { answer.claiming(0) } else { answer }]);
        let problem = site.problem("/");
        assert!(matches!(problem, Problem::Status(found) if found == status), "{status}: {problem}");
    }
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    // With another status the field has no effect.
    for (status, asks) in [(429, true), (503, true), (404, false), (500, false)] {
        for (value, pause) in [("120", 120..=120), (&soon, 3500..=3600)] {
            site.server.route("/", [Answer::status(status).header("Retry-After", value)]);
            let problem = site.problem("/");
            let is_read = match problem {
                Problem::RetryAfter { status: found, pause: asked } => {
                    asks && found == status && pause.contains(&asked.as_secs())
                }
                Problem::Status(found) => !asks && found == status,
                _ => false,
            };
            assert!(is_read, "{status}, {value}: {problem}");
        }
    }
    site.server.route("/", [Answer::status(503).header("Retry-After", "in an hour")]);
    assert!(matches!(site.problem("/"), Problem::Status(503)));
    Ok(())
}

#[test]
fn a_page_that_keeps_programs_out_is_rejected() -> Result<()> {
    let site = Site::new()?;
    let page = |status, body: &str| {
        Answer::ok(body).with_status(status).header("Content-Type", "text/html; charset=UTF-8")
    };
    for (answer, status, by, pause) in [
        (page(403, "<html>").header("cf-mitigated", "challenge"), 403, "Cloudflare", None),
        (page(503, "<html>_cf_chl_opt").header("Server", "cloudflare"), 503, "Cloudflare", None),
        (
            page(403, "<html>The request is blocked.").header("x-azure-ref", "0"),
            403,
            "Azure Front Door",
            None,
        ),
        (
            page(429, "<HTML>Denied").header("Server", "AkamaiGHost").header("Retry-After", "60"),
            429,
            "Akamai",
            Some(Duration::from_secs(60)),
        ),
    ] {
        site.server.route("/", [answer]);
        let error = site.get("/").unwrap_err();
        let Problem::Challenge { by: found, status: of, retry_after } = error.problem else {
            panic!("{by}: {error}")
        };
        assert_eq!((found, of, retry_after), (by, status, pause));
        assert!(
            error.reason().as_str() == "challenge" && error.to_string().contains("--user-agent"),
            "{error}"
        );
    }
    // An error page of the server itself is not a challenge.
    site.server
        .route("/", [page(403, "<html><h1>403 Forbidden</h1><hr>nginx").header("Server", "cloudflare")]);
    let problem = site.problem("/");
    assert!(matches!(problem, Problem::Status(403)), "{problem}");
    assert!(problem.to_string().contains("check the token in the URL"), "{problem}");
    Ok(())
}
