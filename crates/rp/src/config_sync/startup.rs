//! The startup configuration on its way to both NVRAMs: the one entry point for everything that saves.
//!
//! ```text
//!   save_startup ─▶ own NVRAM ─ written ─▶ row of the checkpoint (or a message, in RPR) ─▶ standby's NVRAM
//!        │              └ failed: refused, nothing has changed                                  │
//!        └─────────────────────── answered, with what the standby says ◀── StartupStored ───────┘
//! ```
//!
//! Whoever saves is answered when both have it, or when it is known which one has not. A standby whose disk refuses goes
//! on trying ([`super::store`]).

use super::message::{Body, Executed, StartupStored};
use super::{StartupStore, log, text_digest};
use crate::console::{AfterSave, Running};
use crate::files::{NVRAM_BYTES, copied};
use crate::io::{RpOutput, SessionId};
use crate::processor::{Role, RouteProcessor};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use checkpoint::Table;
use machine::{Deadline, Duration, Instant, earliest};
use management::Outcome;
use redundancy::{RedundancyMode, RfState};

/// How long whoever saves waits for the standby's word.
const CONFIRMATION_LIMIT: Duration = Duration::from_secs(5);
/// Saves under way at one time.
const SAVES_MAX: usize = 32;

/// Who wants the startup configuration written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requester {
    /// A command of this console, and what it does next.
    Console(SessionId, AfterSave),
    /// A copy of a file by this console.
    Copy {
        /// The console.
        session: SessionId,
        /// Length of the file.
        bytes: usize,
        /// When the copy began.
        started: Instant,
    },
}

/// A save under way.
#[derive(Clone, Debug)]
struct Save {
    number: u64,
    text: String,
    requester: Requester,
    /// From the moment at which this unit's NVRAM has it: until then, if the standby is asked too.
    confirm_until: Option<Instant>,
}

/// The last word of the standby about its NVRAM.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PeerStore {
    pub(crate) at: Instant,
    pub(crate) stored: StartupStored,
}

/// What is under way between this unit's NVRAM and the peer's.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartupCopies {
    /// This unit's NVRAM.
    pub(crate) store: StartupStore,
    saves: VecDeque<Save>,
    /// What the standby has said of its NVRAM since it was last lost.
    pub(crate) peer: Option<PeerStore>,
    /// How far the standby has told to be with commands.
    pub(crate) peer_executed: Option<Executed>,
    /// On the standby: number of the command that it has told of last.
    pub(crate) executed_told: u64,
    /// On the standby: digest of the table that the text in the store came from.
    table_seen: u64,
}

impl StartupCopies {
    /// When [`RouteProcessor::expire_startup`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let waits = self.saves.iter().filter_map(|save| save.confirm_until).min();
        earliest(
            self.store.next_deadline(),
            waits.map(|at| (at, "standby confirms the startup configuration")),
        )
    }
}

impl RouteProcessor {
    /// Makes `text` the startup configuration of the chassis: in this unit's NVRAM, then in the standby's. Everything
    /// that saves comes this way. The answer goes to `requester`.
    pub(crate) fn save_startup(&mut self, now: Instant, text: String, requester: Requester) {
        if self.startup_copies.saves.len() >= SAVES_MAX {
            let words = "startup-config file open failed (Device or resource busy)";
            return self.saved(now, requester, Err(words.into()));
        }
        if text.len() as u64 > NVRAM_BYTES {
            let words = "%Error writing nvram:startup-config (Not enough space on device)";
            return self.saved(now, requester, Err(words.into()));
        }
        let number = self.startup_copies.store.next_number();
        self.startup_copies.saves.push_back(Save {
            number,
            text: text.clone(),
            requester,
            confirm_until: None,
        });
        self.turn.now(RpOutput::WriteNvram { number, text });
    }

