//! What each malformed UPDATE costs (RFC 7606, and the documents of the attributes): a table, one row a case.

mod common;

use common::bytes;
use packet::bgp::{AfiSafi, AttributeType, Code, Context, Update};

/// What a case comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Accepted,
    Discard(u8),
    Withdraw(u8, Code),
    Disable(AfiSafi),
    Reset(Code),
}

use Outcome::{Accepted, Disable, Discard, Reset, Withdraw};

const EXTERNAL: Context = Context {
    four_octet_as: true,
    internal: false,
    confederation: false,
    first_as: Some(65001),
    ipv4: true,
    ipv6: true,
};
const INTERNAL: Context = Context {
    internal: true,
    first_as: None,
    ..EXTERNAL
};
const OLD: Context = Context {
    four_octet_as: false,
    ..EXTERNAL
};
const ONLY_IPV4: Context = Context {
    ipv6: false,
    ..EXTERNAL
};
const ONLY_IPV6: Context = Context {
    ipv4: false,
    ..EXTERNAL
};
const CONFEDERATION: Context = Context {
    confederation: true,
    first_as: None,
    ..EXTERNAL
};

/// The mandatory attributes, in the order ORIGIN, AS_PATH, NEXT_HOP.
const ORIGIN: &str = "40 01 01 00";
const AS_PATH: &str = "40 02 06 02 01 0000fde9";
const OLD_PATH: &str = "40 02 04 02 01 fde9";
const NEXT_HOP: &str = "40 03 04 c0000201";
const LOCAL_PREF: &str = "40 05 04 00000064";
const MP_REACH: &str = "80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8";

fn outcome(context: &Context, withdrawn: &str, attributes: &str, reachable: &str) -> Outcome {
    let (withdrawn, attributes, reachable) = (bytes(withdrawn), bytes(attributes), bytes(reachable));
    let body = [
        &(withdrawn.len() as u16).to_be_bytes()[..],
        &withdrawn,
        &(attributes.len() as u16).to_be_bytes(),
        &attributes,
        &reachable,
    ]
    .concat();
    let reading = match Update::parse(&body).and_then(|update| update.read(context)) {
        Ok(reading) => reading,
        Err(fault) => return Reset(fault.code),
    };
    match (reading.disabled, reading.wrong, reading.discarded.first) {
        (Some(family), _, _) => Disable(family),
        (None, Some(wrong), _) => {
            // The routes are known, so that they can be withdrawn.
            assert!(!reading.reachable.is_empty() || reading.mp_reach.is_some());
            Withdraw(wrong.attribute.0, wrong.code)
        }
        (None, None, Some(kind)) => Discard(kind.0),
        (None, None, None) => Accepted,
    }
}

/// The outcome for the attributes given, the mandatory ones besides, and one route.
fn extra(context: &Context, attributes: &str) -> Outcome {
    let path = if context.four_octet_as { AS_PATH } else { OLD_PATH };
    let local = if context.internal { LOCAL_PREF } else { "" };
    outcome(
        context,
        "",
        &[ORIGIN, path, NEXT_HOP, local, attributes].join(" "),
        "08 0a",
    )
}

/// The outcome with one of the mandatory attributes replaced.
fn instead(context: &Context, kind: u8, attribute: &str) -> Outcome {
    let given = [(1, ORIGIN), (2, AS_PATH), (3, NEXT_HOP)];
    let given = given.map(|(each, text)| if each == kind { attribute } else { text });
    let local = if context.internal { LOCAL_PREF } else { "" };
    outcome(context, "", &[&given.join(" "), local].join(" "), "08 0a")
}

const LENGTH: Code = Code::ATTRIBUTE_LENGTH_ERROR;
const FLAGS: Code = Code::ATTRIBUTE_FLAGS_ERROR;
const OPTIONAL: Code = Code::OPTIONAL_ATTRIBUTE_ERROR;
const MISSING: Code = Code::MISSING_WELL_KNOWN_ATTRIBUTE;
const PATH: Code = Code::MALFORMED_AS_PATH;

#[test]
fn well_formed_updates_are_accepted() {
    assert_eq!(extra(&EXTERNAL, ""), Accepted);
    assert_eq!(extra(&INTERNAL, ""), Accepted);
    assert_eq!(extra(&OLD, ""), Accepted);
    assert_eq!(
        outcome(&EXTERNAL, "", &[ORIGIN, AS_PATH, MP_REACH].join(" "), ""),
        Accepted
    );
    assert_eq!(outcome(&EXTERNAL, "08 0a", "", ""), Accepted);
    // The partial bit and unused bits are nobody's error.
    assert_eq!(instead(&EXTERNAL, 1, "6f 01 01 00"), Accepted);
    assert_eq!(instead(&EXTERNAL, 1, "7f 01 0001 00"), Accepted);
}

