//! What survives of a session: what the two OPENs agreed on, and whose routes are kept while it is down.

use ::checkpoint::{Row, TableId};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use packet::bgp::{AfiSafi, Capability, Open};

use crate::history::{History, HistoryRecord};
use crate::id::GroupId;

/// Number of the table of sessions.
pub const SESSIONS_TABLE: TableId = TableId(93);

/// Which of the two connections that a session may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// We made it.
    Outgoing,
    /// The neighbour made it.
    Incoming,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Outgoing, Direction::Incoming];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The other one.
    pub const fn other(self) -> Direction {
        match self {
            Direction::Outgoing => Direction::Incoming,
            Direction::Incoming => Direction::Outgoing,
        }
    }
}

/// One bit for each family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Families(pub u8);

impl Families {
    /// None.
    pub const NONE: Families = Families(0);
    /// IPv4 unicast.
    pub const V4: Families = Families(1);
    /// IPv6 unicast.
    pub const V6: Families = Families(2);

    /// The family with this number in records.
    pub const fn of_number(number: u8) -> Families {
        Families(1 << (number & 1))
    }

    /// The family; none for one that is not known here.
    pub fn of(family: AfiSafi) -> Families {
        match family {
            AfiSafi::IPV4_UNICAST => Families::V4,
            AfiSafi::IPV6_UNICAST => Families::V6,
            _ => Families::NONE,
        }
    }

    /// Whether all of `other` are here.
    pub const fn has(self, other: Families) -> bool {
        self.0 & other.0 == other.0 && other.0 != 0
    }

    /// Both together.
    pub const fn with(self, other: Families) -> Families {
        Families(self.0 | other.0)
    }

    /// Those of `other` that are here.
    pub const fn and(self, other: Families) -> Families {
        Families(self.0 & other.0)
    }

    /// All but those of `other`.
    pub const fn without(self, other: Families) -> Families {
        Families(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their numbers in records.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..2).filter(move |number| self.has(Families::of_number(*number)))
    }
}

/// What a neighbour said about graceful restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Graceful {
    /// How long it needs to come back, in seconds.
    pub restart_time_s: u16,
    /// It follows NOTIFICATIONs and hold timers too (RFC 8538).
    pub notification: bool,
    /// Families whose routes it keeps.
    pub families: Families,
    /// Families by whose routes it went on forwarding.
    pub forwarding: Families,
    /// It has restarted.
    pub restarted: bool,
}

/// What an OPEN said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The speaker's AS.
    pub as_number: u32,
    /// Who it is.
    pub identifier: Ipv4Addr,
    /// The hold time it proposes, in seconds.
    pub hold_time_s: u16,
    /// AS numbers in four octets.
    pub four_octet_as: bool,
    /// Messages of up to 65535 bytes.
    pub extended_message: bool,
    /// ROUTE-REFRESH.
    pub route_refresh: bool,
    /// Its families. One without any such capability speaks of IPv4 unicast only.
    pub families: Families,
    /// Graceful restart.
    pub graceful: Option<Graceful>,
}

impl Offer {
    /// Reads what an OPEN says.
    pub fn of(open: &Open<'_>) -> Offer {
        let mut offer = Offer {
            as_number: open.peer_as(),
            identifier: open.identifier,
            hold_time_s: open.hold_time_s,
            four_octet_as: false,
            extended_message: false,
            route_refresh: false,
            families: Families::NONE,
            graceful: None,
        };
        let mut is_multiprotocol = false;
        for capability in open.capabilities() {
            match capability {
                Capability::Multiprotocol(family) => {
                    is_multiprotocol = true;
                    offer.families = offer.families.with(Families::of(family));
                }
                Capability::RouteRefresh => offer.route_refresh = true,
                Capability::ExtendedMessage => offer.extended_message = true,
                Capability::FourOctetAs(_) => offer.four_octet_as = true,
                Capability::GracefulRestart(said) => {
                    let mut graceful = Graceful {
                        restart_time_s: said.restart_time_s,
                        notification: said.notification,
                        restarted: said.restarted,
                        ..Graceful::default()
                    };
                    for (family, forwarding) in said.families() {
                        let family = Families::of(family);
                        graceful.families = graceful.families.with(family);
                        if forwarding {
                            graceful.forwarding = graceful.forwarding.with(family);
                        }
                    }
                    offer.graceful = Some(graceful);
                }
                Capability::EnhancedRouteRefresh | Capability::Other { .. } => {}
            }
        }
        if !is_multiprotocol {
            offer.families = Families::V4;
        }
        offer
    }
}

/// Words of operators in NOTIFICATIONs (RFC 9003): the last ones each way, whatever has ended sessions since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Communications {
    /// What the neighbour was told.
    pub sent: Option<String>,
    /// What it told us.
    pub received: Option<String>,
}

