//! Two route processors on one host need the memory of both: a look before the second one is started.

use crate::chassis::{self, HANG_LIMIT, Place, ask, eventually, hot_pair, order, slot_of, words};
use machine::RpSlot;
use runtime::operate::script;
use runtime::operate::status_client::{self, StatusClient, active_slot};
use std::path::Path;

/// Grants both together what they hold at their start, with the reserve, and not much more.
const GRANTED_MIB: u32 = 128;
/// What makes one of them hold more than it may beside another one.
const ROUTES: u32 = 200_000;
const REFUSAL: &str = "a second route processor needs ";

fn grow(run: &Path, active: RpSlot) {
    let told = StatusClient::connect(run, active)
        .and_then(|mut rp| rp.generate(ROUTES, &["10.0.0.2".parse().expect("an address")]));
    assert!(told.is_ok(), "{told:?}");
    eventually("all routes are in the tables", || {
        let reports = status_client::observe(run);
        let report = reports[active.index()].as_ref()?;
        (report.generated_routes == ROUTES && report.settled).then_some(())
    });
}

/// What the active shows of it; the first look may be too early.
fn shown(run: &Path, active: RpSlot) -> String {
    eventually("the active knows of the refusal", || {
        let lines = [
            "enable",
            "show redundancy",
            "show version",
            "show platform",
            "show logging",
        ];
        let shown = script::run(run, active, &lines, HANG_LIMIT).ok()?;
        shown.contains("is not started: ").then_some(shown)
    })
}

#[test]
fn req_27_a_standby_is_refused_where_memory_is_short_and_started_when_there_is_some() {
    let place = Place::new();
    let output = chassis::up_as(
        &place,
        &chassis::description(&format!("memory_mib = {GRANTED_MIB}")),
    );
    assert!(output.status.success(), "{}", words(&output));
    let run = place.run_directory();
    let (active, standby) = hot_pair(&run);
    let (slot, other) = (slot_of(&active), slot_of(&standby));
    ask(&run, slot, &["enable", "write memory"]);
    grow(&run, slot);
    // A standby that was silent for too long over so many routes, on a busy machine, has been reset by the active already.
    let standby = &status_client::observe(&run)[other.index()];
    if let Some(standby) = standby
        .as_ref()
        .filter(|standby| chassis::is_running(standby.pid))
    {
        chassis::kill(standby.pid);
    }
    let text = shown(&run, slot);
    for part in [
        format!("Peer (slot: {other}) is not started: {REFUSAL}"),
        format!("Software redundancy: no standby is started: {REFUSAL}"),
        format!("%PLATFORM-3-STANDBY_NOT_STARTED: {other} is not started: {REFUSAL}"),
        "MiB are left of memory_mib: raise that".to_string(),
        "not started  ".to_string(),
    ] {
        assert!(text.contains(&part), "{part} in\n{text}");
    }
    let status = words(&place.run(&["status"]));
    assert!(
        status.contains(&format!("{other} is not started: {REFUSAL}")),
        "{status}"
    );
    // It is tried again and again, and the log has each try, but the router's own only the first.
    let log = place.path.join("log").join(format!("{other}.log"));
    eventually("a second try", || {
        let log = std::fs::read_to_string(&log).ok()?;
        (log.matches(REFUSAL).count() >= 2).then_some(())
    });
    let log = ask(&run, slot, &["enable", "show logging"]);
    assert_eq!(log.matches("STANDBY_NOT_STARTED").count(), 1, "{log}");
    // A fresh processor without all these routes leaves room again.
    order(&run, slot, &["enable", "reload", "y"]);
    eventually("the old one has ended", || {
        (!chassis::is_running(active.pid)).then_some(())
    });
    let (active, _) = hot_pair(&run);
    let text = eventually("nothing is said of it any more", || {
        let lines = ["enable", "show redundancy", "show version"];
        let shown = script::run(&run, slot_of(&active), &lines, HANG_LIMIT).ok()?;
        (!shown.contains(REFUSAL)).then_some(shown)
    });
    assert!(
        text.contains("Software redundancy: the standby on this host costs "),
        "{text}"
    );
}

#[test]
fn req_27_a_chassis_without_the_memory_for_two_boots_with_one_and_says_so() {
    let place = Place::new();
    let output = chassis::up_as(&place, &chassis::description("memory_mib = 1"));
    let said = words(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(": not started: a second route processor needs "),
        "{said}"
    );
    let run = place.run_directory();
    let active = active_slot(&status_client::observe(&run)).expect("an active");
    let text = shown(&run, active);
    assert!(text.contains("Hardware Mode = Simplex"), "{text}");
}
