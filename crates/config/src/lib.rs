//! The command language: grammar, modes, configuration tree, running-config text.
//!
//! One table ([`table`]) says which words exist, in which mode, at which privilege, with which help text. Everything
//! an operator meets comes from that table, so that nothing can disagree with it:
//!
//! ```text
//!                         ┌──▶ parse ───▶ Command ──▶ ConfigurationTree::apply
//!   table of rows ────────┼──▶ help, completion, `^` marker
//!   (words, kinds, help)  └──▶ render ──▶ canonical text of a command, running-config
//! ```
//!
//! Contract: everything here is a pure function of its arguments. Parsing and loading never panic, whatever the
//! text; [`ConfigurationTree::apply`] changes all that a command asks for, or nothing.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod bgp;
mod bind;
mod command;
mod config_sync;
mod error;
pub mod filter;
mod grammar;
mod help;
mod load;
mod logging;
mod mode;
mod name;
mod observe;
pub mod pattern;
mod platform;
pub mod policy;
mod redundancy;
mod render;
pub mod table;
mod token;
mod tree;

#[cfg(test)]
mod tests;

pub use bgp::{BgpCommand, BgpConfiguration, BgpError, RoutingCommand};
pub use command::{
    AddressFilter, CheckpointView, Command, ConfigCommand, ConfigLine, ExecCommand, FileCommand,
    InterfaceSetting, Line, ModeCommand, RoutePath, StaticRoute,
};
pub use config_sync::{ConfigSyncPolicy, FailureClass, MismatchedCommands, PolicyClass, SyncPhase};
pub use error::{ConfigError, ParseError, ParseErrorKind, ReturnCode};
pub use filter::{FilterForm, OutputFilter};
pub use grammar::Grammar;
pub use help::{Completion, Help, HelpRow};
pub use load::{LoadError, Loaded, load, load_known};
pub use logging::{LogBufferConfiguration, LoggingCommand, LoggingConfiguration};
pub use mode::{Mode, ModeSet};
pub use name::{INTERFACE_TYPE, InterfaceName};
pub use observe::{ObserveCommand, RedundancyDebug, RedundancyView};
pub use pattern::{Pattern, PatternError, PatternErrorKind};
pub use platform::{DiagDepth, DiagScope, ModuleAction, PlatformCommand, ReloadTarget};
pub use redundancy::{
    CONFIGURATION_REGISTER_DEFAULT, REGISTER_IGNORES_STARTUP, RedundancyConfiguration, RedundancyMode,
    RedundancySetting,
};
pub use table::{CommandId, Privilege, Row};
pub use token::{Kind, Slot, Token, Value};
pub use tree::{
    CRASHDUMP_TIMEOUT_DEFAULT_MIN, ConfigurationTree, DESCRIPTION_BYTES_MAX, DISTANCE_DEFAULT,
    HOSTNAME_DEFAULT, InterfaceConfiguration, MTU_DEFAULT, STATIC_ROUTES_MAX,
};

/// The longest command line that is accepted, in bytes, without its end of line.
pub const LINE_BYTES_MAX: usize = 254;
