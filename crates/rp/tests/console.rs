//! The console of one route processor, driven by hand: every input is written out, and so is time.
//!
//! The golden transcript is `tests/golden/console.txt`; `HOLDOVER_BLESS=1` writes it anew.

use chassis::message::{PortTruth, Truth};
use chassis::{CardMessage, RpMessage};
use checkpoint::{Acknowledgement, ActiveEndConfig, FrameChunk};
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Machine, Outbox, PortId, RpSlot};
use management::CloseReason;
use packet::MacAddress;
use redundancy::{Body, Hello, Progression, RedundancyConfig, RedundancyMode, RfMessage, RfState};
use rp::recording;
use rp::{
    ActiveConfig, CardLinkEvent, ConsoleInput, ConsoleOutput, PeerMessage, RouteProcessor, RpConfig, RpInput,
    RpOutput, SessionId,
};
use std::collections::VecDeque;

#[path = "console/json.rs"]
mod json;
#[path = "console/long_output.rs"]
mod long_output;

const CONSOLE: SessionId = SessionId(1);
const STARTUP: &str = "hostname Router\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\nend\n";

/// One route processor in slot R0 with one card, and all that it asked for.
struct Rig {
    processor: RouteProcessor,
    now: Instant,
    outbox: Outbox<RpOutput>,
    screen: String,
    to_peer: Vec<PeerMessage>,
    to_card: Vec<RpMessage>,
    nvram: Option<String>,
    disk_full: bool,
    closed: Option<CloseReason>,
    reload: Option<String>,
    published: Vec<&'static str>,
    recording: Vec<u8>,
    /// All outputs, as text.
    outputs: Vec<String>,
}

impl Rig {
    fn new() -> Self {
        let now = Instant::from_millis(1_000);
        let mut redundancy = RedundancyConfig::new(RpSlot::R0, 7, 1);
        redundancy.keepalive_limit_ms = 60_000;
        let checkpoint = ActiveEndConfig {
            acknowledgement_stall_limit: Duration::from_secs(30),
            ..Default::default()
        };
        let config = RpConfig {
            redundancy,
            active: ActiveConfig {
                checkpoint,
                heartbeat_interval: Duration::from_secs(3600),
                seed: 1,
            },
            startup: Some(STARTUP.into()),
            switchover_history: String::new(),
            configuration_register: 0x2102,
            unix_ms_at_origin: 1_600_000_000_000,
            image_version: "Version 0.0.0-test".into(),
            card_slots: vec![CardSlot(0), CardSlot(1)],
            unsupported_commands: Vec::new(),
            platform: rp::PlatformConfig::default(),
        };
        let recording = recording::header(&config, now);
        Self {
            recording,
            outputs: Vec::new(),
            processor: RouteProcessor::new(config, now),
            now,
            outbox: Outbox::new(),
            screen: String::new(),
            to_peer: Vec::new(),
            to_card: Vec::new(),
            nvram: None,
            disk_full: false,
            closed: None,
            reload: None,
            published: Vec::new(),
        }
    }

    fn feed(&mut self, input: RpInput) {
        self.recording.extend(recording::input(self.now, &input));
        self.processor.handle(self.now, input, &mut self.outbox);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let mut answers = VecDeque::new();
        for (_, output) in self.outbox.drain() {
            self.outputs.push(recording::describe(&output));
            match output {
                RpOutput::Peer(message) => self.to_peer.push(message),
                RpOutput::Claim { expected, .. } => {
                    let epoch = Epoch {
                        counter: expected.counter + 1,
                        slot: RpSlot::R0,
                    };
                    answers.push_back(RpInput::ClaimWon {
                        epoch,
                        out_of_step: None,
                    });
                }
                RpOutput::Card { message, .. } => self.to_card.push(message),
                RpOutput::Console {
                    output: ConsoleOutput::Data(bytes),
                    ..
                } => {
                    self.screen
                        .push_str(&String::from_utf8(bytes).expect("consoles are given UTF-8"));
                }
                RpOutput::Console {
                    output: ConsoleOutput::Close(reason),
                    ..
                } => self.closed = Some(reason),
                RpOutput::WriteNvram { number, text } => {
                    let result = if self.disk_full {
                        Err("No space left on device".to_string())
                    } else {
                        Ok(())
                    };
                    if result.is_ok() {
                        self.nvram = Some(text);
                    }
                    answers.push_back(RpInput::NvramWritten { number, result });
                }
                RpOutput::Reload { reason } => self.reload = Some(reason),
                RpOutput::PublishOutOfStep { .. } => self.published.push("out of step"),
                RpOutput::ClearOutOfStep => self.published.push("in step"),
                _ => {}
            }
        }
        while let Some(input) = answers.pop_front() {
            self.feed(input);
        }
    }

