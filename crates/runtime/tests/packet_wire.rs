//! AF_PACKET wires between network namespaces, at the default offloads of veth.
//!
//! ```text
//!   namespace A          namespace M (the wires)          namespace B
//!   a0 10.9.0.1 ──veth── ma  ⇄ bridge thread ⇄  mb ──veth── b0 10.9.0.2
//! ```

use machine::Duration;
use runtime::clock;
use runtime::event_loop::{EventLoop, Interest, Waker};
use runtime::wire::packet::PacketWire;
use runtime::wire::{self, SendOutcome, WireCounters, WireError, WireSpec};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// Only a test that has failed waits this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `ip` with these words; what it says when it fails.
fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split_whitespace()).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "ip {words}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// A network namespace, removed with the value.
struct Namespace(String);

impl Namespace {
    fn new() -> Result<Namespace, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("holdover-{}-{number}", std::process::id());
        ip(&format!("netns add {name}"))?;
        Ok(Namespace(name))
    }

    /// Runs `ip` inside.
    fn ip(&self, words: &str) {
        ip(&format!("-n {} {words}", self.0)).unwrap();
    }

    /// Runs `work` in a thread inside; every socket that it opens belongs to the namespace.
    fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let path = format!("/var/run/netns/{}", self.0);
        std::thread::spawn(move || {
            let namespace = File::open(path).unwrap();
            let kind = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(kind))
                .unwrap();
            work()
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&format!("netns del {}", self.0)) {
            eprintln!("{error}");
        }
    }
}

/// The three namespaces of the drawing.
struct Network {
    a: Namespace,
    m: Namespace,
    b: Namespace,
}

impl Network {
    /// `None`, after saying so, where namespaces cannot be made.
    fn new(test: &str) -> Option<Network> {
        let make = || Ok((Namespace::new()?, Namespace::new()?, Namespace::new()?));
        let (a, m, b) = match make() {
            Ok(namespaces) => namespaces,
            Err::<_, String>(reason) => {
                // Not the macro, whose output of a passing test is thrown away.
                let line = format!("SKIPPED {test}: {reason}\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
                return None;
            }
        };
        let network = Network { a, m, b };
        for (side, name, address) in [(&network.a, "a", "10.9.0.1"), (&network.b, "b", "10.9.0.2")] {
            network.m.ip(&format!(
                "link add name m{name} type veth peer name {name}0 netns {}",
                side.0
            ));
            network.m.ip(&format!("link set dev m{name} up"));
            side.ip(&format!("addr add {address}/24 dev {name}0"));
            side.ip(&format!("link set dev {name}0 up"));
        }
        Some(network)
    }

    /// Runs a bridge between `ma` and `mb` until the waker rings.
    fn bridge(&self) -> Bridge {
        let waker = Waker::new().unwrap();
        let stop = waker.try_clone().unwrap();
        let (opened, is_open) = std::sync::mpsc::channel();
        let thread = self.m.spawn(move || {
            let wires = [PacketWire::open("ma").unwrap(), PacketWire::open("mb").unwrap()];
            opened.send(()).unwrap();
            bridge(wires, &stop)
        });
        is_open.recv().unwrap();
        Bridge { waker, thread }
    }
}

struct Bridge {
    waker: Waker,
    thread: JoinHandle<Bridged>,
}

impl Bridge {
    fn stop(self) -> Bridged {
        self.waker.wake();
        self.thread.join().unwrap()
    }
}

/// What a bridge has seen.
#[derive(Debug)]
struct Bridged {
    counters: [WireCounters; 2],
    /// Datagrams read from both sockets: fewer than frames when some had to be cut.
    datagrams: u64,
    longest_frame: usize,
}

/// Copies frames between two wires until `stop` rings.
fn bridge(mut wires: [PacketWire; 2], stop: &Waker) -> Bridged {
    let mut event_loop = EventLoop::new().unwrap();
    for (index, wire) in wires.iter().enumerate() {
        event_loop.add(wire.fd(), index as u64, Interest::READ).unwrap();
    }
    event_loop.add(stop, 2, Interest::READ).unwrap();
    let (mut ready, mut datagrams, mut longest_frame) = (Vec::new(), 0, 0);
    loop {
        event_loop.wait(None, &mut ready).unwrap();
        for event in &ready {
            let [one, two] = &mut wires;
            let (from, to) = match event.token {
                0 => (one, two),
                1 => (two, one),
                _ => {
                    wires.iter_mut().for_each(PacketWire::refresh_kernel_drops);
                    let counters = [wires[0].counters(), wires[1].counters()];
                    return Bridged {
                        counters,
                        datagrams,
                        longest_frame,
                    };
                }
            };
            let forward = &mut |frame: &mut [u8]| {
                longest_frame = longest_frame.max(frame.len());
                to.send(frame);
            };
            datagrams += from.receive(64, forward).unwrap() as u64;
            to.flush();
        }
    }
}

/// Byte `index` of the transferred stream.
fn byte(index: usize) -> u8 {
    (index.wrapping_mul(2_654_435_761) >> 13) as u8
}

#[test]
fn tcp_at_default_offloads_comes_through_cut_and_with_right_checksums() {
    const LENGTH: usize = 20 << 20;
    let Some(network) = Network::new("tcp_at_default_offloads_comes_through_cut_and_with_right_checksums")
    else {
        return;
    };
    let bridge = network.bridge();
    let (listening, is_listening) = std::sync::mpsc::channel();
    let receiver = network.b.spawn(move || {
        let listener = TcpListener::bind("10.9.0.2:5001").unwrap();
        listening.send(()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::with_capacity(LENGTH);
        stream.read_to_end(&mut received).unwrap();
        received
    });
    is_listening.recv().unwrap();
    let sender = network.a.spawn(|| {
        let mut stream = TcpStream::connect("10.9.0.2:5001").unwrap();
        let bytes: Vec<u8> = (0..LENGTH).map(byte).collect();
        stream.write_all(&bytes).unwrap();
    });
    sender.join().unwrap();
    let received = receiver.join().unwrap();
    assert_eq!(received.len(), LENGTH);
    assert!(
        received
            .iter()
            .enumerate()
            .all(|(index, value)| *value == byte(index))
    );
    let seen = bridge.stop();
    assert!(seen.longest_frame <= 1514, "no frame exceeds the MTU: {seen:?}");
    let frames: u64 = seen
        .counters
        .iter()
        .map(|counters| counters.received_frames)
        .sum();
    assert!(
        frames > seen.datagrams,
        "oversized segments came and were cut: {seen:?}"
    );
    for counters in seen.counters {
        assert_eq!(
            (counters.receive_errors, counters.send_errors),
            (0, 0),
            "{seen:?}"
        );
    }
}

#[test]
fn datagrams_with_partial_checksums_arrive_with_right_ones() {
    let Some(network) = Network::new("datagrams_with_partial_checksums_arrive_with_right_ones") else {
        return;
    };
    let bridge = network.bridge();
    let (bound, is_bound) = std::sync::mpsc::channel();
    let far = network.b.spawn(move || {
        let socket = UdpSocket::bind("10.9.0.2:5002").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        bound.send(()).unwrap();
        let mut buffer = [0; 2000];
        for _ in 0..100 {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..length], from).unwrap();
        }
    });
    is_bound.recv().unwrap();
    // One at a time, because a kernel that still looks for its neighbour drops what it has no room for.
    let near = network.a.spawn(|| {
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 2000];
        for number in 0..100u8 {
            let datagram = vec![number; 1 + usize::from(number) * 14];
            socket.send_to(&datagram, "10.9.0.2:5002").unwrap();
            let length = socket.recv(&mut buffer).unwrap();
            assert!(
                buffer[..length] == datagram,
                "datagram {number} came back changed"
            );
        }
    });
    near.join().unwrap();
    far.join().unwrap();
    bridge.stop();
}

