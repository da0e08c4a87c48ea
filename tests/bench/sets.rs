//! The range lists of the measurements. The random ones are the same in every run.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use anyhow::{Context as _, Result};
use d365_tests::vendor::{Documents, made};
use d365_user::{
    geo::{Geo, GeoCode, GeoSource},
    ranges::{Policy, Range, RangeSet},
    source::{self, Spec},
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use oorandom::Rand64;

/// The vendor's largest document.
const DOCUMENT: &str = "public-2026-cn398.json";
const SEED: u128 = 365;

/// A list and its name.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) ranges: Vec<Range>,
}

pub(crate) fn embedded() -> Result<Set> {
    let set = RangeSet::build(&[source::load(&Spec::Embedded)?], &Policy::default())?;
    Ok(Set { name: "embedded list", ranges: set.ranges().to_vec() })
}

/// Makes `count` random prefixes, four of five IPv4: /16 to /32, and IPv6 /32 to /64. Some are nested.
pub(crate) fn random(name: &'static str, count: usize) -> Result<Set> {
    let mut random = Rand64::new(SEED);
    let mut prefixes = BTreeSet::new();
    while prefixes.len() < count {
        prefixes.insert(if random.rand_range(0..5) < 4 {
            // 1.0.0.0 to 223.255.255.255: the addresses that can be a source.
            let address = Ipv4Addr::from(u32::try_from(random.rand_range(0x0100_0000..0xe000_0000))?);
            IpNet::from(Ipv4Net::new(address, u8::try_from(random.rand_range(16..33))?)?.trunc())
        } else {
            // 2000::/3, global unicast.
            let bits = u128::from(random.rand_u64()) << 64 | u128::from(random.rand_u64());
            let address = Ipv6Addr::from(0x2 << 124 | bits >> 3);
            IpNet::from(Ipv6Net::new(address, u8::try_from(random.rand_range(32..65))?)?.trunc())
        });
    }
    Ok(Set { name, ranges: prefixes.into_iter().map(range).collect() })
}

/// Every distinct IPv4 prefix of the vendor's document. If that is not available, it uses a made document of
/// the same size.
pub(crate) fn document() -> Result<Set> {
    let real = Documents::all().into_iter().find(|documents| *documents != Documents::Made);
    let (name, text) = match real {
        Some(real) => ("all IPv4 prefixes of Azure", real.document(DOCUMENT)),
        None => ("all IPv4 prefixes of a made document", made::large().into()),
    };
    let document: serde_json::Value = serde_json::from_slice(&text)?;
    let values = document["values"].as_array().context("the document has no values")?;
    let lists = values.iter().filter_map(|value| value["properties"]["addressPrefixes"].as_array());
    let prefixes = lists.flatten().filter_map(|prefix| prefix.as_str()?.parse::<Ipv4Net>().ok());
    let prefixes: BTreeSet<IpNet> = prefixes.map(|prefix| prefix.trunc().into()).collect();
    Ok(Set { name, ranges: prefixes.into_iter().map(range).collect() })
}

/// Makes a range without a registered geo.
pub(crate) fn range(prefix: IpNet) -> Range {
    let code = GeoCode::UNKNOWN;
    Range { prefix, geo: Geo { code, source: GeoSource::Configured }, region: None }
}

/// Makes `count` IPv4 sources, each a random address of a random range.
pub(crate) fn sources(ranges: &[Range], count: usize) -> Result<Vec<[u8; 4]>> {
    let mut random = Rand64::new(SEED);
    let nets: Vec<Ipv4Net> = ranges
        .iter()
        .filter_map(|range| match range.prefix {
            IpNet::V4(net) => Some(net),
            IpNet::V6(_) => None,
        })
        .collect();
    anyhow::ensure!(!nets.is_empty(), "no IPv4 range");
    let mut source = || {
        let net = nets[usize::try_from(random.rand_range(0..nets.len() as u64))?];
        let [.., a, b, c, d] = random.rand_u64().to_be_bytes();
        let within = u32::from_be_bytes([a, b, c, d]) & u32::from(net.hostmask());
        Ok((u32::from(net.network()) | within).to_be_bytes())
    };
    (0..count).map(|_| source()).collect()
}

/// Returns an address of the range in the middle of the list's IPv4 ranges.
pub(crate) fn one_source(ranges: &[Range]) -> Result<IpAddr> {
    let v4: Vec<&Range> = ranges.iter().filter(|range| range.prefix.addr().is_ipv4()).collect();
    Ok(v4.get(v4.len() / 2).context("no IPv4 range")?.prefix.network())
}
