//! EXEC commands for watching: the log, `debug`, and the inside of the redundancy facility.

use crate::io::SessionId;
use crate::processor::{Role, RouteProcessor};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use config::{ObserveCommand, RedundancyDebug, RedundancyView};
use machine::{Instant, Severity};
use redundancy::{DebugTopic, show as rf_show, watch};

use super::text_lines;

impl RouteProcessor {
    pub(super) fn observe(&mut self, now: Instant, id: SessionId, command: ObserveCommand) -> Vec<String> {
        match command {
            ObserveCommand::ClearLogging => self.clear_logging(),
            ObserveCommand::DebugRedundancy(topics, on) => return self.debug_redundancy(topics, on),
            ObserveCommand::UndebugAll => {
                self.debug_redundancy(RedundancyDebug::All, false);
                self.undebug_bgp();
                return Vec::from([String::from("All possible debugging has been turned off")]);
            }
            ObserveCommand::ShowDebugging => {
                let mut lines = text_lines(&watch::show_debugging(&self.facility));
                lines.extend(self.show_bgp_debugging());
                return lines;
            }
            ObserveCommand::ShowLogging => return self.show_logging(),
            ObserveCommand::ShowRedundancy(view) => return self.show_redundancy_view(now, view),
            ObserveCommand::TerminalMonitor(on) => {
                if let Some(console) = self.consoles.sessions.get_mut(&id) {
                    console.monitor = on;
                }
            }
        }
        Vec::new()
    }

    fn debug_redundancy(&mut self, topics: RedundancyDebug, on: bool) -> Vec<String> {
        let topics: &[DebugTopic] = match topics {
            RedundancyDebug::All => &DebugTopic::ALL,
            RedundancyDebug::Ui => &[DebugTopic::Ui],
            RedundancyDebug::Clk => &[DebugTopic::Clk],
            RedundancyDebug::Hub => &[DebugTopic::Hub],
        };
        let state = if on { "on" } else { "off" };
        topics
            .iter()
            .map(|topic| {
                self.facility.set_debug(*topic, on);
                format!("Redundancy {} debugging is {state}", topic.keyword())
            })
            .collect()
    }

    fn show_redundancy_view(&self, _now: Instant, view: RedundancyView) -> Vec<String> {
        let facility = &self.facility;
        let text = match view {
            RedundancyView::Counters => watch::show_counters(facility),
            RedundancyView::DebugLog => watch::show_debug_log(facility),
            RedundancyView::Handover => watch::show_handover(facility),
            RedundancyView::HistoryReload => return self.show_history_reload(),
            RedundancyView::HistoryReverse => rf_show::show_history_reverse(facility.history()),
            RedundancyView::InterDevice => watch::show_inter_device(),
            RedundancyView::IdbSyncHistory => {
                return self
                    .active()
                    .map_or(Vec::new(), |active| active.idb_history.show());
            }
        };
        text_lines(&text)
    }

    /// What `debug` has told since the last look goes where lines of its severity go.
    pub(crate) fn tell_debug(&mut self, now: Instant) {
        let mut lines = Vec::new();
        if self.facility.debug_mask() != 0 {
            lines.extend(self.facility.take_debug_lines());
        }
        if let Role::Active(active) = &mut self.role {
            lines.extend(active.clients.speaker.take_debug_lines());
        }
        for line in lines {
            self.log_text(now, Severity::Debugging, line);
        }
    }
}
