//! The consoles: sessions, and what goes on in each while a command is being executed.
//!
//! What a console is told goes through the gate, all of it and in order: a prompt that came back means that the
//! standby has what the command did.

use crate::files::FileQuestion;
use crate::io::{ConsoleInput, ConsoleOutput, RpOutput, SessionId};
use crate::platform::SlotOrder;
use crate::processor::{Role, RouteProcessor};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::Command;
use line::ping::Pinger;
use machine::{ChassisSlot, Deadline, Instant, Machine, Outbox, earliest};
use management::{CloseReason, ConsoleRole, ConsoleSession, Outcome, SessionEvent, SessionOptions};
use packet::{Prefix, V4};

/// What follows once the startup configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterSave {
    /// The command was about saving.
    Done,
    /// `redundancy force-switchover` goes on.
    Switchover,
    /// `reload` goes on.
    Reload,
    /// `redundancy reload shelf` goes on.
    Shelf,
}

/// A table that is shown page by page, and the position of its next page.
#[derive(Debug)]
pub(crate) enum Page {
    Routes(crate::exec::RouteTable),
    Bgp(crate::exec::BgpTable),
    Cef(Option<Prefix<V4>>),
    Arp(Option<line::arp::show::Position>),
    /// A text that is there as a whole, and how many bytes of it have been shown.
    Text(String, usize),
}

/// A command under way that does not end in its own turn.
pub(crate) enum Running {
    /// The turns so far have had enough commands: this one is executed in a later one.
    Waiting(Command),
    /// The operator is asked whether to save first.
    AskedToSave(AfterSave),
    /// The operator is asked to confirm.
    AskedToConfirm(AfterSave),
    /// The operator is asked about a file.
    AskedAboutFile(FileQuestion),
    /// The startup configuration is being written.
    Saving,
    /// The redundancy facility was asked to switch over.
    SwitchingOver,
    /// The operator is asked to confirm something about the chassis.
    Confirming(crate::exec::Step),
    /// The backplane was given an order.
    Ordered {
        /// The slot that it is about.
        slot: ChassisSlot,
        /// The order.
        order: SlotOrder,
    },
    /// The crash information files are being listed.
    ListingCrashFiles,
    /// `ping`.
    Pinging(Pinger),
    /// A table too long for one turn.
    Paging(Page),
}

pub(crate) struct Console {
    pub(crate) session: ConsoleSession,
    pub(crate) running: Option<Running>,
    /// `terminal monitor`: what `debug` tells is shown here too.
    pub(crate) monitor: bool,
    terminal: bool,
    /// Bytes of a script that the session has not taken yet.
    unread: Vec<u8>,
    /// Nothing follows what is unread.
    input_ended: bool,
    /// The session is being given bytes.
    reading: bool,
    /// Bytes of a script that the session has taken in this turn.
    read: usize,
    /// The turn had enough of a script: the rest is for a later one.
    read_later: bool,
    /// Bytes that the driver was given and has not told to be sent on.
    undelivered: usize,
}

impl Console {
    /// Whether the next page of a table would be looked at now: the driver has sent on all before it, and the operator is
    /// not at `--More--`. A page of which a filter leaves nothing is followed by the next one at once.
    fn wants_page(&self) -> bool {
        self.undelivered == 0 && self.session.takes_output()
    }

    /// Whether more of a script would be executed now: whoever reads its output keeps up.
    fn keeps_up(&self) -> bool {
        self.terminal || self.undelivered < UNDELIVERED_BYTES_MAX
    }
}

/// All consoles of a route processor.
pub struct Consoles {
    pub(crate) sessions: BTreeMap<SessionId, Console>,
    active: bool,
    /// Commands that were executed since the last turn's end.
    executed: u32,
    /// Whether work was held at the last turn's end.
    held: bool,
}

