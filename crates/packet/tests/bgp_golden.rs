//! Golden bytes of BGP messages, both ways.

mod common;

use common::bytes;
use packet::bgp::{
    AfiSafi, Aggregator, AsPath, AsPathWriter, Canonical, CanonicalWriter, Capability, Code, Context, Data,
    EXTENDED_MESSAGE_LEN_MAX, Fault, GracefulRestart, HEADER_LEN, Kind, MESSAGE_LEN_MAX, MpReach, MpUnreach,
    NextHop, Notification, Open, OpenRepr, Origin, Reading, RefreshKind, RouteRefresh, SegmentKind, Update,
    end_of_rib, keepalive, shutdown_communication, split, update_v4, update_v6, withdraw_v4, withdraw_v6,
};
use packet::{Ipv4Addr, Prefix, V4, V6};

const MARKER: &str = "ffffffffffffffffffffffffffffffff";
const CONTEXT: Context = Context {
    four_octet_as: true,
    internal: false,
    confederation: false,
    first_as: None,
    ipv4: true,
    ipv6: true,
};

fn message(kind: u8, body: &str) -> Vec<u8> {
    let body = bytes(body);
    let length = (HEADER_LEN + body.len()) as u16;
    [&bytes(MARKER)[..], &length.to_be_bytes(), &[kind], &body].concat()
}

fn prefixes<F: packet::Family>(texts: &[&str]) -> Vec<Prefix<F>> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn read<'a>(message: &'a [u8], context: &Context) -> Reading<'a> {
    let message = split(message, MESSAGE_LEN_MAX).unwrap().unwrap();
    assert_eq!(message.kind, Kind::Update);
    Update::parse(message.body).unwrap().read(context).unwrap()
}

#[test]
fn a_stream_is_cut_into_messages() {
    let golden = message(4, "");
    let mut written = Vec::new();
    keepalive(&mut written);
    assert_eq!(written, golden);
    let stream = [golden.clone(), message(5, "0001 00 01")].concat();
    for cut in 0..HEADER_LEN {
        assert_eq!(split(&stream[..cut], MESSAGE_LEN_MAX), Ok(None), "{cut}");
    }
    let first = split(&stream, MESSAGE_LEN_MAX).unwrap().unwrap();
    assert_eq!(
        (first.kind, first.body, first.bytes),
        (Kind::Keepalive, &[][..], &golden[..])
    );
    let rest = &stream[first.bytes.len()..];
    assert_eq!(split(&rest[..22], MESSAGE_LEN_MAX), Ok(None));
    let second = split(rest, MESSAGE_LEN_MAX).unwrap().unwrap();
    assert_eq!(second.kind, Kind::RouteRefresh);
}

#[test]
fn a_header_that_is_none_is_told_as_rfc_4271_section_6_1_says() {
    let with = |length: u16, kind: u8| [&bytes(MARKER)[..], &length.to_be_bytes(), &[kind]].concat();
    let fault = |stream: &[u8], max| {
        let fault = split(stream, max).unwrap_err();
        (fault.code, fault.data.as_slice().to_vec())
    };
    let mut marker = message(4, "");
    marker[3] = 0xfe;
    assert_eq!(fault(&marker, 4096), (Code::CONNECTION_NOT_SYNCHRONIZED, vec![]));
    assert_eq!(fault(&[0], 4096), (Code::CONNECTION_NOT_SYNCHRONIZED, vec![]));
    assert_eq!(fault(&with(19, 6), 4096), (Code::BAD_MESSAGE_TYPE, vec![6]));
    let lengths = [
        (18, 4, 4096, true),
        (19, 4, 4096, false),
        (20, 4, 4096, true),
        (28, 1, 4096, true),
        (29, 1, 4096, false),
        (4096, 2, 4096, false),
        (4097, 2, 4096, true),
        (4097, 2, 65535, false),
        (4097, 1, 65535, true),
        (22, 2, 4096, true),
        (20, 3, 4096, true),
        (21, 3, 4096, false),
        (22, 5, 4096, true),
    ];
    for (length, kind, max, is_wrong) in lengths {
        let header = with(length, kind);
        let expected = (Code::BAD_MESSAGE_LENGTH, length.to_be_bytes().to_vec());
        match is_wrong {
            true => assert_eq!(fault(&header, max), expected, "{length} {kind}"),
            false => assert!(split(&header, max).is_ok(), "{length} {kind}"),
        }
    }
}

