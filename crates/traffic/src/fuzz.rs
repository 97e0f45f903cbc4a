//! One entry for each parser of outside bytes, for fuzz targets and for replaying their corpora.
//!
//! Each takes any bytes; a panic is the finding.

use alloc::vec;
use core::time::Duration;

use machine::Instant;
use packet::{MacAddress, ethernet};

use crate::field::{Field, Wires};
use crate::host::{HostConfig, SendStatus};
use crate::payload::{HEADER_LEN, Payload};

/// An entry: takes any bytes, panics when it has found something.
pub type Target = fn(&[u8]);

/// Every entry with its name, so that one loop replays every corpus.
pub const TARGETS: &[(&str, Target)] = &[("test_payload", test_payload), ("host", host)];

/// A test packet's payload.
pub fn test_payload(bytes: &[u8]) {
    if let Some(payload) = Payload::parse(bytes) {
        let mut written = [0; HEADER_LEN];
        payload.emit(&mut written);
        assert_eq!(written, bytes[..HEADER_LEN]);
    }
}

/// Frames that reach a host: each is a length byte and that many bytes after the two addresses, which are the host's
/// and somebody's.
pub fn host(bytes: &[u8]) {
    let now = Instant::from_millis(1);
    let mut field = Field::new();
    let (mac, gateway) = (MacAddress([2, 0, 0, 0, 0, 2]), Some([10, 0, 1, 1].into()));
    let Ok(address) = "10.0.1.2/24".parse() else {
        return;
    };
    let config = HostConfig {
        name: "host".into(),
        mac,
        address,
        gateway,
    };
    let Ok(number) = field.add_host(now, config) else {
        return;
    };
    // A stream to itself, so that payloads may find an account.
    let Ok(stream) = field.start_flow(now, number, number, 1_000, 128) else {
        return;
    };
    field.expire(now, &mut Sink);
    let mut rest = bytes;
    while let Some((length, tail)) = rest.split_first() {
        let (body, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        let mut frame = vec![0; ethernet::HEADER_LEN - 2];
        frame[..6].copy_from_slice(&mac.0);
        frame[11] = 1;
        frame.extend_from_slice(body);
        field.receive(now, number, &frame, &mut Sink);
        rest = tail;
    }
    let report = field
        .flow_mut(stream)
        .map(|flow| flow.meter().total(now, Duration::ZERO));
    assert!(
        report.is_some_and(|report| report.received <= report.sent),
        "nothing arrives that was not sent"
    );
}

struct Sink;

impl Wires for Sink {
    fn send(&mut self, _host: usize, _frame: &[u8]) -> SendStatus {
        SendStatus::Sent
    }
}