/// Consoles that may be open at one time.
pub const SESSIONS_MAX: usize = 16;
/// Bytes of a script beyond which the driver is to wait.
const UNREAD_BYTES_MAX: usize = 64 * 1024;
/// Output beyond which a script waits until its reader has taken it.
const UNDELIVERED_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a script that are read between two turn's ends: lines that are no commands cost time, too.
const READ_BYTES_PER_TURN: usize = 4096;
/// Commands executed between two turn's ends, by all sessions. A script of thousands of lines must neither keep the loop
/// from its heartbeats nor make one frame of all that it changes; a command that ends at once starts the next one from
/// within, so this bounds the depth of that too.
const COMMANDS_PER_TURN: u32 = 16;

impl Consoles {
    /// No consoles.
    pub fn new() -> Self {
        Self {
            sessions: BTreeMap::new(),
            active: false,
            executed: 0,
            held: false,
        }
    }

    /// The route processor has become active, or a standby.
    pub fn role_changed(&mut self, active: bool, out: &mut Outbox<RpOutput>) {
        self.active = active;
        let role = self.role();
        for (id, console) in &mut self.sessions {
            let mut events = Vec::new();
            console.session.set_role(role, &mut events);
            write_all(*id, events, out);
        }
    }

    /// Ends all sessions: the route processor goes away. At once, because no gate opens after that.
    pub(crate) fn shut_down(&mut self, out: &mut Outbox<RpOutput>) {
        for (id, mut console) in core::mem::take(&mut self.sessions) {
            let mut events = Vec::new();
            console.session.shut_down(&mut events);
            for event in events {
                let output = match event {
                    SessionEvent::Write(bytes) => ConsoleOutput::Data(bytes),
                    SessionEvent::Close(reason) => ConsoleOutput::Close(reason),
                    _ => continue,
                };
                out.now(RpOutput::Console { session: id, output });
            }
        }
    }

    fn role(&self) -> ConsoleRole {
        if self.active {
            ConsoleRole::Active
        } else {
            ConsoleRole::Standby
        }
    }

    /// The turn is over: sessions may execute commands again, unless work is held.
    pub(crate) fn turn_end(&mut self, work_is_held: bool) {
        self.executed = 0;
        self.held = work_is_held;
        self.sessions.values_mut().for_each(|console| console.read = 0);
    }

    /// When a command under way has something to do.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.sessions.values().fold(None, |next, console| {
            let deadline = match &console.running {
                Some(Running::Pinging(pinger)) => pinger.next_deadline(),
                Some(Running::Paging(..)) if console.wants_page() => {
                    Some((Instant::ZERO, "a table is shown"))
                }
                Some(Running::Waiting(..)) if self.executed == 0 && !self.held && console.keeps_up() => {
                    Some((Instant::ZERO, "a command waits for its turn"))
                }
                _ if console.read_later && console.read == 0 && console.keeps_up() => {
                    Some((Instant::ZERO, "a script goes on"))
                }
                _ => None,
            };
            earliest(next, deadline)
        })
    }
}

impl Default for Consoles {
    fn default() -> Self {
        Self::new()
    }
}

/// Sends events that need no decision; the others are the caller's.
fn write_all(id: SessionId, events: Vec<SessionEvent>, out: &mut Outbox<RpOutput>) -> Vec<SessionEvent> {
    let mut decisions = Vec::new();
    for event in events {
        let output = match event {
            SessionEvent::Write(bytes) => ConsoleOutput::Data(bytes),
            SessionEvent::Rejected { line_number, line } => ConsoleOutput::Rejected { line_number, line },
            SessionEvent::Close(reason) => ConsoleOutput::Close(reason),
            other => {
                decisions.push(other);
                continue;
            }
        };
        out.after_sync(RpOutput::Console { session: id, output });
    }
    decisions
}

impl RouteProcessor {
    /// Bytes that the console may send now; the driver leaves the rest where it is.
    pub fn console_room(&self, session: SessionId) -> usize {
        let unread = self
            .consoles
            .sessions
            .get(&session)
            .map_or(0, |console| console.unread.len());
        UNREAD_BYTES_MAX.saturating_sub(unread)
    }

