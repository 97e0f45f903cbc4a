//! Stories: what an engineer would do to a chassis on a bench, in the same words.
//!
//! ```
//! use sim::{FaultKind, Options, World};
//!
//! World::story(7, Options::default())
//!     .boot()
//!     .until_hot()
//!     .inject_and_wait(FaultKind::CrashActive, 300)
//!     .until_hot()
//!     .expect_no_loss();
//! ```

use crate::fault::FaultKind;
use crate::options::Options;
use crate::saved::calls_standby_ready;
use crate::trace::TraceLevel;
use crate::world::{FailureKind, Stage, World};
use chassis::downloaded_digest;
use checkpoint::{PeerSync, RowWriter, Tables, total_digest};
use machine::{Duration, RpSlot};
use redundancy::RfState;

/// How long the pair may take to be in step again once everything is mended.
const HEAL_LIMIT_WITHOUT_BGP: Duration = Duration::from_secs(12);
/// The same where BGP is waited for: cards keep what they have until all neighbours have told theirs again, and one that
/// has not noticed the restart does so only when it has to say something.
const HEAL_LIMIT_WITH_BGP: Duration = Duration::from_secs(180);
/// How often half a second is waited for an NVRAM that is tried again; the longest pause is a minute.
const NVRAM_WAITS_MAX: u32 = 140;
/// How long packets that are on their way may take.
const SETTLE: Duration = Duration::from_millis(30);

impl World {
    /// A world whose trace is kept for a failing test's message.
    pub fn story(seed: u64, options: Options) -> World {
        World::new(seed, options, TraceLevel::Tail)
    }

    /// Switches the chassis on and lets both RPs settle who is active.
    pub fn boot(mut self) -> World {
        let active = self.run_until(Duration::from_secs(4), |world| {
            RpSlot::ALL
                .iter()
                .any(|slot| world.rps[slot.index()].state() == RfState::Active)
        });
        if !active {
            self.fail(
                FailureKind::Liveness,
                "boot",
                String::from("nobody became active"),
            );
        }
        self.assert_well()
    }

    /// Waits until the pair is in step, cards included, and starts the streams of packets if they do not run yet.
    pub fn until_hot(mut self) -> World {
        self.converge(self.heal_limit());
        if self.hosts.flows.is_empty() {
            self.start_traffic();
        }
        self.assert_well()
    }

    /// Lets a fault happen and the world go on for so many milliseconds.
    pub fn inject_and_wait(mut self, kind: FaultKind, milliseconds: u64) -> World {
        self.stage = Stage::Faults;
        self.inject(kind);
        self.run_for(Duration::from_millis(milliseconds));
        self.assert_well()
    }

    /// Kills the active's process.
    pub fn kill_active(self) -> World {
        self.inject_and_wait(FaultKind::CrashActive, 60)
    }

    /// Kills the standby's process.
    pub fn kill_standby(self) -> World {
        self.inject_and_wait(FaultKind::CrashStandby, 60)
    }

    /// Goes on for so many milliseconds.
    pub fn wait(mut self, milliseconds: u64) -> World {
        self.run_for(Duration::from_millis(milliseconds));
        self.assert_well()
    }

    /// The operator begins to type.
    pub fn operator_types(mut self) -> World {
        self.operator_soon(Duration::from_millis(5));
        self
    }

    /// The standby starts anew, and the active dies before it is ready again.
    pub fn lose_active_before_standby_is_ready(mut self) -> World {
        self.stage = Stage::Faults;
        self.inject(FaultKind::CrashStandby);
        let before = self.now;
        let starts = |world: &World| {
            let standby = world.active().map(RpSlot::peer);
            standby.is_some_and(|slot| {
                let state = world.rps[slot.index()].state();
                state.is_standby() && state != RfState::StandbyHot && world.now > before
            })
        };
        assert!(self.run_until(self.heal_limit(), starts), "{}", self.tail());
        self.inject(FaultKind::CrashActive);
        self.run_for(Duration::from_millis(5));
        self.assert_well()
    }

    /// Expects that every card is in the life of this number.
    pub fn expect_cards_in_life(self, life: u64) -> World {
        for node in &self.cards {
            assert_eq!(node.life, life, "card {}\n{}", node.slot, self.tail());
        }
        self
    }

