//! Reads an UPDATE, and decides for each thing that is wrong with it how much it costs (RFC 7606).
//!
//! | outcome | where it shows |
//! | --- | --- |
//! | session reset | `Err(Fault)` |
//! | AFI/SAFI disable | [`Reading::disabled`] |
//! | treat-as-withdraw | [`Reading::wrong`] |
//! | attribute discard | [`Reading::discarded`] |
//!
//! The strongest one wins. The session ends where it cannot be told which routes a message is about.

use core::fmt;

use super::attributes::{Aggregator, MpReach, MpUnreach, NextHop, Origin, PathAttributes};
use super::{
    AfiSafi, AsPath, AttributeType, Attributes, Code, Cursor, Fault, Prefixes, RawAttribute, SegmentKind,
    Update,
};
use crate::{Ipv4Addr, V4};

/// What the session is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Both speak of ASes in four octets.
    pub four_octet_as: bool,
    /// The neighbour is in our AS.
    pub internal: bool,
    /// The neighbour is in another AS of our confederation.
    pub confederation: bool,
    /// A path has to start with this AS.
    pub first_as: Option<u32>,
    /// IPv4 unicast was negotiated.
    pub ipv4: bool,
    /// IPv6 unicast was negotiated.
    pub ipv6: bool,
}

impl Context {
    fn negotiated(&self, family: AfiSafi) -> bool {
        match family {
            AfiSafi::IPV4_UNICAST => self.ipv4,
            AfiSafi::IPV6_UNICAST => self.ipv6,
            _ => false,
        }
    }

    /// Whether the session has another family to go on with.
    fn has_other_than(&self, family: AfiSafi) -> bool {
        match family {
            AfiSafi::IPV4_UNICAST => self.ipv6,
            _ => self.ipv4,
        }
    }
}

/// What is wrong with the routes of a message, so that they count as withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong<'a> {
    /// The attribute.
    pub attribute: AttributeType,
    /// What a NOTIFICATION would say.
    pub code: Code,
    /// The attribute's bytes; empty for a missing one.
    pub bytes: &'a [u8],
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attribute, self.code)
    }
}

/// Attributes that were left out of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// How many.
    pub count: u16,
    /// The first of them.
    pub first: Option<AttributeType>,
}

impl Discarded {
    fn note(&mut self, attribute: AttributeType) {
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert(attribute);
    }
}

/// What an UPDATE says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading<'a> {
    /// Withdrawn IPv4 routes.
    pub withdrawn: Prefixes<'a, V4>,
    /// Announced IPv4 routes.
    pub reachable: Prefixes<'a, V4>,
    /// Announced routes of a family that was negotiated.
    pub mp_reach: Option<MpReach<'a>>,
    /// Withdrawn routes of a family that was negotiated.
    pub mp_unreach: Option<MpUnreach<'a>>,
    /// Attributes of the announced routes.
    pub attributes: PathAttributes<'a>,
    /// Why the announced routes count as withdrawn, if they do.
    pub wrong: Option<Wrong<'a>>,
    /// Attributes left out.
    pub discarded: Discarded,
    /// A family that nothing more is to be taken of on this session.
    pub disabled: Option<AfiSafi>,
    /// The message says that all routes of this family were sent (RFC 4724).
    pub end_of_rib: Option<AfiSafi>,
}

/// What becomes of one attribute.
enum Verdict<'a> {
    Taken,
    Discard,
    Withdraw(Code),
    Reset(Fault<'a>),
}

impl<'a> Update<'a> {
    /// Reads the message as one of a session that is like `context`.
    ///
    /// # Errors
    /// The NOTIFICATION, where the session has to end.
    pub fn read(&self, context: &Context) -> Result<Reading<'a>, Fault<'a>> {
        let invalid = Fault::new(Code::INVALID_NETWORK_FIELD, &[]);
        let mut reader = Reader {
            context,
            reading: Reading {
                withdrawn: Prefixes::new(self.withdrawn).map_err(|_| invalid)?,
                reachable: Prefixes::new(self.reachable).map_err(|_| invalid)?,
                ..Reading::default()
            },
            seen: [0; 4],
        };
        if self.attributes.is_empty() {
            let is_end = self.withdrawn.is_empty() && self.reachable.is_empty();
            reader.reading.end_of_rib = is_end.then_some(AfiSafi::IPV4_UNICAST);
        }
        reader.attributes(self.attributes)?;
        reader.judge(self)?;
        Ok(reader.reading)
    }
}

struct Reader<'a, 'c> {
    context: &'c Context,
    reading: Reading<'a>,
    /// One bit for each type of attribute.
    seen: [u64; 4],
}

