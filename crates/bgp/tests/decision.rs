//! The decision process, step by step: each case differs in one step, and all steps before it are equal.

use bgp::decision::{Candidate, DecisionRules, Source, decide};
use bgp::{PeerId, Summary};
use packet::Ipv4Addr;
use packet::bgp::{NextHop, Origin};
use proptest::prelude::*;

const SUMMARY: Summary = Summary {
    local_preference: 100,
    path_length: 3,
    origin: Origin::Egp,
    med: Some(10),
    neighbor_as: Some(65001),
    next_hop: Some(NextHop::V4(Ipv4Addr::new(192, 0, 2, 1))),
    originator_id: None,
    cluster_list_length: 1,
};

fn candidate(place: usize, summary: &Summary) -> Candidate<'_> {
    Candidate {
        place,
        peer: PeerId(place as u16 + 1),
        summary,
        weight: 5,
        source: Source::External,
        metric: 20,
        identifier: Ipv4Addr::new(10, 0, 0, 9),
        address: Ipv4Addr::new(10, 0, 1, 9).into(),
    }
}

fn best(candidates: &[Candidate<'_>], rules: &DecisionRules) -> Option<usize> {
    decide(candidates, rules).best
}

#[test]
fn each_step_decides_when_all_before_it_are_equal() {
    let usual = DecisionRules::default();
    let by_id = DecisionRules {
        compare_router_id: true,
        ..usual
    };
    let (a, summary) = (SUMMARY, SUMMARY);
    let base = candidate(0, &a);
    let other = |change: &dyn Fn(&mut Candidate<'_>)| {
        let mut other = candidate(1, &summary);
        change(&mut other);
        best(&[base, other], &usual)
    };
    assert_eq!(other(&|_| {}), Some(0), "the oldest of equal ones");
    assert_eq!(other(&|path| path.weight = 6), Some(1));
    assert_eq!(other(&|path| path.source = Source::Local), Some(1));
    assert_eq!(other(&|path| path.metric = 19), Some(1));
    assert_eq!(other(&|path| path.source = Source::Internal), Some(0));
    let with = |change: &dyn Fn(&mut Summary), rules: &DecisionRules| {
        let mut summary = SUMMARY;
        change(&mut summary);
        best(&[base, candidate(1, &summary)], rules)
    };
    assert_eq!(with(&|set| set.local_preference = 101, &usual), Some(1));
    assert_eq!(with(&|set| set.path_length = 2, &usual), Some(1));
    let ignoring = DecisionRules {
        ignore_as_path: true,
        ..usual
    };
    assert_eq!(with(&|set| set.path_length = 2, &ignoring), Some(0));
    assert_eq!(with(&|set| set.origin = Origin::Igp, &usual), Some(1));
    assert_eq!(with(&|set| set.med = Some(9), &usual), Some(1));
    assert_eq!(
        with(&|set| set.med = None, &usual),
        Some(1),
        "no MED is the lowest"
    );
    let worst = DecisionRules {
        missing_med_is_worst: true,
        ..usual
    };
    assert_eq!(with(&|set| set.med = None, &worst), Some(0));
    let other_as = |set: &mut Summary| {
        set.med = Some(1);
        set.neighbor_as = Some(65002);
    };
    assert_eq!(with(&other_as, &usual), Some(0), "another AS's MED says nothing");
    let always = DecisionRules {
        always_compare_med: true,
        ..usual
    };
    assert_eq!(with(&other_as, &always), Some(1));
    let mut lower = candidate(1, &summary);
    lower.identifier = Ipv4Addr::new(10, 0, 0, 8);
    assert_eq!(best(&[base, lower], &usual), Some(0), "age before identifier");
    assert_eq!(best(&[base, lower], &by_id), Some(1));
    let originator = |set: &mut Summary| set.originator_id = Some(Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(
        with(&originator, &by_id),
        Some(1),
        "the originator's identifier counts"
    );
    assert_eq!(with(&|set| set.cluster_list_length = 0, &by_id), Some(1));
    let mut near = candidate(1, &summary);
    near.address = Ipv4Addr::new(10, 0, 1, 8).into();
    assert_eq!(best(&[base, near], &by_id), Some(1));
    assert_eq!(best(&[], &usual), None);
}

#[test]
fn equal_paths_share_the_load_as_far_as_configured() {
    let summaries: Vec<Summary> = (0..4)
        .map(|number| Summary {
            next_hop: Some(NextHop::V4(Ipv4Addr::new(192, 0, 2, number))),
            ..SUMMARY
        })
        .collect();
    let mut candidates: Vec<_> = (0..4).map(|place| candidate(place, &summaries[place])).collect();
    candidates[3].metric = 21;
    let paths = |maximum_paths_external| {
        let rules = DecisionRules {
            maximum_paths_external,
            ..DecisionRules::default()
        };
        decide(&candidates, &rules).multipath
    };
    assert_eq!(paths(0), []);
    assert_eq!(paths(1), []);
    assert_eq!(paths(2), [1]);
    assert_eq!(paths(8), [1, 2], "the farther one is not equal");
}

proptest! {
    /// MED compares only some pairs; the result must not depend on the order in which paths are looked at.
    #[test]
    fn the_order_of_looking_at_paths_does_not_matter(
        sets in prop::collection::vec((0u32..3, 0u32..3, 0u32..3, 0u32..3), 2..6), rotate in 0usize..6,
    ) {
        let summaries: Vec<Summary> = sets
            .iter()
            .map(|(med, neighbor, _, length)| Summary {
                med: Some(*med),
                neighbor_as: Some(65001 + neighbor),
                path_length: 3 + length / 2,
                ..SUMMARY
            })
            .collect();
        let mut candidates: Vec<_> = (0..sets.len())
            .map(|place| {
                let mut path = candidate(place, &summaries[place]);
                path.metric = sets[place].2;
                path
            })
            .collect();
        let rules = DecisionRules::default();
        let first = decide(&candidates, &rules).best;
        let count = candidates.len();
        candidates.rotate_left(rotate % count);
        prop_assert_eq!(decide(&candidates, &rules).best, first);
    }
}
