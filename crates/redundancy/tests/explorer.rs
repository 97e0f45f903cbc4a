//! All orders of what can happen to two units, to a bounded depth.
//!
//! The explorer walks the graph of reachable worlds breadth first: messages, hangups, life locks, arbiter answers,
//! timers, deaths, reboots and the operator's wish each come at any moment at which they can. Two checks:
//!
//! - safety: an epoch is acted in by one life of one unit, in every world;
//! - recovery: from every sampled world, once nothing new breaks, both units come back as one active and one hot standby.
//!
//! The proof that the safety check bites is a broken arbiter, which grants an epoch twice.

mod common;

use common::Pair;
use machine::{RpSlot, Seed};
use redundancy::{Input, ManualSwitchover, PeerLoss, RfState};
use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Deliver(RpSlot),
    LearnLoss(RpSlot),
    LearnLinkDown(RpSlot),
    Swap(RpSlot),
    LearnClaim(RpSlot),
    Fire(RpSlot),
    CarryOutKill(RpSlot),
    Crash(RpSlot),
    Boot(RpSlot),
    Connect,
    Force(RpSlot),
    CutLink,
    FallBehind(RpSlot),
    CardSawHigherEpoch(RpSlot),
}

/// A world and what may still go wrong in it.
#[derive(Clone)]
struct World {
    pair: Pair,
    crashes_left: u8,
    boots_left: u8,
    forces_left: u8,
    troubles_left: u8,
    firings_left: [u8; 2],
}

/// Few and far between: each is a moment at which a slow or hung unit may be judged.
fn rare_heartbeats(config: &mut redundancy::RedundancyConfig) {
    config.keepalive_interval_ms = 1_500;
    config.keepalive_limit_ms = 3_000;
    config.history_lines = 0;
}

impl World {
    fn booting() -> World {
        let mut pair = Pair::new();
        pair.boot(RpSlot::R0, rare_heartbeats);
        pair.boot(RpSlot::R1, rare_heartbeats);
        World {
            pair,
            crashes_left: 1,
            boots_left: 1,
            forces_left: 0,
            troubles_left: 1,
            firings_left: [2, 2],
        }
    }

    fn duplex() -> World {
        let mut world = World::booting();
        world.pair.connect();
        world.pair.settle();
        assert_eq!(world.pair.state(RpSlot::R1), RfState::StandbyHot);
        World {
            crashes_left: 2,
            boots_left: 1,
            forces_left: 1,
            firings_left: [3, 3],
            ..world
        }
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.pair.can_connect() {
            steps.push(Step::Connect);
        }
        let troubles = self.troubles_left > 0;
        if troubles && self.pair.link_up {
            steps.push(Step::CutLink);
        }
        for slot in RpSlot::ALL {
            let Some(unit) = &self.pair.units[slot.index()] else {
                let seen = self.pair.units[slot.peer().index()]
                    .as_ref()
                    .is_none_or(|peer| peer.loss_to_learn.is_none() && !peer.link_down_to_learn);
                if self.boots_left > 0 && seen {
                    steps.push(Step::Boot(slot));
                }
                continue;
            };
            let possible = [
                (!unit.inbox.is_empty(), Step::Deliver(slot)),
                (unit.loss_to_learn.is_some(), Step::LearnLoss(slot)),
                (
                    unit.link_down_to_learn && unit.inbox.is_empty(),
                    Step::LearnLinkDown(slot),
                ),
                (unit.claim.is_some(), Step::Swap(slot)),
                (unit.claim_result.is_some(), Step::LearnClaim(slot)),
                (self.firings_left[slot.index()] > 0, Step::Fire(slot)),
                (self.pair.kill_pending[slot.index()], Step::CarryOutKill(slot)),
                (self.crashes_left > 0, Step::Crash(slot)),
                (troubles, Step::FallBehind(slot)),
                (
                    troubles && unit.rf.state().is_active(),
                    Step::CardSawHigherEpoch(slot),
                ),
                (self.forces_left > 0 && self.may_force(slot), Step::Force(slot)),
            ];
            steps.extend(
                possible
                    .into_iter()
                    .filter_map(|(possible, step)| possible.then_some(step)),
            );
        }
        steps
    }

