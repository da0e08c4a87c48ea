//! Prometheus and its `node_exporter` on ports of 127.0.0.1 that the kernel chooses.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{capture::Capture, child::die_with_parent, http, patience};

/// The time within which such a program listens or ends.
const START: Duration = Duration::from_secs(60);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    log: Capture,
    address: SocketAddr,
}

/// The state of a scraped target.
#[derive(Clone, Debug)]
pub struct Target {
    /// True if the last scrape succeeded.
    pub is_up: bool,
    /// The error of the last scrape.
    pub error: String,
}

impl Prometheus {
    /// Starts Prometheus with this configuration file. Its data goes into `directory`.
    pub fn start(config: &Path, directory: &Path) -> Result<Self> {
        let mut command = Command::new("prometheus");
        // The log then has the error of each scrape that fails.
        command.arg("--log.level=debug");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.display()));
        let started = Self::spawn(command, "Server is ready to receive web requests")?;
        started.map_err(|log| anyhow::anyhow!("Prometheus ended:\n{log}"))
    }

    /// Runs `node_exporter` with this web configuration, until it serves or ends. Returns `None` if it
    /// serves, and otherwise its log.
    pub fn refusal_of_node_exporter(web_config: &Path) -> Result<Option<String>> {
        let mut command = Command::new("prometheus-node-exporter");
        command
            .arg(format!("--web.config.file={}", web_config.display()))
            .arg("--collector.disable-defaults");
        let mut started = match Self::spawn(command, "TLS is ")? {
            Ok(started) => started,
            Err(log) => return Ok(Some(log)),
        };
        // Some errors come after that line. A server answers plain HTTP in any case, with TLS by an error.
        if started.answers() {
            return Ok(None);
        }
        let ended = patience::wait(START, || Ok(started.child.try_wait()?))?;
        ended.context("node_exporter neither answers nor ends")?;
        Ok(Some(started.log.whole()))
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
            let mut begin = [0; 7];
            stream.read_exact(&mut begin)?;
            Ok(begin == *b"HTTP/1.")
        };
        ask().unwrap_or(false)
    }

    fn spawn(mut command: Command, ready: &str) -> Result<Result<Self, String>> {
        command.arg("--web.listen-address=127.0.0.1:0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        die_with_parent(&mut command);
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut log = Capture::start(child.stderr.take().context("no standard error")?);
        let ready = patience::wait(START, || {
            Ok(if child.try_wait()?.is_some() {
                Some(None)
            } else {
                Some(address(&log.so_far())).filter(|found| found.is_some() && log.so_far().contains(ready))
            })
        });
        match ready? {
            Some(Some(address)) => Ok(Ok(Self { child, log, address })),
            Some(None) => Ok(Err(log.whole())),
            None => {
                child.kill()?;
                bail!("{command:?} is not ready after {START:?}:\n{}", log.whole())
            }
        }
    }

    /// Its log up to now.
    pub fn log(&self) -> String {
        self.log.so_far()
    }

    fn api(&self, path: &str) -> Result<Value> {
        let answer = http::get(self.address, path, &[])?;
        serde_json::from_str(&answer.body).with_context(|| format!("{path}: {}", answer.body))
    }

    /// The state of a job's target; `None` before its first scrape.
    pub fn target(&self, job: &str) -> Result<Option<Target>> {
        let answer = self.api("/api/v1/targets?state=active")?;
        let targets = answer["data"]["activeTargets"].as_array().context("no targets")?;
        // A new target takes some seconds to appear.
        let Some(target) = targets.iter().find(|target| target["labels"]["job"] == job) else {
            return Ok(None);
        };
        let error = target["lastError"].as_str().unwrap_or_default().to_owned();
        Ok(match target["health"].as_str() {
            Some("up") => Some(Target { is_up: true, error }),
            Some("down") => Some(Target { is_up: false, error }),
            _ => None,
        })
    }

    /// Waits until a job's target is in such a state.
    pub fn wait_for(&self, job: &str, is_such: impl Fn(&Target) -> bool) -> Result<Target> {
        let mut last = None;
        let found = patience::wait(Duration::from_secs(30), || {
            last = self.target(job)?;
            Ok(last.clone().filter(&is_such))
        })?;
        found.with_context(|| format!("{job} is in another state: {last:?}\n{}", self.log()))
    }

    /// The value of a query that gives one; `None` if it gives none.
    pub fn query(&self, query: &str) -> Result<Option<f64>> {
        let escaped = query.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let answer = self.api(&format!("/api/v1/query?query={escaped}"))?;
        let value = answer["data"]["result"][0]["value"][1].as_str();
        value.map(str::parse).transpose().with_context(|| format!("{query}: {answer}"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of the log.
fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("Listening on"))?;
    line.split("address=").nth(1)?.split_whitespace().next()?.parse().ok()
}
