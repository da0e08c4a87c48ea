//! Plain BPF instructions: only those that the lab's programs use (`Documentation/bpf/standardization`).

use super::{Kind, Map};

/// `XDP_PASS`, `include/uapi/linux/bpf.h`.
pub const XDP_PASS: u32 = 2;
/// `XDP_TX`.
pub const XDP_TX: u32 = 3;
/// `bpf_map_lookup_elem`.
pub const LOOK_UP: u32 = 1;
/// `bpf_get_prandom_u32`.
pub const RANDOM: u32 = 7;
/// `bpf_skb_load_bytes_relative`; its start 0 is the Ethernet header.
pub const LOAD_BYTES: u32 = 68;
/// `bpf_jiffies64`.
pub const JIFFIES: u32 = 118;
/// `bpf_tail_call`.
pub const TAIL_CALL: u32 = 12;
/// `bpf_xdp_get_buff_len` (Linux 5.18).
pub const LENGTH: u32 = 188;

/// The number of bytes that a load or store moves.
#[derive(Clone, Copy, Debug)]
pub enum Width {
    /// One byte.
    One = 0x10,
    /// Two bytes.
    Two = 0x08,
    /// Four bytes.
    Four = 0x00,
    /// Eight bytes.
    Eight = 0x18,
}

/// A condition of a jump, on a register and a value.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The register has another value.
    Differs = 0x55,
    /// The register's value is below, unsigned.
    Below = 0xa5,
}

/// A jump forward whose target is not known yet.
#[must_use]
#[derive(Debug)]
pub struct Jump(usize);

/// A program under construction: its instructions, and the positions of the jumps to its end.
#[derive(Clone, Debug)]
pub struct Code {
    kind: Kind,
    name: String,
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
    /// Starts an XDP program of this name, at most 15 bytes.
    pub fn new(name: &str) -> Self {
        Self::of(Kind::Xdp, name)
    }

    /// Starts a tc program of this name, at most 15 bytes.
    pub fn classifier(name: &str) -> Self {
        Self::of(Kind::Classifier, name)
    }

