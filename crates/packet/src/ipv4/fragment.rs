//! Fragmentation on the way (RFC 791 section 3.2, RFC 1812 section 4.2.2.7).

use core::fmt;

use super::{MTU_MIN, Packet, Repr};
use crate::ParseError;

/// Why a packet cannot be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentError {
    /// Its sender forbids it.
    DontFragment,
    /// No link may have an MTU this small.
    MtuTooSmall,
    /// It is a fragment that ends beyond 65535 bytes of the original packet.
    BeyondMaximum,
    /// It is no valid packet.
    Packet(ParseError),
}

impl fmt::Display for FragmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FragmentError::DontFragment => f.write_str("the packet must not be fragmented"),
            FragmentError::MtuTooSmall => write!(f, "an MTU is at least {MTU_MIN} bytes"),
            FragmentError::BeyondMaximum => f.write_str("the fragment ends beyond 65535 bytes"),
            FragmentError::Packet(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for FragmentError {}

/// The fragments of one packet, made one at a time in the caller's buffer.
///
/// The first fragment carries all options, the others those whose copied flag is set. A packet that fits the MTU
/// comes out as it is, in one piece.
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    /// The header of the next fragment; offset, flags and length are set as it is written.
    header: Repr,
    /// What is still to be sent.
    payload: &'a [u8],
    /// Where `payload` starts in the original packet, in units of 8 bytes.
    offset: u16,
    /// Whether the packet was itself a fragment other than the last.
    more_fragments: bool,
    mtu: usize,
    done: bool,
}

impl<'a> Fragments<'a> {
    /// Prepares to split `packet` for a link that carries packets of `mtu` bytes.
    ///
    /// # Errors
    /// [`FragmentError`] when the packet is malformed, must not be fragmented, or the MTU is below [`MTU_MIN`].
    pub fn new(packet: &'a [u8], mtu: usize) -> Result<Self, FragmentError> {
        let view = Packet::new_checked(packet).map_err(FragmentError::Packet)?;
        let header = Repr::parse(&view).map_err(FragmentError::Packet)?;
        let payload = &packet[view.header_len()..view.total_len()];
        if view.total_len() > mtu && header.dont_fragment {
            return Err(FragmentError::DontFragment);
        }
        if mtu < MTU_MIN {
            return Err(FragmentError::MtuTooSmall);
        }
        if view.fragment_offset() + payload.len() > usize::from(u16::MAX) {
            return Err(FragmentError::BeyondMaximum);
        }
        Ok(Self {
            header,
            payload,
            offset: header.fragment_offset,
            more_fragments: header.more_fragments,
            mtu,
            done: false,
        })
    }

    /// Writes the next fragment to the start of `buffer` and returns its length; `None` after the last.
    ///
    /// # Panics
    /// When `buffer` is shorter than the MTU and than the packet.
    pub fn next_into(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.done {
            return None;
        }
        let header_len = self.header.buffer_len();
        let room = self.mtu - header_len;
        let fits = self.payload.len() <= room;
        // All but the last carry a multiple of 8 bytes, because offsets count in eights.
        let length = if fits { self.payload.len() } else { room & !7 };
        let (part, rest) = self.payload.split_at(length);
        self.header.fragment_offset = self.offset;
        self.header.more_fragments = self.more_fragments || !fits;
        self.header.payload_len = length as u16;
        self.header.emit(buffer);
        buffer[header_len..header_len + length].copy_from_slice(part);
        self.payload = rest;
        self.offset += (length / 8) as u16;
        self.header.options = self.header.options.copied();
        self.done = fits;
        Some(header_len + length)
    }
}
