//! One console session: mode, prompt, lines to commands, questions, scripts.
//!
//! A session is driven by two sides. The client's bytes come in through [`ConsoleSession::input`]; the route
//! processor answers what the session asked for. In between nothing is shown and nothing else is executed: bytes that
//! arrive meanwhile wait, so that a prompt always means "the command before is done, on both route processors".
//!
//! ```text
//!               line is a command: Execute             ask()
//!   Prompt ──────────────────────────────▶ Executing ─────────▶ Asking
//!     ▲  ◀──────────────────────────────── complete() ◀──────── Answer
//!     │                                     │   ▲
//!     │                    the page is full ▼   │ a key
//!     └─ mode commands, help, errors         More       exit, end of input, strict: Closed
//!        are handled here
//! ```
//!
//! What a command shows passes through its filter and then the pager.
//!
//! A *terminal* session echoes, edits, completes and prompts. A *script* session reads whole lines and shows only what
//! commands say; a rejected line is shown with its prompt, so that the marker stands under something, and reported as
//! [`SessionEvent::Rejected`].

mod lines;
mod output;
mod question;
mod terminal;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use config::{Command, Completion, Grammar, HOSTNAME_DEFAULT, Line, Mode, ModeCommand};

use crate::editor::Editor;
use crate::keys::{Key, KeyDecoder};
use output::{Display, Then};
pub use question::{Answer, Question, QuestionKind};
use question::{Asked, Reply};
use terminal::Terminal;

/// Bytes typed ahead (or read of a script) that wait for the command being executed.
pub const PENDING_BYTES_MAX: usize = 4096;

/// What a command on the standby's console is answered with.
pub const STANDBY_REFUSAL: &str = "Standby console disabled";
/// What the console of a standby says when its route processor has become active.
pub const ACTIVE_NOTICE: &str = "console active.  Press RETURN to get started!";
/// What entering configuration mode says.
pub const CONFIGURE_NOTICE: &str = "Enter configuration commands, one per line.  End with CNTL/Z.";

/// Who is at the other end: the content of the client's hello.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// A person at a terminal, not a script.
    pub terminal: bool,
    /// The first rejected line ends the session.
    pub strict: bool,
    /// Width of the terminal; 0: unknown.
    pub columns: u16,
    /// Height of the terminal; 0: unknown.
    pub rows: u16,
}

/// What the session's route processor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleRole {
    /// Commands are executed.
    Active,
    /// Every command is refused; the prompt says `-stby`.
    Standby,
}

/// Whether a command did what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: the mode follows the command.
    Accepted,
    /// Not done: the mode stays, and a strict script ends.
    Rejected,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// `exit` or `logout`.
    Logout,
    /// All input of the client has been dealt with.
    EndOfInput,
    /// A line of a strict script was rejected.
    RejectedLine,
    /// The route processor ended it: reload, switchover, shutdown.
    Shutdown,
}

impl CloseReason {
    /// The number in [`crate::wire::Frame::Closed`].
    pub const fn to_u8(self) -> u8 {
        match self {
            CloseReason::Logout => 0,
            CloseReason::EndOfInput => 1,
            CloseReason::RejectedLine => 2,
            CloseReason::Shutdown => 3,
        }
    }

    /// The reason with this number.
    pub const fn from_u8(number: u8) -> Option<CloseReason> {
        match number {
            0 => Some(CloseReason::Logout),
            1 => Some(CloseReason::EndOfInput),
            2 => Some(CloseReason::RejectedLine),
            3 => Some(CloseReason::Shutdown),
            _ => None,
        }
    }
}

/// What a session asks of its driver, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Bytes for the client.
    Write(Vec<u8>),
    /// Execute this, and answer with [`ConsoleSession::complete`]. Until then the session waits.
    Execute {
        /// The line as typed.
        line: String,
        /// Where it was typed.
        mode: Mode,
        /// What it means. Never empty; of the mode commands only `configure terminal`, which a bulk refuses.
        command: Command,
    },
    /// The operator's answer to the question asked with [`ConsoleSession::ask`].
    Answer(Answer),
    /// The operator wants the command being executed to stop. It still ends with [`ConsoleSession::complete`].
    Interrupt,
    /// A line of a script was not executed.
    Rejected {
        /// Its number in the input, from 1.
        line_number: u32,
        /// The line.
        line: String,
    },
    /// The session is over. It takes no more input and gives no more events.
    Close(CloseReason),
}

