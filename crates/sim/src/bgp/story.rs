//! One fixed life of all that BGP does, in which the active dies at a chosen turn.

use crate::bgp::operator::POLICY_LINES;
use crate::campaign::{Outcome, run};
use crate::event::Event;
use crate::fault::FaultEvent;
use crate::options::Options;
use crate::trace::TraceLevel;
use crate::world::{FailureKind, Stage, World};
use machine::{Duration, RpSlot};

/// How long the operator may take for a change of policy, over a takeover in the middle of it.
const TYPING_LIMIT: Duration = Duration::from_millis(1_500);

/// How long sessions may take to come up, over a takeover in the middle of it.
const SESSIONS_LIMIT: Duration = Duration::from_secs(20);

/// Where in a turn the active dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// After so many of the turn's outputs were asked for; of what was to be sent some may have left.
    Within(usize),
    /// After all of the turn has left, as far as it came.
    After,
}

/// Turns of the active, counted while a story goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TurnCount {
    counts: bool,
    turns: u64,
    dies: Option<(u64, Death)>,
}

impl World {
    /// A turn of the active in `slot` is over.
    pub(crate) fn active_turn_over(&mut self, slot: RpSlot) {
        let count = &mut self.bgp.turns;
        if !count.counts {
            return;
        }
        count.turns += 1;
        let event = match count.dies {
            Some((turn, Death::After)) if count.turns == turn => FaultEvent::Kill(slot),
            Some((turn, Death::Within(outputs))) if count.turns + 1 == turn => {
                FaultEvent::DieWithin(slot, outputs)
            }
            _ => return,
        };
        count.dies = None;
        self.faults_injected += 1;
        self.queue.add(self.now, Event::Fault(event));
    }

    fn for_ms(&mut self, milliseconds: u64) {
        self.run_for(Duration::from_millis(milliseconds));
    }

    fn each_neighbor(&mut self, act: impl Fn(&mut crate::bgp::world::BgpNode, machine::Instant)) {
        for index in 0..self.bgp.nodes.len() {
            act(&mut self.bgp.nodes[index], self.now);
            self.bgp_collect(index);
        }
        self.schedule_bgp();
    }

    /// Waits until all sessions stand, and all was told that there is to tell.
    fn await_sessions(&mut self) {
        let stand = |world: &World| world.bgp.nodes.iter().all(|node| node.neighbor.is_firm());
        if !self.run_until(SESSIONS_LIMIT, stand) {
            let text = String::from("not all sessions come up");
            self.fail(FailureKind::Liveness, "session", text);
        }
        self.for_ms(15);
    }

    /// The operator changes policy in all directions, and is done with it.
    fn change_policy(&mut self) {
        self.type_lines(POLICY_LINES);
        self.operator_soon(Duration::from_millis(2));
        if !self.run_until(TYPING_LIMIT, |world| world.bgp.lines.done) {
            let text = String::from("the operator cannot change policy");
            self.fail(FailureKind::Liveness, "policy", text);
        }
        self.for_ms(15);
    }

    /// Establishment, feed, withdrawal, refresh, policy, a neighbour's restart and reset; then all is mended and looked at.
    fn bgp_life(&mut self, dies: Option<(u64, Death)>) {
        for node in &mut self.bgp.nodes {
            node.neighbor.unplug();
        }
        if !self.converge(self.heal_limit()) {
            return;
        }
        self.start_traffic();
        self.start_reach();
        self.stage = Stage::Faults;
        self.bgp.turns = TurnCount {
            counts: true,
            turns: 0,
            dies,
        };
        self.each_neighbor(|node, now| node.neighbor.plug_in(now));
        self.await_sessions();
        self.each_neighbor(|node, now| node.script.withdraw(&mut node.neighbor, now));
        self.for_ms(15);
        self.each_neighbor(|node, now| node.neighbor.ask_refresh(now));
        self.for_ms(15);
        self.each_neighbor(|node, now| node.script.announce(&mut node.neighbor, now));
        self.for_ms(15);
        self.change_policy();
        // One restarts, the next one ends its session.
        self.each_neighbor(|node, now| node.neighbor.reset(now, node.number % 2 == 1));
        self.await_sessions();
        self.bgp.turns.counts = false;
        self.heal();
        self.operator.stopped = false;
        self.operator_soon(Duration::from_millis(2));
        if !self.converge(self.heal_limit()) {
            return;
        }
        self.await_passage();
        self.settle_bgp();
        self.check_flows();
        if self.cold_starts > 0 {
            let text = String::from("the standby was hot and did not take over with what it had");
            self.fail(FailureKind::Safety, "session", text);
        }
    }
}

/// Lives through the story with the active dying as told; returns the number of the active's turns in it, and what was
/// found.
pub fn bgp_life(
    seed: u64,
    options: Options,
    dies: Option<(u64, Death)>,
    level: TraceLevel,
) -> (u64, Outcome) {
    let mut turns = 0;
    let outcome = run(seed, options, level, |world| {
        world.bgp_life(dies);
        turns = world.bgp.turns.turns;
    });
    (turns, outcome)
}
