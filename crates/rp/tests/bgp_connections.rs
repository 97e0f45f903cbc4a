//! Connections that a neighbour makes while its session stands.

#[path = "common/bgp_neighbor.rs"]
mod bgp_neighbor;
#[path = "common/network.rs"]
mod network;
#[path = "common/pair.rs"]
mod pair;

use network::Network;

#[test]
fn a_bare_connection_ends_no_established_session_whoever_has_opened_that() {
    let mut network = Network::hot(&[2]);
    for opened_by_neighbor in [false, true] {
        if opened_by_neighbor {
            network.configure(&[
                "router bgp 65000",
                "neighbor 10.0.0.2 transport connection-mode passive",
                "neighbor 10.0.0.2 shutdown",
            ]);
            network.configure(&["router bgp 65000", "no neighbor 10.0.0.2 shutdown"]);
            let now = network.pair.now;
            network.neighbor(2).connect(now, false);
            network.run_s(10);
        }
        network.assert_established(&[2]);
        let lost = network.neighbor(2).lost;
        let ended = network.neighbor(2).mute_ended;
        for _ in 0..3 {
            let now = network.pair.now;
            network.neighbor(2).connect(now, true);
            network.run_s(1);
        }
        network.run_s(5);
        network.assert_established(&[2]);
        assert_eq!(
            network.neighbor(2).lost,
            lost,
            "opened by the neighbour: {opened_by_neighbor}"
        );
        if opened_by_neighbor {
            assert_eq!(network.neighbor(2).mute_ended, ended + 3);
        }
    }
}
