//! `debug ip bgp updates`: what UPDATEs say, one line for the attributes and one for each prefix.
//!
//! Nothing of it is worked out while nobody watches, and no line is written that there is no room for.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;
use packet::Family;
use packet::bgp::{
    self, AfiSafi, Kind, MpReach, MpUnreach, NextHop, Origin, PathAttributes, Prefixes, Reading, Update,
};

use crate::debug::{DebugTopic, Watch};
use crate::id::PeerId;
use crate::policy::path_text;
use crate::share;
use crate::speaker::Speaker;

impl Speaker {
    /// Fills the stream of `peer` ([`crate::Rib::fill`]), and tells what goes into it to whoever watches UPDATEs.
    pub fn fill(&mut self, peer: PeerId, until: u64, budget: usize) -> usize {
        if !self.watches_updates_of(peer) {
            return self.rib.fill(peer, until, budget);
        }
        let end = |speaker: &Speaker| speaker.rib.common.streams.get(&peer).map(|stream| stream.end);
        let before = end(self);
        let looked_at = self.rib.fill(peer, until, budget);
        if let (Some(from), Some(after)) = (before, end(self)) {
            let mut bytes = alloc::vec![0; usize::try_from(after.saturating_sub(from)).unwrap_or(0)];
            let length = self.rib.transmit(peer, from, &mut bytes);
            self.watch_sent(peer, &bytes[..length]);
        }
        looked_at
    }

    fn watches_updates_of(&self, peer: PeerId) -> bool {
        !self.watch.is_off()
            && self
                .neighbors
                .get(&peer)
                .is_some_and(|neighbor| self.watch.wants(&[DebugTopic::Updates], neighbor.config.address))
    }

    /// An UPDATE of `peer` has been read.
    pub(crate) fn watch_update(&mut self, peer: PeerId, reading: &Reading<'_>) {
        if !self.watches_updates_of(peer) {
            return;
        }
        let Some(neighbor) = self.neighbors.get(&peer).map(|neighbor| neighbor.config.address) else {
            return;
        };
        let way = Way::Received {
            is_withdrawn: reading.wrong.is_some(),
        };
        let watch = &mut self.watch;
        Account { watch, neighbor, way }.update(reading);
    }

    /// These messages go to `peer`.
    fn watch_sent(&mut self, peer: PeerId, messages: &[u8]) {
        let group = self.rib.common.peer(peer).and_then(|known| known.group);
        let key = group.and_then(|group| self.rib.common.groups.get(&group));
        let (Some(context), Some(neighbor)) = (
            key.map(|group| share::context(&group.key)),
            self.neighbors.get(&peer).map(|neighbor| neighbor.config.address),
        ) else {
            return;
        };
        let mut rest = messages;
        while let Ok(Some(message)) = bgp::split(rest, bgp::EXTENDED_MESSAGE_LEN_MAX) {
            rest = &rest[message.bytes.len()..];
            let update = Some(message).filter(|message| message.kind == Kind::Update);
            let update = update.and_then(|message| Update::parse(message.body).ok());
            // They are our own: each of them can be read.
            if let Some(reading) = update.as_ref().and_then(|update| update.read(&context).ok()) {
                let (watch, way) = (&mut self.watch, Way::Sent);
                Account { watch, neighbor, way }.update(&reading);
            }
        }
    }
}

/// Which way an UPDATE goes.
#[derive(Clone, Copy)]
enum Way {
    Received {
        /// Its routes count as withdrawn because of an error.
        is_withdrawn: bool,
    },
    Sent,
}

/// Tells what an UPDATE says. Families are counted as the vendor does: 0 is IPv4 unicast.
struct Account<'a> {
    watch: &'a mut Watch,
    neighbor: IpAddr,
    way: Way,
}