    fn may_force(&self, slot: RpSlot) -> bool {
        let unit = self.pair.unit(slot);
        unit.rf.status(unit.now).manual_switchover == ManualSwitchover::Enabled
    }

    fn take(&mut self, step: Step) {
        self.pair.outputs.clear();
        match step {
            Step::Deliver(slot) => assert!(self.pair.deliver(slot)),
            Step::LearnLoss(slot) => assert!(self.pair.learn_loss(slot)),
            Step::LearnLinkDown(slot) => assert!(self.pair.learn_link_down(slot)),
            Step::Swap(slot) => assert!(self.pair.swap(slot)),
            Step::LearnClaim(slot) => assert!(self.pair.learn_claim(slot)),
            Step::Fire(slot) => {
                self.firings_left[slot.index()] -= 1;
                self.pair.fire(slot);
            }
            Step::CarryOutKill(slot) => self.pair.end(slot, PeerLoss::Killed),
            Step::Crash(slot) => {
                self.crashes_left -= 1;
                self.pair.end(slot, PeerLoss::Killed);
            }
            Step::Boot(slot) => {
                self.boots_left -= 1;
                self.pair.boot(slot, rare_heartbeats);
            }
            Step::Connect => self.pair.connect(),
            Step::Force(slot) => {
                self.forces_left -= 1;
                self.pair.input(slot, Input::ForceSwitchover);
            }
            Step::CutLink => {
                self.troubles_left -= 1;
                self.pair.link_up = false;
                for unit in self.pair.units.iter_mut().flatten() {
                    unit.link_down_to_learn = true;
                }
            }
            Step::FallBehind(slot) => {
                self.troubles_left -= 1;
                self.pair.input(slot, Input::SyncLost);
            }
            Step::CardSawHigherEpoch(slot) => {
                self.troubles_left -= 1;
                let counter = self.pair.word.counter + 3;
                self.pair.input(slot, Input::EpochSeen(counter));
            }
        }
        self.pair.outputs.clear();
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let left = (
            self.crashes_left,
            self.boots_left,
            self.forces_left,
            self.firings_left,
        );
        format!("{:?} {left:?}", self.pair).hash(&mut hasher);
        hasher.finish()
    }

    /// Lets everything that is under way come to its end, restarts what is down, and looks at the pair.
    fn recovers(mut self) -> Result<(), String> {
        for _ in 0..20 {
            self.pair.run_ms(60_000);
            for slot in RpSlot::ALL {
                if self.pair.units[slot.index()].is_none() {
                    self.pair.boot(slot, rare_heartbeats);
                }
            }
            self.pair.settle();
            if self.pair.can_connect() {
                self.pair.connect();
            }
        }
        let states = RpSlot::ALL.map(|slot| self.pair.state(slot));
        let holder = self.pair.word.slot;
        if self.pair.violation.is_some() {
            return Err(format!("{:?}", self.pair.violation));
        }
        let well = states[holder.index()] == RfState::Active
            && states[holder.peer().index()] == RfState::StandbyHot
            && self.pair.unit(holder).rf.epoch() == Some(self.pair.word);
        if well {
            Ok(())
        } else {
            Err(format!("{states:?}, mastership {}", self.pair.word))
        }
    }
}

struct Findings {
    worlds: usize,
    recovered: usize,
    violation: Option<String>,
}

