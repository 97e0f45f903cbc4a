//! Lists of prefixes: a length in bits, and as many bytes as that needs (RFC 4271 section 4.3).

use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::{Address, Family, Prefix};

/// A list of prefixes that is none: a length beyond the family's width, or fewer bytes than a length asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixError;

/// A checked list of prefixes; host bits of each are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes<'a, F> {
    bytes: &'a [u8],
    family: PhantomData<F>,
}

impl<F: Family> Default for Prefixes<'_, F> {
    fn default() -> Self {
        Self {
            bytes: &[],
            family: PhantomData,
        }
    }
}

impl<'a, F: Family> Prefixes<'a, F> {
    /// Walks over the list once, so that later walks cannot fail.
    ///
    /// # Errors
    /// [`PrefixError`] when it is no list of prefixes of this family.
    pub fn new(bytes: &'a [u8]) -> Result<Self, PrefixError> {
        let mut rest = bytes;
        while let Some((length, tail)) = rest.split_first() {
            if *length > F::WIDTH {
                return Err(PrefixError);
            }
            rest = tail.get(bytes_of(*length)..).ok_or(PrefixError)?;
        }
        Ok(Self {
            bytes,
            family: PhantomData,
        })
    }

    /// The list as it stands in the message.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

const fn bytes_of(length: u8) -> usize {
    length.div_ceil(8) as usize
}

impl<F: Family> Iterator for Prefixes<'_, F> {
    type Item = Prefix<F>;

    fn next(&mut self) -> Option<Prefix<F>> {
        let (length, rest) = self.bytes.split_first()?;
        let (network, rest) = rest.split_at_checked(bytes_of(*length))?;
        self.bytes = rest;
        let mut octets = <F::Address as Address>::Bytes::default();
        octets.as_mut().get_mut(..network.len())?.copy_from_slice(network);
        Prefix::new(F::Address::from_bytes(octets.as_ref())?, *length).ok()
    }
}

/// Bytes that [`write_prefix`] appends.
pub const fn prefix_len<F: Family>(prefix: &Prefix<F>) -> usize {
    1 + bytes_of(prefix.length)
}

/// Appends one prefix.
pub fn write_prefix<F: Family>(prefix: &Prefix<F>, out: &mut Vec<u8>) {
    out.push(prefix.len());
    out.extend_from_slice(&prefix.network().to_bytes().as_ref()[..bytes_of(prefix.len())]);
}
