use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use machine::Instant;
use packet::{InterfaceAddress, MacAddress, V4};

use crate::field::{Field, FieldError, Wires};
use crate::flow::StreamConfig;
use crate::host::{HostConfig, SendStatus};
use crate::meter::FlowReport;

const SETTLE: Duration = Duration::from_secs(1);
const EAST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// One cable between hosts 0 and 1 that can be told to misbehave.
#[derive(Default)]
struct Cable {
    frames: VecDeque<(usize, Vec<u8>)>,
    blocked: bool,
    /// Drops every n-th frame; 0: none.
    drop_every: u64,
    copies: usize,
    offered: u64,
}

impl Wires for Cable {
    fn send(&mut self, host: usize, frame: &[u8]) -> SendStatus {
        if self.blocked {
            return SendStatus::WouldBlock;
        }
        self.offered += 1;
        if self.drop_every == 0 || !self.offered.is_multiple_of(self.drop_every) {
            for _ in 0..=self.copies {
                self.frames.push_back((1 - host, frame.to_vec()));
            }
        }
        SendStatus::Sent
    }
}

struct Bench {
    field: Field,
    cable: Cable,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::from_millis(1_000);
        let mut field = Field::new();
        for (index, name) in ["west", "east"].into_iter().enumerate() {
            let address: InterfaceAddress<V4> =
                InterfaceAddress::new(Ipv4Addr::new(10, 0, 0, 1 + index as u8), 24).expect("a length");
            let mac = MacAddress([2, 0, 0, 0, 0, 1 + index as u8]);
            let config = HostConfig {
                name: String::from(name),
                mac,
                address,
                gateway: None,
            };
            assert_eq!(field.add_host(now, config), Ok(index));
        }
        Self {
            field,
            cable: Cable::default(),
            now,
        }
    }

    /// Lets everything happen that is due within `milliseconds`, at its time.
    fn run(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        loop {
            while let Some((host, frame)) = self.cable.frames.pop_front() {
                self.field.receive(self.now, host, &frame, &mut self.cable);
            }
            match self.field.next_deadline() {
                Some((at, _)) if at <= end => {
                    self.now = self.now.max(at);
                    self.field.expire(self.now, &mut self.cable);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn flow(&mut self, number: u32) -> FlowReport {
        let now = self.now;
        self.field
            .flow_mut(number)
            .expect("the flow")
            .meter()
            .total(now, SETTLE)
    }
}

#[test]
fn a_flow_over_a_good_cable_loses_nothing() {
    let mut bench = Bench::new();
    let flow = bench
        .field
        .start_flow(bench.now, 0, 1, 20_000, 200)
        .expect("room");
    bench.run(1_000);
    let report = bench.flow(flow);
    assert!(report.sent >= 19_900, "sent {}", report.sent);
    assert_eq!(
        (
            report.lost,
            report.duplicated,
            report.reordered,
            report.unexpected
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(report.longest_gap_ns, report.longest_send_gap_ns);
}

#[test]
fn a_bad_cable_shows_in_the_account() {
    let mut bench = Bench::new();
    let flow = bench.field.start_flow(bench.now, 0, 1, 1_000, 200).expect("room");
    bench.run(1_000);
    bench.cable.drop_every = 10;
    bench.run(1_000);
    bench.cable = Cable {
        copies: 1,
        ..Cable::default()
    };
    bench.run(1_000);
    let report = bench.flow(flow);
    assert_eq!((report.sent, report.lost, report.duplicated), (3_001, 100, 1_000));
}

#[test]
fn a_refused_packet_is_sent_later_and_not_counted_before() {
    let mut bench = Bench::new();
    let flow = bench.field.start_flow(bench.now, 0, 1, 1_000, 200).expect("room");
    bench.run(100);
    let before = bench.flow(flow).sent;
    bench.cable.blocked = true;
    bench.run(50);
    assert_eq!(bench.flow(flow).sent, before);
    bench.cable.blocked = false;
    bench.run(50);
    let report = bench.flow(flow);
    assert_eq!(
        (report.sent, report.lost),
        (before + 100, 0),
        "the stall is made good"
    );
    bench.cable.blocked = true;
    bench.run(10_000);
    bench.cable.blocked = false;
    bench.run(0);
    let flow = bench.field.flow_mut(flow).expect("the flow");
    assert!(
        flow.skipped() > 9_800,
        "a long stall is skipped, not sent in one burst: {}",
        flow.skipped()
    );
}

#[test]
fn a_stopped_flow_goes_on_where_it_was() {
    let mut bench = Bench::new();
    let flow = bench.field.start_flow(bench.now, 0, 1, 1_000, 200).expect("room");
    bench.run(100);
    bench.field.flow_mut(flow).expect("the flow").stop();
    let stopped = bench.flow(flow);
    bench.run(5_000);
    assert_eq!(bench.flow(flow).sent, stopped.sent);
    let now = bench.now;
    bench.field.flow_mut(flow).expect("the flow").start(now);
    bench.run(100);
    let report = bench.flow(flow);
    assert_eq!((report.sent, report.lost), (stopped.sent + 101, 0));
    assert!(report.longest_gap_ns < 50_000_000, "the pause is no gap");
}

#[test]
fn a_prober_counts_answers_and_a_dead_host_is_all_loss() {
    let mut bench = Bench::new();
    let config = StreamConfig {
        destination: EAST,
        per_second: 1_000,
        frame_len: 98,
    };
    let prober = bench.field.start_prober(bench.now, 0, config).expect("room");
    bench.run(500);
    let (now, half) = (bench.now, bench.now);
    let report = bench
        .field
        .prober_mut(prober)
        .expect("the prober")
        .meter()
        .total(now, SETTLE);
    assert!(report.probes.sent >= 499);
    assert_eq!(
        (report.probes.lost, report.probes.duplicated, report.late),
        (0, 0, 0)
    );
    bench.cable.drop_every = 1;
    bench.run(100);
    bench.cable.drop_every = 0;
    bench.run(100);
    let now = bench.now;
    let meter = bench.field.prober_mut(prober).expect("the prober").meter();
    let lost = meter.total(now, SETTLE).probes.lost;
    assert_eq!(lost, 100);
    let first = meter.first_reply_after(half + Duration::from_millis(50));
    let fresh = first.fresh.expect("answers came back");
    assert_eq!(fresh.received_ns, (half + Duration::from_millis(101)).as_nanos());
    assert_eq!(first.any, Some(fresh));
}

#[test]
fn packets_of_a_removed_stream_are_strays() {
    let mut bench = Bench::new();
    let flow = bench.field.start_flow(bench.now, 0, 1, 1_000, 200).expect("room");
    bench.run(100);
    let held: Vec<_> = {
        let now = bench.now + Duration::from_millis(1);
        bench.field.expire(now, &mut bench.cable);
        bench.cable.frames.drain(..).collect()
    };
    assert!(!held.is_empty());
    assert!(bench.field.remove_stream(flow));
    assert!(!bench.field.remove_stream(flow));
    for (host, frame) in &held {
        bench.field.receive(bench.now, *host, frame, &mut bench.cable);
    }
    assert_eq!(bench.field.strays(), held.len() as u64);
}

#[test]
fn an_unknown_or_doubled_host_is_an_error_that_names_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.field.host_named("east"), Ok(1));
    let error = bench.field.host_named("north").expect_err("no such host");
    assert_eq!(std::format!("{error}"), "there is no host 'north'");
    let config = bench.field.hosts()[0].config().clone();
    assert_eq!(
        bench.field.add_host(bench.now, config),
        Err(FieldError::HostExists("west".into()))
    );
}
