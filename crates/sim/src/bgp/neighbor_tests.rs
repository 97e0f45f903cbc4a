//! Two neighbours against each other: they agree, or one of them is wrong.

use crate::bgp::neighbor::{Neighbor, NeighborConfig, News};
use crate::bgp::options::BgpOptions;
use crate::bgp::script::Script;
use machine::{Duration, Instant, Seed};
use packet::MacAddress;
use std::collections::VecDeque;
use std::net::Ipv4Addr;

const LATENCY: Duration = Duration::from_micros(200);

struct Pair {
    now: Instant,
    ends: [Neighbor; 2],
    wire: VecDeque<(Instant, usize, Vec<u8>)>,
    news: Vec<(usize, News)>,
    /// Every so many frames are lost; 0: none.
    loses: usize,
    frames: usize,
}

impl Pair {
    fn new(graceful: bool) -> Self {
        let end = |number: u8| {
            let other = 1 - number;
            let config = NeighborConfig {
                address: Ipv4Addr::new(10, 0, 0, 1 + number),
                mac: MacAddress([2, 0, 0, 0, 0, number]),
                router: Ipv4Addr::new(10, 0, 0, 1 + other),
                router_mac: MacAddress([2, 0, 0, 0, 0, other]),
                as_number: 65_001 + u32::from(number),
                router_as: 65_001 + u32::from(other),
                hold_time_s: 3,
                graceful,
            };
            Neighbor::new(Instant::from_millis(1), config, Seed::new(7 + u64::from(number)))
        };
        Self {
            now: Instant::from_millis(1),
            ends: [end(0), end(1)],
            wire: VecDeque::new(),
            news: Vec::new(),
            loses: 0,
            frames: 0,
        }
    }

    fn collect(&mut self) {
        for number in 0..2 {
            for frame in std::mem::take(&mut self.ends[number].frames) {
                self.frames += 1;
                if self.loses == 0 || !self.frames.is_multiple_of(self.loses) {
                    self.wire.push_back((self.now + LATENCY, 1 - number, frame));
                }
            }
            let news = std::mem::take(&mut self.ends[number].news);
            self.news.extend(news.into_iter().map(|news| (number, news)));
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            self.collect();
            let arrival = self.wire.front().map(|(at, ..)| *at);
            let deadlines = self.ends.iter().filter_map(Neighbor::next_deadline);
            let Some(next) = deadlines.chain(arrival).min().filter(|at| *at <= until) else {
                break;
            };
            self.now = self.now.max(next);
            if arrival.is_some_and(|at| at <= self.now) {
                let (_, to, frame) = self.wire.pop_front().expect("it was looked at");
                self.ends[to].packet(self.now, &frame[packet::ethernet::HEADER_LEN..]);
            } else {
                for end in &mut self.ends {
                    end.expire(self.now);
                }
            }
        }
        self.now = until;
    }

    fn expect_agreement(&self) {
        for (number, news) in &self.news {
            assert!(!matches!(news, News::Wrong(..)), "{number}: {news:?}");
        }
        assert!(self.ends.iter().all(Neighbor::is_firm), "both are established");
        assert_eq!(self.ends[0].view, self.ends[1].announced);
        assert_eq!(self.ends[1].view, self.ends[0].announced);
        assert!(self.ends.iter().all(|end| !end.has_stale()));
    }

    fn live(&mut self, options: &BgpOptions, steps: u32) {
        let mut scripts =
            [0, 1].map(|number| Script::new(number, options, Seed::new(99 + u64::from(number))));
        for (script, end) in scripts.iter_mut().zip(&mut self.ends) {
            script.begin(end, self.now);
        }
        for _ in 0..steps {
            for (script, end) in scripts.iter_mut().zip(&mut self.ends) {
                script.step(end, self.now);
            }
            self.run(Duration::from_millis(40));
        }
        for end in &mut self.ends {
            end.listen_again(self.now);
        }
        self.run(Duration::from_secs(12));
    }
}

fn options() -> BgpOptions {
    BgpOptions {
        neighbors: 2,
        routes: 200,
        shared_routes: 20,
        ..BgpOptions::default()
    }
}

#[test]
fn two_neighbours_agree_after_a_life_of_changes_and_never_part() {
    let mut pair = Pair::new(false);
    pair.live(&options(), 200);
    pair.expect_agreement();
    assert!(
        pair.ends.iter().all(|end| end.counts.lost == 0),
        "{:?}",
        pair.news
    );
    assert!(pair.ends.iter().all(|end| end.counts.updates > 200));
}

#[test]
fn two_neighbours_agree_when_either_stops_reading_and_packets_are_lost() {
    let mut pair = Pair::new(false);
    pair.loses = 23;
    let deaf = BgpOptions {
        deaf: true,
        ..options()
    };
    pair.live(&deaf, 200);
    pair.expect_agreement();
    assert!(pair.ends.iter().any(|end| end.counts.repeated_segments > 0));
}

#[test]
fn two_neighbours_agree_after_resets_and_restarts() {
    for graceful in [false, true] {
        let mut pair = Pair::new(graceful);
        let resets = BgpOptions {
            resets: true,
            ..options()
        };
        pair.live(&resets, 300);
        pair.expect_agreement();
        assert!(pair.ends.iter().all(|end| end.counts.lost > 2), "{:?}", pair.news);
    }
}