#[test]
fn each_malformed_mandatory_attribute_withdraws_the_routes() {
    #[rustfmt::skip]
    let cases: &[(u8, &str, Code)] = &[
        (1, "40 01 00", LENGTH),
        (1, "40 01 02 0000", LENGTH),
        (1, "40 01 01 03", Code::INVALID_ORIGIN),
        (1, "80 01 01 00", FLAGS),
        (1, "c0 01 01 00", FLAGS),
        (1, "00 01 01 00", FLAGS),
        (1, "", MISSING),
        (2, "40 02 06 05 01 0000fde9", PATH),
        (2, "40 02 06 00 01 0000fde9", PATH),
        (2, "40 02 06 02 02 0000fde9", PATH),
        (2, "40 02 07 02 01 0000fde9 02", PATH),
        (2, "40 02 08 02 01 0000fde9 02 00", PATH),
        (2, "40 02 02 02 00", PATH),
        (2, "40 02 0a 02 02 0000fde9 00000000", PATH),
        (2, "40 02 06 02 01 0000fdea", PATH),
        (2, "40 02 00", PATH),
        (2, "40 02 06 03 01 0000fde9", PATH),
        (2, "80 02 06 02 01 0000fde9", FLAGS),
        (2, "", MISSING),
        (3, "40 03 03 c00002", LENGTH),
        (3, "40 03 05 c000020100", LENGTH),
        (3, "40 03 04 00000001", Code::INVALID_NEXT_HOP),
        (3, "40 03 04 7f000001", Code::INVALID_NEXT_HOP),
        (3, "40 03 04 e0000001", Code::INVALID_NEXT_HOP),
        (3, "40 03 04 ffffffff", Code::INVALID_NEXT_HOP),
        (3, "c0 03 04 c0000201", FLAGS),
        (3, "", MISSING),
    ];
    for (kind, attribute, code) in cases {
        assert_eq!(
            instead(&EXTERNAL, *kind, attribute),
            Withdraw(*kind, *code),
            "{attribute}"
        );
    }
    assert_eq!(instead(&CONFEDERATION, 2, "40 02 06 03 01 0000fde9"), Accepted);
    assert_eq!(instead(&INTERNAL, 2, "40 02 00"), Accepted);
    let without_local = [ORIGIN, AS_PATH, NEXT_HOP].join(" ");
    assert_eq!(
        outcome(&INTERNAL, "", &without_local, "08 0a"),
        Withdraw(5, MISSING)
    );
    assert_eq!(extra(&OLD, "").clone(), Accepted);
    let wide_from_old = [ORIGIN, AS_PATH, NEXT_HOP].join(" ");
    assert_eq!(outcome(&OLD, "", &wide_from_old, "08 0a"), Withdraw(2, PATH));
}

