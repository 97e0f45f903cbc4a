//! The new active waits for the crash dump of the one that failed.
//!
//! ```text
//!   active resigns (panic, fatal signal) ──▶ promoted: the wait begins ──▶ its process ends ──▶ it is started anew
//!          └── writes crash information, core          └── crashdump-timeout is over ──▶ it is reset all the same
//! ```
//!
//! Mastership has moved long before; nothing but the return of the failed unit waits. What died without a word (SIGKILL)
//! or was killed for its silence writes nothing, and is not waited for.

use crate::clients::Clients;
use crate::io::RpOutput;
use crate::platform::log;
use crate::processor::{Role, RouteProcessor};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use checkpoint::Tables;
use core::fmt::Write;
use machine::{Deadline, Duration, Instant};
use redundancy::{ClientProgress, RfState, SwitchoverCause, show::Uptime};

/// Whether the peer's dump is waited for, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CrashDumpWait {
    since: Option<Instant>,
}

impl CrashDumpWait {
    /// Whether the peer still writes its dump, as far as is known.
    pub(crate) fn is_waiting(&self) -> bool {
        self.since.is_some()
    }
}

impl RouteProcessor {
    /// How long the peer may take for its dump, as configured.
    fn crash_dump_limit(&self) -> Duration {
        let minutes = self
            .active()
            .map_or(config::CRASHDUMP_TIMEOUT_DEFAULT_MIN, |active| {
                active.clients.configuration.tree().crashdump_timeout_min()
            });
        Duration::from_secs(u64::from(minutes) * 60)
    }

    fn crash_dump_ends(&self) -> Option<Instant> {
        Some(self.crash_dump.since? + self.crash_dump_limit())
    }

    /// This unit has taken over for `cause`.
    pub(crate) fn begin_crash_dump_wait(&mut self, now: Instant, cause: SwitchoverCause) {
        if cause.loss().is_some_and(redundancy::PeerLoss::leaves_crash_dump) {
            self.crash_dump.since = Some(now);
            let minutes = self.crash_dump_limit().as_secs() / 60;
            self.log(log::crash_dump_begins(self.slot().peer(), minutes));
        }
    }

    /// The failed unit's process has ended, or its next life has begun.
    pub(crate) fn crash_dump_complete(&mut self, now: Instant) {
        if let Some(since) = self.crash_dump.since.take() {
            self.log(log::crash_dump_complete(self.slot().peer(), now - since));
        }
    }

    pub(crate) fn expire_crash_dump(&mut self, now: Instant) {
        if self.crash_dump_ends().is_some_and(|end| end <= now) {
            self.crash_dump.since = None;
            let minutes = self.crash_dump_limit().as_secs() / 60;
            self.log(log::crash_dump_given_up(self.slot().peer(), minutes));
            self.turn.now(RpOutput::ResetPeer);
        }
    }

    pub(crate) fn crash_dump_deadline(&self) -> Option<Deadline> {
        Some((self.crash_dump_ends()?, "the crash dump of the peer"))
    }

    /// What `show redundancy` adds while the dump is waited for.
    pub(crate) fn crash_dump_lines(&self, now: Instant) -> Vec<String> {
        let Some(end) = self.crash_dump_ends() else {
            return Vec::new();
        };
        // Minutes are what is configured and shown; the last one is not over before its end.
        let left = Duration::from_secs(end.saturating_since(now).as_secs().div_ceil(60) * 60);
        Vec::from([
            String::new(),
            format!(
                "Peer (slot: {}) is writing its crash dump; it is reset in {} at the latest",
                self.slot().peer(),
                Uptime(left)
            ),
        ])
    }
}

impl RouteProcessor {
    /// What makes the state that a crash report tells another one at once: both units' states, and the number of the last
    /// configuration command.
    pub fn crash_state_key(&self) -> (RfState, RfState, u64) {
        let executed = self
            .known_clients()
            .map_or(0, |clients| clients.configuration.executed());
        (self.facility.state(), self.facility.peer_state(), executed)
    }

    fn known_clients(&self) -> Option<&Clients> {
        match &self.role {
            Role::Active(active) => Some(&active.clients),
            Role::Standby(standby) => Some(standby.clients()),
            Role::Undecided | Role::Halted => None,
        }
    }

    /// The state that a crash report tells: roles, epochs, configuration, clients, tables. Some kilobytes of text.
    pub fn crash_state(&self, now: Instant) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_crash_state(now, &mut text);
        text
    }

    fn write_crash_state(&self, now: Instant, text: &mut String) -> core::fmt::Result {
        let (mine, peer) = (self.facility.state(), self.facility.peer_state());
        writeln!(text, "slot {}, state {mine}, peer {peer}", self.slot())?;
        writeln!(text, "up for {}", Uptime(now - self.started_at))?;
        writeln!(text, "newest epoch {}", self.facility.mastership())?;
        if let Some(clients) = self.known_clients() {
            let tree = clients.configuration.tree();
            writeln!(text, "hostname {}", tree.hostname())?;
            writeln!(text, "configuration digest {:016x}", tree.digest())?;
            clients.each(&mut |table| {
                let name = crate::clients::table_name(table.id());
                let (rows, dirty, digest) = (table.rows(), table.dirty_rows(), table.digest());
                let _ = writeln!(
                    text,
                    "table {name}: {rows} rows, {dirty} dirty, digest {digest:016x}"
                );
            });
        }
        self.write_client_states(text)
    }

    /// Each client of the facility, and how far it is in the pass that is under way.
    fn write_client_states(&self, text: &mut String) -> core::fmt::Result {
        let clients: Vec<_> = match self.facility.pass() {
            Some((progression, clients)) => {
                writeln!(text, "pass over the clients: {progression}")?;
                clients
            }
            None => {
                writeln!(text, "pass over the clients: none")?;
                let clients = self.facility.clients().all();
                clients.map(|client| (*client, ClientProgress::Done)).collect()
            }
        };
        for (client, progress) in clients {
            writeln!(text, "client {client} seq={}: {progress}", client.sequence)?;
        }
        Ok(())
    }

    /// The router's name, as far as this unit knows it.
    pub fn host_name(&self) -> &str {
        self.known_clients().map_or(config::HOSTNAME_DEFAULT, |clients| {
            clients.configuration.tree().hostname()
        })
    }
}
