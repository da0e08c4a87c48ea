//! Keys of the kernel's LPM tries.
//!
//! The kernel compares the data starting with the highest bit of its first byte, so addresses are in network
//! byte order (`struct bpf_lpm_trie_key`, include/uapi/linux/bpf.h).

/// Key of the IPv4 trie: the address. aya puts the prefix length in front of it, a `u32` in bits.
pub type Ipv4 = [u8; 4];
/// Key of the IPv6 trie: the address.
pub type Ipv6 = [u8; 16];
/// The same as [`Ipv6`] in the words of a [`Source`](crate::packet::Source).
pub type Ipv6Words = [u32; 4];

/// Prefix length, in bits, of a lookup by a whole IPv4 address.
pub const IPV4_BITS: u32 = 32;
/// Prefix length, in bits, of a lookup by a whole IPv6 address.
pub const IPV6_BITS: u32 = 128;