    /// Mends everything.
    pub fn mend(mut self) -> World {
        self.heal();
        self
    }

    /// The slot that is active now; one that was superseded and does not know it is not.
    pub fn active(&self) -> Option<RpSlot> {
        self.active_slot()
    }

    /// Expects the RP in `slot` to be active.
    pub fn expect_active(self, slot: RpSlot) -> World {
        assert_eq!(self.active(), Some(slot), "{}", self.tail());
        self
    }

    /// Expects this many starts from a configuration since the first boot.
    pub fn expect_cold_starts(self, cold_starts: u32) -> World {
        assert_eq!(self.cold_starts, cold_starts, "{}", self.tail());
        self
    }

    /// Expects that commands were acknowledged to the operator.
    pub fn expect_commands(self) -> World {
        assert!(self.checker.promises.acknowledged > 0, "{}", self.tail());
        self
    }

    /// Stops the streams and expects every packet to have arrived once.
    pub fn expect_no_loss(mut self) -> World {
        self.check_flows();
        self.assert_well()
    }

    fn assert_well(self) -> World {
        let planted = self.options.plant.is_some();
        if let Some(failure) = self.failure.as_ref().filter(|_| !planted) {
            panic!("{failure:?}\n{}", self.tail());
        }
        self
    }

    fn tail(&self) -> String {
        self.trace.lines().map(|line| format!("{line}\n")).collect()
    }

    /// Starts all streams and waits until their first packets have found their way.
    pub(crate) fn start_traffic(&mut self) {
        self.start_streams();
        let started = self.run_until(Duration::from_secs(2), |world| {
            world
                .hosts
                .field
                .flows()
                .all(|(_, _, _, flow)| flow.meter().total(world.now, SETTLE).received > 0)
        });
        if !started {
            self.fail(
                FailureKind::Liveness,
                "flows",
                String::from("a stream never got through"),
            );
        }
        self.run_for(Duration::from_millis(10));
        self.begin_flow_interval();
    }

    /// Waits until every stream gets through, as it must on a chassis in step. An excused one may have to wait for its
    /// neighbours to be found anew.
    pub(crate) fn await_passage(&mut self) {
        let received = |world: &World| -> Vec<u64> {
            let flows = world.hosts.field.flows();
            flows
                .map(|(_, _, _, flow)| flow.meter().total(world.now, SETTLE).received)
                .collect()
        };
        let before = received(self);
        let passes = self.run_until(Duration::from_secs(4), |world| {
            received(world)
                .iter()
                .zip(&before)
                .all(|(now, before)| now > before)
        });
        if !passes {
            self.fail(
                FailureKind::Liveness,
                "flows",
                String::from("a stream does not get through any more"),
            );
        }
    }

    /// From here on nothing is excused.
    pub(crate) fn begin_flow_interval(&mut self) {
        let now = self.now;
        for state in &mut self.hosts.flows {
            state.excuse = None;
            if let Some(flow) = self.hosts.field.flow_mut(state.number) {
                flow.meter_mut().begin_interval(now);
            }
        }
    }

    /// Stops the streams and looks at every packet since the last interval began.
    pub(crate) fn check_flows(&mut self) {
        for state in &self.hosts.flows {
            if let Some(flow) = self.hosts.field.flow_mut(state.number) {
                flow.stop();
            }
        }
        self.run_for(SETTLE);
        // What happened meanwhile (somebody who was to be killed has died) is felt in the next interval too.
        let states = self.hosts.flows.clone();
        for state in &states {
            self.check_flow(state);
        }
        let now = self.now;
        for state in &states {
            if let Some(flow) = self.hosts.field.flow_mut(state.number) {
                flow.start(now);
            }
        }
        self.begin_flow_interval();
        for state in &mut self.hosts.flows {
            state.excuse = state.excused_late;
        }
        self.schedule_hosts();
    }

    fn check_flow(&mut self, state: &crate::host_node::FlowState) {
        let Some(flow) = self.hosts.field.flow_mut(state.number) else {
            return;
        };
        let meter = flow.meter();
        let report = meter.report(self.now, meter.current_interval(), SETTLE);
        let Some(report) = report else { return };
        if report.duplicated > 0 && state.excuse.is_none() {
            self.fail_safety(
                "flows",
                format!("stream {}: {report:?} has duplicates", state.number),
            );
        } else if report.lost > 0 && state.excuse.is_none() {
            self.fail_safety("flows", format!("stream {}: {report:?} has losses", state.number));
        }
    }

