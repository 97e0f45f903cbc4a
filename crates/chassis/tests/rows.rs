//! The keys and records of the downloaded tables.

mod common;

use chassis::rows::{Adjacency, AdjacencyKey, FibEntry, Path, PortConfiguration, PrefixKey};
use checkpoint::{Key, Row};
use common::encoded;
use machine::PortId;
use packet::{Ipv4Addr, Ipv6Addr, MacAddress, Prefix, V4, V6};
use proptest::prelude::*;

const PORT: PortId = PortId::new(1, 2);

fn key_bytes<K: Key>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    bytes
}

fn decoded<R: Row>(bytes: &[u8]) -> Result<R, &'static str> {
    let record = prost::Message::decode(bytes).map_err(|_| "record")?;
    R::from_record(record)
}

fn golden<R: Row + PartialEq + core::fmt::Debug>(row: &R, bytes: &[u8]) {
    assert_eq!(encoded(row), bytes);
    assert_eq!(decoded(bytes), Ok(row.clone()));
}

#[test]
fn rows_have_their_golden_bytes_in_both_directions() {
    let mac = MacAddress([2, 0, 0, 0, 1, 2]);
    golden(
        &PortConfiguration {
            admin_up: true,
            mtu: 1500,
            mac,
            ipv4: "10.0.0.1/24".parse().ok(),
        },
        &[
            8, 1, 0x10, 0xdc, 0x0b, 0x1a, 6, 2, 0, 0, 0, 1, 2, 0x22, 4, 10, 0, 0, 1, 0x28, 24,
        ],
    );
    golden(&Adjacency { mac }, &[0x0a, 6, 2, 0, 0, 0, 1, 2]);
    golden(&FibEntry::<V4>::Receive, &[8, 1]);
    golden(&FibEntry::<V4>::Drop, &[8, 2]);
    golden(
        &FibEntry::<V4>::Via(vec![
            Path {
                port: PORT,
                next_hop: None,
            },
            Path {
                port: PORT,
                next_hop: Some(Ipv4Addr::new(10, 0, 0, 2)),
            },
        ]),
        &[
            8, 3, 0x12, 3, 8, 0x82, 2, 0x12, 9, 8, 0x82, 2, 0x12, 4, 10, 0, 0, 2,
        ],
    );
}

#[test]
fn keys_have_their_golden_bytes() {
    let next_hop = Ipv4Addr::new(10, 0, 0, 2);
    let key = AdjacencyKey::<V4> { port: PORT, next_hop };
    assert_eq!(key_bytes(&key), [0, 0, 1, 2, 10, 0, 0, 2]);
    let key: PrefixKey<V4> = PrefixKey("10.9.0.0/24".parse().expect("a prefix"));
    assert_eq!(key_bytes(&key), [10, 9, 0, 0, 24]);
}

#[test]
fn records_with_values_that_a_field_cannot_have_are_refused_by_name() {
    assert_eq!(decoded::<FibEntry<V4>>(&[8, 4]), Err("fib action"));
    assert_eq!(decoded::<FibEntry<V4>>(&[8, 3]), Err("fib action"), "no path");
    let bad_port = [8, 3, 0x12, 4, 8, 0x80, 0xfe, 3];
    assert_eq!(decoded::<FibEntry<V4>>(&bad_port), Err("port"));
    let short_next_hop = [8, 3, 0x12, 8, 8, 0x82, 2, 0x12, 3, 10, 0, 0];
    assert_eq!(decoded::<FibEntry<V4>>(&short_next_hop), Err("next hop"));
    assert_eq!(decoded::<Adjacency>(&[0x0a, 1, 2]), Err("mac address"));
    let mac = [0x1a, 6, 2, 0, 0, 0, 1, 2];
    let port = |rest: &[u8]| decoded::<PortConfiguration>(&[&mac[..], rest].concat());
    assert_eq!(port(&[0x10, 0x80, 0x80, 4]), Err("mtu"));
    assert_eq!(port(&[0x22, 1, 10]), Err("ipv4 address"));
    assert_eq!(port(&[0x22, 4, 10, 0, 0, 1, 0x28, 33]), Err("ipv4 prefix length"));
}

proptest! {
    #[test]
    fn keys_keep_their_order_and_come_back(
        networks in any::<(u32, u32)>(), wide in any::<(u128, u128)>(),
        lengths in (0u8..=32, 0u8..=32), ports in any::<(u8, u8)>(),
    ) {
        let narrow = |bits, length| PrefixKey(Prefix::<V4>::new(Ipv4Addr::from_bits(bits), length).expect("in range"));
        let (a, b) = (narrow(networks.0, lengths.0), narrow(networks.1, lengths.1));
        prop_assert_eq!(a.cmp(&b), key_bytes(&a).cmp(&key_bytes(&b)));
        prop_assert_eq!(PrefixKey::decode(&key_bytes(&a)), Some(a));
        let adjacency = |bits, port: u8| AdjacencyKey::<V6> {
            port: PortId::new(port % 16, port),
            next_hop: Ipv6Addr::from_bits(bits),
        };
        let (a, b) = (adjacency(wide.0, ports.0), adjacency(wide.1, ports.1));
        prop_assert_eq!(a.cmp(&b), key_bytes(&a).cmp(&key_bytes(&b)));
        prop_assert_eq!(AdjacencyKey::decode(&key_bytes(&a)), Some(a));
    }

    #[test]
    fn bytes_that_are_no_key_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..10)) {
        if let Some(key) = PrefixKey::<V4>::decode(&bytes) {
            prop_assert_eq!(key_bytes(&key), bytes.clone());
        }
        if let Some(key) = AdjacencyKey::<V4>::decode(&bytes) {
            prop_assert_eq!(key_bytes(&key), bytes);
        }
    }

    #[test]
    fn no_record_makes_a_row_panic(bytes: Vec<u8>) {
        let _ = decoded::<PortConfiguration>(&bytes);
        let _ = decoded::<Adjacency>(&bytes);
        let _ = decoded::<FibEntry<V6>>(&bytes);
    }
}
