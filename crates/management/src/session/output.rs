//! What a session shows: the output of commands through filter and pager, system messages, the bytes of all that.

use alloc::string::String;
use alloc::vec::Vec;

use config::OutputFilter;

use super::{ConsoleSession, Current, Outcome, Phase, SessionEvent};
use crate::filter::Filtering;
use crate::keys::Key;
use crate::pager::{MORE, Pager};

/// What follows once the output so far is on the screen.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// The command goes on.
    Execute,
    /// The command is done; with the reason when it was rejected.
    Complete(Current, Outcome, String),
    /// The line being edited is shown again, below its help.
    ShowLine,
}

/// What happens to the output of the command being executed.
#[derive(Clone, Debug, Default)]
pub(super) struct Display {
    filter: Option<Filtering>,
    pager: Pager,
    /// The command shows a text, which its operator may have enough of.
    shows: bool,
    /// The operator has.
    quit: bool,
}

impl Display {
    /// The operator wants the command to stop: nothing more of a text is shown.
    pub fn interrupt(&mut self) {
        self.quit = self.shows;
    }
}

impl ConsoleSession {
    /// Output of the command being executed, before its end (`ping` draws its marks this way, and a long table comes
    /// in pieces). To be called only while [`ConsoleSession::takes_output`].
    pub fn output(&mut self, text: &str, events: &mut Vec<SessionEvent>) {
        self.emit(text, events);
        if matches!(self.phase, Phase::Executing) {
            self.settle(Then::Execute, events);
            // What was typed ahead may be for the question.
            self.pump(events);
        }
    }

    /// Whether a piece of output would be looked at now; not while the operator is at ` --More-- `.
    pub fn takes_output(&self) -> bool {
        !self.display.pager.pauses()
    }

    /// The command being executed is done, with the rest of its output. Shows the prompt, once all is shown, and goes
    /// on with what was typed ahead.
    pub fn complete(&mut self, outcome: Outcome, text: &str, events: &mut Vec<SessionEvent>) {
        let Some(current) = self.current.take() else {
            return;
        };
        if self.is_closed() {
            return;
        }
        let reason = match outcome {
            Outcome::Accepted => {
                self.emit_paragraph(text, events);
                self.finish_output(events);
                String::new()
            }
            Outcome::Rejected => String::from(text),
        };
        self.settle(Then::Complete(current, outcome, reason), events);
        self.pump(events);
    }

    /// A message of the system for whoever is watching. It is written above the line being edited, which stays as
    /// it was. A script is not shown any.
    pub fn log(&mut self, text: &str, events: &mut Vec<SessionEvent>) {
        if !self.options.terminal || matches!(self.phase, Phase::Unstarted | Phase::Closed) {
            return;
        }
        let editing = matches!(self.phase, Phase::Prompt | Phase::Asking(_));
        let paused = matches!(self.phase, Phase::More(_));
        if editing {
            self.write(b"\r\x1b[K", events);
            self.at_line_start = true;
        } else if paused {
            self.erase_more(events);
        }
        self.begin_line(events);
        self.write_paragraph(text, events);
        if paused {
            return self.show_more(events);
        }
        let mut bytes = Vec::new();
        match &mut self.phase {
            Phase::Asking(asked) => asked.editor.show(&mut bytes),
            Phase::Prompt => self.editor.show(&mut bytes),
            _ => return,
        }
        self.write(&bytes, events);
        self.at_line_start = false;
    }

    /// A command begins; what it shows passes through `filter`, and page by page if it is about showing something.
    pub(super) fn begin_output(&mut self, shows: bool, filter: Option<OutputFilter>) {
        let lines = if shows && self.options.terminal {
            self.terminal.lines()
        } else {
            0
        };
        self.display.filter = filter.map(Filtering::new);
        self.display.pager.begin(lines, self.terminal.columns().into());
        self.display.shows = shows;
        self.display.quit = false;
    }

    /// The terminal has another size.
    pub(super) fn resize_output(&mut self) {
        let (lines, columns) = (self.terminal.lines(), self.terminal.columns());
        self.display.pager.resize(lines, columns.into());
    }

    /// Shows a piece of output, as far as the page has room.
    pub(super) fn emit(&mut self, text: &str, events: &mut Vec<SessionEvent>) {
        if self.display.quit {
            return;
        }
        let shown = match &mut self.display.filter {
            Some(filter) => {
                let mut shown = String::new();
                filter.push(text, &mut shown);
                self.display.pager.push(&shown)
            }
            None => self.display.pager.push(text),
        };
        self.write_text(&shown, events);
    }

    /// Shows a text that ends its own last line; nothing for an empty one.
    pub(super) fn emit_paragraph(&mut self, text: &str, events: &mut Vec<SessionEvent>) {
        self.emit(text, events);
        if !text.is_empty() && !text.ends_with('\n') {
            self.emit("\n", events);
        }
    }