impl Account<'_> {
    fn update(&mut self, reading: &Reading<'_>) {
        self.gone(0, reading.withdrawn);
        match reading.mp_unreach {
            Some(MpUnreach::V4(prefixes)) => self.gone(0, prefixes),
            Some(MpUnreach::V6(prefixes)) => self.gone(1, prefixes),
            None => {}
        }
        let attributes = &reading.attributes;
        if !reading.reachable.is_empty() {
            self.told(0, attributes, attributes.next_hop, reading.reachable);
        }
        match reading.mp_reach {
            Some(MpReach::V4(next_hop, prefixes)) => self.told(0, attributes, Some(next_hop), prefixes),
            Some(MpReach::V6(next_hop, prefixes)) => self.told(1, attributes, Some(next_hop), prefixes),
            None => {}
        }
        if let Some(family) = reading.end_of_rib {
            let (number, neighbor) = (family_number(family), self.neighbor);
            self.watch.tell(|| match self.way {
                Way::Received { .. } => format!("BGP({number}): {neighbor} rcvd End-of-RIB"),
                Way::Sent => format!("BGP({number}): (base) {neighbor} send End-of-RIB"),
            });
        }
    }

    fn gone<F: Family>(&mut self, number: u8, prefixes: Prefixes<'_, F>) {
        let neighbor = self.neighbor;
        for prefix in prefixes {
            self.watch.tell(|| match self.way {
                Way::Received { .. } => {
                    format!("BGP({number}): {neighbor} rcv UPDATE about {prefix} -- withdrawn")
                }
                Way::Sent => format!("BGP({number}): (base) {neighbor} send unreachable (format) {prefix}"),
            });
        }
    }

    fn told<F: Family>(
        &mut self,
        number: u8,
        attributes: &PathAttributes<'_>,
        next_hop: Option<NextHop>,
        prefixes: Prefixes<'_, F>,
    ) {
        let neighbor = self.neighbor;
        match self.way {
            Way::Received { is_withdrawn: true } => self.gone(number, prefixes),
            Way::Received { is_withdrawn: false } => {
                self.watch.tell(|| {
                    let attributes = attribute_text(attributes, next_hop);
                    format!("BGP({number}): {neighbor} rcvd UPDATE w/ attr: {attributes}")
                });
                for prefix in prefixes {
                    self.watch
                        .tell(|| format!("BGP({number}): {neighbor} rcvd {prefix}"));
                }
            }
            Way::Sent => {
                for prefix in prefixes {
                    self.watch.tell(|| {
                        let text = told_text(attributes, next_hop);
                        format!("BGP({number}): (base) {neighbor} send UPDATE (format) {prefix}, {text}")
                    });
                }
            }
        }
    }
}

const fn family_number(family: AfiSafi) -> u8 {
    match family {
        AfiSafi::IPV6_UNICAST => 1,
        _ => 0,
    }
}

fn next_hop_text(next_hop: Option<NextHop>) -> String {
    match next_hop {
        Some(NextHop::V4(address)) => address.to_string(),
        Some(NextHop::V6 { global, .. }) => global.to_string(),
        None => String::from("0.0.0.0"),
    }
}

/// The attributes of a route that was told to us.
fn attribute_text(attributes: &PathAttributes<'_>, next_hop: Option<NextHop>) -> String {
    let origin = match attributes.origin {
        Some(Origin::Igp) => 'i',
        Some(Origin::Egp) => 'e',
        Some(Origin::Incomplete) | None => '?',
    };
    let mut text = format!("nexthop {}, origin {origin}", next_hop_text(next_hop));
    // Writing to a text cannot fail.
    if let Some(preference) = attributes.local_preference {
        let _ = write!(text, ", localpref {preference}");
    }
    if let Some(metric) = attributes.multi_exit_discriminator {
        let _ = write!(text, ", metric {metric}");
    }
    if let Some(originator) = attributes.originator_id {
        let _ = write!(text, ", originator {originator}");
    }
    let clusters: Vec<String> = attributes.clusters().map(|cluster| cluster.to_string()).collect();
    if !clusters.is_empty() {
        let _ = write!(text, ", clusterlist {}", clusters.join(" "));
    }
    let _ = write!(text, ", path {}", path_text(&attributes.path()));
    text.truncate(text.trim_end().len());
    text
}

/// The attributes of a route that we tell.
fn told_text(attributes: &PathAttributes<'_>, next_hop: Option<NextHop>) -> String {
    let path = match path_text(&attributes.path()) {
        path if path.is_empty() => String::from("Local"),
        path => path,
    };
    format!(
        "next {}, metric {}, path {path}",
        next_hop_text(next_hop),
        attributes.multi_exit_discriminator.unwrap_or(0)
    )
}
