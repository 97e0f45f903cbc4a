//! Prints what thousands of sessions cost: an idle look at all, a keepalive from each, taking each over.
//!
//! `cargo run --release -p tcp --example session_rate [SESSIONS]`
//!
//! Other machines differ, so everything is also given in copies of a megabyte, measured in the same run.

use machine::{Duration, Instant, Machine, Outbox, Seed};
use packet::Ipv4Addr;
use std::time::Instant as Clock;
use tcp::{
    BufferSize, Connection, ConnectionKey, ConnectionOptions, Endpoint, Progress, Sessions, TcpOutput,
};

const LOCAL: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const KEEPALIVE_LEN: usize = 19;

/// Rows of `count` sessions that are established and idle.
fn rows(count: u32, md5_key: &[u8]) -> Sessions {
    let mut sessions = Sessions::new();
    for number in 0..count {
        let connection = Connection {
            passive: false,
            local_isn: number,
            remote_isn: number,
            remote_mss: 1460,
            window_scaling: None,
            sack_permitted: true,
            buffers: BufferSize::Small,
            options: ConnectionOptions {
                md5_key: md5_key.to_vec(),
                ..ConnectionOptions::default()
            },
        };
        sessions.connections.insert(key(number), connection);
        sessions.progress.insert(key(number), Progress::default());
    }
    sessions.activate(Seed::new(1), &mut Outbox::new());
    sessions
}

fn key(number: u32) -> ConnectionKey {
    ConnectionKey {
        local: Endpoint::new(LOCAL, 179),
        remote: Endpoint::new(Ipv4Addr::from(0x0b00_0000 + number), 40_000),
    }
}

/// Writes a keepalive to each session; returns how many packets left.
fn keepalives(sessions: &mut Sessions, now: Instant, count: u32, out: &mut Outbox<TcpOutput>) -> usize {
    let mut packets = 0;
    for number in 0..count {
        let written = sessions.write(now, &key(number), &[0xff; KEEPALIVE_LEN], out);
        assert_eq!(written, Ok(KEEPALIVE_LEN));
        packets += out
            .drain()
            .filter(|(_, output)| matches!(output, TcpOutput::Packet(_)))
            .count();
    }
    packets
}

fn measured<R>(what: &str, unit: f64, work: impl FnOnce() -> R) -> R {
    let start = Clock::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what:<44} {:>9.3} ms  {:>8.2} copies of 1 MB",
        seconds * 1e3,
        seconds / unit
    );
    result
}

fn main() {
    let count: u32 = std::env::args()
        .nth(1)
        .map_or(5_000, |count| count.parse().expect("a number of sessions"));
    let source = vec![1u8; 1 << 20];
    let start = Clock::now();
    for _ in 0..100 {
        std::hint::black_box(source.clone());
    }
    let unit = start.elapsed().as_secs_f64() / 100.0;
    println!("{count} sessions; a copy of 1 MB takes {:.1} us", unit * 1e6);
    for md5_key in [&b""[..], b"a key of sixteen"] {
        println!("MD5 key of {} bytes", md5_key.len());
        let mut out = Outbox::new();
        let mut sessions = rows(count, md5_key);
        let mut now = Instant::from_millis(1_000);
        let sent = measured("first keepalive: taken over, written, sent", unit, || {
            keepalives(&mut sessions, now, count, &mut out)
        });
        assert_eq!(sent, count as usize);
        now += Duration::from_millis(100);
        let sent = measured("further keepalive", unit, || {
            keepalives(&mut sessions, now, count, &mut out)
        });
        assert_eq!(sent, count as usize);
        // Nothing is due: this is what a turn of an idle router pays.
        measured("1,000 looks at all sessions, none of them due", unit, || {
            for _ in 0..1_000 {
                now += Duration::from_nanos(1_000);
                sessions.expire(now, &mut out);
            }
        });
        assert!(out.is_empty());
    }
}
