//! What `show ip bgp` says of sessions and routes that there are.

#[path = "common/bgp_neighbor.rs"]
mod bgp_neighbor;
#[path = "common/network.rs"]
mod network;
#[path = "common/pair.rs"]
mod pair;

use network::Network;

fn json(network: &mut Network, command: &str) -> serde_json::Value {
    let shown = network.pair.ask(&format!("{command} | json")).join("\n");
    serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{command}: {error}\n{shown}"))
}

/// The line of a text that has these words.
fn line(network: &mut Network, command: &str, words: &str) -> String {
    let shown = network.pair.ask(command);
    let found = shown.iter().find(|line| line.contains(words));
    found
        .unwrap_or_else(|| panic!("{words}: {}", shown.join("\n")))
        .clone()
}

#[test]
fn a_best_path_that_the_routing_table_has_from_elsewhere_is_a_rib_failure() {
    let mut network = Network::hot(&[2]);
    network.announce(2, "198.51.100.0/24");
    network.announce(2, "10.20.0.0/16");
    network.run_s(1);
    let flags = |network: &mut Network| line(network, "show ip bgp", "198.51.100.0")[..3].to_owned();
    assert_eq!(flags(&mut network), " *>");
    assert_eq!(network.pair.ask("show ip bgp rib-failure"), Vec::<String>::new());
    let static_route = "ip route 198.51.100.0 255.255.255.0 Null0";
    network.configure(&[static_route]);
    assert_eq!(flags(&mut network), " r>");
    assert!(line(&mut network, "show ip bgp", "10.20.0.0/16").starts_with(" *>"));
    let entry = network.pair.ask("show ip bgp 198.51.100.0");
    assert!(
        entry.contains(&"Paths: (1 available, best #1, table default, RIB-failure(17))".to_owned()),
        "{entry:?}"
    );
    let failed = "  Network            Next Hop                      RIB-failure   RIB-NH Matches\n\
        \u{20} 198.51.100.0       10.0.0.2            Higher admin distance              n/a";
    assert_eq!(network.pair.ask("show ip bgp rib-failure").join("\n"), failed);
    let table = json(&mut network, "show ip bgp");
    let of = |prefix: &str| {
        let prefixes = table["prefixes"].as_array().expect("prefixes");
        let entry = prefixes.iter().find(|entry| entry["prefix"] == prefix);
        entry.expect("an entry")["paths"][0]["rib_failure"].clone()
    };
    assert_eq!(
        (of("198.51.100.0/24"), of("10.20.0.0/16")),
        (true.into(), false.into())
    );
    let failed = json(&mut network, "show ip bgp rib-failure");
    assert_eq!(failed["prefixes"].as_array().map(Vec::len), Some(1));
    // It is still the best path of BGP, and a successor sees the same.
    network.switch_over();
    network.pair.type_each(&["enable"]);
    assert_eq!(flags(&mut network), " r>");
    network.configure(&[&format!("no {static_route}")]);
    assert_eq!(flags(&mut network), " *>");
}

#[test]
fn what_an_operator_says_with_shutdown_and_clear_reaches_the_neighbor_and_is_shown() {
    let mut network = Network::hot(&[2]);
    let show = "show ip bgp neighbors 10.0.0.2";
    network.pair.type_each(&["enable"]);
    network
        .pair
        .type_each(&["clear ip bgp 10.0.0.2 message New cables, back soon"]);
    network.run_s(1);
    assert_eq!(
        line(&mut network, show, "communication sent"),
        "  Last shutdown communication sent: \"New cables, back soon\""
    );
    assert!(line(&mut network, show, "Last reset").contains("User reset"));
    network.run_s(30);
    network.configure(&[
        "router bgp 65000",
        "neighbor 10.0.0.2 shutdown message Back at 10:00 UTC",
    ]);
    let running = network.pair.running(network.pair.active());
    assert!(
        running.contains("\n neighbor 10.0.0.2 shutdown message Back at 10:00 UTC\n"),
        "{running}"
    );
    assert_eq!(
        json(&mut network, show)[0]["last_communication_sent"],
        "Back at 10:00 UTC"
    );
    network.switch_over();
    network.pair.type_each(&["enable"]);
    let after = json(&mut network, show);
    assert_eq!(after[0]["last_communication_sent"], "Back at 10:00 UTC");
    assert_eq!(after[0]["messages_sent_by_kind"]["notifications"], 2);
}
