//! Routes as a simple neighbour sees them: a prefix and a handful of attributes.

use packet::bgp::{
    AsPathWriter, AttributeType, CanonicalWriter, Context, Flags, NextHop, Origin, PathAttributes,
    SegmentKind, Update, update_v4, withdraw_v4,
};
use packet::{Prefix, V4};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Prefixes of one UPDATE at most: few, so that there are many messages.
const PREFIXES_PER_UPDATE: usize = 20;
/// Longest message without the extended message capability.
const MESSAGE_MAX: usize = packet::bgp::MESSAGE_LEN_MAX;

/// What is said of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attributes {
    pub(crate) origin: Origin,
    /// The ASes travelled, all in one sequence.
    pub(crate) path: Vec<u32>,
    pub(crate) next_hop: Ipv4Addr,
    pub(crate) med: Option<u32>,
    pub(crate) local_preference: Option<u32>,
    pub(crate) communities: Vec<u32>,
}

/// Routes by prefix.
pub(crate) type Routes = BTreeMap<Prefix<V4>, Attributes>;

/// A prefix of 24 bits.
pub(crate) fn prefix_24(a: u8, b: u8, c: u8) -> Prefix<V4> {
    Prefix::new(Ipv4Addr::new(a, b, c, 0), 24).expect("24 is a length")
}

impl Attributes {
    fn emit(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = CanonicalWriter::new(&mut bytes);
        writer.attribute(Flags::WELL_KNOWN, AttributeType::ORIGIN, |out| {
            out.push(self.origin as u8)
        });
        writer.attribute(Flags::WELL_KNOWN, AttributeType::AS_PATH, |out| {
            if !self.path.is_empty() {
                let mut path = AsPathWriter::new(out, true);
                path.begin(SegmentKind::Sequence);
                for number in &self.path {
                    path.push(*number);
                }
            }
        });
        let mut word = |flags, kind, word: u32| {
            writer.attribute(flags, kind, |out| out.extend_from_slice(&word.to_be_bytes()));
        };
        word(Flags::WELL_KNOWN, AttributeType::NEXT_HOP, self.next_hop.into());
        if let Some(med) = self.med {
            word(Flags::OPTIONAL, AttributeType::MULTI_EXIT_DISC, med);
        }
        if let Some(preference) = self.local_preference {
            word(Flags::WELL_KNOWN, AttributeType::LOCAL_PREF, preference);
        }
        if !self.communities.is_empty() {
            writer.attribute(Flags::OPTIONAL_TRANSITIVE, AttributeType::COMMUNITIES, |out| {
                for community in &self.communities {
                    out.extend_from_slice(&community.to_be_bytes());
                }
            });
        }
        bytes
    }

    fn of(attributes: &PathAttributes<'_>) -> Option<Attributes> {
        let Some(NextHop::V4(next_hop)) = attributes.next_hop else {
            return None;
        };
        Some(Attributes {
            origin: attributes.origin?,
            path: attributes.path().numbers().collect(),
            next_hop,
            med: attributes.multi_exit_discriminator,
            local_preference: attributes.local_preference,
            communities: attributes.communities().collect(),
        })
    }
}

/// UPDATEs that announce these routes.
pub(crate) fn announcements(routes: &Routes, out: &mut Vec<u8>) {
    let mut by_attributes: BTreeMap<&Attributes, Vec<Prefix<V4>>> = BTreeMap::new();
    for (prefix, attributes) in routes {
        by_attributes.entry(attributes).or_default().push(*prefix);
    }
    for (attributes, prefixes) in by_attributes {
        let block = attributes.emit();
        for some in prefixes.chunks(PREFIXES_PER_UPDATE) {
            update_v4(&block, &mut some.iter().copied().peekable(), MESSAGE_MAX, out);
        }
    }
}

/// UPDATEs that withdraw these prefixes.
pub(crate) fn withdrawals(prefixes: &[Prefix<V4>], out: &mut Vec<u8>) {
    for some in prefixes.chunks(PREFIXES_PER_UPDATE) {
        withdraw_v4(&mut some.iter().copied().peekable(), MESSAGE_MAX, out);
    }
}

/// What an UPDATE says.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) withdrawn: Vec<Prefix<V4>>,
    pub(crate) announced: Vec<Prefix<V4>>,
    pub(crate) attributes: Option<Attributes>,
    pub(crate) end_of_rib: bool,
}

/// Reads the body of an UPDATE.
///
/// # Errors
/// What is wrong with it: a router of ours sends nothing that is.
pub(crate) fn read_update(body: &[u8], internal: bool) -> Result<Told, String> {
    let context = Context {
        four_octet_as: true,
        internal,
        confederation: false,
        first_as: None,
        ipv4: true,
        ipv6: false,
    };
    let reading = Update::parse(body)
        .and_then(|update| update.read(&context))
        .map_err(|fault| format!("an UPDATE that ends the session: {fault:?}"))?;
    if let Some(wrong) = reading.wrong {
        return Err(format!("an UPDATE with a wrong attribute: {wrong}"));
    }
    if reading.discarded.count > 0 || reading.mp_reach.is_some() || reading.mp_unreach.is_some() {
        return Err(String::from(
            "an UPDATE with what was not negotiated, or has to be discarded",
        ));
    }
    let announced: Vec<Prefix<V4>> = reading.reachable.collect();
    let attributes = Attributes::of(&reading.attributes);
    if !announced.is_empty() && attributes.is_none() {
        return Err(String::from(
            "an UPDATE announces routes without all of their attributes",
        ));
    }
    Ok(Told {
        withdrawn: reading.withdrawn.collect(),
        announced,
        attributes,
        end_of_rib: reading.end_of_rib.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::bgp::{Kind, split};

    #[test]
    fn routes_that_are_written_are_the_routes_that_are_read() {
        let route = |number: u32| Attributes {
            origin: Origin::Igp,
            path: vec![65_001, 400_000 + number],
            next_hop: Ipv4Addr::new(10, 0, 0, 101),
            med: (number == 1).then_some(7),
            local_preference: None,
            communities: vec![0x00fa_0001; number as usize],
        };
        let routes: Routes = (0..60u8)
            .map(|number| (prefix_24(100, 64, number), route(u32::from(number) % 3)))
            .collect();
        let mut stream = Vec::new();
        announcements(&routes, &mut stream);
        let mut read = Routes::new();
        let mut rest = stream.as_slice();
        while let Some(message) = split(rest, MESSAGE_MAX).expect("well formed") {
            assert_eq!(message.kind, Kind::Update);
            let told = read_update(message.body, false).expect("well formed");
            let attributes = told.attributes.expect("announced");
            read.extend(
                told.announced
                    .into_iter()
                    .map(|prefix| (prefix, attributes.clone())),
            );
            rest = &rest[message.bytes.len()..];
        }
        assert_eq!(read, routes);
        stream.clear();
        withdrawals(&[prefix_24(100, 64, 3)], &mut stream);
        let message = split(&stream, MESSAGE_MAX).expect("well formed").expect("whole");
        let told = read_update(message.body, false).expect("well formed");
        assert_eq!(told.withdrawn, [prefix_24(100, 64, 3)]);
    }
}
