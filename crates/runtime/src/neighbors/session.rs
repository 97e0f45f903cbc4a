//! One neighbour's BGP session over a stream that somebody else carries: deliberately simple, strict about everything
//! that a router could do wrong, and not sharing code with the router's own BGP.

use super::plan;
use machine::{Duration, Instant};
use packet::bgp::{
    AfiSafi, Capability, Kind, MESSAGE_LEN_MAX, Notification, Open, OpenRepr, Prefixes, Update, end_of_rib,
    keepalive, split, update_v4,
};
use packet::{Prefix, V4};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// For how long an OPEN may be waited for.
const OPEN_TIME_MAX: Duration = Duration::from_secs(30);

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Our OPEN is on its way.
    OpenSent,
    /// The router's OPEN has come, and we have agreed.
    OpenConfirm,
    /// Routes go both ways.
    Established,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The router said so: code and subcode.
    Notification(u8, u8),
    /// The router closed the stream.
    Closed,
    /// The stream broke, or could not be made.
    Broken(String),
    /// Nothing was heard for the hold time.
    HoldTimeExpired,
    /// The router sent what it must not.
    Misbehaved(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Notification(code, subcode) => write!(f, "NOTIFICATION {code}/{subcode}"),
            End::Closed => f.write_str("closed by the router"),
            End::Broken(why) => write!(f, "stream broken: {why}"),
            End::HoldTimeExpired => f.write_str("hold time expired"),
            End::Misbehaved(what) => write!(f, "router misbehaved: {what}"),
        }
    }
}

/// What a session has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// UPDATEs with routes, or without them, from the router; End-of-RIB left out.
    pub updates: u64,
    /// UPDATEs that announce a network with the very attributes that it had.
    pub updates_repeated: u64,
    /// Networks withdrawn.
    pub withdrawn: u64,
    /// KEEPALIVEs.
    pub keepalives: u64,
    /// ROUTE-REFRESHs, each of which was answered.
    pub refreshes: u64,
}

impl Counts {
    /// Adds what another session has seen.
    pub fn add(&mut self, other: Counts) {
        self.updates += other.updates;
        self.updates_repeated += other.updates_repeated;
        self.withdrawn += other.withdrawn;
        self.keepalives += other.keepalives;
        self.refreshes += other.refreshes;
    }
}

/// A session from the moment at which its stream stands.
#[derive(Debug)]
pub struct Session {
    number: u32,
    state: State,
    hold_time: Duration,
    /// When the router was heard last.
    heard_at: Instant,
    keepalive_at: Instant,
    /// The start of a message whose end has not come.
    input: Vec<u8>,
    /// What is to be sent.
    pub output: Vec<u8>,
    /// What the router has told, with its attributes.
    told: BTreeMap<Prefix<V4>, Vec<u8>>,
    /// What was seen.
    pub counts: Counts,
}

