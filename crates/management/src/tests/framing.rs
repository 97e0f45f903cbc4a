use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::CloseReason;
use crate::wire::{BODY_BYTES_MAX, Frame, FrameDecoder, WIRE_VERSION, WireError};

fn goldens() -> Vec<(Frame, &'static [u8])> {
    Vec::from([
        (
            Frame::Hello {
                version: WIRE_VERSION,
                terminal: true,
                strict: false,
                columns: 80,
                rows: 24,
            },
            &[0, 0, 0, 7, 1, 1, 1, 0, 80, 0, 24][..],
        ),
        (
            Frame::Hello {
                version: WIRE_VERSION,
                terminal: false,
                strict: true,
                columns: 0,
                rows: 0,
            },
            &[0, 0, 0, 7, 1, 1, 2, 0, 0, 0, 0],
        ),
        (Frame::Data(b"sh\r".to_vec()), &[0, 0, 0, 4, 2, b's', b'h', b'\r']),
        (Frame::EndOfInput, &[0, 0, 0, 1, 3]),
        (
            Frame::Resize {
                columns: 300,
                rows: 50,
            },
            &[0, 0, 0, 5, 4, 1, 44, 0, 50],
        ),
        (
            Frame::Rejected {
                line_number: 258,
                line: "xé".to_string(),
            },
            &[0, 0, 0, 8, 5, 0, 0, 1, 2, b'x', 0xc3, 0xa9],
        ),
        (
            Frame::Closed {
                reason: CloseReason::RejectedLine.to_u8(),
            },
            &[0, 0, 0, 2, 6, 2],
        ),
    ])
}

fn decode(bytes: &[u8]) -> Result<Vec<Frame>, WireError> {
    let mut decoder = FrameDecoder::new();
    decoder.push(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame()? {
        frames.push(frame);
    }
    Ok(frames)
}

#[test]
fn frames_have_these_bytes_in_both_directions() {
    for (frame, bytes) in goldens() {
        let mut out = Vec::new();
        frame.encode(&mut out);
        assert_eq!(out, bytes, "{frame:?}");
        assert_eq!(decode(bytes), Ok(Vec::from([frame])));
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let stream: Vec<u8> = goldens().iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    let expected: Vec<Frame> = goldens().into_iter().map(|(frame, _)| frame).collect();
    for size in 1..stream.len() {
        let mut decoder = FrameDecoder::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(size) {
            decoder.push(chunk);
            while let Some(frame) = decoder.next_frame().expect("well-formed") {
                frames.push(frame);
            }
        }
        assert_eq!(frames, expected, "cut every {size} bytes");
    }
}

#[test]
fn malformed_frames_are_refused_and_stay_refused() {
    let table: &[(&[u8], WireError)] = &[
        (&[0, 0, 0, 0], WireError::Length(0)),
        (&[0, 0, 0x40, 2], WireError::Length(BODY_BYTES_MAX as u32 + 2)),
        (&[0xff, 0xff, 0xff, 0xff], WireError::Length(u32::MAX)),
        (&[0, 0, 0, 1, 0], WireError::Type(0)),
        (&[0, 0, 0, 1, 7], WireError::Type(7)),
        (&[0, 0, 0, 1, 1], WireError::Body(1)),
        (&[0, 0, 0, 2, 3, 0], WireError::Body(3)),
        (&[0, 0, 0, 2, 4, 0], WireError::Body(4)),
        (&[0, 0, 0, 4, 5, 0, 0, 0], WireError::Body(5)),
        (&[0, 0, 0, 6, 5, 0, 0, 0, 1, 0xff], WireError::Body(5)),
        (&[0, 0, 0, 1, 6], WireError::Body(6)),
    ];
    for (bytes, error) in table {
        let mut decoder = FrameDecoder::new();
        decoder.push(bytes);
        assert_eq!(decoder.next_frame(), Err(*error), "{bytes:?}");
        decoder.push(&[0, 0, 0, 1, 3]);
        assert_eq!(decoder.next_frame(), Err(*error), "a broken stream does not heal");
    }
}

#[test]
fn long_data_becomes_several_frames_and_a_long_line_is_cut() {
    let mut out = Vec::new();
    Frame::Data(alloc::vec![7; BODY_BYTES_MAX + 1]).encode(&mut out);
    let sizes: Vec<usize> = decode(&out)
        .expect("well-formed")
        .iter()
        .map(|frame| match frame {
            Frame::Data(bytes) => bytes.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [BODY_BYTES_MAX, 1]);
    out.clear();
    let line: String = "é".repeat(BODY_BYTES_MAX);
    Frame::Rejected { line_number: 1, line }.encode(&mut out);
    assert_eq!(decode(&out).map(|frames| frames.len()), Ok(1));
    out.clear();
    Frame::Data(Vec::new()).encode(&mut out);
    assert!(out.is_empty());
}

#[test]
fn close_reasons_keep_their_numbers() {
    use CloseReason::*;
    for (number, reason) in [Logout, EndOfInput, RejectedLine, Shutdown]
        .into_iter()
        .enumerate()
    {
        assert_eq!(reason.to_u8(), number as u8);
        assert_eq!(CloseReason::from_u8(number as u8), Some(reason));
    }
    assert_eq!(CloseReason::from_u8(4), None);
}