    /// Lets time pass in steps of a millisecond, with a turn's end in each.
    fn run_ms(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += Duration::from_millis(1);
            self.recording.extend(recording::expiry(self.now));
            self.processor.expire(self.now, &mut self.outbox);
            self.carry_out();
            self.turn_end();
        }
    }

    fn turn_end(&mut self) {
        self.feed(RpInput::TurnEnd {
            peer_room: usize::MAX,
        });
    }

    /// Alone in the chassis, with one card of two ports, the second of which has no wire.
    fn simplex() -> Self {
        let mut rig = Self::new();
        rig.feed(RpInput::Started {
            mastership: Epoch::NONE,
        });
        rig.run_ms(1_500);
        assert_eq!(rig.processor.facility().state(), RfState::Active);
        rig.feed(RpInput::CardLink {
            card: CardSlot(0),
            event: CardLinkEvent::Up { session: 1 },
        });
        rig.card_truth([true, false]);
        rig.run_ms(5);
        rig
    }

    /// The card tells what it has: whether each of its two ports has a wire.
    fn card_truth(&mut self, links_up: [bool; 2]) {
        let port = |number: u8, link_up| PortTruth {
            port: PortId::new(0, number),
            link_up,
            mac: MacAddress([2, 0, 0, 0, 0, number]),
            wire: format!("mem test{number}"),
        };
        let truth = Truth {
            card: CardSlot(0),
            model: "HOLDOVER-LC".into(),
            image_version: "Version 0.0.0-card".into(),
            fabric_peers: vec![],
            ports: vec![port(0, links_up[0]), port(1, links_up[1])],
            frame: FrameNumber(0),
            digest: 0,
            mixed: false,
            out_of_step: None,
            buffered_punts: 0,
            lost_punts: 0,
            uptime_ms: 90_061_000,
        };
        self.feed(RpInput::Card {
            card: CardSlot(0),
            session: 1,
            message: CardMessage::Truth(truth),
        });
    }

    fn rf(&mut self, state: RfState, body: Body) {
        let epoch = Epoch {
            counter: 1,
            slot: RpSlot::R0,
        };
        let message = RfMessage {
            slot: RpSlot::R1,
            boot: 9,
            epoch,
            state,
            body,
        };
        self.feed(RpInput::Peer(PeerMessage::Rf(message)));
        self.run_ms(5);
    }

    /// A standby appears and asks for the bulk; nothing is acknowledged yet.
    fn standby_in_bulk(&mut self) {
        self.feed(RpInput::PeerPresent(true));
        self.feed(RpInput::PeerLink(true));
        let hello = Hello {
            image: redundancy::ImageVersion::new("Version 0.0.0-test"),
            ..Hello::new(1, RedundancyMode::Sso)
        };
        self.rf(RfState::Negotiation, Body::Hello(hello));
        for (state, progression) in [
            (RfState::StandbyCold, Progression::StandbyCold),
            (RfState::StandbyColdConfig, Progression::StandbyConfig),
            (RfState::StandbyColdFilesys, Progression::StandbyFilesys),
            (RfState::StandbyColdBulk, Progression::StandbyBulk),
        ] {
            self.rf(state, Body::State);
            self.rf(state, Body::Progress(progression));
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &FrameChunk> {
        self.to_peer.iter().filter_map(|message| match message {
            PeerMessage::Chunk(chunk) => Some(chunk),
            _ => None,
        })
    }

    /// The standby acknowledges all that was sent to it.
    fn acknowledge(&mut self) {
        let ends = self.chunks().filter(|chunk| chunk.end);
        let last = ends
            .last()
            .map(|chunk| (chunk.frame, chunk.digest.unwrap_or_default()));
        let (frame, digest) = last.expect("a frame has ended");
        self.feed(RpInput::Peer(PeerMessage::Acknowledgement(Acknowledgement {
            frame,
            digest,
        })));
        self.turn_end();
    }

    fn standby_hot(&mut self) {
        self.standby_in_bulk();
        // The rows of the walk, then the frame that ends the bulk.
        self.acknowledge();
        self.acknowledge();
        self.rf(RfState::StandbyHot, Body::Progress(Progression::StandbyHot));
        self.rf(RfState::StandbyHot, Body::State);
    }

    fn open(&mut self, terminal: bool) {
        // Nobody presses a key at --More--.
        self.open_with_rows(terminal, u16::MAX);
    }

    fn open_with_rows(&mut self, terminal: bool, rows: u16) {
        let input = ConsoleInput::Opened {
            terminal,
            strict: false,
            columns: 80,
            rows,
        };
        self.feed(RpInput::Console {
            session: CONSOLE,
            input,
        });
        self.turn_end();
    }

    fn type_text(&mut self, text: &str) {
        let input = ConsoleInput::Data(text.as_bytes().to_vec());
        self.feed(RpInput::Console {
            session: CONSOLE,
            input,
        });
        self.turn_end();
    }

    /// Types a command, and waits for all that it shows.
    fn type_line(&mut self, command: &str) {
        self.type_text(&format!("{command}\r"));
        // Long tables come page by page, each once the console has taken the one before.
        self.feed(RpInput::Console {
            session: CONSOLE,
            input: ConsoleInput::Drained,
        });
        self.run_ms(2);
    }

    /// What has been shown since the last call.
    fn shown(&mut self) -> String {
        std::mem::take(&mut self.screen)
    }
}

/// Compares with, or writes, a golden file.
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::create_dir_all(format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"))).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected =
        std::fs::read_to_string(&path).expect("the golden file is there; HOLDOVER_BLESS=1 writes it");
    pretty_assert(&expected, text);
}

fn pretty_assert(expected: &str, text: &str) {
    for (number, (left, right)) in expected.lines().zip(text.lines()).enumerate() {
        assert_eq!(left, right, "line {}", number + 1);
    }
    assert_eq!(expected.lines().count(), text.lines().count(), "number of lines");
}

#[test]
fn req_79_req_86_the_show_commands_have_their_layouts() {
    let mut rig = Rig::simplex();
    rig.open(true);
    for command in [
        "enable",
        "show platform",
        "show inventory",
        "show diag",
        "show diag slot 0 details",
        "show diag summary",
        "show diag subslot 0/1",
        "show facility-alarm status",
        "show interfaces",
        "show ip interface brief",
        "show ip route",
        "show ip cef",
        "show arp",
        "show version",
        "show diag chassis details",
        "show diag chassis summary",
        "show privilege",
        "show history",
        "show terminal",
        "show redundancy history",
        "show redundancy history reverse",
        "show redundancy idb-sync-history",
        "show redundancy config-sync status",
        "show logging",
        "show clock",
        "show ip interface brief | include up",
        "show running-config | section Ethernet0/0",
        "show ip route | count 10",
        "show redundancy",
        "show redundancy states",
        "show running-config",
        "show startup-config",
        "show checkpoint",
        "show nonsense",
        "ping 192.0.2.1",
        "configure terminal",
        "interface Ethernet0/1",
        "ip address 10.0.0.9 255.255.255.0",
        "ip address 10.0.1.1 255.255.255.0",
        "description the other one",
        "shutdown",
        "end",
        "show ip interface brief",
        "show running-config",
    ] {
        rig.type_line(command);
    }
    let shown = rig.shown().replace('\r', "");
    golden("console.txt", &shown);
}

#[test]
fn routing_is_shown_as_text_and_as_json() {
    let mut rig = Rig::simplex();
    rig.open(true);
    for command in [
        "enable",
        "terminal length 0",
        "show ip bgp summary",
        "configure terminal",
        "ip route 203.0.113.0 255.255.255.0 10.0.0.7",
        "ip route 198.51.100.0 255.255.255.0 10.0.0.7",
        "router bgp 65000",
        "bgp router-id 192.0.2.1",
        "network 203.0.113.0",
        "neighbor 10.0.0.2 remote-as 65001",
        "neighbor 10.0.0.2 description the other side",
        "neighbor 10.0.0.3 remote-as 65000",
        "neighbor 10.0.0.3 shutdown",
        "end",
        "show ip bgp",
        "show ip bgp | json",
        "show ip bgp 203.0.113.0",
        "show ip bgp 203.0.113.7 | json",
        "show ip bgp 198.51.100.0",
        "show ip bgp summary",
        "show ip bgp summary | include 10.0.0",
        "show ip bgp neighbors 10.0.0.2",
        "show ip bgp neighbors 10.0.0.9",
        "show ip bgp neighbors 10.0.0.2 advertised-routes",
        "show ip bgp neighbors 10.0.0.2 received-routes",
        "show ip bgp neighbors 10.0.0.2 routes | json",
        "show ip bgp all sso summary",
        "show ip bgp sso summary | json",
        "show tcp brief all",
        "show tcp brief | json",
        "show ip route summary",
        "show ip route summary | json",
        "show ip route static",
        "show ip route static | json",
        "show ip route 203.0.113.1",
        "show ip route 203.0.113.1 | json",
        "show ip route bgp",
        "show version | json",
        "show running-config | json",
        "debug ip bgp events",
        "debug ip bgp 10.0.0.2 keepalives",
        "show debugging",
        "clear ip bgp 10.0.0.2",
        "undebug all",
        "show debugging",
        "show logging | include BGP:",
    ] {
        rig.type_line(command);
    }
    let shown = rig.shown().replace('\r', "");
    golden("routing.txt", &shown);
}

#[test]
fn req_39_a_prompt_comes_back_only_when_the_standby_has_the_command() {
    let mut rig = Rig::simplex();
    rig.standby_hot();
    assert_eq!(rig.processor.facility().peer_state(), RfState::StandbyHot);
    rig.open(false);
    rig.type_text("enable\nconfigure terminal\nhostname Changed\ndo-not-know\n");
    assert_eq!(rig.shown(), "", "what follows the command waits behind it");
    let frame = rig.chunks().last().expect("the command is on its way");
    assert!(frame.end && !frame.rows.is_empty());
    rig.acknowledge();
    assert!(
        rig.shown().contains("Changed(config)#do-not-know"),
        "the prompt shows the name that both know"
    );
}

#[test]
fn req_10_configuration_is_refused_during_bulk_synchronisation() {
    let mut rig = Rig::simplex();
    rig.open(false);
    rig.type_text("enable\nconfigure terminal\n");
    rig.standby_in_bulk();
    assert!(rig.chunks().any(|chunk| chunk.bulk_begin));
    rig.shown();
    rig.type_text("hostname Changed\nend\nconfigure terminal\n");
    rig.acknowledge();
    rig.acknowledge();
    let shown = rig.shown();
    let refusal = "Config mode cannot be entered during Standby initialization";
    assert_eq!(
        shown.matches(refusal).count(),
        2,
        "the command and the mode: {shown}"
    );
    rig.type_text("configure terminal\nhostname Changed\n");
    rig.acknowledge();
    let tree = rig
        .processor
        .active()
        .expect("active")
        .clients
        .configuration
        .tree();
    assert_eq!(tree.hostname(), "Changed");
}

#[test]
fn a_full_disk_keeps_the_old_startup_configuration_and_says_so() {
    let mut rig = Rig::simplex();
    rig.disk_full = true;
    rig.open(false);
    rig.type_text("enable\nconfigure terminal\nhostname Changed\nend\nwrite memory\n");
    let shown = rig.shown();
    assert!(
        shown.contains("No space left on device") && shown.contains("The old startup configuration is kept"),
        "{shown}"
    );
    let startup = rig
        .processor
        .active()
        .expect("active")
        .clients
        .configuration
        .startup_text();
    assert_eq!(startup, Some(STARTUP));
    rig.disk_full = false;
    rig.type_text("write memory\n");
    assert!(rig.shown().contains("[OK]"));
    assert!(
        rig.nvram
            .as_ref()
            .is_some_and(|text| text.contains("hostname Changed"))
    );
}

#[test]
fn a_script_of_a_thousand_lines_is_spread_over_turns_and_loses_no_line() {
    let mut rig = Rig::simplex();
    let executed = |rig: &Rig| {
        let active = rig.processor.active().expect("the rig is active");
        active.clients.configuration.executed()
    };
    rig.open(false);
    let before = executed(&rig);
    let mut script = String::from("enable\nconfigure terminal\n");
    for number in 1..=1_000 {
        script.push_str(&format!("hostname Router{number}\n"));
    }
    rig.type_text(&script);
    let in_one_turn = executed(&rig) - before;
    assert!(
        (1..=16).contains(&in_one_turn),
        "{in_one_turn} commands were executed in one turn"
    );
    rig.feed(RpInput::Console {
        session: CONSOLE,
        input: ConsoleInput::EndOfInput,
    });
    let (next, _) = rig.processor.next_deadline().expect("a command waits");
    assert!(next <= rig.now, "the next turn comes at once");
    rig.run_ms(1_000);
    assert_eq!(executed(&rig) - before, 1_000);
    assert_eq!(rig.closed, Some(CloseReason::EndOfInput));
}

#[test]
fn a_port_that_does_not_exist_is_refused_by_naming_it_and_an_empty_slot_may_be_configured_before() {
    let mut rig = Rig::simplex();
    rig.open(false);
    rig.type_text("enable\nconfigure terminal\n");
    rig.type_text("interface Ethernet0/7\nip route 10.7.0.0 255.255.255.0 Ethernet0/7 10.0.0.9\ninterface Ethernet9/0\n");
    rig.run_ms(5);
    let shown = rig.shown();
    for expected in [
        "% Ethernet0/7 does not exist: the HOLDOVER-LC in slot 0 has 2 ports",
        "% Ethernet9/0 does not exist: the chassis has no card slot 9",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    rig.type_text("interface Ethernet1/7\nend\nshow running-config\n");
    rig.run_ms(5);
    let shown = rig.shown();
    assert!(shown.contains("interface Ethernet1/7"), "{shown}");
    assert!(!shown.contains("0/7") && !shown.contains("9/0"), "{shown}");
}

#[test]
fn a_forced_switchover_without_a_standby_is_refused() {
    let mut rig = Rig::simplex();
    rig.open(false);
    rig.type_text("enable\nredundancy force-switchover\n");
    assert!(rig.shown().contains("% There is no STANDBY present"));
    assert_eq!(rig.reload, None);
}

#[test]
fn req_47_req_80_a_forced_switchover_asks_drains_and_reloads_this_unit() {
    let mut rig = Rig::simplex();
    rig.standby_hot();
    rig.open(false);
    rig.type_text("enable\nredundancy force-switchover\nno\n\n");
    rig.run_ms(100);
    let asked = |rig: &Rig| {
        rig.to_peer.iter().any(|message| {
            matches!(
                message,
                PeerMessage::Rf(RfMessage {
                    body: Body::SwitchoverRequest,
                    ..
                })
            )
        })
    };
    assert!(
        !asked(&rig),
        "what the standby has not acknowledged is cleaned up first"
    );
    rig.acknowledge();
    rig.run_ms(2);
    assert!(rig.shown().contains("Proceed with switchover to standby RP?"));
    assert!(
        asked(&rig),
        "the standby is asked once everything is acknowledged"
    );
    let epoch = Epoch {
        counter: 2,
        slot: RpSlot::R1,
    };
    let message = RfMessage {
        slot: RpSlot::R1,
        boot: 9,
        epoch,
        state: RfState::ActiveFast,
        body: Body::State,
    };
    rig.feed(RpInput::Peer(PeerMessage::Rf(message)));
    assert!(
        rig.reload.is_some(),
        "past the point of no return the old active only reloads"
    );
}

#[test]
fn what_the_world_is_told_comes_after_the_word_that_the_standby_is_out_of_step() {
    let mut rig = Rig::simplex();
    rig.standby_hot();
    assert_eq!(
        rig.published,
        ["out of step", "in step"],
        "nobody is in step at the start"
    );
    rig.open(false);
    rig.type_text("enable\nconfigure terminal\nhostname Changed\nnonsense\n");
    assert_eq!(rig.shown(), "");
    rig.run_ms(31_000);
    assert_eq!(rig.published, ["out of step", "in step", "out of step"]);
    assert!(
        rig.shown().contains("Changed(config)#nonsense"),
        "then the gate opens"
    );
}

#[test]
fn a_recorded_run_replays_to_the_same_outputs() {
    let mut rig = Rig::simplex();
    rig.standby_hot();
    rig.open(true);
    rig.type_text(
        "enable\rconfigure terminal\rhostname Changed\rinterface e0/1\rip address 10.0.9.1 255.255.255.0\r",
    );
    rig.acknowledge();
    rig.type_text("end\rshow ip route\rwrite memory\rping 10.0.0.9\r");
    rig.run_ms(100);
    rig.feed(RpInput::LifeLost(redundancy::PeerLoss::Signalled(11)));
    rig.feed(RpInput::CardLink {
        card: CardSlot(0),
        event: CardLinkEvent::Down {
            session: 1,
            why: "pulled".into(),
        },
    });
    rig.run_ms(50);
    let mut replayed = Vec::new();
    let processor = recording::replay(&rig.recording, &mut |_, _, output| {
        replayed.push(recording::describe(&output))
    });
    assert_eq!(replayed, rig.outputs);
    assert_eq!(processor.unwrap().status(rig.now), rig.processor.status(rig.now));
    assert!(rig.outputs.len() > 50, "something was replayed");
}

#[test]
fn a_cut_or_damaged_recording_is_refused_and_never_panics() {
    let mut rig = Rig::simplex();
    rig.standby_hot();
    for cut in (0..rig.recording.len()).step_by(37) {
        let _ = recording::replay(&rig.recording[..cut], &mut |_, _, _| ());
    }
    let mut damaged = rig.recording.clone();
    let last = damaged.len() - 1;
    damaged.truncate(last);
    assert_eq!(
        recording::replay(&damaged, &mut |_, _, _| ()).err(),
        Some(recording::RecordingError::Truncated)
    );
    assert_eq!(
        recording::replay(&[1, 0, 0, 0, 0xff], &mut |_, _, _| ()).err(),
        Some(recording::RecordingError::Entry(0))
    );
}

#[test]
fn default_interface_takes_all_settings_back_on_both_route_processors() {
    let mut rig = Rig::simplex();
    rig.standby_hot();
    rig.open(false);
    rig.type_text("enable\nconfigure terminal\ninterface Ethernet0/0\ndescription west\nmtu 900\n");
    rig.run_ms(5);
    rig.acknowledge();
    rig.to_peer.clear();
    rig.type_text("default interface Ethernet0/0\ndo show ip interface brief\n");
    rig.run_ms(5);
    rig.acknowledge();
    let shown = rig.shown();
    assert!(
        shown.contains("Interface Ethernet0/0 set to default configuration\n"),
        "{shown}"
    );
    assert!(shown.contains("Ethernet0/0            unassigned "), "{shown}");
    let active = rig.processor.active().expect("active");
    let port = PortId::new(0, 0);
    assert_eq!(
        active.clients.configuration.tree().interface(port),
        Some(&config::InterfaceConfiguration::default())
    );
    let text = active
        .clients
        .configuration
        .commands
        .iter()
        .last()
        .map(|(_, command)| command.text.clone());
    assert_eq!(
        text.as_deref(),
        Some("default interface Ethernet0/0"),
        "the standby executes the same"
    );
}

#[test]
fn a_reload_tells_every_console_that_it_is_over() {
    let mut rig = Rig::simplex();
    rig.open(true);
    rig.type_text("enable\rreload\r");
    rig.shown();
    rig.type_text("no\r");
    rig.type_text("\r");
    rig.run_ms(20);
    assert_eq!(rig.closed, Some(CloseReason::Shutdown));
}
