//! The world: everything there is, one clock, one order of events.

use crate::arbiter::Arbiter;
use crate::bgp::world::BgpNodes;
use crate::card_node::CardNode;
use crate::checker::{Checker, Coverage, GATE_MAX, settings_of};
use crate::event::{Event, EventQueue};
use crate::host_node::HostNode;
use crate::link::{CardLink, PeerLink};
use crate::operator::Operator;
use crate::options::{Options, Plant};
use crate::poison::Deaths;
use crate::rp_node::{Process, RpNode, WORK_MAX};
use crate::trace::{Trace, TraceLevel};
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, PortId, RpSlot, Seed};
use rp::RpInput;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What kind of wrong a failure is. The exit code of a run tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// The code under test panicked.
    Crash,
    /// Something happened that must never happen.
    Safety,
    /// Something did not happen that must happen.
    Liveness,
    /// Two runs of one seed differ.
    Nondeterminism,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// Which checker found it.
    pub checker: &'static str,
    /// What it found.
    pub text: String,
    /// When, on the world's clock.
    pub at: Instant,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Booting for the first time.
    Boot,
    /// Faults happen.
    Faults,
    /// Everything is mended.
    Healed,
}

/// Runs of this process, for the planted nondeterminism.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// A simulated chassis with its surroundings.
pub struct World {
    pub(crate) now: Instant,
    pub(crate) queue: EventQueue,
    /// Everything that is drawn, in the order of events.
    pub(crate) draws: Seed,
    pub(crate) options: Options,
    pub(crate) rps: [RpNode; 2],
    pub(crate) cards: Vec<CardNode>,
    pub(crate) peer_link: PeerLink,
    pub(crate) card_links: BTreeMap<u64, CardLink>,
    pub(crate) sessions: u64,
    pub(crate) hosts: HostNode,
    pub(crate) bgp: BgpNodes,
    pub(crate) deaths: Deaths,
    pub(crate) arbiter: Arbiter,
    pub(crate) operator: Operator,
    pub(crate) checker: Checker,
    pub(crate) trace: Trace,
    pub(crate) stage: Stage,
    pub(crate) failure: Option<Failure>,
    pub(crate) punts_refused: u64,
    pub(crate) faults_injected: u32,
    pub(crate) switchovers: u32,
    pub(crate) cold_starts: u32,
    pub(crate) steps: u64,
}

/// The port that a host is on.
pub(crate) fn port_of(host: usize, ports_per_card: u8) -> PortId {
    let ports = usize::from(ports_per_card);
    PortId::new((host / ports) as u8, (host % ports) as u8)
}

/// The host that is on a port.
pub(crate) fn host_of(port: PortId, ports_per_card: u8) -> usize {
    usize::from(port.card.0) * usize::from(ports_per_card) + usize::from(port.port)
}

/// Whether the card of this world has this port.
pub(crate) fn port_count(port: PortId, ports_per_card: u8) -> bool {
    port.port < ports_per_card
}

/// The configuration with which the chassis leaves the factory: an address on every port.
fn factory_configuration(options: &Options) -> String {
    let (cards, ports) = (options.cards, options.ports_per_card);
    let mode = if options.boots_in_rpr { "rpr" } else { "sso" };
    let mut text = format!("hostname Router\nredundancy\n mode {mode}\n");
    if options.headless_forwarding_disabled {
        text.push_str(" headless-forwarding disable\n");
    }
    for card in 0..cards {
        for port in 0..ports {
            text.push_str(&format!(
                "interface Ethernet{card}/{port}\n ip address {} 255.255.255.0\n",
                crate::host_node::router_address(PortId::new(card, port))
            ));
        }
    }
    text.push_str(&crate::bgp::world::factory_lines(options));
    text.push_str("end\n");
    text
}

