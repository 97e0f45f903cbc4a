//! EXEC: what each command does.

mod observe;

use crate::config_sync::Requester;
mod platform;
mod policy_show;
mod routing;
mod shown;

pub(crate) use platform::Step;
pub(crate) use shown::{BgpTable, RouteTable};

use crate::console::{AfterSave, Page, Running};
use crate::io::SessionId;
use crate::processor::{Role, RouteProcessor};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::{AddressFilter, Command, ConfigCommand, ExecCommand};
use line::ping::{PingInput, PingOptions, PingOutput, Pinger};
use machine::{Instant, Machine, Outbox, Release};
use management::{Answer, Outcome, Question, QuestionKind};
use redundancy::show::{ProcessorView, RedundancyView};
use redundancy::{Input as RfInput, SwitchoverHistory, SwitchoverReason, show as rf_show};
use rib::show::Question as RouteQuestion;

/// The refusal while the standby is being filled (redundancy reference, section 3.3).
const CONFIGURATION_LOCKED: &str = "Config mode cannot be entered during Standby initialization";
/// The refusal of a command that this release is without.
const NOT_KNOWN: &str = "% Invalid input detected: this release does not know the command";
/// What saving says when it has succeeded.
const SAVED: &str = "Building configuration...\n[OK]";
/// Entries on one page of a long table.
const PAGE_LINES: usize = 1_000;
/// Bytes of a long text that a console is given at once.
const TEXT_BYTES: usize = 64 * 1024;

impl RouteProcessor {
    pub(crate) fn execute(&mut self, now: Instant, id: SessionId, command: Command) {
        match command {
            Command::Configure(command) => self.configure(now, id, &command),
            Command::Mode(_) if !self.accepts_configuration() => {
                self.complete(now, id, Outcome::Rejected, CONFIGURATION_LOCKED);
            }
            Command::Mode(_) | Command::Empty => self.complete(now, id, Outcome::Accepted, ""),
            Command::Exec(command) => self.execute_exec(now, id, command),
        }
    }

    fn accepts_configuration(&self) -> bool {
        self.active().is_some_and(crate::Active::accepts_configuration)
    }

    fn configure(&mut self, now: Instant, id: SessionId, command: &ConfigCommand) {
        if !self.accepts_configuration() {
            return self.complete(now, id, Outcome::Rejected, CONFIGURATION_LOCKED);
        }
        if !self.language().knows(command) {
            return self.complete(now, id, Outcome::Rejected, NOT_KNOWN);
        }
        if let Some(why) = self.names_no_port(command) {
            return self.complete(now, id, Outcome::Rejected, &why);
        }
        let Role::Active(active) = &mut self.role else {
            return;
        };
        match active.configure(now, command, &mut self.turn) {
            Ok(_) => {
                self.reconcile_log();
                self.command_executed(now, command);
                self.complete(now, id, Outcome::Accepted, &command.notice());
            }
            Err(error) => self.complete(now, id, Outcome::Rejected, &error.to_string()),
        }
    }

    /// Why the port that a command names cannot exist. A slot without a card may be configured before one is inserted.
    fn names_no_port(&self, command: &ConfigCommand) -> Option<String> {
        let port = match command {
            ConfigCommand::Interface { port } => *port,
            ConfigCommand::IpRoute { path, .. } => path.port()?,
            _ => return None,
        };
        let clients = &self.active()?.clients;
        if clients.configuration.tree().interface(port).is_some() {
            return None;
        }
        if !self.config.card_slots.contains(&port.card) {
            return Some(alloc::format!(
                "% Ethernet{port} does not exist: the chassis has no card slot {}",
                port.card
            ));
        }
        let card = clients.inventory.cards.get(&port.card)?;
        Some(alloc::format!(
            "% Ethernet{port} does not exist: the {} in slot {} has {} ports",
            card.model,
            port.card,
            clients.inventory.ports_of(port.card).count()
        ))
    }

