//! Wires and the fabric over real sockets, with ends that die and come back.

use machine::{CardSlot, Duration, Instant};
use runtime::clock;
use runtime::event_loop::{EventLoop, Interest};
use runtime::wire::fabric::{self, Fabric, FabricEvent};
use runtime::wire::mem::{MemEnd, MemWire, QUEUE_FRAMES};
use runtime::wire::udp::UdpWire;
use runtime::wire::{SendOutcome, Wire, WireSpec};
use rustix::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Only a test that has failed waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of its own for each test, removed with the value.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("holdover-wires-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a test does with either end of a wire.
trait Served {
    fn fd(&self) -> BorrowedFd<'_>;
    /// Serves it once and appends frames to `frames`.
    fn serve(&mut self, frames: &mut Vec<Vec<u8>>);
}

macro_rules! served {
    ($($kind:ty),*) => {$(
        impl Served for $kind {
            fn fd(&self) -> BorrowedFd<'_> {
                <$kind>::fd(self)
            }
            fn serve(&mut self, frames: &mut Vec<Vec<u8>>) {
                self.receive(64, &mut |frame| frames.push(frame.to_vec())).unwrap();
            }
        }
    )*};
}
served!(MemWire, MemEnd, UdpWire, Wire);

/// Serves all `ends`, each when its descriptor says so, until `done` says yes to the ends and all frames received.
fn serve_until<const N: usize>(
    ends: [&mut dyn Served; N],
    mut done: impl FnMut(&[Vec<Vec<u8>>; N]) -> bool,
) -> [Vec<Vec<u8>>; N] {
    let mut event_loop = EventLoop::new().unwrap();
    for (index, end) in ends.iter().enumerate() {
        event_loop.add(end.fd(), index as u64, Interest::READ).unwrap();
    }
    let mut frames: [Vec<Vec<u8>>; N] = [const { Vec::new() }; N];
    let mut ready = Vec::new();
    let deadline = clock::now() + PATIENCE;
    while !done(&frames) {
        assert!(clock::now() < deadline, "what was waited for did not happen");
        event_loop.wait(Some(deadline), &mut ready).unwrap();
        for event in &ready {
            let index = event.token as usize;
            ends[index].serve(&mut frames[index]);
        }
    }
    frames
}

/// Serves until a condition on the ends themselves holds.
macro_rules! serve_while {
    ($condition:expr, $($end:expr),+) => {{
        let deadline = clock::now() + PATIENCE;
        let mut frames: Vec<Vec<u8>> = Vec::new();
        while $condition {
            assert!(clock::now() < deadline, "'{}' lasts", stringify!($condition));
            let mut event_loop = EventLoop::new().unwrap();
            $(event_loop.add($end.fd(), 0, Interest::READ).unwrap();)+
            event_loop.wait(Some(deadline), &mut Vec::new()).unwrap();
            $($end.serve(&mut frames);)+
        }
        frames
    }};
}

fn frame(number: u32) -> Vec<u8> {
    let mut frame = vec![0xab; 60 + (number % 1400) as usize];
    frame[14..18].copy_from_slice(&number.to_be_bytes());
    frame
}

fn connected(path: &Path) -> (MemWire, MemEnd) {
    let mut end = MemEnd::open(path).unwrap();
    let mut wire = MemWire::open(path).unwrap();
    serve_while!(!(wire.is_up() && end.is_up()), wire, end);
    (wire, end)
}

#[test]
fn a_mem_wire_carries_frames_both_ways_whole_and_in_order() {
    let directory = Directory::new();
    let path = directory.path().join("wires/west.sock");
    let mut end = MemEnd::open(&path).unwrap();
    let spec = WireSpec::Mem { name: "west".into() };
    let mut wire = Wire::open(&spec, directory.path()).unwrap();
    serve_while!(!(wire.is_up() && end.is_up()), wire, end);
    let sent: Vec<_> = (0..500).map(frame).collect();
    for frame in &sent {
        assert_eq!(wire.send(frame), SendOutcome::Queued);
        assert_eq!(end.send(frame), SendOutcome::Queued);
    }
    wire.flush();
    end.flush();
    let received = serve_until([&mut wire, &mut end], |frames| {
        frames.iter().all(|frames| frames.len() >= 500)
    });
    assert!(received.iter().all(|frames| *frames == sent));
    assert_eq!(
        (wire.counters().sent_frames, wire.counters().received_frames),
        (500, 500)
    );
}

