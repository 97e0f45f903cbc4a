//! Address families, so that prefixes and forwarding tables are written once.

use core::fmt::{Debug, Display};
use core::hash::Hash;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::V4 {}
    impl Sealed for super::V6 {}
    impl Sealed for core::net::Ipv4Addr {}
    impl Sealed for core::net::Ipv6Addr {}
}

/// An address family: a marker type that names its address. Sealed; the families are [`V4`] and [`V6`].
pub trait Family:
    sealed::Sealed + Copy + Clone + Debug + Default + Eq + Ord + Hash + Send + Sync + 'static
{
    /// The family's address.
    type Address: Address;
    /// Width of an address in bits.
    const WIDTH: u8;
    /// The family's name as operators write it: `IPv4`, `IPv6`.
    const NAME: &'static str;
    /// A prefix as a number, in the order of prefixes.
    type PrefixNumber: Copy + Ord;
    /// The number of a prefix: by its network first, then by its length.
    fn prefix_number(network: Self::Address, length: u8) -> Self::PrefixNumber;
}

/// IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct V4;

/// IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct V6;

impl Family for V4 {
    type Address = Ipv4Addr;
    const WIDTH: u8 = 32;
    const NAME: &'static str = "IPv4";
    type PrefixNumber = u64;

    #[inline]
    fn prefix_number(network: Ipv4Addr, length: u8) -> u64 {
        u64::from(u32::from(network)) << 8 | u64::from(length)
    }
}

impl Family for V6 {
    type Address = Ipv6Addr;
    const WIDTH: u8 = 128;
    const NAME: &'static str = "IPv6";
    type PrefixNumber = (u128, u8);

    #[inline]
    fn prefix_number(network: Ipv6Addr, length: u8) -> (u128, u8) {
        (u128::from(network), length)
    }
}

/// An address of some family, as bytes and as bits.
pub trait Address:
    sealed::Sealed + Copy + Debug + Display + Eq + FromStr + Hash + Ord + Send + Sync + 'static
{
    /// The address in network byte order: `[u8; 4]` or `[u8; 16]`.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Copy + Debug + Default + Eq;

    /// Width in bits, the same number as the family's.
    const WIDTH: u8;
    /// All bits zero.
    const ZERO: Self;

    /// The bytes in network order.
    fn to_bytes(self) -> Self::Bytes;

    /// The address that starts `bytes`; `None` when there are fewer bytes than an address has.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// The address as a number whose top bit is bit 0 of the address: an IPv4 address is shifted to the left end.
    fn to_key(self) -> u128;

    /// Reverse of [`Address::to_key`]; bits beyond the width are dropped.
    fn from_key(key: u128) -> Self;

    /// Bit `index` counted from the most significant one, which is 0. False beyond the width.
    fn bit(self, index: u8) -> bool {
        index < Self::WIDTH && (self.to_key() << index) >> 127 == 1
    }

    /// The address with all bits after the first `length` cleared.
    fn masked(self, length: u8) -> Self {
        Self::from_key(self.to_key() & mask_key(length.min(Self::WIDTH)))
    }

    /// Number of leading bits that both addresses share, at most the width.
    fn common_bits(self, other: Self) -> u8 {
        let differing = (self.to_key() ^ other.to_key()).leading_zeros();
        // leading_zeros of a u128 is at most 128, which fits.
        (differing as u8).min(Self::WIDTH)
    }
}

/// `length` ones from the left, `length` at most 128.
fn mask_key(length: u8) -> u128 {
    match length {
        0 => 0,
        1..=127 => u128::MAX << (128 - length),
        _ => u128::MAX,
    }
}

impl Address for Ipv4Addr {
    type Bytes = [u8; 4];
    const WIDTH: u8 = 32;
    const ZERO: Self = Ipv4Addr::UNSPECIFIED;

    fn to_bytes(self) -> [u8; 4] {
        self.octets()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets))
    }

    fn to_key(self) -> u128 {
        u128::from(u32::from(self)) << 96
    }

    fn from_key(key: u128) -> Self {
        Ipv4Addr::from((key >> 96) as u32)
    }

    fn masked(self, length: u8) -> Self {
        Ipv4Addr::from(u32::from(self) & u32::from(crate::prefix::netmask(length)))
    }
}

impl Address for Ipv6Addr {
    type Bytes = [u8; 16];
    const WIDTH: u8 = 128;
    const ZERO: Self = Ipv6Addr::UNSPECIFIED;

    fn to_bytes(self) -> [u8; 16] {
        self.octets()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
    }

    fn to_key(self) -> u128 {
        u128::from(self)
    }

    fn from_key(key: u128) -> Self {
        Ipv6Addr::from(key)
    }
}