/// Serves `wire` until `done`; frames are dropped.
fn serve_until(wire: &mut PacketWire, mut done: impl FnMut(&PacketWire) -> bool) {
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.add(wire.fd(), 0, Interest::READ).unwrap();
    let deadline = clock::now() + PATIENCE;
    while !done(wire) {
        assert!(
            clock::now() < deadline,
            "what was waited for did not happen: {:?}",
            wire.counters()
        );
        event_loop.wait(Some(deadline), &mut Vec::new()).unwrap();
        wire.receive(64, &mut |_| ()).unwrap();
    }
}

#[test]
fn the_link_follows_the_interface_down_up_away_and_back() {
    let Some(network) = Network::new("the_link_follows_the_interface_down_up_away_and_back") else {
        return;
    };
    let network = Arc::new(network);
    let inside = Arc::clone(&network);
    let work = move || {
        let (m, b) = (&inside.m, &inside.b);
        let mut wire = PacketWire::open("mb").unwrap();
        serve_until(&mut wire, PacketWire::is_up);
        m.ip("link set dev mb down");
        serve_until(&mut wire, |wire| !wire.is_up());
        assert_eq!(wire.send(&[0; 60]), SendOutcome::Down);
        m.ip("link set dev mb up");
        serve_until(&mut wire, PacketWire::is_up);
        // Without the far end's carrier the link is down as well.
        b.ip("link set dev b0 down");
        serve_until(&mut wire, |wire| !wire.is_up());
        m.ip("link del dev mb");
        m.ip(&format!("link add name mb type veth peer name b0 netns {}", b.0));
        m.ip("link set dev mb up");
        b.ip("link set dev b0 up");
        serve_until(&mut wire, PacketWire::is_up);
        assert_eq!(wire.counters().link_ups, 3);
        // The socket is bound to the new interface: what the far end sends arrives.
        b.ip("addr add 10.9.0.2/24 dev b0");
        b.spawn(|| broadcast("10.9.0.2:0", "10.9.0.255:9"))
            .join()
            .unwrap();
        let before = wire.counters().received_frames;
        serve_until(&mut wire, |wire| wire.counters().received_frames > before);
    };
    network.m.spawn(work).join().unwrap();
}

