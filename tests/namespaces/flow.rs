//! Numbered datagrams from one namespace to another at an even pace; every one of them is missed.

use crate::tools::{Namespace, PATIENCE};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PORT: u16 = 5400;
/// From one datagram to the next.
const INTERVAL: Duration = Duration::from_millis(2);
/// Bytes that the kernel keeps for a test that is kept from the processor.
const ROOM: usize = 8 << 20;
/// A receiver looks this often whether it is to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Number of the datagrams that only wait for a path.
const HELLO: u64 = u64::MAX;

/// What became of the datagrams of one flow.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Losses {
    pub sent: u64,
    /// Their numbers, the first few.
    pub lost: Vec<u64>,
    pub lost_count: u64,
    pub doubled_count: u64,
    /// What the sender's kernel said instead of sending; nothing more was sent then.
    pub refused: Option<String>,
}

impl Losses {
    /// All that was sent came, and came once.
    pub fn is_none(&self) -> bool {
        self.sent > 0 && self.lost_count == 0 && self.doubled_count == 0 && self.refused.is_none()
    }
}

#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    received: AtomicU64,
    stop_sending: AtomicBool,
    stop_receiving: AtomicBool,
}

/// A flow under way.
pub struct Flow {
    progress: Arc<Progress>,
    sender: JoinHandle<Option<String>>,
    receiver: JoinHandle<Vec<u8>>,
}

impl Flow {
    /// Starts one from an address in a namespace to an address in another, as soon as a datagram gets there at all.
    pub fn start(from: (&Namespace, Ipv4Addr), to: (&Namespace, Ipv4Addr)) -> Flow {
        let bind = |(namespace, address): (&Namespace, Ipv4Addr), port: u16| {
            namespace
                .inside(|| UdpSocket::bind((address, port)))
                .unwrap_or_else(|error| panic!("{address} in {}: {error}", namespace.name()))
        };
        let [output, input] = [bind(from, 0), bind(to, PORT)];
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&input, ROOM).expect("room for datagrams");
        input
            .set_read_timeout(Some(LOOK_INTERVAL))
            .expect("a limit for a read");
        wait_for_path(&output, &input, to.1);
        let progress = Arc::new(Progress::default());
        let (sending, receiving) = (progress.clone(), progress.clone());
        let destination = to.1;
        Flow {
            progress,
            sender: std::thread::spawn(move || send(&output, destination, &sending)),
            receiver: std::thread::spawn(move || receive(&input, &receiving)),
        }
    }

    /// Datagrams that have arrived so far.
    pub fn received(&self) -> u64 {
        self.progress.received.load(Ordering::Relaxed)
    }

    /// Ends it, when all that are under way have come or will not come any more.
    pub fn finish(self) -> Losses {
        self.progress.stop_sending.store(true, Ordering::Relaxed);
        let refused = self.sender.join().expect("the sender");
        let sent = self.progress.sent.load(Ordering::Relaxed);
        let end = Instant::now() + PATIENCE / 10;
        let received = || self.progress.received.load(Ordering::Relaxed);
        while received() < sent && Instant::now() < end {
            std::thread::sleep(LOOK_INTERVAL);
        }
        self.progress.stop_receiving.store(true, Ordering::Relaxed);
        let mut counts = self.receiver.join().expect("the receiver");
        counts.resize(usize::try_from(sent).expect("a count"), 0);
        losses(&counts, refused)
    }
}

/// `counts`: how often each of the datagrams came.
fn losses(counts: &[u8], refused: Option<String>) -> Losses {
    let lost = (0_u64..)
        .zip(counts)
        .filter_map(|(number, count)| (*count == 0).then_some(number));
    Losses {
        sent: counts.len() as u64,
        lost_count: lost.clone().count() as u64,
        lost: lost.take(10).collect(),
        doubled_count: counts.iter().filter(|count| **count > 1).count() as u64,
        refused,
    }
}

fn wait_for_path(output: &UdpSocket, input: &UdpSocket, destination: Ipv4Addr) {
    crate::tools::wait_until(&format!("a datagram gets to {destination}"), || {
        let sent = output.send_to(&HELLO.to_be_bytes(), (destination, PORT));
        sent.is_ok() && input.recv(&mut [0; 8]).is_ok()
    });
}

fn send(output: &UdpSocket, destination: Ipv4Addr, progress: &Progress) -> Option<String> {
    let mut due = Instant::now();
    while !progress.stop_sending.load(Ordering::Relaxed) {
        let number = progress.sent.load(Ordering::Relaxed);
        if let Err(error) = output.send_to(&number.to_be_bytes(), (destination, PORT)) {
            return Some(error.to_string());
        }
        progress.sent.store(number + 1, Ordering::Relaxed);
        due += INTERVAL;
        // The pace of the flow; nobody waits for it.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    None
}

/// How often each datagram came.
fn receive(input: &UdpSocket, progress: &Progress) -> Vec<u8> {
    let mut counts: Vec<u8> = Vec::new();
    let mut bytes = [0; 8];
    while !progress.stop_receiving.load(Ordering::Relaxed) {
        let number = match input.recv(&mut bytes) {
            Ok(8) => u64::from_be_bytes(bytes),
            _ => continue,
        };
        if number == HELLO {
            continue;
        }
        let at = usize::try_from(number).expect("a number of a datagram");
        if counts.len() <= at {
            counts.resize(at + 1, 0);
        }
        counts[at] = counts[at].saturating_add(1);
        progress.received.fetch_add(1, Ordering::Relaxed);
    }
    counts
}

#[test]
fn a_lost_and_a_doubled_datagram_are_counted() {
    assert!(losses(&[1, 1, 1], None).is_none());
    assert!(!losses(&[], None).is_none());
    assert!(!losses(&[1], Some("Network is unreachable".to_string())).is_none());
    let found = losses(&[1, 0, 2, 0], None);
    assert_eq!((found.sent, found.lost_count, found.doubled_count), (4, 2, 1));
    assert_eq!(found.lost, [1, 3]);
}