#[test]
fn a_card_that_is_started_again_finds_its_wire() {
    let directory = Directory::new();
    let path = directory.path().join("w.sock");
    let (wire, mut end) = connected(&path);
    drop(wire);
    serve_while!(end.is_up(), end);
    assert_eq!(end.send(&frame(1)), SendOutcome::Down);
    assert_eq!(end.counters().down_drops, 1);
    let mut wire = MemWire::open(&path).unwrap();
    serve_while!(!end.is_up(), end);
    end.send(&frame(2));
    end.flush();
    let received = serve_until([&mut wire], |frames| !frames[0].is_empty());
    assert_eq!(received[0], [frame(2)]);
}

#[test]
fn hosts_that_are_started_again_are_found_by_the_card() {
    let directory = Directory::new();
    let path = directory.path().join("w.sock");
    let (mut wire, end) = connected(&path);
    drop(end);
    serve_while!(wire.is_up(), wire);
    assert_eq!(wire.send(&frame(1)), SendOutcome::Down);
    let mut end = MemEnd::open(&path).unwrap();
    serve_while!(!(wire.is_up() && end.is_up()), wire, end);
    assert_eq!(wire.counters().link_ups, 2);
    wire.send(&frame(2));
    wire.flush();
    let received = serve_until([&mut end], |frames| !frames[0].is_empty());
    assert_eq!(received[0], [frame(2)]);
}

#[test]
fn what_was_sent_before_a_death_still_arrives() {
    let directory = Directory::new();
    let (mut wire, mut end) = connected(&directory.path().join("w.sock"));
    for number in 0..100 {
        wire.send(&frame(number));
    }
    wire.flush();
    drop(wire);
    let frames = serve_while!(end.is_up(), end);
    assert_eq!(frames, (0..100).map(frame).collect::<Vec<_>>());
}

#[test]
fn a_stalled_reader_costs_nothing_until_the_queue_is_full_then_the_tail() {
    let directory = Directory::new();
    let (mut wire, mut end) = connected(&directory.path().join("w.sock"));
    let mut queued = 0u32;
    let small = |number: u32| {
        let mut frame = vec![0; 60];
        frame[14..18].copy_from_slice(&number.to_be_bytes());
        frame
    };
    while end.send(&small(queued)) == SendOutcome::Queued {
        queued += 1;
    }
    assert!(
        queued as usize >= QUEUE_FRAMES,
        "a tenth of a second at 40,000 packets/s fits: {queued}"
    );
    assert_eq!((end.room(), end.is_blocked()), (0, true));
    assert_eq!(end.send(&small(0)), SendOutcome::Full);
    assert_eq!(end.counters().tail_drops, 2);
    let received = serve_until([&mut wire, &mut end], |frames| frames[0].len() >= queued as usize);
    for (number, frame) in (0..).zip(&received[0]) {
        assert_eq!(*frame, small(number));
    }
    assert_eq!(received[0].len(), queued as usize);
    assert_eq!(end.counters().sent_frames, u64::from(queued));
    assert_eq!(end.room(), QUEUE_FRAMES);
}

#[test]
fn a_second_owner_of_a_wire_is_refused_and_a_stale_socket_file_is_not_an_owner() {
    let directory = Directory::new();
    let path = directory.path().join("w.sock");
    let end = MemEnd::open(&path).unwrap();
    let error = MemEnd::open(&path)
        .err()
        .expect("the wire has an owner")
        .to_string();
    assert!(error.contains("w.sock"), "{error}");
    drop(end);
    assert!(path.exists(), "nobody cleans up after a kill");
    MemEnd::open(&path).unwrap();
}

#[test]
fn a_newer_card_takes_the_wire_over() {
    let directory = Directory::new();
    let path = directory.path().join("w.sock");
    let (mut old, mut end) = connected(&path);
    let mut new = MemWire::open(&path).unwrap();
    serve_while!(old.is_up(), old, end);
    end.send(&frame(1));
    end.flush();
    let received = serve_until([&mut new], |frames| !frames[0].is_empty());
    assert_eq!(received[0], [frame(1)]);
}

