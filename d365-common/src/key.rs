//! Keys of the kernel's LPM tries.
//!
//! The kernel compares the data from its first byte's highest bit on, so addresses are in network byte
//! order (`struct bpf_lpm_trie_key`, include/uapi/linux/bpf.h).

/// Key of the IPv4 trie: the address, behind aya's `u32` prefix length in bits.
pub type Ipv4 = [u8; 4];
/// Key of the IPv6 trie.
pub type Ipv6 = [u8; 16];
/// The same by words, as [`Source`](crate::packet::Source) has it.
pub type Ipv6Words = [u32; 4];

/// Prefix length of a look-up by a whole IPv4 address.
pub const IPV4_BITS: u32 = 32;
/// Prefix length of a look-up by a whole IPv6 address.
pub const IPV6_BITS: u32 = 128;