/// A session that is established, or whose routes are kept while it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whether it is established.
    pub established: bool,
    /// Which connection it is.
    pub direction: Direction,
    /// What the neighbour offered, as far as we offered it too.
    pub agreed: Offer,
    /// The hold time agreed on, in seconds; 0: none.
    pub hold_time_s: u16,
    /// Whether we offered graceful restart.
    pub offered_graceful_restart: bool,
    /// Whom it is told with.
    pub group: Option<GroupId>,
    /// Generation of the routes that it tells now.
    pub generation: u16,
    /// Families with routes of an earlier generation, which are kept for now.
    pub stale: Families,
    /// Families of which nothing more is taken (RFC 7606).
    pub disabled: Families,
    /// Families whose End-of-RIB was received.
    pub ended: Families,
    /// Families that are to be told once route selection no longer waits.
    pub deferred: Families,
    /// How often it was established and ended.
    pub history: History,
    /// What operators said about its end.
    pub communications: Communications,
    /// The system's age in seconds when it ended because of too many prefixes. It does not start before an operator says
    /// so, or the time of `maximum-prefix ... restart` is over.
    pub over_limit_since_s: Option<u32>,
}

impl Session {
    /// A session that is not established yet, of which nothing more is known than what was agreed on.
    pub fn new(direction: Direction, agreed: Offer) -> Session {
        Session {
            established: false,
            direction,
            agreed,
            hold_time_s: agreed.hold_time_s,
            offered_graceful_restart: false,
            group: None,
            generation: 0,
            stale: Families::NONE,
            disabled: Families::NONE,
            ended: Families::NONE,
            deferred: Families::NONE,
            history: History::default(),
            communications: Communications::default(),
            over_limit_since_s: None,
        }
    }
}

/// Tagged form of [`Session`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionRecord {
    /// See [`Session::established`].
    #[prost(bool, tag = "1")]
    pub established: bool,
    /// See [`Session::direction`]: 0 outgoing, 1 incoming.
    #[prost(uint32, tag = "2")]
    pub direction: u32,
    /// See [`Offer::as_number`].
    #[prost(uint32, tag = "3")]
    pub as_number: u32,
    /// See [`Offer::identifier`].
    #[prost(fixed32, tag = "4")]
    pub identifier: u32,
    /// See [`Offer::hold_time_s`].
    #[prost(uint32, tag = "5")]
    pub offered_hold_time_s: u32,
    /// See [`Session::hold_time_s`].
    #[prost(uint32, tag = "6")]
    pub hold_time_s: u32,
    /// Four-octet AS, extended message, route refresh, graceful restart, its notification, its restarted, and
    /// [`Session::offered_graceful_restart`]: a bit each.
    #[prost(uint32, tag = "7")]
    pub bits: u32,
    /// See [`Offer::families`].
    #[prost(uint32, tag = "8")]
    pub families: u32,
    /// See [`Graceful::restart_time_s`].
    #[prost(uint32, tag = "9")]
    pub restart_time_s: u32,
    /// See [`Graceful::families`].
    #[prost(uint32, tag = "10")]
    pub graceful_families: u32,
    /// See [`Graceful::forwarding`].
    #[prost(uint32, tag = "11")]
    pub forwarding: u32,
    /// See [`Session::group`].
    #[prost(uint32, optional, tag = "12")]
    pub group: Option<u32>,
    /// See [`Session::generation`].
    #[prost(uint32, tag = "13")]
    pub generation: u32,
    /// See [`Session::stale`].
    #[prost(uint32, tag = "14")]
    pub stale: u32,
    /// See [`Session::disabled`].
    #[prost(uint32, tag = "15")]
    pub disabled: u32,
    /// See [`Session::ended`].
    #[prost(uint32, tag = "16")]
    pub ended: u32,
    /// See [`Session::deferred`].
    #[prost(uint32, tag = "17")]
    pub deferred: u32,
    /// See [`Session::history`].
    #[prost(message, optional, tag = "18")]
    pub history: Option<HistoryRecord>,
    /// See [`Communications::sent`].
    #[prost(string, optional, tag = "19")]
    pub communication_sent: Option<String>,
    /// See [`Communications::received`].
    #[prost(string, optional, tag = "20")]
    pub communication_received: Option<String>,
    /// See [`Session::over_limit_since_s`].
    #[prost(uint32, optional, tag = "21")]
    pub over_limit_since_s: Option<u32>,
}

pub(crate) fn families(number: u32) -> Result<Families, &'static str> {
    match u8::try_from(number) {
        Ok(bits @ 0..=3) => Ok(Families(bits)),
        _ => Err("families"),
    }
}

impl Row for Session {
    type Record = SessionRecord;

