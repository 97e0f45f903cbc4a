//! Cutting a large frame into segments.
//!
//! ```text
//!   | ethernet | ip | tcp/udp |      payload      |
//!   '------- headers ---------'---1---'---2---'-3-'
//!   | headers' | 1 |   | headers'' | 2 |   | headers''' | 3 |
//! ```

use super::{FLAG_NEEDS_CHECKSUM, VirtioHeader};
use super::{GSO_ECN, GSO_SIZE_MIN, GSO_TCP_V4, GSO_TCP_V6, GSO_UDP_L4, OffloadError, UDP_SEGMENTS_MAX};
use crate::checksum::Sum;
use crate::ethernet::{self, EtherType};
use crate::{ipv4, udp};

const IPV6_HEADER_LEN: usize = 40;
const TCP: u8 = 6;
const TCP_HEADER_LEN_MIN: usize = 20;
const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;
const VLAN_TAG_LEN: usize = 4;
/// A service tag and a customer's tag.
const VLAN_TAGS_MAX: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    V4,
    V6,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

/// Where the parts of a frame are, all checked to be within it.
struct Layout {
    network: Network,
    network_at: usize,
    transport: Transport,
    transport_at: usize,
    payload_at: usize,
    /// End of the payload; link padding comes after it.
    end: usize,
}

pub(super) fn segment(
    header: &VirtioHeader,
    frame: &[u8],
    buffer: &mut [u8],
    mut emit: impl FnMut(&mut [u8]),
) -> Result<usize, OffloadError> {
    let layout = locate(header.gso_type, frame)?;
    let needs_checksum = header.flags & FLAG_NEEDS_CHECKSUM != 0;
    if needs_checksum && usize::from(header.checksum_start) != layout.transport_at {
        // The segments belong to a tunnel's inner packet.
        return Err(OffloadError::Headers);
    }
    let payload = &frame[layout.payload_at..layout.end];
    let size = checked_size(header.gso_size, layout.transport, payload.len())?;
    let headers = &frame[..layout.payload_at];
    if buffer.len() < headers.len() + size.min(payload.len()) {
        return Err(OffloadError::Buffer);
    }
    if size + (layout.payload_at - layout.network_at) > usize::from(u16::MAX) {
        return Err(OffloadError::GsoSize);
    }
    let mut count = 0;
    let mut offset = 0;
    loop {
        let part = &payload[offset..payload.len().min(offset + size)];
        let last = offset + part.len() == payload.len();
        let segment = &mut buffer[..headers.len() + part.len()];
        segment[..headers.len()].copy_from_slice(headers);
        segment[headers.len()..].copy_from_slice(part);
        set_network_lengths(&layout, segment, count);
        match layout.transport {
            Transport::Tcp => set_tcp(&layout, segment, offset, last),
            Transport::Udp => set_udp(&layout, segment),
        }
        set_checksum(&layout, segment);
        emit(segment);
        count += 1;
        offset += part.len();
        if last {
            return Ok(count);
        }
    }
}