    fn execute_exec(&mut self, now: Instant, id: SessionId, command: ExecCommand) {
        let lines = match command {
            ExecCommand::WriteMemory => {
                return self.save(now, id, AfterSave::Done);
            }
            ExecCommand::Platform(command) => return self.execute_platform(now, id, command),
            ExecCommand::Json(command) => return self.show_json(now, id, *command),
            ExecCommand::Routing(command) => return self.routing(now, id, &command, false),
            ExecCommand::Ping { target, repeat } => return self.ping(now, id, target, repeat),
            ExecCommand::Observe(command) => self.observe(now, id, command),
            ExecCommand::RedundancyForceSwitchover => return self.force_switchover(now, id),
            ExecCommand::Reload => return self.ask_before(now, id, AfterSave::Reload),
            ExecCommand::ShowIpRoute { filter } => return self.show_routes(now, id, filter, false),
            ExecCommand::ShowIpCef { filter: None } => return self.show_page(now, id, Page::Cef(None)),
            ExecCommand::ShowIpCef { filter: Some(filter) } => self.show_cef_entry(filter),
            ExecCommand::ShowArp => return self.show_page(now, id, Page::Arp(None)),
            ExecCommand::Files(command) => return self.file_command(now, id, &command),
            ExecCommand::ShowCheckpointFacility(view) => self.show_checkpoint_facility(view),
            ExecCommand::MismatchedCommands(order) => text_lines(&self.mismatched_commands(now, order)),
            ExecCommand::ShowConfigSyncFailures(class) => self.show_config_sync_failures(class),
            ExecCommand::ShowConfigSyncIgnored => self.show_config_sync_ignored(),
            ExecCommand::ShowConfigSyncStatus => self.show_config_sync_status(now),
            ExecCommand::ShowCheckpoint => self.show_checkpoint(),
            ExecCommand::ShowInterfaces { port } => self.show_interfaces(port),
            ExecCommand::ShowIpInterfaceBrief => self.show_ip_interface_brief(),
            ExecCommand::ShowPlatform => self.show_platform(now),
            ExecCommand::ShowRedundancy => {
                let mut lines = text_lines(&rf_show::show_redundancy(&self.redundancy_view(now)));
                lines.extend(self.crash_dump_lines(now));
                lines.extend(self.peer_refused_lines());
                lines
            }
            ExecCommand::ShowRedundancyClients => text_lines(&rf_show::show_clients(self.facility.clients())),
            ExecCommand::ShowRedundancyHistory => text_lines(&rf_show::show_history(self.facility.history())),
            ExecCommand::ShowRedundancyStates => {
                text_lines(&rf_show::show_states(&self.facility.status(now)))
            }
            ExecCommand::ShowRedundancySwitchoverHistory => {
                text_lines(&rf_show::show_switchover_history(&self.switchover_history()))
            }
            ExecCommand::ShowRunningConfig => self.show_running_config(),
            ExecCommand::ShowStartupConfig => self.show_startup_config(),
            ExecCommand::ShowVersion => self.show_version(now),
            ExecCommand::ShowClock => Vec::from([self.show_clock(now)]),
            // The session executes these itself: they are about its terminal.
            ExecCommand::ShowHistory
            | ExecCommand::ShowPrivilege
            | ExecCommand::ShowTerminal
            | ExecCommand::TerminalHistorySize { .. }
            | ExecCommand::TerminalLength { .. }
            | ExecCommand::TerminalWidth { .. } => Vec::new(),
        };
        self.show_page(now, id, Page::Text(lines.join("\n"), 0));
    }

