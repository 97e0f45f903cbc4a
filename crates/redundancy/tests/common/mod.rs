//! Two facilities, an arbiter and a link, driven by hand or by virtual time.
//!
//! The pair does what the route processor does with outputs, and nothing else: clients answer at once, the bulk is
//! a marker on the link, a kill takes effect when the test says so.
#![allow(dead_code, reason = "each test binary uses its own part")]

use machine::{Epoch, Instant, Machine, Outbox, RpSlot};
use redundancy::client;
use redundancy::{
    Answer, ClaimResult, Input, Output, PeerLoss, RedundancyConfig, RedundancyFacility, RfMessage, RfState,
};
use std::collections::{BTreeMap, VecDeque};

/// What travels on the link between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Message(RfMessage),
    BulkEnd,
}

/// One route processor and what waits for it.
#[derive(Clone, Debug)]
pub struct Unit {
    pub rf: RedundancyFacility,
    pub now: Instant,
    pub inbox: VecDeque<Item>,
    pub claim: Option<(Epoch, u64)>,
    pub claim_result: Option<ClaimResult>,
    pub loss_to_learn: Option<PeerLoss>,
    pub link_down_to_learn: bool,
}

/// The chassis in miniature.
#[derive(Clone, Debug)]
pub struct Pair {
    pub units: [Option<Unit>; 2],
    pub word: Epoch,
    pub link_up: bool,
    pub kill_pending: [bool; 2],
    pub boots: u64,
    /// Who acted in which epoch.
    pub activities: BTreeMap<u64, (RpSlot, u64)>,
    /// The first violation of "one active per epoch".
    pub violation: Option<String>,
    /// A broken arbiter for the proof that the checker bites: it grants whatever is asked for.
    pub grants_always: bool,
    /// An arbiter that never answers, for the proof that the recovery check bites.
    pub never_grants: bool,
    pub hold_handover: bool,
    pub hold_bulk: bool,
    pub out_of_step_mark: bool,
    /// On behalf of the standby this client does not finish this pass by itself.
    pub answers_later: Option<(redundancy::ClientId, redundancy::Progression)>,
    /// Everything asked for since the last look, without messages and client calls.
    pub outputs: Vec<(RpSlot, Output)>,
}

pub fn config(slot: RpSlot, boot: u64) -> RedundancyConfig {
    RedundancyConfig {
        clients_per_turn: 1_000,
        ..RedundancyConfig::new(slot, boot, 0x5eed)
    }
}

impl Pair {
    pub fn new() -> Pair {
        Pair {
            units: [None, None],
            word: Epoch::NONE,
            link_up: false,
            kill_pending: [false, false],
            boots: 0,
            activities: BTreeMap::new(),
            violation: None,
            grants_always: false,
            never_grants: false,
            hold_handover: false,
            hold_bulk: false,
            out_of_step_mark: false,
            answers_later: None,
            outputs: Vec::new(),
        }
    }

    /// Starts a unit; presence is seen by both at once, the link comes up by `connect`.
    pub fn boot(&mut self, slot: RpSlot, shape: impl FnOnce(&mut RedundancyConfig)) {
        assert!(self.units[slot.index()].is_none(), "{slot} runs already");
        self.boots += 1;
        let mut config = config(slot, self.boots);
        shape(&mut config);
        // Clocks of two processes have nothing in common.
        let now = Instant::from_millis(1_000 * self.boots);
        let mut rf = RedundancyFacility::new(config, now);
        for client in [client::REDUNDANCY_MODE, client::CHECKPOINT, client::CEF] {
            rf.register(now, client).expect("three different clients");
        }
        self.units[slot.index()] = Some(Unit {
            rf,
            now,
            inbox: VecDeque::new(),
            claim: None,
            claim_result: None,
            loss_to_learn: None,
            link_down_to_learn: false,
        });
        self.kill_pending[slot.index()] = false;
        self.input(
            slot,
            Input::Started {
                mastership: self.word,
            },
        );
        if self.units[slot.peer().index()].is_some() {
            self.input(slot, Input::PeerPresent(true));
            self.input(slot.peer(), Input::PeerPresent(true));
        }
    }

    pub fn boot_default(&mut self, slot: RpSlot) {
        self.boot(slot, |_| {});
    }

    /// Brings the link up, when both run and have learned of whatever ended before.
    pub fn connect(&mut self) {
        assert!(self.can_connect());
        self.link_up = true;
        for slot in RpSlot::ALL {
            self.input(slot, Input::PeerCommunication(true));
        }
    }

    pub fn can_connect(&self) -> bool {
        !self.link_up
            && self.units.iter().all(|unit| {
                unit.as_ref()
                    .is_some_and(|unit| unit.loss_to_learn.is_none() && !unit.link_down_to_learn)
            })
    }

