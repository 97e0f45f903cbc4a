//! `maximum-prefix`: who has told too much stays away, whoever is active meanwhile.

use machine::{Duration, Instant};

use crate::id::PeerId;
use crate::neighbor::{Neighbor, Timer};
use crate::speaker::Speaker;

impl Speaker {
    /// The session that has just ended does not start again before an operator says so, or its time is over.
    pub(crate) fn hold_over_limit(&mut self, now: Instant, peer: PeerId) {
        let since_s = self.age_s;
        self.sessions
            .edit(&peer, |session| session.over_limit_since_s = Some(since_s));
        self.go_on_over_limit(now, peer);
    }

    /// The session may start again.
    pub(crate) fn forgive_limit(&mut self, peer: PeerId) {
        if let Some(neighbor) = self.neighbors.get_mut(&peer)
            && neighbor.over_limit
        {
            neighbor.over_limit = false;
            self.sessions
                .edit(&peer, |session| session.over_limit_since_s = None);
        }
    }

    /// Holds a session back that ended because of too many prefixes, for the rest of its time.
    pub(crate) fn go_on_over_limit(&mut self, now: Instant, peer: PeerId) {
        let session = self.sessions.get(&peer);
        let since_s = session.and_then(|session| session.over_limit_since_s);
        if let Some(since_s) = since_s
            && let Some(neighbor) = self.neighbors.get_mut(&peer)
        {
            neighbor.over_limit = true;
            match restart_time(neighbor) {
                Some(time) => {
                    let elapsed = Duration::from_secs(u64::from(self.age_s.saturating_sub(since_s)));
                    let rest = time.saturating_sub(elapsed);
                    neighbor.timers.set(Timer::IdleHold, now + rest);
                }
                None => neighbor.timers.stop(Timer::IdleHold),
            }
            self.reschedule(peer);
        }
    }
}

/// `None`: only an operator starts the session again.
fn restart_time(neighbor: &Neighbor) -> Option<Duration> {
    let minutes = neighbor.config.maximum_prefix?.restart_min?;
    Some(Duration::from_secs(u64::from(minutes) * 60))
}