#[test]
fn each_malformed_optional_attribute_has_its_outcome() {
    #[rustfmt::skip]
    let cases: &[(&Context, &str, Outcome)] = &[
        (&EXTERNAL, "80 04 03 000001", Withdraw(4, LENGTH)),
        (&EXTERNAL, "80 04 05 0000000001", Withdraw(4, LENGTH)),
        (&EXTERNAL, "40 04 04 00000001", Withdraw(4, FLAGS)),
        // From outside LOCAL_PREF is left out, whatever it says.
        (&EXTERNAL, "40 05 04 00000064", Discard(5)),
        (&EXTERNAL, "c0 05 03 000064", Discard(5)),
        (&EXTERNAL, "40 06 00", Accepted),
        (&EXTERNAL, "40 06 01 00", Discard(6)),
        (&EXTERNAL, "80 06 00", Withdraw(6, FLAGS)),
        (&EXTERNAL, "c0 07 08 0000fde9 c0000201", Accepted),
        (&EXTERNAL, "c0 07 06 fde9 c0000201", Discard(7)),
        (&OLD, "c0 07 06 fde9 c0000201", Accepted),
        (&OLD, "c0 07 08 0000fde9 c0000201", Discard(7)),
        (&EXTERNAL, "c0 07 08 00000000 c0000201", Discard(7)),
        (&EXTERNAL, "40 07 08 0000fde9 c0000201", Withdraw(7, FLAGS)),
        (&EXTERNAL, "c0 08 00", Withdraw(8, OPTIONAL)),
        (&EXTERNAL, "c0 08 05 0000000000", Withdraw(8, OPTIONAL)),
        (&EXTERNAL, "80 08 04 00000000", Withdraw(8, FLAGS)),
        // From outside the attributes of reflection are left out.
        (&EXTERNAL, "80 09 04 c0000201", Discard(9)),
        (&EXTERNAL, "80 0a 04 c0000201", Discard(10)),
        (&INTERNAL, "80 09 04 c0000201", Accepted),
        (&INTERNAL, "80 09 03 c00002", Withdraw(9, LENGTH)),
        (&INTERNAL, "80 0a 04 c0000201", Accepted),
        (&INTERNAL, "80 0a 00", Withdraw(10, LENGTH)),
        (&INTERNAL, "80 0a 06 c00002010000", Withdraw(10, LENGTH)),
        (&EXTERNAL, "c0 10 08 0002fde900000064", Accepted),
        (&EXTERNAL, "c0 10 07 0002fde9000000", Withdraw(16, OPTIONAL)),
        (&EXTERNAL, "c0 10 00", Withdraw(16, OPTIONAL)),
        (&EXTERNAL, "c0 19 13 00000000000000000000000000000000000000", Withdraw(25, OPTIONAL)),
        (&EXTERNAL, "c0 20 0c 000000010000000200000003", Accepted),
        (&EXTERNAL, "c0 20 0b 0000000100000002000000", Withdraw(32, OPTIONAL)),
        (&EXTERNAL, "c0 20 00", Withdraw(32, OPTIONAL)),
        // RFC 6793 section 6: between speakers of four octets these have no place; malformed ones are left out.
        (&EXTERNAL, "c0 11 06 02 01 0000fde9", Discard(17)),
        (&OLD, "c0 11 06 02 01 0000fde9", Accepted),
        (&OLD, "c0 11 05 02 01 0000fd", Discard(17)),
        (&EXTERNAL, "c0 12 08 0000fde9 c0000201", Discard(18)),
        (&OLD, "c0 12 06 fde9 c0000201", Discard(18)),
        // Unknown: optional ones are passed on or left out without a word; well-known ones end the session.
        (&EXTERNAL, "c0 63 01 00", Accepted),
        (&EXTERNAL, "80 63 01 00", Accepted),
        (&EXTERNAL, "40 63 01 00", Reset(Code::UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE)),
        // Twice: the first one counts, except where that hides routes.
        (&EXTERNAL, "40 01 01 02", Discard(1)),
        (&EXTERNAL, "80 04 04 00000001 80 04 03 000000", Discard(4)),
        (&EXTERNAL, "80 0f 03 0002 01 80 0f 03 0002 01", Reset(Code::MALFORMED_ATTRIBUTE_LIST)),
        (&EXTERNAL, "80 0e 05 0003 01 00 00 80 0e 05 0003 01 00 00", Reset(Code::MALFORMED_ATTRIBUTE_LIST)),
        // The strongest outcome wins.
        (&EXTERNAL, "40 06 01 00 c0 08 03 000000", Withdraw(8, OPTIONAL)),
        (&EXTERNAL, "c0 08 03 000000 40 63 00", Reset(Code::UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE)),
        // The last attribute goes beyond the list, or less than a header is left of it (RFC 7606 section 4).
        (&EXTERNAL, "c0 08 08 00000000", Withdraw(8, LENGTH)),
        (&EXTERNAL, "c0", Withdraw(0, LENGTH)),
        (&EXTERNAL, "c0 08", Withdraw(8, LENGTH)),
        (&EXTERNAL, "d0 08 00", Withdraw(8, LENGTH)),
    ];
    for (context, attributes, expected) in cases {
        assert_eq!(extra(context, attributes), *expected, "{attributes}");
    }
}