#[test]
fn an_interface_that_is_not_there_yet_is_a_link_that_is_down_until_it_comes() {
    let Some(network) =
        Network::new("an_interface_that_is_not_there_yet_is_a_link_that_is_down_until_it_comes")
    else {
        return;
    };
    let network = Arc::new(network);
    let inside = Arc::clone(&network);
    let work = move || {
        let spec = WireSpec::Packet {
            interface: "late".into(),
        };
        let error = wire::check(&spec).expect_err("it is missing").to_string();
        assert!(
            error.contains("'late'") && error.contains("ip link add"),
            "{error}"
        );
        let mut wire = PacketWire::open("late").unwrap();
        assert_eq!((wire.is_up(), wire.missing_interface()), (false, Some("late")));
        assert_eq!(wire.send(&[0; 60]), SendOutcome::Down);
        inside.m.ip(&format!(
            "link add name late type veth peer name b1 netns {}",
            inside.b.0
        ));
        inside.m.ip("link set dev late up");
        inside.b.ip("link set dev b1 up");
        serve_until(&mut wire, PacketWire::is_up);
        assert_eq!(wire.missing_interface(), None);
        wire::check(&spec).unwrap();
    };
    network.m.spawn(work).join().unwrap();
}

/// Sends one datagram to everybody on a link.
fn broadcast(from: &str, to: &str) {
    let socket = UdpSocket::bind(from).unwrap();
    socket.set_broadcast(true).unwrap();
    socket.send_to(b"to all", to).unwrap();
}

#[test]
fn frames_of_a_vlan_are_counted_and_not_taken_for_untagged_ones() {
    let Some(network) = Network::new("frames_of_a_vlan_are_counted_and_not_taken_for_untagged_ones") else {
        return;
    };
    let (open, is_open) = std::sync::mpsc::channel();
    let wire = network.m.spawn(move || {
        let mut wire = PacketWire::open("ma").unwrap();
        serve_until(&mut wire, PacketWire::is_up);
        open.send(()).unwrap();
        let mut event_loop = EventLoop::new().unwrap();
        event_loop.add(wire.fd(), 0, Interest::READ).unwrap();
        let mut taken: Vec<Vec<u8>> = Vec::new();
        let deadline = clock::now() + PATIENCE;
        while !taken
            .iter()
            .any(|frame| frame[12..14] == [0x88, 0xb5] && frame[14] == 0)
        {
            assert!(clock::now() < deadline);
            event_loop.wait(Some(deadline), &mut Vec::new()).unwrap();
            wire.receive(64, &mut |frame| taken.push(frame.to_vec())).unwrap();
        }
        (wire.counters().tagged, taken)
    });
    is_open.recv().unwrap();
    let sender = network.a.spawn(|| {
        let mut wire = PacketWire::open("a0").unwrap();
        serve_until(&mut wire, PacketWire::is_up);
        // VLAN 7, VLAN 0 (a priority only), no tag. 0x88b5 is for local experiments (IEEE 802).
        for tag in [&[0x81, 0x00, 0x00, 0x07][..], &[0x81, 0x00, 0xe0, 0x00], &[]] {
            let head = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8];
            let body = [&[0x88, 0xb5, tag.last().copied().unwrap_or(0)], &[0; 60][..]].concat();
            assert_eq!(wire.send(&[&head[..], tag, &body].concat()), SendOutcome::Queued);
        }
        wire.flush();
    });
    sender.join().unwrap();
    let (tagged, taken) = wire.join().unwrap();
    assert_eq!(tagged, 1);
    let ours = |frame: &&Vec<u8>| frame[12..14] == [0x88, 0xb5];
    assert!(
        taken.iter().filter(ours).all(|frame| frame[14] != 7),
        "the frame of VLAN 7 is not among them"
    );
}

#[test]
fn without_the_capability_the_error_says_which_one_is_missing() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let Some(network) = Network::new("without_the_capability_the_error_says_which_one_is_missing") else {
        return;
    };
    let error = network.m.spawn(|| {
        let mut sets = capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::NET_RAW);
        set_capabilities(None, sets).unwrap();
        // One of them is there, the other is not.
        ["ma", "nosuch0"].map(|interface| PacketWire::open(interface).err())
    });
    for error in error.join().unwrap() {
        let error = error.expect("not allowed");
        assert!(matches!(error, WireError::Permission(_)), "{error:?}");
        assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
    }
}