#[derive(Clone, Debug)]
enum Phase {
    /// Before [`ConsoleSession::start`].
    Unstarted,
    Prompt,
    Executing,
    Asking(Asked),
    /// Output waits for a key; what follows once all is shown.
    More(Then),
    Closed,
}

/// The line that is being executed.
#[derive(Clone, Debug)]
struct Current {
    line: String,
    line_number: u32,
    command: Command,
}

/// A console session. See the module for its states.
#[derive(Clone, Debug)]
pub struct ConsoleSession {
    options: SessionOptions,
    hostname: String,
    role: ConsoleRole,
    mode: Mode,
    phase: Phase,
    current: Option<Current>,
    editor: Editor,
    keys: KeyDecoder,
    script: lines::LineAssembler,
    /// Bytes not yet looked at.
    pending: VecDeque<u8>,
    input_ended: bool,
    /// After the line that ^Z entered, configuration is left.
    leave_configuration: bool,
    at_line_start: bool,
    terminal: Terminal,
    display: Display,
}

impl ConsoleSession {
    /// A session that shows nothing until [`ConsoleSession::start`].
    pub fn new(options: SessionOptions, role: ConsoleRole) -> Self {
        Self {
            options,
            hostname: HOSTNAME_DEFAULT.to_string(),
            role,
            mode: Mode::UserExec,
            phase: Phase::Unstarted,
            current: None,
            editor: Editor::new(options.columns),
            keys: KeyDecoder::new(),
            script: lines::LineAssembler::new(),
            pending: VecDeque::new(),
            input_ended: false,
            leave_configuration: false,
            at_line_start: true,
            terminal: Terminal::new(options),
            display: Display::default(),
        }
    }

    /// Where the operator is.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a command is being executed (or a question of it is open), that is, whether
    /// [`ConsoleSession::complete`] is due.
    pub fn is_executing(&self) -> bool {
        matches!(
            self.phase,
            Phase::Executing | Phase::Asking(_) | Phase::More(Then::Execute)
        )
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// The prompt as it stands before a line now.
    pub fn prompt(&self) -> String {
        let role = match self.role {
            ConsoleRole::Active => "",
            ConsoleRole::Standby => "-stby",
        };
        format!("{}{role}{}", self.hostname, self.mode.prompt_suffix())
    }

    /// The router's name has changed; the next prompt has it. For a `hostname` command, to be called before
    /// [`ConsoleSession::complete`].
    pub fn set_hostname(&mut self, hostname: &str) {
        self.hostname = hostname.to_string();
    }

    /// The terminal has another size; 0: unknown. What was set with `terminal width` and `terminal length` stays.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        (self.options.columns, self.options.rows) = (columns, rows);
        self.terminal.resize(columns, rows);
        self.editor.resize(self.terminal.columns());
        self.resize_output();
    }

    /// Shows the first prompt and takes input from now on.
    pub fn start(&mut self, events: &mut Vec<SessionEvent>) {
        if matches!(self.phase, Phase::Unstarted) {
            self.show_prompt(events);
            self.pump(events);
        }
    }

