//! Who is learnt, who is asked, what waits, and for how long.

mod common;

use common::*;
use line::arp::{
    AGE_MAX, ArpEvent, ArpInput, ArpOutput, HOLD_DOWN, QUEUED_MAX, QUEUED_PER_NEIGHBOR_MAX, REFRESH_BEFORE,
    UNRESOLVED_MAX, show,
};
use machine::{Duration, Machine, Outbox};
use packet::arp::{Operation, Repr};
use packet::icmpv4::Unreachable;
use packet::{Ipv4Addr, MacAddress, ipv4};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_question_for_the_own_address_is_answered_and_the_asker_learnt() {
    let mut driver = Driver::with_link();
    let question = Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN);
    let outputs = driver.hear(&question);
    assert_eq!(outputs.len(), 1);
    assert_eq!(arp_of(&outputs[0]), (NEIGHBOR_MAC, question.reply(OWN_MAC)));
    assert_eq!(driver.mac_of(NEIGHBOR), Some(NEIGHBOR_MAC));
}

#[test]
fn an_answer_has_its_golden_bytes() {
    let mut driver = Driver::with_link();
    let outputs = driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let mut golden = vec![
        0xaa, 0xbb, 0xcc, 0, 2, 0, 0xaa, 0xbb, 0xcc, 0, 1, 0, 8, 6, // Ethernet
        0, 1, 8, 0, 6, 4, 0, 2, // a reply for IPv4 over Ethernet
        0xaa, 0xbb, 0xcc, 0, 1, 0, 10, 0, 0, 1, // sender
        0xaa, 0xbb, 0xcc, 0, 2, 0, 10, 0, 0, 2, // target
    ];
    golden.resize(60, 0);
    let expected = ArpOutput::Inject {
        port: PORT,
        frame: golden,
    };
    assert_eq!(outputs, [expected]);
}

#[test]
fn questions_for_others_are_neither_answered_nor_learnt_from() {
    let mut driver = Driver::with_link();
    assert_eq!(driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, STRANGER)), []);
    assert_eq!(driver.hear(&Repr::gratuitous(NEIGHBOR_MAC, NEIGHBOR)), []);
    let unasked = Repr::request(OWN_MAC, OWN, NEIGHBOR).reply(NEIGHBOR_MAC);
    assert_eq!(driver.hear(&unasked), []);
    assert!(driver.arp.adjacencies.is_empty());
}

#[test]
fn a_known_neighbor_that_announces_another_station_is_updated() {
    let mut driver = Driver::with_link();
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    driver.hear(&Repr::gratuitous(STRANGER_MAC, NEIGHBOR));
    assert_eq!(driver.mac_of(NEIGHBOR), Some(STRANGER_MAC));
}

#[test]
fn senders_from_beyond_the_link_and_its_ends_are_ignored() {
    let mut driver = Driver::with_link();
    for sender in [
        Ipv4Addr::new(10, 0, 1, 2),
        Ipv4Addr::new(10, 0, 0, 0),
        Ipv4Addr::new(10, 0, 0, 255),
    ] {
        assert_eq!(driver.hear(&Repr::request(NEIGHBOR_MAC, sender, OWN)), []);
    }
    assert_eq!(driver.arp.counters().not_on_link, 3);
    let input = ArpInput::Packet {
        port: OTHER_PORT,
        frame: arp_frame(OWN_MAC, &Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN)),
    };
    assert_eq!(driver.handle(input), []);
    assert_eq!(driver.arp.counters().no_interface, 1);
    assert!(driver.arp.adjacencies.is_empty());
}

