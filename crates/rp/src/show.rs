//! Texts of the `show` commands that are about the processor as a whole.
//!
//! Layouts are those that operators of the original know; each is a function from state to lines.

mod units;

use crate::processor::{Role, RouteProcessor};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chassis::DownloadPhase;
use checkpoint::{PeerSync, Tables};
use machine::{Instant, PortId};

impl RouteProcessor {
    /// `show ip interface brief`
    pub(crate) fn show_ip_interface_brief(&self) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let mut lines = Vec::from([String::from(
            "Interface              IP-Address      OK? Method Status                Protocol",
        )]);
        for (port, configured) in active.clients.configuration.tree().interfaces() {
            let address = configured
                .address
                .map_or(String::from("unassigned"), |own| own.address().to_string());
            let method = if configured.address.is_some() {
                "manual"
            } else {
                "unset"
            };
            let (status, protocol) = self.line_states(port);
            let name = format!("Ethernet{port}");
            lines.push(format!(
                "{name:<23}{address:<16}YES {method:<6} {status:<21} {protocol:<8}"
            ));
        }
        lines
    }

    fn line_states(&self, port: PortId) -> (&'static str, &'static str) {
        let Role::Active(active) = &self.role else {
            return ("down", "down");
        };
        let shutdown = active
            .clients
            .configuration
            .tree()
            .interface(port)
            .is_some_and(|port| port.shutdown);
        if shutdown {
            ("administratively down", "down")
        } else if active.clients.inventory.is_up(port) {
            ("up", "up")
        } else {
            ("down", "down")
        }
    }

    /// `show interfaces [EthernetC/P]`
    pub(crate) fn show_interfaces(&self, only: Option<PortId>) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        for (port, configured) in active.clients.configuration.tree().interfaces() {
            if only.is_some_and(|only| only != port) {
                continue;
            }
            let (status, protocol) = self.line_states(port);
            let status = if status == "administratively down" {
                status.to_string()
            } else {
                status.into()
            };
            lines.push(format!(
                "Ethernet{port} is {status}, line protocol is {protocol} "
            ));
            match active.clients.inventory.ports.get(&port) {
                Some(details) => {
                    lines.push(format!(
                        "  Hardware is {}, address is {}",
                        details.wire, details.mac
                    ));
                }
                None => lines.push(String::from("  Hardware is not present")),
            }
            if let Some(text) = &configured.description {
                lines.push(format!("  Description: {text}"));
            }
            if let Some(address) = configured.address {
                lines.push(format!(
                    "  Internet address is {}/{}",
                    address.address(),
                    address.prefix_len()
                ));
            }
            lines.push(format!("  MTU {} bytes", configured.mtu));
            let counters = active.cards.counters(port);
            lines.push(format!(
                "     {} packets input, {} bytes",
                counters.input_packets, counters.input_bytes
            ));
            lines.push(format!("     {} input drops", counters.input_drops));
            lines.push(format!(
                "     {} packets output, {} bytes",
                counters.output_packets, counters.output_bytes
            ));
            lines.push(format!("     {} output drops", counters.output_drops));
        }
        lines
    }

    /// `show clock`. The asterisk says that nobody vouches for the time: it is the host's.
    pub(crate) fn show_clock(&self, now: Instant) -> String {
        let unix_ms = self.unix_ms(now);
        let text = redundancy::UtcTime(unix_ms / 1000).to_string();
        let (time, date) = text.split_once(' ').unwrap_or((&text, ""));
        format!("*{time}.{:03} {date}", unix_ms % 1000)
    }

    /// `show checkpoint` and `show checkpoint clients`
    pub(crate) fn show_checkpoint(&self) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let (closed, acknowledged, gated) = active.frames();
        let sync = match active.peer_sync() {
            PeerSync::None => "none".to_string(),
            PeerSync::Bulk { table, .. } => {
                format!("bulk, table {table} of {}", active.clients.order().len())
            }
            PeerSync::Finishing { frame } => format!("bulk sent, waiting for frame {frame}"),
            PeerSync::InStep => "in step".to_string(),
        };
        let mut lines = Vec::from([
            format!("Standby is: {sync}"),
            format!(
                "Last frame closed: {closed}, acknowledged: {acknowledged}, outputs at the gate: {gated}"
            ),
            String::new(),
            format!("{:<24}{:>12}{:>10}  {}", "Table", "Rows", "Dirty", "Digest"),
        ]);
        active.clients.each(&mut |table| {
            let digest = table.digest();
            lines.push(format!(
                "{:<24}{:>12}{:>10}  {digest:016x}",
                crate::clients::table_name(table.id()),
                table.rows(),
                table.dirty_rows()
            ));
        });
        lines.push(String::new());
        for slot in &self.config.card_slots {
            let text = match active.cards.download(*slot) {
                None => continue,
                Some((DownloadPhase::Absent, _)) => "connected".to_string(),
                Some((DownloadPhase::Live, bytes)) => format!("in step, {bytes} bytes on their way"),
                Some((DownloadPhase::Refreshing { .. }, bytes)) => {
                    format!("refreshing, {bytes} bytes on their way")
                }
            };
            lines.push(format!("Card {slot}: {text}"));
        }
        lines
    }
}
