//! `maximum-prefix`: who has told too much stays away, whoever is active meanwhile.

use machine::{Duration, Instant};

use crate::id::PeerId;
use crate::neighbor::{Neighbor, Timer};
use crate::speaker::Speaker;

impl Speaker {
    /// Whether a neighbour told too many prefixes, and waits for the operator or for its time.
    pub fn is_over_limit(&self, peer: PeerId) -> bool {
        self.sessions
            .get(&peer)
            .is_some_and(|session| session.over_limit_since_s.is_some())
    }

    /// Whether nothing that is configured, or has happened, is against a session. Without a family there is nothing that
    /// one could be for.
    pub(crate) fn may_start(&self, peer: PeerId) -> bool {
        let config = self.neighbors.get(&peer).map(|neighbor| &neighbor.config);
        let is_wanted = config.is_some_and(|config| !config.shutdown && !config.families.is_empty());
        is_wanted && !self.is_over_limit(peer)
    }

    /// The session is about to end, and does not start again before an operator says so, or its time is over.
    pub(crate) fn pass_limit(&mut self, peer: PeerId) {
        let since_s = self.age_s;
        self.sessions
            .edit(&peer, |session| session.over_limit_since_s = Some(since_s));
    }

    /// The session may start again.
    pub(crate) fn forgive_limit(&mut self, peer: PeerId) {
        if self.is_over_limit(peer) {
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
