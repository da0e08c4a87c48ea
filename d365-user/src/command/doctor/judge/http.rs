//! The check of the HTTP server's address and web configuration.

use super::super::{
    facts::Http,
    finding::{Check, Finding, error, ok, warning},
};
use crate::http::exposure;

pub(super) fn judge(http: &Http) -> Vec<Finding> {
    let judge = || {
        let config = match http.web_config.as_ref()? {
            Ok(config) => config,
            Err(problem) => {
                return error(problem.to_string(), "correct the file; the daemon would not start");
            }
        };
        let listen = &http.listen;
        if let Some(exposure) = exposure(std::slice::from_ref(listen), config) {
            return warning(format!("not protected on {listen}"), exposure.to_string());
        }
        if let Some(remark) = config.remarks().first() {
            return warning(format!("the web configuration for {listen}"), remark.to_string());
        }
        ok(match (listen.is_local(), config.has_tls(), config.has_passwords()) {
            (true, false, false) => format!("{listen}: only this host can connect"),
            (_, has_tls, has_passwords) => {
                let tls = if has_tls { "with TLS" } else { "without TLS" };
                format!("{listen}: {tls}, {} passwords", if has_passwords { "with" } else { "without" })
            }
        })
    };
    Finding::all([(Check::Http, judge())])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{command::doctor::finding::Level, http::WebConfig, kernel::survey::Unknown};

    fn found(listen: &str, web_config: Result<WebConfig, Unknown>) -> (Level, String, String) {
        let http = Http { listen: listen.parse().unwrap(), web_config: web_config.map(Ok) };
        let judgement = judge(&http).remove(0).judgement;
        (judgement.level, judgement.found, judgement.advice.unwrap_or_default())
    }

    #[test]
    fn beyond_loopback_without_protection_is_a_warning() {
        for local in ["127.0.0.1:9365", "[::1]:0", "unix:/run/d365.sock"] {
            let found = found(local, Ok(WebConfig::default()));
            assert_eq!((found.0, found.1), (Level::Ok, format!("{local}: only this host can connect")));
        }
        let (level, text, advice) = found("0.0.0.0:9365", Ok(WebConfig::default()));
        assert_eq!((level, text.as_str()), (Level::Warning, "not protected on 0.0.0.0:9365"));
        assert!(advice.contains("--web-config"), "{advice}");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_an_error() {
        let web_config = Ok(WebConfig::read(Path::new("/nowhere/web.yml")));
        let http = Http { listen: "127.0.0.1:9365".parse().unwrap(), web_config };
        let judgement = judge(&http).remove(0).judgement;
        assert_eq!(judgement.level, Level::Error);
        assert!(judgement.found.contains("/nowhere/web.yml"), "{}", judgement.found);
        let (level, text, _) = found("127.0.0.1:9365", Err(Unknown::Refused("not allowed".into())));
        assert!(level == Level::Warning && text.contains("not allowed"), "{text}");
    }
}
