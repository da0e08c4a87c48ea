//! Plain BPF instructions by name: only those that the benchmark's own programs use. Registers are numbers,
//! jumps lead forward to labels.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::maps::MapData;
use aya_obj::generated::{
    BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE,
    bpf_func_id::{self, BPF_FUNC_map_lookup_elem},
};

use crate::bpf::{self, instruction};

/// The label of the end that leaves the packet to the next program.
pub(crate) const PASS: &str = "pass";

/// The number of bytes that a load or store moves.
#[derive(Clone, Copy)]
pub(crate) enum Width {
    One = 0x10,
    Two = 0x08,
    Four = 0x00,
    Eight = 0x18,
}

/// A program under construction.
#[derive(Default)]
pub(crate) struct Code {
    instructions: Vec<u64>,
    /// The position of each jump, and its label.
    jumps: Vec<(usize, &'static str)>,
    labels: BTreeMap<&'static str, usize>,
}

impl Code {
    fn push(mut self, operation: u8, to: u8, from: u8, offset: i16, number: u32) -> Self {
        self.instructions.push(instruction(operation, to, from, offset, number));
        self
    }

    fn jump(mut self, operation: u8, register: u8, other: u8, value: u32, label: &'static str) -> Self {
        self.jumps.push((self.instructions.len(), label));
        self.push(operation, register, other, 0, value)
    }

    pub(crate) fn set(self, to: u8, value: u32) -> Self {
        self.push(0xb7, to, 0, 0, value)
    }

    pub(crate) fn copy(self, to: u8, from: u8) -> Self {
        self.push(0xbf, to, from, 0, 0)
    }

    pub(crate) fn add(self, to: u8, value: i32) -> Self {
        self.push(0x07, to, 0, 0, value.cast_unsigned())
    }

    pub(crate) fn add_register(self, to: u8, from: u8) -> Self {
        self.push(0x0f, to, from, 0, 0)
    }

    pub(crate) fn subtract(self, to: u8, from: u8) -> Self {
        self.push(0x1f, to, from, 0, 0)
    }

    pub(crate) fn mask(self, to: u8, mask: u32) -> Self {
        self.push(0x57, to, 0, 0, mask)
    }

    pub(crate) fn shift_left(self, to: u8, bits: u32) -> Self {
        self.push(0x67, to, 0, 0, bits)
    }

    pub(crate) fn shift_right(self, to: u8, bits: u32) -> Self {
        self.push(0x77, to, 0, 0, bits)
    }

    /// Converts the low 16 bits of `to` from network to host byte order, and clears the others.
    pub(crate) fn convert_to_host_order(self, to: u8) -> Self {
        self.push(0xdc, to, 0, 0, 16)
    }

    /// `to = *(from + offset)`.
    pub(crate) fn read(self, width: Width, to: u8, from: u8, offset: i16) -> Self {
        self.push(0x61 | width as u8, to, from, offset, 0)
    }

    /// `*(to + offset) = from`.
    pub(crate) fn write(self, width: Width, to: u8, offset: i16, from: u8) -> Self {
        self.push(0x63 | width as u8, to, from, offset, 0)
    }

    /// `to = map`.
    pub(crate) fn map(self, to: u8, map: &MapData) -> Self {
        self.wide(to, BPF_PSEUDO_MAP_FD, map)
    }

    /// `to = &value`, where `map` is an array of one value.
    pub(crate) fn value(self, to: u8, map: &MapData) -> Self {
        self.wide(to, BPF_PSEUDO_MAP_VALUE, map)
    }

    fn wide(self, to: u8, kind: u32, map: &MapData) -> Self {
        let kind = u8::try_from(kind).expect("a field of four bits");
        let fd = map.fd().as_fd().as_raw_fd().cast_unsigned();
        self.push(0x18, to, kind, 0, fd).push(0, 0, 0, 0, 0)
    }

    /// `r0 = helper(r1, …, r5)`.
    pub(crate) fn call(self, helper: bpf_func_id) -> Self {
        self.push(0x85, 0, 0, 0, helper as u32)
    }

    /// `r0` = pointer to the value at index `r1`, or 0.
    pub(crate) fn look_up(self, map: &MapData) -> Self {
        self.write(Width::Four, 10, -4, 1).map(1, map).copy(2, 10).add(2, -4).call(BPF_FUNC_map_lookup_elem)
    }

    pub(crate) fn go_to(self, label: &'static str) -> Self {
        self.jump(0x05, 0, 0, 0, label)
    }

    pub(crate) fn if_zero(self, register: u8, label: &'static str) -> Self {
        self.jump(0x15, register, 0, 0, label)
    }

    pub(crate) fn if_not(self, register: u8, value: u32, label: &'static str) -> Self {
        self.jump(0x55, register, 0, value, label)
    }

    pub(crate) fn if_below(self, register: u8, value: u32, label: &'static str) -> Self {
        self.jump(0xa5, register, 0, value, label)
    }

    pub(crate) fn if_above(self, register: u8, other: u8, label: &'static str) -> Self {
        self.jump(0x2d, register, other, 0, label)
    }

    pub(crate) fn label(mut self, label: &'static str) -> Self {
        self.labels.insert(label, self.instructions.len());
        self
    }

    /// `to = packet`, and `r3` = its end. The program passes unless `bytes` of the packet are available.
    /// `context` is the register with the program's context. The code also uses register 4.
    pub(crate) fn packet(self, to: u8, context: u8, bytes: i32) -> Self {
        let code = self.read(Width::Four, to, context, 0).read(Width::Four, 3, context, 4);
        code.copy(4, to).add(4, bytes).if_above(4, 3, PASS)
    }

    /// Ends the program with `action`, and at [`PASS`] with `passing`.
    pub(crate) fn end(mut self, action: u32, passing: u32) -> Vec<u64> {
        self.instructions.extend(bpf::result(action));
        // The verifier rejects unreachable instructions.
        if self.jumps.iter().any(|(_, label)| *label == PASS) {
            self = self.label(PASS);
            self.instructions.extend(bpf::result(passing));
        }
        for (from, label) in self.jumps {
            let distance = i16::try_from(self.labels[label] - from - 1).expect("a short program");
            self.instructions[from] |= u64::from(distance.cast_unsigned()) << 16;
        }
        self.instructions
    }
}