impl World {
    /// A chassis that is about to be switched on.
    pub fn new(seed: u64, options: Options, level: TraceLevel) -> Self {
        let startup = factory_configuration(&options);
        let node = |slot: RpSlot| RpNode::new(slot, Some(startup.clone()), options.drift_ppm[slot.index()]);
        let mut arbiter = Arbiter::default();
        arbiter.plant_grant_twice = false;
        let mut world = Self {
            now: Instant::from_millis(1),
            queue: EventQueue::default(),
            draws: Seed::new(seed ^ 0x686f_6c64_6f76_6572),
            rps: [node(RpSlot::R0), node(RpSlot::R1)],
            cards: (0..options.cards)
                .map(|card| CardNode::new(CardSlot(card)))
                .collect(),
            peer_link: PeerLink::new(options.rp_link),
            card_links: BTreeMap::new(),
            sessions: 0,
            hosts: HostNode::new(options.cards, options.ports_per_card),
            bgp: BgpNodes::new(seed, Instant::from_millis(1), &options),
            deaths: Deaths::default(),
            arbiter,
            operator: Operator::default(),
            checker: Checker::new(&startup),
            trace: Trace::new(level),
            stage: Stage::Boot,
            failure: None,
            punts_refused: 0,
            faults_injected: 0,
            switchovers: 0,
            cold_starts: 0,
            steps: 0,
            options,
        };
        if options.plant == Some(Plant::Nondeterminism) {
            world.draws = Seed::new(seed ^ RUNS.fetch_add(1, Ordering::Relaxed));
        }
        for slot in RpSlot::ALL {
            world.restart_rp(slot);
        }
        for card in 0..options.cards {
            world.restart_card(CardSlot(card));
        }
        world.schedule_bgp();
        world
    }

    /// A moment at most `nanos` nanoseconds from now.
    pub(crate) fn soon(&mut self, nanos: u64) -> Instant {
        self.now + Duration::from_nanos(1_000 + self.draws.below(nanos.max(1)))
    }

    /// A moment from `from` to `until`.
    pub(crate) fn between(&mut self, from: Instant, until: Instant) -> Instant {
        let span = until.saturating_since(from).as_nanos() as u64;
        from + Duration::from_nanos(self.draws.below(span + 1))
    }