    /// Starts a program of any kind.
    pub(super) fn of(kind: Kind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), instructions: Vec::new(), jumps: Vec::new() }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn instructions(&self) -> &[u64] {
        &self.instructions
    }

    fn push(mut self, instruction: u64) -> Self {
        self.instructions.push(instruction);
        self
    }

    /// `to = value`.
    pub fn set(self, to: u8, value: u32) -> Self {
        self.push(instruction(0xb7, to, 0, 0, value))
    }

    /// `to = from`.
    pub fn copy(self, to: u8, from: u8) -> Self {
        self.push(instruction(0xbf, to, from, 0, 0))
    }

    /// `to += value`.
    pub fn add(self, to: u8, value: i32) -> Self {
        self.push(instruction(0x07, to, 0, 0, value.cast_unsigned()))
    }

    /// `to -= from`.
    pub fn subtract(self, to: u8, from: u8) -> Self {
        self.push(instruction(0x1f, to, from, 0, 0))
    }

    /// `to &= mask`.
    pub fn mask(self, to: u8, mask: u32) -> Self {
        self.push(instruction(0x57, to, 0, 0, mask))
    }

    /// `to += from`.
    pub fn add_register(self, to: u8, from: u8) -> Self {
        self.push(instruction(0x0f, to, from, 0, 0))
    }

    /// `to <<= bits`.
    pub fn shift_left(self, to: u8, bits: u32) -> Self {
        self.push(instruction(0x67, to, 0, 0, bits))
    }

    /// `to >>= bits`, unsigned.
    pub fn shift_right(self, to: u8, bits: u32) -> Self {
        self.push(instruction(0x77, to, 0, 0, bits))
    }

    /// Converts the low 16 bits of `to` from network to host byte order, and clears the others.
    pub fn from_network_order(self, to: u8) -> Self {
        self.push(instruction(0xdc, to, 0, 0, 16))
    }

    /// `to = *(from + offset)`.
    pub fn read(self, width: Width, to: u8, from: u8, offset: i16) -> Self {
        self.push(instruction(0x61 | width as u8, to, from, offset, 0))
    }

    /// `*(to + offset) = from`.
    pub fn write(self, width: Width, to: u8, offset: i16, from: u8) -> Self {
        self.push(instruction(0x63 | width as u8, to, from, offset, 0))
    }

    /// `to = map`.
    pub fn map(self, to: u8, map: &Map) -> Self {
        const PSEUDO_MAP_FD: u8 = 1;
        let fd = map.fd().cast_unsigned();
        self.push(instruction(0x18, to, PSEUDO_MAP_FD, 0, fd)).push(0)
    }

    /// `to = &value`, where `map` is an array of one value.
    pub fn value(self, to: u8, map: &Map) -> Self {
        const PSEUDO_MAP_VALUE: u8 = 2;
        let fd = map.fd().cast_unsigned();
        self.push(instruction(0x18, to, PSEUDO_MAP_VALUE, 0, fd)).push(0)
    }

    /// `r0 = helper(r1, …, r5)`.
    pub fn call(self, helper: u32) -> Self {
        self.push(instruction(0x85, 0, 0, 0, helper))
    }

    /// Ends the program if the condition holds.
    pub fn end_if(mut self, register: u8, when: When, value: u32) -> Self {
        self.jumps.push(self.instructions.len());
        self.push(instruction(when as u8, register, 0, 0, value))
    }

    /// Ends the program if `register > other`, unsigned.
    pub fn end_if_above(mut self, register: u8, other: u8) -> Self {
        self.jumps.push(self.instructions.len());
        self.push(instruction(0x2d, register, other, 0, 0))
    }

    /// Jumps if the condition holds.
    pub fn jump_if(self, register: u8, when: When, value: u32) -> (Self, Jump) {
        let at = Jump(self.instructions.len());
        (self.push(instruction(when as u8, register, 0, 0, value)), at)
    }

    /// Jumps.
    pub fn jump(self) -> (Self, Jump) {
        let at = Jump(self.instructions.len());
        (self.push(instruction(0x05, 0, 0, 0, 0)), at)
    }

    /// The target of a jump is here.
    pub fn target_of(mut self, Jump(at): Jump) -> Self {
        let here = self.instructions.len();
        self.lead(at, here);
        self
    }

    fn lead(&mut self, from: usize, to: usize) {
        let distance = i16::try_from(to - from - 1).expect("a short program");
        self.instructions[from] |= u64::from(distance.cast_unsigned()) << 16;
    }

    /// Ends the program if `register` is zero.
    pub fn end_if_zero(mut self, register: u8) -> Self {
        self.jumps.push(self.instructions.len());
        self.push(instruction(0x15, register, 0, 0, 0))
    }

    /// `to = packet`. The program ends unless `bytes` of the packet are available. `context` is the register
    /// with the program's context. The code also uses registers 3 and 4.
    pub fn packet(mut self, to: u8, context: u8, bytes: i32) -> Self {
        self = self.read(Width::Four, to, context, 0).read(Width::Four, 3, context, 4);
        self = self.copy(4, to).add(4, bytes);
        self.jumps.push(self.instructions.len());
        self.push(instruction(0x2d, 4, 3, 0, 0))
    }

    /// Ends the program with `action`. Every jump leaves the packet to the next program.
    pub fn end(mut self, action: u32) -> Self {
        self = self.set(0, action).push(instruction(0x95, 0, 0, 0, 0));
        // The verifier rejects unreachable instructions.
        if self.jumps.is_empty() {
            return self;
        }
        let pass = self.instructions.len();
        for at in std::mem::take(&mut self.jumps) {
            self.lead(at, pass);
        }
        let passing = self.kind.passing();
        self.set(0, passing).push(instruction(0x95, 0, 0, 0, 0))
    }
}