#[test]
fn frames_that_are_no_arp_packet_are_counted() {
    let mut driver = Driver::with_link();
    let from_group = Repr::request(MacAddress::BROADCAST, NEIGHBOR, OWN);
    let whole = arp_frame(OWN_MAC, &Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    let frames: Vec<_> = cut.chain([arp_frame(OWN_MAC, &from_group)]).collect();
    for frame in &frames {
        let input = ArpInput::Packet {
            port: PORT,
            frame: frame.clone(),
        };
        assert_eq!(driver.handle(input), []);
    }
    assert_eq!(driver.arp.counters().malformed, frames.len() as u64);
}

#[test]
fn a_probe_is_answered_but_not_learnt_from() {
    let mut driver = Driver::with_link();
    let probe = Repr::request(NEIGHBOR_MAC, Ipv4Addr::UNSPECIFIED, OWN);
    let outputs = driver.hear(&probe);
    assert_eq!(arp_of(&outputs[0]), (NEIGHBOR_MAC, probe.reply(OWN_MAC)));
    assert!(driver.arp.adjacencies.is_empty());
}

#[test]
fn an_address_that_comes_up_is_announced_twice() {
    let mut driver = Driver::new();
    let mut outputs = driver.up(PORT, "10.0.0.1/24");
    assert_eq!(outputs.len(), 1);
    outputs.extend(driver.advance(Duration::from_secs(60)));
    assert_eq!(outputs.len(), 2);
    for output in &outputs {
        let (destination, repr) = arp_of(output);
        assert_eq!(destination, MacAddress::BROADCAST);
        assert_eq!(repr, Repr::gratuitous(OWN_MAC, OWN));
    }
    assert_eq!(driver.up(PORT, "10.0.0.1/24"), [], "equal news");
}

#[test]
fn a_duplicate_of_the_own_address_is_reported_and_defended_now_and_then() {
    let mut driver = Driver::with_link();
    let duplicate = Repr::gratuitous(STRANGER_MAC, OWN);
    let outputs = driver.hear(&duplicate);
    let event = ArpEvent::DuplicateAddress {
        port: PORT,
        address: OWN,
        mac: STRANGER_MAC,
    };
    assert_eq!(
        arp_of(&outputs[0]),
        (MacAddress::BROADCAST, Repr::gratuitous(OWN_MAC, OWN))
    );
    assert_eq!(outputs[1..], [ArpOutput::Log(event)]);
    assert_eq!(
        event.to_string(),
        "%IP-4-DUPADDR: Duplicate address 10.0.0.1 on Ethernet0/0, sourced by aabb.cc00.0900"
    );
    driver.now += SECOND;
    assert_eq!(driver.hear(&duplicate), [], "too soon");
    driver.now += Duration::from_secs(9);
    assert_eq!(driver.hear(&duplicate).len(), 2);
    assert!(driver.arp.adjacencies.is_empty());
    // Our own announcement, looped back to us, is no duplicate.
    driver.now += Duration::from_secs(60);
    assert_eq!(driver.hear(&Repr::gratuitous(OWN_MAC, OWN)), []);
}

#[test]
fn a_packet_waits_for_the_answer_and_follows_in_order() {
    let mut driver = Driver::with_link();
    let first = echo_request(STRANGER, 64, 1, 8);
    let outputs = driver.glean(NEIGHBOR, &first);
    assert!(is_request_for(&outputs[0], NEIGHBOR));
    assert_eq!(outputs.len(), 1);
    let own = echo_request(STRANGER, 255, 2, 8);
    assert_eq!(driver.send(NEIGHBOR, own.clone()), [], "asked already");

    let outputs = driver.answer(NEIGHBOR, NEIGHBOR_MAC);
    let packets = packets_of(&outputs);
    // What is forwarded has one hop less, with a right checksum; what is the router's own has not.
    assert_eq!(
        packets,
        [
            (NEIGHBOR_MAC, echo_request(STRANGER, 63, 1, 8)),
            (NEIGHBOR_MAC, own)
        ]
    );
    let third = echo_request(STRANGER, 9, 3, 8);
    let packets = packets_of(&driver.glean(NEIGHBOR, &third));
    assert_eq!(packets, [(NEIGHBOR_MAC, echo_request(STRANGER, 8, 3, 8))]);
    assert_eq!(
        driver.advance(Duration::from_secs(30)),
        [],
        "nobody is asked any more"
    );
}

#[test]
fn a_silent_neighbor_is_asked_three_times_and_then_left_alone() {
    let mut driver = Driver::with_link();
    let mut asked = driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, 1, 8));
    for _ in 0..2 {
        driver.advance(SECOND - Duration::from_millis(1));
        asked.extend(driver.advance(Duration::from_millis(1)));
    }
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|output| is_request_for(output, NEIGHBOR)));
    let given_up = driver.advance(SECOND);
    let undeliverable = |number| ArpOutput::Undeliverable {
        packet: echo_request(STRANGER, 63, number, 8),
        reason: Unreachable::Host,
    };
    assert_eq!(given_up, [undeliverable(1)]);

    let held = driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, 2, 8));
    assert_eq!(held, [undeliverable(2)]);
    assert_eq!(driver.send(NEIGHBOR, echo_request(STRANGER, 64, 3, 8)), []);
    assert_eq!(driver.arp.counters().unresolved, 3);
    assert_eq!(driver.advance(HOLD_DOWN), []);
    let again = driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, 4, 8));
    assert!(is_request_for(&again[0], NEIGHBOR));
}

