//! What BGP does after a route processor has died in the middle of one of its steps.
//!
//! ```text
//!   deaths in BGP's steps within 60 s          what the successor does
//!   for a session that is not quarantined      that session is quarantined: reset, and Idle until an operator clears it
//!   for one that is, or for none               BGP starts anew with empty tables, alone
//!   the third by which no further session      BGP does not start before an operator says so
//!   is out of the way, or the sixteenth
//! ```
//!
//! A death in no step, or one that came from outside (a kill, a pull, a hang, a forced switchover), is not told to this
//! module at all.

use super::{BgpOutput, BgpProcess, RoutingStart};
use crate::clients::Clients;
use crate::io::{DEADLY_STEPS_MAX, DeadlyStep};
use ::bgp::{Speaker, SpeakerConfig, step_neighbor};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use checkpoint::{Key, Row, TableId, Tracked};
use core::net::{IpAddr, Ipv4Addr};
use core::ops::Bound;
use machine::{Duration, Instant, Outbox, Release, Seed, StepKind, StepNote};
use packet::V4;
use redundancy::{Syslog, system_messages};
use rib::{Protocol, RouteKey};

/// Number of the table of quarantines.
pub const QUARANTINE_TABLE: TableId = TableId(97);
/// Deaths further apart than this have nothing to do with each other.
pub const DEATHS_TOGETHER: Duration = Duration::from_secs(60);
/// So many deaths within that time that have taken no further session out of the way, and BGP is not started again.
const VAIN_DEATHS_MAX: usize = 3;
/// Routes that are looked at in one turn, to find those that an earlier BGP has left.
const LEFT_OVERS_PER_TURN: usize = 2_000;

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuarantineKey {
    /// BGP as a whole: no session starts.
    Everything,
    /// Nothing, but routes of a BGP that was started anew have to be looked for in the routing table.
    LeftOvers,
    /// The session with this neighbour.
    Neighbor(IpAddr),
}

impl Key for QuarantineKey {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            QuarantineKey::Everything => out.push(1),
            QuarantineKey::LeftOvers => out.push(2),
            QuarantineKey::Neighbor(IpAddr::V4(address)) => {
                out.push(4);
                out.extend_from_slice(&address.octets());
            }
            QuarantineKey::Neighbor(IpAddr::V6(address)) => {
                out.push(6);
                out.extend_from_slice(&address.octets());
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, address) = bytes.split_first()?;
        let neighbor = match kind {
            1 if address.is_empty() => return Some(QuarantineKey::Everything),
            2 if address.is_empty() => return Some(QuarantineKey::LeftOvers),
            4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
            6 => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
            _ => return None,
        };
        Some(QuarantineKey::Neighbor(neighbor))
    }
}

/// Why something is held back: the step in which a route processor died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// What was done.
    pub step: StepKind,
    /// See [`StepNote::offset`].
    pub offset: u64,
    /// See [`StepNote::digest`].
    pub digest: u64,
}

/// Tagged form of [`Quarantine`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct QuarantineRecord {
    /// See [`Quarantine::step`], as its number.
    #[prost(uint32, tag = "1")]
    pub step: u32,
    /// See [`Quarantine::offset`].
    #[prost(uint64, tag = "2")]
    pub offset: u64,
    /// See [`Quarantine::digest`].
    #[prost(fixed64, tag = "3")]
    pub digest: u64,
}

impl Row for Quarantine {
    type Record = QuarantineRecord;

    fn to_record(&self) -> QuarantineRecord {
        let Quarantine { step, offset, digest } = *self;
        QuarantineRecord {
            step: u32::from(step.number()),
            offset,
            digest,
        }
    }

    fn from_record(record: QuarantineRecord) -> Result<Self, &'static str> {
        let number = u8::try_from(record.step).ok();
        Ok(Quarantine {
            step: number.and_then(StepKind::from_number).ok_or("step")?,
            offset: record.offset,
            digest: record.digest,
        })
    }
}

impl From<StepNote> for Quarantine {
    fn from(note: StepNote) -> Quarantine {
        Quarantine {
            step: note.kind,
            offset: note.offset,
            digest: note.digest,
        }
    }
}

/// What is done about deaths.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// These steps are not made again: each is of a session of its own.
    Hold(Vec<StepNote>),
    /// BGP starts with empty tables.
    StartAnew(StepNote),
    /// BGP does not start.
    DoNotStart(StepNote),
}

