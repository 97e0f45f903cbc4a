//! A pair of route processors that are not alike: RPR with the reason, and SSO again when they are alike.

use crate::chassis::{self, Place, ask, eventually, hot_pair, slot_of, words};
use machine::RpSlot;
use runtime::operate::status_client::{self, RpReport, active_slot};
use runtime::rp_process::nvram_path;
use std::path::Path;

/// The active of a pair that runs RPR because of a difference, once its standby has all that it is to have.
fn fallen_back(run: &Path) -> RpReport {
    eventually("a pair in RPR that rests", || {
        let reports = status_client::observe(run);
        let active = reports[active_slot(&reports)?.index()].clone()?;
        let rests = active.operating_mode == "rpr" && active.standby_rests && active.settled;
        (rests && !active.fallback.is_empty()).then_some(active)
    })
}

fn at_the_chassis(place: &Place, arguments: &[&str]) {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
}

/// Everything that an operator would look at says why.
fn the_reason_is_everywhere(place: &Place, active: RpSlot, reason: &str) {
    let run = place.run_directory();
    let shown = ask(
        &run,
        active,
        &[
            "enable",
            "show redundancy",
            "show redundancy states",
            "show version",
            "show logging",
        ],
    );
    for part in [
        "Configured Redundancy Mode = sso".to_string(),
        "Operating Redundancy Mode = rpr".to_string(),
        format!("Reason for falling back to rpr = {reason}"),
        "Redundancy Mode (Operational) = rpr".to_string(),
        "Redundancy Mode (Configured)  = sso".to_string(),
        format!("Redundancy Mode (Fell Back)   = {reason}"),
        format!("Operating mode is rpr instead of sso: {reason}"),
        format!("%HA-4-PEER_MISMATCH: SSO is not possible: {reason}."),
        "%HA-5-MODE: Operating mode is rpr, configured mode is sso.".to_string(),
        "%RF-5-RF_TERMINAL_STATE: Terminal state reached for (RPR)".to_string(),
    ] {
        assert!(shown.contains(&part), "{part} in\n{shown}");
    }
    let status = words(&place.run(&["status"]));
    let told = format!("Redundancy mode rpr, configured sso\n  {reason}\n");
    assert!(status.contains(&told), "{told} in\n{status}");
}

/// Nothing is left of the reason, but the log of it.
fn sso_again(place: &Place, reason: &str) -> RpSlot {
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let slot = slot_of(&active);
    assert_eq!(
        (active.operating_mode.as_str(), active.fallback.len()),
        ("sso", 0)
    );
    let lines = [
        "enable",
        "show redundancy",
        "show redundancy states",
        "show version",
    ];
    let shown = ask(&run, slot, &lines);
    assert!(shown.contains("Operating Redundancy Mode = sso"), "{shown}");
    assert!(!shown.contains(reason), "{reason} in\n{shown}");
    let log = ask(&run, slot, &["enable", "show logging | include HA-5-MODE"]);
    let last = log.lines().last().unwrap_or_default();
    assert!(
        last.contains("Operating mode is sso, configured mode is sso."),
        "{log}"
    );
    let status = words(&place.run(&["status"]));
    assert!(status.contains("\nRedundancy mode sso\n"), "{status}");
    slot
}

#[test]
fn req_81_a_unit_with_another_image_makes_the_pair_run_rpr_until_it_is_exchanged() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let (slot, other) = (slot_of(&active), slot_of(&active).peer().to_string());
    let insert = ["insert", &other, "--image-version", "Version 9.0.0"];
    let refused = place.run(&insert);
    assert!(
        words(&refused).contains("is not empty: pull what is in it first"),
        "{}",
        words(&refused)
    );
    at_the_chassis(&place, &["pull", &other]);
    at_the_chassis(&place, &insert);
    let reason = "image Version 0.1.0 here, Version 9.0.0 on the peer";
    assert_eq!(fallen_back(&run).fallback, [reason]);
    the_reason_is_everywhere(&place, slot, reason);
    let shown = ask(&run, slot, &["enable", "show version", "show platform"]);
    for part in [
        format!("Image of {slot} (active): Holdover Software, Version 0.1.0"),
        format!("Image of {other} (standby): Holdover Software, Version 9.0.0"),
        "ok, standby".to_string(),
    ] {
        assert!(shown.contains(&part), "{part} in\n{shown}");
    }
    // It is in the slot, so it stays: over its own end and over that of the backplane.
    let overview = place.run(&["status", "--json"]);
    let overview: serde_json::Value = serde_json::from_slice(&overview.stdout).expect("JSON");
    let backplane = overview["backplane"]["process"].as_u64().expect("a backplane");
    chassis::kill(u32::try_from(backplane).expect("a process id"));
    eventually("the backplane is gone", || {
        words(&place.run(&["status"]))
            .contains("no backplane runs")
            .then_some(())
    });
    at_the_chassis(&place, &["up", "--detach"]);
    let standby =
        |report: &[Option<RpReport>; 2]| report[slot.peer().index()].as_ref().map(|report| report.pid);
    let before = standby(&status_client::observe(&run)).expect("a standby");
    at_the_chassis(&place, &["reset", &other]);
    eventually("another process is in the slot", || {
        (standby(&status_client::observe(&run))? != before).then_some(())
    });
    assert_eq!(fallen_back(&run).fallback, [reason]);
    at_the_chassis(&place, &["pull", &other]);
    at_the_chassis(&place, &["insert", &other]);
    assert_eq!(sso_again(&place, reason), slot);
}

#[test]
fn req_9_a_unit_whose_register_differs_makes_the_pair_run_rpr_until_it_is_reloaded() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let (slot, other) = (slot_of(&active), slot_of(&active).peer());
    at_the_chassis(&place, &["pull", &other.to_string()]);
    // As it were set at the unit's own monitor, in another chassis.
    let register = nvram_path(&place.path.join("state"), other).with_file_name("config-register");
    std::fs::write(&register, "0x2142\n").expect("a register");
    at_the_chassis(&place, &["insert", &other.to_string()]);
    let reason = "configuration register 0x2102 here, 0x2142 on the peer";
    assert_eq!(fallen_back(&run).fallback, [reason]);
    the_reason_is_everywhere(&place, slot, reason);
    // The standby has taken the active's over, for its next boot.
    eventually("the register is written", || {
        let text = std::fs::read_to_string(&register).ok()?;
        (text.trim() == "0x2102").then_some(())
    });
    ask(&run, slot, &["enable", "redundancy reload peer", "y"]);
    assert_eq!(sso_again(&place, reason), slot);
}

#[test]
fn req_81_a_description_with_two_images_boots_into_rpr_and_says_why() {
    let place = Place::new();
    let text = chassis::description("").replace(
        "slot = \"R1\"\n",
        "slot = \"R1\"\nimage_version = \"Version 0.0.9\"\n",
    );
    let output = chassis::up_as(&place, &text);
    assert!(output.status.success(), "{}", words(&output));
    let active = fallen_back(&place.run_directory());
    let [mine, peer] = match slot_of(&active) {
        RpSlot::R0 => ["0.1.0", "0.0.9"],
        RpSlot::R1 => ["0.0.9", "0.1.0"],
    };
    let reason = format!("image Version {mine} here, Version {peer} on the peer");
    let said = words(&output);
    assert!(
        said.contains(&format!("SSO is not possible: {reason}.")),
        "{said}"
    );
    the_reason_is_everywhere(&place, slot_of(&active), &reason);
}
