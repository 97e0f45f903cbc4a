//! Partial checksums and segmentation.

mod common;

use common::{bytes, naive_checksum};
use packet::offload::{
    FLAG_NEEDS_CHECKSUM, GSO_ECN, GSO_NONE, GSO_TCP_V4, GSO_TCP_V6, GSO_UDP, GSO_UDP_L4, OffloadError,
    UDP_SEGMENTS_MAX, VirtioHeader, complete_checksum, finish,
};
use proptest::prelude::*;

const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN_PSH_ACK_CWR: u8 = 0x99;

/// A frame as an offloading sender makes it: lengths of the whole, the checksum partial.
fn large_frame(six: bool, protocol: u8, tags: usize, payload: &[u8]) -> (Vec<u8>, VirtioHeader) {
    let transport = match protocol {
        TCP => bytes("1388 1389 ffffff00 00000001 60 99 2000 0000 0000 01010101"),
        _ => bytes("1388 1389 0000 0000"),
    };
    let length = (transport.len() + payload.len()) as u16;
    let mut frame = bytes("aabbcc000100 aabbcc000200");
    for _ in 0..tags {
        frame.extend(bytes("8100 0007"));
    }
    if six {
        frame.extend(bytes("86dd 60000000"));
        frame.extend(length.to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend(bytes(
            "20010db8000000000000000000000001 20010db8000000000000000000000002",
        ));
    } else {
        frame.extend(bytes("0800 4500"));
        frame.extend((length + 20).to_be_bytes());
        frame.extend(bytes("ffff4000 40"));
        frame.extend([protocol, 0, 0]);
        frame.extend(bytes("c000020a c6336407"));
    }
    let start = frame.len();
    frame.extend(transport);
    frame.extend(payload);
    let offset = if protocol == TCP { 16 } else { 6 };
    if protocol == UDP {
        frame[start + 4..start + 6].copy_from_slice(&length.to_be_bytes());
    }
    let partial = !naive_checksum(&pseudo_header(&frame, start, six, protocol, frame.len() - start));
    frame[start + offset..start + offset + 2].copy_from_slice(&partial.to_be_bytes());
    let header = VirtioHeader {
        flags: FLAG_NEEDS_CHECKSUM,
        gso_type: GSO_NONE,
        header_len: 0,
        gso_size: 0,
        checksum_start: start as u16,
        checksum_offset: offset as u16,
    };
    (frame, header)
}

fn pseudo_header(frame: &[u8], start: usize, six: bool, protocol: u8, length: usize) -> Vec<u8> {
    let addresses = if six { 32 } else { 8 };
    let mut pseudo = frame[start - addresses..start].to_vec();
    pseudo.extend([0, protocol]);
    pseudo.extend((length as u16).to_be_bytes());
    pseudo
}

/// Checks everything in a finished frame that a receiver would check, and returns its payload.
fn receive(frame: &[u8], start: usize, six: bool, protocol: u8) -> Vec<u8> {
    let network = start - if six { 40 } else { 20 };
    if six {
        let length = u16::from_be_bytes([frame[network + 4], frame[network + 5]]);
        assert_eq!(usize::from(length), frame.len() - start);
    } else {
        let length = u16::from_be_bytes([frame[network + 2], frame[network + 3]]);
        assert_eq!(usize::from(length), frame.len() - network);
        assert_eq!(naive_checksum(&frame[network..start]), 0, "IPv4 header checksum");
    }
    let mut covered = pseudo_header(frame, start, six, protocol, frame.len() - start);
    covered.extend(&frame[start..]);
    assert_eq!(naive_checksum(&covered), 0, "transport checksum");
    let header_len = if protocol == TCP {
        usize::from(frame[start + 12] >> 4) * 4
    } else {
        8
    };
    if protocol == UDP {
        let length = u16::from_be_bytes([frame[start + 4], frame[start + 5]]);
        assert_eq!(usize::from(length), frame.len() - start);
    }
    frame[start + header_len..].to_vec()
}

fn run(header: &VirtioHeader, frame: &mut [u8]) -> Result<Vec<Vec<u8>>, OffloadError> {
    let mut buffer = vec![0; 2000];
    let mut frames = Vec::new();
    let count = finish(header, frame, &mut buffer, |segment| {
        frames.push(segment.to_vec())
    })?;
    assert_eq!(count, frames.len());
    Ok(frames)
}

#[test]
fn the_header_is_ten_bytes_in_the_machines_own_order() {
    let header = VirtioHeader {
        flags: 1,
        gso_type: GSO_TCP_V4,
        header_len: 0x0102,
        gso_size: 0x0304,
        checksum_start: 0x0506,
        checksum_offset: 0x0708,
    };
    let mut golden = vec![1, 1];
    for word in [0x0102u16, 0x0304, 0x0506, 0x0708] {
        golden.extend(word.to_ne_bytes());
    }
    assert_eq!(header.to_bytes()[..], golden);
    golden.extend(b"frame");
    assert_eq!(VirtioHeader::split(&golden), Ok((header, &b"frame"[..])));
    assert_eq!(VirtioHeader::split(&golden[..9]), Err(OffloadError::Truncated));
    assert_eq!(VirtioHeader::FINISHED.to_bytes(), [0; 10]);
}

#[test]
fn a_partial_checksum_is_completed_in_place() {
    for (six, protocol) in [(false, TCP), (false, UDP), (true, TCP), (true, UDP)] {
        let (mut frame, header) = large_frame(six, protocol, 0, b"odd payload");
        if !six {
            let checksum = naive_checksum(&frame[14..34]);
            frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        }
        let frames = run(&header, &mut frame).unwrap();
        assert_eq!(frames.len(), 1);
        let start = usize::from(header.checksum_start);
        assert_eq!(receive(&frames[0], start, six, protocol), b"odd payload");
    }
}

#[test]
fn a_finished_frame_passes_as_it_is() {
    let mut frame = *b"anything at all";
    assert_eq!(
        run(&VirtioHeader::FINISHED, &mut frame),
        Ok(vec![b"anything at all".to_vec()])
    );
    assert!(VirtioHeader::FINISHED.is_finished());
}

#[test]
fn a_completed_checksum_is_never_zero() {
    let mut covered = [0xff, 0xff, 0, 0];
    complete_checksum(&mut covered, 0, 2).unwrap();
    assert_eq!(covered, [0xff, 0xff, 0xff, 0xff]);
}

#[test]
fn tcp_segments_get_sequence_numbers_flags_and_identifications_of_their_own() {
    let payload: Vec<u8> = (0..250).collect();
    let (mut frame, mut header) = large_frame(false, TCP, 0, &payload);
    (header.gso_type, header.gso_size) = (GSO_TCP_V4 | GSO_ECN, 100);
    let frames = run(&header, &mut frame).unwrap();
    let facts: Vec<(u16, u32, u8)> = frames
        .iter()
        .map(|f| {
            let sequence = u32::from_be_bytes(f[38..42].try_into().unwrap());
            (u16::from_be_bytes([f[18], f[19]]), sequence, f[47])
        })
        .collect();
    let (cwr, fin_psh) = (0x80, 0x09);
    let expected = [
        (0xffff, 0xffff_ff00, FIN_PSH_ACK_CWR & !fin_psh),
        (0x0000, 0xffff_ff64, FIN_PSH_ACK_CWR & !fin_psh & !cwr),
        (0x0001, 0xffff_ffc8, FIN_PSH_ACK_CWR & !cwr),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn what_does_not_fit_together_is_an_error_before_the_first_frame() {
    let payload = [7; 300];
    let (frame, good) = large_frame(false, TCP, 0, &payload);
    let (udp_frame, udp_header) = large_frame(false, UDP, 0, &payload);
    let tcp = VirtioHeader {
        gso_type: GSO_TCP_V4,
        gso_size: 100,
        ..good
    };
    let udp = VirtioHeader {
        gso_type: GSO_UDP_L4,
        gso_size: 100,
        ..udp_header
    };
    let cases: &[(&[u8], VirtioHeader, OffloadError)] = &[
        (
            &frame,
            VirtioHeader {
                gso_type: GSO_UDP,
                ..tcp
            },
            OffloadError::GsoType(GSO_UDP),
        ),
        (
            &frame,
            VirtioHeader { gso_type: 77, ..tcp },
            OffloadError::GsoType(77),
        ),
        (
            &frame,
            VirtioHeader {
                gso_type: GSO_TCP_V6,
                ..tcp
            },
            OffloadError::Headers,
        ),
        (
            &frame,
            VirtioHeader {
                gso_type: GSO_UDP_L4,
                ..tcp
            },
            OffloadError::Headers,
        ),
        (&frame, VirtioHeader { gso_size: 0, ..tcp }, OffloadError::GsoSize),
        (&frame, VirtioHeader { gso_size: 7, ..tcp }, OffloadError::GsoSize),
        (
            &frame,
            VirtioHeader {
                gso_size: 0xffff,
                ..tcp
            },
            OffloadError::GsoSize,
        ),
        (
            &frame,
            VirtioHeader {
                checksum_start: 70,
                ..tcp
            },
            OffloadError::Headers,
        ),
        (&frame[..300], tcp, OffloadError::Truncated),
        (&frame[..47], tcp, OffloadError::Truncated),
        (&frame[..13], tcp, OffloadError::Truncated),
        (
            &udp_frame,
            VirtioHeader { gso_size: 2, ..udp },
            OffloadError::GsoSize,
        ),
        (
            &udp_frame,
            VirtioHeader {
                gso_type: GSO_TCP_V4,
                ..udp
            },
            OffloadError::Headers,
        ),
        (
            &frame,
            VirtioHeader {
                checksum_start: 9999,
                ..good
            },
            OffloadError::ChecksumPlace,
        ),
        (
            &frame,
            VirtioHeader {
                checksum_offset: 0xffff,
                ..good
            },
            OffloadError::ChecksumPlace,
        ),
        (
            &frame,
            VirtioHeader {
                checksum_start: frame.len() as u16,
                ..good
            },
            OffloadError::ChecksumPlace,
        ),
    ];
    for (frame, header, expected) in cases {
        let mut emitted = 0;
        let result = finish(header, &mut frame.to_vec(), &mut [0; 2000], |_| emitted += 1);
        assert_eq!((result, emitted), (Err(*expected), 0), "{header:?}");
    }
    let small = finish(&tcp, &mut frame.clone(), &mut [0; 100], |_| ());
    assert_eq!(small, Err(OffloadError::Buffer));
    let mut fragment = frame.clone();
    fragment[20] = 0x20;
    assert_eq!(run(&tcp, &mut fragment), Err(OffloadError::Headers));
    let mut tripled = large_frame(false, TCP, 3, &payload).0;
    assert_eq!(run(&tcp, &mut tripled), Err(OffloadError::Headers));
}

proptest! {
    #[test]
    fn segments_reassemble_to_the_payload_with_right_checksums(
        six: bool, use_tcp: bool, tags in 0usize..=2, gso_size in 8u16..1400, link_padding in 0usize..10,
        mut payload in prop::collection::vec(any::<u8>(), 0..9000),
    ) {
        let protocol = if use_tcp { TCP } else { UDP };
        if !use_tcp {
            payload.truncate(UDP_SEGMENTS_MAX * usize::from(gso_size));
        }
        let (mut frame, mut header) = large_frame(six, protocol, tags, &payload);
        frame.extend(vec![0; link_padding]);
        header.gso_size = gso_size;
        header.gso_type = match (use_tcp, six) {
            (true, false) => GSO_TCP_V4,
            (true, true) => GSO_TCP_V6,
            (false, _) => GSO_UDP_L4,
        };
        let frames = run(&header, &mut frame).unwrap();
        let mut whole = Vec::new();
        for (index, segment) in frames.iter().enumerate() {
            let part = receive(segment, usize::from(header.checksum_start), six, protocol);
            let last = index + 1 == frames.len();
            let full = usize::from(gso_size);
            prop_assert!(part.len() == full || last && part.len() < full);
            whole.extend(part);
        }
        prop_assert_eq!(whole, payload);
    }
}