#[test]
fn a_punt_is_kept_from_when_its_packet_waits_until_it_is_sent_displaced_or_given_up() {
    let mut driver = Driver::with_link();
    for number in 0..QUEUED_PER_NEIGHBOR_MAX as u16 + 2 {
        driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, number, 8));
    }
    let newest = 3..=QUEUED_PER_NEIGHBOR_MAX as u64 + 2;
    assert_eq!(driver.kept, newest.collect(), "the two oldest were displaced");
    driver.answer(NEIGHBOR, NEIGHBOR_MAC);
    assert!(driver.kept.is_empty(), "sent");
    driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, 1, 8));
    assert!(driver.kept.is_empty(), "sent at once: it never waited");
    let silent = Ipv4Addr::new(10, 0, 0, 77);
    driver.glean(silent, &echo_request(STRANGER, 64, 1, 8));
    assert_eq!(driver.kept.len(), 1);
    driver.advance(SECOND * 3);
    assert!(driver.kept.is_empty(), "given up");
    driver.glean(Ipv4Addr::new(10, 0, 0, 78), &echo_request(STRANGER, 64, 1, 8));
    assert_eq!(driver.kept.len(), 1);
    driver.handle(ArpInput::InterfaceDown { port: PORT });
    assert!(driver.kept.is_empty(), "the link is gone");
}

#[test]
fn a_neighbor_that_is_heard_of_is_held_down_no_longer() {
    let mut driver = Driver::with_link();
    driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, 1, 8));
    driver.advance(SECOND * 3);
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let outputs = driver.glean(NEIGHBOR, &echo_request(STRANGER, 64, 2, 8));
    assert_eq!(packets_of(&outputs).len(), 1);
    assert_eq!(driver.advance(HOLD_DOWN), []);
    assert_eq!(driver.mac_of(NEIGHBOR), Some(NEIGHBOR_MAC));
}

#[test]
fn a_neighbor_keeps_its_newest_packets_and_all_together_a_bounded_number() {
    let mut driver = Driver::with_link();
    for number in 0..20 {
        driver.send(NEIGHBOR, echo_request(STRANGER, 64, number, 8));
    }
    assert_eq!(driver.arp.counters().queue_full, 12);
    for host in 3..=200 {
        for number in 0..2 {
            let next_hop = Ipv4Addr::new(10, 0, 0, host);
            driver.send(next_hop, echo_request(next_hop, 64, number, 8));
        }
    }
    let offered = QUEUED_PER_NEIGHBOR_MAX + 198 * 2;
    let refused = (offered - QUEUED_MAX) as u64;
    assert_eq!(driver.arp.counters().queue_full, 12 + refused);
    let packets = packets_of(&driver.answer(NEIGHBOR, NEIGHBOR_MAC));
    let newest: Vec<_> = (12..20)
        .map(|number| (NEIGHBOR_MAC, echo_request(STRANGER, 64, number, 8)))
        .collect();
    assert_eq!(packets, newest);
    // There is room again, exactly for as many.
    let next_hop = Ipv4Addr::new(10, 0, 0, 200);
    for number in 0..8 {
        driver.send(next_hop, echo_request(next_hop, 64, number, 8));
    }
    assert_eq!(driver.arp.counters().queue_full, 12 + refused);
}

#[test]
fn a_bounded_number_of_neighbors_is_asked_for_at_a_time() {
    let mut driver = Driver::new();
    driver.up(PORT, "10.0.0.1/16");
    let host = |number: usize| Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 1, 0).to_bits() + number as u32);
    let mut asked = 0;
    for number in 0..UNRESOLVED_MAX + 5 {
        asked += driver
            .send(host(number), echo_request(host(number), 64, 1, 8))
            .len();
    }
    assert_eq!(asked, UNRESOLVED_MAX);
    assert_eq!(driver.arp.counters().too_many_unresolved, 5);
    driver.advance(SECOND * 3);
    let late = host(UNRESOLVED_MAX + 6);
    assert_eq!(driver.send(late, echo_request(late, 64, 1, 8)).len(), 1);
}