#[test]
fn where_the_routes_cannot_be_told_the_family_or_the_session_ends() {
    let v6 = AfiSafi::IPV6_UNICAST;
    let (v4_only, v6_only) = (&ONLY_IPV4, &ONLY_IPV6);
    #[rustfmt::skip]
    let cases: &[(&Context, &str, Outcome)] = &[
        // Next hops of impossible lengths, lists of prefixes that are none.
        (&EXTERNAL, "80 0e 0e 0002 01 04 c0000201 00 20 20010db8", Disable(v6)),
        (&EXTERNAL, "80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 81 20010db8", Disable(v6)),
        (&EXTERNAL, "80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 28 20010db8", Disable(v6)),
        (&EXTERNAL, "80 0e 05 0002 01 10 00", Disable(v6)),
        (&EXTERNAL, "80 0f 05 0002 01 81 20", Disable(v6)),
        (v6_only, "80 0e 0e 0002 01 04 c0000201 00 20 20010db8", Reset(OPTIONAL)),
        (v6_only, "80 0f 05 0002 01 81 20", Reset(OPTIONAL)),
        // Not even the family can be told.
        (&EXTERNAL, "80 0e 02 0002", Reset(OPTIONAL)),
        (&EXTERNAL, "80 0f 02 0002", Reset(OPTIONAL)),
        // A family that was not negotiated says nothing.
        (v4_only, "80 0e 0e 0002 01 04 c0000201 00 20 20010db8", Accepted),
        (&EXTERNAL, "80 0e 05 0001 80 00 00", Accepted),
        (&EXTERNAL, "80 0e 0b 0001 01 04 c0000201 00 08 0b", Accepted),
        (&EXTERNAL, "80 0e 0b 0001 01 04 c0000201 00 21 0b", Disable(AfiSafi::IPV4_UNICAST)),
        // Wrong flags: the routes are told, and withdrawn.
        (&EXTERNAL, "c0 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8", Withdraw(14, FLAGS)),
    ];
    for (context, attributes, expected) in cases {
        assert_eq!(extra(context, attributes), *expected, "{attributes}");
    }
    let mandatory = [ORIGIN, AS_PATH, NEXT_HOP].join(" ");
    let invalid = Reset(Code::INVALID_NETWORK_FIELD);
    assert_eq!(outcome(&EXTERNAL, "", &mandatory, "21 0a000000 00"), invalid);
    assert_eq!(outcome(&EXTERNAL, "", &mandatory, "18 0a00"), invalid);
    assert_eq!(outcome(&EXTERNAL, "21 0a000000 00", "", ""), invalid);
    assert_eq!(outcome(&EXTERNAL, "18 0a00", "", ""), invalid);
    for body in [
        "",
        "00",
        "0001",
        "0000 0001",
        "0000",
        "0002 0000",
        "0000 0003 40 01",
    ] {
        let body = bytes(body);
        let fault = Update::parse(&body).unwrap_err();
        assert_eq!(fault.code, Code::MALFORMED_ATTRIBUTE_LIST, "{body:02x?}");
    }
}

#[test]
fn an_error_without_routes_ends_the_session_because_they_may_be_hidden_in_it() {
    assert_eq!(outcome(&EXTERNAL, "", "c0 08 03 000000", ""), Reset(OPTIONAL));
    assert_eq!(
        outcome(&EXTERNAL, "08 0a", "c0 08 03 000000", ""),
        Reset(OPTIONAL)
    );
    assert_eq!(outcome(&EXTERNAL, "", "80 0e 1a 0002 01", ""), Reset(LENGTH));
    // What is only left out does no harm without routes.
    assert_eq!(outcome(&EXTERNAL, "08 0a", "40 06 01 00", ""), Discard(6));
}

#[test]
fn ipv6_routes_need_no_next_hop_attribute_and_ignore_it() {
    let with = |more: &str| [ORIGIN, AS_PATH, MP_REACH, more].join(" ");
    assert_eq!(outcome(&EXTERNAL, "", &with(""), ""), Accepted);
    assert_eq!(outcome(&EXTERNAL, "", &with("40 03 04 00000000"), ""), Accepted);
    assert_eq!(
        outcome(&EXTERNAL, "", &with("40 03 04 00000000"), "08 0a"),
        Withdraw(3, Code::INVALID_NEXT_HOP)
    );
    assert_eq!(outcome(&EXTERNAL, "", &with(""), "08 0a"), Withdraw(3, MISSING));
    assert_eq!(
        outcome(&EXTERNAL, "", &[AS_PATH, MP_REACH].join(" "), ""),
        Withdraw(1, MISSING)
    );
}

#[test]
fn what_is_left_out_is_not_among_the_attributes() {
    let block = bytes(
        &[
            ORIGIN,
            AS_PATH,
            NEXT_HOP,
            LOCAL_PREF,
            "40 06 01 00 80 63 01 00 c0 64 01 07",
        ]
        .join(" "),
    );
    let update = Update {
        withdrawn: &[],
        attributes: &block,
        reachable: &[8, 10],
    };
    let reading = update.read(&EXTERNAL).unwrap();
    assert_eq!(reading.attributes.local_preference, None);
    assert!(!reading.attributes.atomic_aggregate);
    assert_eq!(
        (reading.discarded.count, reading.discarded.first),
        (2, Some(AttributeType::LOCAL_PREF))
    );
    let passed_on: Vec<_> = reading
        .attributes
        .unknown()
        .map(|unknown| unknown.kind.0)
        .collect();
    assert_eq!(passed_on, [0x64], "only what is transitive");
    assert!(reading.mp_reach.is_none());
    let wrong = Update {
        attributes: &bytes(&[ORIGIN, AS_PATH].join(" ")),
        ..update
    };
    let wrong = wrong.read(&EXTERNAL).unwrap().wrong.unwrap();
    assert_eq!(wrong.to_string(), "NEXT_HOP: 3/3 (Missing Well-known Attribute)");
}