const OPEN: &str = "04 5ba0 005a c0000201 22 02 20 01 04 0001 00 01 02 00 06 00 \
    41 04 000186a0 40 0a c078 0001 01 80 0002 01 00 49 02 6162";

#[test]
fn an_open_with_capabilities_is_read_and_written() {
    let golden = message(1, OPEN);
    let body = split(&golden, MESSAGE_LEN_MAX).unwrap().unwrap().body;
    let open = Open::parse(body).unwrap();
    assert_eq!(
        (open.as_number, open.peer_as(), open.hold_time_s, open.identifier),
        (23456, 100_000, 90, Ipv4Addr::new(192, 0, 2, 1))
    );
    let capabilities: Vec<_> = open.capabilities().collect();
    assert_eq!(capabilities.len(), 6);
    assert_eq!(capabilities[0], Capability::Multiprotocol(AfiSafi::IPV4_UNICAST));
    assert_eq!(
        capabilities[1..3],
        [Capability::RouteRefresh, Capability::ExtendedMessage]
    );
    assert_eq!(capabilities[3], Capability::FourOctetAs(100_000));
    let Capability::GracefulRestart(graceful) = capabilities[4] else {
        panic!("{:?}", capabilities[4]);
    };
    assert_eq!(
        (graceful.restarted, graceful.notification, graceful.restart_time_s),
        (true, true, 120)
    );
    let families: Vec<_> = graceful.families().collect();
    assert_eq!(
        families,
        [(AfiSafi::IPV4_UNICAST, true), (AfiSafi::IPV6_UNICAST, false)]
    );
    assert_eq!(
        capabilities[5],
        Capability::Other {
            code: 0x49,
            value: b"ab"
        }
    );
    let mut list = Vec::new();
    capabilities[..4]
        .iter()
        .for_each(|capability| capability.emit(&mut list));
    GracefulRestart::emit(true, true, 120, &families, &mut list);
    capabilities[5].emit(&mut list);
    let repr = OpenRepr {
        as_number: 100_000,
        hold_time_s: 90,
        identifier: open.identifier,
        capabilities: &list,
    };
    let mut written = Vec::new();
    repr.emit(&mut written);
    assert_eq!(written, golden);
    let mut again = Vec::new();
    open.capabilities()
        .for_each(|capability| capability.emit(&mut again));
    assert_eq!(again, list);
}

#[test]
fn long_lists_of_capabilities_take_lengths_of_two_octets() {
    let mut list = Vec::new();
    for code in 0..3 {
        Capability::Other {
            code: 128 + code,
            value: &[7; 200],
        }
        .emit(&mut list);
    }
    let repr = OpenRepr {
        as_number: 65000,
        hold_time_s: 0,
        identifier: Ipv4Addr::LOCALHOST,
        capabilities: &list,
    };
    let mut written = Vec::new();
    repr.emit(&mut written);
    assert_eq!(written[28..35], bytes("ff ff 0261 02 025e"), "RFC 9072");
    let message = split(&written, MESSAGE_LEN_MAX).unwrap().unwrap();
    let open = Open::parse(message.body).unwrap();
    assert_eq!((open.peer_as(), open.capabilities().count()), (65000, 3));
    // A length of 255 alone is an ordinary one.
    let ordinary = [&bytes("04 5ba0 005a c0000201 ff 02 fd 80 fb")[..], &[0; 251]].concat();
    assert_eq!(Open::parse(&ordinary).unwrap().capabilities().count(), 1);
}

