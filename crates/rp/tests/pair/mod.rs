//! Two route processors with an arbiter and a link between them, and cards that only tell their truth: for tests of what
//! crosses a switchover.

#![allow(dead_code, reason = "each test file uses a part of it")]

use chassis::message::{PortTruth, Truth};
use chassis::{CardMessage, RpMessage};
use checkpoint::ActiveEndConfig;
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Machine, Outbox, PortId, RpSlot};
use packet::MacAddress;
use redundancy::{PeerLoss, RedundancyConfig, RfState};
use rp::{
    ActiveConfig, CardLinkEvent, ConsoleInput, ConsoleOutput, PeerMessage, RouteProcessor, RpConfig, RpInput,
    RpOutput, SessionId,
};
use std::collections::VecDeque;

const CONSOLE: SessionId = SessionId(1);
/// 2020-09-13 12:26:40 UTC.
const UNIX_MS_AT_ORIGIN: u64 = 1_600_000_000_000;

/// A card of two ports in a chassis of two cards: all is up.
pub fn truth(card: u8) -> Truth {
    let port = |number: u8| PortTruth {
        port: PortId::new(card, number),
        link_up: true,
        mac: MacAddress([2, 0, 0, 0, card, number]),
        wire: format!("mem host{card}{number}"),
    };
    Truth {
        card: CardSlot(card),
        model: "HOLDOVER-LC".into(),
        image_version: "Version 0.0.0-test".into(),
        fabric_peers: vec![CardSlot(1 - card)],
        ports: vec![port(0), port(1)],
        frame: FrameNumber(0),
        digest: 0,
        mixed: false,
        out_of_step: None,
        buffered_punts: 0,
        lost_punts: 0,
        uptime_ms: 5_000,
    }
}

/// One slot: what is in it, and what stays when it is reset.
pub struct Unit {
    pub processor: Option<RouteProcessor>,
    pub screen: String,
    pub nvram: Option<String>,
    pub switchover_history: String,
    pub kept_history: String,
    inbox: VecDeque<RpInput>,
    boots: u64,
}

/// The chassis.
pub struct Pair {
    pub units: [Unit; 2],
    pub now: Instant,
    /// What each card tells whoever claims it.
    pub cards: Vec<Truth>,
    /// What was said to R1, in order.
    pub heard_by_r1: Vec<PeerMessage>,
    sessions: u64,
    word: Epoch,
    out_of_step: Option<(Epoch, FrameNumber)>,
    link_up: bool,
}

impl Pair {
    /// A chassis with nothing in its slots.
    pub fn empty() -> Pair {
        let unit = || Unit {
            processor: None,
            screen: String::new(),
            nvram: None,
            switchover_history: String::new(),
            kept_history: String::new(),
            inbox: VecDeque::new(),
            boots: 0,
        };
        Pair {
            units: [unit(), unit()],
            now: Instant::from_millis(1_000),
            cards: Vec::new(),
            heard_by_r1: Vec::new(),
            sessions: 0,
            word: Epoch::NONE,
            out_of_step: None,
            link_up: false,
        }
    }

    /// R0 active and R1 hot.
    pub fn hot() -> Pair {
        Pair::hot_with(Vec::new())
    }

    /// R0 active with these cards, and R1 hot.
    pub fn hot_with(cards: Vec<Truth>) -> Pair {
        let mut pair = Pair::empty();
        pair.cards = cards;
        pair.boot(RpSlot::R0);
        pair.boot(RpSlot::R1);
        pair.run_until_hot();
        assert_eq!(pair.active(), RpSlot::R0);
        pair
    }

    pub fn run_until_hot(&mut self) {
        for _ in 0..20_000 {
            self.run_ms(1);
            let states = [0, 1].map(|unit| self.state(RpSlot::ALL[unit]));
            if states.contains(&RfState::Active) && states.contains(&RfState::StandbyHot) {
                return self.run_ms(100);
            }
        }
        panic!("the pair does not become hot");
    }

    pub fn state(&self, slot: RpSlot) -> RfState {
        let processor = self.units[slot.index()].processor.as_ref();
        processor.map_or(RfState::Disabled, |processor| processor.facility().state())
    }

    /// The slot of the active.
    pub fn active(&self) -> RpSlot {
        *RpSlot::ALL
            .iter()
            .find(|slot| self.state(**slot).is_active())
            .expect("a unit is active")
    }

