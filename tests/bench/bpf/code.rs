//! Plain BPF instructions: just those that the benchmark's programs are made of (Documentation/bpf/standardization).

use super::Map;

/// `XDP_PASS`, include/uapi/linux/bpf.h.
pub(crate) const XDP_PASS: u32 = 2;
/// `XDP_TX`.
pub(crate) const XDP_TX: u32 = 3;
/// `bpf_map_lookup_elem`.
pub(crate) const LOOK_UP: u32 = 1;
/// `bpf_get_prandom_u32`.
pub(crate) const RANDOM: u32 = 7;
/// `bpf_tail_call`.
pub(crate) const TAIL_CALL: u32 = 12;
/// `bpf_xdp_adjust_meta`.
pub(crate) const ADJUST_METADATA: u32 = 54;

/// `bpf_xdp_get_buff_len` (Linux 5.18).
pub(crate) const LENGTH: u32 = 188;

/// Bytes that a load or store moves.
#[derive(Clone, Copy)]
pub(crate) enum Width {
    Two = 0x08,
    Four = 0x00,
}

/// A program to be: instructions, and the places that jump to its end.
pub(crate) struct Code {
    name: &'static str,
    instructions: Vec<u64>,
    jumps: Vec<usize>,
}

const fn instruction(operation: u8, to: u8, from: u8, offset: i16, immediate: u32) -> u64 {
    operation as u64
        | (to as u64) << 8
        | (from as u64) << 12
        | (offset.cast_unsigned() as u64) << 16
        | (immediate as u64) << 32
}

impl Code {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, instructions: Vec::new(), jumps: Vec::new() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn instructions(&self) -> &[u64] {
        &self.instructions
    }

    fn push(mut self, instruction: u64) -> Self {
        self.instructions.push(instruction);
        self
    }

    /// `to = value`.
    pub(crate) fn set(self, to: u8, value: u32) -> Self {
        self.push(instruction(0xb7, to, 0, 0, value))
    }

    /// `to = from`.
    pub(crate) fn copy(self, to: u8, from: u8) -> Self {
        self.push(instruction(0xbf, to, from, 0, 0))
    }

    /// `to += value`.
    pub(crate) fn add(self, to: u8, value: i32) -> Self {
        self.push(instruction(0x07, to, 0, 0, value.cast_unsigned()))
    }

    /// `to -= from`.
    pub(crate) fn subtract(self, to: u8, from: u8) -> Self {
        self.push(instruction(0x1f, to, from, 0, 0))
    }

    /// `to &= mask`.
    pub(crate) fn mask(self, to: u8, mask: u32) -> Self {
        self.push(instruction(0x57, to, 0, 0, mask))
    }

    /// `to = *(from + offset)`.
    pub(crate) fn read(self, width: Width, to: u8, from: u8, offset: i16) -> Self {
        self.push(instruction(0x61 | width as u8, to, from, offset, 0))
    }

    /// `*(to + offset) = from`.
    pub(crate) fn write(self, width: Width, to: u8, offset: i16, from: u8) -> Self {
        self.push(instruction(0x63 | width as u8, to, from, offset, 0))
    }

    /// `to = map`.
    pub(crate) fn map(self, to: u8, map: &Map) -> Self {
        const PSEUDO_MAP_FD: u8 = 1;
        let fd = map.fd().cast_unsigned();
        self.push(instruction(0x18, to, PSEUDO_MAP_FD, 0, fd)).push(0)
    }

    /// `r0 = helper(r1, …, r5)`.
    pub(crate) fn call(self, helper: u32) -> Self {
        self.push(instruction(0x85, 0, 0, 0, helper))
    }

    /// Ends the program if `register` is zero.
    pub(crate) fn end_if_zero(mut self, register: u8) -> Self {
        self.jumps.push(self.instructions.len());
        self.push(instruction(0x15, register, 0, 0, 0))
    }

    /// `to = packet`, and ends the program unless `bytes` of it are there; `context` is the register with the program's context.
    /// Registers 3 and 4 are used.
    pub(crate) fn packet(mut self, to: u8, context: u8, bytes: i32) -> Self {
        self = self.read(Width::Four, to, context, 0).read(Width::Four, 3, context, 4);
        self = self.copy(4, to).add(4, bytes);
        self.jumps.push(self.instructions.len());
        self.push(instruction(0x2d, 4, 3, 0, 0))
    }

    /// The end: returns `action`. Every jump leads to `XDP_PASS`.
    pub(crate) fn end(mut self, action: u32) -> Self {
        self = self.set(0, action).push(instruction(0x95, 0, 0, 0, 0));
        // The verifier refuses what nothing leads to.
        if self.jumps.is_empty() {
            return self;
        }
        let pass = self.instructions.len();
        for at in std::mem::take(&mut self.jumps) {
            let distance = i16::try_from(pass - at - 1).expect("a short program");
            self.instructions[at] |= u64::from(distance.cast_unsigned()) << 16;
        }
        self.set(0, XDP_PASS).push(instruction(0x95, 0, 0, 0, 0))
    }
}
