//! `holdover bench bgp-feed` with a small table: all three routers take it, and the line says so.

use std::process::Command;

const TOOLS: &[&str] = &["ip", "zebra", "bgpd", "bird"];
const ROUTES: u64 = 3_000;

#[test]
fn the_feed_bench_has_three_routers_take_the_table_of_two_neighbours() {
    let Some(_turn) = crate::ready(
        "the_feed_bench_has_three_routers_take_the_table_of_two_neighbours",
        TOOLS,
    ) else {
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_holdover"))
        .args(["bench", "bgp-feed", "--neighbors", "2"])
        .args(["--routes", &ROUTES.to_string()])
        .output()
        .expect("the bench runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().last().unwrap_or_default();
    let figures: serde_json::Value = serde_json::from_str(line).expect("a line of JSON, last");
    assert_eq!(figures["bench"], "bgp-feed");
    assert_eq!(
        (figures["routes"].as_u64(), figures["neighbors"].as_u64()),
        (Some(ROUTES), Some(2))
    );
    assert_eq!(figures["standby"], true);
    for place in [
        "/seconds/holdover",
        "/seconds/bird",
        "/seconds/frr",
        "/seconds_fib/holdover",
        "/seconds_fib/bird",
        "/rss_mib/holdover_active",
        "/rss_mib/holdover_standby",
        "/rss_mib/bird",
        "/rss_mib/frr",
    ] {
        let value = figures.pointer(place).and_then(serde_json::Value::as_f64);
        assert!(
            value.is_some_and(|value| value > 0.0),
            "{place} in {line}\n{told}"
        );
    }
    let left = Command::new("ip").args(["netns", "list"]).output().expect("ip");
    let left = String::from_utf8_lossy(&left.stdout);
    assert!(!left.contains("holdover-feed-"), "nothing is left behind: {left}");
}