    fn to_record(&self) -> SessionRecord {
        let Session {
            established,
            direction,
            agreed,
            hold_time_s,
            offered_graceful_restart,
            group,
            generation,
            stale,
            disabled,
            ended,
            deferred,
            history,
            communications,
            over_limit_since_s,
        } = self;
        let Communications { sent, received } = communications;
        let Offer {
            as_number,
            identifier,
            hold_time_s: offered_hold_time_s,
            four_octet_as,
            extended_message,
            route_refresh,
            families,
            graceful,
        } = *agreed;
        let Graceful {
            restart_time_s,
            notification,
            families: graceful_families,
            forwarding,
            restarted,
        } = graceful.unwrap_or_default();
        let bits = [
            four_octet_as,
            extended_message,
            route_refresh,
            graceful.is_some(),
            notification,
            restarted,
            *offered_graceful_restart,
        ];
        let bits = bits.into_iter().enumerate();
        SessionRecord {
            established: *established,
            direction: direction.index() as u32,
            as_number,
            identifier: identifier.to_bits(),
            offered_hold_time_s: u32::from(offered_hold_time_s),
            hold_time_s: u32::from(*hold_time_s),
            bits: bits.fold(0, |sum, (place, bit)| sum | u32::from(bit) << place),
            families: u32::from(families.0),
            restart_time_s: u32::from(restart_time_s),
            graceful_families: u32::from(graceful_families.0),
            forwarding: u32::from(forwarding.0),
            group: group.map(|group| u32::from(group.0)),
            generation: u32::from(*generation),
            stale: u32::from(stale.0),
            disabled: u32::from(disabled.0),
            ended: u32::from(ended.0),
            deferred: u32::from(deferred.0),
            history: Some((*history).into()),
            communication_sent: sent.clone(),
            communication_received: received.clone(),
            over_limit_since_s: *over_limit_since_s,
        }
    }

    fn from_record(record: SessionRecord) -> Result<Self, &'static str> {
        let bit = |place: u32| record.bits >> place & 1 == 1;
        let short = |number: u32, name| u16::try_from(number).map_err(|_| name);
        let graceful = Graceful {
            restart_time_s: short(record.restart_time_s, "restart time")?,
            notification: bit(4),
            families: families(record.graceful_families)?,
            forwarding: families(record.forwarding)?,
            restarted: bit(5),
        };
        let agreed = Offer {
            as_number: record.as_number,
            identifier: Ipv4Addr::from(record.identifier),
            hold_time_s: short(record.offered_hold_time_s, "offered hold time")?,
            four_octet_as: bit(0),
            extended_message: bit(1),
            route_refresh: bit(2),
            families: families(record.families)?,
            graceful: bit(3).then_some(graceful),
        };
        let group = record.group.map(|group| short(group, "group")).transpose()?;
        Ok(Session {
            established: record.established,
            direction: match record.direction {
                0 => Direction::Outgoing,
                1 => Direction::Incoming,
                _ => return Err("direction"),
            },
            agreed,
            hold_time_s: short(record.hold_time_s, "hold time")?,
            offered_graceful_restart: bit(6),
            group: group.map(GroupId),
            generation: short(record.generation, "generation")?,
            stale: families(record.stale)?,
            disabled: families(record.disabled)?,
            ended: families(record.ended)?,
            deferred: families(record.deferred)?,
            history: record.history.unwrap_or_default().try_into()?,
            communications: Communications {
                sent: record.communication_sent,
                received: record.communication_received,
            },
            over_limit_since_s: record.over_limit_since_s,
        })
    }
}

/// Appends our capabilities for an OPEN.
pub(crate) struct OurOffer {
    pub as_number: u32,
    pub families: Families,
    pub graceful: Option<OurGraceful>,
}

/// What we say about graceful restart.
pub(crate) struct OurGraceful {
    pub restarted: bool,
    pub restart_time_s: u16,
    pub forwarding: Families,
}

impl OurOffer {
    pub(crate) fn emit(&self) -> Vec<u8> {
        let mut list = Vec::with_capacity(64);
        let afi_safi = |number| match number {
            0 => AfiSafi::IPV4_UNICAST,
            _ => AfiSafi::IPV6_UNICAST,
        };
        for number in self.families.numbers() {
            Capability::Multiprotocol(afi_safi(number)).emit(&mut list);
        }
        Capability::RouteRefresh.emit(&mut list);
        Capability::ExtendedMessage.emit(&mut list);
        if let Some(graceful) = &self.graceful {
            let kept = |number| {
                (
                    afi_safi(number),
                    graceful.forwarding.has(Families::of_number(number)),
                )
            };
            let families: Vec<_> = self.families.numbers().map(kept).collect();
            packet::bgp::GracefulRestart::emit(
                graceful.restarted,
                true,
                graceful.restart_time_s,
                &families,
                &mut list,
            );
        }
        Capability::FourOctetAs(self.as_number).emit(&mut list);
        list
    }
}
