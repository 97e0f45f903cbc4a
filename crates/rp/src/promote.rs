//! From standby to active: the path that has to be short.
//!
//! ```text
//!   life lost ──▶ claim won ──▶ promote ─▶ ACTIVE-FAST ─▶ connect cards ─▶ truths, buffered punts ─▶ first answer
//!                                  │                            (turns, with everything being served)
//!                                  └── DRAIN, PRECONFIG, POSTCONFIG, ACTIVE: passes over the clients, by turns
//! ```
//!
//! `promote` costs the number of cards and neighbours at most, never that of routes: tables and their indexes are in
//! place, digests are kept, and cards are sent only what changed since the frame that they have.

use crate::active::{Active, ActiveConfig};
use crate::bgp::RoutingStart;
use crate::clients::Clients;
use crate::config_sync::Language;
use crate::inventory::CardState;
use crate::standby::Standby;
use alloc::string::String;
use checkpoint::Tables;
use config::{LoadError, Loaded};
use machine::{CardSlot, Epoch, FrameNumber, Instant};

impl Standby {
    /// Becomes active with everything that was checkpointed. The progression goes on by turns afterwards.
    pub fn promote(self, now: Instant, epoch: Epoch, config: ActiveConfig) -> Active {
        let (mut clients, frame) = self.into_parts();
        let interfaces = clients.interfaces_up();
        clients.arp.promoted(now, interfaces);
        clients.rib.promoted();
        let expected = seated_cards(&clients);
        Active::new(now, epoch, config, clients, frame, expected)
    }

    /// Becomes active without trusting the tables: only the last whole configuration is used, or else the startup
    /// configuration. Numbers of frames start far above any that a card can have seen.
    pub fn restart_as_active(
        self,
        now: Instant,
        epoch: Epoch,
        config: ActiveConfig,
        startup: Startup<'_>,
        language: &Language,
    ) -> StartedActive {
        let configuration_whole = self.in_step();
        let (old, _) = self.into_parts();
        let mut clients = cold_clients(epoch);
        let mut errors = alloc::vec::Vec::new();
        if configuration_whole {
            clients.configuration.adopt(old.configuration.tree().clone());
        } else {
            let Loaded { tree, errors: found } =
                config::load_known(startup.used.unwrap_or_default(), &|command| {
                    language.knows(command)
                });
            clients.configuration.adopt(tree);
            errors = found;
        }
        if let Some(text) = old.configuration.startup_text().or(startup.kept) {
            clients.configuration.startup_written(String::from(text));
        }
        clients.system = old.system;
        clients.log = old.log;
        let active = Active::new(now, epoch, config, clients, first_frame(epoch), []);
        StartedActive {
            active,
            errors,
            from_text: true,
            routing: RoutingStart::Restarted,
        }
    }
}

/// The startup configuration: what NVRAM holds, and what this boot uses of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Startup<'a> {
    /// The text in NVRAM.
    pub kept: Option<&'a str>,
    /// The same, or nothing when the configuration register says so.
    pub used: Option<&'a str>,
}

/// An active that was made from a configuration text, and what was wrong with that text.
pub struct StartedActive {
    /// The active.
    pub active: Active,
    /// Lines that were not applied.
    pub errors: alloc::vec::Vec<LoadError>,
    /// Whether routes still have to be made from the configuration.
    pub from_text: bool,
    /// What routing protocols find.
    pub(crate) routing: RoutingStart,
}

/// First activity of the chassis: everything comes from the startup configuration.
pub fn start_active(
    now: Instant,
    epoch: Epoch,
    config: ActiveConfig,
    startup: Startup<'_>,
    language: &Language,
) -> StartedActive {
    let mut clients = cold_clients(epoch);
    let mut errors = alloc::vec::Vec::new();
    if let Some(text) = startup.used {
        let Loaded { tree, errors: found } = config::load_known(text, &|command| language.knows(command));
        clients.configuration.adopt(tree);
        errors = found;
    }
    if let Some(text) = startup.kept {
        clients.configuration.startup_written(String::from(text));
    }
    StartedActive {
        active: Active::new(now, epoch, config, clients, first_frame(epoch), []),
        errors,
        from_text: true,
        routing: RoutingStart::Fresh,
    }
}

/// The frame to go on from when nothing is known of earlier ones: each epoch has its own range, so that a card never
/// takes an old number for a new one.
pub(crate) fn first_frame(epoch: Epoch) -> FrameNumber {
    FrameNumber(epoch.counter << 32)
}

/// Empty tables that know of no change before this epoch. A card that still holds rows of an earlier one is refreshed as a
/// whole: what it holds and these tables do not would never be among their changes.
fn cold_clients(epoch: Epoch) -> Clients {
    let mut clients = Clients::new();
    clients.each_mut(&mut |table| table.recent_changes_start(first_frame(epoch)));
    clients
}

fn seated_cards(clients: &Clients) -> alloc::vec::Vec<CardSlot> {
    clients
        .inventory
        .cards
        .iter()
        .filter(|(_, card)| card.state == CardState::Ok)
        .map(|(slot, _)| *slot)
        .collect()
}
