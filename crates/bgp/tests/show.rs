//! The layouts of `show ip bgp`, and the names of its fields as JSON.

mod common;

use bgp::PeerId;
use bgp::show::{
    ConfiguredView, Context, MaximumPrefixView, NeighborFacts, Routes, TcpView, neighbor_lines, neighbors,
    page, page_lines, prefix, prefix_lines, sso, sso_lines, summary, summary_lines, table_header,
};
use common::*;
use machine::Duration;

/// Three networks of the first speaker at the second, which has a third one beside it.
fn world() -> World {
    let mut world = World::new(3);
    world.originate(0, networks(3));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.join(1, 2, |_| {});
    world.settle();
    world
}

fn everything() -> ConfiguredView {
    let some = |name: &str| Some(name.into());
    ConfiguredView {
        peer_group: some("UP"),
        route_reflector_client: true,
        soft_reconfiguration_inbound: true,
        next_hop_self: true,
        send_community: true,
        send_extended_community: true,
        default_originate: true,
        default_originate_route_map: some("DO"),
        weight: Some(50),
        allowas_in: Some(3),
        prefix_list_in: some("PI"),
        prefix_list_out: some("PO"),
        filter_list_in: some("1"),
        filter_list_out: some("2"),
        route_map_in: some("RI"),
        route_map_out: some("RO"),
        maximum_prefix: Some(MaximumPrefixView {
            limit: 100,
            threshold_percent: 80,
            warning_only: true,
            restart_min: None,
        }),
    }
}

fn facts(peer: PeerId) -> NeighborFacts {
    NeighborFacts {
        sso_configured: peer == peer_id(0),
        standby_hot: true,
        description: (peer == peer_id(0)).then(|| "upstream".into()),
        configured: match peer == peer_id(0) {
            true => everything(),
            false => ConfiguredView::default(),
        },
        quarantined: false,
        tcp: (peer == peer_id(0)).then(|| TcpView {
            local_address: address(1).into(),
            local_port: 179,
            remote_address: address(0).into(),
            remote_port: 34_567,
            unread_bytes: 0,
            unacknowledged_bytes: 0,
        }),
    }
}

fn with_context<R>(world: &World, age_s: u32, show: impl FnOnce(&Context<'_>) -> R) -> R {
    show(&Context {
        now: world.now,
        age_s,
        facts: &facts,
    })
}

fn text(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
    }
    let expected =
        std::fs::read_to_string(&path).expect("the golden file is there; HOLDOVER_BLESS=1 writes it");
    for (number, (expected, shown)) in expected.lines().zip(text.lines()).enumerate() {
        assert_eq!(expected, shown, "line {} of {name}", number + 1);
    }
    assert_eq!(expected.lines().count(), text.lines().count(), "lines of {name}");
}

#[test]
fn the_table_and_its_entries_have_their_layout() {
    let world = world();
    let rib = &world.speaker(1).rib;
    let (all, next) = page(rib, Routes::All, None, 1000);
    assert_eq!(next, None);
    let mut lines = table_header(rib.v4.version(), address(1));
    lines.extend(page_lines(&all));
    let first = prefix(rib, networks(1).next().expect("one")).expect("it is there");
    lines.extend(prefix_lines(&first));
    let own = &world.speaker(0).rib;
    lines.extend(page_lines(&page(own, Routes::All, None, 1).0));
    let own = prefix(own, networks(1).next().expect("one")).expect("it is there");
    lines.extend(prefix_lines(&own));
    golden("show-ip-bgp.txt", &text(lines));
}