    pub fn boot(&mut self, slot: RpSlot) {
        let unit = &mut self.units[slot.index()];
        unit.boots += 1;
        let boot = unit.boots * 2 + slot.index() as u64;
        let config = RpConfig {
            redundancy: RedundancyConfig::new(slot, boot, 1),
            active: ActiveConfig {
                checkpoint: ActiveEndConfig::default(),
                heartbeat_interval: Duration::from_millis(50),
            },
            configuration_register: 0x2102,
            startup: unit.nvram.clone(),
            switchover_history: unit.switchover_history.clone(),
            unix_ms_at_origin: UNIX_MS_AT_ORIGIN,
            image_version: "Version 0.0.0-test".into(),
            card_slots: self.cards.iter().map(|truth| truth.card).collect(),
            unsupported_commands: Vec::new(),
            platform: rp::PlatformConfig {
                kept_history: unit.kept_history.clone(),
                ..rp::PlatformConfig::default()
            },
        };
        unit.processor = Some(RouteProcessor::new(config, self.now));
        unit.inbox.clear();
        unit.screen.clear();
        let mastership = self.word;
        self.give(slot, RpInput::Started { mastership });
        if self.units.iter().all(|unit| unit.processor.is_some()) {
            self.link_up = true;
            for slot in RpSlot::ALL {
                self.give(slot, RpInput::PeerPresent(true));
                self.give(slot, RpInput::PeerLink(true));
            }
        }
        self.open(slot);
    }

    fn open(&mut self, slot: RpSlot) {
        let input = ConsoleInput::Opened {
            terminal: true,
            strict: false,
            columns: 0,
            // Nobody presses a key at --More--.
            rows: u16::MAX,
        };
        self.give(
            slot,
            RpInput::Console {
                session: CONSOLE,
                input,
            },
        );
    }

    /// Ends the unit's process without a word. It does not come back by itself.
    pub fn kill(&mut self, slot: RpSlot) {
        self.end(slot, PeerLoss::Killed);
    }

    fn end(&mut self, slot: RpSlot, loss: PeerLoss) {
        let unit = &mut self.units[slot.index()];
        if unit.processor.take().is_none() {
            return;
        }
        unit.inbox.clear();
        self.link_up = false;
        let peer = slot.peer();
        if self.units[peer.index()].processor.is_some() {
            self.give(peer, RpInput::LifeLost(loss));
            self.give(peer, RpInput::PeerLink(false));
        }
    }

    fn give(&mut self, slot: RpSlot, input: RpInput) {
        self.units[slot.index()].inbox.push_back(input);
    }