#[test]
fn no_wire_takes_an_empty_or_an_endless_frame() {
    let directory = Directory::new();
    let (mut wire, _end) = connected(&directory.path().join("w.sock"));
    assert_eq!(wire.send(&[]), SendOutcome::TooLong);
    assert_eq!(
        wire.send(&vec![0; runtime::wire::FRAME_LEN_MAX + 1]),
        SendOutcome::TooLong
    );
    assert_eq!(wire.counters().send_errors, 2);
    assert_eq!(
        wire.send(&vec![0; runtime::wire::FRAME_LEN_MAX]),
        SendOutcome::Queued
    );
}

/// Two UDP wires that are each other's remote end.
fn udp_pair(host: &str) -> (UdpWire, UdpWire) {
    let any = format!("{host}:0").parse().unwrap();
    // Reserves a port for the near end, so that the far one can name it.
    let reserved = std::net::UdpSocket::bind(format!("{host}:0")).unwrap();
    let near_address = reserved.local_addr().unwrap();
    let far = UdpWire::open(any, near_address).unwrap();
    drop(reserved);
    let near = UdpWire::open(near_address, far.local().unwrap()).unwrap();
    (near, far)
}

#[test]
fn a_udp_wire_carries_one_frame_in_each_datagram_over_both_families() {
    for host in ["127.0.0.1", "[::1]"] {
        let (mut near, mut far) = udp_pair(host);
        let sent: Vec<_> = (0..100).map(frame).collect();
        for frame in &sent {
            near.send(frame);
            far.send(frame);
        }
        near.flush();
        far.flush();
        let received = serve_until([&mut near, &mut far], |frames| {
            frames.iter().all(|frames| frames.len() >= 100)
        });
        assert!(received.iter().all(|frames| *frames == sent), "{host}");
    }
}

#[test]
fn a_udp_wire_drops_and_counts_what_others_send() {
    let (mut near, mut far) = udp_pair("127.0.0.1");
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = near.local().unwrap();
    stranger.send_to(&frame(666), address).unwrap();
    far.send(&frame(1));
    far.flush();
    let received = serve_until([&mut near], |frames| !frames[0].is_empty());
    assert_eq!(received[0], [frame(1)]);
    assert_eq!(
        (near.counters().wrong_source, near.counters().received_frames),
        (1, 1)
    );
}

#[test]
fn a_udp_wire_survives_an_absent_far_end_and_runt_datagrams() {
    let (mut near, far) = udp_pair("127.0.0.1");
    let (address, far_address) = (near.local().unwrap(), far.local().unwrap());
    drop(far);
    for number in 0..3 {
        near.send(&frame(number));
        near.flush();
    }
    let plain = std::net::UdpSocket::bind(far_address).unwrap();
    plain.send_to(&[], address).unwrap();
    plain.send_to(&[0; 13], address).unwrap();
    plain.send_to(&frame(7), address).unwrap();
    let received = serve_until([&mut near], |frames| !frames[0].is_empty());
    assert_eq!(received[0], [frame(7)]);
    assert!(near.counters().receive_errors >= 2);
    assert!(near.is_up());
}

#[test]
fn a_udp_wire_between_two_families_is_refused_with_both_addresses() {
    let error = UdpWire::open("127.0.0.1:0".parse().unwrap(), "[::1]:7".parse().unwrap());
    let text = error.err().expect("impossible").to_string();
    assert!(text.contains("127.0.0.1:0") && text.contains("[::1]:7"), "{text}");
}

#[test]
fn a_mem_wire_whose_socket_cannot_exist_is_an_error_at_once() {
    for name in ["", "../west", "a/b", "a b", "x".repeat(33).as_str()] {
        let spec = WireSpec::Mem { name: name.into() };
        let text = Wire::open(&spec, Path::new("/tmp"))
            .err()
            .expect("no such name")
            .to_string();
        assert!(text.contains(&format!("'{name}'")), "{text}");
    }
    let deep = Path::new("/tmp").join("d".repeat(120));
    let text = Wire::open(&WireSpec::Mem { name: "west".into() }, &deep)
        .err()
        .expect("too long")
        .to_string();
    assert!(text.contains("west.sock"), "{text}");
}

