//! What routing shows: as text, or as one JSON document (`| json`).
//!
//! A long table is shown page by page: some lines for each call, and where the next page goes on.

use crate::active::Active;
use crate::console::Page;
use ::bgp::PeerId;
use ::bgp::show::{self, Context, PrefixView, Routes};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::AddressFilter;
use core::net::{IpAddr, Ipv4Addr};
use machine::Instant;
use packet::bgp::NextHop;
use packet::{Prefix, V4};
use rib::Protocol;
use rib::show::{BgpFacts, BgpView};
use serde::Serialize;

/// A table of BGP routes that is being shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BgpTable {
    /// Which routes.
    pub routes: Routes,
    /// Only what the routing table has from elsewhere (`show ip bgp rib-failure`).
    pub failed_only: bool,
    /// As JSON.
    pub json: bool,
    /// The last prefix looked at; `None` at the start.
    pub after: Option<Prefix<V4>>,
    /// Prefixes shown so far.
    pub shown: usize,
}

/// The table of routes that is being shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteTable {
    /// Only routes of this protocol.
    pub only: Option<Protocol>,
    /// As JSON.
    pub json: bool,
    /// The last prefix looked at; `None` at the start.
    pub after: Option<Prefix<V4>>,
    /// Prefixes shown so far.
    pub shown: usize,
}

/// A value as JSON. None of ours has a key that is no text, or a value that cannot be written.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|error| alloc::format!("% {error}"))
}

/// A value as the lines of a text, or as JSON.
pub(super) fn lines_or_json<T: Serialize>(
    value: &T,
    as_json: bool,
    lines: impl FnOnce(&T) -> Vec<String>,
) -> Vec<String> {
    match as_json {
        true => Vec::from([json(value)]),
        false => lines(value),
    }
}

/// Texts, an empty line between two of them.
fn blocks(blocks: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for block in blocks {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(block);
    }
    lines
}

/// One entry of a list in a document that is written page by page, each on a line of its own.
fn entry<T: Serialize>(value: &T, shown: &mut usize, lines: &mut Vec<String>) {
    let comma = if *shown == 0 { ' ' } else { ',' };
    let text = serde_json::to_string(value).unwrap_or_else(|error| alloc::format!("\"% {error}\""));
    lines.push(alloc::format!("{comma}{text}"));
    *shown += 1;
}

