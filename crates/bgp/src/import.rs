//! Takes what a neighbour tells into the tables.

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use packet::bgp::{CanonicalWriter, MpReach, MpUnreach, NextHop, PathAttributes, Reading};
use packet::{Prefix, V4, V6};

use crate::decision::Source;
use crate::family::BgpFamily;
use crate::id::{AttributeId, PeerId};
use crate::paths::Path;
use crate::peer::Peer;
use crate::policy::{Draft, PrefixList, RouteMap, Subject, Verdict};
use crate::rib::{Common, FamilyRib, Rib};

/// The lists of a family.
pub trait PolicyFamily: BgpFamily {
    /// `ip prefix-list` or `ipv6 prefix-list`.
    fn prefix_list<'a>(common: &'a Common, name: &str) -> Option<&'a PrefixList<Self>>;
    /// Judges a route.
    fn apply(map: &RouteMap, common: &Common, prefix: &Prefix<Self>, subject: &mut Subject) -> Verdict;
}

impl PolicyFamily for V4 {
    fn prefix_list<'a>(common: &'a Common, name: &str) -> Option<&'a PrefixList<V4>> {
        common.policies.prefix_lists_v4.get(name)
    }
    fn apply(map: &RouteMap, common: &Common, prefix: &Prefix<V4>, subject: &mut Subject) -> Verdict {
        map.apply(
            &common.policies,
            &common.policies.prefix_lists_v4,
            prefix,
            subject,
        )
    }
}

impl PolicyFamily for V6 {
    fn prefix_list<'a>(common: &'a Common, name: &str) -> Option<&'a PrefixList<V6>> {
        common.policies.prefix_lists_v6.get(name)
    }
    fn apply(map: &RouteMap, common: &Common, prefix: &Prefix<V6>, subject: &mut Subject) -> Verdict {
        map.apply(
            &common.policies,
            &common.policies.prefix_lists_v6,
            prefix,
            subject,
        )
    }
}

impl Rib {
    /// Takes a read UPDATE of `peer`. Returns how many prefixes it named.
    pub fn update(&mut self, peer: PeerId, reading: &Reading<'_>) -> usize {
        let mut named = 0;
        let is_wrong = reading.wrong.is_some();
        named += self.v4.withdraw(&self.common, peer, reading.withdrawn);
        match reading.mp_unreach {
            Some(MpUnreach::V4(prefixes)) => named += self.v4.withdraw(&self.common, peer, prefixes),
            Some(MpUnreach::V6(prefixes)) => named += self.v6.withdraw(&self.common, peer, prefixes),
            None => {}
        }
        if !reading.reachable.is_empty() {
            let next_hop = reading.attributes.next_hop;
            let set = (!is_wrong).then_some((&reading.attributes, next_hop));
            named += self.v4.announce(&mut self.common, peer, set, reading.reachable);
        }
        let set = |next_hop| (!is_wrong).then_some((&reading.attributes, Some(next_hop)));
        match reading.mp_reach {
            Some(MpReach::V4(next_hop, prefixes)) => {
                named += self.v4.announce(&mut self.common, peer, set(next_hop), prefixes);
            }
            Some(MpReach::V6(next_hop, prefixes)) => {
                named += self.v6.announce(&mut self.common, peer, set(next_hop), prefixes);
            }
            None => {}
        }
        named
    }

    /// Puts a route of the router itself into BGP (`network`, `redistribute`), or replaces it. `attributes` are in
    /// canonical form, `weight` is 32768 unless a route map says otherwise. Returns whether they are.
    pub fn originate_v4(&mut self, prefix: Prefix<V4>, attributes: &[u8], weight: u16, flags: u16) -> bool {
        self.v4
            .originate(&mut self.common, prefix, attributes, weight, flags)
    }

    /// The same for IPv6.
    pub fn originate_v6(&mut self, prefix: Prefix<V6>, attributes: &[u8], weight: u16, flags: u16) -> bool {
        self.v6
            .originate(&mut self.common, prefix, attributes, weight, flags)
    }

    /// Takes a route of the router itself out again.
    pub fn withdraw_local_v4(&mut self, prefix: Prefix<V4>) {
        self.v4.forget(&self.common, prefix, PeerId::LOCAL);
    }

    /// The same for IPv6.
    pub fn withdraw_local_v6(&mut self, prefix: Prefix<V6>) {
        self.v6.forget(&self.common, prefix, PeerId::LOCAL);
    }
}

impl<F: PolicyFamily> FamilyRib<F> {
    fn withdraw(
        &mut self,
        common: &Common,
        peer: PeerId,
        prefixes: impl Iterator<Item = Prefix<F>>,
    ) -> usize {
        let mut count = 0;
        for prefix in prefixes {
            self.forget(common, prefix, peer);
            count += 1;
        }
        count
    }