#[test]
fn an_adjacency_is_refreshed_before_it_is_four_hours_old() {
    let mut driver = Driver::with_link();
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let until_refresh = AGE_MAX - REFRESH_BEFORE;
    assert_eq!(driver.advance(until_refresh - SECOND), []);
    let outputs = driver.advance(SECOND);
    let question = Repr::request(OWN_MAC, OWN, NEIGHBOR);
    assert_eq!(outputs.len(), 1);
    assert_eq!(arp_of(&outputs[0]), (NEIGHBOR_MAC, question), "unicast");
    driver.answer(NEIGHBOR, NEIGHBOR_MAC);
    assert_eq!(driver.advance(until_refresh - SECOND), []);
    assert_eq!(driver.advance(REFRESH_BEFORE).len(), 3, "asked three times");
    assert_eq!(driver.mac_of(NEIGHBOR), Some(NEIGHBOR_MAC));
    assert_eq!(driver.advance(SECOND), []);
    assert_eq!(driver.mac_of(NEIGHBOR), None);
    assert_eq!(driver.arp.next_deadline(), None);
}

#[test]
fn a_link_that_goes_down_forgets_its_neighbors_only() {
    let mut driver = Driver::with_link();
    driver.up(OTHER_PORT, "10.0.1.1/24");
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let other = ArpInput::Packet {
        port: OTHER_PORT,
        frame: arp_frame(
            OWN_MAC,
            &Repr::request(
                NEIGHBOR_MAC,
                Ipv4Addr::new(10, 0, 1, 2),
                Ipv4Addr::new(10, 0, 1, 1),
            ),
        ),
    };
    driver.handle(other);
    driver.glean(STRANGER, &echo_request(STRANGER, 64, 1, 8));
    let outputs = driver.handle(ArpInput::InterfaceDown { port: PORT });
    assert!(matches!(outputs[..], [ArpOutput::Undeliverable { .. }]));
    assert_eq!(driver.mac_of(NEIGHBOR), None);
    assert_eq!(driver.arp.adjacencies.len(), 1);
    driver.send(STRANGER, echo_request(STRANGER, 64, 1, 8));
    assert_eq!(driver.arp.counters().no_interface, 1);
    let asked: Vec<_> = (driver.advance(Duration::from_secs(60)).into_iter())
        .filter(|output| arp_of(output).1.target_address != Ipv4Addr::new(10, 0, 1, 1))
        .collect();
    assert_eq!(asked, []);
    driver.handle(ArpInput::InterfaceDown { port: OTHER_PORT });
    assert_eq!(driver.arp.next_deadline(), None, "no age of anybody is left");
}

#[test]
fn another_address_keeps_the_neighbors_that_are_still_on_the_link() {
    let mut driver = Driver::with_link();
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let outside = Ipv4Addr::new(10, 0, 0, 130);
    driver.hear(&Repr::request(STRANGER_MAC, outside, OWN));
    driver.up(PORT, "10.0.0.3/25");
    assert_eq!(driver.mac_of(NEIGHBOR), Some(NEIGHBOR_MAC));
    assert_eq!(driver.mac_of(outside), None);
    // The address of a neighbour becomes our own: it is a neighbour no longer.
    driver.up(PORT, "10.0.0.2/25");
    assert_eq!(driver.mac_of(NEIGHBOR), None);
}

#[test]
fn a_proxy_beyond_the_link_is_accepted_when_it_was_asked() {
    let mut driver = Driver::with_link();
    let far = Ipv4Addr::new(192, 0, 2, 1);
    driver.send(far, echo_request(far, 64, 1, 8));
    let outputs = driver.answer(far, NEIGHBOR_MAC);
    assert_eq!(packets_of(&outputs).len(), 1);
    assert_eq!(driver.mac_of(far), Some(NEIGHBOR_MAC));
}

#[test]
fn a_packet_beyond_the_mtu_goes_in_fragments_or_not_at_all() {
    let mut driver = Driver::with_link();
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let packet = echo_request(STRANGER, 64, 1, 3000);
    let fragments = packets_of(&driver.glean(NEIGHBOR, &packet));
    assert_eq!(fragments.len(), 3);
    assert!(fragments.iter().all(|(_, fragment)| fragment.len() <= 1500));
    let payload: usize = fragments.iter().map(|(_, fragment)| fragment.len() - 20).sum();
    assert_eq!(payload, packet.len() - 20);

    let mut unfragmentable = packet;
    unfragmentable[6] |= 0x40;
    let mut view = ipv4::Packet::new_checked(unfragmentable.as_mut_slice()).expect("a packet");
    view.fill_checksum();
    let outputs = driver.glean(NEIGHBOR, &unfragmentable);
    let [ArpOutput::Undeliverable { reason, .. }] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    let next_hop_mtu = 1500;
    assert_eq!(*reason, Unreachable::FragmentationNeeded { next_hop_mtu });
    assert_eq!(driver.arp.counters().too_big, 1);
}