    /// The world's clock.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What was found wrong first, if anything.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn fail(&mut self, kind: FailureKind, checker: &'static str, text: String) {
        if self.failure.is_some() {
            return;
        }
        self.trace.note(self.now, "FAIL", kind as u64, || {
            format!("{kind:?}, {checker}: {text}")
        });
        self.failure = Some(Failure {
            kind,
            checker,
            text,
            at: self.now,
        });
    }

    pub(crate) fn fail_safety(&mut self, checker: &'static str, text: String) {
        self.fail(FailureKind::Safety, checker, text);
    }

    /// Lets the next thing happen. Returns false when nothing is left, or something was found wrong.
    pub(crate) fn step(&mut self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let Some((at, event)) = self.queue.pop() else {
            return false;
        };
        debug_assert!(at >= self.now, "time does not go back");
        self.now = at;
        self.steps += 1;
        if let Some(expected) = &self.checker.expected
            && expected.by < at
        {
            let text = format!(
                "{} was ready and did not take over after the active's {}",
                expected.slot, expected.why
            );
            self.fail(FailureKind::Liveness, "takeover", text);
            return false;
        }
        self.dispatch(event);
        true
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::RpStart { slot, ticket } => self.rp_start(slot, ticket),
            Event::RpTurn { slot, ticket } => self.rp_turn(slot, ticket),
            Event::LifeLost { to, life, loss } => {
                if self.is_life(to, life) {
                    self.urgent(to, RpInput::LifeLost(loss));
                }
            }
            Event::Presence { to, life, present } => {
                if self.is_life(to, life) {
                    self.urgent(to, RpInput::PeerPresent(present));
                }
            }
            Event::PeerConnect { ticket } => self.peer_connect(ticket),
            Event::PeerArrive {
                to,
                connection,
                kind,
                body,
            } => self.peer_arrive(to, connection, kind, body),
            Event::PeerHangup { to, connection } => self.peer_hangup(to, connection),
            Event::CardConnect { slot, life, card } => self.card_connect(slot, life, card),
            Event::ToCard {
                link,
                session,
                kind,
                body,
            } => self.arrives_at_card(link, session, kind, &body),
            Event::CardHangup { link } => self.card_hangup(link),
            Event::FromCard { link, kind, body } => self.arrives_from_card(link, kind, &body),
            Event::CardLinkDown { link, why } => self.card_link_down(link, why),
            Event::CardStart { card, ticket } => self.card_start(card, ticket),
            Event::CardExpire { card, ticket } => self.card_expire(card, ticket),
            Event::WireToCard { port, frame } => self.wire_to_card(port, frame),
            Event::WireToHost { host, frame } => {
                self.bgp_receive(host, &frame);
                self.host_receive(host, &frame);
            }
            Event::Fabric { port, frame } => {
                self.card_input(port.card, linecard::CardInput::Fabric { port, frame });
            }
            Event::FabricPeer {
                card,
                about,
                life,
                up,
            } => self.fabric_peer(card, about, life, up),
            Event::HostsExpire { ticket } => self.hosts_expire(ticket),
            Event::BgpExpire { ticket } => self.bgp_expire(ticket),
            Event::NvramDone {
                slot,
                life,
                number,
                text,
                active,
            } => self.nvram_done(slot, life, number, text, active),
            Event::Operator { ticket } => self.operator_acts(ticket),
            Event::Fault(fault) => self.fault(fault),
        }
    }

    fn is_life(&self, slot: RpSlot, life: u64) -> bool {
        self.rps[slot.index()]
            .process
            .as_ref()
            .is_some_and(|process| process.life == life)
    }

    /// Lets the world go on for `duration`.
    pub fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.queue.next_at().is_some_and(|at| at <= until) {
            if !self.step() {
                return;
            }
        }
        self.now = self.now.max(until);
    }

    /// Lets the world go on until `reached`, looking every millisecond, at most for `limit`. Returns whether it was.
    pub fn run_until(&mut self, limit: Duration, mut reached: impl FnMut(&World) -> bool) -> bool {
        let until = self.now + limit;
        while self.failure.is_none() && self.now < until {
            if reached(self) {
                return true;
            }
            self.run_for(Duration::from_millis(1));
        }
        self.failure.is_none() && reached(self)
    }

    pub(crate) fn claim_granted(&mut self, slot: RpSlot, life: u64, epoch: Epoch) {
        if let Err(text) = self.checker.granted(slot, life, epoch) {
            self.fail_safety("one winner", text);
        }
        if self.options.plant == Some(Plant::ArbiterGrantsTwice) && epoch.counter == 1 {
            self.arbiter.plant_grant_twice = true;
        }
    }

    /// A unit has become active: was it allowed to as it did, and does it keep what was promised?
    pub(crate) fn activity_started(
        &mut self,
        slot: RpSlot,
        process: &Process,
        epoch: Epoch,
        frame: FrameNumber,
    ) {
        let cold = frame.0 >> 32 == epoch.counter;
        self.switchovers += u32::from(self.stage != Stage::Boot);
        self.trace
            .note(self.now, self.rps[slot.index()].name, epoch.to_word(), || {
                format!(
                    "is active in {epoch}{}",
                    if cold { ", from its configuration only" } else { "" }
                )
            });
        if self
            .checker
            .expected
            .as_ref()
            .is_some_and(|expected| expected.slot == slot)
        {
            self.checker.expected = None;
        }
        let Some(active) = process.rp.active() else { return };
        let running = active.clients.configuration.tree().running_config();
        match self.checker.coverage {
            // Whoever was in step and is not hot (the progression, or a resync, was under way) starts anew, with the
            // configuration that it has: that is all which was promised.
            Coverage::InStep(of, life) if cold && of == slot && life == process.life => {
                if let Some(missing) = self.checker.promises.check(&running) {
                    self.fail_safety(
                        "acknowledged",
                        format!("{slot} was in step, starts anew, and has lost: {missing}"),
                    );
                }
            }
            Coverage::OutOfStep if !cold => {
                self.fail_safety(
                    "acknowledged",
                    format!("{slot} was out of step and was promoted as it is"),
                );
            }
            _ => {}
        }
        self.checker.coverage = Coverage::OutOfStep;
        self.check_register(slot, cold);
        if cold && !process.seen.in_step {
            self.check_start_from_nvram(slot, &running);
            self.check_saved(slot, &running);
        } else {
            let startup = active.clients.configuration.startup_text().map(String::from);
            self.carry_on_saved(slot, startup.as_deref());
        }
        if cold {
            self.check_forwarding_until_now();
            self.cold_starts += u32::from(self.stage != Stage::Boot);
            self.checker.promises.start_over(&running);
            self.excuse_flows(None, "the router started from its configuration only");
            return;
        }
        self.bgp_taken_over();
        if let Some(missing) = self.checker.promises.check(&running) {
            self.fail_safety(
                "acknowledged",
                format!("lost by the switchover to {slot}: {missing}"),
            );
        }
    }

    /// A unit that has no whole configuration of the active starts from what was saved.
    fn check_start_from_nvram(&mut self, slot: RpSlot, running: &[String]) {
        let nvram = &self.rps[slot.index()].nvram;
        if nvram.failed || nvram.writing > 0 {
            return;
        }
        let saved: Vec<String> = nvram
            .text
            .iter()
            .flat_map(|text| text.lines())
            .map(String::from)
            .collect();
        // What this release does not know it does not start with.
        let known = |lines: &[String]| {
            let mut settings = settings_of(lines);
            settings.retain(|setting, _| !self.options.older_release || !setting.ends_with(" mtu"));
            settings
        };
        if known(&saved) != known(running) {
            self.fail_safety(
                "acknowledged",
                format!("{slot} starts from something else than its NVRAM holds"),
            );
        }
    }

    pub(crate) fn check_bounds(
        &mut self,
        slot: RpSlot,
        gate: usize,
        work: usize,
        peer: usize,
        dirty: usize,
        open_for: Duration,
    ) {
        let timing = self.options.timing;
        let in_step = matches!(self.checker.coverage, Coverage::InStep(..));
        let age_limit = Duration::from_millis(timing.stall_limit_ms + 2 * timing.keepalive_interval_ms + 100);
        let slow = self.rps[slot.index()]
            .process
            .as_ref()
            .is_some_and(|process| process.slow_ns > 0);
        if gate > GATE_MAX {
            self.fail_safety("bounds", format!("{slot} holds {gate} outputs at the gate"));
        } else if work > WORK_MAX + 512 || peer > 20_000 {
            self.fail_safety(
                "bounds",
                format!("{slot} has {work} inputs of cards and {peer} of the peer waiting"),
            );
        } else if in_step && !slow && dirty > 0 && open_for > age_limit {
            self.fail_safety(
                "bounds",
                format!("{slot} has not closed a frame for {open_for:?} with {dirty} dirty rows"),
            );
        }
        let unread = self.peer_link.unread_bytes_max();
        let limit = self.options.rp_link.capacity_bytes + 2 * self.options.turn_bytes_max + 256 * 1024;
        if unread > limit {
            self.fail_safety("bounds", format!("{unread} bytes wait on the RP link"));
        }
    }

    /// From now on packets of flows over `card` (or of all flows) may be lost, until everything is mended.
    pub(crate) fn excuse_flows(&mut self, card: Option<CardSlot>, why: &'static str) {
        if self.stage == Stage::Boot {
            return;
        }
        self.excuse_bgp(card, why);
        for flow in &mut self.hosts.flows {
            if card.is_none_or(|card| flow.cards.contains(&card.0)) {
                flow.excuse = Some(why);
                flow.excused_late = Some(why);
            }
        }
    }
}
