//! Makes a frame that shows a fault as short as possible, and as much of it as possible zero, while it still
//! shows the fault.
//!
//! This module knows nothing about the fault: it asks a function. Each step removes bytes or makes more of
//! them zero, so shrinking comes to an end.

use std::ops::Range;

use crate::{
    frame::{DOT1AD, DOT1Q, IPV4, IPV6},
    generate::SHORTEST,
};

/// The unit of header lengths, in bytes.
const WORD: usize = 4;
/// Small pieces are removed only from this many bytes at the front. Behind them, a frame too long for its
/// length field has too many small pieces.
const HEADERS: usize = 512;
/// Pieces shorter than this are small.
const FEW: usize = 64;

/// Returns the smallest frame that is found from `frame` by removing bytes and by setting them to zero, and
/// for which `shows` is true. It never has less than 14 bytes.
pub fn shrink(frame: &[u8], mut shows: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut least = Least { frame: frame.to_vec() };
    least.restore_length(&mut shows);
    while least.clear(&mut shows) || least.shorten(&mut shows) {}
    least.frame
}

struct Least {
    frame: Vec<u8>,
}

impl Least {
    fn accept(&mut self, candidate: Vec<u8>, shows: &mut impl FnMut(&[u8]) -> bool) -> bool {
        let accepted = candidate != self.frame && shows(&candidate);
        if accepted {
            self.frame = candidate;
        }
        accepted
    }

    /// Sets the length field of the IP packet to the length that the frame has.
    fn restore_length(&mut self, shows: &mut impl FnMut(&[u8]) -> bool) {
        let Some((field, counted_from)) = length_field(&self.frame) else { return };
        let Some(Ok(length)) = self.frame.len().checked_sub(counted_from).map(u16::try_from) else { return };
        let mut candidate = self.frame.clone();
        candidate[field].copy_from_slice(&length.to_be_bytes());
        self.accept(candidate, shows);
    }

    /// Removes bytes, in large pieces first, from the end on.
    fn shorten(&mut self, shows: &mut impl FnMut(&[u8]) -> bool) -> bool {
        let before = self.frame.len();
        for size in sizes(before) {
            let (most, step) = if size < FEW { (HEADERS, size.min(WORD)) } else { (usize::MAX, size) };
            let mut end = self.frame.len().min(most);
            while end >= size && self.frame.len() >= SHORTEST + size {
                self.remove(end - size..end, shows);
                end = end.min(self.frame.len()).saturating_sub(step);
            }
        }
        self.frame.len() < before
    }

    /// Removes these bytes. It tries this with the IP packet's length unchanged, then lowered, then with
    /// repairs in front of the removed bytes.
    fn remove(&mut self, removed: Range<usize>, shows: &mut impl FnMut(&[u8]) -> bool) {
        let without = |mut frame: Vec<u8>| {
            frame.drain(removed.clone());
            frame
        };
        if self.accept(without(self.frame.clone()), shows) {
            return;
        }
        let Some(lowered) = lowered(&self.frame, removed.len()) else { return };
        if self.accept(without(lowered.clone()), shows) {
            return;
        }
        for (at, value) in repairs(&lowered, &removed) {
            let mut repaired = lowered.clone();
            repaired[at] = value;
            if self.accept(without(repaired), shows) {
                return;
            }
        }
    }

    /// Sets bytes to zero, in large pieces first.
    fn clear(&mut self, shows: &mut impl FnMut(&[u8]) -> bool) -> bool {
        let before = self.frame.clone();
        for size in sizes(self.frame.len()) {
            for start in (0..self.frame.len()).step_by(size) {
                let mut candidate = self.frame.clone();
                let end = candidate.len().min(start + size);
                candidate[start..end].fill(0);
                self.accept(candidate, shows);
            }
        }
        self.frame != before
    }
}

/// Powers of two, from half of `len` down to 1.
fn sizes(len: usize) -> impl Iterator<Item = usize> {
    let largest = (len / 2).checked_ilog2().map(|bits| 1 << bits);
    std::iter::successors(largest, |size| Some(size / 2)).take_while(|size| *size > 0)
}

/// Values of one byte in front of removed words with which headers may fit again. One kind is a length that
/// is lowered by the removed words: in units of four bytes, of eight bytes, or in the upper half of the byte.
/// The other kind is the first removed byte, which may name the next header.
fn repairs(frame: &[u8], removed: &Range<usize>) -> Vec<(usize, u8)> {
    if !removed.len().is_multiple_of(WORD) {
        return Vec::new();
    }
    let words = removed.len() / WORD;
    let mut repairs = Vec::new();
    for (at, value) in frame.iter().enumerate().take(removed.start).skip(SHORTEST) {
        let lowered = [words, words / 2, words * 16].into_iter().filter(|by| *by > 0);
        let lowered = lowered.filter_map(|by| value.checked_sub(u8::try_from(by).ok()?));
        let repaired = lowered.chain([frame[removed.start]]).filter(|repaired| repaired != value);
        repairs.extend(repaired.map(|value| (at, value)));
    }
    repairs
}

