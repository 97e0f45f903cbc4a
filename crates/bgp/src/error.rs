//! What an operator is told of: the log messages of BGP.

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;
use machine::Severity;
use packet::bgp::Code;

use crate::farewell::Farewell;
use crate::fsm::Event;

/// Why a session ended, in the words of the log; the number is for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DownReason {
    /// We ended it with a NOTIFICATION.
    NotificationSent = 1,
    /// The neighbour did.
    NotificationReceived,
    /// The connection went.
    PeerClosed,
    /// An operator stopped it.
    AdministrativeShutdown,
    /// An operator reset it.
    UserReset,
    /// It is not configured any more.
    NeighborDeleted,
    /// Nothing was heard for the hold time.
    HoldTimerExpired,
    /// A new connection of a neighbour that restarted has taken its place.
    PeerRestarted,
    /// It was not in step with this route processor when that took over; its routes go.
    NotCarried,
    /// The same, and its routes stay while it starts again.
    NotCarriedGraceful,
    /// A route processor has died of it.
    Quarantined,
}

impl DownReason {
    const ALL: [DownReason; 11] = [
        DownReason::NotificationSent,
        DownReason::NotificationReceived,
        DownReason::PeerClosed,
        DownReason::AdministrativeShutdown,
        DownReason::UserReset,
        DownReason::NeighborDeleted,
        DownReason::HoldTimerExpired,
        DownReason::PeerRestarted,
        DownReason::NotCarried,
        DownReason::NotCarriedGraceful,
        DownReason::Quarantined,
    ];

    /// The reason with this number.
    pub fn from_number(number: u32) -> Option<DownReason> {
        Self::ALL.into_iter().find(|reason| *reason as u32 == number)
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DownReason::NotificationSent => "BGP Notification sent",
            DownReason::NotificationReceived => "BGP Notification received",
            DownReason::PeerClosed => "Peer closed the session",
            DownReason::AdministrativeShutdown => "Admin. shutdown",
            DownReason::UserReset => "User reset",
            DownReason::NeighborDeleted => "Neighbor deleted",
            DownReason::HoldTimerExpired => "hold time expired",
            DownReason::PeerRestarted => "NSF peer closed the session",
            DownReason::NotCarried => "Not in step at switchover",
            DownReason::NotCarriedGraceful => "Not in step at switchover, graceful restart",
            DownReason::Quarantined => "Quarantined",
        })
    }
}

/// Something for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BgpEvent {
    /// A session is established.
    Up {
        /// The neighbour.
        neighbor: IpAddr,
    },
    /// A session has ended.
    Down {
        /// The neighbour.
        neighbor: IpAddr,
        /// Why.
        reason: DownReason,
    },
    /// We sent a NOTIFICATION.
    Sent {
        /// To whom.
        neighbor: IpAddr,
        /// What it says.
        code: Code,
        /// Bytes of data.
        data_len: usize,
    },
    /// We received a NOTIFICATION.
    Received {
        /// From whom.
        neighbor: IpAddr,
        /// What it says.
        code: Code,
        /// Bytes of data.
        data_len: usize,
        /// The operator's words there.
        communication: Option<String>,
    },
    /// The number of prefixes comes near the limit, or has passed it where that is only to be told.
    ManyPrefixes {
        /// From whom.
        neighbor: IpAddr,
        /// How many.
        count: u32,
        /// How many may be.
        limit: u32,
    },
    /// The number of prefixes has passed the limit.
    TooManyPrefixes {
        /// From whom.
        neighbor: IpAddr,
        /// How many.
        count: u32,
        /// How many may be.
        limit: u32,
    },
    /// The routes of an UPDATE count as withdrawn because of an error, or a family ended.
    Malformed {
        /// From whom.
        neighbor: IpAddr,
        /// What is wrong.
        what: String,
    },
}

impl BgpEvent {
    /// How grave it is.
    pub const fn severity(&self) -> Severity {
        match self {
            BgpEvent::Up { .. } | BgpEvent::Down { .. } => Severity::Notifications,
            BgpEvent::ManyPrefixes { .. } => Severity::Warnings,
            BgpEvent::Sent { .. }
            | BgpEvent::Received { .. }
            | BgpEvent::TooManyPrefixes { .. }
            | BgpEvent::Malformed { .. } => Severity::Errors,
        }
    }

    /// Its name in the log.
    pub const fn mnemonic(&self) -> &'static str {
        match self {
            BgpEvent::Up { .. } | BgpEvent::Down { .. } => "ADJCHANGE",
            BgpEvent::Sent { .. } | BgpEvent::Received { .. } => "NOTIFICATION",
            BgpEvent::ManyPrefixes { .. } => "MAXPFX",
            BgpEvent::TooManyPrefixes { .. } => "MAXPFXEXCEED",
            BgpEvent::Malformed { .. } => "MALFORMATTR",
        }
    }
}

impl fmt::Display for BgpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BgpEvent::Up { neighbor } => write!(f, "neighbor {neighbor} Up"),
            BgpEvent::Down { neighbor, reason } => write!(f, "neighbor {neighbor} Down {reason}"),
            BgpEvent::Sent {
                neighbor,
                code,
                data_len,
            } => write!(f, "sent to neighbor {neighbor} {code} {data_len} bytes"),
            BgpEvent::Received {
                neighbor,
                code,
                data_len,
                communication,
            } => {
                write!(f, "received from neighbor {neighbor} {code} {data_len} bytes")?;
                match communication {
                    Some(text) => write!(f, " \"{text}\""),
                    None => Ok(()),
                }
            }
            BgpEvent::ManyPrefixes {
                neighbor,
                count,
                limit,
            } => write!(
                f,
                "Number of prefixes received from {neighbor} reaches {count}, max {limit}"
            ),
            BgpEvent::TooManyPrefixes {
                neighbor,
                count,
                limit,
            } => write!(
                f,
                "Number of prefixes received from {neighbor}: {count} exceeds limit {limit}"
            ),
            BgpEvent::Malformed { neighbor, what } => {
                write!(f, "Malformed attribute in UPDATE from {neighbor}: {what}")
            }
        }
    }
}

/// What the log says of the end of a session.
pub(crate) fn down_reason(event: Event, farewell: Option<&Farewell>) -> DownReason {
    match event {
        Event::ManualStop => match farewell.map(|farewell| farewell.code) {
            Some(Code::PEER_DE_CONFIGURED) => DownReason::NeighborDeleted,
            Some(Code::ADMINISTRATIVE_RESET) => DownReason::UserReset,
            _ => DownReason::AdministrativeShutdown,
        },
        Event::TcpConnectionFails => DownReason::PeerClosed,
        Event::Notification | Event::NotificationVersionError => DownReason::NotificationReceived,
        Event::HoldTimerExpires => DownReason::HoldTimerExpired,
        Event::OpenCollisionDump => DownReason::PeerRestarted,
        _ => DownReason::NotificationSent,
    }
}
