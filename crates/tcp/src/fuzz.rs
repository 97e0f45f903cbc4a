//! The entry for a fuzzer: segments from a peer that means harm.

use crate::io::{Listener, TcpInput, TcpOutput};
use crate::key::{ConnectionKey, Endpoint};
use crate::options::ConnectionOptions;
use crate::sessions::Sessions;
use alloc::vec;
use alloc::vec::Vec;
use machine::{Duration, Instant, Machine, Outbox, Seed};
use packet::tcp::{Endpoints, Flags, Packet, Repr};
use packet::{Ipv4Addr, ipv4};

/// An entry: takes any bytes, panics when it has found something.
pub type Target = fn(&[u8]);

/// Every entry with its name.
pub const TARGETS: &[(&str, Target)] = &[("tcp_session", session)];

const US: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// More than all buffers of one session.
const HELD_MAX: usize = 512 << 10;
/// Bytes of an input before the payload: what to do, flags, sequence and acknowledgement offset, payload length.
const STEP_LEN: usize = 7;

fn key() -> ConnectionKey {
    ConnectionKey {
        local: Endpoint::new(US, 179),
        remote: Endpoint::new(PEER, 40_000),
    }
}

fn packet(header: Repr, payload: &[u8]) -> Vec<u8> {
    let length = header.buffer_len(payload.len());
    // A step's payload is shorter than 256 bytes.
    let ip = ipv4::Repr::new(PEER, US, ipv4::Protocol::TCP, length as u16);
    let mut packet = vec![0; ip.buffer_len() + length];
    ip.emit(&mut packet);
    header.emit(&mut packet[ipv4::HEADER_LEN..], payload, Endpoints::V4(PEER, US));
    packet
}

/// What leaves is whole, and what is told fits the rows.
fn check(sessions: &Sessions, out: &mut Outbox<TcpOutput>, sequence: &mut u32) {
    for (_, output) in out.drain() {
        let TcpOutput::Packet(bytes) = output else {
            continue;
        };
        let ip = ipv4::Packet::validate(&bytes[..]).expect("a whole packet leaves");
        let segment = Packet::new_checked(ip.payload()).expect("a whole segment leaves");
        let header = Repr::parse(&segment, Endpoints::V4(US, PEER)).expect("its checksum is right");
        if header.flags.contains(Flags::SYN) {
            *sequence = header.sequence.wrapping_add(1);
        }
    }
    assert_eq!(sessions.connections.len(), sessions.progress.len());
    assert!(sessions.received(&key()).len() <= HELD_MAX);
    for (_, progress) in sessions.progress.iter() {
        assert!(progress.acknowledged <= progress.sent && progress.sent <= progress.written + 1);
    }
}

/// A session and whatever a peer sends to it: segments near and far from what is expected, raw packets, time that
/// passes, and a takeover.
pub fn session(bytes: &[u8]) {
    session_opens(bytes);
}

/// The same; returns whether a session was established on the way, without which little is looked at.
pub fn session_opens(bytes: &[u8]) -> bool {
    let mut sessions = Sessions::new();
    let mut out = Outbox::new();
    sessions.activate(Seed::new(1), &mut out);
    let listener = Listener {
        local: key().local,
        remote: PEER.into(),
        options: ConnectionOptions::default(),
    };
    sessions.listen(listener).expect("the router listens");
    let mut now = Instant::from_millis(1_000);
    let mut ours = 0u32;
    // Where the peer's stream starts: behind its last SYN.
    let mut begun = 1u32;
    let mut has_opened = false;
    let mut rest = bytes;
    while let Some((step, after)) = rest.split_first_chunk::<STEP_LEN>() {
        let [what, flags, s1, s0, a1, a0, length] = *step;
        let (payload, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        let theirs = match (sessions.connections.get(&key()), sessions.progress.get(&key())) {
            (Some(connection), Some(progress)) => progress.receive_next(connection),
            _ => begun,
        };
        let offset = |high, low| i32::from(i16::from_be_bytes([high, low])) as u32;
        let header = Repr {
            source_port: 40_000,
            destination_port: 179,
            sequence: theirs.wrapping_add(offset(s1, s0)),
            acknowledgement: ours.wrapping_add(offset(a1, a0)),
            flags: Flags(flags),
            window: match what & 0x40 {
                0 => u16::from_be_bytes([a0, s0]),
                _ => 0,
            },
            mss: flags_has(flags, Flags::SYN).then_some(u16::from_be_bytes([s1, a1])),
            window_shift: (what & 0x80 != 0).then_some(s1),
            ..Repr::default()
        };
        match what & 7 {
            0 => sessions.handle(now, TcpInput::Packet(payload.to_vec()), &mut out),
            1 => now += Duration::from_millis(u64::from(s0) * 16),
            2 => {
                let written = sessions.write(now, &key(), payload, &mut out);
                assert!(written.is_err() || written.is_ok_and(|taken| taken <= payload.len()));
            }
            3 => sessions.consume(now, &key(), usize::from(s0), &mut out),
            4 => sessions.close(now, &key(), &mut out),
            5 => sessions.live.clear(),
            _ => {
                if flags_has(flags, Flags::SYN) && sessions.connections.is_empty() {
                    begun = header.sequence.wrapping_add(1);
                }
                sessions.handle(now, TcpInput::Packet(packet(header, payload)), &mut out);
            }
        }
        has_opened |= !sessions.connections.is_empty();
        check(&sessions, &mut out, &mut ours);
        sessions.expire(now, &mut out);
        check(&sessions, &mut out, &mut ours);
    }
    has_opened
}

fn flags_has(flags: u8, flag: Flags) -> bool {
    Flags(flags).contains(flag)
}