#[test]
fn an_open_that_is_wrong_is_answered_as_rfc_4271_section_6_2_says() {
    #[rustfmt::skip]
    let cases: &[(&str, Code, &[u8])] = &[
        ("03 5ba0 005a c0000201 00", Code::UNSUPPORTED_VERSION_NUMBER, &[0, 4]),
        ("04 5ba0 0001 c0000201 00", Code::UNACCEPTABLE_HOLD_TIME, &[0, 1]),
        ("04 5ba0 0002 c0000201 00", Code::UNACCEPTABLE_HOLD_TIME, &[0, 2]),
        ("04 5ba0 0003 00000000 00", Code::BAD_BGP_IDENTIFIER, &[0, 0, 0, 0]),
        ("04 5ba0 0003 c0000201 02 01 00", Code::UNSUPPORTED_OPTIONAL_PARAMETER, &[]),
        ("04 5ba0 0003 c0000201 01 02", Code::OPEN_UNSPECIFIC, &[]),
        ("04 5ba0 0003 c0000201 02 02 01", Code::OPEN_UNSPECIFIC, &[]),
        ("04 5ba0 0003 c0000201 03 02 01 02", Code::OPEN_UNSPECIFIC, &[]),
        ("04 5ba0 0003 c0000201 04 02 02 02 01", Code::OPEN_UNSPECIFIC, &[]),
        ("04 5ba0 0003 c0000201 00 00", Code::OPEN_UNSPECIFIC, &[]),
        ("04 5ba0", Code::OPEN_UNSPECIFIC, &[]),
    ];
    for (body, code, data) in cases {
        let body = bytes(body);
        let fault = Open::parse(&body).unwrap_err();
        assert_eq!((fault.code, fault.data.as_slice()), (*code, *data), "{body:02x?}");
    }
    // A capability whose length is not its own is one that is not known.
    let body = bytes("04 5ba0 0003 c0000201 05 02 03 01 01 00");
    let open = Open::parse(&body).unwrap();
    let only: Vec<_> = open.capabilities().collect();
    assert_eq!(only, [Capability::Other { code: 1, value: &[0] }]);
}

#[test]
fn a_notification_carries_the_operators_words() {
    let data = shutdown_communication("maintenance \u{e9}");
    let mut written = Vec::new();
    let notification = Notification {
        code: Code::ADMINISTRATIVE_SHUTDOWN,
        data: &data,
    };
    notification.emit(&mut written);
    assert_eq!(written, message(3, "06 02 0e 6d61696e74656e616e636520c3a9"));
    let parsed = Notification::parse(&written[HEADER_LEN..]).unwrap();
    assert_eq!(parsed, notification);
    assert_eq!(parsed.communication().as_deref(), Some("maintenance \u{e9}"));
    let wrapped = [&[6, 2][..], &data].concat();
    let hard = Notification {
        code: Code::HARD_RESET,
        data: &wrapped,
    };
    assert!(hard.is_hard_reset() && !parsed.is_hard_reset());
    assert_eq!(hard.reason(), parsed);
    assert_eq!(hard.communication(), parsed.communication());
    let silent = [
        (&b"\x05a"[..], None),
        (b"\x00", None),
        (b"", None),
        (b"\x03a\x07b", Some("ab")),
    ];
    for (data, expected) in silent {
        let code = Code::ADMINISTRATIVE_RESET;
        assert_eq!(Notification { code, data }.communication().as_deref(), expected);
    }
    let long = "\u{e9}".repeat(200);
    assert_eq!(
        shutdown_communication(&long).len(),
        1 + 254,
        "cut between characters"
    );
    assert_eq!(Notification::parse(&[6]), None);
    assert_eq!(
        Code::ADMINISTRATIVE_SHUTDOWN.to_string(),
        "6/2 (Administrative Shutdown)"
    );
    assert_eq!(Code { code: 6, subcode: 99 }.to_string(), "6/99 (Cease)");
}

#[test]
fn a_route_refresh_is_read_and_written() {
    for (number, kind) in [
        (0, RefreshKind::Request),
        (1, RefreshKind::Begin),
        (2, RefreshKind::End),
        (9, RefreshKind::Unknown(9)),
    ] {
        let golden = message(5, &format!("0002 {number:02x} 01"));
        let refresh = RouteRefresh {
            family: AfiSafi::IPV6_UNICAST,
            kind,
        };
        let mut written = Vec::new();
        refresh.emit(&mut written);
        assert_eq!(written, golden);
        assert_eq!(RouteRefresh::parse(&golden[HEADER_LEN..]), Ok(refresh));
    }
    let fault = RouteRefresh::parse(&[0, 1, 0, 1, 0]).unwrap_err();
    assert_eq!(fault.code, Code::INVALID_REFRESH_LENGTH);
}

/// ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, ATOMIC_AGGREGATE, AGGREGATOR, COMMUNITIES, ORIGINATOR_ID, CLUSTER_LIST,
/// EXTENDED_COMMUNITIES, LARGE_COMMUNITIES, and one that is not known.
const ALL: &str = "40 01 01 00  40 02 0e 02 03 0000fde9 000186a0 0000fdea  40 03 04 c0000201  80 04 04 00000064 \
    40 05 04 000000c8  40 06 00  c0 07 08 000186a0 c0000202  c0 08 08 fde90001 ffffff01  80 09 04 c0000203 \
    80 0a 08 c0000204 c0000205  c0 10 08 0002fde900000064  c0 20 0c 0000fde9 00000001 00000002 \
    e0 63 02 beef";

