//! Segments as they travel: found in IP packets, checked, and put into IP packets.

use crate::key::{ConnectionKey, Endpoint};
use crate::options::ConnectionOptions;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use md5::{Digest, Md5};
use packet::ipv4;
use packet::tcp::{Endpoints, Flags, HEADER_LEN, Packet, Repr, SegmentOption};

/// Length of an IPv6 header without extensions, in bytes.
pub(crate) const IPV6_HEADER_LEN: usize = 40;
/// Bytes that the MD5 option takes in a header, with its padding.
pub(crate) const MD5_OPTION_LEN: usize = 20;

/// A segment that was found in an IP packet. Its checksum is right; whether its sender is, is not known yet.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// Between whom it travels; the router is the local end.
    pub key: ConnectionKey,
    /// TTL or hop limit that it came with.
    pub ttl: u8,
    /// The header.
    pub header: Repr,
    /// Bytes of payload.
    pub payload_len: usize,
    /// The IP packet, of which the segment is the end.
    packet: Vec<u8>,
    /// Where in it the segment starts.
    start: usize,
}

/// Why a packet is no segment for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSegment {
    /// It is whole, and something else than TCP.
    OtherProtocol,
    /// Lengths or header do not fit together, it is a fragment, or has extension headers.
    Malformed,
    /// A checksum is wrong.
    Checksum,
}

/// Source, destination, TTL, and where the payload starts and ends.
type Layout = (Endpoints, u8, usize, usize);

fn layout_v4(packet: &[u8]) -> Result<Layout, NoSegment> {
    let view = ipv4::Packet::new_checked(packet).map_err(|_| NoSegment::Malformed)?;
    if !view.checksum_is_right() {
        return Err(NoSegment::Checksum);
    }
    if view.protocol() != ipv4::Protocol::TCP {
        return Err(NoSegment::OtherProtocol);
    }
    if view.is_fragment() {
        return Err(NoSegment::Malformed);
    }
    let endpoints = Endpoints::V4(view.source(), view.destination());
    Ok((endpoints, view.ttl(), view.header_len(), view.total_len()))
}

fn layout_v6(packet: &[u8]) -> Result<Layout, NoSegment> {
    let Some(header) = packet.first_chunk::<IPV6_HEADER_LEN>() else {
        return Err(NoSegment::Malformed);
    };
    let end = IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([header[4], header[5]]));
    // The stack gets every segment behind an IPv4 header, so it must fit into an IPv4 packet.
    if end > packet.len() || end - IPV6_HEADER_LEN > usize::from(u16::MAX) - ipv4::HEADER_LEN {
        return Err(NoSegment::Malformed);
    }
    if header[6] != ipv4::Protocol::TCP.0 {
        return Err(NoSegment::OtherProtocol);
    }
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        Ipv6Addr::from(octets)
    };
    Ok((
        Endpoints::V6(address(8), address(24)),
        header[7],
        IPV6_HEADER_LEN,
        end,
    ))
}

fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !ipv4::is_martian_source(address),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_multicast() && !address.is_loopback(),
    }
}

/// Whether a session between these two is possible.
pub(crate) fn can_talk(local: IpAddr, remote: IpAddr) -> bool {
    local.is_ipv4() == remote.is_ipv4() && is_host(local) && is_host(remote) && local != remote
}

fn addresses(endpoints: Endpoints) -> (IpAddr, IpAddr) {
    match endpoints {
        Endpoints::V4(source, destination) => (source.into(), destination.into()),
        Endpoints::V6(source, destination) => (source.into(), destination.into()),
    }
}

impl Arrival {
    /// Finds the segment in `packet`.
    pub fn parse(mut packet: Vec<u8>) -> Result<Arrival, NoSegment> {
        let layout = match packet.first().map(|first| first >> 4) {
            Some(4) => layout_v4(&packet)?,
            Some(6) => layout_v6(&packet)?,
            _ => return Err(NoSegment::Malformed),
        };
        let (endpoints, ttl, start, end) = layout;
        packet.truncate(end);
        let view = Packet::new_checked(&packet[start..]).map_err(|_| NoSegment::Malformed)?;
        let header = Repr::parse(&view, endpoints).map_err(|_| NoSegment::Checksum)?;
        let payload_len = view.payload().len();
        let (remote, local) = addresses(endpoints);
        if header.source_port == 0 || header.destination_port == 0 || !can_talk(local, remote) {
            return Err(NoSegment::Malformed);
        }
        Ok(Arrival {
            key: ConnectionKey {
                local: Endpoint::new(local, header.destination_port),
                remote: Endpoint::new(remote, header.source_port),
            },
            ttl,
            header,
            payload_len,
            packet,
            start,
        })
    }