impl Active {
    fn with_context<R>(&self, now: Instant, show: impl FnOnce(&Context<'_>) -> R) -> R {
        let standby_hot = self.is_standby_hot();
        let facts = |peer: PeerId| self.bgp().facts(&self.clients, peer, standby_hot);
        let age_s = self.clients.system.uptime(now).as_secs();
        show(&Context {
            now,
            age_s: u32::try_from(age_s).unwrap_or(u32::MAX),
            facts: &facts,
        })
    }

    pub(super) fn show_bgp_summary(&self, now: Instant, json: bool) -> Vec<String> {
        let view = self.with_context(now, |context| show::summary(&self.clients.speaker, context));
        lines_or_json(&view, json, show::summary_lines)
    }

    pub(super) fn show_bgp_sso(&self, now: Instant, json: bool) -> Vec<String> {
        let view = self.with_context(now, |context| show::sso(&self.clients.speaker, context));
        lines_or_json(&view, json, show::sso_lines)
    }

    pub(super) fn show_bgp_neighbors(&self, now: Instant, only: Option<Ipv4Addr>, json: bool) -> Vec<String> {
        let only = only.map(IpAddr::V4);
        let views = self.with_context(now, |context| {
            show::neighbors(&self.clients.speaker, only, context)
        });
        lines_or_json(&views, json, |views| {
            blocks(views.iter().map(show::neighbor_lines))
        })
    }

    /// `show ip bgp peer-group [NAME]`; `None`: there is no such group.
    pub(super) fn show_bgp_peer_groups(&self, only: Option<&str>, json: bool) -> Option<Vec<String>> {
        let views = self.bgp().peer_groups(&self.clients, only);
        if views.is_empty() && only.is_some() {
            return None;
        }
        Some(lines_or_json(&views, json, |views| {
            blocks(views.iter().map(show::peer_group_lines))
        }))
    }

    /// `show ip bgp A.B.C.D`; `None`: there is no such prefix.
    pub(super) fn show_bgp_prefix(&self, filter: AddressFilter, json: bool) -> Option<Vec<String>> {
        let rib = &self.clients.speaker.rib;
        let prefix = match filter {
            AddressFilter::Prefix(prefix) => prefix,
            AddressFilter::Address(address) => (0..=32).rev().find_map(|length| {
                let prefix = Prefix::new(address, length).ok()?;
                rib.v4.get(prefix).map(|_| prefix)
            })?,
        };
        let mut view = show::prefix(rib, prefix)?;
        self.mark_rib_failure(&mut view);
        Some(lines_or_json(&view, json, show::prefix_lines))
    }

    /// Looks up whether the routing table has BGP's route to this prefix.
    fn mark_rib_failure(&self, view: &mut PrefixView) {
        let is_failed = self.clients.rib.preferred_over(view.network, Protocol::Bgp);
        if is_failed.is_some() {
            view.fail_in_rib();
        }
    }

    /// Some lines of a table of BGP routes, and the page after it.
    pub(super) fn bgp_table_page(
        &self,
        mut table: BgpTable,
        count_max: usize,
    ) -> (Vec<String>, Option<Page>) {
        let speaker = &self.clients.speaker;
        let (mut prefixes, next) = show::page(&speaker.rib, table.routes, table.after, count_max);
        prefixes.iter_mut().for_each(|view| self.mark_rib_failure(view));
        if table.failed_only {
            prefixes.retain(PrefixView::has_rib_failure);
        }
        let mut lines = Vec::new();
        let is_first = table.after.is_none();
        let router_id = speaker.config().router_id;
        if table.json {
            if is_first {
                lines.push(alloc::format!("{{\"router_id\":\"{router_id}\",\"prefixes\":["));
            }
            for prefix in &prefixes {
                entry(prefix, &mut table.shown, &mut lines);
            }
            if next.is_none() {
                lines.push(String::from("]}"));
            }
        } else {
            // An empty table has no header.
            let needs_header = table.shown == 0 && !prefixes.is_empty();
            table.shown += prefixes.len();
            if table.failed_only {
                lines.extend(needs_header.then(show::rib_failure_header));
                lines.extend(show::rib_failure_lines(&prefixes));
            } else {
                if needs_header {
                    lines.extend(show::table_header(speaker.rib.v4.version(), router_id));
                }
                lines.extend(show::page_lines(&prefixes));
            }
            if next.is_none() && table.shown > 0 && table.routes != Routes::All {
                lines.push(String::new());
                lines.push(alloc::format!("Total number of prefixes {} ", table.shown));
            }
        }
        table.after = next;
        (lines, next.map(|_| Page::Bgp(table)))
    }

    /// Some lines of the table of routes, and the page after it.
    pub(super) fn route_table_page(
        &self,
        mut table: RouteTable,
        count_max: usize,
    ) -> (Vec<String>, Option<Page>) {
        let rib = &self.clients.rib;
        let (lines, next) = if table.json {
            let (views, next) = rib::show::views(rib, table.only, table.after, count_max);
            let mut lines = Vec::new();
            if table.after.is_none() {
                lines.push(String::from("{\"routes\":["));
            }
            for view in &views {
                entry(view, &mut table.shown, &mut lines);
            }
            if next.is_none() {
                lines.push(String::from("]}"));
            }
            (lines, next)
        } else {
            rib::show::routes(rib, table.only, table.after, count_max)
        };
        table.after = next;
        (lines, next.map(|_| Page::Routes(table)))
    }

    /// `show ip route A.B.C.D`
    pub(super) fn show_route_entry(&self, question: rib::show::Question, as_json: bool) -> Vec<String> {
        let rib = &self.clients.rib;
        if as_json {
            return match rib::show::view(rib, question) {
                Some(view) => Vec::from([json(&view)]),
                None => rib::show::route(rib, question, None),
            };
        }
        let facts = |prefix, next_hop| self.bgp_facts(prefix, next_hop);
        let bgp = self.clients.configuration.tree().bgp().map(|bgp| BgpView {
            as_number: bgp.as_number,
            facts: &facts,
        });
        rib::show::route(rib, question, bgp.as_ref())
    }

    fn bgp_facts(&self, prefix: Prefix<V4>, next_hop: Ipv4Addr) -> Option<BgpFacts> {
        let rib = &self.clients.speaker.rib;
        let paths = rib.v4.get(prefix)?.as_slice().iter();
        paths.filter(|path| path.is_used()).find_map(|path| {
            let summary = rib.common.attributes.summary(path.accepted)?;
            let IpAddr::V4(from) = rib.common.peer(path.peer)?.address else {
                return None;
            };
            (summary.next_hop == Some(NextHop::V4(next_hop))).then_some(BgpFacts {
                from,
                as_hops: summary.path_length,
            })
        })
    }

    /// `show ip route summary`
    pub(super) fn show_route_summary(&self, as_json: bool) -> Vec<String> {
        let as_number = self.clients.configuration.tree().bgp().map(|bgp| bgp.as_number);
        let view = rib::show::counts(&self.clients.rib);
        lines_or_json(&view, as_json, |view| rib::show::summary_lines(view, as_number))
    }

    /// `show tcp brief [all]`
    pub(super) fn show_tcp_brief(&self, all: bool, as_json: bool) -> Vec<String> {
        let clients = &self.clients;
        let mut views: Vec<TcpLine> = clients
            .tcp
            .connections
            .iter()
            .map(|(key, row)| {
                let progress = clients.tcp.progress.get(key).copied().unwrap_or_default();
                let state = match (progress.closing, progress.peer_closed) {
                    (false, false) => "ESTAB",
                    (false, true) => "CLOSEWAIT",
                    (true, false) => "FINWAIT1",
                    (true, true) => "LASTACK",
                };
                TcpLine::of(row.local_isn, key.local, key.remote, state)
            })
            .collect();
        views.extend(self.bgp().opening(clients).iter().map(|(key, direction)| {
            let state = match direction {
                ::bgp::Direction::Outgoing => "SYNSENT",
                ::bgp::Direction::Incoming => "SYNRCVD",
            };
            TcpLine::of(0, key.local, key.remote, state)
        }));
        if all {
            views.extend(self.bgp().listening().iter().map(|(local, remote)| {
                let remote = tcp::Endpoint::new(*remote, 0);
                TcpLine::of(0, *local, remote, "LISTEN")
            }));
        }
        lines_or_json(&views, as_json, |views| {
            let mut lines = Vec::from([String::from(
                "TCB       Local Address               Foreign Address             (state)",
            )]);
            lines.extend(views.iter().map(TcpLine::line));
            lines
        })
    }
}

/// A TCP session in `show tcp brief`.
#[derive(Serialize)]
struct TcpLine {
    /// What tells it from others: its first sequence number.
    tcb: String,
    local_address: IpAddr,
    local_port: u16,
    remote_address: IpAddr,
    /// 0: any.
    remote_port: u16,
    state: &'static str,
}

impl TcpLine {
    fn of(isn: u32, local: tcp::Endpoint, remote: tcp::Endpoint, state: &'static str) -> TcpLine {
        TcpLine {
            tcb: alloc::format!("{isn:08X}"),
            local_address: local.address,
            local_port: local.port,
            remote_address: remote.address,
            remote_port: remote.port,
            state,
        }
    }

    fn line(&self) -> String {
        let end = |address: IpAddr, port: u16| match port {
            0 => alloc::format!("{address}.*"),
            port => alloc::format!("{address}.{port}"),
        };
        alloc::format!(
            "{}  {:<27} {:<27} {}",
            self.tcb,
            end(self.local_address, self.local_port),
            end(self.remote_address, self.remote_port),
            self.state
        )
        .trim_end()
        .to_string()
    }
}