/// `deaths`: the last ones, the newest first. `is_held`: whether the session with a neighbour is in quarantine.
fn judge(start: RoutingStart, deaths: &[DeadlyStep], is_held: &dyn Fn(IpAddr) -> bool) -> Verdict {
    let client = redundancy::client::BGP.id.0;
    let is_recent = |death: &&DeadlyStep| death.note.client == client && death.age <= DEATHS_TOGETHER;
    let recent: Vec<&DeadlyStep> = deaths.iter().filter(is_recent).collect();
    let is_continued = start == RoutingStart::Continued;
    // Tables that go on know what was done about earlier deaths.
    let newest = recent.first().filter(|death| death.is_new || !is_continued);
    let Some(newest) = newest else {
        return Verdict::Hold(Vec::new());
    };
    let note = newest.note;
    let named: BTreeMap<u128, StepNote> = recent
        .iter()
        .map(|death| (death.note.session, death.note))
        .filter(|(session, _)| *session != 0)
        .collect();
    let vain_count = recent.len() - named.len();
    if vain_count >= VAIN_DEATHS_MAX || recent.len() >= DEADLY_STEPS_MAX {
        return Verdict::DoNotStart(note);
    }
    if !is_continued {
        return Verdict::Hold(named.into_values().collect());
    }
    match step_neighbor(note.session) {
        Some(neighbor) if !is_held(neighbor) => Verdict::Hold(Vec::from([note])),
        _ => Verdict::StartAnew(note),
    }
}

impl BgpProcess {
    /// Does what the deaths of earlier actives ask for; returns whether BGP has to start with empty tables.
    pub(super) fn answer_deaths(
        now: Instant,
        clients: &mut Clients,
        start: RoutingStart,
        deaths: &[DeadlyStep],
        out: &mut Outbox<BgpOutput>,
    ) -> bool {
        let quarantines = &clients.bgp_quarantines;
        let is_held = |neighbor| quarantines.contains_key(&QuarantineKey::Neighbor(neighbor));
        let verdict = judge(start, deaths, &is_held);
        let mut log = |message| out.push(Release::AfterSync, BgpOutput::Log(message));
        match verdict {
            Verdict::Hold(notes) => {
                for note in notes {
                    if let Some(neighbor) = step_neighbor(note.session) {
                        let key = QuarantineKey::Neighbor(neighbor);
                        clients.bgp_quarantines.insert(key, note.into());
                        log(held(neighbor, note));
                    }
                }
                false
            }
            Verdict::StartAnew(note) => {
                log(starts_anew(note.kind));
                empty(now, clients, note);
                true
            }
            Verdict::DoNotStart(note) => {
                log(not_started(note.kind));
                clients
                    .bgp_quarantines
                    .insert(QuarantineKey::Everything, note.into());
                empty(now, clients, note);
                true
            }
        }
    }

    /// The operator wants this neighbour's session back.
    pub(super) fn release(&mut self, clients: &mut Clients, neighbor: IpAddr) {
        if clients
            .bgp_quarantines
            .remove(&QuarantineKey::Neighbor(neighbor))
            .is_some()
        {
            self.is_stale = true;
        }
    }

    /// The operator wants BGP as a whole back.
    pub(super) fn release_everything(&mut self, clients: &mut Clients) {
        if clients
            .bgp_quarantines
            .remove(&QuarantineKey::Everything)
            .is_some()
        {
            self.is_stale = true;
        }
    }

    /// Quarantines end with the configuration of what they hold.
    pub(super) fn forget_quarantines(&self, clients: &mut Clients) {
        let settings = self.settings.as_ref();
        let is_over = |key: &QuarantineKey| match key {
            QuarantineKey::Everything => settings.is_none(),
            QuarantineKey::LeftOvers => false,
            QuarantineKey::Neighbor(address) => {
                settings.is_none_or(|settings| !settings.neighbors.contains_key(address))
            }
        };
        let rows = clients.bgp_quarantines.iter().map(|(key, _)| *key);
        for key in rows.filter(is_over).collect::<Vec<_>>() {
            clients.bgp_quarantines.remove(&key);
        }
    }

    /// Whether routes of a BGP before this one are to be looked for.
    pub(super) fn has_left_overs(clients: &Clients) -> bool {
        clients.bgp_quarantines.contains_key(&QuarantineKey::LeftOvers)
    }