    /// Takes bytes from the client, and says how many: the driver keeps the rest and offers it again after
    /// [`ConsoleSession::complete`]. A terminal's bytes are always taken; those beyond [`PENDING_BYTES_MAX`] typed ahead
    /// are dropped with a bell.
    pub fn input(&mut self, bytes: &[u8], events: &mut Vec<SessionEvent>) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            if self.is_closed() {
                return bytes.len();
            }
            let room = PENDING_BYTES_MAX - self.pending.len();
            if room == 0 {
                if self.options.terminal {
                    self.take_interrupts(&bytes[taken..], events);
                    self.write(&[0x07], events);
                    return bytes.len();
                }
                return taken;
            }
            let chunk = &bytes[taken..bytes.len().min(taken + room)];
            taken += chunk.len();
            self.pending.extend(chunk);
            if self.options.terminal && matches!(self.phase, Phase::Executing) {
                self.take_interrupts(chunk, events);
            }
            self.pump(events);
        }
        taken
    }

    /// The client has no more input. The session closes once all that it has sent is dealt with.
    pub fn end_of_input(&mut self, events: &mut Vec<SessionEvent>) {
        self.input_ended = true;
        self.pump(events);
    }

    /// Asks the operator about the command being executed; [`SessionEvent::Answer`] will follow.
    pub fn ask(&mut self, question: Question, events: &mut Vec<SessionEvent>) {
        if !matches!(self.phase, Phase::Executing) {
            return;
        }
        self.begin_line(events);
        let asked = Asked::new(question, self.options.columns);
        self.phase = Phase::Asking(asked);
        self.show_question(events);
        self.pump(events);
    }

    /// The route processor has another role. A new active's console starts anew, in user EXEC; an executing command
    /// still has to be completed.
    pub fn set_role(&mut self, role: ConsoleRole, events: &mut Vec<SessionEvent>) {
        if role == self.role {
            return;
        }
        self.role = role;
        self.mode = Mode::UserExec;
        self.leave_configuration = false;
        self.drop_output(events);
        if !self.options.terminal || !matches!(self.phase, Phase::Prompt) {
            return;
        }
        if role == ConsoleRole::Active {
            self.write(b"\r\x1b[K", events);
            self.at_line_start = true;
            self.write_paragraph(ACTIVE_NOTICE, events);
        }
        self.begin_line(events);
        self.show_prompt(events);
    }

    /// Ends the session from the route processor's side.
    pub fn shut_down(&mut self, events: &mut Vec<SessionEvent>) {
        self.close(CloseReason::Shutdown, events);
    }

    /// Looks at pending bytes until a command, a question or the end stops it.
    fn pump(&mut self, events: &mut Vec<SessionEvent>) {
        loop {
            match &self.phase {
                Phase::Unstarted | Phase::Executing | Phase::Closed => return,
                Phase::Prompt | Phase::Asking(_) | Phase::More(_) => {}
            }
            let Some(byte) = self.pending.pop_front() else {
                break;
            };
            if self.options.terminal {
                if let Some(key) = self.keys.push(byte) {
                    self.press(key, events);
                }
            } else if let Some(line) = self.script.push(byte) {
                self.script_line(line, events);
            }
        }
        if self.input_ended {
            self.finish_input(events);
        }
    }

    fn finish_input(&mut self, events: &mut Vec<SessionEvent>) {
        if let Some(line) = self.script.finish() {
            self.script_line(line, events);
        }
        match self.phase {
            Phase::Asking(_) => self.answered(Reply::Answer(Answer::Aborted), events),
            Phase::Prompt => self.close(CloseReason::EndOfInput, events),
            Phase::More(_) => {
                self.drop_output(events);
                self.finish_input(events);
            }
            Phase::Unstarted | Phase::Executing | Phase::Closed => {}
        }
    }

    fn press(&mut self, key: Key, events: &mut Vec<SessionEvent>) {
        let mut bytes = Vec::new();
        if let Phase::Asking(asked) = &mut self.phase {
            let reply = asked.press(key, &mut bytes);
            self.write(&bytes, events);
            return self.answered(reply, events);
        }
        if matches!(self.phase, Phase::More(_)) {
            return self.press_at_more(key, events);
        }
        let literal = self.editor.is_literal();
        match key {
            Key::Enter => {
                let hidden_columns = self.editor.hidden_columns();
                let line = self.editor.finish(&mut bytes);
                self.write(&bytes, events);
                self.at_line_start = true;
                self.editor.remember(&line);
                self.submit(line, hidden_columns, events);
            }
            Key::Character('?') if !literal => self.help(events),
            Key::Tab => self.complete_word(events),
            Key::Interrupt => self.interrupt_line(events),
            Key::EndConfiguration => self.end_configuration(events),
            _ => {
                self.editor.press(key, &mut bytes);
                self.write(&bytes, events);
            }
        }
    }

    fn help(&mut self, events: &mut Vec<SessionEvent>) {
        let text = match self.role {
            ConsoleRole::Active => Grammar::standard()
                .help(&self.mode, self.editor.before_cursor())
                .render(),
            ConsoleRole::Standby => format!("{STANDBY_REFUSAL}\n"),
        };
        self.write(b"?\r\n", events);
        self.at_line_start = true;
        self.begin_output(true, None);
        self.emit(&text, events);
        self.settle(Then::ShowLine, events);
    }

    fn complete_word(&mut self, events: &mut Vec<SessionEvent>) {
        let completion = match self.role {
            ConsoleRole::Active => Grammar::standard().complete(&self.mode, self.editor.before_cursor()),
            ConsoleRole::Standby => Completion::None,
        };
        let mut bytes = Vec::new();
        match completion {
            Completion::Word { start, word } => self.editor.replace(start, &format!("{word} "), &mut bytes),
            Completion::None | Completion::Ambiguous => bytes.push(0x07),
        }
        self.write(&bytes, events);
    }

    /// ^C: the line is dropped, and configuration left.
    fn interrupt_line(&mut self, events: &mut Vec<SessionEvent>) {
        self.drop_line(b"^C", events);
        if self.mode.is_configuration() {
            self.mode = Mode::PrivilegedExec;
        }
        self.show_prompt(events);
    }

    /// ^Z: the line is entered as with Return, then configuration is left. Outside configuration the line is dropped.
    fn end_configuration(&mut self, events: &mut Vec<SessionEvent>) {
        let line = self.drop_line(b"^Z", events);
        if !self.mode.is_configuration() {
            return self.show_prompt(events);
        }
        self.editor.remember(&line);
        self.leave_configuration = true;
        self.submit(line, 0, events);
    }

    fn drop_line(&mut self, mark: &[u8], events: &mut Vec<SessionEvent>) -> String {
        let mut bytes = mark.to_vec();
        let line = self.editor.finish(&mut bytes);
        self.write(&bytes, events);
        self.at_line_start = true;
        line
    }

    /// Bytes that arrive while a command runs may ask for its end: then all that was typed ahead is dropped.
    fn take_interrupts(&mut self, bytes: &[u8], events: &mut Vec<SessionEvent>) {
        let is_interrupt = |byte: &u8| matches!(byte, 0x03 | 0x1e);
        if matches!(self.phase, Phase::Executing) && bytes.iter().any(is_interrupt) {
            self.pending.clear();
            self.display.interrupt();
            events.push(SessionEvent::Interrupt);
        }
    }

    fn script_line(&mut self, line: lines::ScriptLine, events: &mut Vec<SessionEvent>) {
        if let Phase::Asking(asked) = &self.phase {
            let reply = match &line.text {
                Ok(text) => asked.script_answer(text),
                Err(_) => Reply::Answer(Answer::Aborted),
            };
            self.write(b"\n", events);
            self.at_line_start = true;
            return self.answered(reply, events);
        }
        match line.text {
            Ok(text) if text.trim() == lines::END_CONFIGURATION => {
                self.leave_configuration = true;
                self.after_line(events);
            }
            Ok(text) => {
                self.editor.remember(&text);
                self.submit(text, 0, events);
            }
            Err(why) => {
                self.reject(&line.shown, line.number, &format!("% {why}\n"), events);
                self.after_line(events);
            }
        }
    }

    /// A whole line has been entered. So many of its first characters were not on the screen: it did not fit.
    fn submit(&mut self, line: String, hidden_columns: usize, events: &mut Vec<SessionEvent>) {
        let line_number = self.script.line_number();
        let read = Grammar::standard().read(&self.mode, &line);
        let is_empty = matches!(&read, Ok(read) if read.command == Command::Empty);
        if self.role == ConsoleRole::Standby && !is_empty {
            self.reject(&line, line_number, STANDBY_REFUSAL, events);
            return self.after_line(events);
        }
        match read {
            Ok(Line {
                command,
                shows,
                filter,
            }) => {
                self.begin_output(shows, filter);
                let current = Current {
                    line,
                    line_number,
                    command,
                };
                self.execute(current, events);
            }
            Err(mut error) => {
                let columns = self.prompt().chars().count();
                error.column = error.column.saturating_sub(hidden_columns);
                self.reject(&line, line_number, &error.render(columns), events);
                self.after_line(events);
            }
        }
    }

    /// Does what the session can do alone, and asks for the rest.
    fn execute(&mut self, current: Current, events: &mut Vec<SessionEvent>) {
        if let Some(text) = self.execute_locally(&current.command) {
            self.emit_paragraph(&text, events);
            self.finish_output(events);
            return self.settle(Then::Complete(current, Outcome::Accepted, String::new()), events);
        }
        events.push(SessionEvent::Execute {
            line: current.line.clone(),
            mode: self.mode,
            command: current.command.clone(),
        });
        self.current = Some(current);
        self.phase = Phase::Executing;
    }

    /// A command has succeeded: the session follows it.
    fn accept(&mut self, command: &Command, events: &mut Vec<SessionEvent>) {
        let entering = matches!(command, Command::Mode(ModeCommand::ConfigureTerminal));
        if entering && self.options.terminal {
            self.write_paragraph(CONFIGURE_NOTICE, events);
        }
        match command.next_mode(&self.mode) {
            Some(mode) => self.mode = mode,
            None => self.close(CloseReason::Logout, events),
        }
    }

    /// A line was not executed, for the reason in `text`.
    fn reject(&mut self, line: &str, line_number: u32, text: &str, events: &mut Vec<SessionEvent>) {
        if !self.options.terminal {
            self.begin_line(events);
            let shown = format!("{}{line}", self.prompt());
            self.write_paragraph(&shown, events);
        }
        self.write_paragraph(text, events);
        if self.options.terminal {
            return;
        }
        events.push(SessionEvent::Rejected {
            line_number,
            line: line.to_string(),
        });
        if self.options.strict {
            self.close(CloseReason::RejectedLine, events);
        }
    }

    /// What follows every line: the end of configuration if ^Z asked for it, and the prompt.
    fn after_line(&mut self, events: &mut Vec<SessionEvent>) {
        if core::mem::take(&mut self.leave_configuration) && self.mode.is_configuration() {
            self.mode = Mode::PrivilegedExec;
        }
        if !self.is_closed() {
            self.show_prompt(events);
        }
    }

    fn answered(&mut self, reply: Reply, events: &mut Vec<SessionEvent>) {
        match reply {
            Reply::Pending => {}
            Reply::AskAgain => {
                self.at_line_start = true;
                self.write_paragraph("% Please answer 'yes' or 'no'.", events);
                self.show_question(events);
            }
            Reply::Answer(answer) => {
                self.at_line_start = true;
                self.phase = Phase::Executing;
                events.push(SessionEvent::Answer(answer));
            }
        }
    }

    fn show_question(&mut self, events: &mut Vec<SessionEvent>) {
        let mut bytes = Vec::new();
        if let Phase::Asking(asked) = &mut self.phase {
            asked.show(&mut bytes);
        }
        self.write(&bytes, events);
        self.at_line_start = false;
    }

    fn show_prompt(&mut self, events: &mut Vec<SessionEvent>) {
        self.phase = Phase::Prompt;
        if !self.options.terminal {
            return;
        }
        self.begin_line(events);
        let mut bytes = Vec::new();
        let prompt = self.prompt();
        self.editor.begin(&prompt, &mut bytes);
        self.write(&bytes, events);
        self.at_line_start = false;
    }

    fn close(&mut self, reason: CloseReason, events: &mut Vec<SessionEvent>) {
        if self.is_closed() {
            return;
        }
        self.begin_line(events);
        self.phase = Phase::Closed;
        self.pending.clear();
        events.push(SessionEvent::Close(reason));
    }
}
