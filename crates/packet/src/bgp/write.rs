//! Writes UPDATEs, as many routes into each as fit.

use alloc::vec::Vec;
use core::iter::Peekable;

use super::attributes::NextHop;
use super::canonical::{CanonicalWriter, write_mp_next_hop};
use super::{
    AfiSafi, AsPathWriter, AttributeType, Attributes, Canonical, Flags, HEADER_LEN, Kind, message,
    prefix_len, write_prefix,
};
use crate::{Family, Prefix, V4, V6};

/// Appends a KEEPALIVE.
pub fn keepalive(out: &mut Vec<u8>) {
    message(Kind::Keepalive, out, |_| {});
}

/// Appends the message that says that all routes of `family` were sent (RFC 4724 section 2).
pub fn end_of_rib(family: AfiSafi, out: &mut Vec<u8>) {
    message(Kind::Update, out, |out| {
        out.extend_from_slice(&[0, 0]);
        if family == AfiSafi::IPV4_UNICAST {
            out.extend_from_slice(&[0, 0]);
            return;
        }
        let flags = Flags::OPTIONAL.0 | Flags::EXTENDED_LENGTH;
        out.extend_from_slice(&[0, 7, flags, AttributeType::MP_UNREACH_NLRI.0, 0, 3]);
        out.extend_from_slice(&family.afi.to_be_bytes());
        out.push(family.safi);
    });
}

impl Canonical<'_> {
    /// Appends the attributes as a neighbour is sent them that speaks of ASes in four octets or not; without the
    /// MP_REACH_NLRI, which goes together with its routes.
    pub fn write_attributes(&self, four_octet_as: bool, out: &mut Vec<u8>) {
        let is_v6 = matches!(self.attributes.next_hop, Some(NextHop::V6 { .. }));
        if four_octet_as && !is_v6 {
            out.extend_from_slice(self.bytes);
            return;
        }
        for attribute in Attributes::new(self.bytes).filter_map(Result::ok) {
            match attribute.kind {
                AttributeType::MP_REACH_NLRI => {}
                AttributeType::AS_PATH if !four_octet_as => {
                    CanonicalWriter::new(out).attribute(Flags::WELL_KNOWN, attribute.kind, |out| {
                        AsPathWriter::new(out, false).append(&self.attributes.path());
                    });
                }
                AttributeType::AGGREGATOR if !four_octet_as => self.narrow_aggregator(out),
                _ => out.extend_from_slice(attribute.bytes),
            }
        }
        if !four_octet_as {
            self.write_as4(out);
        }
    }

    fn narrow_aggregator(&self, out: &mut Vec<u8>) {
        let Some(aggregator) = self.attributes.aggregator else {
            return;
        };
        let narrow = u16::try_from(aggregator.as_number).unwrap_or(super::AS_TRANS as u16);
        let mut writer = CanonicalWriter::new(out);
        writer.attribute(Flags::OPTIONAL_TRANSITIVE, AttributeType::AGGREGATOR, |out| {
            out.extend_from_slice(&narrow.to_be_bytes());
            out.extend_from_slice(&aggregator.address.octets());
        });
    }

    /// What two octets could not say.
    fn write_as4(&self, out: &mut Vec<u8>) {
        let path = self.attributes.path();
        if path.needs_four_octets() {
            let mut writer = CanonicalWriter::new(out);
            writer.attribute(Flags::OPTIONAL_TRANSITIVE, AttributeType::AS4_PATH, |out| {
                AsPathWriter::new(out, true).append_outside(&path);
            });
        }
        if let Some(aggregator) = self.attributes.aggregator
            && aggregator.as_number > u32::from(u16::MAX)
        {
            let mut writer = CanonicalWriter::new(out);
            writer.attribute(Flags::OPTIONAL_TRANSITIVE, AttributeType::AS4_AGGREGATOR, |out| {
                out.extend_from_slice(&aggregator.as_number.to_be_bytes());
                out.extend_from_slice(&aggregator.address.octets());
            });
        }
    }
}

/// Appends prefixes while they fit into `room` bytes; returns how many did.
fn fill<F: Family>(
    prefixes: &mut Peekable<impl Iterator<Item = Prefix<F>>>,
    room: usize,
    out: &mut Vec<u8>,
) -> usize {
    let start = out.len();
    let mut count = 0;
    while let Some(prefix) = prefixes.next_if(|prefix| out.len() - start + prefix_len(prefix) <= room) {
        write_prefix(&prefix, out);
        count += 1;
    }
    count
}

