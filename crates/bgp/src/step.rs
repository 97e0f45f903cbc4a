//! Which session a step is made for, so that a death in the middle of it can be told from others.

use core::net::{IpAddr, Ipv6Addr};
use machine::StepKind;

use crate::id::PeerId;
use crate::paths::Paths;
use crate::rib::Common;

/// A neighbour's session in a [`machine::StepNote`]: its address, IPv4 mapped into IPv6, because the neighbour's number
/// means nothing where the tables are gone.
pub fn step_session(neighbor: IpAddr) -> u128 {
    match neighbor {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Reverse of [`step_session`]; `None` for a step that was made for no neighbour.
pub fn step_neighbor(session: u128) -> Option<IpAddr> {
    (session != 0).then(|| IpAddr::V6(Ipv6Addr::from_bits(session)).to_canonical())
}

impl Common {
    /// A step begins that is made for `peer`; for many when that is nobody who is known.
    pub(crate) fn step(&self, kind: StepKind, peer: PeerId) {
        let known = self.peer(peer).filter(|_| peer != PeerId::LOCAL);
        self.steps
            .begin(kind, known.map_or(0, |known| step_session(known.address)));
    }

    /// A step of many neighbours begins.
    pub(crate) fn common_step(&self, kind: StepKind) {
        self.steps.begin(kind, 0);
    }

    /// The decision among these paths begins. Whose path came last is the one to blame: without it, all others were decided
    /// about before.
    pub(crate) fn step_among(&self, paths: Option<&Paths>) {
        let newest = paths.and_then(|paths| paths.as_slice().last());
        self.step(StepKind::Decide, newest.map_or(PeerId::LOCAL, |path| path.peer));
    }
}
