//! Packets that come in pieces, because an interface on the way takes smaller ones than TCP was told.

use packet::ipv4;
use std::collections::BTreeMap;

/// Packets that are put together at a time; the oldest number goes first.
const PACKETS_MAX: usize = 16;

/// Pieces by the packet's number: where each starts, whether more follow, and what it holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fragments(BTreeMap<u16, BTreeMap<usize, (bool, Vec<u8>)>>);

impl Fragments {
    /// A packet came. Returns it, or the whole of which it is the last missing piece.
    pub(crate) fn whole(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let view = ipv4::Packet::validate(packet)
            .ok()
            .filter(ipv4::Packet::is_fragment);
        let Some(view) = view else {
            return Some(packet.to_vec());
        };
        let number = view.identification();
        let piece = (view.more_fragments(), view.payload().to_vec());
        let pieces = self.0.entry(number).or_default();
        pieces.insert(view.fragment_offset(), piece);
        let payload = together(pieces);
        if payload.is_some() {
            self.0.remove(&number);
        } else if self.0.len() > PACKETS_MAX {
            self.0.pop_first();
        }
        let payload = payload?;
        let length = u16::try_from(payload.len()).ok()?;
        let mut whole = vec![0; ipv4::HEADER_LEN + payload.len()];
        ipv4::Repr::new(view.source(), view.destination(), view.protocol(), length).emit(&mut whole);
        whole[ipv4::HEADER_LEN..].copy_from_slice(&payload);
        Some(whole)
    }
}

fn together(pieces: &BTreeMap<usize, (bool, Vec<u8>)>) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    for (start, (more, bytes)) in pieces {
        if *start != payload.len() {
            return None;
        }
        payload.extend_from_slice(bytes);
        if !more {
            return Some(payload);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::Ipv4Addr;
    use packet::ipv4::Protocol;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let (from, to) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let mut bytes = vec![0; ipv4::HEADER_LEN + payload.len()];
        ipv4::Repr::new(from, to, Protocol::UDP, payload.len() as u16).emit(&mut bytes);
        bytes[ipv4::HEADER_LEN..].copy_from_slice(payload);
        bytes
    }

    fn piece(at: u16, more: bool, payload: &[u8]) -> Vec<u8> {
        let mut bytes = packet(payload);
        let word = (at / 8) | if more { 0x2000 } else { 0 };
        bytes[6..8].copy_from_slice(&word.to_be_bytes());
        let mut view = ipv4::Packet::new_checked(&mut bytes[..]).expect("a packet");
        view.fill_checksum();
        bytes
    }

    #[test]
    fn pieces_in_any_order_are_the_packet() {
        let whole = packet(b"eightbytand more");
        let mut fragments = Fragments::default();
        assert_eq!(fragments.whole(&whole), Some(whole.clone()));
        assert_eq!(fragments.whole(&piece(8, false, b"nd more")), None);
        assert_eq!(
            fragments.whole(&piece(0, true, b"eightbyt")),
            Some(packet(b"eightbytnd more"))
        );
        assert_eq!(fragments.whole(&piece(0, true, b"eightbyt")), None);
        assert_eq!(fragments.whole(&piece(8, false, b"and more")), Some(whole));
    }
}