    /// A write to this unit's NVRAM has come to its end.
    pub(crate) fn nvram_written(&mut self, now: Instant, number: u64, result: Result<(), String>) {
        if self.startup_copies.store.written(now, number, &result) {
            return self.startup_kept(now);
        }
        let saves = &mut self.startup_copies.saves;
        let Some(place) = saves.iter().position(|save| save.number == number) else {
            return;
        };
        match result {
            Err(why) => {
                if let Some(save) = saves.remove(place) {
                    let words = format!(
                        "startup-config file open failed ({why})\nThe old startup configuration is kept"
                    );
                    self.saved(now, save.requester, Err(words));
                }
            }
            Ok(()) => self.saved_here(now, place),
        }
    }

    /// This unit has the text: the standby is next.
    fn saved_here(&mut self, now: Instant, place: usize) {
        let waits = self.standby_keeps_configuration(now);
        let Some(save) = self.startup_copies.saves.get_mut(place) else {
            return;
        };
        save.confirm_until = Some(now + CONFIRMATION_LIMIT);
        let text = save.text.clone();
        self.startup_copies.store.replaced(now, &text);
        self.config.startup = Some(text.clone());
        if let Role::Active(active) = &mut self.role {
            active.clients.configuration.startup_written(text);
        }
        self.send_startup(now);
        if !waits {
            return self.finish_saves(now, Ok(()));
        }
        // A text that the standby has already causes no row, and no other word of it.
        if let Some(known) = self.startup_copies.peer.clone() {
            self.settle_with(now, &known.stored);
        }
    }

    /// Whether there is a standby that is to have the startup configuration now. One that is being filled gets it with
    /// everything else.
    fn standby_keeps_configuration(&self, now: Instant) -> bool {
        match self.facility.peer_state() {
            RfState::StandbyHot => true,
            RfState::StandbyCold => self.runs_rpr(now),
            _ => false,
        }
    }

    fn runs_rpr(&self, now: Instant) -> bool {
        self.facility.status(now).operating_mode == RedundancyMode::Rpr
    }

    /// In RPR no frames carry the startup configuration: a message does.
    pub(crate) fn send_startup(&mut self, now: Instant) {
        if !self.runs_rpr(now) || !self.facility.peer_state().is_standby() {
            return;
        }
        if let Some(startup) = self.startup_message() {
            self.send_config_sync(Body::Startup(startup));
        }
    }

    /// The standby keeps what came by a message.
    pub(crate) fn standby_keeps_startup(&mut self, now: Instant, text: String) {
        let digest = text_digest(&text);
        let copies = &mut self.startup_copies;
        let known = !copies.store.is_unsettled()
            && copies
                .store
                .stored()
                .is_some_and(|stored| stored.digest == digest);
        self.config.startup = Some(text.clone());
        copies.store.want(text, &mut self.turn);
        if known {
            self.tell_active_of_nvram(now);
        }
    }

    /// The standby keeps what came by a frame.
    pub(crate) fn standby_looks_at_startup(&mut self, now: Instant, bulk_ended: bool) {
        let Role::Standby(standby) = &self.role else {
            return;
        };
        let configuration = &standby.clients().configuration;
        let seen = configuration.startup.digest();
        if seen == self.startup_copies.table_seen && !bulk_ended {
            return;
        }
        self.startup_copies.table_seen = seen;
        if let Some(text) = configuration.startup_text().map(String::from) {
            self.standby_keeps_startup(now, text);
        }
    }

    /// The store has tried to write its text.
    fn startup_kept(&mut self, now: Instant) {
        match &self.role {
            Role::Standby(_) => self.tell_active_of_nvram(now),
            Role::Active(_) => {
                if let Some(failed) = self.startup_copies.store.failed() {
                    let retry = failed.retry_at.saturating_since(now);
                    let message = log::startup_not_written(self.slot(), &failed.why, retry.as_secs());
                    self.log(message);
                }
            }
            Role::Undecided | Role::Halted => {}
        }
    }

    fn tell_active_of_nvram(&mut self, now: Instant) {
        let store = &self.startup_copies.store;
        let told = match (store.failed(), store.stored()) {
            (Some(failed), _) => StartupStored {
                digest: failed.digest,
                bytes: failed.bytes as u64,
                error: failed.why.clone(),
                failures: failed.failures,
                retry_ms: failed.retry_at.saturating_since(now).as_millis() as u64,
            },
            (None, Some(stored)) => StartupStored {
                digest: stored.digest,
                bytes: stored.bytes as u64,
                ..StartupStored::default()
            },
            (None, None) => return,
        };
        self.send_config_sync(Body::StartupStored(told));
    }

