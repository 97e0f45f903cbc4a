//! Why a pair that is configured for SSO runs RPR.
//!
//! Two units keep one state only when both mean the same by it. What each is comes with its first words on a link; each
//! difference is a reason of its own, and all of them are told.

use crate::message::{Hello, ImageVersion};
use alloc::vec::Vec;
use core::fmt;

/// One difference between two units that keeps them from SSO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fallback {
    /// They speak different versions of the redundancy protocol.
    Protocol {
        /// Version spoken here.
        ours: u32,
        /// Version spoken by the peer.
        theirs: u32,
    },
    /// They run different images.
    Image {
        /// Image running here.
        ours: ImageVersion,
        /// Image running on the peer.
        theirs: ImageVersion,
    },
    /// Their configuration registers for the next boot differ.
    Register {
        /// Register here.
        ours: u16,
        /// Register of the peer.
        theirs: u16,
    },
    /// The standby does not know commands that the active has.
    Commands {
        /// How many.
        count: u32,
    },
    /// At least one client checkpoints in a form that the other side does not know.
    Schema {
        /// Hash over all schemas here.
        ours: u64,
        /// Hash over all schemas of the peer.
        theirs: u64,
    },
}

impl Fallback {
    /// All differences between what we said and what the peer said.
    pub fn between(ours: &Hello, theirs: &Hello) -> Vec<Fallback> {
        let protocol = (ours.version != theirs.version).then_some(Fallback::Protocol {
            ours: ours.version,
            theirs: theirs.version,
        });
        let image = (ours.image != theirs.image).then_some(Fallback::Image {
            ours: ours.image,
            theirs: theirs.image,
        });
        let register = (ours.next_register != theirs.next_register).then_some(Fallback::Register {
            ours: ours.next_register,
            theirs: theirs.next_register,
        });
        let schema = (ours.schema_hash != theirs.schema_hash).then_some(Fallback::Schema {
            ours: ours.schema_hash,
            theirs: theirs.schema_hash,
        });
        // Only the active knows of them, and only of the standby that it had then: another one is tried first.
        let of = |active: &Hello, standby: &Hello| {
            let concerned = active.mismatched_language == standby.language;
            if concerned { active.mismatched_commands } else { 0 }
        };
        let count = of(ours, theirs).max(of(theirs, ours));
        let commands = (count > 0).then_some(Fallback::Commands { count });
        [protocol, image, register, schema, commands]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What the operator may do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Fallback::Protocol { .. } | Fallback::Image { .. } | Fallback::Schema { .. } => {
                "Run the same image on both route processors."
            }
            Fallback::Commands { .. } => "See 'show redundancy config-sync failures mcl'.",
            Fallback::Register { .. } => {
                "The standby has taken this one over: reload it with 'redundancy reload peer'."
            }
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fallback::Protocol { ours, theirs } => {
                write!(f, "redundancy protocol {ours} here, {theirs} on the peer")
            }
            Fallback::Image { ours, theirs } => write!(f, "image {ours} here, {theirs} on the peer"),
            Fallback::Register { ours, theirs } => {
                write!(
                    f,
                    "configuration register 0x{ours:X} here, 0x{theirs:X} on the peer"
                )
            }
            Fallback::Commands { count: 1 } => f.write_str("1 command is not known to the standby"),
            Fallback::Commands { count } => write!(f, "{count} commands are not known to the standby"),
            Fallback::Schema { ours, theirs } => {
                write!(
                    f,
                    "incompatible client: checkpoint schemas {ours:016x} here, {theirs:016x} on the peer"
                )
            }
        }
    }
}
