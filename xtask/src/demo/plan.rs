//! The senders and their numbers of sessions: an address of every range of the embedded list, and some
//! unlisted addresses.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};

/// The embedded list, relative to xtask's directory.
const LIST: &str = "../d365-user/data/embedded-ranges.csv";

/// Unlisted addresses from the documentation ranges of both families.
const UNLISTED: [&str; 5] =
    ["192.0.2.33", "198.51.100.7", "203.0.113.25", "2001:db8:25::7", "2001:db8:365::25"];

/// A geo as the list has it: its code, and whether it is documented or inferred.
pub(super) type Geo = (String, String);

/// One address that mail comes from.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) address: IpAddr,
    pub(super) sessions: usize,
    /// Prefix and geo of its range; `None` for an unlisted address.
    pub(super) range: Option<(String, Geo)>,
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) senders: Vec<Sender>,
}

impl Plan {
    /// Makes the plan from the list that is compiled into the daemon.
    pub(super) fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_list(&text).with_context(|| format!("in {}", path.display()))
    }

    fn from_list(text: &str) -> Result<Self> {
        let is_row = |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("prefix,");
        let lines = text.lines().filter(is_row);
        let listed = lines
            .enumerate()
            .map(|(number, line)| listed(number, line).with_context(|| format!("odd line `{line}`")));
        let mut senders = listed.collect::<Result<Vec<_>>>()?;
        ensure!(!senders.is_empty(), "no ranges");
        let unlisted = |address: &str| Ok(Sender { address: address.parse()?, sessions: 2, range: None });
        senders.extend(UNLISTED.into_iter().map(unlisted).collect::<Result<Vec<_>>>()?);
        Ok(Self { senders })
    }

    /// The number of sessions to make.
    pub(super) fn sessions(&self) -> usize {
        self.senders.iter().map(|sender| sender.sessions).sum()
    }

    /// The senders of each geo.
    pub(super) fn geos(&self) -> BTreeMap<&Geo, Vec<&Sender>> {
        let mut geos = BTreeMap::<_, Vec<_>>::new();
        for sender in &self.senders {
            if let Some((_, geo)) = &sender.range {
                geos.entry(geo).or_default().push(sender);
            }
        }
        geos
    }

    /// The unlisted senders.
    pub(super) fn unlisted(&self) -> impl Iterator<Item = &Sender> {
        self.senders.iter().filter(|sender| sender.range.is_none())
    }
}

/// The sender for one line of the list: `prefix,geo,geo_source,azure_region`.
fn listed(number: usize, line: &str) -> Result<Sender> {
    let mut fields = line.split(',').map(str::trim);
    let mut field = |name| fields.next().filter(|text| !text.is_empty()).context(name);
    let (prefix, geo, source) = (field("no prefix")?, field("no geo")?, field("no geo_source")?);
    let (network, length) = prefix.split_once('/').context("no prefix length")?;
    let (network, length) = (network.parse::<Ipv4Addr>()?, length.parse::<u32>()?);
    ensure!((8..=30).contains(&length), "no room for a host in it");
    // The address is neither the first nor the last of the range. Its position differs from range to range.
    let hosts = (1_u32 << (32 - length)) - 2;
    let host = 1 + u32::try_from(number)? % hosts;
    let address = Ipv4Addr::from_bits(network.to_bits() | host).into();
    let range = Some((prefix.to_owned(), (geo.to_owned(), source.to_owned())));
    // The number of sessions differs from sender to sender, so that a count under the wrong geo shows.
    Ok(Sender { address, sessions: 1 + number % 3, range })
}

#[cfg(test)]
mod tests {
    use super::Plan;

    const LIST: &str = "# prefix,geo,geo_source,azure_region\n\
        13.66.138.128/25,NAM,documented,WestUS2\n\
        20.0.0.0/30,NAM,inferred,EastUS\n\
        20.0.0.64/27,NAM,inferred,WestUS\n";

    #[test]
    fn every_range_and_some_addresses_of_none_send() {
        let plan = Plan::from_list(LIST).unwrap();
        let listed: Vec<_> = plan.senders.iter().filter(|sender| sender.range.is_some()).collect();
        let addresses: Vec<_> = listed.iter().map(|sender| sender.address.to_string()).collect();
        assert_eq!(addresses, ["13.66.138.129", "20.0.0.2", "20.0.0.67"]);
        let inferred = ("NAM".to_owned(), "inferred".to_owned());
        assert_eq!(plan.geos()[&inferred].len(), 2);
        assert_eq!(plan.unlisted().count(), 5);
        assert_eq!(plan.sessions(), 1 + 2 + 3 + 10);
    }

    #[test]
    fn an_odd_line_is_refused() {
        for text in
            ["", "13.66.138.128/25,NAM", "13.66.138.128,NAM,documented,x", "1.2.3.4/32,NAM,documented,x"]
        {
            assert!(Plan::from_list(text).is_err(), "{text}");
        }
    }
}
