//! An operator at a terminal: types a line, waits for the prompt, believes what it means.
//!
//! The operator sees nothing but the bytes of the console. A command counts as acknowledged once its echo and, on a
//! new line, a prompt have come back without an error in between; then [`crate::checker::Promises`] holds the router
//! to it.

use crate::event::Event;
use crate::options::Plant;
use crate::rp_node::Process;
use crate::saved::{Saving, calls_standby_ready};
use crate::world::{World, port_of};
use machine::{Duration, RpSlot};
use rp::{ConsoleInput, ConsoleOutput, RpInput, SessionId};

/// How long the operator waits for a prompt before opening another console.
const PATIENCE: Duration = Duration::from_millis(700);
/// Networks that the operator adds and removes routes to.
const ROUTES: u64 = 6;

/// What a command does to the running configuration.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) setting: String,
    pub(crate) value: Option<String>,
}

/// What was typed last.
#[derive(Clone, Debug)]
struct Typed {
    /// What is echoed; empty: nothing.
    line: String,
    /// Whether a new line comes before the prompt.
    breaks_line: bool,
    change: Option<Change>,
    saving: Saving,
}

/// The operator.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    /// Slot, life and session of the console.
    session: Option<(RpSlot, u64, SessionId)>,
    screen: String,
    typed: Option<Typed>,
    prompt: String,
    /// The answer to a question of a command, to be typed next, and what the command does then.
    reply: Option<(&'static str, Saving)>,
    interface: String,
    serial: u64,
    sessions: u64,
    ticket: u64,
    /// The next command is to be `redundancy force-switchover`.
    pub(crate) forces_switchover: bool,
    pub(crate) stopped: bool,
}

impl World {
    pub(crate) fn operator_soon(&mut self, at_most: Duration) {
        let at = self.soon(at_most.as_nanos() as u64);
        self.operator.ticket += 1;
        let ticket = self.operator.ticket;
        self.queue.add(at, Event::Operator { ticket });
    }

    fn operator_waits(&mut self) {
        let at = self.now + PATIENCE;
        self.operator.ticket += 1;
        let ticket = self.operator.ticket;
        self.queue.add(at, Event::Operator { ticket });
    }

    pub(crate) fn operator_acts(&mut self, ticket: u64) {
        if self.operator.ticket != ticket {
            return;
        }
        match self.operator.session {
            None if self.operator.stopped => {}
            None => self.open_console(),
            Some((slot, _, session)) if self.operator.typed.is_some() => {
                // No prompt for so long: another console.
                self.console_input(slot, session, ConsoleInput::Closed);
                self.operator.session = None;
                self.operator.typed = None;
                self.operator_soon(Duration::from_millis(20));
            }
            Some((slot, _, session)) if self.operator.reply.is_some() => {
                let (reply, saving) = self.operator.reply.take().unwrap_or_default();
                self.type_line(slot, session, String::from(reply), None, saving);
            }
            Some(_) if self.operator.stopped => {}
            Some((slot, _, session)) => self.type_next(slot, session),
        }
    }

    fn open_console(&mut self) {
        let odd = self.draws.chance(1, 10);
        let wanted = |active: bool| active != odd;
        let slots = RpSlot::ALL
            .into_iter()
            .filter(|slot| self.rps[slot.index()].process.is_some());
        let Some(slot) = slots
            .into_iter()
            .find(|slot| wanted(self.rps[slot.index()].is_active()))
        else {
            return self.operator_soon(Duration::from_millis(20));
        };
        let Some(process) = &self.rps[slot.index()].process else {
            return;
        };
        self.bgp.lines.begin();
        self.operator.sessions += 1;
        let session = SessionId(self.operator.sessions);
        self.operator.session = Some((slot, process.life, session));
        self.operator.screen.clear();
        self.operator.typed = Some(Typed {
            line: String::new(),
            breaks_line: false,
            change: None,
            saving: Saving::No,
        });
        let opened = ConsoleInput::Opened {
            terminal: true,
            strict: false,
            columns: 200,
            // Nobody presses a key at --More--.
            rows: u16::MAX,
        };
        self.console_input(slot, session, opened);
        self.operator_waits();
    }

