//! Prefixes, masks, and addresses with the prefix of their link.

use alloc::string::ToString;
use core::cmp::Ordering;
use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

use crate::{Address, AddressError, Family, V4};

/// A network: the first `len` bits of an address; the others are zero. Ordered by network, then by length.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix<F: Family> {
    network: F::Address,
    pub(crate) length: u8,
}

/// By numbers: tables of a million prefixes compare them a dozen times for each search.
impl<F: Family> Ord for Prefix<F> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |prefix: &Self| F::prefix_number(prefix.network, prefix.length);
        number(self).cmp(&number(other))
    }
}

impl<F: Family> PartialOrd for Prefix<F> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<F: Family> Prefix<F> {
    /// The prefix that holds every address.
    pub const DEFAULT: Prefix<F> = Prefix {
        network: F::Address::ZERO,
        length: 0,
    };

    /// The prefix of length `length` (bits) around `address`; host bits of `address` are cleared.
    ///
    /// # Errors
    /// [`AddressError::TooLong`] when `length` exceeds the family's width.
    pub fn new(address: F::Address, length: u8) -> Result<Self, AddressError> {
        if length > F::WIDTH {
            return Err(AddressError::TooLong {
                length,
                width: F::WIDTH,
            });
        }
        Ok(Self {
            network: address.masked(length),
            length,
        })
    }

    /// The prefix that holds `address` alone.
    pub fn host(address: F::Address) -> Self {
        Self {
            network: address,
            length: F::WIDTH,
        }
    }

    /// The network's address, host bits zero.
    pub fn network(&self) -> F::Address {
        self.network
    }

    /// The prefix length in bits, `0..=WIDTH`.
    #[allow(clippy::len_without_is_empty, reason = "a prefix is never empty")]
    pub fn len(&self) -> u8 {
        self.length
    }

    /// Whether this is the default route's prefix.
    pub fn is_default(&self) -> bool {
        self.length == 0
    }

    /// Whether it holds one address only.
    pub fn is_host(&self) -> bool {
        self.length == F::WIDTH
    }

    /// Whether `address` lies within.
    pub fn contains(&self, address: F::Address) -> bool {
        address.masked(self.length) == self.network
    }

    /// Whether `other` lies within; a prefix covers itself.
    pub fn covers(&self, other: &Prefix<F>) -> bool {
        self.length <= other.length && self.contains(other.network)
    }

    /// The prefix that is one bit shorter; `None` for the default.
    pub fn parent(&self) -> Option<Prefix<F>> {
        let length = self.length.checked_sub(1)?;
        Some(Self {
            network: self.network.masked(length),
            length,
        })
    }

    /// The highest address within.
    pub fn last(&self) -> F::Address {
        let host_bits = match self.length {
            0 => u128::MAX,
            1..=127 => u128::MAX >> self.length,
            _ => 0,
        };
        F::Address::from_key(self.network.to_key() | host_bits)
    }
}

impl<F: Family> fmt::Display for Prefix<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        padded(f, format_args!("{}/{}", self.network, self.length))
    }
}

impl<F: Family> fmt::Debug for Prefix<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

/// Honours a width, as columns of `show` output need it, without a copy where none is asked for.
fn padded(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    match f.width() {
        None => f.write_fmt(text),
        Some(_) => f.pad(&text.to_string()),
    }
}

impl<F: Family> FromStr for Prefix<F> {
    type Err = AddressError;

    /// Reads `network/length`. Host bits may be set; they are cleared.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, length) = split_length::<F>(text)?;
        Prefix::new(address, length)
    }
}

fn split_length<F: Family>(text: &str) -> Result<(F::Address, u8), AddressError> {
    let (address, length) = text
        .split_once('/')
        .ok_or_else(|| AddressError::Length(text.to_string()))?;
    let address = address
        .parse()
        .map_err(|_| AddressError::Address(address.to_string()))?;
    // `u8::from_str` takes a leading plus sign, which no operator means.
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressError::Length(text.to_string()));
    }
    let length = length
        .parse()
        .map_err(|_| AddressError::Length(text.to_string()))?;
    Ok((address, length))
}

/// The mask with `length` leading ones; 32 and more give all ones.
pub const fn netmask(length: u8) -> Ipv4Addr {
    match length {
        0 => Ipv4Addr::UNSPECIFIED,
        1..=31 => Ipv4Addr::from_bits(u32::MAX << (32 - length)),
        _ => Ipv4Addr::BROADCAST,
    }
}

/// The number of leading ones of `mask`.
///
/// # Errors
/// [`AddressError::Mask`] when a one follows a zero.
pub fn netmask_length(mask: Ipv4Addr) -> Result<u8, AddressError> {
    let ones = mask.to_bits().leading_ones() as u8;
    if netmask(ones) == mask {
        Ok(ones)
    } else {
        Err(AddressError::Mask(mask))
    }
}

impl Prefix<V4> {
    /// The prefix of a network in mask notation, as in `ip route 10.0.0.0 255.255.255.0 ...`; host bits are cleared.
    ///
    /// # Errors
    /// [`AddressError::Mask`] when the mask is not contiguous.
    pub fn from_mask(network: Ipv4Addr, mask: Ipv4Addr) -> Result<Self, AddressError> {
        Prefix::new(network, netmask_length(mask)?)
    }

    /// The same from text: `"10.0.0.0"`, `"255.255.255.0"`.
    ///
    /// # Errors
    /// [`AddressError::Address`] when one of the texts is no address, [`AddressError::Mask`] for a bad mask.
    pub fn from_mask_text(network: &str, mask: &str) -> Result<Self, AddressError> {
        let parse = |text: &str| text.parse().map_err(|_| AddressError::Address(text.to_string()));
        Prefix::from_mask(parse(network)?, parse(mask)?)
    }

    /// The mask of this prefix.
    pub fn mask(&self) -> Ipv4Addr {
        netmask(self.length)
    }

    /// The directed broadcast address; `None` for /31 (RFC 3021) and /32, which have none.
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        (self.length < 31).then(|| self.last())
    }
}

/// An interface's own address together with the length of its link's prefix, as in `10.0.0.1/24`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress<F: Family> {
    address: F::Address,
    length: u8,
}

impl<F: Family> InterfaceAddress<F> {
    /// `address` on a link whose prefix has `length` bits.
    ///
    /// # Errors
    /// [`AddressError::TooLong`] when `length` exceeds the family's width.
    pub fn new(address: F::Address, length: u8) -> Result<Self, AddressError> {
        if length > F::WIDTH {
            return Err(AddressError::TooLong {
                length,
                width: F::WIDTH,
            });
        }
        Ok(Self { address, length })
    }

    /// The interface's own address.
    pub fn address(&self) -> F::Address {
        self.address
    }

    /// Length of the link's prefix in bits.
    pub fn prefix_len(&self) -> u8 {
        self.length
    }

    /// The link's prefix.
    pub fn prefix(&self) -> Prefix<F> {
        Prefix {
            network: self.address.masked(self.length),
            length: self.length,
        }
    }
}

impl<F: Family> fmt::Display for InterfaceAddress<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        padded(f, format_args!("{}/{}", self.address, self.length))
    }
}

impl<F: Family> fmt::Debug for InterfaceAddress<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl<F: Family> FromStr for InterfaceAddress<F> {
    type Err = AddressError;

    /// Reads `address/length`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, length) = split_length::<F>(text)?;
        InterfaceAddress::new(address, length)
    }
}
