//! Bugs on purpose: what a router with such a bug would do to its neighbours is done to them by the world.

use crate::bgp::route::prefix_24;
use crate::options::Plant;
use crate::world::World;
use packet::tcp::Endpoints;
use packet::{ipv4, tcp as segment};

/// One in so many frames to neighbours is touched.
const TOUCHED: u64 = 25;

impl World {
    /// A unit has taken over with what it had.
    pub(crate) fn bgp_taken_over(&mut self) {
        let plant = self.options.plant;
        for index in 0..self.bgp.nodes.len() {
            let now = self.now;
            let neighbor = &mut self.bgp.nodes[index].neighbor;
            match plant {
                Some(Plant::SessionsReset) => neighbor.forge_reset(now),
                Some(Plant::UpdatesRepeated) => neighbor.be_told_again(now),
                Some(Plant::AnnouncementsLost) => neighbor.believe_announced(prefix_24(102, 0, index as u8)),
                _ => return,
            }
            self.bgp_collect(index);
        }
        self.schedule_bgp();
    }

    /// What becomes of a packet on a neighbour's wire; `None`: it is lost. What comes besides is in the second place.
    pub(crate) fn bgp_wire(&mut self, packet: &[u8]) -> (bool, Option<Vec<u8>>) {
        let (rewrites, loses) = match self.options.plant {
            Some(Plant::SegmentsRewritten) => (true, false),
            Some(Plant::NeighborPacketsLost) => (false, true),
            _ => return (true, None),
        };
        self.bgp.packets += 1;
        if !self.bgp.packets.is_multiple_of(TOUCHED) {
            return (true, None);
        }
        let is_datagram = packet.get(9) == Some(&ipv4::Protocol::UDP.0);
        if loses {
            return (!is_datagram, None);
        }
        (true, rewritten(packet).filter(|_| rewrites))
    }
}

/// The segment with its last byte changed, and a checksum that fits.
fn rewritten(packet: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = packet.to_vec();
    let ip = ipv4::Packet::new_checked(&packet).ok()?;
    let endpoints = Endpoints::V4(ip.source(), ip.destination());
    let start = ip.header_len();
    let payload = ip.payload().len();
    let header = segment::Packet::new_checked(ip.payload()).ok()?.header_len();
    if ip.protocol().0 != segment::PROTOCOL || payload == header {
        return None;
    }
    bytes[start + payload - 1] ^= 1;
    let mut view = segment::Packet::new_checked(&mut bytes[start..start + payload]).ok()?;
    view.fill_checksum(endpoints);
    Some(bytes)
}