    fn console_input(&mut self, slot: RpSlot, session: SessionId, input: ConsoleInput) {
        self.work(slot, RpInput::Console { session, input });
    }

    fn type_next(&mut self, slot: RpSlot, session: SessionId) {
        let (line, change) = self.next_line();
        let saving = Saving::of(&line);
        self.checker.saved.typed(saving, &self.checker.promises);
        self.checker.registers.sent(&line);
        if let Some(change) = &change {
            self.checker.promises.sent(&change.setting, change.value.clone());
        }
        self.type_line(slot, session, line, change, saving);
    }

    fn type_line(
        &mut self,
        slot: RpSlot,
        session: SessionId,
        line: String,
        change: Option<Change>,
        saving: Saving,
    ) {
        let mut bytes = line.clone().into_bytes();
        bytes.push(b'\r');
        let content = crate::trace::of_bytes(0, &bytes);
        self.trace
            .note(self.now, "oper", content, || format!("types '{line}' on {slot}"));
        self.operator.screen.clear();
        self.operator.typed = Some(Typed {
            line,
            breaks_line: true,
            change,
            saving,
        });
        self.console_input(slot, session, ConsoleInput::Data(bytes));
        self.operator_waits();
    }

    fn next_line(&mut self) -> (String, Option<Change>) {
        let prompt = self.operator.prompt.clone();
        let plain = |text: &str| (String::from(text), None);
        if let Some(line) = self.next_bgp_line(&prompt) {
            return line;
        }
        if prompt.ends_with("(config-if)#") {
            if self.draws.chance(1, 2) {
                return plain("exit");
            }
            self.operator.serial += 1;
            if self.draws.chance(1, 3) {
                return self.next_mtu_line();
            }
            let value = format!("description d{}", self.operator.serial);
            let setting = format!("{} description", self.operator.interface);
            return (
                value.clone(),
                Some(Change {
                    setting,
                    value: Some(value),
                }),
            );
        }
        if prompt.ends_with("(config-red)#") {
            return self.next_redundancy_line();
        }
        if prompt.ends_with("(config)#") {
            if self.enters_redundancy_mode() {
                return plain("redundancy");
            }
            if let Some(line) = self.next_register_line() {
                return (line, None);
            }
            return self.next_global_line();
        }
        if prompt.ends_with('>') {
            return plain("enable");
        }
        if std::mem::take(&mut self.operator.forces_switchover) {
            return plain("redundancy force-switchover");
        }
        if let Some(line) = self.next_chassis_line() {
            return (line, None);
        }
        match self.draws.below(20) {
            0 | 1 => plain("write memory"),
            2 => plain("copy running-config startup-config"),
            3 => plain("copy running-config bootflash:base"),
            4 => plain("copy running-config stby-bootflash:base"),
            5 => plain("copy bootflash:base nvram:startup-config"),
            6 => plain("delete stby-bootflash:base"),
            7 => plain("redundancy config-sync validate mismatched-commands"),
            8 => plain("show redundancy config-sync status"),
            9 => plain("show checkpoint statistics"),
            10 => plain("show redundancy states"),
            _ => plain("configure terminal"),
        }
    }

    /// Packets of the hosts are short: any of these lets them pass.
    fn next_mtu_line(&mut self) -> (String, Option<Change>) {
        let bytes = 1_400 + self.draws.below(4) * 100;
        let setting = format!("{} mtu", self.operator.interface);
        let removes = bytes == 1_500;
        let line = if removes {
            String::from("no mtu")
        } else {
            format!("mtu {bytes}")
        };
        let value = (!removes).then(|| line.clone());
        (line, Some(Change { setting, value }))
    }

