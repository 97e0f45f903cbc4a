//! What `show redundancy config-sync` says.

use super::failures::{Entry, block, clock};
use super::message::FailedCommand;
use crate::processor::{Role, RouteProcessor};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::FailureClass;
use machine::Instant;
use redundancy::SyslogTime;

impl RouteProcessor {
    /// `show redundancy config-sync status`
    pub(crate) fn show_config_sync_status(&self, now: Instant) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let configuration = &active.clients.configuration;
        let (mine, peer) = (self.slot(), self.slot().peer());
        let (number, digest) = (configuration.executed(), configuration.tree().digest());
        let mut lines = Vec::from([
            String::from("Configuration Synchronization Status"),
            String::from("------------------------------------"),
            String::from("Running configuration"),
            format!("  {mine} (active):   digest {digest:016x} after command {number}"),
        ]);
        match self.startup_copies.peer_executed {
            None => lines.push(format!("  {peer} (standby):  not known")),
            Some(theirs) => {
                lines.push(format!(
                    "  {peer} (standby):  digest {:016x} after command {}",
                    theirs.tree_digest, theirs.number
                ));
                let listed = FailureClass::ALL
                    .into_iter()
                    .map(|class| self.config_failures.of(class).count())
                    .sum::<usize>();
                let words = if theirs.tree_digest == digest {
                    "yes"
                } else if theirs.number < number {
                    "not yet, commands are on their way"
                } else if listed > 0 || configuration.ignored.iter().next().is_some() {
                    "no, the differences are listed"
                } else {
                    "no"
                };
                lines.push(format!("  Equal:          {words}"));
            }
        }
        lines.push(String::from("Startup configuration"));
        lines.push(format!("  {mine} (active):   {}", self.own_store(now)));
        lines.push(format!("  {peer} (standby):  {}", self.peer_store(now)));
        lines
    }

    /// `show redundancy config-sync failures {bem | mcl | prc}`
    pub(crate) fn show_config_sync_failures(&self, class: FailureClass) -> Vec<String> {
        let heading = match class {
            FailureClass::Mcl => "Mismatched Command List",
            FailureClass::Bem => "BEM Failed Command List",
            FailureClass::Prc => "PRC Failed Command List",
        };
        let mut lines = headed(heading);
        let entries: Vec<&Entry> = self.config_failures.of(class).collect();
        if entries.is_empty() {
            lines.push(String::from("The list is Empty"));
            return lines;
        }
        lines.pop();
        for found in entries.chunk_by(|a, b| a.uptime == b.uptime) {
            if let Some(first) = found.first() {
                lines.push(format!(
                    "{}: Config Sync: Starting lines from {class} file:",
                    clock(first.uptime)
                ));
            }
            lines.extend(block(found.iter().map(|entry| &entry.command)));
        }
        lines
    }

    /// `show redundancy config-sync ignored failures mcl`
    pub(crate) fn show_config_sync_ignored(&self) -> Vec<String> {
        let mut lines = headed("Ignored Mismatched Command List");
        let Role::Active(active) = &self.role else {
            return lines;
        };
        let command = |line: &str| {
            let (path, text) = line.split_once('\t').unwrap_or(("", line));
            FailedCommand {
                class: FailedCommand::class_number(FailureClass::Mcl),
                mode_path: path.to_string(),
                text: text.to_string(),
                ..FailedCommand::default()
            }
        };
        let ignored = &active.clients.configuration.ignored;
        let mut commands: Vec<FailedCommand> = ignored.iter().map(|(_, line)| command(&line.0)).collect();
        if commands.is_empty() {
            lines.push(String::from("The list is Empty"));
            return lines;
        }
        lines.pop();
        commands.sort_by(|a, b| (&a.mode_path, &a.text).cmp(&(&b.mode_path, &b.text)));
        lines.extend(block(commands.iter()));
        lines
    }

    fn own_store(&self, now: Instant) -> String {
        let store = &self.startup_copies.store;
        if let Some(failed) = store.failed() {
            return format!(
                "not written ({}), tries {}, next in {} s",
                failed.why,
                failed.failures,
                failed.retry_at.saturating_since(now).as_secs()
            );
        }
        match (
            store.stored(),
            self.active()
                .and_then(|active| active.clients.configuration.startup_text()),
        ) {
            (Some(stored), _) => format!(
                "{} bytes, digest {:016x}, written at {}",
                stored.bytes,
                stored.digest,
                self.wall_clock(stored.at)
            ),
            (None, Some(text)) => {
                format!(
                    "{} bytes, digest {:016x}, read at boot",
                    text.len(),
                    super::text_digest(text)
                )
            }
            (None, None) => String::from("none"),
        }
    }

    fn peer_store(&self, now: Instant) -> String {
        let Some(peer) = &self.startup_copies.peer else {
            return String::from("not known");
        };
        let stored = &peer.stored;
        if stored.error.is_empty() {
            return format!(
                "{} bytes, digest {:016x}, confirmed at {}",
                stored.bytes,
                stored.digest,
                self.wall_clock(peer.at)
            );
        }
        let since = now.saturating_since(peer.at);
        let next = machine::Duration::from_millis(stored.retry_ms).saturating_sub(since);
        format!(
            "not written ({}), tries {}, next in {} s",
            stored.error,
            stored.failures,
            next.as_secs()
        )
    }

    /// A moment as people read it.
    pub(crate) fn wall_clock(&self, at: Instant) -> String {
        let unix_ms = self.unix_ms(at);
        let text = SyslogTime { unix_ms }.to_string();
        text.trim_start_matches('*')
            .trim_end_matches([':', ' '])
            .to_string()
    }
}

/// A heading, its line, and a blank one.
fn headed(heading: &str) -> Vec<String> {
    Vec::from([heading.to_string(), "-".repeat(heading.len()), String::new()])
}