    /// Takes out what the routing table has of a BGP that was started anew since, and what was not told again. Cards
    /// forward by it until everybody has told everything.
    pub(super) fn take_left_overs(&mut self, clients: &mut Clients) {
        if !Self::has_left_overs(clients) || clients.speaker.is_deferring() {
            return;
        }
        let start = self
            .left_overs_after
            .map_or(Bound::Unbounded, |after: RouteKey<V4>| Bound::Excluded(after));
        let rows = clients.rib.routes.range((start, Bound::Unbounded));
        let keys: Vec<RouteKey<V4>> = rows.take(LEFT_OVERS_PER_TURN).map(|(key, _)| *key).collect();
        self.left_overs_after = keys.last().copied().filter(|_| keys.len() == LEFT_OVERS_PER_TURN);
        for key in keys.iter().filter(|key| key.protocol == Protocol::Bgp) {
            let paths = clients.speaker.rib.v4.get(key.prefix);
            if paths.is_none_or(|paths| !paths.as_slice().iter().any(|path| path.is_used())) {
                clients.rib.replace(key.prefix, Protocol::Bgp, &[]);
            }
        }
        if self.left_overs_after.is_none() {
            clients.bgp_quarantines.remove(&QuarantineKey::LeftOvers);
        }
    }
}

/// Whether a neighbour's session may not start.
pub(crate) fn is_held(clients: &Clients, neighbor: IpAddr) -> bool {
    let quarantines = &clients.bgp_quarantines;
    quarantines.contains_key(&QuarantineKey::Everything)
        || quarantines.contains_key(&QuarantineKey::Neighbor(neighbor))
}

/// Empties BGP's tables, but for who is who. What cards forward by stays.
fn empty(now: Instant, clients: &mut Clients, note: StepNote) {
    clients.speaker = Speaker::new(SpeakerConfig::new(0, Ipv4Addr::UNSPECIFIED), Seed::new(0));
    let age_s = clients.system.uptime(now).as_secs();
    clients.speaker.set_age(u32::try_from(age_s).unwrap_or(u32::MAX));
    clients.bgp_local_routes = Tracked::new(super::LOCAL_ROUTE_TABLE);
    clients
        .bgp_quarantines
        .insert(QuarantineKey::LeftOvers, note.into());
}

fn held(neighbor: IpAddr, note: StepNote) -> Syslog {
    quarantined(
        neighbor,
        note.kind,
        note.offset,
        &alloc::format!("{:016X}", note.digest),
    )
}

