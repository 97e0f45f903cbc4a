//! The router as an IP host: pure functions from a punted frame to what is answered.

use alloc::vec;
use alloc::vec::Vec;
use packet::ethernet::{self, EtherType, FRAME_LEN_MIN, Frame};
use packet::{Ipv4Addr, MacAddress, icmpv4, ipv4};

/// The reply to an echo request in `frame`, as a frame to be sent out of the port that it came in by, back to the
/// station that sent it (RFC 1122 section 3.2.2.6).
///
/// `is_own` tells whether an address is one of the router's own. `None` for everything that is not a whole, intact
/// echo request from a single host, sent to this station alone.
pub fn echo_reply(frame: &[u8], is_own: impl Fn(Ipv4Addr) -> bool) -> Option<Vec<u8>> {
    let header = Frame::new_checked(frame).ok()?;
    let (router, asker) = (header.destination(), header.source());
    if !router.is_unicast() || !asker.is_unicast() {
        return None;
    }
    let packet = ipv4_packet(frame)?;
    if !is_own(ipv4::Packet::new_checked(packet).ok()?.destination()) {
        return None;
    }
    let mut reply = ethernet_frame(asker, router, packet);
    icmpv4::answer_echo_in_place(&mut reply[ethernet::HEADER_LEN..]).ok()?;
    Some(reply)
}

/// The IPv4 packet that `frame` carries, without the link's padding; `None` when it carries none. The header's
/// checksum has been checked.
pub fn ipv4_packet(frame: &[u8]) -> Option<&[u8]> {
    let header = Frame::new_checked(frame).ok()?;
    if header.ether_type() != EtherType::IPV4 {
        return None;
    }
    let bytes = &frame[ethernet::HEADER_LEN..];
    let length = ipv4::Packet::validate(bytes).ok()?.total_len();
    Some(&bytes[..length])
}

/// A frame that carries the IPv4 packet `packet`, padded to the shortest length that Ethernet allows.
pub fn ethernet_frame(destination: MacAddress, source: MacAddress, packet: &[u8]) -> Vec<u8> {
    frame_of(destination, source, EtherType::IPV4, packet)
}

pub(crate) fn frame_of(
    destination: MacAddress,
    source: MacAddress,
    ether_type: EtherType,
    payload: &[u8],
) -> Vec<u8> {
    let header = ethernet::Repr {
        destination,
        source,
        ether_type,
    };
    let length = ethernet::HEADER_LEN + payload.len();
    let mut frame = vec![0; length.max(FRAME_LEN_MIN)];
    header.emit(&mut frame);
    frame[ethernet::HEADER_LEN..length].copy_from_slice(payload);
    frame
}
