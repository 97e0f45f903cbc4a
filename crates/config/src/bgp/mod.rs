//! `router bgp`: its commands, what they set, and the lines that show it; commands of the EXEC about routing.
//!
//! What belongs to IPv4 unicast is read below `router bgp` and below `address-family ipv4` alike, and shown below
//! `router bgp`, as the vendor does while no other family is configured.

mod command;
mod error;
pub(crate) mod exec;
mod neighbor;
mod password;
pub(crate) mod table;
mod tree;

pub use command::{
    BestPathRule, BgpCommand, BgpTimers, MAXIMUM_PREFIX_THRESHOLD_DEFAULT, NeighborName, NeighborSetting,
};
pub(crate) use command::{Written, command, matched, router};
pub use error::BgpError;
pub(crate) use exec::exec_command;
pub use exec::{
    BgpDebug, ClearHow, ClearWhom, How, NeighborRoutes, RouteProtocol, RoutingCommand, RoutingId,
};
pub use neighbor::{COMMUNICATION_BYTES_MAX, NeighborConfiguration, check_communication};
pub use password::{Password, without_secrets};
pub use table::{GRACEFUL_TIME_RANGE, MAXIMUM_PATHS_MAX};
pub use tree::{
    BGP_NEIGHBORS_MAX, BGP_NETWORKS_MAX, BgpConfiguration, HOLD_TIME_WARNED_S, Redistribution, TableMap,
};

/// Which row a command of `router bgp` is a form of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the rows say what each one is, word by word")]
pub enum BgpId {
    RouterBgp,
    AddressFamily,
    ExitAddressFamily,
    RouterId,
    ClusterId,
    LogNeighborChanges,
    GracefulRestart,
    RestartTime,
    StalepathTime,
    HaMode,
    DefaultIpv4Unicast,
    AlwaysCompareMed,
    AsPathIgnore,
    MultipathRelax,
    CompareRouterId,
    MissingAsWorst,
    Timers,
    MaximumPaths,
    MaximumPathsIbgp,
    TableMap,
    TableMapFilter,
    Network,
    RedistributeConnected,
    RedistributeStatic,
    DefaultInformation,
    NoNeighbor,
    NeighborRemoteAs,
    NeighborPeerGroup,
    NeighborMemberOf,
    NeighborDescription,
    NeighborShutdown,
    NeighborPassword,
    NeighborMultihop,
    NeighborTtlSecurity,
    NeighborUpdateSource,
    NeighborTimers,
    NeighborHaMode,
    NeighborHaModeDefault,
    NeighborGraceful,
    NeighborGracefulDisable,
    NeighborPassive,
    NeighborActivate,
    NeighborActivateDefault,
    NeighborNextHopSelf,
    NeighborReflectorClient,
    NeighborSoftReconfiguration,
    NeighborSendCommunity,
    NeighborSendStandard,
    NeighborSendExtended,
    NeighborSendBoth,
    NeighborMaximumPrefix,
    NeighborMaximumPrefixWarning,
    NeighborMaximumPrefixRestart,
    NeighborWeight,
    NeighborAllowAsIn,
    NeighborDefaultOriginate,
    NeighborRouteMapIn,
    NeighborRouteMapOut,
    NeighborPrefixListIn,
    NeighborPrefixListOut,
    NeighborFilterListIn,
    NeighborFilterListOut,
}

/// Routes that come from a neighbour, or routes that go to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// They come.
    In,
    /// They go.
    Out,
}

/// What a neighbour's routes are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterKind {
    /// `prefix-list NAME`
    PrefixList,
    /// `route-map NAME`
    RouteMap,
    /// `filter-list NUMBER`: an `ip as-path access-list`.
    FilterList,
}

/// Routes of the router itself that BGP tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RedistributedSource {
    /// Networks of its interfaces.
    Connected,
    /// `ip route`.
    Static,
}

impl RedistributedSource {
    const fn id(self) -> BgpId {
        match self {
            RedistributedSource::Connected => BgpId::RedistributeConnected,
            RedistributedSource::Static => BgpId::RedistributeStatic,
        }
    }
}

/// Which communities a neighbour is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendCommunity {
    /// Those of RFC 1997, and the large ones of RFC 8092.
    pub standard: bool,
    /// Those of RFC 4360.
    pub extended: bool,
}

impl SendCommunity {
    /// `send-community [standard]`
    pub const STANDARD: SendCommunity = SendCommunity {
        standard: true,
        extended: false,
    };
    /// `send-community extended`
    pub const EXTENDED: SendCommunity = SendCommunity {
        standard: false,
        extended: true,
    };
    /// `send-community both`
    pub const BOTH: SendCommunity = SendCommunity {
        standard: true,
        extended: true,
    };

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: SendCommunity) -> SendCommunity {
        SendCommunity {
            standard: self.standard || other.standard,
            extended: self.extended || other.extended,
        }
    }

    /// These without `other`.
    #[must_use]
    pub const fn without(self, other: SendCommunity) -> SendCommunity {
        SendCommunity {
            standard: self.standard && !other.standard,
            extended: self.extended && !other.extended,
        }
    }

    const fn id(self) -> BgpId {
        match (self.standard, self.extended) {
            (true, true) => BgpId::NeighborSendBoth,
            (_, true) => BgpId::NeighborSendExtended,
            _ => BgpId::NeighborSendCommunity,
        }
    }
}

/// How many prefixes a neighbour may tell, and what happens beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaximumPrefix {
    /// This many.
    pub limit: u32,
    /// A warning at this share of it, percent, 1..=100.
    pub threshold_percent: u8,
    /// Only warn.
    pub warning_only: bool,
    /// Start again after this many minutes; `None`: only when the operator says so.
    pub restart_min: Option<u16>,
}