#[test]
fn a_wire_is_read_from_a_chassis_file() {
    for (text, spec) in [
        (
            "kind = \"mem\"\nname = \"west\"",
            WireSpec::Mem { name: "west".into() },
        ),
        (
            "kind = \"packet\"\ninterface = \"eth1\"",
            WireSpec::Packet {
                interface: "eth1".into(),
            },
        ),
        (
            "kind = \"udp\"\nlocal = \"0.0.0.0:10000\"\nremote = \"192.0.2.1:10001\"",
            WireSpec::Udp {
                local: "0.0.0.0:10000".parse().unwrap(),
                remote: "192.0.2.1:10001".parse().unwrap(),
            },
        ),
    ] {
        assert_eq!(toml::from_str::<WireSpec>(text).unwrap(), spec, "{text}");
    }
    assert!(toml::from_str::<WireSpec>("kind = \"mem\"\nname = \"a\"\nmtu = 1").is_err());
}

/// What happened on one card's fabric.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Up(u8),
    Down(u8),
    Frame(u8, u16, u16, Vec<u8>),
}

fn serve_fabric(fabric: &mut Fabric, seen: &mut Vec<Seen>) {
    let take = &mut |event: FabricEvent<'_>| {
        seen.push(match event {
            FabricEvent::PeerUp(slot) => Seen::Up(slot.0),
            FabricEvent::PeerDown(slot) => Seen::Down(slot.0),
            FabricEvent::Frame {
                from,
                egress_port,
                flags,
                frame,
            } => Seen::Frame(from.0, egress_port, flags, frame.to_vec()),
        });
    };
    fabric.receive(64, take).unwrap();
}

/// Serves the cards until `done`; returns what each has seen.
fn fabric_until<const N: usize>(
    cards: [&mut Fabric; N],
    mut done: impl FnMut(&[Vec<Seen>; N]) -> bool,
) -> [Vec<Seen>; N] {
    let mut seen = [const { Vec::new() }; N];
    let deadline = clock::now() + PATIENCE;
    let mut event_loop = EventLoop::new().unwrap();
    for (index, card) in cards.iter().enumerate() {
        event_loop.add(card.fd(), index as u64, Interest::READ).unwrap();
    }
    let mut ready = Vec::new();
    while !done(&seen) {
        assert!(clock::now() < deadline, "only this happened: {seen:?}");
        event_loop.wait(Some(deadline), &mut ready).unwrap();
        for event in &ready {
            let index = event.token as usize;
            serve_fabric(cards[index], &mut seen[index]);
        }
    }
    seen
}

fn card(slot: u8, directory: &Directory) -> Fabric {
    Fabric::open(CardSlot(slot), [0, 1, 2].map(CardSlot), directory.path()).unwrap()
}

#[test]
fn cards_find_each_other_in_any_order_and_frames_name_their_egress_port() {
    let directory = Directory::new();
    let mut one = card(1, &directory);
    let mut two = card(2, &directory);
    let mut zero = card(0, &directory);
    let seen = fabric_until([&mut zero, &mut one, &mut two], |seen| {
        seen.iter().all(|seen| seen.len() >= 2)
    });
    for (slot, seen) in (0..).zip(seen) {
        let mut others: Vec<_> = (0..3).filter(|other| *other != slot).map(Seen::Up).collect();
        others.sort_by_key(|seen| format!("{seen:?}"));
        let mut seen = seen;
        seen.sort_by_key(|seen| format!("{seen:?}"));
        assert_eq!(seen, others);
    }
    assert_eq!(
        zero.send(CardSlot(2), 0x0102, 0x8001, &frame(9)),
        SendOutcome::Queued
    );
    assert_eq!(two.send(CardSlot(0), 3, 0, &frame(10)), SendOutcome::Queued);
    zero.flush();
    two.flush();
    let seen = fabric_until([&mut zero, &mut two], |seen| {
        seen.iter().all(|seen| !seen.is_empty())
    });
    assert_eq!(seen[0], [Seen::Frame(2, 3, 0, frame(10))]);
    assert_eq!(seen[1], [Seen::Frame(0, 0x0102, 0x8001, frame(9))]);
}