    /// The standby tells what has come of its NVRAM.
    pub(crate) fn peer_stored_startup(&mut self, now: Instant, stored: StartupStored) {
        let Role::Active(_) = &self.role else { return };
        let before = self.startup_copies.peer.take().map(|peer| peer.stored);
        let failed_before = before.as_ref().is_some_and(|before| !before.error.is_empty());
        let peer = self.slot().peer();
        if !stored.error.is_empty() {
            let retry_s = stored.retry_ms / 1_000;
            self.log(log::startup_not_written(peer, &stored.error, retry_s));
        } else if failed_before {
            self.log(log::startup_written_at_last(peer));
        }
        // First: a script's next command may ask for it.
        self.startup_copies.peer = Some(PeerStore {
            at: now,
            stored: stored.clone(),
        });
        self.settle_with(now, &stored);
        self.cold_standby_has(now, &stored);
    }

    /// Ends the saves that wait for what `stored` tells.
    fn settle_with(&mut self, now: Instant, stored: &StartupStored) {
        let current = match &self.role {
            Role::Active(active) => active.clients.configuration.startup_text().map(text_digest),
            _ => None,
        };
        if current != Some(stored.digest) {
            return;
        }
        let outcome = if stored.error.is_empty() {
            Ok(())
        } else {
            let slot = self.slot().peer();
            Err(format!(
                "%Error writing nvram:startup-config on standby {slot} ({}): it is tried again",
                stored.error
            ))
        };
        self.finish_saves(now, outcome);
    }

    /// The standby is lost, or starts anew: nobody waits for it, and what it said is of the past.
    pub(crate) fn forget_peer_store(&mut self, now: Instant) {
        self.startup_copies.peer = None;
        self.startup_copies.peer_executed = None;
        self.finish_saves(now, Ok(()));
    }

    /// Answers every save that this unit has made and that waited for the standby.
    fn finish_saves(&mut self, now: Instant, standby: Result<(), String>) {
        let here = |save: &Save| save.confirm_until.is_some();
        let done: Vec<Save> = self
            .startup_copies
            .saves
            .iter()
            .filter(|save| here(save))
            .cloned()
            .collect();
        self.startup_copies.saves.retain(|save| !here(save));
        for save in done {
            let note = standby.clone().err();
            self.saved(now, save.requester, Ok(note));
        }
    }

    /// What is due by the clock.
    pub(crate) fn expire_startup(&mut self, now: Instant) {
        if !matches!(self.role, Role::Halted) {
            self.startup_copies.store.expire(now, &mut self.turn);
        }
        let late = |save: &Save| save.confirm_until.is_some_and(|until| until <= now);
        if self.startup_copies.saves.iter().any(late) {
            let slot = self.slot().peer();
            let words = format!("%Standby {slot} has not confirmed nvram:startup-config yet");
            self.finish_saves(now, Err(words));
        }
    }

    /// Answers whoever wanted to save: with what went wrong here, or with a note about the standby.
    fn saved(&mut self, now: Instant, requester: Requester, result: Result<Option<String>, String>) {
        let (Requester::Console(id, _) | Requester::Copy { session: id, .. }) = requester;
        let Some(console) = self.consoles.sessions.get_mut(&id) else {
            return;
        };
        if !matches!(console.running, Some(Running::Saving)) {
            return;
        }
        console.running = None;
        match result {
            Ok(note) => match requester {
                Requester::Console(_, then) => self.saved_by_console(now, id, then, note.as_deref()),
                Requester::Copy { bytes, started, .. } => {
                    let note = note.map_or(String::new(), |note| format!("{note}\n"));
                    let text = format!("[OK]\n{note}{}", copied(bytes, now, started));
                    self.complete(now, id, Outcome::Accepted, &text);
                }
            },
            Err(words) => self.complete(now, id, Outcome::Rejected, &words),
        }
    }
}