    /// How long the pair may take to be in step again once everything is mended.
    pub(crate) fn heal_limit(&self) -> Duration {
        match self.options.bgp.exists() {
            true => HEAL_LIMIT_WITH_BGP,
            false => HEAL_LIMIT_WITHOUT_BGP,
        }
    }

    /// Waits until the pair is in step, with cards, frames and digests.
    pub(crate) fn converge(&mut self, limit: Duration) -> bool {
        let until = self.now + limit;
        while self.failure.is_none() {
            match self.missing() {
                None => {
                    for state in &mut self.hosts.flows {
                        state.excused_late = None;
                    }
                    self.compare_rows();
                    return self.failure.is_none();
                }
                Some(what) if self.now >= until => {
                    self.fail(FailureKind::Liveness, "convergence", what);
                }
                Some(_) => {
                    self.reload_for_register();
                    let step = Duration::from_micros(1_500 + self.draws.below(2_000));
                    self.run_for(step);
                }
            }
        }
        false
    }

    /// What still keeps the chassis from being in step.
    fn missing(&self) -> Option<String> {
        let actives: Vec<RpSlot> = RpSlot::ALL
            .into_iter()
            .filter(|slot| self.rps[slot.index()].is_active())
            .collect();
        let [slot] = actives[..] else {
            return Some(format!("{} units are active", actives.len()));
        };
        let process = self.rps[slot.index()].process.as_ref()?;
        let active = process.rp.active()?;
        let states = [slot, slot.peer()].map(|slot| self.rps[slot.index()].state());
        let rpr = active.clients.configuration.tree().redundancy_mode() == config::RedundancyMode::Rpr;
        let rest = if rpr {
            RfState::StandbyCold
        } else {
            RfState::StandbyHot
        };
        if states != [RfState::Active, rest] {
            return Some(format!("the states are {} and {}", states[0], states[1]));
        }
        if rpr {
            let rests = calls_standby_ready(process, process.clock.local(self.now));
            let missing = (!rests).then(|| String::from("the standby does not rest in RPR yet"));
            return missing.or_else(|| self.missing_cards(active));
        }
        if *active.peer_sync() != PeerSync::InStep {
            return Some(format!("the standby is in {:?}", active.peer_sync()));
        }
        let peer = self.rps[slot.peer().index()].process.as_ref()?;
        let standby = peer.rp.standby()?;
        let (closed, acknowledged, gate) = active.frames();
        let dirty = active.clients.dirty_rows();
        if closed != acknowledged || standby.committed() != closed || gate > 0 || dirty > 0 {
            return Some(format!(
                "frame {closed} is closed, {acknowledged} acknowledged, {} committed, {gate} outputs wait, {dirty} rows are dirty",
                standby.committed()
            ));
        }
        if active.clients.rib.has_pending() || active.clients.generator.has_pending() {
            return Some(String::from("routes are still being computed"));
        }
        let digests = [
            total_digest(&active.clients, |_| true),
            total_digest(standby.clients(), |_| true),
        ];
        if digests[0] != digests[1] {
            return Some(format!("digests are {:016x} and {:016x}", digests[0], digests[1]));
        }
        self.missing_cards(active)
    }

    fn missing_cards(&self, active: &rp::Active) -> Option<String> {
        let digest = downloaded_digest(&active.clients);
        for node in &self.cards {
            let Some(card) = &node.card else {
                return Some(format!("card {} is not there", node.slot));
            };
            if card.is_headless() || card.epoch() != active.epoch() {
                return Some(format!(
                    "card {} obeys {} and not {}",
                    node.slot,
                    card.epoch(),
                    active.epoch()
                ));
            }
            if card.digest() != digest {
                return Some(format!(
                    "card {} has {:016x}, the active {digest:016x}",
                    node.slot,
                    card.digest()
                ));
            }
        }
        None
    }

