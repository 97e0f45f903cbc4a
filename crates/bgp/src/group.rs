//! Update groups: neighbours that are told the same, so that each UPDATE is made once.

use ::checkpoint::{Row, TableId};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::id::PeerId;
use crate::session::{Families, families};

/// Number of the table of update groups.
pub const GROUPS_TABLE: TableId = TableId(87);

/// What decides how a neighbour is told; members of a group have all of it in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// The neighbours are in our AS.
    pub internal: bool,
    /// They are in another AS of our confederation.
    pub confederation: bool,
    /// They are our route reflector's clients.
    pub route_reflector_client: bool,
    /// They understand AS numbers of four octets.
    pub four_octet_as: bool,
    /// They take messages of up to 65535 bytes.
    pub extended_message: bool,
    /// IPv4 unicast was negotiated.
    pub ipv4: bool,
    /// IPv6 unicast was negotiated.
    pub ipv6: bool,
    /// Our AS, as they know it.
    pub local_as: u32,
    /// Our IPv4 address on these sessions, as next hop.
    pub local_v4: Option<Ipv4Addr>,
    /// Our IPv6 address on these sessions, as next hop.
    pub local_v6: Option<Ipv6Addr>,
    /// `next-hop-self`.
    pub next_hop_self: bool,
    /// `send-community`: standard and large ones.
    pub send_community: bool,
    /// `send-community extended`.
    pub send_extended_community: bool,
    /// `route-map ... out`.
    pub route_map: Option<String>,
    /// `prefix-list ... out`.
    pub prefix_list: Option<String>,
    /// `default-originate`.
    pub default_originate: bool,
    /// Its route map.
    pub default_originate_map: Option<String>,
}

/// An update group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What its members have in common.
    pub key: GroupKey,
    /// Place in its log that the next message gets.
    pub next: u64,
    /// Families of which it is known for every prefix what the group is told: newcomers are told that, and need not look
    /// at routes that nobody is told.
    pub filled: Families,
    /// How far that has come in IPv4, as a row's key; empty at the start.
    pub reached_v4: Vec<u8>,
    /// The same in IPv6.
    pub reached_v6: Vec<u8>,
    /// Families of which only what `alone` said is missing: who has been the only member is not told that, so that it
    /// was not looked up.
    pub partly: Families,
    /// See `partly`.
    pub alone: PeerId,
    /// Lists or the route map of its policy have changed since it was told: what it was told may have to be corrected.
    pub policy_changed: bool,
}

impl Group {
    /// A group that has been told nothing.
    pub fn new(key: GroupKey) -> Group {
        Group {
            key,
            next: 0,
            filled: Families::NONE,
            reached_v4: Vec::new(),
            reached_v6: Vec::new(),
            partly: Families::NONE,
            alone: PeerId::LOCAL,
            policy_changed: false,
        }
    }

    /// `alone` is not the only member any more: what it said has to be looked up before the newcomer is told.
    pub(crate) fn not_alone(&mut self, alone: PeerId) {
        let still_missing = match self.alone == alone {
            true => self.partly,
            // Its walk has not begun: nobody was told anything of these.
            false => Families::NONE,
        };
        self.partly = self.filled.with(still_missing);
        self.alone = alone;
        self.filled = Families::NONE;
        self.reached_v4.clear();
        self.reached_v6.clear();
    }
}