#[test]
fn an_update_with_every_attribute_is_read_and_written() {
    let block = bytes(ALL);
    let body = format!("0004 18 0a0000 {:04x} {ALL} 18 0b0001 08 0c 00", block.len())
        .replace("0004 18 0a0000", "0004 180a0000");
    let golden = message(2, &body);
    let context = Context {
        internal: true,
        ..CONTEXT
    };
    let reading = read(&golden, &context);
    assert_eq!(reading.wrong, None);
    assert_eq!(reading.discarded.count, 0);
    assert_eq!(
        reading.withdrawn.collect::<Vec<_>>(),
        prefixes::<V4>(&["10.0.0.0/24"])
    );
    assert_eq!(
        reading.reachable.collect::<Vec<_>>(),
        prefixes::<V4>(&["11.0.1.0/24", "12.0.0.0/8", "0.0.0.0/0"])
    );
    let attributes = &reading.attributes;
    assert_eq!(attributes.origin, Some(Origin::Igp));
    let path = attributes.path();
    assert_eq!(path.numbers().collect::<Vec<_>>(), [65001, 100_000, 65002]);
    assert_eq!(
        (path.length(), path.first(), path.origin()),
        (3, Some(65001), Some(65002))
    );
    assert_eq!(
        attributes.next_hop,
        Some(NextHop::V4(Ipv4Addr::new(192, 0, 2, 1)))
    );
    assert_eq!(
        (attributes.multi_exit_discriminator, attributes.local_preference),
        (Some(100), Some(200))
    );
    assert!(attributes.atomic_aggregate);
    let aggregator = Aggregator {
        as_number: 100_000,
        address: Ipv4Addr::new(192, 0, 2, 2),
    };
    assert_eq!(attributes.aggregator, Some(aggregator));
    assert_eq!(
        attributes.communities().collect::<Vec<_>>(),
        [0xfde9_0001, 0xffff_ff01]
    );
    assert_eq!(attributes.originator_id, Some(Ipv4Addr::new(192, 0, 2, 3)));
    assert_eq!(attributes.cluster_list_length(), 2);
    assert_eq!(attributes.clusters().next(), Some(Ipv4Addr::new(192, 0, 2, 4)));
    assert_eq!(attributes.extended_communities, bytes("0002fde900000064"));
    assert_eq!(attributes.large_communities, bytes("0000fde9 00000001 00000002"));
    let unknown: Vec<_> = attributes.unknown().collect();
    assert_eq!(
        (unknown.len(), unknown[0].kind.0, unknown[0].value),
        (1, 99, &[0xbe, 0xef][..])
    );
    let mut canonical = Vec::new();
    CanonicalWriter::new(&mut canonical).set(attributes, attributes.next_hop);
    assert_eq!(canonical, block, "the message is in canonical form");
    let canonical = Canonical::parse(&canonical).unwrap();
    assert_eq!(canonical.attributes.path(), path);
    let mut written = Vec::new();
    let mut wire = Vec::new();
    canonical.write_attributes(true, &mut wire);
    let mut routes = reading.reachable.peekable();
    assert_eq!(update_v4(&wire, &mut routes, MESSAGE_LEN_MAX, &mut written), 3);
    assert_eq!(written[HEADER_LEN + 2..], golden[HEADER_LEN + 6..]);
}

#[test]
fn a_neighbour_of_two_octets_is_told_and_understood_in_two_octets() {
    let block = bytes(ALL);
    let canonical = Canonical::parse(&block).unwrap();
    let mut wire = Vec::new();
    canonical.write_attributes(false, &mut wire);
    let narrow = ALL
        .replace(
            "40 02 0e 02 03 0000fde9 000186a0 0000fdea",
            "40 02 08 02 03 fde9 5ba0 fdea",
        )
        .replace("c0 07 08 000186a0 c0000202", "c0 07 06 5ba0 c0000202");
    let as4 = "c0 11 0e 02 03 0000fde9 000186a0 0000fdea c0 12 08 000186a0 c0000202";
    assert_eq!(wire, bytes(&format!("{narrow} {as4}")));
    let context = Context {
        four_octet_as: false,
        internal: true,
        ..CONTEXT
    };
    let mut message = Vec::new();
    update_v4(
        &wire,
        &mut prefixes::<V4>(&["10.0.0.0/8"]).into_iter().peekable(),
        4096,
        &mut message,
    );
    let reading = read(&message, &context);
    assert_eq!(reading.wrong, None);
    let mut again = Vec::new();
    CanonicalWriter::new(&mut again).set(&reading.attributes, reading.attributes.next_hop);
    assert_eq!(again, block);
}

