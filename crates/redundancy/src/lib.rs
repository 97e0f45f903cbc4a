//! RF, the redundancy facility: who is active, how far the standby is, and who takes over.
//!
//! Two units watch each other. One holds the activity, given by the arbiter; the other walks from COLD to HOT while the
//! checkpoint facility (CF) fills it, and takes over when the first is lost or told to step down. Everything here is a
//! pure machine: the route processor feeds it what happened and carries out what it asks for.
//!
//! ```text
//!   life locks, presence, link ──▶ ┌────────────────────┐ ──▶ Claim ──▶ arbiter (compare-and-swap)
//!   messages of the peer       ──▶ │ RedundancyFacility │ ──▶ Promote | RestartAsActive | StartStandby | StartBulk
//!   answers of clients, arbiter ─▶ │  walk, detector,   │ ──▶ RunClient, SendToPeer, Log
//!   operator                   ──▶ │  history           │ ──▶ KillPeer, ReloadSelf, ReloadPeer
//!                                  └────────────────────┘
//! ```
//!
//! | module | what it is about |
//! | --- | --- |
//! | [`state`] | states, progressions, statuses, events and modes, with their numbers |
//! | [`client`] | who takes part, in which order |
//! | [`progression`] | one walk over the clients |
//! | [`facility`] | the machine |
//! | [`fallback`] | why a pair cannot do SSO |
//! | [`heartbeat`] | is the peer alive? |
//! | [`readiness`] | may the operator switch over? |
//! | [`message`] | what the two facilities say to each other |
//! | [`history`], [`switchover`] | what happened |
//! | [`syslog`], [`show`], [`watch`] | words for operators |
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod client;
pub mod facility;
pub mod fallback;
pub mod heartbeat;
pub mod history;
pub mod message;
pub mod progression;
pub mod readiness;
pub mod show;
pub mod state;
pub mod switchover;
pub mod syslog;
pub mod watch;

pub use client::{Client, ClientId, ClientRegistry, RegistrationError};
pub use facility::{
    ClaimResult, ColdStart, ConfigSyncVerdict, Input, Output, PeerLoss, ProcessFound, RedundancyConfig,
    RedundancyFacility, RedundancySettings, ReloadReason, ReloadScope, RfStatus, SwitchoverCause,
};
pub use fallback::Fallback;
pub use heartbeat::{FailureDetector, Verdict};
pub use history::{History, HistoryEvent, HistoryLine};
pub use message::{Body, Hello, ImageVersion, MessageError, PROTOCOL_VERSION, PairTimers, RfMessage};
pub use progression::{Answer, ClientProgress};
pub use readiness::ManualSwitchover;
pub use state::{Progression, RedundancyMode, RfEvent, RfState, Status};
pub use switchover::{
    CompactUtcTime, SwitchoverEntry, SwitchoverHistory, SwitchoverReason, SwitchoverRecord, SyslogTime,
    UtcTime,
};
pub use syslog::{MessageEntry, Syslog};
pub use watch::{DebugTopic, RfCounters};
