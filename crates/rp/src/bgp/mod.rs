//! BGP on this route processor: the speaker, the TCP sessions under it, and the routes that come of it.
//!
//! ```text
//!   punted segments ─▶ tcp::Sessions ─ bytes ─▶ bgp::Speaker ─ prefixes ─▶ rib::Rib ─▶ FIB, cards
//!   packets by the routes ◀─┘    ◀─ streams ──┘     ▲  ▲                     │
//!                                 configuration ────┘  └── next hops ────────┘
//! ```
//!
//! Speaker and sessions keep what survives in tables ([`crate::Clients`]). What is here is lost at a switchover, on
//! purpose, and made again from those tables and the configuration by [`BgpProcess::start`]: which connection is whose,
//! who listens where, who has something to read or to write.
//!
//! Contract: whatever arrives is answered within bounds. Segments and timers are handled when they come; bytes are read,
//! walks go on and streams are filled in [`BgpProcess::turn_end`], each for a limited number of prefixes, so that no
//! KEEPALIVE waits for a table. Everything that a turn causes is in rows before the turn ends; what it sends leaves with
//! [`machine::Release::AfterSync`] when it shows anybody progress.

mod clear;
mod connections;
mod defaults;
mod facts;
mod local;
pub(crate) mod log;
mod neighbors;
mod policies;
mod quarantine;
mod routes;
pub(crate) mod settings;
mod streams;
mod ways;

use crate::clients::Clients;
use crate::io::DeadlyStep;
use ::bgp::error::BgpEvent;
use ::bgp::{Direction, PeerId, SpeakerOutput};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use machine::{Deadline, Duration, Instant, Machine, Outbox, Seed, StepNotes, Steps, earliest};
use packet::V4;
use redundancy::Syslog;
use rib::RouteKey;
use tcp::{ConnectionKey, Endpoint, TcpInput, TcpOutput};

use self::defaults::DefaultOriginate;
pub(crate) use self::local::LOCAL_ROUTE_TABLE;
pub use self::local::LocalRoute;
use self::neighbors::Peering;
pub use self::neighbors::{BgpNeighbor, BgpRouter};
pub(crate) use self::neighbors::{NEIGHBOR_TABLE, ROUTER_TABLE};
pub(crate) use self::quarantine::{CATALOGUE as QUARANTINE_CATALOGUE, QUARANTINE_TABLE, is_held};
pub use self::quarantine::{Quarantine, QuarantineKey};
use self::settings::Settings;

/// The port of BGP (RFC 4271 section 8.2.1).
const BGP_PORT: u16 = 179;
/// Prefixes that are read, walked or told in one turn.
const PREFIXES_PER_TURN: usize = 2_000;
/// Turns come at least as often as heartbeats do. After a longer time without one this process was stopped.
const STOPPED_MIN: Duration = Duration::from_millis(250);

/// What BGP asks the route processor for.
#[derive(Debug)]
pub(crate) enum BgpOutput {
    /// Send this IP packet of the router itself by the routes.
    Packet(Vec<u8>),
    /// A system message.
    Log(Syslog),
}

/// How an activity of this route processor began, as far as routing is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoutingStart {
    /// Nothing was forwarded before.
    Fresh,
    /// Cards forward by what an earlier active gave them; the tables are empty.
    Restarted,
    /// The tables are those of the last active.
    Continued,
}

/// What of BGP is lost at a switchover.
pub(crate) struct BgpProcess {
    /// How each neighbour is configured, and how it is reached.
    peerings: BTreeMap<PeerId, Peering>,
    by_address: BTreeMap<IpAddr, PeerId>,
    /// The TCP sessions of neighbours, and whose they are.
    connections: BTreeMap<(PeerId, Direction), ConnectionKey>,
    owners: BTreeMap<ConnectionKey, (PeerId, Direction)>,
    /// Where neighbours may connect to.
    listeners: BTreeMap<PeerId, Endpoint>,
    /// Sessions with bytes that were not read, in the order in which they are looked at.
    unread: VecDeque<ConnectionKey>,
    is_unread: BTreeSet<ConnectionKey>,
    /// Sessions whose peer has ended its stream.
    ended: BTreeSet<ConnectionKey>,
    /// Neighbours whose stream has, or may have, more for TCP.
    unwritten: BTreeSet<PeerId>,
    /// Who of them is looked at first.
    first_written: PeerId,
    /// The last turn's budget for telling them was spent before all had been told what TCP has room for.
    has_untold: bool,
    /// Neighbours that are reached by routes: the routing table tells when the way to one changes.
    ways: BTreeSet<Ipv4Addr>,
    /// Neighbours of whom our address towards them is to be looked up again.
    moved: BTreeSet<PeerId>,
    /// What the configuration says, as it was applied last.
    settings: Option<Settings>,
    /// Whether the routing table holds what `default-originate` asks for.
    default_originate: DefaultOriginate,
    /// `network` or `redistribute` may have changed.
    local_is_stale: bool,
    /// The configuration, or what it is applied to, has changed.
    is_stale: bool,
    /// Walks are under way.
    is_busy: bool,
    /// When neighbours could be heard last.
    listened_at: Instant,
    /// Where the search for routes of an earlier BGP is.
    left_overs_after: Option<RouteKey<V4>>,
    /// Where each step is noted before it is made.
    steps: Steps,
    from_speaker: Outbox<SpeakerOutput>,
    from_tcp: Outbox<TcpOutput>,
}

