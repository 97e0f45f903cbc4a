//! What can be asked of a backplane: JSON in the messages of `stream`, kind 1 for requests, 2 for replies.

use super::Unit;
use crate::chassis_file::ImageName;
use serde::{Deserialize, Serialize};

/// Kind of a message that holds a [`Request`].
pub(super) const REQUEST: u8 = 1;
/// Kind of a message that holds a [`Reply`].
pub(super) const REPLY: u8 = 2;
/// Longest message in bytes.
pub(super) const LENGTH_MAX: usize = 64 * 1024;

/// A request; each gets one [`Reply`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What is in the slots?
    Status,
    /// End the chassis: every unit and the backplane. The reply comes when all units have ended.
    Down,
    /// Take the power from a slot.
    PowerOff {
        /// The slot.
        slot: Unit,
    },
    /// Give a slot power.
    PowerOn {
        /// The slot.
        slot: Unit,
    },
    /// Pull the unit out.
    Remove {
        /// The slot.
        slot: Unit,
    },
    /// Put a unit in, with power.
    Insert {
        /// The slot.
        slot: Unit,
        /// The image that the route processor passes for; what the description says without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image_version: Option<ImageName>,
    },
    /// Take the power for a moment: the unit starts anew, at once.
    Reset {
        /// The slot.
        slot: Unit,
        /// Milliseconds that it gets for writing a crash dump, at most 60,000; none without.
        #[serde(default)]
        crash_dump_grace_ms: Option<u32>,
    },
    /// Take the power from a slot until [`Request::Start`], or a hand at the chassis, gives it back; over `down` and `up` too.
    Stop {
        /// The slot.
        slot: Unit,
    },
    /// Give a slot power again.
    Start {
        /// The slot.
        slot: Unit,
    },
    /// The same for every slot that has power: what `reload` asks for.
    ResetAll,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done, or under way.
    Done,
    /// To [`Request::Status`].
    Status(Status),
    /// Not done.
    Refused {
        /// Why, for the operator.
        reason: String,
    },
}

/// A chassis as its backplane sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The chassis.
    pub chassis: String,
    /// Process id of the backplane.
    pub process: u32,
    /// In the order RPs, cards, hosts.
    pub slots: Vec<SlotStatus>,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// The slot.
    pub slot: Unit,
    /// `on`, `off` or `empty`.
    pub power: String,
    /// Process id of the unit while it runs.
    pub process: Option<u32>,
    /// How often it was started again since the backplane began.
    pub restarts: u64,
    /// How it ended the last time.
    pub last_exit: Option<String>,
    /// Milliseconds until it is started again, while it waits for that.
    pub restart_in_ms: Option<u64>,
    /// Why it was not started the last time: there is no room for it.
    #[serde(default)]
    pub refused: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::RpSlot;

    #[test]
    fn requests_and_replies_are_this_json() {
        let reset = Request::Reset {
            slot: Unit::Rp(RpSlot::R0),
            crash_dump_grace_ms: Some(500),
        };
        let text = r#"{"request":"reset","slot":"R0","crash_dump_grace_ms":500}"#;
        assert_eq!(serde_json::to_string(&reset).unwrap(), text);
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), reset);
        assert_eq!(
            serde_json::to_string(&Request::Down).unwrap(),
            r#"{"request":"down"}"#
        );
        let refused = Reply::Refused {
            reason: "no".to_string(),
        };
        assert_eq!(
            serde_json::to_string(&refused).unwrap(),
            r#"{"reply":"refused","reason":"no"}"#
        );
        let error = serde_json::from_str::<Request>(r#"{"request":"power_on","slot":"R7"}"#).unwrap_err();
        assert!(error.to_string().starts_with("'R7' is no slot"), "{error}");
    }
}