impl<'a> Reader<'a, '_> {
    fn attributes(&mut self, block: &'a [u8]) -> Result<(), Fault<'a>> {
        for attribute in Attributes::new(block) {
            let attribute = match attribute {
                Ok(attribute) => attribute,
                Err(rest) => {
                    let kind = AttributeType(rest.get(1).copied().unwrap_or_default());
                    self.wrong(kind, Code::ATTRIBUTE_LENGTH_ERROR, rest);
                    break;
                }
            };
            let kind = attribute.kind;
            if self.was_seen(kind) {
                if [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI].contains(&kind) {
                    return Err(Fault::new(Code::MALFORMED_ATTRIBUTE_LIST, &[]));
                }
                self.reading.discarded.note(kind);
                continue;
            }
            match self.attribute(&attribute, block) {
                Verdict::Taken => {}
                Verdict::Discard => self.reading.discarded.note(kind),
                Verdict::Withdraw(code) => self.wrong(kind, code, attribute.bytes),
                Verdict::Reset(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn was_seen(&mut self, kind: AttributeType) -> bool {
        let (word, bit) = (usize::from(kind.0 >> 6), 1u64 << (kind.0 & 63));
        let before = self.seen[word] & bit != 0;
        self.seen[word] |= bit;
        before
    }

    fn wrong(&mut self, attribute: AttributeType, code: Code, bytes: &'a [u8]) {
        self.reading.wrong.get_or_insert(Wrong {
            attribute,
            code,
            bytes,
        });
    }

    fn attribute(&mut self, attribute: &RawAttribute<'a>, block: &'a [u8]) -> Verdict<'a> {
        let Some(specified) = attribute.kind.flags() else {
            return self.unknown(attribute, block);
        };
        if self.is_out_of_place(attribute.kind) {
            return Verdict::Discard;
        }
        let flags_are_right = attribute.flags.is_category(specified);
        let verdict = match attribute.kind {
            AttributeType::MP_REACH_NLRI => self.mp_reach(attribute),
            AttributeType::MP_UNREACH_NLRI => self.mp_unreach(attribute),
            _ if !flags_are_right => Verdict::Withdraw(Code::ATTRIBUTE_FLAGS_ERROR),
            _ => take(&mut self.reading.attributes, attribute, self.context),
        };
        match verdict {
            // The routes were needed all the same, to be withdrawn.
            Verdict::Taken if !flags_are_right => Verdict::Withdraw(Code::ATTRIBUTE_FLAGS_ERROR),
            verdict => verdict,
        }
    }

    /// Whether such a neighbour must not send it, so that it is left out whatever it says.
    fn is_out_of_place(&self, kind: AttributeType) -> bool {
        match kind {
            AttributeType::LOCAL_PREF => !self.context.internal && !self.context.confederation,
            AttributeType::ORIGINATOR_ID | AttributeType::CLUSTER_LIST => !self.context.internal,
            AttributeType::AS4_PATH | AttributeType::AS4_AGGREGATOR => self.context.four_octet_as,
            _ => false,
        }
    }

    fn unknown(&mut self, attribute: &RawAttribute<'a>, block: &'a [u8]) -> Verdict<'a> {
        if !attribute.flags.is_optional() {
            let code = Code::UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE;
            return Verdict::Reset(Fault::new(code, attribute.bytes));
        }
        if attribute.flags.is_transitive() {
            self.reading.attributes.unknown_block = block;
        }
        // One that is not transitive is quietly left out (RFC 4271 section 9): that is no error.
        Verdict::Taken
    }

    fn mp_reach(&mut self, attribute: &RawAttribute<'a>) -> Verdict<'a> {
        let mut rest = Cursor(attribute.value);
        let Some((family, context)) = family(&mut rest).zip(Some(self.context)) else {
            return Verdict::Reset(Fault::new(Code::OPTIONAL_ATTRIBUTE_ERROR, attribute.bytes));
        };
        if !context.negotiated(family) {
            return Verdict::Taken;
        }
        let next_hop = rest.u8().and_then(|length| rest.take(usize::from(length)));
        let next_hop = next_hop.and_then(|bytes| NextHop::parse(family, bytes));
        let nlri = rest.u8().map(|_reserved| rest.0);
        let reach = next_hop.zip(nlri).and_then(|(next_hop, nlri)| match family {
            AfiSafi::IPV6_UNICAST => Some(MpReach::V6(next_hop, Prefixes::new(nlri).ok()?)),
            _ => Some(MpReach::V4(next_hop, Prefixes::new(nlri).ok()?)),
        });
        match reach {
            Some(reach) => {
                self.reading.mp_reach = Some(reach);
                Verdict::Taken
            }
            None => self.cannot_tell_routes(family, attribute),
        }
    }

    fn mp_unreach(&mut self, attribute: &RawAttribute<'a>) -> Verdict<'a> {
        let mut rest = Cursor(attribute.value);
        let Some(family) = family(&mut rest) else {
            return Verdict::Reset(Fault::new(Code::OPTIONAL_ATTRIBUTE_ERROR, attribute.bytes));
        };
        if !self.context.negotiated(family) {
            return Verdict::Taken;
        }
        match MpUnreach::parse(family, rest.0) {
            Ok(unreach) => {
                self.reading.mp_unreach = Some(unreach);
                Verdict::Taken
            }
            Err(_) => self.cannot_tell_routes(family, attribute),
        }
    }

    /// Without knowing which routes a message is about, the family cannot go on; nor can the session if it has no
    /// other (RFC 7606 sections 5.3 and 7.11, RFC 4760 section 7).
    fn cannot_tell_routes(&mut self, family: AfiSafi, attribute: &RawAttribute<'a>) -> Verdict<'a> {
        if !self.context.has_other_than(family) {
            return Verdict::Reset(Fault::new(Code::OPTIONAL_ATTRIBUTE_ERROR, attribute.bytes));
        }
        self.reading.disabled = Some(family);
        Verdict::Taken
    }

    /// What can be said once all attributes are known.
    fn judge(&mut self, update: &Update<'a>) -> Result<(), Fault<'a>> {
        let has_ipv4 = !self.reading.reachable.is_empty();
        let has_mp = self.reading.mp_reach.is_some_and(|reach| !reach.is_empty());
        if has_ipv4 || has_mp {
            self.mandatory(has_ipv4);
        }
        self.first_as(has_ipv4 || has_mp);
        if has_ipv4 {
            self.next_hop_address();
        }
        if let Some(wrong) = self.reading.wrong
            && !has_ipv4
            && !has_mp
        {
            // RFC 7606 section 5.2: routes may be hidden in what could not be read.
            return Err(Fault::new(wrong.code, wrong.bytes));
        }
        self.end_of_rib(update);
        Ok(())
    }

    fn mandatory(&mut self, has_ipv4: bool) {
        let attributes = &self.reading.attributes;
        let missing = [
            (AttributeType::ORIGIN, attributes.origin.is_none()),
            (AttributeType::AS_PATH, attributes.as_path.is_none()),
            (AttributeType::NEXT_HOP, has_ipv4 && attributes.next_hop.is_none()),
            (
                AttributeType::LOCAL_PREF,
                self.context.internal && attributes.local_preference.is_none(),
            ),
        ];
        for (kind, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
            self.wrong(kind, Code::MISSING_WELL_KNOWN_ATTRIBUTE, &[]);
        }
    }

    fn first_as(&mut self, has_routes: bool) {
        if let (true, Some(expected), Some(path)) =
            (has_routes, self.context.first_as, self.reading.attributes.as_path)
            && path.first() != Some(expected)
        {
            self.wrong(AttributeType::AS_PATH, Code::MALFORMED_AS_PATH, path.bytes());
        }
    }

    fn next_hop_address(&mut self) {
        if let Some(NextHop::V4(address)) = self.reading.attributes.next_hop
            && !is_host(address)
        {
            self.wrong(AttributeType::NEXT_HOP, Code::INVALID_NEXT_HOP, &[]);
        }
    }

    fn end_of_rib(&mut self, update: &Update<'a>) {
        let only_mp_unreach = self.seen == {
            let mut only = [0; 4];
            only[0] = 1 << AttributeType::MP_UNREACH_NLRI.0;
            only
        };
        if !only_mp_unreach || !update.withdrawn.is_empty() || !update.reachable.is_empty() {
            return;
        }
        self.reading.end_of_rib = match self.reading.mp_unreach {
            Some(MpUnreach::V4(prefixes)) if prefixes.is_empty() => Some(AfiSafi::IPV4_UNICAST),
            Some(MpUnreach::V6(prefixes)) if prefixes.is_empty() => Some(AfiSafi::IPV6_UNICAST),
            _ => None,
        };
    }
}

fn family(rest: &mut Cursor<'_>) -> Option<AfiSafi> {
    let afi = rest.u16()?;
    Some(AfiSafi {
        afi,
        safi: rest.u8()?,
    })
}

/// Whether a packet can be sent to it: not this network, not loopback, not classes D and E.
fn is_host(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first != 127 && first < 224
}

/// Takes the value of a known attribute other than the two of RFC 4760.
fn take<'a>(into: &mut PathAttributes<'a>, attribute: &RawAttribute<'a>, context: &Context) -> Verdict<'a> {
    let value = attribute.value;
    let length_error = Verdict::Withdraw(Code::ATTRIBUTE_LENGTH_ERROR);
    let optional_error = Verdict::Withdraw(Code::OPTIONAL_ATTRIBUTE_ERROR);
    match attribute.kind {
        AttributeType::ORIGIN => match value {
            [number] => match Origin::from_number(*number) {
                Some(origin) => into.origin = Some(origin),
                None => return Verdict::Withdraw(Code::INVALID_ORIGIN),
            },
            _ => return length_error,
        },
        AttributeType::AS_PATH => match as_path(value, context) {
            Some(path) => into.as_path = Some(path),
            None => return Verdict::Withdraw(Code::MALFORMED_AS_PATH),
        },
        AttributeType::NEXT_HOP => match NextHop::parse(AfiSafi::IPV4_UNICAST, value) {
            Some(next_hop) => into.next_hop = Some(next_hop),
            None => return length_error,
        },
        AttributeType::MULTI_EXIT_DISC => match word(value) {
            Some(word) => into.multi_exit_discriminator = Some(word),
            None => return length_error,
        },
        AttributeType::LOCAL_PREF => match word(value) {
            Some(word) => into.local_preference = Some(word),
            None => return length_error,
        },
        AttributeType::ATOMIC_AGGREGATE => match value {
            [] => into.atomic_aggregate = true,
            _ => return Verdict::Discard,
        },
        AttributeType::AGGREGATOR => match Aggregator::parse(value, context.four_octet_as) {
            Some(aggregator) => into.aggregator = Some(aggregator),
            None => return Verdict::Discard,
        },
        AttributeType::AS4_AGGREGATOR => match Aggregator::parse(value, true) {
            Some(aggregator) => into.as4_aggregator = Some(aggregator),
            None => return Verdict::Discard,
        },
        AttributeType::AS4_PATH => match AsPath::new(value, true) {
            Ok(path) => into.as4_path = Some(path),
            Err(_) => return Verdict::Discard,
        },
        AttributeType::ORIGINATOR_ID => match word(value) {
            Some(word) => into.originator_id = Some(Ipv4Addr::from(word)),
            None => return length_error,
        },
        AttributeType::CLUSTER_LIST if is_list(value, 4) => into.cluster_list = value,
        AttributeType::CLUSTER_LIST => return length_error,
        AttributeType::COMMUNITIES if is_list(value, 4) => into.communities = value,
        AttributeType::EXTENDED_COMMUNITIES if is_list(value, 8) => into.extended_communities = value,
        AttributeType::LARGE_COMMUNITIES if is_list(value, 12) => into.large_communities = value,
        AttributeType::IPV6_EXTENDED_COMMUNITIES if is_list(value, 20) => {
            into.ipv6_extended_communities = value;
        }
        _ => return optional_error,
    }
    Verdict::Taken
}

/// A path as such a neighbour may send it.
fn as_path<'a>(value: &'a [u8], context: &Context) -> Option<AsPath<'a>> {
    let path = AsPath::new(value, context.four_octet_as).ok()?;
    let in_place = |kind: SegmentKind| !kind.is_confederation() || context.internal || context.confederation;
    path.segments()
        .all(|segment| in_place(segment.kind))
        .then_some(path)
}

fn word(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.try_into().ok()?))
}

fn is_list(value: &[u8], item: usize) -> bool {
    !value.is_empty() && value.len().is_multiple_of(item)
}

/// Reads a block that we wrote ourselves; `None` when it is none.
pub(super) fn canonical(block: &[u8]) -> Option<PathAttributes<'_>> {
    let context = Context {
        four_octet_as: true,
        internal: true,
        confederation: true,
        first_as: None,
        ipv4: true,
        ipv6: true,
    };
    let mut reader = Reader {
        context: &context,
        reading: Reading::default(),
        seen: [0; 4],
    };
    reader.attributes(block).ok()?;
    let reading = reader.reading;
    let mut attributes = reading.attributes;
    attributes.next_hop = reading
        .mp_reach
        .map(|reach| reach.next_hop())
        .or(attributes.next_hop);
    let is_whole = reading.wrong.is_none()
        && reading.discarded == Discarded::default()
        && reading.disabled.is_none()
        && reading.mp_unreach.is_none();
    is_whole.then_some(attributes)
}
