//! Commands of the EXEC for watching what the router does: `debug`, `terminal monitor`, and the views of the redundancy
//! facility that are about its inside.

use crate::grammar::Matched;
use crate::table::CommandId;

/// A part of the redundancy facility whose doings can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RedundancyDebug {
    /// All of them.
    All,
    /// What operators ask for.
    Ui,
    /// Progressions, timers and keepalives.
    Clk,
    /// Messages between the two units.
    Hub,
}

/// What of the redundancy facility is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RedundancyView {
    /// `show redundancy counters`
    Counters,
    /// `show redundancy debug-log`
    DebugLog,
    /// `show redundancy handover`
    Handover,
    /// `show redundancy history reload`
    HistoryReload,
    /// `show redundancy history reverse`
    HistoryReverse,
    /// `show redundancy inter-device`
    InterDevice,
    /// `show redundancy idb-sync-history`
    IdbSyncHistory,
}

/// Commands for watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObserveCommand {
    /// `clear logging`
    ClearLogging,
    /// `debug redundancy ...` (true), `no debug redundancy ...` (false).
    DebugRedundancy(RedundancyDebug, bool),
    /// `undebug all`, `no debug all`
    UndebugAll,
    /// `show debugging`
    ShowDebugging,
    /// `show logging`
    ShowLogging,
    /// `show redundancy ...`
    ShowRedundancy(RedundancyView),
    /// `terminal monitor` (true), `terminal no monitor` (false).
    TerminalMonitor(bool),
}

/// The command that a matched row means.
pub(crate) fn command(matched: &Matched) -> Option<ObserveCommand> {
    let on = !matched.negated;
    Some(match matched.id {
        CommandId::ClearLogging => ObserveCommand::ClearLogging,
        CommandId::DebugRedundancyAll => ObserveCommand::DebugRedundancy(RedundancyDebug::All, on),
        CommandId::DebugRedundancyUi => ObserveCommand::DebugRedundancy(RedundancyDebug::Ui, on),
        CommandId::DebugRedundancyClk => ObserveCommand::DebugRedundancy(RedundancyDebug::Clk, on),
        CommandId::DebugRedundancyHub => ObserveCommand::DebugRedundancy(RedundancyDebug::Hub, on),
        CommandId::UndebugRedundancyAll => ObserveCommand::DebugRedundancy(RedundancyDebug::All, false),
        CommandId::UndebugAll => ObserveCommand::UndebugAll,
        CommandId::ShowDebugging => ObserveCommand::ShowDebugging,
        CommandId::ShowLogging => ObserveCommand::ShowLogging,
        CommandId::ShowRedundancyCounters => ObserveCommand::ShowRedundancy(RedundancyView::Counters),
        CommandId::ShowRedundancyDebugLog => ObserveCommand::ShowRedundancy(RedundancyView::DebugLog),
        CommandId::ShowRedundancyHandover => ObserveCommand::ShowRedundancy(RedundancyView::Handover),
        CommandId::ShowRedundancyHistoryReload => {
            ObserveCommand::ShowRedundancy(RedundancyView::HistoryReload)
        }
        CommandId::ShowRedundancyHistoryReverse => {
            ObserveCommand::ShowRedundancy(RedundancyView::HistoryReverse)
        }
        CommandId::ShowRedundancyInterDevice => ObserveCommand::ShowRedundancy(RedundancyView::InterDevice),
        CommandId::ShowRedundancyIdbSyncHistory => {
            ObserveCommand::ShowRedundancy(RedundancyView::IdbSyncHistory)
        }
        CommandId::TerminalMonitor => ObserveCommand::TerminalMonitor(true),
        CommandId::TerminalNoMonitor => ObserveCommand::TerminalMonitor(false),
        _ => return None,
    })
}
