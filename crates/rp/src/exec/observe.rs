//! EXEC commands for watching: the log, `debug`, and the inside of the redundancy facility.

use crate::io::SessionId;
use crate::processor::RouteProcessor;
use alloc::string::String;
use alloc::vec::Vec;
use config::ObserveCommand;
use machine::Instant;

impl RouteProcessor {
    pub(super) fn observe(&mut self, _now: Instant, id: SessionId, command: ObserveCommand) -> Vec<String> {
        match command {
            ObserveCommand::ClearLogging => self.clear_logging(),
            ObserveCommand::ShowLogging => return self.show_logging(),
            ObserveCommand::TerminalMonitor(on) => {
                if let Some(console) = self.consoles.sessions.get_mut(&id) {
                    console.monitor = on;
                }
            }
            _ => {}
        }
        Vec::new()
    }
}
