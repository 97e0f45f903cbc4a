//! Who the neighbours are, what they send and what they are to be sent: known to them and to whoever configures the
//! router.
//!
//! ```text
//!   router 10.64.128.1/16 AS 65000 ═══ 10.64.0.1 .. 10.64.127.254, all AS 65001
//!   neighbour n sends 20 networks of its own: 20.0.0.0/24 + 20 n
//!   each is sent    20 networks, the same for all: 198.18.0.0/24 .. 198.18.19.0/24
//! ```

use packet::{Prefix, V4};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// The router's address on the network of its neighbours.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 64, 128, 1);
/// Length of that network's prefix.
pub const NETWORK_PREFIX_LEN: u8 = 16;
/// An address of that network that no neighbour has: the interface's own.
pub const INTERFACE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 64, 255, 254);
/// Length of the prefix of all neighbours, which the router's address is not in.
pub const NEIGHBORS_PREFIX_LEN: u8 = 17;
/// The router's AS.
pub const ROUTER_AS: u32 = 65_000;
/// The neighbours' AS.
pub const NEIGHBOR_AS: u32 = 65_001;
/// Networks that each neighbour sends, and that each is sent.
pub const ROUTES_EACH: u32 = 20;
/// Hold time that the neighbours propose, in seconds.
pub const HOLD_TIME_S: u16 = 9;
/// Most neighbours: as many addresses as there are.
pub const NEIGHBORS_MAX: u32 = 32_000;

const FIRST_NEIGHBOR: u32 = u32::from_be_bytes([10, 64, 0, 1]);
const FIRST_NETWORK: u32 = u32::from_be_bytes([20, 0, 0, 0]);
const FIRST_TOLD: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const NETWORK_LEN: u8 = 24;

/// Address of neighbour `number`.
pub fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(FIRST_NEIGHBOR + number)
}

/// The networks that neighbour `number` sends.
pub fn networks(number: u32) -> impl Iterator<Item = Prefix<V4>> {
    let first = number * ROUTES_EACH;
    (first..first + ROUTES_EACH).map(|index| network(FIRST_NETWORK, index))
}

/// The networks that every neighbour is sent.
pub fn told() -> impl Iterator<Item = Prefix<V4>> {
    (0..ROUTES_EACH).map(|index| network(FIRST_TOLD, index))
}

fn network(first: u32, index: u32) -> Prefix<V4> {
    Prefix::new(Ipv4Addr::from(first + (index << 8)), NETWORK_LEN).expect("24 bits are a prefix")
}

/// The lines of a configuration for the router: the interface towards the neighbours, the routes that they are told, by way
/// of `via`, and BGP.
pub fn configuration(interface: &str, neighbors: u32, via: Ipv4Addr) -> String {
    let mut text = format!(
        "interface {interface}\n ip address {ROUTER} 255.255.0.0\n no shutdown\n!\n\
         ip prefix-list TOLD seq 5 permit 198.18.0.0/16 ge {NETWORK_LEN} le {NETWORK_LEN}\n!\n"
    );
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = text.write_fmt(words);
        text.push('\n');
    };
    for network in told() {
        line(format_args!("ip route {} 255.255.255.0 {via}", network.network()));
    }
    line(format_args!("!\nrouter bgp {ROUTER_AS}"));
    line(format_args!(" bgp router-id {ROUTER}"));
    line(format_args!(" no bgp log-neighbor-changes"));
    line(format_args!(" redistribute static"));
    line(format_args!(" neighbor MANY peer-group"));
    line(format_args!(" neighbor MANY remote-as {NEIGHBOR_AS}"));
    line(format_args!(" neighbor MANY transport connection-mode passive"));
    line(format_args!(" neighbor MANY prefix-list TOLD out"));
    for number in 0..neighbors {
        line(format_args!(" neighbor {} peer-group MANY", address(number)));
    }
    line(format_args!("!"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn neighbours_have_addresses_of_their_own_that_the_router_and_the_interface_have_not() {
        let addresses: BTreeSet<Ipv4Addr> = (0..NEIGHBORS_MAX).map(address).collect();
        assert_eq!(addresses.len(), NEIGHBORS_MAX as usize);
        let in_half = |address: &Ipv4Addr| u32::from(*address) >> 15 == FIRST_NEIGHBOR >> 15;
        assert!(addresses.iter().all(in_half));
        assert!(!in_half(&ROUTER) && !in_half(&INTERFACE_ADDRESS));
    }

    #[test]
    fn no_two_neighbours_send_one_network_and_nobody_sends_what_is_told() {
        let mut seen: BTreeSet<Prefix<V4>> = told().collect();
        assert_eq!(seen.len(), ROUTES_EACH as usize);
        for number in (0..NEIGHBORS_MAX)
            .step_by(97)
            .flat_map(|number| [number, number + 1])
        {
            for network in networks(number) {
                assert!(seen.insert(network), "{network}");
            }
        }
    }

    #[test]
    fn the_configuration_is_one_that_the_router_takes() {
        let text = configuration("Ethernet1/1", 3, Ipv4Addr::new(10, 1, 0, 2));
        let loaded = config::load(&text);
        assert_eq!(loaded.errors, []);
        let lines = loaded.tree.running_config().join("\n");
        assert!(lines.contains("neighbor 10.64.0.3 peer-group MANY"), "{lines}");
    }
}