    fn next_global_line(&mut self) -> (String, Option<Change>) {
        self.operator.serial += 1;
        let serial = self.operator.serial;
        match self.draws.below(8) {
            0 | 1 => {
                let value = format!("hostname h{serial}");
                let setting = String::from("hostname");
                (
                    value.clone(),
                    Some(Change {
                        setting,
                        value: Some(value),
                    }),
                )
            }
            2..=4 => {
                let network = self.draws.below(ROUTES);
                let host = port_of(0, self.options.ports_per_card);
                let next_hop = crate::host_node::host_address(host);
                let route = format!("ip route 172.16.{network}.0 255.255.255.0 {next_hop}");
                let removes = self.draws.chance(1, 3);
                let line = if removes {
                    format!("no {route}")
                } else {
                    route.clone()
                };
                let value = (!removes).then(|| route.clone());
                (
                    line,
                    Some(Change {
                        setting: route,
                        value,
                    }),
                )
            }
            5 | 6 => {
                let hosts = u64::from(self.options.cards) * u64::from(self.options.ports_per_card);
                let host = self.draws.below(hosts) as usize;
                let interface = format!("Ethernet{}", port_of(host, self.options.ports_per_card));
                let line = format!("interface {interface}");
                self.operator.interface = interface;
                (line, None)
            }
            _ => (String::from("end"), None),
        }
    }

    /// Bytes for the operator's screen.
    pub(crate) fn console_output(
        &mut self,
        slot: RpSlot,
        process: &Process,
        session: SessionId,
        output: ConsoleOutput,
    ) {
        if self.operator.session != Some((slot, process.life, session)) {
            return;
        }
        match output {
            ConsoleOutput::Data(bytes) => {
                let content = crate::trace::of_bytes(1, &bytes);
                self.trace.note(self.now, "oper", content, || {
                    format!("sees {:?}", String::from_utf8_lossy(&bytes))
                });
                let mut text = without_escapes(&bytes);
                if self.options.plant == Some(Plant::ReasonsHidden) {
                    text = text.replace("(Fell Back)", "");
                }
                self.operator.screen.push_str(&text);
                self.read_screen(slot, process);
            }
            ConsoleOutput::Rejected { .. } => {}
            ConsoleOutput::Close(_) => self.console_gone(slot),
        }
    }

    /// The console's process or session is gone.
    pub(crate) fn console_gone(&mut self, slot: RpSlot) {
        if self.operator.session.is_some_and(|(of, _, _)| of == slot) {
            self.operator.session = None;
            self.operator.typed = None;
            self.operator.reply = None;
            self.operator_soon(Duration::from_millis(20));
        }
    }

    fn read_screen(&mut self, slot: RpSlot, process: &Process) {
        let Some(typed) = self.operator.typed.clone() else {
            // A message of the system between two commands.
            return;
        };
        let Some(answer) = answer_to(&self.operator.screen, &typed).map(String::from) else {
            return;
        };
        let last = last_line(&answer);
        let named = last.ends_with("]? ");
        if named || last.contains("[yes/no]") || last.contains("[confirm]") {
            self.saving_answered(slot, process, &typed, &answer);
            let reply = if named || last.contains("[confirm]") {
                ("", typed.saving)
            } else if self.draws.chance(1, 2) {
                self.checker.saved.typed(Saving::Running, &self.checker.promises);
                ("yes", Saving::Running)
            } else {
                ("no", Saving::No)
            };
            self.operator.typed = None;
            self.operator.reply = Some(reply);
            return self.operator_soon(Duration::from_millis(1));
        }
        if !is_prompt(last) {
            return;
        }
        let prompt = String::from(last);
        let failed = answer
            .lines()
            .any(|line| line.starts_with("% ") || line.starts_with("Config mode cannot"));
        self.operator.typed = None;
        self.operator.prompt = prompt.clone();
        if prompt.ends_with("-stby>") || prompt.contains("-stby") {
            self.operator.session = None;
            return self.operator_soon(Duration::from_millis(30));
        }
        self.saving_answered(slot, process, &typed, &answer);
        if typed.line == "show redundancy states" && process.rp.active().is_some() && self.is_master(slot) {
            self.check_shown_states(&answer);
        }
        if !failed {
            self.acknowledged(slot, process, typed);
        }
        let think = Duration::from_millis(self.options.think_ms_max.max(1));
        self.operator_soon(think);
    }