fn write_length(at: usize, length: usize, out: &mut [u8]) {
    // Every length here is below that of a message.
    out[at..at + 2].copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

/// Appends one UPDATE of at most `length_max` bytes that announces the first of `prefixes` with `attributes`
/// ([`Canonical::write_attributes`]), and takes those off the iterator. Returns how many; 0, and nothing written, when
/// the attributes leave no room for a prefix.
pub fn update_v4(
    attributes: &[u8],
    prefixes: &mut Peekable<impl Iterator<Item = Prefix<V4>>>,
    length_max: usize,
    out: &mut Vec<u8>,
) -> usize {
    let start = out.len();
    let used = HEADER_LEN + 4 + attributes.len();
    if used >= length_max {
        return 0;
    }
    let mut count = 0;
    message(Kind::Update, out, |out| {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
        out.extend_from_slice(attributes);
        count = fill(prefixes, length_max - used, out);
    });
    if count == 0 {
        out.truncate(start);
    }
    count
}

/// As [`update_v4`], for IPv6: the routes and their next hop are an MP_REACH_NLRI, the first of the attributes
/// (RFC 7606 section 5.1).
pub fn update_v6(
    attributes: &[u8],
    next_hop: NextHop,
    prefixes: &mut Peekable<impl Iterator<Item = Prefix<V6>>>,
    length_max: usize,
    out: &mut Vec<u8>,
) -> usize {
    let start = out.len();
    let mut next_hop_bytes = Vec::with_capacity(40);
    write_mp_next_hop(AfiSafi::IPV6_UNICAST, next_hop, &mut next_hop_bytes);
    let used = HEADER_LEN + 4 + 4 + next_hop_bytes.len() + attributes.len();
    if used >= length_max {
        return 0;
    }
    let mut count = 0;
    message(Kind::Update, out, |out| {
        let lengths = out.len();
        let flags = Flags::OPTIONAL.0 | Flags::EXTENDED_LENGTH;
        out.extend_from_slice(&[0, 0, 0, 0, flags, AttributeType::MP_REACH_NLRI.0, 0, 0]);
        out.extend_from_slice(&next_hop_bytes);
        count = fill(prefixes, length_max - used, out);
        write_length(lengths + 6, out.len() - lengths - 8, out);
        out.extend_from_slice(attributes);
        write_length(lengths + 2, out.len() - lengths - 4, out);
    });
    if count == 0 {
        out.truncate(start);
    }
    count
}

/// Appends one UPDATE of at most `length_max` bytes that withdraws the first of `prefixes`, and takes those off the
/// iterator. Returns how many; nothing is written for none.
pub fn withdraw_v4(
    prefixes: &mut Peekable<impl Iterator<Item = Prefix<V4>>>,
    length_max: usize,
    out: &mut Vec<u8>,
) -> usize {
    if prefixes.peek().is_none() {
        return 0;
    }
    let mut count = 0;
    message(Kind::Update, out, |out| {
        let at = out.len();
        out.extend_from_slice(&[0, 0]);
        count = fill(prefixes, length_max.saturating_sub(HEADER_LEN + 4), out);
        write_length(at, out.len() - at - 2, out);
        out.extend_from_slice(&[0, 0]);
    });
    count
}

/// As [`withdraw_v4`], for IPv6: an MP_UNREACH_NLRI.
pub fn withdraw_v6(
    prefixes: &mut Peekable<impl Iterator<Item = Prefix<V6>>>,
    length_max: usize,
    out: &mut Vec<u8>,
) -> usize {
    if prefixes.peek().is_none() {
        return 0;
    }
    let mut count = 0;
    message(Kind::Update, out, |out| {
        let at = out.len();
        let flags = Flags::OPTIONAL.0 | Flags::EXTENDED_LENGTH;
        out.extend_from_slice(&[0, 0, 0, 0, flags, AttributeType::MP_UNREACH_NLRI.0, 0, 0]);
        out.extend_from_slice(&[0, 2, 1]);
        count = fill(prefixes, length_max.saturating_sub(HEADER_LEN + 4 + 7), out);
        write_length(at + 6, out.len() - at - 8, out);
        write_length(at + 2, out.len() - at - 4, out);
    });
    count
}