#[test]
fn the_death_of_a_card_is_told_and_its_return_too_whichever_connects() {
    for dying in [0, 1] {
        let directory = Directory::new();
        let (mut stays, mut dies) = (card(1 - dying, &directory), card(dying, &directory));
        fabric_until([&mut stays, &mut dies], |seen| {
            seen.iter().all(|seen| !seen.is_empty())
        });
        drop(dies);
        let seen = fabric_until([&mut stays], |seen| !seen[0].is_empty());
        assert_eq!(seen[0], [Seen::Down(dying)]);
        assert!(!stays.is_up(CardSlot(dying)));
        assert_eq!(stays.send(CardSlot(dying), 0, 0, &frame(1)), SendOutcome::Down);
        let mut again = card(dying, &directory);
        let seen = fabric_until([&mut stays, &mut again], |seen| {
            seen.iter().all(|seen| !seen.is_empty())
        });
        assert_eq!(seen, [[Seen::Up(dying)], [Seen::Up(1 - dying)]]);
    }
}

#[test]
fn a_card_that_does_not_read_loses_the_tail_and_delays_nobody() {
    let directory = Directory::new();
    let (mut zero, mut one, mut two) = (card(0, &directory), card(1, &directory), card(2, &directory));
    fabric_until([&mut zero, &mut one, &mut two], |seen| {
        seen.iter().all(|seen| seen.len() >= 2)
    });
    let mut queued = 0usize;
    while zero.send(CardSlot(1), 0, 0, &frame(0)) == SendOutcome::Queued {
        queued += 1;
    }
    assert!(queued >= fabric::QUEUE_FRAMES);
    assert_eq!(
        zero.counters()
            .find(|(slot, _)| slot.0 == 1)
            .unwrap()
            .1
            .tail_drops,
        1
    );
    assert_eq!(zero.send(CardSlot(2), 5, 0, &frame(5)), SendOutcome::Queued);
    zero.flush();
    let seen = fabric_until([&mut two], |seen| !seen[0].is_empty());
    assert_eq!(seen[0], [Seen::Frame(0, 5, 0, frame(5))]);
    let seen = fabric_until([&mut one, &mut zero], |seen| seen[0].len() >= queued);
    assert_eq!(
        seen[0].len(),
        queued,
        "all that was queued arrives once the card reads"
    );
}

#[test]
fn whoever_speaks_another_version_is_refused() {
    use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketType};
    let directory = Directory::new();
    let mut two = card(2, &directory);
    let address = SocketAddrUnix::new(directory.path().join("2.sock")).unwrap();
    // A wrong version, a slot that must not connect here, noise.
    for first in [
        &b"HoFb\x02\x00\0\0"[..],
        b"HoFb\x01\x02\0\0",
        b"HoFb\x01\x09\0\0",
        b"GET /",
    ] {
        let stranger = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        rustix::net::connect(&stranger, &address).unwrap();
        rustix::net::send(&stranger, first, SendFlags::empty()).unwrap();
        let before = two.refused();
        let mut seen = Vec::new();
        let deadline = clock::now() + PATIENCE;
        while two.refused() == before {
            let mut event_loop = EventLoop::new().unwrap();
            event_loop.add(two.fd(), 0, Interest::READ).unwrap();
            event_loop.wait(Some(deadline), &mut Vec::new()).unwrap();
            assert!(clock::now() < deadline);
            serve_fabric(&mut two, &mut seen);
        }
        assert_eq!(seen, []);
    }
}

#[test]
fn an_idle_wire_does_not_wake_its_driver() {
    let directory = Directory::new();
    let (mut wire, mut end) = connected(&directory.path().join("w.sock"));
    wire.serve(&mut Vec::new());
    end.serve(&mut Vec::new());
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.add(wire.fd(), 0, Interest::READ).unwrap();
    event_loop.add(end.fd(), 1, Interest::READ).unwrap();
    let mut ready = Vec::new();
    event_loop.wait(Some(Instant::ZERO), &mut ready).unwrap();
    assert_eq!(ready, []);
}