impl BgpProcess {
    /// Nothing runs before [`BgpProcess::start`].
    pub(crate) fn new(notes: Option<Arc<dyn StepNotes>>) -> Self {
        Self {
            left_overs_after: None,
            steps: Steps::new(redundancy::client::BGP.id.0, notes),
            peerings: BTreeMap::new(),
            by_address: BTreeMap::new(),
            connections: BTreeMap::new(),
            owners: BTreeMap::new(),
            listeners: BTreeMap::new(),
            unread: VecDeque::new(),
            is_unread: BTreeSet::new(),
            ended: BTreeSet::new(),
            unwritten: BTreeSet::new(),
            first_written: PeerId::LOCAL,
            has_untold: false,
            ways: BTreeSet::new(),
            moved: BTreeSet::new(),
            settings: None,
            default_originate: DefaultOriginate::default(),
            local_is_stale: true,
            is_stale: true,
            is_busy: true,
            listened_at: Instant::ZERO,
            from_speaker: Outbox::new(),
            from_tcp: Outbox::new(),
        }
    }

    /// This route processor has become active. Costs the number of neighbours and of TCP sessions, not that of routes.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        mut seed: Seed,
        start: RoutingStart,
        deaths: &[DeadlyStep],
        out: &mut Outbox<BgpOutput>,
    ) {
        self.listened_at = now;
        let is_anew = Self::answer_deaths(now, clients, start, deaths, out);
        clients.speaker.set_seed(seed.fork());
        clients.speaker.rib.common.steps = self.steps.clone();
        match start {
            RoutingStart::Continued if is_anew => self.start_anew(now, clients, seed),
            RoutingStart::Continued => self.go_on(now, clients, seed),
            RoutingStart::Fresh | RoutingStart::Restarted => {
                clients.tcp.activate(seed, &mut self.from_tcp);
                self.reconcile(now, clients, start == RoutingStart::Restarted);
            }
        }
        self.hold_or_release_sweep(clients);
        self.settle(now, clients, out);
    }

    /// The configuration of BGP, an address or a link has changed.
    pub(crate) fn configuration_changed(&mut self) {
        self.is_stale = true;
    }

    /// An IP packet with a segment for one of the router's own addresses.
    pub(crate) fn segment(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        packet: Vec<u8>,
        out: &mut Outbox<BgpOutput>,
    ) {
        self.note_time(now, clients);
        clients
            .tcp
            .handle(now, TcpInput::Packet(packet), &mut self.from_tcp);
        self.settle(now, clients, out);
    }

    /// Runs what is due.
    pub(crate) fn expire(&mut self, now: Instant, clients: &mut Clients, out: &mut Outbox<BgpOutput>) {
        self.note_time(now, clients);
        clients.tcp.expire(now, &mut self.from_tcp);
        self.settle(now, clients, out);
        if clients.speaker.next_deadline().is_some_and(|(at, _)| at <= now) {
            // Who was heard, and not listened to yet, is not silent.
            self.hear(now, clients, PREFIXES_PER_TURN);
            clients.speaker.expire(now, &mut self.from_speaker);
            self.settle(now, clients, out);
        }
    }

    /// Work in portions, and what the turn has changed. `may_work`: whether bulk work may go on; what keeps sessions alive
    /// does in any case.
    pub(crate) fn turn_end(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        may_work: bool,
        out: &mut Outbox<BgpOutput>,
    ) {
        self.note_time(now, clients);
        if self.is_stale {
            self.is_stale = false;
            self.reconcile(now, clients, false);
            self.settle(now, clients, out);
        }
        if core::mem::take(&mut self.local_is_stale) {
            local::reconcile(clients, self.settings.as_ref());
        }
        local::follow(clients, self.settings.as_ref());
        // Heard also when no BGP runs: what nobody takes would keep the route processor busy.
        if may_work {
            self.next_hops_move(clients);
            self.default_originate.follow(clients, self.settings.as_ref());
        }
        self.look_up_moved(now, clients);
        self.settle(now, clients, out);
        if !self.is_running(clients) {
            return;
        }
        if may_work {
            self.hear(now, clients, PREFIXES_PER_TURN);
            self.is_busy = !clients.speaker.run(PREFIXES_PER_TURN);
            self.resolve_next_hops(clients);
            self.take_left_overs(clients);
        }
        self.settle(now, clients, out);
        clients.speaker.turn_end(&mut self.from_speaker);
        Self::keep_version(clients);
        self.settle(now, clients, out);
        self.install(clients);
        self.hold_or_release_sweep(clients);
        self.write(now, clients, if may_work { PREFIXES_PER_TURN } else { 0 });
        self.settle(now, clients, out);
    }

    /// What neighbours have sent while this process was stopped is not read yet, so they are not silent (the same rule as
    /// for the other route processor's heartbeats); and what was on its way to them is sent again.
    fn note_time(&mut self, now: Instant, clients: &mut Clients) {
        let gap = now.saturating_since(self.listened_at);
        self.listened_at = now;
        if gap >= STOPPED_MIN {
            clients.speaker.was_stopped(gap);
            clients.tcp.was_stopped(now);
        }
    }

    /// Whether there is BGP, or something left of it to be taken down.
    fn is_running(&self, clients: &Clients) -> bool {
        self.settings.is_some()
            || !self.peerings.is_empty()
            || !self.owners.is_empty()
            || self.is_busy
            || Self::has_left_overs(clients)
            || !clients.speaker.rib.v4.paths.is_empty()
    }

    /// When [`BgpProcess::expire`] has something to do.
    pub(crate) fn next_deadline(&self, clients: &Clients) -> Option<Deadline> {
        earliest(clients.tcp.next_deadline(), clients.speaker.next_deadline())
    }

    /// Whether [`BgpProcess::turn_end`] has more to do at once.
    pub(crate) fn has_work(&self, clients: &Clients) -> bool {
        let finds_left_overs = Self::has_left_overs(clients) && !clients.speaker.is_deferring();
        let is_busy = self.is_busy || finds_left_overs || clients.speaker.has_work();
        let is_busy = is_busy || self.default_originate.has_work(clients);
        let is_waiting = !self.unread.is_empty() || !self.unwritten.is_empty() || !self.moved.is_empty();
        let is_running = is_busy || is_waiting;
        let rib = &clients.rib;
        self.is_stale || is_running || rib.has_next_hop_changes() || rib.has_redistribution_changes()
    }

    /// `no bgp log-neighbor-changes` keeps sessions that come and go out of the log.
    fn is_logged(&self, event: &BgpEvent) -> bool {
        let logs_changes = |settings: &Settings| settings.log_neighbor_changes;
        let is_change = matches!(event, BgpEvent::Up { .. } | BgpEvent::Down { .. });
        !is_change || self.settings.as_ref().is_none_or(logs_changes)
    }

    /// Hands outputs on between the machines until none is left.
    fn settle(&mut self, now: Instant, clients: &mut Clients, out: &mut Outbox<BgpOutput>) {
        while !self.from_speaker.is_empty() || !self.from_tcp.is_empty() {
            for (release, output) in core::mem::take(&mut self.from_speaker).drain() {
                match output {
                    SpeakerOutput::Log(event) => {
                        self.note_end(&event);
                        if self.is_logged(&event) {
                            out.push(release, BgpOutput::Log(log::of(&event)));
                        }
                    }
                    output => self.speaker_asks(now, clients, output),
                }
            }
            for (release, output) in core::mem::take(&mut self.from_tcp).drain() {
                match output {
                    TcpOutput::Packet(packet) => out.push(release, BgpOutput::Packet(packet)),
                    output => self.tcp_tells(now, clients, output),
                }
            }
        }
    }
}