    pub fn unit(&self, slot: RpSlot) -> &Unit {
        self.units[slot.index()]
            .as_ref()
            .unwrap_or_else(|| panic!("{slot} is dead"))
    }

    pub fn state(&self, slot: RpSlot) -> RfState {
        self.units[slot.index()]
            .as_ref()
            .map_or(RfState::Unknown, |unit| unit.rf.state())
    }

    pub fn input(&mut self, slot: RpSlot, input: Input) {
        let mut out = Outbox::new();
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(unit) = &mut self.units[slot.index()] else {
                return;
            };
            unit.rf.handle(unit.now, input, &mut out);
            self.carry_out(slot, &mut out, &mut inputs);
        }
    }

    /// Lets the unit's next deadline come; false when there is none.
    pub fn fire(&mut self, slot: RpSlot) -> bool {
        let Some(unit) = &mut self.units[slot.index()] else {
            return false;
        };
        let Some((deadline, _)) = unit.rf.next_deadline() else {
            return false;
        };
        self.expire_at(slot, deadline);
        true
    }

    pub fn expire_at(&mut self, slot: RpSlot, at: Instant) {
        let mut out = Outbox::new();
        let Some(unit) = &mut self.units[slot.index()] else {
            return;
        };
        unit.now = unit.now.max(at);
        unit.rf.expire(unit.now, &mut out);
        let mut inputs = VecDeque::new();
        self.carry_out(slot, &mut out, &mut inputs);
        while let Some(input) = inputs.pop_front() {
            self.input(slot, input);
        }
    }

    fn carry_out(&mut self, slot: RpSlot, out: &mut Outbox<Output>, inputs: &mut VecDeque<Input>) {
        let peer = slot.peer();
        for (_, output) in out.drain() {
            match &output {
                Output::SendToPeer(message) => {
                    let decoded = RfMessage::decode(&message.encode()).expect("own messages decode");
                    assert_eq!(decoded, *message);
                    self.put_on_link(peer, Item::Message(decoded));
                    continue;
                }
                Output::RunClient {
                    client,
                    progression,
                    operand,
                } => {
                    let (client, progression) = (client.id, *progression);
                    let later = *operand == 1 && self.answers_later == Some((client, progression));
                    inputs.push_back(Input::ClientAnswered {
                        client,
                        progression,
                        answer: if later { Answer::Later } else { Answer::Done },
                    });
                    continue;
                }
                Output::Claim { expected, floor } => {
                    let unit = self.units[slot.index()].as_mut().expect("who claims is alive");
                    assert!(
                        unit.claim.is_none() && unit.claim_result.is_none(),
                        "one claim at a time"
                    );
                    unit.claim = Some((*expected, *floor));
                }
                Output::StartBulk if !self.hold_bulk => self.put_on_link(peer, Item::BulkEnd),
                Output::PrepareHandover if !self.hold_handover => inputs.push_back(Input::HandoverReady),
                Output::KillPeer | Output::ReloadPeer(_) => {
                    self.kill_pending[peer.index()] = self.units[peer.index()].is_some();
                }
                Output::StartActive { epoch }
                | Output::Promote { epoch, .. }
                | Output::RestartAsActive { epoch, .. }
                | Output::EpochRaised(epoch) => self.acted(slot, *epoch),
                _ => {}
            }
            self.outputs.push((slot, output));
        }
        let exits = matches!(self.outputs.last(), Some((of, Output::ReloadSelf(_))) if *of == slot);
        if exits {
            self.end(slot, PeerLoss::Reloaded);
        }
    }

    fn put_on_link(&mut self, to: RpSlot, item: Item) {
        if self.link_up
            && let Some(unit) = &mut self.units[to.index()]
        {
            unit.inbox.push_back(item);
        }
    }

    /// The checker: an epoch is acted in by one life of one unit.
    fn acted(&mut self, slot: RpSlot, epoch: Epoch) {
        let boot = self.unit(slot).rf.config().boot;
        let first = *self.activities.entry(epoch.counter).or_insert((slot, boot));
        if first != (slot, boot) || epoch.slot != slot {
            self.violation.get_or_insert(format!(
                "epoch {epoch}: {slot} boot {boot} acts in it, after {} boot {}",
                first.0, first.1
            ));
        }
    }

    /// A unit's process ends; the peer learns of it by two ways, each in its own time.
    pub fn end(&mut self, slot: RpSlot, loss: PeerLoss) {
        if self.units[slot.index()].take().is_none() {
            return;
        }
        self.kill_pending[slot.index()] = false;
        let link_was_up = std::mem::replace(&mut self.link_up, false);
        if let Some(peer) = &mut self.units[slot.peer().index()] {
            peer.loss_to_learn = Some(loss);
            peer.link_down_to_learn |= link_was_up;
        }
    }

    pub fn deliver(&mut self, slot: RpSlot) -> bool {
        let Some(item) = self.units[slot.index()]
            .as_mut()
            .and_then(|unit| unit.inbox.pop_front())
        else {
            return false;
        };
        match item {
            Item::Message(message) => self.input(slot, Input::PeerMessage(message)),
            Item::BulkEnd => self.input(slot, Input::BulkFinished),
        }
        true
    }

    pub fn learn_loss(&mut self, slot: RpSlot) -> bool {
        let Some(loss) = self.units[slot.index()]
            .as_mut()
            .and_then(|unit| unit.loss_to_learn.take())
        else {
            return false;
        };
        self.input(slot, Input::LifeLost(loss));
        true
    }

    /// The hangup is read after whatever the peer had still sent.
    pub fn learn_link_down(&mut self, slot: RpSlot) -> bool {
        let Some(unit) = self.units[slot.index()].as_mut() else {
            return false;
        };
        if !unit.link_down_to_learn || !unit.inbox.is_empty() {
            return false;
        }
        unit.link_down_to_learn = false;
        self.input(slot, Input::PeerCommunication(false));
        true
    }

    /// The arbiter executes the claim; the unit does not know yet.
    pub fn swap(&mut self, slot: RpSlot) -> bool {
        if self.never_grants {
            return false;
        }
        let grants_always = self.grants_always;
        let mark = self.out_of_step_mark;
        let Some(unit) = self.units[slot.index()].as_mut() else {
            return false;
        };
        let Some((expected, floor)) = unit.claim.take() else {
            return false;
        };
        let won = expected == self.word || grants_always;
        if won {
            self.word = Epoch {
                counter: expected.counter.max(floor) + 1,
                slot,
            };
        }
        let (epoch, out_of_step) = (self.word, mark);
        unit.claim_result = Some(if won {
            ClaimResult::Won { epoch, out_of_step }
        } else {
            ClaimResult::Lost(epoch)
        });
        true
    }

    pub fn learn_claim(&mut self, slot: RpSlot) -> bool {
        let Some(result) = self.units[slot.index()]
            .as_mut()
            .and_then(|unit| unit.claim_result.take())
        else {
            return false;
        };
        self.input(slot, Input::ClaimResult(result));
        true
    }

    /// Everything that happens without the passing of time.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for slot in RpSlot::ALL {
                moved |= self.learn_loss(slot);
                moved |= self.swap(slot);
                moved |= self.learn_claim(slot);
                moved |= self.deliver(slot);
                moved |= self.learn_link_down(slot);
            }
            if !moved {
                return;
            }
        }
        panic!("the pair does not come to rest");
    }

    /// Lets this much time pass for both, with everything that happens in it. Killed units die at once.
    pub fn run_ms(&mut self, milliseconds: u64) {
        let step = machine::Duration::from_millis(milliseconds);
        let ends = self
            .units
            .each_ref()
            .map(|unit| unit.as_ref().map(|unit| unit.now + step));
        self.settle();
        loop {
            let due = RpSlot::ALL
                .into_iter()
                .filter_map(|slot| {
                    let unit = self.units[slot.index()].as_ref()?;
                    let end = ends[slot.index()]?;
                    let deadline = unit.rf.next_deadline()?.0.max(unit.now);
                    (deadline <= end).then(|| (end - deadline, deadline, slot))
                })
                // Who has most of its time left is the earliest.
                .max_by_key(|(left, _, _)| *left);
            let Some((_, deadline, slot)) = due else { break };
            self.expire_at(slot, deadline);
            for slot in RpSlot::ALL {
                if self.kill_pending[slot.index()] {
                    self.end(slot, PeerLoss::Killed);
                }
            }
            self.settle();
        }
        for (unit, end) in self.units.iter_mut().zip(ends) {
            if let (Some(unit), Some(end)) = (unit, end) {
                unit.now = unit.now.max(end);
            }
        }
    }

    /// Both units up, R0 active, R1 hot.
    pub fn duplex() -> Pair {
        let mut pair = Pair::new();
        pair.boot_default(RpSlot::R0);
        pair.boot_default(RpSlot::R1);
        pair.connect();
        pair.run_ms(10);
        assert_eq!(pair.state(RpSlot::R0), RfState::Active);
        assert_eq!(pair.state(RpSlot::R1), RfState::StandbyHot);
        pair.outputs.clear();
        pair
    }

    /// Whether this output was asked for by this unit since the last look.
    pub fn asked(&self, slot: RpSlot, wanted: impl Fn(&Output) -> bool) -> bool {
        self.outputs
            .iter()
            .any(|(of, output)| *of == slot && wanted(output))
    }

    /// The system messages of a unit since the last look.
    pub fn log(&self, slot: RpSlot) -> Vec<String> {
        let lines = self.outputs.iter().filter_map(|(of, output)| match output {
            Output::Log(message) if *of == slot => Some(message.to_string()),
            _ => None,
        });
        lines.collect()
    }
}
