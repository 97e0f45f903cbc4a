//! What a fuzzer throws at the messages: see [`crate::fuzz`].

use alloc::vec::Vec;

use super::{
    Canonical, CanonicalWriter, Capability, Context, EXTENDED_MESSAGE_LEN_MAX, HEADER_LEN, Kind,
    MESSAGE_LEN_MAX, MpReach, Notification, Open, OpenRepr, PathAttributes, Reading, RouteRefresh, Update,
    split, update_v4,
};

/// A stream of messages. The first byte says what the session is like.
pub fn stream(bytes: &[u8]) {
    let Some((like, mut rest)) = bytes.split_first() else {
        return;
    };
    let bit = |number: u8| like >> number & 1 == 1;
    let context = Context {
        four_octet_as: bit(0),
        internal: bit(1),
        confederation: bit(2),
        first_as: bit(3).then_some(65001),
        ipv4: bit(4),
        ipv6: bit(5),
    };
    let length_max = match bit(6) {
        true => EXTENDED_MESSAGE_LEN_MAX,
        false => MESSAGE_LEN_MAX,
    };
    while let Ok(Some(message)) = split(rest, length_max) {
        rest = &rest[message.bytes.len()..];
        match message.kind {
            Kind::Open => open(message.body),
            Kind::Update => update(message.body, &context),
            Kind::Notification => {
                let parsed = Notification::parse(message.body);
                let parsed = parsed.expect("the shortest one has a code");
                let _ = (parsed.reason(), parsed.communication());
                written_again(message.bytes, |out| parsed.emit(out));
            }
            Kind::Keepalive => written_again(message.bytes, super::keepalive),
            Kind::RouteRefresh => {
                if let Ok(parsed) = RouteRefresh::parse(message.body) {
                    written_again(message.bytes, |out| parsed.emit(out));
                }
            }
        }
    }
}

fn written_again(bytes: &[u8], emit: impl FnOnce(&mut Vec<u8>)) {
    let mut written = Vec::new();
    emit(&mut written);
    assert_eq!(written, bytes);
}

fn open(body: &[u8]) {
    let Ok(open) = Open::parse(body) else {
        return;
    };
    let mut list = Vec::new();
    for capability in open.capabilities() {
        capability.emit(&mut list);
    }
    if list.len() > 4000 {
        return;
    }
    let repr = OpenRepr {
        as_number: open.peer_as(),
        hold_time_s: open.hold_time_s,
        identifier: open.identifier,
        capabilities: &list,
    };
    let mut written = Vec::new();
    repr.emit(&mut written);
    let again = Open::parse(&written[HEADER_LEN..]).expect("what is written can be read");
    assert_eq!(again.peer_as(), open.peer_as());
    let same = |a: &Capability<'_>, b: &Capability<'_>| a.code() == b.code();
    assert!(again.capabilities().count() == open.capabilities().count());
    assert!(
        again
            .capabilities()
            .zip(open.capabilities())
            .all(|(a, b)| same(&a, &b))
    );
}

fn update(body: &[u8], context: &Context) {
    let Ok(reading) = Update::parse(body).and_then(|update| update.read(context)) else {
        return;
    };
    let _ = (reading.withdrawn.count(), reading.reachable.count());
    if let Some(MpReach::V6(_, prefixes)) = reading.mp_reach {
        let _ = prefixes.count();
    }
    if reading.wrong.is_none() {
        set(&reading.attributes, &reading);
    }
}

/// The canonical form keeps its meaning, on the wire in four octets and in two.
fn set(attributes: &PathAttributes<'_>, reading: &Reading<'_>) {
    let mp_next_hop = reading.mp_reach.map(|reach| reach.next_hop());
    for next_hop in [attributes.next_hop, mp_next_hop] {
        let mut bytes = Vec::new();
        CanonicalWriter::new(&mut bytes).set(attributes, next_hop);
        let canonical = Canonical::parse(&bytes).expect("what is written can be read");
        assert_eq!(canonical.attributes.next_hop, next_hop);
        let mut again = Vec::new();
        CanonicalWriter::new(&mut again).set(&canonical.attributes, next_hop);
        assert_eq!(again, bytes, "the canonical form of a canonical form is itself");
        for wide in [true, false] {
            let mut wire = Vec::new();
            canonical.write_attributes(wide, &mut wire);
            let mut message = Vec::new();
            let mut routes = reading.reachable.peekable();
            let length_max = EXTENDED_MESSAGE_LEN_MAX;
            let written = update_v4(&wire, &mut routes, length_max, &mut message);
            assert!(message.len() <= length_max && (written == 0) == message.is_empty());
        }
    }
}
