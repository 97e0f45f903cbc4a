//! What operators see of sessions.

use crate::key::ConnectionKey;
use crate::session::Phase;
use crate::sessions::Sessions;
use alloc::format;
use alloc::string::{String, ToString};

/// `show tcp brief`: one line for each session, in the order of its ends. A session that has not been used since the last
/// switchover is there as well.
pub fn brief(sessions: &Sessions) -> String {
    let mut text = format!("{:<28}{:<28}(state)\n", "Local Address", "Foreign Address");
    let mut line = |key: &ConnectionKey, state: &str| {
        text.push_str(&format!(
            "{:<28}{:<28}{state}\n",
            key.local.to_string(),
            key.remote.to_string()
        ));
    };
    for (key, progress) in sessions.progress.iter() {
        let state = match (progress.closing, progress.peer_closed) {
            (false, false) => "ESTAB",
            (false, true) => "CLOSEWAIT",
            (true, false) => "FINWAIT",
            (true, true) => "LASTACK",
        };
        line(key, state);
    }
    for (key, session) in &sessions.live {
        match &session.phase {
            Phase::Opening(opening) if opening.passive => line(key, "SYNRCVD"),
            Phase::Opening(_) => line(key, "SYNSENT"),
            Phase::TimeWait(_) => line(key, "TIMEWAIT"),
            Phase::Open | Phase::Restoring { .. } | Phase::Reset => {}
        }
    }
    for (local, remote) in sessions.listeners.keys() {
        let remote = format!("{remote}.*");
        text.push_str(&format!("{:<28}{remote:<28}LISTEN\n", local.to_string()));
    }
    text
}