system_messages! {
    BGP-2-QUARANTINE {
        explanation: "The last active route processor died in a step that it made for this neighbour. So that this one does not die of it \
            too, the session is reset and stays Idle; all others go on.",
        action: "Keep the crash information of the dead unit and report the defect. 'clear ip bgp' of this neighbour starts its session \
            again, and with it the danger.",
        /// A session is quarantined. The offset is that in the neighbour's stream.
        fn quarantined(neighbor: IpAddr, step: StepKind, offset: u64, digest: &str) =
            "neighbor {neighbor} Quarantined (step {step}, offset {offset}, digest {digest})";
    }

    BGP-2-STARTANEW {
        explanation: "The last active route processor died in a step of BGP that no session alone has caused, or again in one of a \
            session that is quarantined. BGP starts with empty tables; cards forward by the routes that they have until neighbours \
            have told theirs again.",
        action: "Keep the crash information of the dead unit and report the defect.",
        /// BGP starts with empty tables.
        fn starts_anew(step: StepKind) = "BGP starts anew (step {step})";
    }

    BGP-1-NOTSTARTED {
        explanation: "Route processors have died in steps of BGP again and again within a minute, and neither quarantines of sessions nor \
            a start with empty tables was an end of that. BGP is not started; everything else goes on.",
        action: "Keep the crash information and report the defect. 'clear ip bgp *' starts BGP.",
        /// BGP does not start.
        fn not_started(step: StepKind) = "BGP is not started (step {step}); use 'clear ip bgp *' to start it";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bgp::step_session;

    fn address(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    fn death(age_s: u64, is_new: bool, neighbor: Option<u8>) -> DeadlyStep {
        DeadlyStep {
            note: StepNote {
                client: redundancy::client::BGP.id.0,
                kind: StepKind::Parse,
                session: neighbor.map_or(0, |number| step_session(address(number))),
                offset: 7,
                digest: 9,
            },
            age: Duration::from_secs(age_s),
            is_new,
        }
    }

    fn first_of(deaths: &[DeadlyStep]) -> StepNote {
        deaths[0].note
    }

    fn sessions(verdict: &Verdict) -> Vec<Option<IpAddr>> {
        match verdict {
            Verdict::Hold(notes) => notes.iter().map(|note| step_neighbor(note.session)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn deaths_escalate_from_the_session_to_the_client_and_then_to_rest() {
        let continued = |deaths: &[DeadlyStep], held: &[u8]| {
            judge(RoutingStart::Continued, deaths, &|neighbor| {
                held.iter().any(|number| address(*number) == neighbor)
            })
        };
        let first = death(0, true, Some(2));
        assert_eq!(sessions(&continued(&[], &[])), []);
        assert_eq!(sessions(&continued(&[first], &[])), [Some(address(2))]);
        assert_eq!(
            continued(&[death(0, true, None)], &[]),
            Verdict::StartAnew(death(0, true, None).note)
        );
        let before = death(30, false, Some(2));
        assert_eq!(continued(&[first, before], &[2]), Verdict::StartAnew(first.note));
        assert_eq!(
            sessions(&continued(&[death(0, true, Some(3)), before], &[2])),
            [Some(address(3))]
        );
        let at = |age_s: u64, neighbor| death(age_s, age_s == 0, neighbor);
        let of_nobody = |last_age_s| [at(0, None), at(1, None), at(last_age_s, None)];
        assert_eq!(
            continued(&of_nobody(60), &[]),
            Verdict::DoNotStart(first_of(&of_nobody(60)))
        );
        assert_eq!(
            continued(&of_nobody(61), &[]),
            Verdict::StartAnew(first_of(&of_nobody(61))),
            "a death of more than a minute ago does not count"
        );
        let same = [at(0, Some(2)), at(1, Some(2)), at(2, Some(2)), at(3, Some(2))];
        assert_eq!(continued(&same[..3], &[2]), Verdict::StartAnew(first_of(&same)));
        assert_eq!(continued(&same, &[2]), Verdict::DoNotStart(first_of(&same)));
    }

    #[test]
    fn what_many_neighbours_tell_costs_each_of_them_its_session_and_there_is_an_end_of_it() {
        let deaths = |count: u8| -> Vec<DeadlyStep> {
            let at = |age: u8| death(u64::from(age), age == 0, Some(count - age));
            (0..count).map(at).collect()
        };
        for count in 1..16 {
            let verdict = judge(RoutingStart::Continued, &deaths(count), &|neighbor| {
                neighbor != address(count)
            });
            assert_eq!(sessions(&verdict), [Some(address(count))]);
            let verdict = judge(RoutingStart::Restarted, &deaths(count), &|_| false);
            assert_eq!(sessions(&verdict).len(), usize::from(count));
        }
        let all = deaths(16);
        assert_eq!(
            judge(RoutingStart::Continued, &all, &|_| false),
            Verdict::DoNotStart(first_of(&all))
        );
    }

    #[test]
    fn a_death_that_came_from_outside_blames_nobody_even_soon_after_one_that_did() {
        let deaths = [death(5, false, Some(2)), death(6, false, Some(3))];
        let continued = judge(RoutingStart::Continued, &deaths, &|_| false);
        assert_eq!(sessions(&continued), [], "the rows know what was done about them");
        let restarted = judge(RoutingStart::Restarted, &deaths, &|_| false);
        assert_eq!(
            sessions(&restarted),
            [Some(address(2)), Some(address(3))],
            "the rows are lost"
        );
    }

    #[test]
    fn steps_of_other_clients_are_not_bgps_business() {
        let mut other = death(0, true, Some(2));
        other.note.client = 0;
        assert_eq!(
            sessions(&judge(RoutingStart::Continued, &[other], &|_| false)),
            []
        );
    }

    #[test]
    fn keys_keep_their_meaning() {
        let keys = [
            QuarantineKey::Everything,
            QuarantineKey::LeftOvers,
            QuarantineKey::Neighbor(address(2)),
            QuarantineKey::Neighbor(IpAddr::from([7u16; 8])),
        ];
        for key in keys {
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            assert_eq!(QuarantineKey::decode(&bytes), Some(key));
        }
        for nonsense in [&[][..], &[0], &[1, 1], &[4, 1, 2, 3], &[6, 1]] {
            assert_eq!(QuarantineKey::decode(nonsense), None);
        }
    }
}
