//! Every `show` command of the grammar has its layout in a golden text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A command for each `show` row of the grammar, as a golden text has it behind a prompt.
const COMMANDS: &[(&str, &str)] = &[
    ("ShowArp", "show arp"),
    ("ShowCheckpoint", "show checkpoint"),
    ("ShowCheckpointBuffers", "show checkpoint statistics buffer-usage"),
    ("ShowCheckpointClients", "show checkpoint clients"),
    ("ShowCheckpointEntities", "show checkpoint entities"),
    ("ShowCheckpointStatistics", "show checkpoint statistics"),
    ("ShowClock", "show clock"),
    ("ShowConfigSyncBem", "show redundancy config-sync failures bem"),
    (
        "ShowConfigSyncIgnored",
        "show redundancy config-sync ignored failures mcl",
    ),
    ("ShowConfigSyncMcl", "show redundancy config-sync failures mcl"),
    ("ShowConfigSyncPrc", "show redundancy config-sync failures prc"),
    ("ShowConfigSyncStatus", "show redundancy config-sync status"),
    ("ShowDebugging", "show debugging"),
    ("ShowDiag", "show diag"),
    ("ShowDiagChassis", "show diag chassis"),
    ("ShowDiagChassisDetails", "show diag chassis details"),
    ("ShowDiagChassisSummary", "show diag chassis summary"),
    ("ShowDiagDetails", "show diag slot 0 details"),
    ("ShowDiagSummary", "show diag summary"),
    ("ShowFacilityAlarm", "show facility-alarm status"),
    ("ShowHistory", "show history"),
    ("ShowInterfaces", "show interfaces"),
    ("ShowInventory", "show inventory"),
    ("ShowIpCef", "show ip cef"),
    ("ShowIpInterfaceBrief", "show ip interface brief"),
    ("ShowIpRoute", "show ip route"),
    ("ShowLogging", "show logging"),
    ("ShowPlatform", "show platform"),
    ("ShowPrivilege", "show privilege"),
    ("ShowRedundancy", "show redundancy"),
    ("ShowRedundancyClients", "show redundancy clients"),
    ("ShowRedundancyCounters", "show redundancy counters"),
    ("ShowRedundancyDebugLog", "show redundancy debug-log"),
    ("ShowRedundancyHandover", "show redundancy handover"),
    ("ShowRedundancyHistory", "show redundancy history"),
    ("ShowRedundancyHistoryReload", "show redundancy history reload"),
    ("ShowRedundancyHistoryReverse", "show redundancy history reverse"),
    ("ShowRedundancyIdbSyncHistory", "show redundancy idb-sync-history"),
    ("ShowRedundancyInterDevice", "show redundancy inter-device"),
    ("ShowRedundancyStates", "show redundancy states"),
    (
        "ShowRedundancySwitchoverHistory",
        "show redundancy switchover history",
    ),
    ("ShowRunningConfig", "show running-config"),
    ("ShowStartupConfig", "show startup-config"),
    ("ShowTerminal", "show terminal"),
    ("ShowVersion", "show version"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all rows of the grammar that are called `Show...`.
fn rows(table: &str) -> BTreeSet<&str> {
    table
        .lines()
        .filter_map(|line| {
            let words = &line[line.find("row!(EXEC ")?..];
            let name = words.split_whitespace().nth(2)?.trim_end_matches(':');
            name.starts_with("Show").then_some(name)
        })
        .collect()
}

/// The lines of all golden texts behind a prompt, or behind the mark of a command.
fn shown(texts: &[String]) -> BTreeSet<&str> {
    let typed = |line: &str| line.find("#show ").or(line.find(">show ")).map(|at| at + 1);
    let mut commands = BTreeSet::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        commands.extend(line.strip_prefix("=== "));
        commands.extend(typed(line).map(|at| line[at..].trim_end()));
    }
    commands
}

#[test]
fn every_show_command_of_the_grammar_has_a_golden_layout() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a text of the tree");
    let table = read("crates/config/src/table.rs");
    let texts = [
        "crates/rp/tests/golden/console.txt",
        "crates/rp/tests/golden/checkpoint.txt",
        "tests/golden/chapter.txt",
        "docs/newcomer-session.md",
    ]
    .map(read);
    let (rows, shown) = (rows(&table), shown(&texts));
    assert!(rows.len() >= COMMANDS.len(), "the grammar is read: {rows:?}");
    let commands: BTreeMap<&str, &str> = COMMANDS.iter().copied().collect();
    let mut wrong = Vec::new();
    for row in &rows {
        match commands.get(row) {
            None => wrong.push(format!("{row}: add the command here, and to a golden text")),
            Some(command) if !shown.contains(command) => {
                wrong.push(format!("'{command}' is in no golden text"));
            }
            Some(_) => {}
        }
    }
    wrong.extend(
        commands
            .keys()
            .filter(|name| !rows.contains(*name))
            .map(|name| format!("{name} is no row")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_row_and_a_layout_are_found_where_they_stand() {
    let table = "    row!(EXEC User ShowOne: SHOW,\n    row!(EXEC Privileged Reload: X),\n    row!(EXEC User ShowTwo: SHOW),";
    assert_eq!(rows(table), BTreeSet::from(["ShowOne", "ShowTwo"]));
    let texts = [String::from("Router#show one\n=== show two\nno show three\n")];
    assert_eq!(shown(&texts), BTreeSet::from(["show one", "show two"]));
}