    /// Lets time pass in steps of a millisecond.
    pub fn run_ms(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += Duration::from_millis(1);
            for slot in RpSlot::ALL {
                self.turn(slot);
            }
        }
    }

    fn turn(&mut self, slot: RpSlot) {
        let mut out = Outbox::new();
        let unit = &mut self.units[slot.index()];
        let Some(processor) = &mut unit.processor else {
            return;
        };
        processor.expire(self.now, &mut out);
        for input in unit.inbox.drain(..) {
            processor.handle(self.now, input, &mut out);
        }
        let peer_room = usize::MAX;
        processor.handle(self.now, RpInput::TurnEnd { peer_room }, &mut out);
        for (_, output) in out.drain() {
            self.carry_out(slot, output);
        }
    }

    fn carry_out(&mut self, slot: RpSlot, output: RpOutput) {
        match output {
            RpOutput::Peer(message) => self.deliver_from(slot, message),
            RpOutput::Claim { expected, floor } => self.claim(slot, expected, floor),
            RpOutput::PublishOutOfStep { epoch, since } => self.out_of_step = Some((epoch, since)),
            RpOutput::ClearOutOfStep => self.out_of_step = None,
            RpOutput::Console {
                output: ConsoleOutput::Data(bytes),
                ..
            } => {
                let text = String::from_utf8(bytes).expect("consoles are given UTF-8");
                self.units[slot.index()].screen.push_str(&text);
            }
            RpOutput::KillPeer => self.end(slot.peer(), PeerLoss::Killed),
            RpOutput::ResetPeer => self.reset(slot.peer(), PeerLoss::Killed),
            RpOutput::Reload { .. } => self.reset(slot, PeerLoss::Reloaded),
            RpOutput::ResetShelf => {
                for unit in &mut self.units {
                    unit.processor = None;
                }
                self.boot(RpSlot::R0);
                self.boot(RpSlot::R1);
            }
            RpOutput::ConnectCards { .. } => self.connect_cards(slot),
            RpOutput::Card {
                card,
                session,
                message: RpMessage::Claim { .. },
            } => self.tell_truth(slot, card, session),
            other => self.store(slot, other),
        }
    }

    fn connect_cards(&mut self, slot: RpSlot) {
        let cards: Vec<CardSlot> = self.cards.iter().map(|truth| truth.card).collect();
        for card in cards {
            self.sessions += 1;
            let session = self.sessions;
            let event = CardLinkEvent::Up { session };
            self.give(slot, RpInput::CardLink { card, event });
        }
    }

    fn tell_truth(&mut self, slot: RpSlot, card: CardSlot, session: u64) {
        let truth = self.cards.iter().find(|truth| truth.card == card).cloned();
        self.card_says(slot, card, session, truth.map(CardMessage::Truth));
    }

    fn card_says(&mut self, slot: RpSlot, card: CardSlot, session: u64, message: Option<CardMessage>) {
        let input = message.map(|message| RpInput::Card {
            card,
            session,
            message,
        });
        self.units[slot.index()].inbox.extend(input);
    }

    /// The cards' present connections have the numbers of the last claim: this one says something to the active.
    pub fn card(&mut self, card: CardSlot, message: CardMessage) {
        let place = self.cards.iter().rev().position(|truth| truth.card == card);
        let session = self.sessions - place.expect("a card in this slot") as u64;
        self.card_says(self.active(), card, session, Some(message));
        self.run_ms(5);
    }

    /// What goes to the unit's disk.
    fn store(&mut self, slot: RpSlot, output: RpOutput) {
        if let RpOutput::KeepHistory(text) = output {
            self.units[slot.index()].kept_history = text;
        } else if let RpOutput::KeepSwitchoverHistory(text) = output {
            self.units[slot.index()].switchover_history = text;
        } else if let RpOutput::WriteNvram { number, text } = output {
            self.units[slot.index()].nvram = Some(text);
            let result = Ok(());
            self.give(slot, RpInput::NvramWritten { number, result });
        }
    }

    fn reset(&mut self, slot: RpSlot, loss: PeerLoss) {
        self.end(slot, loss);
        self.boot(slot);
    }

    fn deliver_from(&mut self, slot: RpSlot, message: PeerMessage) {
        let peer = slot.peer();
        if self.link_up && self.units[peer.index()].processor.is_some() {
            if peer == RpSlot::R1 {
                self.heard_by_r1.push(message.clone());
            }
            self.give(peer, RpInput::Peer(message));
        }
    }

    fn claim(&mut self, slot: RpSlot, expected: Epoch, floor: u64) {
        let input = if self.word == expected {
            let counter = expected.counter.max(floor) + 1;
            self.word = Epoch { counter, slot };
            let out_of_step = self.out_of_step.filter(|(epoch, _)| *epoch == expected);
            RpInput::ClaimWon {
                epoch: self.word,
                out_of_step,
            }
        } else {
            RpInput::ClaimLost { holder: self.word }
        };
        self.give(slot, input);
    }

    /// Types a line at the active's console and gives what it showed until everything is quiet again.
    pub fn type_line(&mut self, line: &str) -> String {
        let slot = self.active();
        self.units[slot.index()].screen.clear();
        let input = ConsoleInput::Data(format!("{line}\r").into_bytes());
        self.give(
            slot,
            RpInput::Console {
                session: CONSOLE,
                input,
            },
        );
        self.run_ms(20);
        self.units[slot.index()].screen.replace("\r\n", "\n")
    }

    /// Presses keys at the active's console.
    pub fn press(&mut self, keys: &str) {
        let slot = self.active();
        let input = ConsoleInput::Data(keys.as_bytes().to_vec());
        self.give(
            slot,
            RpInput::Console {
                session: CONSOLE,
                input,
            },
        );
    }

    /// The lines that a command shows, without its echo and the prompt.
    pub fn ask(&mut self, line: &str) -> Vec<String> {
        let shown = self.type_line(line);
        let lines: Vec<String> = shown.lines().map(String::from).collect();
        let end = lines.len().saturating_sub(1);
        lines[1.min(end)..end].to_vec()
    }

    /// Types several lines.
    pub fn type_lines(&mut self, lines: &[&str]) {
        for line in lines {
            let _shown = self.type_line(line);
        }
    }
}
