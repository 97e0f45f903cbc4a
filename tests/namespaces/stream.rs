//! A TCP transfer between two hosts that goes on for as long as a test wants, every byte checked.
//!
//! `socat` at both ends; the bytes are of a generator that both sides of the test run.

use crate::tools::{Namespace, Tool, wait_until};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const PORT: u16 = 5300;
/// What is written at once, and how long until more is: 4 MB/s.
const PIECE_LEN: usize = 16 * 1024;
const PIECE_INTERVAL: Duration = Duration::from_millis(4);

/// How far a transfer has come, in bytes.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    received: AtomicU64,
    stop: AtomicBool,
}

/// A transfer under way.
pub struct Transfer {
    progress: Arc<Progress>,
    sender: Tool,
    receiver: Tool,
    feeder: JoinHandle<std::io::Result<()>>,
    reader: JoinHandle<Option<u64>>,
}

impl Transfer {
    /// Starts one from a host to the host with `address`.
    pub fn start(from: &Namespace, to: &Namespace, address: &str) -> Transfer {
        let mut receiver = Tool::start(to, &format!("socat -u TCP-LISTEN:{PORT},reuseaddr STDOUT"));
        let pid = receiver.child.id();
        wait_until("socat listens", || {
            let sockets = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
            // Port in hexadecimal, then the remote address, then state 0A: listening (proc(5)).
            sockets.contains(&format!(":{PORT:04X} 00000000:0000 0A"))
        });
        let mut sender = Tool::start(from, &format!("socat -u STDIN TCP:{address}:{PORT}"));
        let progress = Arc::new(Progress::default());
        let input = sender.child.stdin.take().expect("a pipe");
        let output = receiver.child.stdout.take().expect("a pipe");
        let (fed, read) = (progress.clone(), progress.clone());
        Transfer {
            progress,
            sender,
            receiver,
            feeder: std::thread::spawn(move || feed(input, &fed)),
            reader: std::thread::spawn(move || check(output, &read)),
        }
    }

    /// A process in the receiving host's namespace.
    pub fn receiver_pid(&self) -> u32 {
        self.receiver.child.id()
    }

    /// Bytes given to the sender so far.
    pub fn sent(&self) -> u64 {
        self.progress.sent.load(Ordering::Relaxed)
    }

    /// Bytes that have arrived so far.
    pub fn received(&self) -> u64 {
        self.progress.received.load(Ordering::Relaxed)
    }

    /// Ends the transfer; demands that every byte has arrived as it was sent, and that no end saw an error. Returns
    /// the number of bytes.
    pub fn finish(mut self) -> u64 {
        self.progress.stop.store(true, Ordering::Relaxed);
        let fed = self.feeder.join().expect("the feeder");
        fed.expect("the sender takes all bytes");
        self.sender.end();
        let wrong = self.reader.join().expect("the reader");
        self.receiver.end();
        assert_eq!(wrong, None, "the first wrong byte");
        let [sent, received] =
            [&self.progress.sent, &self.progress.received].map(|counter| counter.load(Ordering::Relaxed));
        assert_eq!(sent, received, "bytes sent and received");
        sent
    }
}

fn feed(mut input: impl Write, progress: &Progress) -> std::io::Result<()> {
    let mut bytes = Bytes::new();
    let mut piece = [0; PIECE_LEN];
    while !progress.stop.load(Ordering::Relaxed) {
        bytes.fill(&mut piece);
        input.write_all(&piece)?;
        progress.sent.fetch_add(PIECE_LEN as u64, Ordering::Relaxed);
        // The pace of the stream; nobody waits for it.
        std::thread::sleep(PIECE_INTERVAL);
    }
    Ok(())
}

/// Reads to the end; the position of the first byte that is wrong.
fn check(mut output: impl Read, progress: &Progress) -> Option<u64> {
    let mut bytes = Bytes::new();
    let (mut piece, mut expected) = ([0; PIECE_LEN], [0; PIECE_LEN]);
    let mut wrong = None;
    loop {
        let length = match output.read(&mut piece) {
            Ok(0) | Err(_) => return wrong,
            Ok(length) => length,
        };
        bytes.fill(&mut expected[..length]);
        let before = progress.received.fetch_add(length as u64, Ordering::Relaxed);
        if wrong.is_none() {
            let pairs = piece[..length].iter().zip(&expected[..length]);
            wrong = pairs
                .into_iter()
                .position(|(got, wanted)| got != wanted)
                .map(|position| before + position as u64);
        }
    }
}

/// Bytes that never repeat in a test's time (xorshift, Marsaglia 2003).
struct Bytes {
    state: u64,
}

impl Bytes {
    fn new() -> Bytes {
        Bytes {
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            *byte = (self.state >> 32) as u8;
        }
    }
}
