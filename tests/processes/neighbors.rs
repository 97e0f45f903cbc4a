//! BGP sessions with the kernel's TCP, over route processors that are killed: the bench itself, small.

use crate::chassis;
use std::io::Write;
use std::process::Command;

#[test]
fn sessions_with_neighbours_without_graceful_restart_survive_kills_in_alternating_directions_unnoticed() {
    const NAME: &str =
        "sessions_with_neighbours_without_graceful_restart_survive_kills_in_alternating_directions_unnoticed";
    let output = Command::new(chassis::program())
        .args(["bench", "bgp-switchover", "--sessions", "40", "--count", "4"])
        .output()
        .expect("the bench runs");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if complained.contains("cannot make a network namespace") {
        // Not the macro, whose output of a passing test is thrown away.
        let line = format!("SKIPPED {NAME}: network namespaces need root\n");
        std::io::stdout()
            .write_all(line.as_bytes())
            .expect("standard output");
        return;
    }
    assert!(output.status.success(), "{said}{complained}");
    let line = said.lines().last().expect("a line of figures");
    let figures: serde_json::Value = serde_json::from_str(line).expect("JSON");
    for name in ["resets", "updates_repeated"] {
        assert_eq!(figures[name], 0, "{line}\n{complained}");
    }
    assert_eq!(figures["packets"]["lost"], 0, "{line}\n{complained}");
    assert_eq!((&figures["sessions"], &figures["count"]), (&40.into(), &4.into()));
    assert!(figures["packets"]["sent"].as_u64() > Some(0));
}
