//! HAProxy, with a runtime API that answers questions about patterns.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use anyhow::{Context as _, Result, bail};

use super::{Root, Service};
use crate::{netns::Netns, tcp};

/// The port of the runtime API.
const API: u16 = 10_099;
const GLOBAL: &str = "
global
    stats socket ipv4@127.0.0.1:10099 level admin
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
";

/// A running HAProxy. Dropping it kills it.
#[derive(Debug)]
pub struct HaProxy {
    netns: Netns,
    _main: Service,
}

impl HaProxy {
    /// Starts HAProxy with this configuration, and waits until it listens.
    pub fn start(root: &Root, configuration: &str) -> Result<Self> {
        root.write("/etc/haproxy/haproxy.cfg", &format!("{GLOBAL}{configuration}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, API));
        let words = ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"];
        let main = Service::start(root, &words, || Ok(root.listens(address)))?;
        Ok(Self { netns: root.netns().clone(), _main: main })
    }

    /// Returns true if a pattern of this file matches the address.
    pub fn matches(&self, file: &str, address: IpAddr) -> Result<bool> {
        let mut answer = String::new();
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, API));
        let mut stream = self.netns.run(|| tcp::connect(Ipv4Addr::LOCALHOST.into(), api))?;
        stream.write_all(format!("get acl {file} {address}\n").as_bytes())?;
        stream.read_to_string(&mut answer).context("the runtime API does not answer")?;
        match answer {
            answer if answer.contains("match=yes") => Ok(true),
            answer if answer.contains("match=no") => Ok(false),
            answer => bail!("the runtime API answers {answer:?}"),
        }
    }
}