    /// The command has shown all: so has its filter.
    pub(super) fn finish_output(&mut self, events: &mut Vec<SessionEvent>) {
        if let Some(mut filter) = self.display.filter.take()
            && !self.display.quit
        {
            let mut shown = String::new();
            filter.finish(&mut shown);
            self.emit(&shown, events);
        }
    }

    /// Goes on, or waits for a key when output waits.
    pub(super) fn settle(&mut self, then: Then, events: &mut Vec<SessionEvent>) {
        let asked_already = matches!(self.phase, Phase::More(_));
        if self.display.pager.pauses() {
            self.phase = Phase::More(then);
            if !asked_already {
                self.show_more(events);
            }
        } else {
            self.follow(then, events);
        }
    }

    fn follow(&mut self, then: Then, events: &mut Vec<SessionEvent>) {
        match then {
            Then::Execute => self.phase = Phase::Executing,
            Then::Complete(current, outcome, reason) => {
                self.phase = Phase::Prompt;
                match outcome {
                    Outcome::Accepted => self.accept(&current.command, events),
                    Outcome::Rejected => self.reject(&current.line, current.line_number, &reason, events),
                }
                self.after_line(events);
            }
            Then::ShowLine => {
                self.phase = Phase::Prompt;
                self.begin_line(events);
                let mut bytes = Vec::new();
                self.editor.show(&mut bytes);
                self.write(&bytes, events);
                self.at_line_start = false;
            }
        }
    }

    /// A key at ` --More-- `: Space for a page, Return for a line; any other ends the output.
    pub(super) fn press_at_more(&mut self, key: Key, events: &mut Vec<SessionEvent>) {
        let shown = match key {
            Key::Character(' ') => self.display.pager.next_page(),
            Key::Enter => self.display.pager.next_line(),
            _ => return self.quit_output(events),
        };
        self.erase_more(events);
        self.write_text(&shown, events);
        if self.display.pager.pauses() {
            return self.show_more(events);
        }
        if let Phase::More(then) = core::mem::replace(&mut self.phase, Phase::Prompt) {
            self.follow(then, events);
        }
    }

    fn quit_output(&mut self, events: &mut Vec<SessionEvent>) {
        self.erase_more(events);
        self.display.pager.clear();
        self.display.quit = true;
        match core::mem::replace(&mut self.phase, Phase::Prompt) {
            Phase::More(Then::Execute) => {
                self.phase = Phase::Executing;
                events.push(SessionEvent::Interrupt);
            }
            Phase::More(then) => self.follow(then, events),
            other => self.phase = other,
        }
    }

    /// Forgets output that nobody will ask for: the role has changed, or nobody is left. A command that still runs is
    /// told to stop.
    pub(super) fn drop_output(&mut self, events: &mut Vec<SessionEvent>) {
        let Phase::More(then) = &self.phase else {
            return;
        };
        let runs = matches!(then, Then::Execute);
        self.erase_more(events);
        self.display.pager.clear();
        self.display.quit = true;
        self.phase = if runs { Phase::Executing } else { Phase::Prompt };
        if runs {
            events.push(SessionEvent::Interrupt);
        }
    }

    fn show_more(&mut self, events: &mut Vec<SessionEvent>) {
        self.write(MORE.as_bytes(), events);
        self.at_line_start = false;
    }

    /// Takes ` --More-- ` off the screen, by means that every terminal has.
    fn erase_more(&mut self, events: &mut Vec<SessionEvent>) {
        let back = "\x08".repeat(MORE.len());
        let blanks = " ".repeat(MORE.len());
        self.write([back.as_str(), &blanks, &back].concat().as_bytes(), events);
        self.at_line_start = true;
    }

    /// Moves to the start of a line, where the screen is not there already.
    pub(super) fn begin_line(&mut self, events: &mut Vec<SessionEvent>) {
        if !self.at_line_start {
            self.write_text("\n", events);
        }
    }

    /// Writes a text that begins and ends its own lines; nothing for an empty one.
    pub(super) fn write_paragraph(&mut self, text: &str, events: &mut Vec<SessionEvent>) {
        if text.is_empty() {
            return;
        }
        self.write_text(text, events);
        if !text.ends_with('\n') {
            self.write_text("\n", events);
        }
    }

    /// Writes text whose lines end with a line feed, as the client wants them ended.
    pub(super) fn write_text(&mut self, text: &str, events: &mut Vec<SessionEvent>) {
        let Some(last) = text.chars().next_back() else {
            return;
        };
        self.at_line_start = last == '\n';
        if self.options.terminal {
            self.write(text.replace('\n', "\r\n").as_bytes(), events);
        } else {
            self.write(text.as_bytes(), events);
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], events: &mut Vec<SessionEvent>) {
        if bytes.is_empty() || self.is_closed() {
            return;
        }
        match events.last_mut() {
            Some(SessionEvent::Write(earlier)) => earlier.extend_from_slice(bytes),
            _ => events.push(SessionEvent::Write(bytes.to_vec())),
        }
    }
}