#[test]
fn two_and_four_octet_paths_are_merged_as_rfc_6793_section_4_2_3_says() {
    #[rustfmt::skip]
    let cases: &[(&str, Option<&str>, &str)] = &[
        // The old speaker has put itself in front.
        ("02 03 0001 5ba0 0003", Some("02 02 00010000 00000003"), "02 03 00000001 00010000 00000003"),
        // AS4_PATH longer than AS_PATH: it is ignored.
        ("02 01 0001", Some("02 02 00010000 00000003"), "02 01 00000001"),
        ("02 02 0001 0002", None, "02 02 00000001 00000002"),
        // A set counts one.
        ("02 01 0001 01 02 0005 0006", Some("01 02 00010005 00010006"), "02 01 00000001 01 02 00010005 00010006"),
        // Segments of a confederation stay where they are, and those in AS4_PATH are left out.
        ("03 01 fde8 02 02 0001 5ba0", Some("03 01 0000fde8 02 01 00010000"), "03 01 0000fde8 02 02 00000001 00010000"),
    ];
    for (narrow, wide, expected) in cases {
        let (narrow, wide) = (bytes(narrow), wide.map(bytes));
        let path = AsPath::new(&narrow, false).unwrap();
        let wide = wide.as_ref().map(|wide| AsPath::new(wide, true).unwrap());
        let mut merged = Vec::new();
        path.merge(wide, &mut AsPathWriter::new(&mut merged, true));
        assert_eq!(merged, bytes(expected), "{narrow:02x?}");
    }
    // Who aggregated with two octets did not know what AS4_PATH says.
    let block = bytes("40 01 01 00 40 02 06 02 02 0001 5ba0 c0 07 06 fde9 c0000202 c0 11 06 02 01 00010000");
    let context = Context {
        four_octet_as: false,
        ..CONTEXT
    };
    let update = Update {
        withdrawn: &[],
        attributes: &block,
        reachable: &[8, 10],
    };
    let reading = update.read(&context).unwrap();
    let mut canonical = Vec::new();
    CanonicalWriter::new(&mut canonical).set(&reading.attributes, None);
    let path = Canonical::parse(&canonical).unwrap().attributes.path();
    assert_eq!(path.numbers().collect::<Vec<_>>(), [1, 23456]);
}

#[test]
fn a_path_writer_joins_sequences_and_splits_long_ones() {
    let mut out = Vec::new();
    let mut writer = AsPathWriter::new(&mut out, true);
    writer.push(1);
    let old = bytes("02 02 00000002 00000003 01 01 00000004");
    writer.append(&AsPath::new(&old, true).unwrap());
    assert_eq!(out, bytes("02 03 00000001 00000002 00000003 01 01 00000004"));
    let mut out = Vec::new();
    let mut writer = AsPathWriter::new(&mut out, false);
    (0..300).for_each(|_| writer.push(70_000));
    let path = AsPath::new(&out, false).unwrap();
    let counts: Vec<_> = path
        .segments()
        .map(|segment| (segment.kind, segment.len()))
        .collect();
    assert_eq!(
        counts,
        [(SegmentKind::Sequence, 255), (SegmentKind::Sequence, 45)]
    );
    assert!(path.numbers().all(|number| number == 23456));
}