#[test]
fn punted_packets_without_meaning_or_time_are_dropped() {
    let mut driver = Driver::with_link();
    for ttl in [0, 1] {
        assert_eq!(driver.glean(NEIGHBOR, &echo_request(STRANGER, ttl, 1, 8)), []);
    }
    assert_eq!(driver.arp.counters().expired, 2);
    let whole = echo_request(STRANGER, 64, 1, 8);
    for length in 0..whole.len() {
        assert_eq!(driver.glean(NEIGHBOR, &whole[..length]), []);
    }
    assert_eq!(driver.arp.counters().malformed, whole.len() as u64);
    assert_eq!(driver.arp.next_deadline(), None);
}

#[test]
fn ages_start_in_full_at_promotion_some_at_a_time() {
    let mut active = Driver::new();
    active.up(PORT, "10.0.0.1/16");
    for number in 0..600u32 {
        let sender = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 1, 0).to_bits() + number);
        active.hear(&Repr::request(NEIGHBOR_MAC, sender, OWN));
    }
    // The standby has the rows, and nothing else.
    let mut standby = Driver::new();
    for (key, adjacency) in active.arp.adjacencies.iter() {
        standby.arp.adjacencies.insert(*key, *adjacency);
    }
    standby.now = machine::Instant::from_millis(77_000);
    standby
        .arp
        .promoted(standby.now, [(PORT, interface("10.0.0.1/16"))]);
    let mut turns = 0;
    while standby
        .arp
        .next_deadline()
        .is_some_and(|(at, _)| at <= standby.now)
    {
        let mut out = Outbox::new();
        standby.arp.expire(standby.now, &mut out);
        assert!(out.is_empty(), "nothing is announced");
        turns += 1;
    }
    assert_eq!(turns, 3, "256 rows a turn");
    assert_eq!(standby.advance(AGE_MAX - REFRESH_BEFORE - SECOND), []);
    let asked = standby.advance(SECOND);
    assert_eq!(asked.len(), 600);
    let (_, repr) = arp_of(&asked[0]);
    assert_eq!(repr.operation, Operation::Request);
}

#[test]
fn a_promoted_standby_forwards_to_neighbors_at_once() {
    let mut active = Driver::with_link();
    active.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    let mut standby = Driver::new();
    for (key, adjacency) in active.arp.adjacencies.iter() {
        standby.arp.adjacencies.insert(*key, *adjacency);
    }
    standby
        .arp
        .promoted(standby.now, [(PORT, interface("10.0.0.1/24"))]);
    let outputs = standby.glean(NEIGHBOR, &echo_request(STRANGER, 64, 1, 8));
    assert_eq!(packets_of(&outputs).len(), 1);
    assert_eq!(standby.up(PORT, "10.0.0.1/24"), []);
    assert_eq!(standby.mac_of(NEIGHBOR), Some(NEIGHBOR_MAC));
}

#[test]
fn the_table_is_shown_with_own_addresses_and_ages() {
    let mut driver = Driver::with_link();
    driver.hear(&Repr::request(NEIGHBOR_MAC, NEIGHBOR, OWN));
    driver.up(OTHER_PORT, "192.168.100.254/24");
    driver.advance(Duration::from_secs(12 * 60 + 59));
    driver.send(STRANGER, echo_request(STRANGER, 64, 1, 8));
    let (lines, next) = show::arp(&driver.arp, driver.now, None, 100);
    assert_eq!(next, None);
    assert_eq!(
        lines,
        [
            "Protocol  Address          Age (min)  Hardware Addr   Type   Interface",
            "Internet  10.0.0.1                -   aabb.cc00.0100  ARPA   Ethernet0/0",
            "Internet  10.0.0.2               12   aabb.cc00.0200  ARPA   Ethernet0/0",
            "Internet  10.0.0.9                0   Incomplete      ARPA",
            "Internet  192.168.100.254         -   aabb.cc00.0100  ARPA   Ethernet1/0",
        ]
    );
    for lines_max in 1..6 {
        let (mut paged, mut next) = show::arp(&driver.arp, driver.now, None, lines_max);
        while let Some(after) = next {
            let (more, further) = show::arp(&driver.arp, driver.now, Some(after), lines_max);
            paged.extend(more);
            next = further;
        }
        assert_eq!(paged, lines, "pages of {lines_max}");
    }
}