#[test]
fn sessions_have_their_layout_and_a_predecessors_counts_and_ages() {
    let mut world = world();
    let show = |world: &World| {
        let speaker = world.speaker(1);
        with_context(world, 501, |context| {
            let mut lines = summary_lines(&summary(speaker, context));
            lines.push(String::new());
            lines.extend(sso_lines(&sso(speaker, context)));
            for neighbor in neighbors(speaker, None, context) {
                lines.push(String::new());
                lines.extend(neighbor_lines(&neighbor));
            }
            text(lines)
        })
    };
    golden("show-ip-bgp-sessions.txt", &show(&world));
    // The session ends and comes again.
    world.turn(1, |speaker, _, _| speaker.set_age(400));
    world.input(
        1,
        bgp::SpeakerInput::Clear {
            peer: peer_id(0),
            communication: None,
        },
    );
    world.pass(Duration::from_secs(10));
    let speaker = world.speaker(1);
    let neighbor = with_context(&world, 501, |context| {
        neighbors(speaker, Some(address(0).into()), context).remove(0)
    });
    assert_eq!(
        (neighbor.connections_established, neighbor.connections_dropped),
        (2, 1)
    );
    assert_eq!(neighbor.last_reset_reason.as_deref(), Some("User reset"));
    assert_eq!(
        (neighbor.state_age_s, neighbor.last_reset_s),
        (Some(101), Some(101))
    );
}

#[test]
fn counts_and_ages_of_sessions_survive_a_switchover() {
    let mut world = World::new(2);
    world.turn(0, |speaker, _, _| speaker.set_age(77));
    world.join(0, 1, |_| {});
    world.settle();
    let shown = |world: &World| {
        let views = with_context(world, 100, |context| neighbors(world.speaker(0), None, context));
        let view = &views[0];
        (
            view.connections_established,
            view.connections_dropped,
            view.state_age_s,
            view.messages_sent,
        )
    };
    let before = shown(&world);
    assert_eq!((before.0, before.1, before.2), (1, 0, Some(23)));
    world.promote(0);
    let after = shown(&world);
    assert_eq!((after.0, after.1, after.2), (before.0, before.1, before.2));
    assert!(after.3 >= before.3);
}

#[test]
fn a_neighbors_routes_are_those_it_told_or_is_told() {
    let world = world();
    let rib = &world.speaker(1).rib;
    let count = |routes| page(rib, routes, None, 1000).0.len();
    assert_eq!(count(Routes::Accepted(peer_id(0))), 3);
    assert_eq!(count(Routes::Received(peer_id(0))), 3);
    assert_eq!(count(Routes::Accepted(peer_id(2))), 0);
    assert_eq!(count(Routes::Advertised(peer_id(2))), 3);
    assert_eq!(
        count(Routes::Advertised(peer_id(0))),
        0,
        "nobody is told what he said"
    );
    let (told, _) = page(rib, Routes::Advertised(peer_id(2)), None, 1);
    assert_eq!(
        told[0].paths[0].as_path, "65002 65001",
        "as the neighbour sees it"
    );
    assert_eq!(told[0].paths[0].next_hop, Some(address(1).into()));
}

#[test]
fn pages_of_any_size_give_the_same_table() {
    let world = world();
    let rib = &world.speaker(1).rib;
    for routes in [
        Routes::All,
        Routes::Advertised(peer_id(2)),
        Routes::Accepted(peer_id(2)),
    ] {
        let whole = page_lines(&page(rib, routes, None, 1000).0);
        for size in 1..4 {
            let (mut lines, mut after) = (Vec::new(), None);
            loop {
                let (prefixes, next) = page(rib, routes, after, size);
                lines.extend(page_lines(&prefixes));
                if next.is_none() {
                    break;
                }
                after = next;
            }
            assert_eq!(lines, whole, "{routes:?} in pages of {size}");
        }
    }
}

#[test]
fn fields_have_stable_names_as_json() {
    let world = world();
    let speaker = world.speaker(1);
    let (all, _) = page(&speaker.rib, Routes::All, None, 1);
    let mut text = serde_json::to_string_pretty(&all).expect("a view is JSON");
    let summary = with_context(&world, 501, |context| summary(speaker, context));
    text.push('\n');
    text.push_str(&serde_json::to_string_pretty(&summary).expect("a view is JSON"));
    text.push('\n');
    golden("show-ip-bgp.json.txt", &text);
}
