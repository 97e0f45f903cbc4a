//! `show checkpoint clients`, `entities` and `statistics`.
//!
//! The layouts are the vendor's; the counters are those of [`checkpoint::Statistics`]. What a message is to the vendor's
//! clients, a row is here: the unit that a client hands over. Rows of a turn travel bundled in frames, always. A receive
//! queue there is none: what comes is applied at once.

use crate::active::Active;
use crate::clients::{ORDER, client_of};
use crate::processor::{Role, RouteProcessor};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use checkpoint::{ActiveEndConfig, Statistics, TableStatistics};
use config::CheckpointView;
use redundancy::Client;

const RULE: &str = "--------------------------------------------------------------------------------";

impl Active {
    /// What the checkpoint facility has sent, its limits, and bytes that wait for a message to be whole.
    pub fn checkpoint_counters(&self) -> (&Statistics, &ActiveEndConfig, usize) {
        let end = &self.checkpoint;
        (end.statistics(), end.config(), end.buffered_bytes())
    }

    /// Outputs at the gate: now, and most at one time.
    pub fn gated(&self) -> (usize, usize) {
        (self.gate.len(), self.gate.peak())
    }
}

impl RouteProcessor {
    pub(crate) fn show_checkpoint_facility(&self, view: CheckpointView) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let (statistics, limits, buffered) = active.checkpoint_counters();
        match view {
            CheckpointView::Clients { client } => clients(statistics, client),
            CheckpointView::Entities => entities(),
            CheckpointView::Statistics => {
                let (held, held_peak) = active.gated();
                let mut lines = headed("Check Point Status");
                lines.extend([
                    format!("{:<37}{held}", "Number Of Msgs In Hold Q:"),
                    format!(
                        "{:<37}{}",
                        "CHKPT MAX Message Size:", statistics.message_bytes_max
                    ),
                    format!("{:<37}{}", "TP MAX Message Size:", limits.chunk_bytes),
                    format!(
                        "{:<37}{} ms",
                        "CHKPT Pending Msg Timer:",
                        limits.open_frame_limit.as_millis()
                    ),
                    String::new(),
                ]);
                let flow = if statistics.is_off { "OFF" } else { "ON" };
                let counters: [(&str, String); 13] = [
                    ("FLOW_ON total:", statistics.flow_on.to_string()),
                    ("FLOW_OFF total:", statistics.flow_off.to_string()),
                    ("Current FLOW status is:", flow.to_string()),
                    ("Total API Messages Sent:", statistics.rows().to_string()),
                    ("Total Messages Sent:", statistics.messages.to_string()),
                    ("Total Sent Message Len:", statistics.message_bytes.to_string()),
                    ("Total Bytes Allocated:", statistics.bytes().to_string()),
                    ("Rcv Msg Q Peak:", 0.to_string()),
                    ("Hold Msg Q Peak:", held_peak.to_string()),
                    (
                        "Buffers Held Peak:",
                        u32::from(statistics.buffered_bytes_peak > 0).to_string(),
                    ),
                    ("Current Buffers Held:", u32::from(buffered > 0).to_string()),
                    ("Huge Buffers Requested:", statistics.huge_rows.to_string()),
                    ("Total Frames Closed:", statistics.frames.to_string()),
                ];
                for (label, value) in counters {
                    if label.ends_with("is:") {
                        lines.push(format!("    {label} {value}"));
                    } else {
                        lines.push(format!("    {label:<36} {value}"));
                    }
                }
                lines
            }
            CheckpointView::BufferUsage => {
                let mut lines = headed("Check Point Buffer Usage");
                lines.extend([
                    format!("{:<37}{} bytes", "Buffer size:", limits.chunk_bytes),
                    format!("{:<37}{buffered} bytes", "In use:"),
                    format!("{:<37}{} bytes", "Peak:", statistics.buffered_bytes_peak),
                ]);
                lines
            }
        }
    }
}

fn headed(title: &str) -> Vec<String> {
    Vec::from([
        format!("{:>23}{title}", ""),
        String::from("CHKPT on ACTIVE server."),
    ])
}

/// The clients with what they have sent, in client order.
fn totals(statistics: &Statistics) -> BTreeMap<u32, (Client, TableStatistics)> {
    let mut totals: BTreeMap<u32, (Client, TableStatistics)> = BTreeMap::new();
    for table in ORDER {
        let client = client_of(*table);
        let sent = statistics.tables.get(table).copied().unwrap_or_default();
        let (_, total) = totals
            .entry(client.sequence)
            .or_insert((client, TableStatistics::default()));
        total.rows += sent.rows;
        total.bytes += sent.bytes;
    }
    totals
}

fn clients(statistics: &Statistics, only: Option<u32>) -> Vec<String> {
    let totals = totals(statistics);
    let shown: Vec<&(Client, TableStatistics)> = totals
        .values()
        .filter(|(client, _)| only.is_none_or(|id| client.id.0 == id))
        .collect();
    if let (Some(id), true) = (only, shown.is_empty()) {
        return Vec::from([format!("% Invalid checkpoint client ID ({id}).")]);
    }
    let mut lines = headed("Check Point List of Clients");
    lines.extend([
        String::from(RULE),
        format!(
            "{:<22}{:<8}{:<14}{:<14}{}",
            "Client Name", "Client", "Total", "Total", "Bundling"
        ),
        format!(
            "{:<22}{:<8}{:<14}{:<14}{}",
            "", " ID", "Msg Sent", "Msg len", "Off/On"
        ),
        String::from(RULE),
    ]);
    for (client, total) in &shown {
        lines.push(format!(
            "{:<22} {:<7}{:<14}{:<14}On",
            client.name, client.id.0, total.rows, total.bytes
        ));
    }
    if only.is_some() {
        for table in ORDER
            .iter()
            .filter(|table| shown.iter().any(|(client, _)| client_of(**table) == *client))
        {
            let sent = statistics.tables.get(table).copied().unwrap_or_default();
            lines.push(format!(
                "  {:<28}{:<14}{:<14}",
                crate::clients::table_name(*table),
                sent.rows,
                sent.bytes
            ));
        }
    }
    lines
}

fn entities() -> Vec<String> {
    let mut lines = headed("Check Point List of Entities");
    lines.extend([
        String::from(RULE),
        String::from("Entity ID   Entity Name"),
        String::from(RULE),
        String::from("0           CHKPT_DEFAULT_ENTITY"),
        String::new(),
        String::from("  Member clients:"),
    ]);
    for (client, _) in totals(&Statistics::default()).into_values() {
        lines.push(format!("  {:<10}{}", client.id.0, client.name));
    }
    lines
}
