//! One form for each set of attributes, so that equal sets are equal bytes.
//!
//! A canonical set is a block of attributes as an UPDATE holds it: in the order of their types, AS numbers in four
//! octets with AS4_PATH merged in, lengths in one octet where that is enough, flags as specified. An IPv6 next hop is
//! an MP_REACH_NLRI without routes.

use alloc::vec::Vec;

use super::attributes::{Aggregator, NextHop, PathAttributes};
use super::{AS_TRANS, AfiSafi, AsPathWriter, AttributeType, Flags, read};

/// Bytes that are no canonical set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalError;

/// A checked canonical set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canonical<'a> {
    /// What the attributes are.
    pub attributes: PathAttributes<'a>,
    /// The block.
    pub bytes: &'a [u8],
}

impl<'a> Canonical<'a> {
    /// Reads a set.
    ///
    /// # Errors
    /// [`CanonicalError`] when it was not written by [`CanonicalWriter`].
    pub fn parse(bytes: &'a [u8]) -> Result<Canonical<'a>, CanonicalError> {
        let attributes = read::canonical(bytes).ok_or(CanonicalError)?;
        Ok(Canonical { attributes, bytes })
    }
}

/// Writes attributes in their canonical form.
#[derive(Debug)]
pub struct CanonicalWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> CanonicalWriter<'o> {
    /// Appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        CanonicalWriter { out }
    }

    /// One attribute whose value is appended by `value`.
    pub fn attribute(&mut self, flags: Flags, kind: AttributeType, value: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[flags.0, kind.0, 0]);
        value(self.out);
        let length = self.out.len() - start - 3;
        match u8::try_from(length) {
            Ok(length) => self.out[start + 2] = length,
            Err(_) => {
                // Values come from messages, whose length has two octets.
                let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
                self.out[start] |= Flags::EXTENDED_LENGTH;
                self.out[start + 2] = length[0];
                self.out.insert(start + 3, length[1]);
            }
        }
    }

    fn bytes(&mut self, kind: AttributeType, value: &[u8]) {
        if !value.is_empty() {
            let flags = kind.flags().unwrap_or(Flags::OPTIONAL_TRANSITIVE);
            self.attribute(flags, kind, |out| out.extend_from_slice(value));
        }
    }

    /// A whole set. `next_hop` is that of the routes meant, which comes from one of two attributes.
    pub fn set(&mut self, attributes: &PathAttributes<'_>, next_hop: Option<NextHop>) {
        if let Some(origin) = attributes.origin {
            self.bytes(AttributeType::ORIGIN, &[origin as u8]);
        }
        self.path(attributes);
        if let Some(NextHop::V4(address)) = next_hop {
            self.bytes(AttributeType::NEXT_HOP, &address.octets());
        }
        let words = [
            (
                AttributeType::MULTI_EXIT_DISC,
                attributes.multi_exit_discriminator,
            ),
            (AttributeType::LOCAL_PREF, attributes.local_preference),
        ];
        for (kind, word) in words {
            if let Some(word) = word {
                self.bytes(kind, &word.to_be_bytes());
            }
        }
        if attributes.atomic_aggregate {
            self.attribute(Flags::WELL_KNOWN, AttributeType::ATOMIC_AGGREGATE, |_| {});
        }
        if let Some(aggregator) = merged_aggregator(attributes) {
            self.attribute(Flags::OPTIONAL_TRANSITIVE, AttributeType::AGGREGATOR, |out| {
                out.extend_from_slice(&aggregator.as_number.to_be_bytes());
                out.extend_from_slice(&aggregator.address.octets());
            });
        }
        self.bytes(AttributeType::COMMUNITIES, attributes.communities);
        if let Some(originator) = attributes.originator_id {
            self.bytes(AttributeType::ORIGINATOR_ID, &originator.octets());
        }
        self.bytes(AttributeType::CLUSTER_LIST, attributes.cluster_list);
        self.rest(attributes, next_hop);
    }

    /// What is known above CLUSTER_LIST, with what is not known in its place.
    fn rest(&mut self, attributes: &PathAttributes<'_>, next_hop: Option<NextHop>) {
        let mut passed = 0;
        let known = [
            (AttributeType::MP_REACH_NLRI, &[][..]),
            (
                AttributeType::EXTENDED_COMMUNITIES,
                attributes.extended_communities,
            ),
            (
                AttributeType::IPV6_EXTENDED_COMMUNITIES,
                attributes.ipv6_extended_communities,
            ),
            (AttributeType::LARGE_COMMUNITIES, attributes.large_communities),
        ];
        for (kind, value) in known {
            self.unknown(attributes, passed..=kind.0);
            passed = kind.0;
            match (kind, next_hop) {
                (AttributeType::MP_REACH_NLRI, Some(next_hop @ NextHop::V6 { .. })) => {
                    self.attribute(Flags::OPTIONAL, kind, |out| {
                        write_mp_next_hop(AfiSafi::IPV6_UNICAST, next_hop, out);
                    });
                }
                _ => self.bytes(kind, value),
            }
        }
        self.unknown(attributes, passed..=u8::MAX);
    }

    /// Attributes that are not known here, of these types, in the order of types; somebody did not know them: we.
    fn unknown(&mut self, attributes: &PathAttributes<'_>, types: core::ops::RangeInclusive<u8>) {
        if attributes.unknown_block.is_empty() {
            return;
        }
        for number in types {
            let found = attributes.unknown().find(|attribute| attribute.kind.0 == number);
            if let Some(found) = found {
                let flags = Flags(Flags::OPTIONAL_TRANSITIVE.0 | Flags::PARTIAL);
                self.attribute(flags, found.kind, |out| out.extend_from_slice(found.value));
            }
        }
    }

    fn path(&mut self, attributes: &PathAttributes<'_>) {
        let Some(path) = attributes.as_path else {
            return;
        };
        let as4_path = attributes.as4_path.filter(|_| as4_counts(attributes));
        self.attribute(Flags::WELL_KNOWN, AttributeType::AS_PATH, |out| {
            match (path.is_wide(), as4_path) {
                // The usual case: there is nothing to translate.
                (true, None) => out.extend_from_slice(path.bytes()),
                _ => path.merge(as4_path, &mut AsPathWriter::new(out, true)),
            }
        });
    }
}

/// Whether the attributes in four octets say what those in two octets could not (RFC 6793 section 4.2.3): not when a
/// speaker of two octets has aggregated since.
fn as4_counts(attributes: &PathAttributes<'_>) -> bool {
    attributes
        .aggregator
        .is_none_or(|aggregator| aggregator.as_number == AS_TRANS)
}

fn merged_aggregator(attributes: &PathAttributes<'_>) -> Option<Aggregator> {
    let aggregator = attributes.aggregator?;
    match attributes.as4_aggregator {
        Some(wide) if aggregator.as_number == AS_TRANS => Some(wide),
        _ => Some(aggregator),
    }
}

/// Family, next hop and the reserved byte, before the routes of an MP_REACH_NLRI.
pub(super) fn write_mp_next_hop(family: AfiSafi, next_hop: NextHop, out: &mut Vec<u8>) {
    out.extend_from_slice(&family.afi.to_be_bytes());
    out.push(family.safi);
    match next_hop {
        NextHop::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        NextHop::V6 { global, link_local } => {
            out.push(if link_local.is_some() { 32 } else { 16 });
            out.extend_from_slice(&global.octets());
            if let Some(link_local) = link_local {
                out.extend_from_slice(&link_local.octets());
            }
        }
    }
    out.push(0);
}