/// Tagged form of [`Group`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GroupRecord {
    /// One bit for each of the yes-or-no fields of [`GroupKey`], in their order.
    #[prost(uint32, tag = "1")]
    pub bits: u32,
    /// See [`GroupKey::local_as`].
    #[prost(uint32, tag = "2")]
    pub local_as: u32,
    /// See [`GroupKey::local_v4`]: no bytes, or four.
    #[prost(bytes = "vec", tag = "3")]
    pub local_v4: Vec<u8>,
    /// See [`GroupKey::local_v6`]: no bytes, or sixteen.
    #[prost(bytes = "vec", tag = "4")]
    pub local_v6: Vec<u8>,
    /// See [`GroupKey::route_map`].
    #[prost(string, optional, tag = "5")]
    pub route_map: Option<String>,
    /// See [`GroupKey::prefix_list`].
    #[prost(string, optional, tag = "6")]
    pub prefix_list: Option<String>,
    /// See [`Group::next`].
    #[prost(uint64, tag = "7")]
    pub next: u64,
    /// See [`Group::filled`].
    #[prost(uint32, tag = "8")]
    pub filled: u32,
    /// See [`Group::reached_v4`].
    #[prost(bytes = "vec", tag = "9")]
    pub reached_v4: Vec<u8>,
    /// See [`Group::reached_v6`].
    #[prost(bytes = "vec", tag = "10")]
    pub reached_v6: Vec<u8>,
    /// See [`Group::partly`].
    #[prost(uint32, tag = "11")]
    pub partly: u32,
    /// See [`Group::alone`].
    #[prost(uint32, tag = "12")]
    pub alone: u32,
    /// See [`Group::policy_changed`].
    #[prost(bool, tag = "13")]
    pub policy_changed: bool,
    /// See [`GroupKey::default_originate_map`].
    #[prost(string, optional, tag = "14")]
    pub default_originate_map: Option<String>,
}

impl Row for Group {
    type Record = GroupRecord;

    fn to_record(&self) -> GroupRecord {
        let Group {
            key,
            next,
            filled,
            reached_v4,
            reached_v6,
            partly,
            alone,
            policy_changed,
        } = self;
        let GroupKey {
            internal,
            confederation,
            route_reflector_client,
            four_octet_as,
            extended_message,
            ipv4,
            ipv6,
            local_as,
            local_v4,
            local_v6,
            next_hop_self,
            send_community,
            send_extended_community,
            route_map,
            prefix_list,
            default_originate,
            default_originate_map,
        } = key;
        let bits = [
            internal,
            confederation,
            route_reflector_client,
            four_octet_as,
            extended_message,
            ipv4,
            ipv6,
            next_hop_self,
            send_community,
            send_extended_community,
            default_originate,
        ];
        let bits = bits.into_iter().enumerate();
        GroupRecord {
            bits: bits.fold(0, |sum, (place, bit)| sum | u32::from(*bit) << place),
            local_as: *local_as,
            local_v4: local_v4.map_or(Vec::new(), |address| address.octets().to_vec()),
            local_v6: local_v6.map_or(Vec::new(), |address| address.octets().to_vec()),
            route_map: route_map.clone(),
            prefix_list: prefix_list.clone(),
            next: *next,
            filled: u32::from(filled.0),
            reached_v4: reached_v4.clone(),
            reached_v6: reached_v6.clone(),
            partly: u32::from(partly.0),
            alone: u32::from(alone.0),
            policy_changed: *policy_changed,
            default_originate_map: default_originate_map.clone(),
        }
    }

    fn from_record(record: GroupRecord) -> Result<Self, &'static str> {
        let bit = |place: u32| record.bits >> place & 1 == 1;
        let local_v4 = match record.local_v4.as_slice() {
            [] => None,
            bytes => Some(Ipv4Addr::from(
                <[u8; 4]>::try_from(bytes).map_err(|_| "IPv4 address")?,
            )),
        };
        let local_v6 = match record.local_v6.as_slice() {
            [] => None,
            bytes => Some(Ipv6Addr::from(
                <[u8; 16]>::try_from(bytes).map_err(|_| "IPv6 address")?,
            )),
        };
        let key = GroupKey {
            internal: bit(0),
            confederation: bit(1),
            route_reflector_client: bit(2),
            four_octet_as: bit(3),
            extended_message: bit(4),
            ipv4: bit(5),
            ipv6: bit(6),
            local_as: record.local_as,
            local_v4,
            local_v6,
            next_hop_self: bit(7),
            send_community: bit(8),
            send_extended_community: bit(9),
            route_map: record.route_map,
            prefix_list: record.prefix_list,
            default_originate: bit(10),
            default_originate_map: record.default_originate_map,
        };
        Ok(Group {
            key,
            next: record.next,
            filled: families(record.filled)?,
            reached_v4: record.reached_v4,
            reached_v6: record.reached_v6,
            partly: families(record.partly)?,
            alone: PeerId(u16::try_from(record.alone).map_err(|_| "alone")?),
            policy_changed: record.policy_changed,
        })
    }
}
