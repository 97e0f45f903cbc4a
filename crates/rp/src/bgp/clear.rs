//! `clear ip bgp`: sessions that an operator ends, and policy that is applied anew.

use super::{BgpOutput, BgpProcess};
use crate::clients::Clients;
use ::bgp::{PeerId, SpeakerInput};
use alloc::string::String;
use alloc::vec::Vec;
use config::bgp::{ClearHow, ClearWhom, Direction};
use core::net::IpAddr;
use machine::{Instant, Machine, Outbox};

impl BgpProcess {
    /// Clears sessions, whose neighbours are told `message` with that; returns how many neighbours that was about. None:
    /// there is no such neighbour.
    pub(crate) fn clear(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        (whom, how): (&ClearWhom, ClearHow),
        message: Option<&str>,
        out: &mut Outbox<BgpOutput>,
    ) -> usize {
        let peers = self.cleared(whom);
        if (whom, how) == (&ClearWhom::All, ClearHow::Hard) {
            self.release_everything(clients);
        }
        for peer in &peers {
            let (is_in, is_out) = match how {
                ClearHow::Hard => {
                    let address = self.peerings.get(peer).map(|peering| peering.address);
                    if let Some(address) = address {
                        self.release(clients, address);
                    }
                    let input = SpeakerInput::Clear {
                        peer: *peer,
                        communication: message.map(String::from),
                    };
                    clients.speaker.handle(now, input, &mut self.from_speaker);
                    continue;
                }
                ClearHow::Soft(None) => (true, true),
                ClearHow::Soft(Some(direction)) => (direction == Direction::In, direction == Direction::Out),
            };
            if is_in {
                let input = SpeakerInput::ClearSoftIn { peer: *peer };
                clients.speaker.handle(now, input, &mut self.from_speaker);
            }
            if is_out {
                let input = SpeakerInput::ClearSoftOut { peer: *peer };
                clients.speaker.handle(now, input, &mut self.from_speaker);
            }
        }
        self.is_busy = true;
        self.settle(now, clients, out);
        peers.len()
    }

    fn cleared(&self, whom: &ClearWhom) -> Vec<PeerId> {
        let settings = self.settings.as_ref();
        let is_meant = |peer: &PeerId| {
            let Some(peering) = self.peerings.get(peer) else {
                return false;
            };
            match whom {
                ClearWhom::All => true,
                ClearWhom::Neighbor(address) => peering.address == IpAddr::V4(*address),
                ClearWhom::As(number) => peering.config.remote_as == *number,
                ClearWhom::External => !peering.config.is_internal(),
                ClearWhom::PeerGroup(name) => settings
                    .and_then(|settings| settings.neighbors.get(&peering.address))
                    .is_some_and(|neighbor| neighbor.peer_group.as_ref() == Some(name)),
            }
        };
        self.peerings.keys().copied().filter(is_meant).collect()
    }
}
