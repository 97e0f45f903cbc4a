//! The two laws of checkpointing for the rows of sessions, and what their forms refuse.

mod common;

use checkpoint::laws::{delta_law, snapshot_law};
use checkpoint::{Key, Row};
use common::{A, B, Rp, empty};
use proptest::prelude::*;
use tcp::*;

fn key(port: u8) -> ConnectionKey {
    ConnectionKey {
        local: Endpoint::new(A, 179),
        remote: Endpoint::new(B, u16::from(port)),
    }
}

fn connection(number: u32) -> Connection {
    Connection {
        passive: number.is_multiple_of(2),
        local_isn: number.wrapping_mul(0x1234_5679),
        remote_isn: number,
        remote_mss: 1460,
        window_scaling: number.is_multiple_of(3).then_some(WindowScaling {
            local: 3,
            remote: (number % 15) as u8,
        }),
        sack_permitted: number.is_multiple_of(5),
        buffers: [BufferSize::Small, BufferSize::Medium, BufferSize::Large][number as usize % 3],
        options: ConnectionOptions {
            ttl: 1 + (number % 255) as u8,
            ttl_min: (number % 256) as u8,
            md5_key: vec![7; number as usize % (MD5_KEY_MAX + 1)],
            send_log: [SendLog::Kept, SendLog::Owner][number as usize % 2],
            ..ConnectionOptions::default()
        },
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Connection(u8, u32),
    Progress(u8, u8, u8, u8, bool, bool),
    Received(u8, Vec<u8>),
    Sent(u8, u8, Vec<u8>),
    Gone(u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        (0u8..3, any::<u32>()).prop_map(|(port, number)| Edit::Connection(port, number)),
        any::<(u8, u8, u8, bool, bool)>().prop_map(|(a, b, c, d, e)| Edit::Progress(a % 3, a, b, c, d, e)),
        (0u8..3, bytes()).prop_map(|(port, bytes)| Edit::Received(port, bytes)),
        (0u8..3, 0u8..4, bytes()).prop_map(|(port, offset, bytes)| Edit::Sent(port, offset, bytes)),
        (0u8..3).prop_map(Edit::Gone),
    ]
}

impl Edit {
    fn apply(self, rp: &mut Rp) {
        let tcp = &mut rp.0;
        match self {
            Edit::Connection(port, number) => tcp.connections.insert(key(port), connection(number)),
            Edit::Progress(port, written, acknowledged, received, closing, peer_closed) => {
                let written = u64::from(written) << 32;
                let row = Progress {
                    written,
                    acknowledged: written.min(u64::from(acknowledged) << 30),
                    sent: written + u64::from(closing),
                    received: u64::from(received),
                    closing,
                    peer_closed,
                };
                tcp.progress.insert(key(port), row);
            }
            Edit::Received(port, bytes) => tcp.unconsumed.insert(key(port), Received { bytes }),
            Edit::Sent(port, offset, bytes) => {
                let chunk = SentKey {
                    connection: key(port),
                    offset: u64::from(offset),
                };
                tcp.unacknowledged.insert(chunk, SentChunk { bytes });
            }
            Edit::Gone(port) => {
                tcp.connections.remove(&key(port));
                tcp.progress.remove(&key(port));
                tcp.unconsumed.remove(&key(port));
            }
        }
    }
}

proptest! {
    #[test]
    fn both_laws_hold_for_sessions(edits in prop::collection::vec((0usize..200, edit()), 1..80)) {
        let boxed = edits.into_iter().map(|(room, edit)| {
            let apply: Box<dyn FnOnce(&mut Rp)> = Box::new(move |rp: &mut Rp| edit.apply(rp));
            (room, apply)
        });
        let pair = delta_law(empty(), empty, boxed).unwrap();
        let unfinished: Vec<_> = pair.active.0.progress.index().iter().collect();
        prop_assert_eq!(unfinished, pair.standby.0.progress.index().iter().collect::<Vec<_>>());
        let again = snapshot_law(pair.active, empty).unwrap();
        for (key, row) in again.active.0.connections.iter() {
            prop_assert_eq!(again.standby.0.connections.get(key), Some(row));
        }
    }

    #[test]
    fn keys_keep_their_order_in_bytes(
        a in any::<(u32, u16, u32, u16)>(), b in any::<(u32, u16, u32, u16)>(), six in any::<bool>(), offset: u64,
    ) {
        let make = |(local, local_port, remote, remote_port), six: bool| {
            let endpoint = |address: u32, port| match six {
                false => Endpoint::new(std::net::Ipv4Addr::from(address), port),
                true => Endpoint::new(std::net::Ipv6Addr::from(u128::from(address) << 50), port),
            };
            SentKey {
                connection: ConnectionKey {
                    local: endpoint(local, local_port),
                    remote: endpoint(remote, remote_port),
                },
                offset,
            }
        };
        let (a, b) = (make(a, false), make(b, six));
        let bytes = |key: &SentKey| {
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            bytes
        };
        prop_assert_eq!(a.cmp(&b), bytes(&a).cmp(&bytes(&b)));
        prop_assert_eq!(SentKey::decode(&bytes(&b)), Some(b));
        prop_assert_eq!(SentKey::decode(&bytes(&b)[1..]), None);
        let mut long = bytes(&b);
        long.push(0);
        prop_assert_eq!(SentKey::decode(&long), None);
        prop_assert_eq!(ConnectionKey::decode(&long), None);
    }
}

#[test]
fn records_with_impossible_values_are_refused() {
    let good = connection(30).to_record();
    assert_eq!(Connection::from_record(good.clone()), Ok(connection(30)));
    let refused = |change: fn(&mut ConnectionRecord)| {
        let mut record = good.clone();
        change(&mut record);
        Connection::from_record(record).unwrap_err()
    };
    assert_eq!(refused(|record| record.buffers = 3), "buffer size");
    assert_eq!(refused(|record| record.window_shift_local = None), "window shift");
    assert_eq!(
        refused(|record| record.window_shift_remote = Some(15)),
        "window shift"
    );
    assert_eq!(refused(|record| record.remote_mss = 65_536), "MSS");
    assert_eq!(refused(|record| record.ttl = 256), "TTL");
    assert_eq!(refused(|record| record.ttl = 0), "connection options");
    assert_eq!(refused(|record| record.mtu = 255), "connection options");
    assert_eq!(
        refused(|record| record.md5_key = vec![0; MD5_KEY_MAX + 1]),
        "connection options"
    );
    let progress = |written, acknowledged, sent, closing| {
        Progress::from_record(ProgressRecord {
            written,
            acknowledged,
            sent,
            closing,
            ..ProgressRecord::default()
        })
    };
    assert_eq!(progress(1, 2, 2, true), Err("acknowledged bytes"));
    assert_eq!(progress(2, 2, 1, false), Err("acknowledged bytes"));
    assert_eq!(progress(2, 1, 3, false), Err("sent bytes"));
    assert!(progress(2, 1, 3, true).is_ok());
}