impl Session {
    /// Sends the OPEN of neighbour `number`.
    pub fn open(number: u32, now: Instant) -> Session {
        let mut capabilities = Vec::new();
        for capability in [
            Capability::Multiprotocol(AfiSafi::IPV4_UNICAST),
            Capability::RouteRefresh,
            Capability::FourOctetAs(plan::NEIGHBOR_AS),
        ] {
            capability.emit(&mut capabilities);
        }
        let mut output = Vec::new();
        let open = OpenRepr {
            as_number: plan::NEIGHBOR_AS,
            hold_time_s: plan::HOLD_TIME_S,
            identifier: plan::address(number),
            capabilities: &capabilities,
        };
        open.emit(&mut output);
        Session {
            number,
            state: State::OpenSent,
            hold_time: OPEN_TIME_MAX,
            heard_at: now,
            keepalive_at: now + OPEN_TIME_MAX,
            input: Vec::new(),
            output,
            told: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the router has told exactly what it is to tell.
    pub fn is_complete(&self) -> bool {
        self.state == State::Established && self.told.keys().copied().eq(plan::told())
    }

    /// When [`Session::expire`] has something to do.
    pub fn deadline(&self) -> Instant {
        self.keepalive_at.min(self.heard_at + self.hold_time)
    }

    /// Sends a KEEPALIVE when one is due.
    ///
    /// # Errors
    /// The session is over when the hold time is.
    pub fn expire(&mut self, now: Instant) -> Result<(), End> {
        if now >= self.heard_at + self.hold_time {
            return Err(End::HoldTimeExpired);
        }
        if now >= self.keepalive_at && self.state != State::OpenSent {
            keepalive(&mut self.output);
            self.keepalive_at = now + self.keepalive_interval();
        }
        Ok(())
    }

    fn keepalive_interval(&self) -> Duration {
        self.hold_time / 3
    }

    /// Takes bytes of the router.
    ///
    /// # Errors
    /// Why the session is over.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), End> {
        self.heard_at = now;
        self.input.extend_from_slice(bytes);
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while let Some(message) =
            split(rest, MESSAGE_LEN_MAX).map_err(|fault| End::Misbehaved(fault.to_string()))?
        {
            rest = &rest[message.bytes.len()..];
            self.message(now, message.kind, message.body)?;
        }
        self.input = rest.to_vec();
        Ok(())
    }

    fn message(&mut self, now: Instant, kind: Kind, body: &[u8]) -> Result<(), End> {
        match (kind, self.state) {
            (Kind::Notification, _) => {
                let (code, subcode) = Notification::parse(body).map_or((0, 0), |notification| {
                    (notification.code.code, notification.code.subcode)
                });
                Err(End::Notification(code, subcode))
            }
            (Kind::Open, State::OpenSent) => self.opened(now, body),
            (Kind::Keepalive, State::OpenConfirm) => {
                self.counts.keepalives += 1;
                self.state = State::Established;
                self.send_routes();
                Ok(())
            }
            (Kind::Keepalive, State::Established) => {
                self.counts.keepalives += 1;
                Ok(())
            }
            (Kind::Update, State::Established) => self.update(body),
            (Kind::RouteRefresh, State::Established) => {
                self.counts.refreshes += 1;
                self.send_routes();
                Ok(())
            }
            (kind, state) => Err(End::Misbehaved(format!("{kind:?} in state {state:?}"))),
        }
    }

    fn opened(&mut self, now: Instant, body: &[u8]) -> Result<(), End> {
        let wrong = |what: String| Err(End::Misbehaved(what));
        let open = Open::parse(body).map_err(|fault| End::Misbehaved(fault.to_string()))?;
        let four_octets = open
            .capabilities()
            .any(|capability| matches!(capability, Capability::FourOctetAs(_)));
        if !four_octets {
            return wrong("an OPEN without four-octet ASes".to_string());
        }
        if open.peer_as() != plan::ROUTER_AS {
            return wrong(format!("an OPEN of AS {}", open.peer_as()));
        }
        let hold_time_s = open.hold_time_s.min(plan::HOLD_TIME_S);
        if hold_time_s < 3 {
            return wrong(format!("a hold time of {hold_time_s} s"));
        }
        self.hold_time = Duration::from_secs(hold_time_s.into());
        self.state = State::OpenConfirm;
        keepalive(&mut self.output);
        self.keepalive_at = now + self.keepalive_interval();
        Ok(())
    }

    /// All networks of this neighbour, and the end of them.
    fn send_routes(&mut self) {
        const ORIGIN_IGP: [u8; 4] = [0x40, 1, 1, 0];
        let mut attributes = ORIGIN_IGP.to_vec();
        // One AS_SEQUENCE of one AS.
        attributes.extend([0x40, 2, 6, 2, 1]);
        attributes.extend(plan::NEIGHBOR_AS.to_be_bytes());
        attributes.extend([0x40, 3, 4]);
        attributes.extend(plan::address(self.number).octets());
        let mut networks = plan::networks(self.number).peekable();
        while networks.peek().is_some()
            && update_v4(&attributes, &mut networks, MESSAGE_LEN_MAX, &mut self.output) > 0
        {}
        end_of_rib(AfiSafi::IPV4_UNICAST, &mut self.output);
    }

    fn update(&mut self, body: &[u8]) -> Result<(), End> {
        let wrong = |what: &str| End::Misbehaved(format!("an UPDATE {what}"));
        let update = Update::parse(body).map_err(|_| wrong("with lengths that do not fit"))?;
        if body == [0; 4] {
            return Ok(());
        }
        self.counts.updates += 1;
        let withdrawn =
            Prefixes::<V4>::new(update.withdrawn).map_err(|_| wrong("with a bad withdrawn network"))?;
        for network in withdrawn {
            self.counts.withdrawn += 1;
            self.told.remove(&network);
        }
        let networks = Prefixes::<V4>::new(update.reachable).map_err(|_| wrong("with a bad network"))?;
        let mut repeated = false;
        for network in networks {
            match self.told.entry(network) {
                Entry::Occupied(known) if known.get() == update.attributes => repeated = true,
                Entry::Occupied(mut known) => drop(known.insert(update.attributes.to_vec())),
                Entry::Vacant(place) => drop(place.insert(update.attributes.to_vec())),
            }
        }
        self.counts.updates_repeated += u64::from(repeated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::bgp::Code;

    const START: Instant = Instant::from_millis(1_000);

    fn router_open(as_number: u32, hold_time_s: u16) -> Vec<u8> {
        let mut capabilities = Vec::new();
        Capability::FourOctetAs(as_number).emit(&mut capabilities);
        let mut bytes = Vec::new();
        let open = OpenRepr {
            as_number,
            hold_time_s,
            identifier: plan::ROUTER,
            capabilities: &capabilities,
        };
        open.emit(&mut bytes);
        bytes
    }

    fn routes(attributes: &[u8], networks: impl Iterator<Item = Prefix<V4>>) -> Vec<u8> {
        let mut bytes = Vec::new();
        update_v4(attributes, &mut networks.peekable(), MESSAGE_LEN_MAX, &mut bytes);
        bytes
    }

    fn established() -> Session {
        let mut session = Session::open(7, START);
        session
            .receive(START, &router_open(plan::ROUTER_AS, 180))
            .unwrap();
        let mut bytes = Vec::new();
        keepalive(&mut bytes);
        session.receive(START, &bytes).unwrap();
        assert_eq!(session.state(), State::Established);
        session
    }

    /// Kinds of the messages in what is to be sent.
    fn sent(session: &Session) -> Vec<Kind> {
        let mut rest = &session.output[..];
        let mut kinds = Vec::new();
        while let Some(message) = split(rest, MESSAGE_LEN_MAX).unwrap() {
            kinds.push(message.kind);
            rest = &rest[message.bytes.len()..];
        }
        kinds
    }

    #[test]
    fn a_session_opens_sends_its_routes_and_an_end_and_is_complete_with_all_that_it_is_told() {
        let mut session = established();
        let expected = [Kind::Open, Kind::Keepalive, Kind::Update, Kind::Update];
        assert_eq!(sent(&session), expected);
        assert!(!session.is_complete());
        let told: Vec<_> = plan::told().collect();
        session
            .receive(START, &routes(b"\x40\x01\x01\x00", told[1..].iter().copied()))
            .unwrap();
        assert!(!session.is_complete());
        // A message may come in pieces.
        let last = routes(b"\x40\x01\x01\x02", told[..1].iter().copied());
        for byte in last {
            session.receive(START, &[byte]).unwrap();
        }
        assert!(session.is_complete());
        assert_eq!((session.counts.updates, session.counts.updates_repeated), (2, 0));
        // One network too many.
        session
            .receive(START, &routes(b"\x40\x01\x01\x00", plan::networks(0).take(1)))
            .unwrap();
        assert!(!session.is_complete());
    }

    #[test]
    fn an_update_is_repeated_only_when_a_network_comes_with_the_very_attributes_that_it_had() {
        let mut session = established();
        let attributes: [&[u8]; 2] = [b"\x40\x01\x01\x00", b"\x40\x01\x01\x02"];
        for (which, repeated) in [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2)] {
            session
                .receive(START, &routes(attributes[which], plan::told()))
                .unwrap();
            assert_eq!(session.counts.updates_repeated, repeated);
        }
        // End-of-RIB is no route.
        let mut end = Vec::new();
        end_of_rib(AfiSafi::IPV4_UNICAST, &mut end);
        session.receive(START, &end).unwrap();
        assert_eq!((session.counts.updates, session.counts.updates_repeated), (5, 2));
    }

    #[test]
    fn keepalives_leave_each_third_of_the_hold_time_and_silence_ends_the_session() {
        let mut session = established();
        session.output.clear();
        for second in 1..9 {
            session.expire(START + Duration::from_secs(second)).unwrap();
        }
        assert_eq!(sent(&session), [Kind::Keepalive, Kind::Keepalive]);
        assert_eq!(session.deadline(), START + Duration::from_secs(9));
        assert_eq!(session.expire(session.deadline()), Err(End::HoldTimeExpired));
    }

    #[test]
    fn whatever_a_router_must_not_send_ends_the_session_and_says_what() {
        let mut bytes = Vec::new();
        let cease = Notification {
            code: Code { code: 6, subcode: 4 },
            data: &[],
        };
        cease.emit(&mut bytes);
        assert_eq!(established().receive(START, &bytes), Err(End::Notification(6, 4)));
        let end =
            |session: &mut Session, bytes: &[u8]| session.receive(START, bytes).unwrap_err().to_string();
        let fresh = || Session::open(1, START);
        assert_eq!(
            end(&mut established(), &router_open(plan::ROUTER_AS, 9)),
            "router misbehaved: Open in state Established"
        );
        assert!(end(&mut fresh(), &router_open(5, 9)).ends_with("an OPEN of AS 5"));
        assert!(end(&mut fresh(), &router_open(plan::ROUTER_AS, 0)).ends_with("a hold time of 0 s"));
        assert!(end(&mut fresh(), &[0; 19]).starts_with("router misbehaved: "));
        let short = routes(b"\x40\x01\x01\x00", plan::told());
        assert!(end(&mut fresh(), &short).ends_with("Update in state OpenSent"));
    }
}
