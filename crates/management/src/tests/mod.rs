//! Tests of the console, from bytes to events.

mod editing;
mod filtering;
mod framing;
mod keying;
mod paging;
mod properties;
mod scripts;
mod sessions;

use alloc::string::String;
use alloc::vec::Vec;

use config::Command;

use crate::{Answer, CloseReason, ConsoleRole, ConsoleSession, Outcome, SessionEvent, SessionOptions};

/// A session with the events that it has given.
pub(crate) struct Console {
    pub session: ConsoleSession,
    pub events: Vec<SessionEvent>,
}

impl Console {
    pub fn with(options: SessionOptions, role: ConsoleRole) -> Self {
        let mut console = Self {
            session: ConsoleSession::new(options, role),
            events: Vec::new(),
        };
        console.session.start(&mut console.events);
        console
    }

    pub fn terminal() -> Self {
        Self::with(
            SessionOptions {
                terminal: true,
                strict: false,
                columns: 80,
                rows: 0,
            },
            ConsoleRole::Active,
        )
    }

    pub fn script(strict: bool) -> Self {
        Self::with(
            SessionOptions {
                terminal: false,
                strict,
                columns: 0,
                rows: 0,
            },
            ConsoleRole::Active,
        )
    }

    pub fn send(&mut self, text: &str) -> &mut Self {
        let taken = self.session.input(text.as_bytes(), &mut self.events);
        assert_eq!(taken, text.len(), "all of it is taken");
        self
    }

    pub fn complete(&mut self, outcome: Outcome, text: &str) -> &mut Self {
        self.session.complete(outcome, text, &mut self.events);
        self
    }

    /// What the client has been sent since the last call.
    pub fn screen(&mut self) -> String {
        let mut bytes = Vec::new();
        self.events.retain(|event| match event {
            SessionEvent::Write(written) => {
                bytes.extend_from_slice(written);
                false
            }
            _ => true,
        });
        String::from_utf8(bytes).expect("the screen is UTF-8")
    }

    /// The events but for the screen since the last call.
    pub fn asked(&mut self) -> Vec<SessionEvent> {
        let events = core::mem::take(&mut self.events);
        let (screen, asked) = events
            .into_iter()
            .partition(|event| matches!(event, SessionEvent::Write(_)));
        self.events = screen;
        asked
    }

    /// The one command that is to be executed.
    pub fn command(&mut self) -> Command {
        match &self.asked()[..] {
            [SessionEvent::Execute { command, .. }] => command.clone(),
            other => panic!("not one command: {other:?}"),
        }
    }

    pub fn answer(&mut self) -> Answer {
        match &self.asked()[..] {
            [SessionEvent::Answer(answer)] => answer.clone(),
            other => panic!("not one answer: {other:?}"),
        }
    }

    pub fn closed(&mut self) -> CloseReason {
        match self.asked().last() {
            Some(SessionEvent::Close(reason)) => *reason,
            other => panic!("not closed: {other:?}"),
        }
    }

    /// Enters privileged EXEC and forgets the screen.
    pub fn enabled() -> Self {
        let mut console = Self::terminal();
        console.send("enable\r").screen();
        console
    }

    /// Enters global configuration and forgets the screen.
    pub fn configuring() -> Self {
        let mut console = Self::enabled();
        console
            .send("configure terminal\r")
            .complete(Outcome::Accepted, "");
        console.asked();
        console.screen();
        console
    }
}
