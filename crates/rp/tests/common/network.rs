//! A pair of route processors with BGP neighbours on the network of Ethernet0/0.
#![allow(dead_code, reason = "each test file uses a part of it")]

use super::bgp_neighbor::{Neighbor, ROUTER_AS};
use super::pair::{Pair, truth};
use machine::{Duration, PortId};
use redundancy::PeerLoss;

/// The port of the network.
pub const PORT: PortId = PortId::new(0, 0);

/// A pair with a network of neighbours.
pub struct Network {
    pub pair: Pair,
    pub neighbors: Vec<Neighbor>,
}

impl Network {
    /// Hot, with an address, and about to be told of neighbours.
    pub fn without_neighbors() -> Network {
        let mut pair = Pair::hot_with(vec![truth(0)]);
        pair.type_each(&[
            "enable",
            "configure terminal",
            "interface Ethernet0/0",
            "ip address 10.0.0.1 255.255.255.0",
            "no shutdown",
            "exit",
            &format!("router bgp {ROUTER_AS}"),
        ]);
        Network {
            pair,
            neighbors: Vec::new(),
        }
    }

    /// Hot, with these neighbours established and silent.
    pub fn hot(numbers: &[u8]) -> Network {
        let Network { mut pair, .. } = Network::without_neighbors();
        let router_mac = truth(0).ports[0].mac;
        let neighbors: Vec<Neighbor> = numbers
            .iter()
            .map(|number| Neighbor::new(*number, router_mac))
            .collect();
        for neighbor in &neighbors {
            let (address, number) = (neighbor.address, neighbor.as_number);
            pair.type_each(&[
                &format!("neighbor {address} remote-as {number}"),
                &format!("neighbor {address} ha-mode sso"),
            ]);
        }
        pair.type_each(&["end", "write memory"]);
        let mut network = Network { pair, neighbors };
        network.run_s(20);
        network.assert_established(numbers);
        network.pair.run_until_hot();
        network
    }

    /// Lets seconds pass, in steps of a twentieth.
    pub fn run_s(&mut self, seconds: u64) {
        for _ in 0..seconds * 20 {
            self.pair.now += Duration::from_millis(30);
            for neighbor in &mut self.neighbors {
                neighbor.tick(self.pair.now);
            }
            for _ in 0..4 {
                self.carry();
            }
            self.pair.run_ms(20);
        }
    }

    /// Frames reach the other end of the wire.
    pub fn carry(&mut self) {
        for (_, frame) in std::mem::take(&mut self.pair.injected) {
            for neighbor in &mut self.neighbors {
                neighbor.hear(self.pair.now, &frame);
            }
        }
        let frames: Vec<Vec<u8>> = self
            .neighbors
            .iter_mut()
            .flat_map(|neighbor| std::mem::take(&mut neighbor.frames))
            .collect();
        for frame in frames {
            self.pair.punt(PORT, frame);
        }
        self.pair.settle();
    }

    pub fn neighbor(&mut self, number: u8) -> &mut Neighbor {
        let is_meant = |neighbor: &&mut Neighbor| neighbor.address.octets()[3] == number;
        self.neighbors.iter_mut().find(is_meant).expect("a neighbour")
    }

    pub fn assert_established(&mut self, numbers: &[u8]) {
        for number in numbers {
            assert!(self.neighbor(*number).is_established, "neighbour {number}");
        }
    }

    pub fn announce(&mut self, number: u8, prefix: &str) {
        let now = self.pair.now;
        self.neighbor(number).announce(now, prefix);
    }

    /// Types these lines in global configuration, and lets a second pass.
    pub fn configure(&mut self, lines: &[&str]) {
        self.pair.type_each(&["enable", "configure terminal"]);
        self.pair.type_each(lines);
        self.pair.type_each(&["end"]);
        self.run_s(1);
    }

    /// The active is killed, another one goes on for some seconds, and the pair is hot again.
    pub fn switch_over(&mut self) {
        let dead = self.pair.active();
        self.pair.kill(dead, PeerLoss::Killed);
        self.run_s(5);
        assert_ne!(self.pair.active(), dead);
        self.pair.start(dead);
        self.run_s(5);
        self.pair.run_until_hot();
    }
}