/// The segment size, when it neither loops for ever nor floods.
fn checked_size(gso_size: u16, transport: Transport, payload_len: usize) -> Result<usize, OffloadError> {
    let size = usize::from(gso_size);
    let acceptable = match transport {
        Transport::Tcp => gso_size >= GSO_SIZE_MIN,
        Transport::Udp => size * UDP_SEGMENTS_MAX >= payload_len,
    };
    if size == 0 || !acceptable {
        Err(OffloadError::GsoSize)
    } else {
        Ok(size)
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u16, OffloadError> {
    let pair = bytes.get(at..at + 2).ok_or(OffloadError::Truncated)?;
    Ok(u16::from_be_bytes([pair[0], pair[1]]))
}

fn put_word(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

fn locate(gso_type: u8, frame: &[u8]) -> Result<Layout, OffloadError> {
    let (family, transport) = match gso_type & !GSO_ECN {
        GSO_TCP_V4 => (Some(Network::V4), Transport::Tcp),
        GSO_TCP_V6 => (Some(Network::V6), Transport::Tcp),
        GSO_UDP_L4 => (None, Transport::Udp),
        other => return Err(OffloadError::GsoType(other)),
    };
    let (network, network_at) = find_network(frame)?;
    if family.is_some_and(|family| family != network) {
        return Err(OffloadError::Headers);
    }
    let protocol = match transport {
        Transport::Tcp => TCP,
        Transport::Udp => udp::PROTOCOL,
    };
    let packet = &frame[network_at..];
    let (transport_at, end) = match network {
        Network::V4 => find_transport_v4(packet, protocol)?,
        Network::V6 => find_transport_v6(packet, protocol)?,
    };
    let segment = &packet[transport_at..end];
    let transport_len = match transport {
        Transport::Tcp => {
            let offset = segment.get(12).ok_or(OffloadError::Truncated)?;
            usize::from(offset >> 4) * 4
        }
        Transport::Udp => udp::HEADER_LEN,
    };
    if transport == Transport::Tcp && transport_len < TCP_HEADER_LEN_MIN {
        return Err(OffloadError::Headers);
    }
    if segment.len() < transport_len {
        return Err(OffloadError::Truncated);
    }
    Ok(Layout {
        network,
        network_at,
        transport,
        transport_at: network_at + transport_at,
        payload_at: network_at + transport_at + transport_len,
        end: network_at + end,
    })
}

/// Finds the network header behind the Ethernet header and up to two VLAN tags.
fn find_network(frame: &[u8]) -> Result<(Network, usize), OffloadError> {
    let mut type_at = ethernet::HEADER_LEN - 2;
    for _ in 0..=VLAN_TAGS_MAX {
        match EtherType(word(frame, type_at)?) {
            EtherType::IPV4 => return Ok((Network::V4, type_at + 2)),
            EtherType::IPV6 => return Ok((Network::V6, type_at + 2)),
            EtherType::VLAN | EtherType::SERVICE_VLAN => type_at += VLAN_TAG_LEN,
            _ => return Err(OffloadError::Headers),
        }
    }
    Err(OffloadError::Headers)
}

/// Start of the transport header and end of the payload in an IPv4 packet.
fn find_transport_v4(packet: &[u8], protocol: u8) -> Result<(usize, usize), OffloadError> {
    if packet.len() < ipv4::HEADER_LEN {
        return Err(OffloadError::Truncated);
    }
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let is_fragment = word(packet, 6)? & 0x3fff != 0;
    if packet[0] >> 4 != 4 || header_len < ipv4::HEADER_LEN || packet[9] != protocol || is_fragment {
        return Err(OffloadError::Headers);
    }
    // Zero stands for a packet larger than the field can say ("BIG TCP").
    let end = match usize::from(word(packet, 2)?) {
        0 => packet.len(),
        total_len => total_len,
    };
    in_order(header_len, end, packet.len())
}

/// The same for IPv6, where the transport header must follow directly.
fn find_transport_v6(packet: &[u8], protocol: u8) -> Result<(usize, usize), OffloadError> {
    if packet.len() < IPV6_HEADER_LEN {
        return Err(OffloadError::Truncated);
    }
    if packet[0] >> 4 != 6 || packet[6] != protocol {
        return Err(OffloadError::Headers);
    }
    let end = match usize::from(word(packet, 4)?) {
        0 => packet.len(),
        payload_len => IPV6_HEADER_LEN + payload_len,
    };
    in_order(IPV6_HEADER_LEN, end, packet.len())
}

fn in_order(start: usize, end: usize, length: usize) -> Result<(usize, usize), OffloadError> {
    if start > end {
        return Err(OffloadError::Headers);
    }
    if end > length {
        return Err(OffloadError::Truncated);
    }
    Ok((start, end))
}

/// Length, identification and checksum of the network header of segment number `index`.
fn set_network_lengths(layout: &Layout, segment: &mut [u8], index: usize) {
    let packet = &mut segment[layout.network_at..];
    match layout.network {
        Network::V4 => {
            let header_len = layout.transport_at - layout.network_at;
            let identification = u16::from_be_bytes([packet[4], packet[5]]).wrapping_add(index as u16);
            put_word(packet, 2, packet.len() as u16);
            put_word(packet, 4, identification);
            put_word(packet, 10, 0);
            let checksum = Sum::ZERO.bytes(&packet[..header_len]).finish();
            put_word(packet, 10, checksum);
        }
        Network::V6 => put_word(packet, 4, (packet.len() - IPV6_HEADER_LEN) as u16),
    }
}

/// Sequence number and flags: the end of the stream belongs to the last segment, CWR (RFC 3168) to the first.
fn set_tcp(layout: &Layout, segment: &mut [u8], offset: usize, last: bool) {
    let tcp = &mut segment[layout.transport_at..];
    let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]).wrapping_add(offset as u32);
    tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
    if !last {
        tcp[13] &= !(TCP_FIN | TCP_PSH);
    }
    if offset != 0 {
        tcp[13] &= !TCP_CWR;
    }
}

fn set_udp(layout: &Layout, segment: &mut [u8]) {
    let udp = &mut segment[layout.transport_at..];
    put_word(udp, 4, udp.len() as u16);
}

/// The whole transport checksum, pseudo header included.
fn set_checksum(layout: &Layout, segment: &mut [u8]) {
    let (at, protocol) = match layout.transport {
        Transport::Tcp => (16, TCP),
        Transport::Udp => (6, udp::PROTOCOL),
    };
    let (headers, transport) = segment.split_at_mut(layout.transport_at);
    let network = &headers[layout.network_at..];
    let addresses = match layout.network {
        Network::V4 => &network[12..20],
        Network::V6 => &network[8..40],
    };
    put_word(transport, at, 0);
    // A segment fits 16 bits of length, so both families' pseudo headers come down to the same words.
    let sum = Sum::ZERO
        .bytes(addresses)
        .word(u16::from(protocol))
        .word(transport.len() as u16)
        .bytes(transport);
    let checksum = match sum.finish() {
        0 => 0xffff,
        checksum => checksum,
    };
    put_word(transport, at, checksum);
}
