//! Configuration on two real route processors and their disks.

use crate::chassis::{Place, ask, eventually, hot_pair, slot_of, words};
use machine::RpSlot;
use std::path::PathBuf;

fn nvram(place: &Place, slot: RpSlot) -> PathBuf {
    runtime::rp_process::nvram_path(&place.path.join("state"), slot)
}

fn saved(place: &Place, slot: RpSlot) -> String {
    std::fs::read_to_string(nvram(place, slot)).unwrap_or_default()
}

#[test]
fn req_37_each_way_of_saving_leaves_the_same_text_on_both_disks() {
    let place = crate::chassis::up();
    let (active, _) = hot_pair(&place.run_directory());
    for (number, command) in [
        &["write memory"][..],
        &["copy running-config startup-config", ""],
        &["copy system:running-config nvram:startup-config", ""],
        &[
            "copy running-config bootflash:base.cfg",
            "",
            "copy bootflash:base.cfg nvram:startup-config",
            "",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("hostname Saved{number}");
        let lines = [&["enable", "configure terminal", &name, "end"], command].concat();
        let shown = ask(&place.run_directory(), slot_of(&active), &lines);
        assert!(shown.contains("[OK]"), "{command:?}: {shown}");
        // The prompt comes back when both have it.
        let texts = RpSlot::ALL.map(|slot| saved(&place, slot));
        assert!(texts[0].contains(&name), "{command:?}: {}", texts[0]);
        assert_eq!(texts[0], texts[1], "{command:?}");
    }
}

#[test]
fn req_37_a_standby_that_cannot_write_says_so_and_writes_when_it_can() {
    let place = crate::chassis::up();
    let (active, standby) = hot_pair(&place.run_directory());
    let path = nvram(&place, slot_of(&standby));
    let directory = path.parent().expect("a directory").to_path_buf();
    let aside = directory.with_extension("aside");
    std::fs::rename(&directory, &aside).expect("the directory can be moved");
    std::fs::write(&directory, "in the way").expect("a file in its place");
    let lines = [
        "enable",
        "configure terminal",
        "hostname Kept",
        "end",
        "write memory",
        "show redundancy config-sync status",
    ];
    let shown = ask(&place.run_directory(), slot_of(&active), &lines);
    let complaint = format!(
        "[OK]\n%Error writing nvram:startup-config on standby {}",
        standby.slot
    );
    assert!(shown.contains(&complaint), "{shown}");
    assert!(shown.contains("not written ("), "{shown}");
    std::fs::remove_file(&directory).expect("the file can go");
    std::fs::rename(&aside, &directory).expect("the directory comes back");
    eventually("the standby's disk has the text", || {
        saved(&place, slot_of(&standby))
            .contains("hostname Kept")
            .then_some(())
    });
}

#[test]
fn req_32_a_standby_of_an_older_release_lists_what_it_does_not_know_and_rests_in_rpr() {
    let place = Place::new();
    let file = place.path.join("older.toml");
    let default = runtime::chassis_file::DEFAULT_CHASSIS;
    let older = default.replace(
        "slot = \"R1\"\n",
        "slot = \"R1\"\nunsupported_commands = [\"mtu\"]\n",
    );
    assert_ne!(older, default);
    std::fs::write(&file, older).expect("a file");
    let output = place.run(&["up", "--detach", "--chassis", file.to_str().expect("a path")]);
    assert!(output.status.success(), "{}", words(&output));
    let (active, _) = hot_pair(&place.run_directory());
    assert_eq!(active.slot, "R0", "the primary is active at the first boot");
    let lines = [
        "enable",
        "configure terminal",
        "interface Ethernet0/0",
        "mtu 1400",
        "end",
    ];
    ask(&place.run_directory(), RpSlot::R0, &lines);
    let shown = eventually("the pair runs RPR", || {
        let lines = [
            "enable",
            "show redundancy states",
            "show redundancy config-sync failures mcl",
            "show redundancy config-sync failures prc",
        ];
        let shown = ask(&place.run_directory(), RpSlot::R0, &lines);
        let rests = shown.contains("peer state = 4  -STANDBY COLD");
        (rests && shown.contains("Redundancy Mode (Operational) = rpr")).then_some(shown)
    });
    assert!(
        shown.contains("- mtu 1400\n! </submode> \"interface\""),
        "{shown}"
    );
    assert!(
        shown.contains("! return code 0 on the active, 2 on the standby"),
        "{shown}"
    );
    let lines = ["enable", "redundancy config-sync ignore mismatched-commands"];
    ask(&place.run_directory(), RpSlot::R0, &lines);
    hot_pair(&place.run_directory());
}