    fn show_running_config(&self) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let lines = active.clients.configuration.tree().running_config();
        let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
        let mut shown = Vec::from([
            String::from("Building configuration..."),
            String::new(),
            alloc::format!("Current configuration : {bytes} bytes"),
        ]);
        shown.extend(lines);
        shown
    }

    fn show_startup_config(&self) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        match active.clients.configuration.startup_text() {
            Some(text) => {
                let mut lines = Vec::from([alloc::format!("Using {} bytes", text.len())]);
                lines.extend(text_lines(text));
                lines
            }
            None => Vec::from([String::from("startup-config is not present")]),
        }
    }

    fn show_cef_entry(&self, filter: AddressFilter) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        rib::show::cef_entry(&active.clients.rib, question(filter))
    }

    /// Shows one page of a long table; the next one follows when the console has taken this one.
    pub(crate) fn show_page(&mut self, now: Instant, id: SessionId, page: Page) {
        if let Page::Text(text, from) = page {
            return self.show_text(now, id, text, from);
        }
        let Role::Active(active) = &self.role else {
            return self.complete(now, id, Outcome::Accepted, "");
        };
        let (lines, next) = match page {
            Page::Text(..) => (Vec::new(), None),
            Page::Routes(table) => active.route_table_page(table, PAGE_LINES),
            Page::Bgp(table) => active.bgp_table_page(table, PAGE_LINES),
            Page::Cef(after) => {
                let (lines, next) = rib::show::cef(&active.clients.rib, after, PAGE_LINES);
                (lines, next.map(|next| Page::Cef(Some(next))))
            }
            Page::Arp(after) => {
                let (lines, next) = line::arp::show::arp(&active.clients.arp, now, after, PAGE_LINES);
                (lines, next.map(|next| Page::Arp(Some(next))))
            }
        };
        let text = lines.join("\n");
        let Some(next) = next else {
            return self.complete(now, id, Outcome::Accepted, &text);
        };
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(Running::Paging(next));
        }
        self.write(now, id, &alloc::format!("{text}\n"));
    }

    /// Shows the next piece of a text, up to the end of a line. The text is what was true at the command; only its way to
    /// the console takes turns.
    fn show_text(&mut self, now: Instant, id: SessionId, text: String, from: usize) {
        let rest = &text[from..];
        let end = match rest.get(..rest.floor_char_boundary(TEXT_BYTES)) {
            Some(piece) if piece.len() < rest.len() => piece.rfind('\n').map_or(piece.len(), |end| end + 1),
            _ => return self.complete(now, id, Outcome::Accepted, rest),
        };
        let piece = String::from(&rest[..end]);
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(Running::Paging(Page::Text(text, from + end)));
        }
        self.write(now, id, &piece);
    }

    fn switchover_history(&self) -> SwitchoverHistory {
        self.active().map_or_else(SwitchoverHistory::default, |active| {
            active.clients.system.switchover_history()
        })
    }

    fn redundancy_view(&self, now: Instant) -> RedundancyView {
        let history = self.switchover_history();
        let available = self.active().map_or(machine::Duration::ZERO, |active| {
            active.clients.system.uptime(now)
        });
        let status = self.facility.status(now);
        let processor = |image: &str, registers: (u16, u16)| ProcessorView {
            image_version: alloc::format!("Holdover Software, {image}"),
            boot: String::new(),
            config_file: String::new(),
            configuration_register: registers.into(),
        };
        let peer = status.peer_said.map(|(register, next, image)| {
            // A standby that is kept up to date has taken ours over since it spoke.
            let follows = status.peer_rests || status.peer_state == redundancy::RfState::StandbyHot;
            let next = if follows { status.registers.1 } else { next };
            processor(image.as_str(), (register, next))
        });
        RedundancyView {
            available,
            switchovers: history.count(),
            last_reason: history
                .last()
                .filter(|entry| entry.ordinal > 0)
                .map_or(SwitchoverReason::None, |entry| entry.reason),
            peer: peer.unwrap_or_default(),
            current: processor(&self.config.image_version, status.registers),
            status,
        }
    }

    fn is_modified(&self) -> bool {
        let Role::Active(active) = &self.role else {
            return false;
        };
        let running = active.clients.configuration.tree().running_config_text();
        active.clients.configuration.startup_text() != Some(&running)
    }

    fn force_switchover(&mut self, now: Instant, id: SessionId) {
        match self.facility.status(now).manual_switchover.refusal() {
            Some(words) => self.complete(now, id, Outcome::Rejected, words),
            None => self.ask_before(now, id, AfterSave::Switchover),
        }
    }

    /// Asks whether to save, if there is anything to save, and then for confirmation.
    fn ask_before(&mut self, now: Instant, id: SessionId, then: AfterSave) {
        if self.is_modified() {
            let text = String::from("System configuration has been modified. Save?");
            self.ask(
                now,
                id,
                Running::AskedToSave(then),
                Question {
                    text,
                    kind: QuestionKind::YesNo,
                },
            );
        } else {
            self.ask_to_confirm(now, id, then);
        }
    }

    fn ask_to_confirm(&mut self, now: Instant, id: SessionId, then: AfterSave) {
        let text = match then {
            AfterSave::Switchover => "Proceed with switchover to standby RP?",
            AfterSave::Reload => "Proceed with reload?",
            AfterSave::Shelf => self.shelf_question(),
            AfterSave::Done => return self.complete(now, id, Outcome::Accepted, SAVED),
        };
        let question = Question {
            text: text.to_string(),
            kind: QuestionKind::Confirm,
        };
        self.ask(now, id, Running::AskedToConfirm(then), question);
    }

    pub(crate) fn ask(&mut self, now: Instant, id: SessionId, running: Running, question: Question) {
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(running);
        }
        self.with_session(now, id, |session, events| session.ask(question, events));
    }

    pub(crate) fn answered(&mut self, now: Instant, id: SessionId, answer: Answer) {
        let Some(console) = self.consoles.sessions.get_mut(&id) else {
            return;
        };
        match (console.running.take(), answer) {
            (Some(Running::AskedAboutFile(about)), answer) => {
                self.file_question_answered(now, id, about, answer);
            }
            (Some(Running::AskedToSave(then)), Answer::Yes) => self.save(now, id, then),
            (Some(Running::AskedToSave(then)), Answer::No) => self.ask_to_confirm(now, id, then),
            (Some(Running::Confirming(step)), answer) => self.platform_answered(now, id, step, answer),
            (Some(Running::AskedToConfirm(AfterSave::Switchover)), Answer::Yes) => {
                console.running = Some(Running::SwitchingOver);
                self.write(now, id, "    Manual Swact = enabled\n");
                self.tell_facility(now, RfInput::ForceSwitchover);
            }
            (Some(Running::AskedToConfirm(AfterSave::Reload)), Answer::Yes) => {
                console.running = Some(Running::SwitchingOver);
                self.reload_shelf(now);
            }
            (Some(Running::AskedToConfirm(AfterSave::Shelf)), Answer::Yes) => {
                console.running = Some(Running::SwitchingOver);
                self.write(now, id, "Preparing to reload this shelf\n");
                self.reload_shelf(now);
            }
            _ => self.complete(now, id, Outcome::Rejected, ""),
        }
    }

    /// Writes the running configuration to both NVRAMs; what is to be done `then` follows.
    pub(crate) fn save(&mut self, now: Instant, id: SessionId, then: AfterSave) {
        let Role::Active(active) = &self.role else {
            return self.complete(now, id, Outcome::Rejected, CONFIGURATION_LOCKED);
        };
        let text = active.clients.configuration.tree().running_config_text();
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(Running::Saving);
        }
        self.save_startup(now, text, Requester::Console(id, then));
    }

    /// The startup configuration is written; `note` says what is not right about the standby's.
    pub(crate) fn saved_by_console(
        &mut self,
        now: Instant,
        id: SessionId,
        then: AfterSave,
        note: Option<&str>,
    ) {
        let said = note.map_or(String::from(SAVED), |note| alloc::format!("{SAVED}\n{note}"));
        if then == AfterSave::Done {
            self.complete(now, id, Outcome::Accepted, &said);
        } else {
            self.write(now, id, &alloc::format!("{said}\n"));
            self.ask_to_confirm(now, id, then);
        }
    }

    fn ping(&mut self, now: Instant, id: SessionId, target: core::net::Ipv4Addr, repeat: Option<u32>) {
        let Some(source) = self.active().and_then(|active| active.source_address(target)) else {
            return self.complete(
                now,
                id,
                Outcome::Rejected,
                "% No route to the destination, or no address to ask from",
            );
        };
        let mut options = PingOptions::new(source, target);
        if let Some(repeat) = repeat {
            options.count = repeat;
        }
        let identifier = (id.0 & 0xffff) as u16;
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(Running::Pinging(Pinger::new(options, identifier)));
        }
        self.tell_pinger(now, id, Some(PingInput::Start));
    }

    /// Gives a `ping` an input, or lets it do what is due, and carries out what it asks for.
    pub(crate) fn tell_pinger(&mut self, now: Instant, id: SessionId, input: Option<PingInput>) {
        let Some(console) = self.consoles.sessions.get_mut(&id) else {
            return;
        };
        let Some(Running::Pinging(pinger)) = &mut console.running else {
            return;
        };
        let mut asked = Outbox::new();
        match input {
            Some(input) => pinger.handle(now, input, &mut asked),
            None => pinger.expire(now, &mut asked),
        }
        for (_, output) in asked.drain() {
            match output {
                PingOutput::Packet(packet) => {
                    if let Role::Active(active) = &mut self.role {
                        active.originate(now, packet, Release::Now, &mut self.turn);
                    }
                }
                PingOutput::Text(text) => self.write(now, id, &text),
                PingOutput::Done => self.complete(now, id, Outcome::Accepted, ""),
            }
        }
    }

    /// Offers frames to the router itself to the commands that may wait for them.
    pub(crate) fn offer_frames(&mut self, now: Instant) {
        let Role::Active(active) = &mut self.role else {
            return;
        };
        let frames = active.take_frames_for_commands();
        if frames.is_empty() {
            return;
        }
        let pinging =
            |console: &crate::console::Console| matches!(console.running, Some(Running::Pinging(_)));
        let sessions = &self.consoles.sessions;
        let ids: Vec<SessionId> = sessions
            .iter()
            .filter(|(_, console)| pinging(console))
            .map(|(id, _)| *id)
            .collect();
        for frame in frames {
            for id in &ids {
                self.tell_pinger(now, *id, Some(PingInput::Frame(frame.clone())));
            }
        }
    }

    pub(crate) fn interrupted(&mut self, now: Instant, id: SessionId) {
        let Some(console) = self.consoles.sessions.get_mut(&id) else {
            return;
        };
        match &mut console.running {
            Some(Running::Pinging(_)) => self.tell_pinger(now, id, Some(PingInput::Abort)),
            Some(Running::Paging(_)) => self.complete(now, id, Outcome::Accepted, ""),
            _ => {}
        }
    }
}

fn question(filter: AddressFilter) -> RouteQuestion {
    match filter {
        AddressFilter::Address(address) => RouteQuestion::Address(address),
        AddressFilter::Prefix(prefix) => RouteQuestion::Prefix(prefix),
    }
}

fn text_lines(text: &str) -> Vec<String> {
    text.lines().map(String::from).collect()
}