    pub(crate) fn console(&mut self, now: Instant, id: SessionId, input: ConsoleInput) {
        match input {
            ConsoleInput::Opened {
                terminal,
                strict,
                columns,
                rows,
            } => {
                let options = SessionOptions {
                    terminal,
                    strict,
                    columns,
                    rows,
                };
                self.open_console(now, id, options);
            }
            ConsoleInput::Resized { columns, rows } => {
                if let Some(console) = self.consoles.sessions.get_mut(&id) {
                    console.session.resize(columns, rows);
                }
            }
            ConsoleInput::Data(bytes) => {
                if let Some(console) = self.consoles.sessions.get_mut(&id) {
                    console.unread.extend_from_slice(&bytes);
                }
                self.read_on(now, id);
            }
            ConsoleInput::EndOfInput => {
                if let Some(console) = self.consoles.sessions.get_mut(&id) {
                    console.input_ended = true;
                }
                self.read_on(now, id);
            }
            ConsoleInput::Drained => {
                if let Some(console) = self.consoles.sessions.get_mut(&id) {
                    console.undelivered = 0;
                }
                self.read_on(now, id);
            }
            ConsoleInput::Closed => {
                self.consoles.sessions.remove(&id);
            }
        }
    }

    fn open_console(&mut self, now: Instant, id: SessionId, options: SessionOptions) {
        if self.consoles.sessions.len() >= SESSIONS_MAX {
            let text = "% All console lines are in use\r\n".as_bytes().to_vec();
            self.turn.after_sync(RpOutput::Console {
                session: id,
                output: ConsoleOutput::Data(text),
            });
            let output = ConsoleOutput::Close(CloseReason::Shutdown);
            self.turn.after_sync(RpOutput::Console { session: id, output });
            return;
        }
        let mut session = ConsoleSession::new(options, self.consoles.role());
        session.set_hostname(self.hostname());
        let console = Console {
            session,
            running: None,
            monitor: false,
            terminal: options.terminal,
            unread: Vec::new(),
            input_ended: false,
            reading: false,
            read: 0,
            read_later: false,
            undelivered: 0,
        };
        self.consoles.sessions.insert(id, console);
        self.with_session(now, id, |session, events| session.start(events));
    }

    fn hostname(&self) -> &str {
        match &self.role {
            Role::Active(active) => active.clients.configuration.tree().hostname(),
            Role::Standby(standby) => standby.clients().configuration.tree().hostname(),
            Role::Undecided | Role::Halted => config::HOSTNAME_DEFAULT,
        }
    }

    /// Gives the session what it has not taken yet: a person's keys at once, a script as fast as its output is taken.
    fn read_on(&mut self, now: Instant, id: SessionId) {
        loop {
            let Some(console) = self.consoles.sessions.get_mut(&id) else {
                return;
            };
            // A command that ends at once comes here while the session is still being given the bytes before.
            if console.reading {
                return;
            }
            let budget = match console.terminal {
                true => usize::MAX,
                false => READ_BYTES_PER_TURN.saturating_sub(console.read),
            };
            let size = console.unread.len().min(budget);
            console.read_later = size < console.unread.len();
            if size == 0 || !console.keeps_up() {
                break;
            }
            console.reading = true;
            let unread = core::mem::take(&mut console.unread);
            let mut taken = 0;
            self.with_session(now, id, |session, events| {
                taken = session.input(&unread[..size], events)
            });
            let Some(console) = self.consoles.sessions.get_mut(&id) else {
                return;
            };
            console.reading = false;
            console.read += taken;
            console.unread.splice(0..0, unread[taken..].iter().copied());
            if taken == 0 {
                // The session is full; it goes on when its command is done.
                console.read_later = false;
                break;
            }
        }
        self.end_input(now, id);
    }

    /// Tells the session that nothing follows, once it has been given all.
    fn end_input(&mut self, now: Instant, id: SessionId) {
        let Some(console) = self.consoles.sessions.get_mut(&id) else {
            return;
        };
        if console.unread.is_empty() && core::mem::take(&mut console.input_ended) {
            self.with_session(now, id, |session, events| session.end_of_input(events));
        }
    }

