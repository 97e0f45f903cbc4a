//! `debug ip bgp`: what happens, told line by line to whoever asked. Conditions and lines are lost at a switchover, as
//! the vendor's are: they are about this route processor's work, and whoever watches can ask again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use packet::bgp::Kind;

use crate::id::PeerId;
use crate::speaker::Speaker;

/// Most lines that wait to be taken; what comes beyond is counted.
const LINES_MAX: usize = 256;

/// What can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DebugTopic {
    /// Sessions: changes of state, OPENs, NOTIFICATIONs.
    Sessions,
    /// Changes of state.
    Events,
    /// KEEPALIVEs.
    Keepalives,
    /// UPDATEs, both ways.
    Updates,
}

impl DebugTopic {
    /// All of them.
    pub const ALL: [DebugTopic; 4] = [
        DebugTopic::Sessions,
        DebugTopic::Events,
        DebugTopic::Keepalives,
        DebugTopic::Updates,
    ];

    /// That it is watched, or not any more, in the vendor's words.
    pub fn state(self, neighbor: Option<IpAddr>, on: bool) -> String {
        let name = match self {
            DebugTopic::Sessions => "BGP",
            DebugTopic::Events => "BGP events",
            DebugTopic::Keepalives => "BGP keepalives",
            DebugTopic::Updates => "BGP updates",
        };
        let state = if on { "on" } else { "off" };
        let of = neighbor.map_or(String::new(), |neighbor| format!(" for neighbor {neighbor}"));
        match self {
            DebugTopic::Sessions | DebugTopic::Updates => {
                format!("{name} debugging is {state}{of} for address family: IPv4 Unicast")
            }
            DebugTopic::Events | DebugTopic::Keepalives => format!("{name} debugging is {state}{of}"),
        }
    }
}

/// What is watched, and what was seen since that was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// By topic: of whom; `None`: of everybody.
    topics: BTreeMap<DebugTopic, BTreeSet<Option<IpAddr>>>,
    lines: Vec<String>,
    left_out: u64,
}

impl Watch {
    /// Whether nobody watches anything.
    pub(crate) fn is_off(&self) -> bool {
        self.topics.is_empty()
    }

    pub(crate) fn wants(&self, topics: &[DebugTopic], neighbor: IpAddr) -> bool {
        let of = |topic| self.topics.get(topic);
        topics
            .iter()
            .filter_map(of)
            .any(|whom| whom.contains(&None) || whom.contains(&Some(neighbor)))
    }

    /// Keeps a line, which is not made when there is no room for it.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        match self.lines.len() < LINES_MAX {
            true => self.lines.push(line()),
            false => self.left_out += 1,
        }
    }
}

impl Speaker {
    /// `debug ip bgp`, of one neighbour or of all; or the end of it.
    pub fn set_debug(&mut self, topic: DebugTopic, neighbor: Option<IpAddr>, on: bool) {
        let whom = self.watch.topics.entry(topic).or_default();
        match on {
            true => drop(whom.insert(neighbor)),
            // Nobody in particular: everybody.
            false if neighbor.is_none() => whom.clear(),
            false => drop(whom.remove(&neighbor)),
        }
        if whom.is_empty() {
            self.watch.topics.remove(&topic);
        }
    }

    /// What is watched.
    pub fn debugged(&self) -> impl Iterator<Item = (DebugTopic, Option<IpAddr>)> + '_ {
        let topics = self.watch.topics.iter();
        topics.flat_map(|(topic, whom)| whom.iter().map(|neighbor| (*topic, *neighbor)))
    }

    /// What was seen since this was asked last, at most a bounded number of lines.
    pub fn take_debug_lines(&mut self) -> Vec<String> {
        let left_out = core::mem::take(&mut self.watch.left_out);
        let mut lines = core::mem::take(&mut self.watch.lines);
        if left_out > 0 {
            lines.push(format!("BGP: {left_out} lines of debugging left out"));
        }
        lines
    }

    /// Tells a line about a neighbour to whoever watches one of these.
    pub(crate) fn watched(
        &mut self,
        peer: PeerId,
        topics: &[DebugTopic],
        line: impl FnOnce(IpAddr) -> String,
    ) {
        if self.watch.topics.is_empty() {
            return;
        }
        let Some(address) = self.neighbors.get(&peer).map(|neighbor| neighbor.config.address) else {
            return;
        };
        if self.watch.wants(topics, address) {
            self.watch.tell(|| line(address));
        }
    }

    /// A message was received.
    pub(crate) fn watch_received(&mut self, peer: PeerId, kind: Kind, body_length: usize) {
        let (topic, name) = match kind {
            Kind::Open => (DebugTopic::Sessions, "OPEN"),
            Kind::Notification => (DebugTopic::Sessions, "NOTIFICATION"),
            Kind::RouteRefresh => (DebugTopic::Sessions, "ROUTE-REFRESH"),
            Kind::Keepalive => (DebugTopic::Keepalives, "KEEPALIVE"),
            // Its attributes and prefixes are told when it has been read.
            Kind::Update => return,
        };
        self.watched(peer, &[topic], |neighbor| {
            format!(
                "BGP: {neighbor} rcv message type {} ({name}), length (excl. header) {body_length}",
                kind as u8
            )
        });
    }
}