    /// Row by row, whatever the digests say: what the pair and the cards really hold.
    pub(crate) fn compare_rows(&mut self) {
        let Some(slot) = self.active() else { return };
        let (Some(ours), Some(theirs)) = (
            &self.rps[slot.index()].process,
            &self.rps[slot.peer().index()].process,
        ) else {
            return;
        };
        let (Some(active), Some(standby)) = (ours.rp.active(), theirs.rp.standby()) else {
            return;
        };
        if self.rps[slot.peer().index()].state() == RfState::StandbyCold {
            // In RPR it holds nothing.
            return;
        }
        let mut difference = None;
        for id in active.clients.order() {
            let rows = |tables: &dyn Tables| {
                let mut rows = RowWriter::new();
                if let Some(table) = tables.table(*id) {
                    table.walk(None, usize::MAX, &mut rows);
                }
                rows.take()
            };
            if rows(&active.clients) != rows(standby.clients()) {
                difference = Some(format!("rows of table {} differ between the RPs", id.0));
            }
        }
        let trees = [
            active.clients.configuration.tree().running_config(),
            standby.clients().configuration.tree().running_config(),
        ];
        if trees[0] != trees[1] {
            difference = Some(String::from("the running configurations of the RPs differ"));
        }
        let ports = active.clients.port_configurations.len();
        for card in self.cards.iter().filter_map(|node| node.card.as_ref()) {
            if card.tables().ports.len() != ports {
                let held = card.tables().ports.len();
                difference = Some(format!("card {} holds {held} of {ports} ports", card.slot()));
            }
        }
        if let Some(difference) = difference {
            self.fail_safety("digests", difference);
        }
    }

    /// Both NVRAMs hold what was saved, whatever went wrong with them before: a write that failed is tried again.
    pub(crate) fn check_nvram(&mut self) {
        if self.checker.saves == 0 {
            return;
        }
        for _ in 0..NVRAM_WAITS_MAX {
            let settled = |node: &crate::rp_node::RpNode| {
                let settled = |process: &crate::rp_node::Process| process.rp.startup_is_settled();
                node.nvram.writing == 0 && node.process.as_ref().is_some_and(settled)
            };
            // A unit that was to be killed may die only now: its next life is told anew on its way into step.
            let settled = self.rps.iter().all(settled) && self.missing().is_none();
            if self.failure.is_some() || settled {
                break;
            }
            self.run_for(Duration::from_millis(500));
        }
        let Some(slot) = self.active() else { return };
        let startup = self.rps[slot.index()]
            .process
            .as_ref()
            .and_then(|process| process.rp.active())
            .and_then(|active| active.clients.configuration.startup_text().map(String::from));
        for node in [0, 1] {
            if self.rps[node].nvram.text != startup {
                let text = format!(
                    "the NVRAM of {} does not hold the saved configuration",
                    self.rps[node].slot
                );
                return self.fail_safety("acknowledged", text);
            }
        }
    }

    /// Expects that every stream gets through, whatever was lost before; from here on nothing is excused.
    pub fn expect_traffic_passes(mut self) -> World {
        self.await_passage();
        self.begin_flow_interval();
        self.assert_well()
    }

    /// Expects that the active has all that the operator was told is done.
    pub fn expect_promises_kept(mut self) -> World {
        self.check_promises();
        self.assert_well()
    }

    /// The operator finishes the command under way and types nothing more.
    pub fn operator_stops(mut self) -> World {
        self.operator.stopped = true;
        self
    }

    /// Both NVRAMs at the end of a story.
    pub fn expect_saved_on_both(mut self) -> World {
        self.check_nvram();
        self.assert_well()
    }
}

impl World {
    /// A hot standby runs what the active ran at that frame. What it withholds its acknowledgement for is not agreed
    /// upon yet.
    pub(crate) fn check_configuration(&mut self, slot: RpSlot, process: &crate::rp_node::Process) {
        let hot = process.rp.facility().state() == RfState::StandbyHot;
        let Some(standby) = process
            .rp
            .standby()
            .filter(|standby| hot && standby.in_step() && !standby.withholds())
        else {
            return;
        };
        let (frame, tree) = (
            standby.committed(),
            standby.clients().configuration.tree().digest(),
        );
        if let Some(difference) = self.checker.configuration_of(slot, frame, tree) {
            self.fail_safety("configuration", difference);
        }
    }
}