    /// Lets the session do something and serves what it asks for.
    pub(crate) fn with_session(
        &mut self,
        now: Instant,
        id: SessionId,
        act: impl FnOnce(&mut ConsoleSession, &mut Vec<SessionEvent>),
    ) {
        let Some(console) = self.consoles.sessions.get_mut(&id) else {
            return;
        };
        let mut events = Vec::new();
        let configuring = console.session.mode().is_configuration();
        act(&mut console.session, &mut events);
        let left_configuration = configuring && !console.session.mode().is_configuration();
        self.serve(now, id, events);
        if left_configuration && self.active().is_some() {
            self.log(crate::log::configured());
        }
    }

    fn serve(&mut self, now: Instant, id: SessionId, events: Vec<SessionEvent>) {
        let mut due: VecDeque<SessionEvent> = events.into();
        while let Some(event) = due.pop_front() {
            match event {
                SessionEvent::Execute { command, .. } => self.execute_in_turn(now, id, command),
                SessionEvent::Answer(answer) => self.answered(now, id, answer),
                SessionEvent::Interrupt => self.interrupted(now, id),
                SessionEvent::Close(reason) => {
                    self.consoles.sessions.remove(&id);
                    let output = ConsoleOutput::Close(reason);
                    self.turn.after_sync(RpOutput::Console { session: id, output });
                }
                other => {
                    if let (SessionEvent::Write(bytes), Some(console)) =
                        (&other, self.consoles.sessions.get_mut(&id))
                    {
                        console.undelivered += bytes.len();
                    }
                    let decisions = write_all(id, [other].into(), &mut self.turn);
                    due.extend(decisions);
                }
            }
        }
    }

    /// Executes a command now, or in a later turn when this one has had enough.
    fn execute_in_turn(&mut self, now: Instant, id: SessionId, command: Command) {
        let keeps_up = self.consoles.sessions.get(&id).is_some_and(Console::keeps_up);
        if self.consoles.executed < COMMANDS_PER_TURN && keeps_up && !self.holds_work(now) {
            self.consoles.executed += 1;
            self.execute(now, id, command);
        } else if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(Running::Waiting(command));
        }
    }

    /// Ends the command under way.
    pub(crate) fn complete(&mut self, now: Instant, id: SessionId, outcome: Outcome, text: &str) {
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = None;
        }
        let hostname = self.hostname().to_string();
        self.with_session(now, id, |session, events| {
            session.set_hostname(&hostname);
            session.complete(outcome, text, events);
        });
        self.read_on(now, id);
    }

    /// Ends the commands that wait for the redundancy facility's answer with these words.
    pub(crate) fn answer_pending(&mut self, now: Instant, words: &str) {
        let waiting: Vec<SessionId> = self
            .consoles
            .sessions
            .iter()
            .filter(|(_, console)| matches!(console.running, Some(Running::SwitchingOver)))
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.complete(now, id, Outcome::Rejected, words);
        }
    }

    pub(crate) fn expire_consoles(&mut self, now: Instant) {
        let ids: Vec<SessionId> = self.consoles.sessions.keys().copied().collect();
        for id in ids {
            let Some(console) = self.consoles.sessions.get_mut(&id) else {
                continue;
            };
            let wants_page = console.wants_page();
            match &mut console.running {
                Some(Running::Pinging(_)) => self.tell_pinger(now, id, None),
                Some(Running::Paging(_)) if wants_page => {
                    if let Some(Running::Paging(page)) = console.running.take() {
                        self.show_page(now, id, page);
                    }
                }
                Some(Running::Waiting(_)) => {
                    if let Some(Running::Waiting(command)) = console.running.take() {
                        self.execute_in_turn(now, id, command);
                    }
                }
                _ if console.read_later => self.read_on(now, id),
                _ => {}
            }
        }
    }

    /// Writes output of the command under way.
    pub(crate) fn write(&mut self, now: Instant, id: SessionId, text: &str) {
        self.with_session(now, id, |session, events| session.output(text, events));
    }
}