#[test]
fn ipv6_routes_travel_in_attributes_of_their_own() {
    let next_hop = NextHop::V6 {
        global: "2001:db8::1".parse().unwrap(),
        link_local: Some("fe80::1".parse().unwrap()),
    };
    let block = bytes(
        "40 01 01 00 40 02 06 02 01 0000fde9 80 0e 25 0002 01 20 20010db8000000000000000000000001 \
         fe800000000000000000000000000001 00",
    );
    let canonical = Canonical::parse(&block).unwrap();
    assert_eq!(canonical.attributes.next_hop, Some(next_hop));
    let mut wire = Vec::new();
    canonical.write_attributes(true, &mut wire);
    let list = prefixes::<V6>(&["2001:db8:1::/48", "::/0"]);
    let mut written = Vec::new();
    assert_eq!(
        update_v6(
            &wire,
            next_hop,
            &mut list.clone().into_iter().peekable(),
            4096,
            &mut written
        ),
        2
    );
    let golden = message(
        2,
        "0000 003e 90 0e 002d 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000001 00 \
         30 20010db80001 00 40 01 01 00 40 02 06 02 01 0000fde9",
    );
    assert_eq!(written, golden);
    let reading = read(&written, &CONTEXT);
    let Some(MpReach::V6(read_next_hop, routes)) = reading.mp_reach else {
        panic!("{reading:?}");
    };
    assert_eq!(
        (read_next_hop, routes.collect::<Vec<_>>()),
        (next_hop, list.clone())
    );
    let mut again = Vec::new();
    CanonicalWriter::new(&mut again).set(&reading.attributes, Some(read_next_hop));
    assert_eq!(again, block);
    let mut written = Vec::new();
    assert_eq!(
        withdraw_v6(&mut list.clone().into_iter().peekable(), 4096, &mut written),
        2
    );
    assert_eq!(
        written,
        message(2, "0000 000f 90 0f 000b 0002 01 30 20010db80001 00")
    );
    let reading = read(&written, &CONTEXT);
    assert!(matches!(reading.mp_unreach, Some(MpUnreach::V6(routes)) if routes.eq(list)));
}

#[test]
fn end_of_rib_has_a_form_for_each_family() {
    for (family, golden) in [
        (AfiSafi::IPV4_UNICAST, message(2, "0000 0000")),
        (AfiSafi::IPV6_UNICAST, message(2, "0000 0007 90 0f 0003 0002 01")),
    ] {
        let mut written = Vec::new();
        end_of_rib(family, &mut written);
        assert_eq!(written, golden);
        assert_eq!(read(&golden, &CONTEXT).end_of_rib, Some(family));
    }
    let withdraws = message(2, "0000 0009 90 0f 0005 0002 01 08 20");
    assert_eq!(read(&withdraws, &CONTEXT).end_of_rib, None);
}

#[test]
fn as_many_routes_go_into_a_message_as_fit() {
    let block = bytes("40 01 01 00 40 02 06 02 01 0000fde9 40 03 04 c0000201");
    let routes = |count: u32| (0..count).map(|n| Prefix::<V4>::host(Ipv4Addr::from(0x0a00_0000 + n)));
    for max in [MESSAGE_LEN_MAX, EXTENDED_MESSAGE_LEN_MAX] {
        let mut all = routes(20_000).peekable();
        let (mut told, mut messages) = (0, 0);
        while all.peek().is_some() {
            let mut out = Vec::new();
            let count = update_v4(&block, &mut all, max, &mut out);
            assert!(
                out.len() <= max && (all.peek().is_none() || out.len() > max - 5),
                "{}",
                out.len()
            );
            let message = split(&out, max).unwrap().unwrap();
            let reading = Update::parse(message.body).unwrap().read(&CONTEXT).unwrap();
            assert_eq!(reading.reachable.count(), count);
            (told, messages) = (told + count, messages + 1);
        }
        assert_eq!(
            (told, messages),
            (20_000, if max == MESSAGE_LEN_MAX { 25 } else { 2 })
        );
    }
    let mut out = Vec::new();
    let mut all = routes(1000).peekable();
    assert_eq!(withdraw_v4(&mut all, MESSAGE_LEN_MAX, &mut out), (4096 - 23) / 5);
    assert_eq!(
        split(&out, MESSAGE_LEN_MAX).unwrap().unwrap().bytes.len(),
        out.len()
    );
    let mut none = routes(0).peekable();
    let mut out = Vec::new();
    assert_eq!((withdraw_v4(&mut none, 4096, &mut out), out.len()), (0, 0));
    // Attributes that leave no room write nothing.
    let mut one = routes(1).peekable();
    assert_eq!(
        (update_v4(&[0; 4080], &mut one, 4096, &mut out), out.len()),
        (0, 0)
    );
    assert_eq!(
        (update_v4(&[0; 4070], &mut one, 4096, &mut out), out.len()),
        (0, 0)
    );
    assert_eq!(update_v4(&[0; 4068], &mut one, 4096, &mut out), 1);
}

#[test]
fn a_fault_quotes_what_it_is_about() {
    let fault = Fault::with_word(Code::UNSUPPORTED_VERSION_NUMBER, 4);
    assert_eq!(
        (fault.data.as_slice(), fault.data),
        (&[0, 4][..], Data::Word([0, 4]))
    );
    assert_eq!(fault.to_string(), "2/1 (Unsupported Version Number)");
}