    /// `set` is `None` for routes that count as withdrawn.
    fn announce(
        &mut self,
        common: &mut Common,
        peer: PeerId,
        set: Option<(&PathAttributes<'_>, Option<NextHop>)>,
        prefixes: impl Iterator<Item = Prefix<F>>,
    ) -> usize {
        let received = set.and_then(|(attributes, next_hop)| {
            let mut bytes = Vec::with_capacity(128);
            CanonicalWriter::new(&mut bytes).set(attributes, next_hop);
            common.attributes.intern(&bytes)
        });
        let Some(received) = received else {
            return self.withdraw(common, peer, prefixes);
        };
        let generation = common.peer(peer).map_or(0, |known| known.generation);
        let mut count = 0;
        for prefix in prefixes {
            self.admit(common, prefix, peer, received, generation);
            count += 1;
        }
        count
    }

    /// Puts a route that the neighbour told in `generation` through its policy and into the table.
    pub(crate) fn admit(
        &mut self,
        common: &mut Common,
        prefix: Prefix<F>,
        peer: PeerId,
        received: AttributeId,
        generation: u16,
    ) {
        let (accepted, weight) = common.import(peer, received, &prefix);
        if !common.knows_next_hop(accepted) {
            self.undecided.push(prefix);
        }
        let Some(known) = common.peer(peer) else {
            return;
        };
        if !accepted.is_some() && !known.keeps_refused {
            self.forget(common, prefix, peer);
            return;
        }
        let path = Path {
            peer,
            generation,
            weight,
            flags: 0,
            received,
            accepted,
        };
        self.learn(common, prefix, path);
    }

    fn originate(
        &mut self,
        common: &mut Common,
        prefix: Prefix<F>,
        attributes: &[u8],
        weight: u16,
        flags: u16,
    ) -> bool {
        let Some(received) = common.attributes.intern(attributes) else {
            return false;
        };
        let path = Path {
            peer: PeerId::LOCAL,
            generation: 0,
            weight,
            flags,
            received,
            accepted: received,
        };
        self.learn(common, prefix, path);
        true
    }
}

impl Common {
    /// What the neighbour's policy makes of a set, and the weight of its routes.
    fn import<F: PolicyFamily>(
        &mut self,
        id: PeerId,
        received: AttributeId,
        prefix: &Prefix<F>,
    ) -> (AttributeId, u16) {
        let refused = (AttributeId::NONE, 0);
        let Some(peer) = self.peer(id) else {
            return refused;
        };
        if let Some(name) = &peer.prefix_list_in
            && F::prefix_list(self, name).is_some_and(|list| !list.takes(prefix))
        {
            return refused;
        }
        if let Some((key, known)) = self.caches.last_import
            && key == (id, received)
        {
            return known;
        }
        if let Some(known) = self.caches.import.get(&(id, received)).copied() {
            self.caches.last_import = Some(((id, received), known));
            return known;
        }
        if !self.is_acceptable(peer, received) {
            self.caches.import.insert((id, received), refused);
            return refused;
        }
        let weight = peer.weight;
        let Some(map) = peer.route_map_in.as_ref() else {
            self.caches.import.insert((id, received), (received, weight));
            return (received, weight);
        };
        // A route map that does not exist refuses everything.
        let Some(map) = self.policies.route_maps.get(map) else {
            return refused;
        };
        let Some(set) = self.attributes.get(received) else {
            return refused;
        };
        let mut subject = Subject::new(Draft::of(&set.canonical()), weight);
        let is_general = map.is_about_attributes_only();
        let result = match F::apply(map, self, prefix, &mut subject) {
            Verdict::Deny => refused,
            Verdict::Permit => {
                let mut bytes = Vec::with_capacity(128);
                subject.draft.finish(&mut bytes);
                let accepted = self.attributes.intern(&bytes);
                (accepted.unwrap_or(AttributeId::NONE), subject.weight)
            }
        };
        if is_general {
            self.caches.import.insert((id, received), result);
        }
        result
    }

    /// Whether a set has not come back to where it was before (RFC 4271 section 9.1.2, RFC 4456 section 8), and does
    /// not name ourselves as next hop.
    fn is_acceptable(&self, peer: &Peer, received: AttributeId) -> bool {
        let Some(set) = self.attributes.get(received) else {
            return false;
        };
        let attributes = set.canonical().attributes;
        if attributes.path().count(self.as_number) > usize::from(peer.own_as_allowed) {
            return false;
        }
        if peer.source != Source::Internal {
            return true;
        }
        let is_ours = |address: Ipv4Addr| address == self.router_id;
        !attributes.originator_id.is_some_and(is_ours)
            && !attributes.clusters().any(|cluster| cluster == self.cluster_id)
    }
}

/// The attributes of a route of the router itself, in canonical form.
pub fn local_attributes(origin: packet::bgp::Origin, med: Option<u32>, next_hop: Option<NextHop>) -> Vec<u8> {
    let mut draft = Draft::default();
    draft.origin = Some(origin);
    draft.med = med;
    draft.next_hop = next_hop;
    let mut bytes = Vec::new();
    draft.finish(&mut bytes);
    bytes
}
