//! What `show redundancy config-sync` says.

use crate::processor::{Role, RouteProcessor};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
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
                let words = if theirs.tree_digest == digest {
                    "yes"
                } else if theirs.number < number {
                    "not yet, commands are on their way"
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
