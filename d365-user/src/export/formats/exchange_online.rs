//! `exchange-online`: a PowerShell script for the IP Allow List of Exchange Online's connection filter. The
//! service takes IPv4 only, prefixes of 24 to 32 bits, and 1273 entries: shorter prefixes are split, and a
//! longer list is a script that changes nothing and fails
//! (<https://learn.microsoft.com/defender-office-365/connection-filter-policies-configure>).
//!
//! The script keeps the operator's own entries: it remembers in a file next to it those that it added, and
//! removes only these.

use ipnet::{IpNet, Ipv4Net};

use crate::export::Export;

/// The shortest prefix that the service takes.
const SHORTEST: u8 = 24;
/// The most entries of its list.
const MOST: usize = 1273;

const CHANGE: &str = r#"
$ErrorActionPreference = 'Stop'
$file = Join-Path $PSScriptRoot 'd365-added.txt'
$before = @(if (Test-Path $file) { Get-Content $file })
$present = @((Get-HostedConnectionFilterPolicy -Identity Default).IPAllowList | ForEach-Object { "$_" })
$add = @($ranges | Where-Object { $_ -notin $present })
$remove = @($before | Where-Object { $_ -notin $ranges -and $_ -in $present })
$change = @{}
if ($add) { $change['Add'] = $add }
if ($remove) { $change['Remove'] = $remove }
if ($change.Count) { Set-HostedConnectionFilterPolicy -Identity Default -IPAllowList $change }
Set-Content -Path $file -Value @($ranges | Where-Object { $_ -in $before -or $_ -in $add })
"#;

pub(in crate::export) fn render(export: &Export) -> String {
    let [v4, v6] = super::by_family(export);
    let mut text = export.head("#");
    if !v6.is_empty() {
        text.push_str(&format!("# {} IPv6 prefixes are left out: this list takes IPv4 only\n", v6.len()));
    }
    let count: usize = v4.iter().map(|prefix| parts(prefix.prefix_len())).sum();
    if count > MOST {
        return format!("{text}throw 'd365: the list has {count} entries, and the service takes {MOST}'\n");
    }
    let entries = v4.into_iter().flat_map(split).map(|prefix| format!("    '{prefix}'\n"));
    format!("{text}$ranges = @(\n{})\n{}", entries.collect::<String>(), &CHANGE[1..])
}

/// The number of entries for a prefix of this length.
fn parts(length: u8) -> usize {
    1 << SHORTEST.saturating_sub(length)
}

/// The prefix as prefixes that the service takes.
fn split(prefix: IpNet) -> Vec<Ipv4Net> {
    let IpNet::V4(prefix) = prefix else { return Vec::new() };
    prefix.subnets(SHORTEST.max(prefix.prefix_len())).map_or_else(|_| vec![prefix], Iterator::collect)
}
