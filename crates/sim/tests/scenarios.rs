//! Stories of one chassis. Each reads as what an engineer would try on a bench.

use machine::RpSlot;
use sim::{FaultKind, Options, World};

fn quiet() -> Options {
    Options::default()
}

#[test]
fn req_2_a_chassis_boots_into_a_pair_that_is_in_step_and_forwards() {
    World::story(1, quiet())
        .boot()
        .until_hot()
        .wait(300)
        .expect_active(RpSlot::R0)
        .expect_no_loss();
}

#[test]
fn req_2_when_the_active_is_killed_the_standby_takes_over_and_no_packet_is_lost() {
    World::story(2, quiet())
        .boot()
        .until_hot()
        .kill_active()
        .expect_active(RpSlot::R1)
        .until_hot()
        .expect_cold_starts(0)
        .expect_no_loss();
}

#[test]
fn the_activity_goes_back_and_forth_and_the_traffic_never_notices() {
    let mut world = World::story(3, quiet()).boot().until_hot();
    for _ in 0..6 {
        world = world.kill_active().until_hot();
    }
    world
        .expect_active(RpSlot::R0)
        .expect_cold_starts(0)
        .expect_no_loss();
}

#[test]
fn the_standby_may_die_without_anybody_noticing() {
    World::story(4, quiet())
        .boot()
        .until_hot()
        .kill_standby()
        .expect_active(RpSlot::R0)
        .until_hot()
        .expect_no_loss();
}