/// Breadth first, so that a violation comes with a shortest path to it.
fn explore(start: World, worlds_max: usize, sample: usize) -> Findings {
    let mut seen = BTreeSet::from([start.fingerprint()]);
    let mut queue = VecDeque::from([(start, Vec::<Step>::new())]);
    let (mut worlds, mut recovered) = (0, 0);
    while let Some((world, path)) = queue.pop_front() {
        worlds += 1;
        if worlds % sample == 0 {
            world
                .clone()
                .recovers()
                .unwrap_or_else(|what| panic!("no recovery after {path:?}: {what}"));
            recovered += 1;
        }
        for step in world.steps() {
            let mut next = world.clone();
            next.take(step);
            let mut path = path.clone();
            path.push(step);
            if let Some(violation) = next.pair.violation.take() {
                return Findings {
                    worlds,
                    recovered,
                    violation: Some(format!("{violation} by {path:?}")),
                };
            }
            if seen.len() < worlds_max && seen.insert(next.fingerprint()) {
                queue.push_back((next, path));
            }
        }
    }
    Findings {
        worlds,
        recovered,
        violation: None,
    }
}

/// One seeded walk: much deeper than breadth first comes, and only one way at each fork.
fn walk(start: &World, seed: u64, steps_max: usize) -> Vec<Step> {
    let mut random = Seed::new(seed);
    let mut world = start.clone();
    let mut path = Vec::new();
    for _ in 0..steps_max {
        let steps = world.steps();
        if steps.is_empty() {
            break;
        }
        let step = steps[random.below(steps.len() as u64) as usize];
        path.push(step);
        world.take(step);
        assert_eq!(world.pair.violation, None, "seed {seed} by {path:?}");
    }
    world
        .recovers()
        .unwrap_or_else(|what| panic!("seed {seed}: no recovery after {path:?}: {what}"));
    path
}

/// How much further than usual to go: HOLDOVER_EXPLORE_FACTOR, 1 without it.
fn factor() -> usize {
    match std::env::var("HOLDOVER_EXPLORE_FACTOR") {
        Ok(text) => text.parse().expect("HOLDOVER_EXPLORE_FACTOR is a number"),
        Err(_) => 1,
    }
}

const WORLDS_MAX: usize = 30_000;
const WALKS: u64 = 2_000;

#[test]
fn no_order_of_events_after_boot_makes_two_actives_in_one_epoch() {
    let findings = explore(World::booting(), WORLDS_MAX * factor(), 13);
    assert_eq!(findings.violation, None);
    assert!(findings.worlds > 10_000, "only {} worlds", findings.worlds);
    assert!(findings.recovered > 500);
}

#[test]
fn no_order_of_events_after_duplex_makes_two_actives_in_one_epoch() {
    let findings = explore(World::duplex(), WORLDS_MAX * factor(), 13);
    assert_eq!(findings.violation, None);
    assert!(findings.worlds > 10_000, "only {} worlds", findings.worlds);
    assert!(findings.recovered > 500);
}

#[test]
fn long_walks_with_many_faults_keep_one_active_per_epoch_and_recover() {
    let start = World {
        crashes_left: 6,
        boots_left: 6,
        forces_left: 3,
        troubles_left: 4,
        firings_left: [30, 30],
        ..World::duplex()
    };
    let mut crashes = 0;
    for seed in 0..WALKS * factor() as u64 {
        let path = walk(&start, seed, 150);
        crashes += path.iter().filter(|step| matches!(step, Step::Crash(_))).count();
    }
    assert!(
        crashes > 2 * WALKS as usize,
        "the walks are too quiet: {crashes} crashes"
    );
}

#[test]
fn the_checker_bites_when_the_arbiter_grants_an_epoch_twice() {
    let mut world = World::booting();
    world.pair.grants_always = true;
    let findings = explore(world, WORLDS_MAX, usize::MAX);
    let violation = findings.violation.expect("two units were granted one epoch");
    assert!(violation.starts_with("epoch 1."), "{violation}");
}

#[test]
fn the_recovery_check_bites_when_the_arbiter_never_answers() {
    let mut world = World::duplex();
    world.clone().recovers().expect("nothing is broken");
    world.pair.never_grants = true;
    world.take(Step::Crash(RpSlot::R0));
    let what = world.recovers().expect_err("nobody can become active");
    assert!(!what.contains("Active,") && what.contains("StandbyHot"), "{what}");
}
