//! The three judges, and their results for a frame.
//!
//! The kernel classifies each frame twice. The counting program runs on it, and the verification program
//! `d365_prove`, which contains the same code, returns its classification. Only the sums show whether a frame
//! counted as a connection.

use std::mem;

use d365_common::{
    answer::Answer,
    classification::{self, Classification},
    entry::Entry,
    names,
    packet::{Reason, Source},
};
use d365_tests::{
    generate::LONGEST,
    oracle::{self, Opinion, Uses},
};
use d365_user::{generation::ReferenceTrie, snapshot::Count};

use super::{PORTS, sums::Sums};
use crate::{
    bpf::XDP_PASS,
    judged::{Class, Judged},
    kernel::KernelExt as _,
};

/// Upper limit for the length of all headers except IPv6 extensions: Ethernet, two tags, IPv6, and TCP as far
/// as it is read.
const OTHER_HEADERS: usize = 14 + 2 * 4 + 40 + 14;

pub(super) struct Judges {
    judged: Judged,
    /// The host's prefix search. It is from another crate than the oracle's.
    reference: ReferenceTrie,
    sums: Sums,
    /// Number of frames in which each of the oracle's rules made a difference.
    uses: Uses,
    long: Long,
}

/// Numbers of frames with more than one buffer.
#[derive(Debug, Default)]
pub(super) struct Long {
    /// Some headers lie behind the first buffer. The kernel program did not read them and counts them as cut
    /// off.
    pub(super) behind_first_buffer: u64,
    /// The packet ends with the first buffer. The program does not count the bytes behind it.
    padded: u64,
    /// Too long for the program that this kernel accepts.
    pub(super) too_long: u64,
}

impl Judges {
    pub(super) fn of(judged: Judged) -> Self {
        let prefixes: Vec<_> = judged.ranges.iter().map(|range| range.prefix).collect();
        let (reference, sums) = (ReferenceTrie::new(&prefixes), Sums::zero(prefixes.len()));
        Self { judged, reference, sums, uses: Uses::default(), long: Long::default() }
    }

    /// Slots of ranges from which no segment came.
    pub(super) fn unmet(&self) -> Vec<usize> {
        self.sums.unmet()
    }

    /// Gives a frame to all judges and adds it to the sums. Returns true if they agree.
    pub(super) fn take(&mut self, frame: &[u8]) -> bool {
        let opinion = oracle::judge(frame, &PORTS);
        let expected = self.judged.expected(opinion.is);
        if self.host(frame) != expected || !opinion.is_explained() {
            return false;
        }
        self.uses.count(&opinion.rules);
        if frame.len() > LONGEST {
            return self.take_long(frame, &expected);
        }
        self.sums.add(&expected, frame.len() as u64);
        let action = self.judged.kernel.test_run(frame).unwrap();
        action == XDP_PASS && self.answer(frame) == Some(without_opens(&expected))
    }

    /// Handles a frame that only the counters can classify.
    fn take_long(&mut self, frame: &[u8], expected: &Class) -> bool {
        let Some(kernel) = self.counted(frame) else {
            self.long.too_long += 1;
            return true;
        };
        let Ok((kernel, bytes)) = kernel else { return false };
        self.long.behind_first_buffer += u64::from(kernel != *expected);
        self.long.padded += u64::from(bytes != frame.len() as u64);
        self.sums.add(&kernel, bytes);
        may_be(&kernel, expected, frame)
    }

    /// If the counters differ from the sums of all frames, returns the first of these frames on which the
    /// judges disagree.
    pub(super) fn first_miscounted(&mut self, frames: &[Vec<u8>]) -> Option<usize> {
        let counted = self.read();
        if counted == self.sums {
            return None;
        }
        let first = frames.iter().position(|frame| self.disagreement(frame).is_some());
        assert!(first.is_some(), "{counted:?} was counted, and not {:?}; no frame shows it alone", self.sums);
        first
    }

