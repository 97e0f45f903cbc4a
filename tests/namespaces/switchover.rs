//! Packets in transit while route processors die and hand over.

use crate::lab::{HOST_A, HOST_B, Lab};
use crate::stream::Transfer;
use crate::tools::{self, Capture, Flows, PATIENCE, Tool, kernel_counter, wait_for, wait_until};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Of each kind of switchover.
const ROUNDS: usize = 10;
/// Echo requests in a round, 1,000 a second.
const PINGS: u64 = 1000;
/// Datagrams of the UDP stream in a round, 1,000 a second.
const DATAGRAMS: u64 = 1000;
const DATAGRAM_LEN: u64 = 200;
const UDP_PORT: u16 = 5201;
/// Answers that may come when `ping` has left already.
const ANSWERS_AFTER_THE_END: u64 = 20;
/// Packets of each stream that have arrived before the switchover.
const UNDER_WAY: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Killed,
    Forced,
}

/// What arrives at host B, as its kernel counts.
struct Arrivals {
    pid: u32,
    echoes: u64,
    datagrams: u64,
    /// Datagrams that have arrived, but found no room in the socket of a tool that was kept from the processor.
    unread: u64,
}

impl Arrivals {
    fn from_now(pid: u32) -> Arrivals {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/snmp")).expect("kernel counters");
        Arrivals {
            pid,
            echoes: kernel_counter(&text, "Icmp", "InEchos"),
            datagrams: kernel_counter(&text, "Udp", "InDatagrams"),
            unread: kernel_counter(&text, "Udp", "RcvbufErrors"),
        }
    }

    fn so_far(&self) -> Arrivals {
        let now = Arrivals::from_now(self.pid);
        Arrivals {
            pid: self.pid,
            echoes: now.echoes - self.echoes,
            datagrams: now.datagrams - self.datagrams,
            unread: now.unread - self.unread,
        }
    }
}

#[test]
fn req_2_ten_kills_and_ten_forced_switchovers_lose_and_duplicate_nothing_in_transit() {
    let Some(_turn) = crate::ready(
        "req_2_ten_kills_and_ten_forced_switchovers_lose_and_duplicate_nothing_in_transit",
        &["ip", "ping", "tcpdump", "iperf3", "socat"],
    ) else {
        return;
    };
    let mut lab = Lab::start("so");
    let captures = [&lab.host_a, &lab.host_b]
        .map(|host| Capture::start(host, 128, &format!("icmp or udp port {UDP_PORT}")));
    let _server = iperf_server(&lab);
    let transfer = Transfer::start(&lab.host_a, &lab.host_b, HOST_B);
    wait_until("the transfer is under way", || transfer.received() > 0);
    let mut done: BTreeMap<Cause, usize> = BTreeMap::new();
    let mut streams = 0;
    while done.len() < 2 || done.values().any(|count| *count < ROUNDS) {
        assert!(
            streams < 4 * ROUNDS as u64,
            "switchovers come too late to be in a stream: {done:?}"
        );
        let cause = if done.get(&Cause::Killed) > done.get(&Cause::Forced) {
            Cause::Forced
        } else {
            Cause::Killed
        };
        streams += 1;
        if round(&mut lab, cause, &transfer) {
            *done.entry(cause).or_default() += 1;
        }
    }
    let bytes = transfer.finish();
    await_echoes(&captures, streams * PINGS);
    let [at_a, at_b] = captures.map(|capture| tools::flows(&capture.finish()));
    let counter = |file: &str, protocol: &str, name: &str| {
        kernel_counter(&lab.host_a.run(&format!("cat /proc/net/{file}")), protocol, name)
    };
    let again = counter("snmp", "Tcp", "RetransSegs");
    let probes = counter("netstat", "TcpExt", "TCPLossProbes");
    let unneeded = counter("netstat", "TcpExt", "TCPDSACKRecv");
    println!(
        "switchovers: {done:?}; one TCP connection through all of them: {bytes} bytes, all correct; \
         host A sent {again} segments again, of which host B had {unneeded} already, and {probes} loss probes"
    );
    compare(&at_a, &at_b, streams);
}

/// One switchover in the middle of two streams. Whether it was in the middle of both.
fn round(lab: &mut Lab, cause: Cause, transfer: &Transfer) -> bool {
    let old = lab.router.wait_for_pair();
    let arrivals = Arrivals::from_now(transfer.receiver_pid());
    let mut ping = Tool::start(&lab.host_a, &format!("ping -q -i 0.001 -c {PINGS} -W 5 {HOST_B}"));
    let rate = DATAGRAMS * DATAGRAM_LEN * 8;
    let mut udp = Tool::start(
        &lab.host_a,
        &format!("iperf3 -J -c {HOST_B} -u -w 200K -l {DATAGRAM_LEN} -b {rate} -k {DATAGRAMS}"),
    );
    wait_until("both streams are under way", || {
        let so_far = arrivals.so_far();
        so_far.echoes >= UNDER_WAY && so_far.datagrams >= UNDER_WAY
    });
    let written = transfer.sent();
    let clock = lab.router.clock(old.peer());
    let began_ns = clock();
    match cause {
        Cause::Killed => lab.router.kill(old),
        Cause::Forced => {
            let said = lab.router.console(old, "enable\nredundancy force-switchover\n\n");
            assert!(said.contains("[confirm]"), "{said}");
        }
    }
    wait_for("the other processor is active", || {
        (lab.router.active() == Some(old.peer())).then_some(())
    });
    let then = arrivals.so_far();
    let in_the_middle = then.echoes < PINGS && then.datagrams < DATAGRAMS;
    if cause == Cause::Forced {
        lab.router.wait_for_end(old);
    }
    lab.router.restart(old);
    wait_until("the TCP transfer goes on", || transfer.received() > written);
    let [ping_report, _] = ping.end();
    let [udp_report, _] = udp.end();
    println!(
        "{cause:?} {old:?}, {}, at echo {}, datagram {}: {}",
        lab.router.phases(old.peer(), began_ns),
        then.echoes,
        then.datagrams,
        report(&ping_report, &udp_report, arrivals.so_far().unread)
    );
    lab.router.wait_for_pair();
    in_the_middle
}

