//! The internet checksum (RFC 1071) and its incremental update (RFC 1624).
//!
//! The sum is taken eight bytes at a time in the machine's own byte order: swapping the bytes of every word swaps
//! the bytes of a one's complement sum, so one swap at the end is enough.

use core::net::{Ipv4Addr, Ipv6Addr};

/// A one's complement sum that is still growing.
///
/// Parts may be added in any order, but every part except the last must have an even number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Sum = Sum(0);

    /// Adds bytes; an odd last byte counts as if a zero byte followed.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Sum {
        // Halves of 32 bits in a 64-bit sum: no carry is lost below 2^32 halves.
        let mut sum: u64 = 0;
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            let value = u64::from_ne_bytes(*chunk);
            sum += (value & 0xffff_ffff) + (value >> 32);
        }
        if !rest.is_empty() {
            let mut last = [0u8; 8];
            last[..rest.len()].copy_from_slice(rest);
            let value = u64::from_ne_bytes(last);
            sum += (value & 0xffff_ffff) + (value >> 32);
        }
        self.word(u16::from_be(fold(sum)))
    }

    /// Adds one 16-bit word.
    #[must_use]
    pub const fn word(self, word: u16) -> Sum {
        Sum(self.0 + word as u64)
    }

    /// Adds the pseudo header that TCP and UDP over IPv4 use (RFC 9293 section 3.1, RFC 768).
    #[must_use]
    pub fn pseudo_header_v4(self, source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: u16) -> Sum {
        self.bytes(&source.octets())
            .bytes(&destination.octets())
            .word(u16::from(protocol))
            .word(length)
    }

    /// Adds the pseudo header of IPv6 (RFC 8200 section 8.1).
    #[must_use]
    pub fn pseudo_header_v6(self, source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, length: u32) -> Sum {
        self.bytes(&source.octets())
            .bytes(&destination.octets())
            .word((length >> 16) as u16)
            .word((length & 0xffff) as u16)
            .word(u16::from(protocol))
    }

    /// The checksum: the folded sum's complement.
    pub const fn finish(self) -> u16 {
        !fold(self.0)
    }
}

/// Adds the carries back in until 16 bits are left.
const fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// The checksum of `bytes`. Over bytes that include a right checksum it is zero.
pub fn checksum(bytes: &[u8]) -> u16 {
    Sum::ZERO.bytes(bytes).finish()
}

/// The checksum after one 16-bit word under it changed from `old` to `new` (RFC 1624, equation 3).
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    Sum(!checksum as u64 + !old as u64 + new as u64).finish()
}
