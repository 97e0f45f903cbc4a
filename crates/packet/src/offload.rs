//! What a network device left undone: partial checksums and oversized segments.
//!
//! Linux hands frames between interfaces before the work is done that hardware would do. With PACKET_VNET_HDR it
//! says what is missing in a `virtio_net_hdr` before each frame (`linux/virtio_net.h`, 10 bytes in the machine's
//! own byte order):
//!
//! ```text
//!   u8 flags | u8 gso_type | u16 hdr_len | u16 gso_size | u16 csum_start | u16 csum_offset
//! ```
//!
//! [`finish`] does the work: it completes the checksum, or cuts the frame into segments of `gso_size` bytes with
//! headers, lengths, identifications and checksums of their own. The header fields come from outside; whatever does
//! not fit the frame is an error. `hdr_len` is only a hint and not used.

mod segment;

use core::fmt;

use crate::checksum::Sum;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 10;
/// The checksum from `csum_start` on is partial.
pub const FLAG_NEEDS_CHECKSUM: u8 = 1;
/// Not segmented.
pub const GSO_NONE: u8 = 0;
/// TCP over IPv4.
pub const GSO_TCP_V4: u8 = 1;
/// UDP over IPv4, to be fragmented (UFO); not handled.
pub const GSO_UDP: u8 = 3;
/// TCP over IPv6.
pub const GSO_TCP_V6: u8 = 4;
/// UDP over either, to be cut into datagrams (USO).
pub const GSO_UDP_L4: u8 = 5;
/// Added to a TCP type: the segments have ECN set.
pub const GSO_ECN: u8 = 0x80;

/// The smallest TCP segment that is accepted, in bytes: what asks for less wants a flood of frames.
pub const GSO_SIZE_MIN: u16 = 8;
/// The most datagrams that one frame may become (the kernel's own UDP_MAX_SEGMENTS).
pub const UDP_SEGMENTS_MAX: usize = 128;

/// The parsed `virtio_net_hdr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VirtioHeader {
    /// Bits of `FLAG_*`.
    pub flags: u8,
    /// One of `GSO_*`, possibly with [`GSO_ECN`].
    pub gso_type: u8,
    /// A hint: the length of the headers in bytes.
    pub header_len: u16,
    /// Payload bytes of each segment.
    pub gso_size: u16,
    /// Where the checksum starts to count, in bytes from the start of the frame.
    pub checksum_start: u16,
    /// Where it is stored, in bytes from `checksum_start`.
    pub checksum_offset: u16,
}

impl VirtioHeader {
    /// Nothing is left to do: what is put before a finished frame.
    pub const FINISHED: VirtioHeader = VirtioHeader {
        flags: 0,
        gso_type: GSO_NONE,
        header_len: 0,
        gso_size: 0,
        checksum_start: 0,
        checksum_offset: 0,
    };

    /// Splits `bytes` into the header and the frame after it.
    ///
    /// # Errors
    /// [`OffloadError::Truncated`] for fewer than [`HEADER_LEN`] bytes.
    pub fn split(bytes: &[u8]) -> Result<(VirtioHeader, &[u8]), OffloadError> {
        let (header, frame) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(OffloadError::Truncated)?;
        Ok((VirtioHeader::from_bytes(header), frame))
    }

    /// Reads the header.
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> VirtioHeader {
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        VirtioHeader {
            flags: bytes[0],
            gso_type: bytes[1],
            header_len: word(2),
            gso_size: word(4),
            checksum_start: word(6),
            checksum_offset: word(8),
        }
    }

    /// Writes the header.
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        let words = [
            self.header_len,
            self.gso_size,
            self.checksum_start,
            self.checksum_offset,
        ];
        for (at, word) in (2..).step_by(2).zip(words) {
            bytes[at..at + 2].copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// Whether the frame can be used as it is.
    pub fn is_finished(&self) -> bool {
        self.gso_type == GSO_NONE && self.flags & FLAG_NEEDS_CHECKSUM == 0
    }
}

/// Why the work cannot be done; the frame is lost and to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffloadError {
    /// Frame or header end too early.
    Truncated,
    /// The checksum's place is outside the frame.
    ChecksumPlace,
    /// No segmentation of this type is known here; the type's number.
    GsoType(u8),
    /// The segment size is zero or so small that the frame would become a flood.
    GsoSize,
    /// The frame's headers are not those that the segmentation type promises (tunnels, extension headers).
    Headers,
    /// A segment does not fit the caller's buffer.
    Buffer,
}

impl fmt::Display for OffloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OffloadError::Truncated => f.write_str("truncated"),
            OffloadError::ChecksumPlace => f.write_str("checksum outside the frame"),
            OffloadError::GsoType(number) => write!(f, "segmentation type {number} is not known"),
            OffloadError::GsoSize => f.write_str("impossible segment size"),
            OffloadError::Headers => f.write_str("headers do not fit the segmentation type"),
            OffloadError::Buffer => f.write_str("segment exceeds the buffer"),
        }
    }
}

impl core::error::Error for OffloadError {}

/// Makes finished frames of `frame` and gives each to `emit`, in order; returns how many.
///
/// A frame that needs no cutting is finished in place and emitted as it is. Segments are built in `buffer`, one at
/// a time; `emit` may change them. On an error nothing has been emitted.
///
/// # Errors
/// [`OffloadError`] when `header` and `frame` do not fit each other or the type is not known.
pub fn finish(
    header: &VirtioHeader,
    frame: &mut [u8],
    buffer: &mut [u8],
    mut emit: impl FnMut(&mut [u8]),
) -> Result<usize, OffloadError> {
    if header.gso_type & !GSO_ECN != GSO_NONE {
        return segment::segment(header, frame, buffer, emit);
    }
    if header.flags & FLAG_NEEDS_CHECKSUM != 0 {
        complete_checksum(frame, header.checksum_start, header.checksum_offset)?;
    }
    emit(frame);
    Ok(1)
}

/// Completes a partial checksum: the field at `start + offset` holds the pseudo header's sum, and becomes the
/// checksum over everything from `start` on.
///
/// # Errors
/// [`OffloadError::ChecksumPlace`] when the field is not within the frame; the frame is then unchanged.
pub fn complete_checksum(frame: &mut [u8], start: u16, offset: u16) -> Result<(), OffloadError> {
    let covered = frame
        .get_mut(usize::from(start)..)
        .ok_or(OffloadError::ChecksumPlace)?;
    let place = usize::from(offset)..usize::from(offset) + 2;
    if covered.len() < place.end {
        return Err(OffloadError::ChecksumPlace);
    }
    // A sum of zero is sent as 0xffff, because zero means "none" to UDP and the same to everybody else.
    let checksum = match Sum::ZERO.bytes(covered).finish() {
        0 => 0xffff,
        checksum => checksum,
    };
    covered[place].copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}
