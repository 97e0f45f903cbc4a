//! Addresses, prefixes, masks and their texts.

use packet::{
    Address, AddressError, InterfaceAddress, Ipv4Addr, Ipv6Addr, MacAddress, Prefix, V4, V6, netmask,
    netmask_length,
};
use proptest::prelude::*;

fn v4(text: &str) -> Prefix<V4> {
    text.parse().unwrap()
}

#[test]
fn a_prefix_clears_its_host_bits_and_shows_as_network_and_length() {
    assert_eq!(v4("10.1.2.3/24").to_string(), "10.1.2.0/24");
    assert_eq!(v4("10.1.2.3/0"), Prefix::DEFAULT);
    assert_eq!(v4("10.1.2.3/32"), Prefix::host(Ipv4Addr::new(10, 1, 2, 3)));
    assert_eq!(
        "2001:db8::1/32".parse::<Prefix<V6>>().unwrap().to_string(),
        "2001:db8::/32"
    );
    assert_eq!(format!("{:<14}|", v4("10.0.0.0/8")), "10.0.0.0/8    |");
}

#[test]
fn bad_prefixes_are_refused_with_the_reason() {
    assert_eq!(
        Prefix::<V4>::new(Ipv4Addr::LOCALHOST, 33),
        Err(AddressError::TooLong {
            length: 33,
            width: 32
        })
    );
    for text in [
        "",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0.0/8",
        "10.0.0.0/256",
        "::/0",
    ] {
        assert!(text.parse::<Prefix<V4>>().is_err(), "{text}");
    }
}

#[test]
fn prefixes_order_by_network_then_by_length() {
    let mut all = [
        v4("10.0.0.0/16"),
        v4("9.0.0.0/8"),
        v4("10.0.0.0/8"),
        v4("10.1.0.0/16"),
    ];
    all.sort();
    assert_eq!(
        all.map(|p| p.to_string()),
        ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16"]
    );
}

#[test]
fn containing_and_covering_look_at_network_bits_only() {
    let ten = v4("10.0.0.0/8");
    assert!(ten.contains(Ipv4Addr::new(10, 255, 255, 255)));
    assert!(!ten.contains(Ipv4Addr::new(11, 0, 0, 0)));
    assert!(ten.covers(&v4("10.3.0.0/16")) && ten.covers(&ten));
    assert!(!v4("10.3.0.0/16").covers(&ten));
    assert_eq!(ten.last(), Ipv4Addr::new(10, 255, 255, 255));
    assert_eq!(ten.broadcast(), Some(Ipv4Addr::new(10, 255, 255, 255)));
    assert_eq!(v4("10.0.0.0/31").broadcast(), None);
    assert_eq!(v4("10.3.0.0/16").parent(), Some(v4("10.2.0.0/15")));
    assert_eq!(Prefix::<V4>::DEFAULT.parent(), None);
}

#[test]
fn masks_read_both_ways_and_must_be_contiguous() {
    for length in 0..=32 {
        assert_eq!(netmask_length(netmask(length)), Ok(length));
    }
    assert_eq!(
        Prefix::from_mask_text("10.0.0.0", "255.255.255.0"),
        Ok(v4("10.0.0.0/24"))
    );
    assert_eq!(v4("10.0.0.0/20").mask(), Ipv4Addr::new(255, 255, 240, 0));
    let bad = Ipv4Addr::new(255, 0, 255, 0);
    assert_eq!(
        Prefix::from_mask(Ipv4Addr::LOCALHOST, bad),
        Err(AddressError::Mask(bad))
    );
    assert_eq!(
        netmask_length(Ipv4Addr::new(0, 0, 0, 1)),
        Err(AddressError::Mask(Ipv4Addr::new(0, 0, 0, 1)))
    );
}

#[test]
fn an_interface_address_keeps_its_host_bits() {
    let address: InterfaceAddress<V4> = "10.0.0.1/24".parse().unwrap();
    assert_eq!(address.to_string(), "10.0.0.1/24");
    assert_eq!(address.address(), Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(address.prefix(), v4("10.0.0.0/24"));
    assert!(InterfaceAddress::<V4>::new(Ipv4Addr::LOCALHOST, 40).is_err());
}

#[test]
fn a_mac_address_is_read_in_all_three_forms_and_shown_in_two() {
    let mac = MacAddress([0xaa, 0xbb, 0xcc, 0, 1, 0]);
    for text in ["aabb.cc00.0100", "aa:bb:cc:00:01:00", "AA-BB-CC-00-01-00"] {
        assert_eq!(text.parse(), Ok(mac), "{text}");
    }
    assert_eq!(mac.to_string(), "aabb.cc00.0100");
    assert_eq!(format!("{mac:#}"), "aa:bb:cc:00:01:00");
    for text in [
        "",
        "aabb.cc00",
        "aabb.cc00.0100.0000",
        "aa:bb:cc:00:01",
        "aa:bb:cc:00:01:00:00",
        "gg:bb:cc:00:01:00",
    ] {
        assert!(text.parse::<MacAddress>().is_err(), "{text}");
    }
    assert!(mac.is_unicast() && !MacAddress::BROADCAST.is_unicast() && !MacAddress::ZERO.is_unicast());
}

#[test]
fn bits_count_from_the_most_significant_one() {
    let address = Ipv4Addr::new(0x80, 0, 0, 1);
    assert!(address.bit(0) && !address.bit(1) && address.bit(31) && !address.bit(32));
    assert_eq!(Address::common_bits(address, Ipv4Addr::new(0x80, 0, 0, 0)), 31);
    assert_eq!(Address::common_bits(address, address), 32);
}

proptest! {
    #[test]
    fn addresses_survive_bytes_and_keys(four: u32, sixteen: u128) {
        let (four, sixteen) = (Ipv4Addr::from(four), Ipv6Addr::from(sixteen));
        prop_assert_eq!(Address::from_bytes(&four.to_bytes()), Some(four));
        prop_assert_eq!(Ipv4Addr::from_key(four.to_key()), four);
        prop_assert_eq!(Address::from_bytes(&sixteen.to_bytes()), Some(sixteen));
        prop_assert_eq!(Ipv6Addr::from_key(sixteen.to_key()), sixteen);
    }

    #[test]
    fn prefixes_survive_their_text(address: u32, length in 0u8..=32, six: u128, six_length in 0u8..=128) {
        let prefix = Prefix::<V4>::new(Ipv4Addr::from(address), length).unwrap();
        prop_assert_eq!(prefix.to_string().parse::<Prefix<V4>>(), Ok(prefix));
        prop_assert!(prefix.contains(Ipv4Addr::from(address)) && prefix.contains(prefix.last()));
        let prefix = Prefix::<V6>::new(Ipv6Addr::from(six), six_length).unwrap();
        prop_assert_eq!(prefix.to_string().parse::<Prefix<V6>>(), Ok(prefix));
        prop_assert!(prefix.contains(prefix.last()));
    }

    #[test]
    fn masking_agrees_with_the_bit_by_bit_rule(address: u32, length in 0u8..=32) {
        let masked = Ipv4Addr::from(address).masked(length);
        for bit in 0..32 {
            prop_assert_eq!(masked.bit(bit), bit < length && Ipv4Addr::from(address).bit(bit));
        }
    }
}
