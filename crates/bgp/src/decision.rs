//! Which of several paths is the best (RFC 4271 section 9.1, with the tie-breaks that vendors agree on).
//!
//! | step | the path wins that |
//! | --- | --- |
//! | usable | policy took, and whose next hop can be reached |
//! | weight | has the highest weight |
//! | LOCAL_PREF | has the highest |
//! | local | the router itself originates |
//! | AS_PATH | is shortest (unless `bgp bestpath as-path ignore`) |
//! | ORIGIN | is lowest |
//! | MED | is lowest among those of one neighbouring AS (`always-compare-med`: among all) |
//! | external | comes from another AS |
//! | metric | has the nearest next hop |
//! | *from here on paths are equal enough to share the load* | |
//! | age | is the oldest, of external ones (unless `bgp bestpath compare-routerid`) |
//! | router ID | comes from the lowest identifier, that of the originator for a reflected one |
//! | cluster list | has the shortest |
//! | address | comes from the lowest address |
//!
//! Each step takes out what it finds worse among all that are left, so that the result does not depend on the order in
//! which paths are looked at: that MED compares only some pairs would make it do so otherwise (RFC 4271 section 9.1.2.2).

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use crate::attributes::Summary;
use crate::id::PeerId;

/// Where a path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The router itself.
    Local,
    /// A neighbour in our AS.
    Internal,
    /// A neighbour in another AS of our confederation.
    Confederation,
    /// A neighbour in another AS.
    External,
}

/// One path, as the steps look at it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its place among the paths of the prefix: the lower is older.
    pub place: usize,
    /// Who told it.
    pub peer: PeerId,
    /// Its attributes after policy.
    pub summary: &'a Summary,
    /// Preference within this router.
    pub weight: u16,
    /// Where it comes from.
    pub source: Source,
    /// Cost of the way to its next hop.
    pub metric: u32,
    /// The neighbour's identifier.
    pub identifier: Ipv4Addr,
    /// The neighbour's address.
    pub address: IpAddr,
}

impl Candidate<'_> {
    /// The identifier that counts for a reflected path is its originator's (RFC 4456 section 9).
    fn router_id(&self) -> Ipv4Addr {
        self.summary.originator_id.unwrap_or(self.identifier)
    }
}

/// What of the decision can be configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecisionRules {
    /// `bgp always-compare-med`.
    pub always_compare_med: bool,
    /// `bgp bestpath med missing-as-worst`.
    pub missing_med_is_worst: bool,
    /// `bgp bestpath as-path ignore`.
    pub ignore_as_path: bool,
    /// `bgp bestpath compare-routerid`.
    pub compare_router_id: bool,
    /// `maximum-paths`: external paths that share the load; 0 and 1 are one.
    pub maximum_paths_external: u8,
    /// `maximum-paths ibgp`.
    pub maximum_paths_internal: u8,
    /// `bgp bestpath as-path multipath-relax`: paths of equal length need not lead through the same ASes.
    pub multipath_relax: bool,
}

impl DecisionRules {
    fn med(&self, summary: &Summary) -> u32 {
        let missing = if self.missing_med_is_worst { u32::MAX } else { 0 };
        summary.med.unwrap_or(missing)
    }
}

/// What was decided, as places among the paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The best path.
    pub best: Option<usize>,
    /// Those that share the load with it, without itself.
    pub multipath: Vec<usize>,
}

/// Decides among `candidates`, which are usable.
pub fn decide(candidates: &[Candidate<'_>], rules: &DecisionRules) -> Decision {
    if let [only] = candidates {
        return Decision {
            best: Some(only.place),
            multipath: Vec::new(),
        };
    }
    let mut left: Vec<&Candidate<'_>> = candidates.iter().collect();
    keep_best(&mut left, |path| core::cmp::Reverse(path.weight));
    keep_best(&mut left, |path| {
        core::cmp::Reverse(path.summary.local_preference)
    });
    keep_best(&mut left, |path| path.source != Source::Local);
    if !rules.ignore_as_path {
        keep_best(&mut left, |path| path.summary.path_length);
    }
    keep_best(&mut left, |path| path.summary.origin);
    keep_lowest_med(&mut left, rules);
    keep_best(&mut left, |path| match path.source {
        Source::Local | Source::External => 0,
        Source::Confederation | Source::Internal => 1,
    });
    keep_best(&mut left, |path| path.metric);
    let equal = left.clone();
    if !rules.compare_router_id && left.iter().all(|path| path.source == Source::External) {
        keep_best(&mut left, |path| path.place);
    }
    keep_best(&mut left, |path| path.router_id());
    keep_best(&mut left, |path| path.summary.cluster_list_length);
    keep_best(&mut left, |path| path.address);
    // Nobody tells two paths to one prefix, so the address is the last word.
    keep_best(&mut left, |path| path.place);
    let Some(best) = left.first() else {
        return Decision::default();
    };
    Decision {
        best: Some(best.place),
        multipath: multipath(best, &equal, rules),
    }
}

/// Keeps those with the lowest `rank`.
fn keep_best<K: Ord>(left: &mut Vec<&Candidate<'_>>, rank: impl Fn(&Candidate<'_>) -> K) {
    if left.len() < 2 {
        return;
    }
    if let Some(best) = left.iter().map(|path| rank(path)).min() {
        left.retain(|path| rank(path) == best);
    }
}

fn keep_lowest_med(left: &mut Vec<&Candidate<'_>>, rules: &DecisionRules) {
    if left.len() < 2 {
        return;
    }
    let all = left.clone();
    let comparable = |a: &Candidate<'_>, b: &Candidate<'_>| {
        rules.always_compare_med || a.summary.neighbor_as == b.summary.neighbor_as
    };
    left.retain(|path| {
        let med = rules.med(path.summary);
        !all.iter()
            .any(|other| comparable(path, other) && rules.med(other.summary) < med)
    });
}

fn multipath(best: &Candidate<'_>, equal: &[&Candidate<'_>], rules: &DecisionRules) -> Vec<usize> {
    let most = match best.source {
        Source::External => rules.maximum_paths_external,
        Source::Internal | Source::Confederation => rules.maximum_paths_internal,
        Source::Local => 0,
    };
    let shares = |path: &&&Candidate<'_>| {
        path.place != best.place
            && path.source == best.source
            && path.summary.next_hop != best.summary.next_hop
            && (rules.multipath_relax || path.summary.neighbor_as == best.summary.neighbor_as)
    };
    let others = equal.iter().filter(shares).map(|path| path.place);
    others.take(usize::from(most.saturating_sub(1))).collect()
}