    /// `[OK]` without a word about the standby: what was typed to be saved is saved.
    fn saving_answered(&mut self, slot: RpSlot, process: &Process, typed: &Typed, answer: &str) {
        let told = answer.lines().any(|line| line.starts_with('%'));
        if typed.saving.saves() && answer.contains("[OK]") && !told {
            self.checker.saves += 1;
            let ready = calls_standby_ready(process, process.clock.local(self.now));
            self.checker.saved.acknowledged(slot, ready);
        }
    }

    fn acknowledged(&mut self, slot: RpSlot, process: &Process, typed: Typed) {
        self.checker.registers.acknowledged(&typed.line);
        self.bgp_line_done(&typed.line);
        let Some(change) = typed.change else { return };
        self.checker.promises.acknowledged(&change.setting, change.value);
        // Every sixth time: putting a configuration in words takes longer than all else of a command.
        let look = self.checker.promises.acknowledged.is_multiple_of(6);
        let Some(active) = process.rp.active().filter(|_| look) else {
            return;
        };
        let running = active.clients.configuration.tree().running_config();
        if let Some(missing) = self.checker.promises.clone().check(&running) {
            self.fail_safety(
                "acknowledged",
                format!("{slot} said that a command is done: {missing}"),
            );
        }
    }
}

/// What came after the echo of what was typed.
fn answer_to<'a>(screen: &'a str, typed: &Typed) -> Option<&'a str> {
    let at = if typed.line.is_empty() {
        0
    } else {
        // A message of the system may hold the same words, behind a blank.
        let is_echo = |at: &usize| !screen[..*at].ends_with(' ');
        let mut places = screen.match_indices(&typed.line).map(|(at, _)| at);
        places.find(is_echo)? + typed.line.len()
    };
    let answer = &screen[at..];
    (!typed.breaks_line || answer.contains('\n')).then_some(answer)
}

fn last_line(text: &str) -> &str {
    let line = text.rsplit('\n').next().unwrap_or("");
    line.rsplit('\r').next().unwrap_or("")
}

/// Whether this is a prompt with nothing typed behind it.
fn is_prompt(line: &str) -> bool {
    let Some(name) = line.strip_suffix(['#', '>']) else {
        return false;
    };
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-()".contains(c))
}

/// The text without the sequences that move the cursor or clear the line.
fn without_escapes(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            if characters.next() == Some('[') {
                for c in characters.by_ref() {
                    if c.is_ascii_alphabetic() {
                        break;
                    }
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        Typed {
            line: line.into(),
            breaks_line: true,
            change: None,
            saving: Saving::No,
        }
    }

    #[test]
    fn a_prompt_counts_only_behind_the_echo_and_a_new_line() {
        let reads = |screen: &str| {
            answer_to(screen, &typed("hostname A"))
                .map(last_line)
                .is_some_and(is_prompt)
        };
        assert!(!reads("Router(config)#"));
        assert!(!reads("%LINK-3-UPDOWN: x\r\nRouter(config)#hostname A"));
        assert!(!reads("hostname A\r\n"));
        assert!(reads("hostname A\r\nA(config)#"));
        assert!(!reads("- hostname A\r\n\rRouter(config)#"), "a list of commands");
    }

    #[test]
    fn escape_sequences_are_no_text() {
        assert_eq!(without_escapes(b"\r\x1b[Kab\x1b[12Cc"), "\rabc");
    }
}
