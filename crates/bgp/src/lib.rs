//! BGP-4 (RFC 4271) that its neighbours never see die.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod attributes;
mod checkpoint;
mod debug;
mod debug_update;
pub mod decision;
mod default_route;
mod deferral;
pub mod error;
mod export;
mod family;
mod farewell;
pub mod fsm;
mod group;
mod history;
mod id;
mod import;
mod limit;
mod log;
mod neighbor;
mod paths;
mod peer;
pub mod policy;
mod reach;
mod receive;
mod regroup;
mod restart;
mod rib;
mod session;
mod share;
pub mod show;
mod speaker;
mod step;
mod stream;
mod sweep;
mod told;
mod trim;

pub use self::checkpoint::{TABLES, table_name};
pub use self::deferral::{DEFERRAL_TABLE, Deferral, DeferralKey};
pub use attributes::*;
pub use debug::DebugTopic;
pub use default_route::*;
pub use family::*;
pub use group::*;
pub use history::{History, HistoryRecord};
pub use id::*;
pub use import::{PolicyFamily, local_attributes};
pub use log::*;
pub use neighbor::{MaximumPrefix, NeighborConfig, NeighborCounters, Timer};
pub use paths::*;
pub use peer::*;
pub use reach::*;
pub use receive::Received;
pub use rib::*;
pub use session::{
    Communications, Direction, Families, Graceful, Offer, SESSIONS_TABLE, Session, SessionRecord,
};
pub use speaker::{HOLD_TIME_LARGE, NEIGHBORS_MAX, Speaker, SpeakerConfig, SpeakerInput, SpeakerOutput};
pub use step::{step_neighbor, step_session};
pub use stream::LOG_MESSAGES_MAX;
pub use sweep::*;
pub use told::*;