/// Returns the frame with its IP packet's length lowered.
fn lowered(frame: &[u8], by: usize) -> Option<Vec<u8>> {
    let (field, _) = length_field(frame)?;
    let mut lowered = frame.to_vec();
    let field = &mut lowered[field];
    let length = u16::from_be_bytes([field[0], field[1]]).checked_sub(u16::try_from(by).ok()?)?;
    field.copy_from_slice(&length.to_be_bytes());
    Some(lowered)
}

/// The position of the IP packet's length field, and the offset from which this length counts.
fn length_field(frame: &[u8]) -> Option<(Range<usize>, usize)> {
    let word = |at: usize| frame.get(at..at + 2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let mut at = 12;
    while let Some(DOT1Q | DOT1AD) = word(at) {
        at += 4;
    }
    let (field, counted_from) = match word(at)? {
        IPV4 => (at + 4, at + 2),
        IPV6 => (at + 6, at + 42),
        _ => return None,
    };
    word(field).map(|_| (field..field + 2, counted_from))
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::{
        corpus::Expected,
        frame::{DOT1AD, DOT1Q, Extension, Frame, Ipv4, Ipv6, Tcp},
        oracle,
    };

    fn is_segment(frame: &[u8]) -> bool {
        matches!(oracle::judge(frame, &[25]).is, Expected::Smtp { .. })
    }

    #[test]
    fn one_byte_that_shows_it_is_left() {
        let mut frame: Vec<u8> = (0..200).map(|n| n | 1).collect();
        frame[77] = 0x42;
        let least = shrink(&frame, |frame| frame.contains(&0x42));
        let mut sorted = least.clone();
        sorted.sort_unstable();
        assert_eq!((least.len(), sorted[12], sorted[13]), (14, 0, 0x42), "{least:02x?}");
    }

    /// A frame that is longer than its length field can state stays so, and shrinking still ends soon.
    #[test]
    fn a_frame_of_64_kib_shrinks_in_few_steps() {
        let packet =
            Ipv4::new([13, 71, 171, 9], [192, 0, 2, 1]).total_length(0).carrying(Tcp::new(9, 25).syn());
        let frame = Frame::new(packet).pad(65_600).bytes();
        let mut steps = 0;
        let least = shrink(&frame, |frame| {
            steps += 1;
            is_segment(frame)
        });
        assert_eq!((least.len(), is_segment(&least)), (14 + 65_536, true));
        assert!(steps < 20_000, "{steps} steps");
    }

    #[test]
    fn a_frame_without_the_fault_stays() {
        let frame = [7; 99];
        assert_eq!(shrink(&frame, |_| false), frame);
    }

    /// Simulates a typical fault: a parser looks for the ports behind 20 bytes of IPv4, whatever the header
    /// length is.
    #[test]
    fn a_fixed_header_length_shrinks_to_one_word_of_options() {
        let packet = Ipv4::new([13, 71, 171, 9], [192, 0, 2, 1]).options(&[1; 36]).traffic_class(7);
        let packet = packet.carrying(Tcp::new(999, 25).flags(0x5a).options(&[1; 20]).payload([9; 300]));
        let frame = Frame::new(packet).tag(DOT1AD, 77).tag(DOT1Q, 66).pad(600).bytes();
        let wrong = |frame: &[u8]| {
            let at = 12 + frame[12..].windows(2).position(|kind| kind == [8, 0]).unwrap_or_default();
            frame.get(at + 24..at + 26) == Some(&[0, 25])
        };
        let shows = |frame: &[u8]| is_segment(frame) && !wrong(frame);
        assert!(shows(&frame));
        let least = shrink(&frame, shows);
        assert!(shows(&least));
        assert_eq!(least.len(), 14 + 24 + 20, "{least:02x?}");
        assert_eq!((least[14], &least[16..18]), (0x46, &[0, 44][..]));
        assert_eq!(
            least.iter().filter(|byte| **byte != 0).count(),
            6,
            "type, length, protocol, port, offset: {least:02x?}"
        );
    }

    #[test]
    fn a_chain_of_extensions_shrinks_to_the_one_that_shows_it() {
        let chain = [Extension::destination(3), Extension::routing(4), Extension::destination(2)];
        let packet = Ipv6::new([0x2603, 0, 0, 0, 0, 0, 0, 1], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
        let packet = packet.extensions(chain).carrying(Tcp::new(5, 25).options(&[1; 8]).payload([1; 50]));
        let frame = Frame::new(packet).tag(DOT1Q, 5).bytes();
        let shows = |frame: &[u8]| is_segment(frame) && frame[14..].contains(&43);
        let least = shrink(&frame, shows);
        assert!(least.len() <= 14 + 40 + 8 + 20, "{least:02x?}");
    }
}
