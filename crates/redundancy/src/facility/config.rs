//! What a facility is told once, with its defaults.

use crate::message::ImageVersion;
use crate::state::RedundancyMode;
use machine::RpSlot;

/// What a facility is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedundancyConfig {
    /// The unit's slot.
    pub slot: RpSlot,
    /// Identity of this life of the unit; drawn at start, never 0.
    pub boot: u64,
    /// Hash over the schemas of all checkpointed records.
    pub schema_hash: u64,
    /// The image that this unit runs.
    pub image: ImageVersion,
    /// Configuration register with which this unit booted.
    pub register: u16,
    /// Configuration register for its next boot.
    pub next_register: u16,
    /// Hash over the configuration commands that this unit knows.
    pub language: u64,
    /// Configured mode.
    pub mode: RedundancyMode,
    /// How long a unit looks for a peer before it claims, in milliseconds.
    pub negotiation_time_ms: u64,
    /// How long a unit waits for a plugged-in peer that holds the mastership but does not speak, before it has it
    /// killed and claims, in milliseconds.
    pub silent_peer_limit_ms: u64,
    /// How long all clients may take for one pass, in milliseconds (`client_notification_TMR`).
    pub notification_time_ms: u64,
    /// How long the bulk synchronisation may take, in milliseconds.
    pub bulk_limit_ms: u64,
    /// Interval of heartbeats, in milliseconds.
    pub keepalive_interval_ms: u64,
    /// How long the peer may be silent, in milliseconds.
    pub keepalive_limit_ms: u64,
    /// How long a forced switchover may take before the active resumes, in milliseconds.
    pub handover_limit_ms: u64,
    /// How many clients are called in one turn.
    pub clients_per_turn: u32,
    /// Lines of the history.
    pub history_lines: usize,
}

impl RedundancyConfig {
    /// The default configuration for a unit: SSO, heartbeats every 50 ms with a limit of 500 ms.
    pub const fn new(slot: RpSlot, boot: u64, schema_hash: u64) -> Self {
        Self {
            slot,
            boot,
            schema_hash,
            image: ImageVersion::EMPTY,
            register: 0x2102,
            next_register: 0x2102,
            language: 0,
            mode: RedundancyMode::Sso,
            negotiation_time_ms: 1_000,
            silent_peer_limit_ms: 45_000,
            notification_time_ms: 30_000,
            bulk_limit_ms: 600_000,
            keepalive_interval_ms: 50,
            keepalive_limit_ms: 500,
            handover_limit_ms: 2_000,
            clients_per_turn: 8,
            history_lines: 2_000,
        }
    }
}
