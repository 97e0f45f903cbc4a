//! The laws of checkpointing for adjacencies, and that nothing a wire brings breaks the machine.

mod common;

use chassis::rows::ADJACENCY_V4_TABLE;
use checkpoint::laws::{delta_law, snapshot_law};
use checkpoint::{Table, TableId, Tables};
use common::*;
use line::arp::{Arp, ArpInput, QUEUED_MAX};
use machine::{Duration, Instant, Machine, Outbox};
use packet::arp::Repr;
use packet::{Ipv4Addr, MacAddress};
use proptest::prelude::*;

struct World {
    arp: Arp,
    now: Instant,
}

fn empty() -> World {
    World {
        arp: Arp::new(),
        now: Instant::ZERO,
    }
}

impl Tables for World {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        visit(&self.arp.adjacencies);
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        visit(&mut self.arp.adjacencies);
    }
    fn table(&self, id: TableId) -> Option<&dyn Table> {
        (id == ADJACENCY_V4_TABLE).then_some(&self.arp.adjacencies as &dyn Table)
    }
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        (id == ADJACENCY_V4_TABLE).then_some(&mut self.arp.adjacencies as &mut dyn Table)
    }
    fn order(&self) -> &'static [TableId] {
        &[ADJACENCY_V4_TABLE]
    }
    fn is_downloaded(&self, _: TableId) -> bool {
        true
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Input(ArpInput),
    Wait(u64),
}

fn edit() -> impl Strategy<Value = Edit> {
    let host = || (0u8..6).prop_map(|host| Ipv4Addr::new(10, 0, 0, host));
    let mac = (1u8..4).prop_map(|number| MacAddress([2, 0, 0, 0, 0, number]));
    let port = || prop::sample::select(vec![PORT, OTHER_PORT]);
    let packet =
        (port(), host(), host(), mac, any::<bool>()).prop_map(|(port, sender, target, mac, is_reply)| {
            let request = Repr::request(mac, sender, target);
            let repr = match is_reply {
                true => Repr::request(OWN_MAC, target, sender).reply(mac),
                false => request,
            };
            ArpInput::Packet {
                port,
                frame: arp_frame(OWN_MAC, &repr),
            }
        });
    let garbage = (port(), any::<Vec<u8>>()).prop_map(|(port, frame)| ArpInput::Packet { port, frame });
    let up =
        (port(), prop::sample::select(vec!["10.0.0.1/24", "10.0.0.2/30"])).prop_map(|(port, address)| {
            ArpInput::InterfaceUp {
                port,
                interface: interface(address),
            }
        });
    let glean = (port(), host(), any::<bool>()).prop_map(|(port, next_hop, transit)| {
        let packet = echo_request(next_hop, 9, 1, 8);
        match transit {
            true => ArpInput::Glean {
                port,
                next_hop,
                frame: ip_frame(&packet),
                punt: ticket(1),
            },
            false => ArpInput::Send {
                port,
                next_hop,
                packet,
                release: machine::Release::Now,
            },
        }
    });
    prop_oneof![
        6 => packet.prop_map(Edit::Input),
        1 => garbage.prop_map(Edit::Input),
        2 => up.prop_map(Edit::Input),
        1 => port().prop_map(|port| Edit::Input(ArpInput::InterfaceDown { port })),
        4 => glean.prop_map(Edit::Input),
        3 => (0u64..4_000).prop_map(Edit::Wait),
        1 => (0u64..20_000_000).prop_map(Edit::Wait),
    ]
}

impl Edit {
    fn apply(self, world: &mut World) {
        let mut out = Outbox::new();
        match self {
            Edit::Input(input) => world.arp.handle(world.now, input, &mut out),
            Edit::Wait(milliseconds) => {
                world.now += Duration::from_millis(milliseconds);
                world.arp.expire(world.now, &mut out);
            }
        }
    }
}

proptest! {
    #[test]
    fn both_laws_hold_for_adjacencies(
        edits in prop::collection::vec((0usize..200, edit()), 1..80)
    ) {
        let mut world = empty();
        for (_, edit) in edits.clone() {
            edit.apply(&mut world);
        }
        snapshot_law(world, empty).map_err(TestCaseError::fail)?;
        let edits = edits.into_iter().map(|(room, edit)| {
            let edit: Box<dyn FnOnce(&mut World)> = Box::new(move |world| edit.apply(world));
            (room, edit)
        });
        let pair = delta_law(empty(), empty, edits).map_err(TestCaseError::fail)?;
        let rows = |arp: &Arp| arp.adjacencies.iter().map(|(key, row)| (*key, *row)).collect::<Vec<_>>();
        prop_assert_eq!(rows(&pair.active.arp), rows(&pair.standby.arp));
    }

    #[test]
    fn the_machine_comes_to_rest_and_holds_only_neighbors_of_links_that_are_up(
        edits in prop::collection::vec(edit(), 1..120)
    ) {
        let mut world = empty();
        for edit in edits {
            edit.apply(&mut world);
            let ports: Vec<_> = world.arp.interfaces().map(|(port, _)| port).collect();
            for (key, _) in world.arp.adjacencies.iter() {
                prop_assert!(ports.contains(&key.port), "{:?} has no link", key);
            }
        }
        // Without any news all that is asked, held down or old ends, and the bound of the queues is whole again.
        let mut out = Outbox::new();
        let mut wakes = 0;
        while let Some((at, _)) = world.arp.next_deadline() {
            world.now = world.now.max(at);
            world.arp.expire(world.now, &mut out);
            wakes += 1;
            prop_assert!(wakes < 1_000, "it never rests");
        }
        prop_assert!(world.arp.adjacencies.is_empty());
        let mut driver = Driver { arp: world.arp, now: world.now, ..Driver::new() };
        driver.handle(ArpInput::InterfaceDown { port: PORT });
        driver.up(PORT, "10.0.0.1/16");
        let before = driver.arp.counters().queue_full;
        for number in 0..QUEUED_MAX as u32 + 1 {
            let next_hop = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 1, 0).to_bits() + number);
            driver.send(next_hop, echo_request(next_hop, 9, 1, 8));
        }
        prop_assert_eq!(driver.arp.counters().queue_full, before + 1);
    }
}