    /// A text with each judge's result for a frame, or `None` if they agree.
    pub(super) fn disagreement(&mut self, frame: &[u8]) -> Option<String> {
        let opinion = oracle::judge(frame, &PORTS);
        let expected = self.judged.expected(opinion.is);
        let (host, counted) = (self.host(frame), self.counted(frame));
        let answer = if frame.len() > LONGEST { None } else { self.answer(frame) };
        let kernel_agrees = match &counted {
            Some(Ok((class, _))) => may_be(class, &expected, frame),
            Some(Err(_)) => false,
            None => true,
        };
        let answer_agrees = frame.len() > LONGEST || answer == Some(without_opens(&expected));
        if kernel_agrees && answer_agrees && host == expected && opinion.is_explained() {
            return None;
        }
        let Opinion { plain, rules, .. } = opinion;
        Some(format!(
            "The kernel counted {counted:?} and answered {answer:?}.\nThe host says {host:?}.\nThe oracle says {expected:?}, \
             etherparse alone {plain:?}; rules: {rules:?}."
        ))
    }

    /// Number of frames in which each rule made a difference, since the last call.
    pub(super) fn uses(&mut self) -> Uses {
        mem::take(&mut self.uses)
    }

    /// Frames in several buffers since the last call.
    pub(super) fn long_frames(&mut self) -> Long {
        mem::take(&mut self.long)
    }

    fn host(&self, frame: &[u8]) -> Class {
        let find = |source: &Source| {
            let position = self.reference.longest_match((*source).into())?;
            Entry::new(u32::try_from(position).ok()?, 0)
        };
        match classification::classify(frame, |port| PORTS.contains(&port), find) {
            Classification::Listed(entry, segment) => {
                Class::Listed { slot: entry.slot() as usize, opens: segment.opens }
            }
            Classification::Unlisted(segment) => Class::Unlisted { opens: segment.opens },
            Classification::Other(reason) => other(reason),
        }
    }

    fn read(&mut self) -> Sums {
        Sums::read(self.judged.kernel.program_id().unwrap(), self.judged.ranges.len())
    }

    /// The class and the number of bytes that the kernel counted for a frame, or a description of any other
    /// result. `None` if this kernel cannot run a frame of its length.
    fn counted(&mut self, frame: &[u8]) -> Option<Result<(Class, u64), String>> {
        if frame.len() > LONGEST && self.judged.kernel.program_name() != names::PROGRAMS[0] {
            return None;
        }
        let before = self.read().bytes();
        let (action, moved) = self.judged.counted(frame);
        let bytes = self.read().bytes() - before;
        Some(match &moved[..] {
            [(0, class, Count { packets: 1, .. })] if action == XDP_PASS && are_all(bytes, frame) => {
                Ok((class.clone(), bytes))
            }
            _ => Err(format!("action {action}, {moved:?}, {bytes} bytes")),
        })
    }

    /// The verification program's classification of a frame. It does not contain whether a segment opens a
    /// connection.
    fn answer(&mut self, frame: &[u8]) -> Option<Class> {
        let bits = self.judged.kernel.answer(frame).unwrap();
        match Answer::found(bits) {
            Some(Some(entry)) => Some(Class::Listed { slot: entry.slot() as usize, opens: false }),
            Some(None) => Some(Class::Unlisted { opens: false }),
            None => {
                let mut reasons = Reason::ALL.into_iter();
                reasons.find(|reason| Answer::of(&Classification::Other(*reason)).bits() == bits).map(other)
            }
        }
    }
}

fn other(reason: Reason) -> Class {
    Class::Other(classification::Class::from(reason).as_str())
}

fn without_opens(class: &Class) -> Class {
    match *class {
        Class::Listed { slot, .. } => Class::Listed { slot, opens: false },
        Class::Unlisted { .. } => Class::Unlisted { opens: false },
        Class::Other(label) => Class::Other(label),
    }
}

/// A rule of the kernel program: it counts all bytes of a frame. If the packet ends exactly with the first
/// buffer, it does not count the bytes behind.
fn are_all(bytes: u64, frame: &[u8]) -> bool {
    let is_padded = || {
        let end = oracle::packet_end(frame).filter(|end| (LONGEST + 1..frame.len()).contains(end));
        end.is_some_and(|end| bytes == end as u64)
    };
    bytes == frame.len() as u64 || is_padded()
}

/// Another rule of the kernel program: it reads headers from a frame's first buffer, and a header behind it
/// counts as cut off.
fn may_be(kernel: &Class, expected: &Class, frame: &[u8]) -> bool {
    let cut_off =
        *kernel == Class::Other("malformed") && oracle::extensions_len(frame) + OTHER_HEADERS > LONGEST;
    kernel == expected || cut_off
}
