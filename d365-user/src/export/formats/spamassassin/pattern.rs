//! Regular expressions that match the text of each address of a prefix, and of no other address. They assume
//! that the text is an address without leading zeros in a group, as `inet_ntop(3)` and mail servers write it.

use std::ops::Range;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Any group of an IPv6 address.
const GROUP: &str = "[0-9a-f]{1,4}";
/// Number of groups in an IPv6 address.
const GROUPS: usize = 8;

/// The patterns of a prefix. Each address matches one of them.
pub(super) fn alternatives(prefix: &IpNet) -> Vec<String> {
    match prefix {
        IpNet::V4(prefix) => vec![octets(*prefix)],
        IpNet::V6(prefix) => Groups::of(*prefix).alternatives(),
    }
}

fn octets(prefix: Ipv4Net) -> String {
    let bounds = prefix.network().octets().into_iter().zip(prefix.broadcast().octets());
    bounds.map(|(first, last)| octet(first, last)).collect::<Vec<_>>().join("\\.")
}

/// An octet between these bounds, by ten numbers at a time.
fn octet(first: u8, last: u8) -> String {
    if first == last {
        return first.to_string();
    }
    if (first, last) == (0, u8::MAX) {
        return "\\d+".to_owned();
    }
    let tens = (first / 10..=last / 10).map(|tens| {
        let (low, high) = (first.max(tens * 10) % 10, if tens == last / 10 { last % 10 } else { 9 });
        let before = if tens == 0 { String::new() } else { tens.to_string() };
        format!("{before}[{low}-{high}]")
    });
    format!("(?:{})", tens.collect::<Vec<_>>().join("|"))
}

/// The groups that a prefix of IPv6 determines, the last perhaps in part.
struct Groups {
    patterns: Vec<String>,
    /// True for a group that may be zero, so that `::` may stand for it.
    zero: Vec<bool>,
}

impl Groups {
    fn of(prefix: Ipv6Net) -> Self {
        let count = usize::from(prefix.prefix_len()).div_ceil(16);
        let bounds = prefix.network().segments().into_iter().zip(prefix.broadcast().segments());
        let (patterns, zero) =
            bounds.take(count).map(|(first, last)| (group(first, last), first == 0)).unzip();
        Self { patterns, zero }
    }

    fn written(&self, part: Range<usize>) -> String {
        self.patterns[part].join(":")
    }

    /// The text depends on the place and the length of `::`, so each is an alternative of its own.
    fn alternatives(&self) -> Vec<String> {
        let count = self.patterns.len();
        if count == 0 {
            return vec!["[0-9a-f:]*:[0-9a-f:]*".to_owned()];
        }
        let free = GROUPS - count;
        let rest = if free == 0 { "" } else { ":[0-9a-f:]+" };
        let mut alternatives = vec![self.written(0..count) + rest];
        for start in 0..count {
            let zeros = self.zero[start..].iter().take_while(|zero| **zero).count();
            for end in start + 1..=start + zeros {
                let head = self.written(0..start) + "::";
                alternatives.push(if end < count {
                    format!("{head}{}(?::{GROUP}){{{free}}}", self.written(end..count))
                } else if free == 0 {
                    head
                } else {
                    format!("{head}(?:{GROUP}(?::{GROUP}){{0,{}}})?", free - 1)
                });
            }
        }
        alternatives
    }
}

/// A group between these bounds. The bounds of a prefix differ in their last bits only, and there in all.
fn group(first: u16, last: u16) -> String {
    if first == last {
        return format!("{first:x}");
    }
    let free = (first ^ last).trailing_ones() / 4;
    // The digits before those that may have any value.
    let [low, high] = [first, last].map(|group| u32::from(group) >> (4 * free));
    let digits = |low: u32| -> String { (low % 16..=high % 16).map(|digit| format!("{digit:x}")).collect() };
    let any = if free == 0 { String::new() } else { format!("[0-9a-f]{{{free}}}") };
    match (low, high) {
        (0, 0) => format!("[0-9a-f]{{1,{free}}}"),
        (0, _) if free > 0 => format!("(?:[0-9a-f]{{1,{free}}}|[{}]{any})", digits(1)),
        (0..16, _) => format!("[{}]{any}", digits(low)),
        _ => format!("{:x}[{}]{any}", low >> 4, digits(low)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefix: &str) -> String {
        alternatives(&prefix.parse().unwrap()).join("|")
    }

    #[test]
    fn octets_are_in_their_bounds() {
        assert_eq!(of("0.0.0.0/0"), r"\d+\.\d+\.\d+\.\d+");
        assert_eq!(of("192.0.0.0/14"), r"192\.(?:[0-3])\.\d+\.\d+");
        assert_eq!(of("192.0.2.224/27"), r"192\.0\.2\.(?:22[4-9]|23[0-9]|24[0-9]|25[0-5])");
        assert_eq!(of("192.0.2.8/29"), r"192\.0\.2\.(?:[8-9]|1[0-5])");
        assert_eq!(of("192.0.2.7/32"), r"192\.0\.2\.7");
    }

    #[test]
    fn groups_are_in_their_bounds_without_leading_zeros() {
        assert_eq!(group(0, 0xffff), "[0-9a-f]{1,4}");
        assert_eq!(group(0, 0x1fff), "(?:[0-9a-f]{1,3}|[1][0-9a-f]{3})");
        assert_eq!(group(0, 0xf), "[0-9a-f]{1,1}");
        assert_eq!(group(0, 3), "[0123]");
        assert_eq!(group(0x400, 0x4ff), "[4][0-9a-f]{2}");
        assert_eq!(group(0x480, 0x4bf), "4[89ab][0-9a-f]{1}");
        assert_eq!(group(0x8000, 0xffff), "[89abcdef][0-9a-f]{3}");
    }

    #[test]
    fn zeros_may_be_written_or_left_out() {
        assert_eq!(of("2001:db8:1::/48"), "2001:db8:1:[0-9a-f:]+");
        assert_eq!(
            of("2001:db8::/47"),
            "2001:db8:[01]:[0-9a-f:]+|2001:db8::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,4})?"
        );
        assert_eq!(
            of("2001:db8:0:1::/64"),
            "2001:db8:0:1:[0-9a-f:]+|2001:db8::1(?::[0-9a-f]{1,4}){4}",
            "`2001:db8::1:…` has the zero alone only with four groups behind it"
        );
        assert_eq!(of("::1/128"), "0:0:0:0:0:0:0:1".to_owned() + &zeros_before_one());
    }

    /// The places of `::` in `::1`, as few as one and as many as seven groups.
    fn zeros_before_one() -> String {
        let zero = |count: usize| vec!["0"; count].join(":");
        let places = (0..7).flat_map(|start| (start + 1..=7).map(move |end| (start, end)));
        let text = |(start, end): (usize, usize)| {
            let behind = if end < 7 { zero(7 - end) + ":1" } else { "1".to_owned() };
            format!("|{}::{behind}(?::[0-9a-f]{{1,4}}){{0}}", zero(start))
        };
        places.map(text).collect()
    }
}