    /// Whether the digest of RFC 2385 is there and right, or, without a key, absent.
    pub fn digest_is_right(&self, key: &[u8]) -> bool {
        let expected = match (key.is_empty(), self.header.md5) {
            (true, found) => return found.is_none(),
            (false, None) => return false,
            (false, Some(digest)) => digest,
        };
        let endpoints = endpoints(&self.key, true);
        let computed = digest(endpoints, &self.packet[self.start..], key);
        // Every byte is looked at: the time that this takes tells nothing of where they differ.
        expected
            .iter()
            .zip(&computed)
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            == 0
    }

    /// What the segment takes of the sequence space.
    pub fn sequence_len(&self) -> u32 {
        let control = |flag| u32::from(self.header.flags.contains(flag));
        // A segment is shorter than 65536 bytes.
        self.payload_len as u32 + control(Flags::SYN) + control(Flags::FIN)
    }

    /// The segment, to be changed, and the 20 bytes before it at least, which are its IP header's.
    pub fn bytes_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        let (header, segment) = self.packet.split_at_mut(self.start);
        let at = header.len() - ipv4::HEADER_LEN;
        (&mut header[at..], segment)
    }

    /// The segment with the last 20 bytes of what is before it.
    pub fn with_header(&self) -> &[u8] {
        &self.packet[self.start - ipv4::HEADER_LEN..]
    }

    /// The RST that answers it (RFC 9293 section 3.10.7.1), as an IP packet.
    pub fn refusal(&self) -> Vec<u8> {
        let mut header = Repr {
            source_port: self.header.destination_port,
            destination_port: self.header.source_port,
            flags: Flags::RST,
            ..Repr::default()
        };
        if self.header.flags.contains(Flags::ACK) {
            header.sequence = self.header.acknowledgement;
        } else {
            header.flags = Flags::RST | Flags::ACK;
            header.acknowledgement = self.header.sequence.wrapping_add(self.sequence_len());
        }
        departure(&self.key, &ConnectionOptions::default(), 0, &header, &[], &[])
    }
}

/// The endpoints of a packet of this session.
pub(crate) fn endpoints(key: &ConnectionKey, to_us: bool) -> Endpoints {
    let (source, destination) = match to_us {
        true => (key.remote.address, key.local.address),
        false => (key.local.address, key.remote.address),
    };
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Endpoints::V4(source, destination),
        (source, destination) => Endpoints::V6(v6(source), v6(destination)),
    }
}

/// Both ends of a session are of one family, so nothing is mapped here.
fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address),
        IpAddr::V6(address) => address,
    }
}

/// The digest of RFC 2385 section 2: pseudo header, header without options and with a zero checksum, data, key.
fn digest(endpoints: Endpoints, segment: &[u8], key: &[u8]) -> [u8; 16] {
    let mut state = Md5::new();
    // A segment is shorter than 65536 bytes.
    let length = segment.len() as u16;
    match endpoints {
        Endpoints::V4(source, destination) => {
            state.update(source.octets());
            state.update(destination.octets());
            state.update([0, ipv4::Protocol::TCP.0]);
            state.update(length.to_be_bytes());
        }
        Endpoints::V6(source, destination) => {
            state.update(source.octets());
            state.update(destination.octets());
            state.update(u32::from(length).to_be_bytes());
            state.update([0, 0, 0, ipv4::Protocol::TCP.0]);
        }
    }
    let mut header = [0; HEADER_LEN];
    header.copy_from_slice(&segment[..HEADER_LEN]);
    header[16..18].fill(0);
    state.update(header);
    let data_at = usize::from(segment[12] >> 4) * 4;
    state.update(&segment[data_at..]);
    state.update(key);
    state.finalize().into()
}