/// Reads what `ping` and `iperf3` have to say, and demands that nothing was lost or doubled on the way to host B, whose
/// kernel had to drop `unread` datagrams itself.
///
/// `ping` waits for its last answers for no longer than two round trips. On a busy machine they may come after it has
/// left: then only the last ones may be missing, and `tcpdump` is to have seen them.
fn report(ping: &str, udp: &str, unread: u64) -> String {
    let line = ping.lines().find(|line| line.contains("packets transmitted"));
    let line = line.unwrap_or_else(|| panic!("ping said {ping}"));
    let received = line
        .strip_prefix(&format!("{PINGS} packets transmitted, "))
        .and_then(|rest| rest.split_once(" received, "))
        .and_then(|(received, rest)| {
            (!rest.contains("errors") && !rest.contains("duplicates")).then_some(received)
        })
        .and_then(|received| received.parse::<u64>().ok());
    assert!(
        received.is_some_and(|received| received <= PINGS && received + ANSWERS_AFTER_THE_END >= PINGS),
        "{line}"
    );
    let udp: serde_json::Value = serde_json::from_str(udp).expect("a report of iperf3");
    let sum = &udp["end"]["sum"];
    let count = |name: &str| sum[name].as_u64().unwrap_or_else(|| panic!("iperf3 said {udp}"));
    let order = &udp["end"]["streams"][0]["udp"]["out_of_order"];
    // It misses those that something comes after: not the ones that found no room behind the last one that it read.
    assert!(count("lost_packets") <= unread, "{unread} found no room: {sum}");
    assert_eq!((count("packets"), order.as_u64()), (DATAGRAMS, Some(0)), "{sum}");
    format!("{line}; UDP {DATAGRAMS} packets, 0 lost on the way, {unread} unread, 0 out of order")
}

/// A server of `iperf3` on host B that listens.
pub fn iperf_server(lab: &Lab) -> Tool {
    let server = Tool::start(&lab.host_b, &format!("iperf3 -s -p {UDP_PORT}"));
    let pid = server.child.id();
    wait_until("iperf3 listens", || {
        let port = format!(":{UDP_PORT:04X} ");
        ["tcp", "tcp6"].iter().any(|family| {
            let sockets = std::fs::read_to_string(format!("/proc/{pid}/net/{family}"));
            sockets.is_ok_and(|sockets| sockets.contains(&port))
        })
    });
    server
}

/// `tcpdump` writes behind what happens: gives it time to see the last answer, but judges nothing.
fn await_echoes(captures: &[Capture; 2], expected: u64) {
    let end = Instant::now() + PATIENCE;
    let complete = |flows: &Flows| {
        [("8", HOST_A), ("0", HOST_B)].iter().all(|(kind, source)| {
            flows
                .get(&format!("icmp type {kind} from {source}"))
                .is_some_and(|packets| packets.len() as u64 >= expected)
        })
    };
    while !captures
        .iter()
        .all(|capture| complete(&tools::flows(&capture.frames())))
        && Instant::now() < end
    {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Compares what left one host with what came to the other.
fn compare(at_a: &Flows, at_b: &Flows, streams: u64) {
    let expected = [
        (format!("icmp type 8 from {HOST_A}"), streams * PINGS),
        (format!("icmp type 0 from {HOST_B}"), streams * PINGS),
        // One datagram more opens each stream in both directions.
        (format!("udp from {HOST_A}"), streams * (DATAGRAMS + 1)),
        (format!("udp from {HOST_B}"), streams),
    ];
    for (flow, least) in &expected {
        let nothing = Vec::new();
        let [a, b] = [at_a, at_b].map(|flows| flows.get(flow).unwrap_or(&nothing));
        let (sent, received) = if flow.ends_with(HOST_A) { (a, b) } else { (b, a) };
        let (lost, duplicated) = difference(sent, received);
        println!(
            "tcpdump: {flow}: {} sent, {} received, {lost} lost, {duplicated} duplicated",
            sent.len(),
            received.len()
        );
        assert_eq!((lost, duplicated), (0, 0), "{flow}");
        assert_eq!(sent, received, "{flow}: the order of packets");
        assert!(sent.len() as u64 >= *least, "{flow}: tcpdump has not seen all");
    }
    for flow in at_a.keys().chain(at_b.keys()) {
        assert!(expected.iter().any(|(name, _)| name == flow), "what is {flow}?");
    }
}

/// Packets that were sent and not received, and packets that were received more often than sent.
fn difference(sent: &[Vec<u8>], received: &[Vec<u8>]) -> (u64, u64) {
    let mut balance: BTreeMap<&[u8], i64> = BTreeMap::new();
    for packet in sent {
        *balance.entry(packet).or_default() += 1;
    }
    for packet in received {
        *balance.entry(packet).or_default() -= 1;
    }
    let sum = |sign: i64| balance.values().map(|count| (count * sign).max(0) as u64).sum();
    (sum(1), sum(-1))
}

#[test]
fn a_lost_and_a_doubled_packet_are_seen() {
    let packet = |byte: u8| vec![byte];
    let sent = [packet(1), packet(2), packet(3), packet(3)];
    assert_eq!(difference(&sent, &sent), (0, 0));
    let received = [packet(1), packet(1), packet(3), packet(3), packet(3)];
    assert_eq!(difference(&sent, &received), (1, 2));
}