/// Four bytes that nobody without `secret` can tell beforehand, for the initial sequence number (RFC 6528).
pub(crate) fn keyed_number(key: &ConnectionKey, secret: &[u8; 16]) -> u32 {
    let mut bytes = Vec::new();
    checkpoint::Key::encode(key, &mut bytes);
    let mut state = Md5::new();
    state.update(&bytes);
    state.update(secret);
    let hash: [u8; 16] = state.finalize().into();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// An IP packet with a segment to the peer: header, further options (padded to words), payload. It is signed when the
/// options say so.
pub(crate) fn departure(
    key: &ConnectionKey,
    options: &ConnectionOptions,
    identification: u16,
    header: &Repr,
    more_options: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let header = Repr {
        md5: (!options.md5_key.is_empty()).then_some([0; 16]),
        ..*header
    };
    let endpoints = endpoints(key, false);
    let ip_len = match endpoints {
        Endpoints::V4(..) => ipv4::HEADER_LEN,
        Endpoints::V6(..) => IPV6_HEADER_LEN,
    };
    let fixed = header.buffer_len(0);
    let header_len = fixed + more_options.len();
    let segment_len = header_len + payload.len();
    let mut packet = vec![0; ip_len + segment_len];
    emit_ip(endpoints, options, identification, segment_len, &mut packet);
    let segment = &mut packet[ip_len..];
    header.emit(&mut segment[..fixed], &[], endpoints);
    segment[fixed..header_len].copy_from_slice(more_options);
    segment[header_len..].copy_from_slice(payload);
    // At most 60, in words of four bytes.
    segment[12] = (header_len as u8 / 4) << 4;
    if header.md5.is_some() {
        let digest = digest(endpoints, segment, &options.md5_key);
        segment[fixed - digest.len()..fixed].copy_from_slice(&digest);
    }
    let mut view = Packet::new_checked(segment).expect("a header that was just written is whole");
    view.fill_checksum(endpoints);
    packet
}

fn emit_ip(
    endpoints: Endpoints,
    options: &ConnectionOptions,
    identification: u16,
    length: usize,
    packet: &mut [u8],
) {
    // The MTU is a 16-bit number, and a packet is not longer.
    let length = length as u16;
    match endpoints {
        Endpoints::V4(source, destination) => {
            let mut header = ipv4::Repr::new(source, destination, ipv4::Protocol::TCP, length);
            header.ttl = options.ttl;
            header.type_of_service = options.type_of_service;
            header.identification = identification;
            header.emit(packet);
        }
        Endpoints::V6(source, destination) => {
            let class = u32::from(options.type_of_service) << 20;
            packet[0..4].copy_from_slice(&(6 << 28 | class).to_be_bytes());
            packet[4..6].copy_from_slice(&length.to_be_bytes());
            packet[6] = ipv4::Protocol::TCP.0;
            packet[7] = options.ttl;
            packet[8..24].copy_from_slice(&source.octets());
            packet[24..40].copy_from_slice(&destination.octets());
        }
    }
}

/// The largest payload that fits into `mtu` bytes on the way to this peer.
pub(crate) fn payload_max(key: &ConnectionKey, options: &ConnectionOptions) -> usize {
    let ip_len = match key.remote.address {
        IpAddr::V4(_) => ipv4::HEADER_LEN,
        IpAddr::V6(_) => IPV6_HEADER_LEN,
    };
    usize::from(options.mtu) - ip_len - HEADER_LEN
}

/// Overwrites options that concern only the two ends, so that a stack which knows nothing of them sees padding. SACK
/// blocks go as well: they hold numbers that are not the stack's.
pub(crate) fn blank_options(bytes: &mut [u8]) {
    bytes.fill(1);
}

/// Whether a header has SACK blocks: its sender holds bytes out of order.
pub(crate) fn has_sack_blocks(segment: &Packet<&[u8]>) -> bool {
    const SACK: u8 = 5;
    segment
        .options()
        .any(|option| matches!(option, SegmentOption::Other(SACK, _)))
}
