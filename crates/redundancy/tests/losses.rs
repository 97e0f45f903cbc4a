//! How an active was lost, and what happens when the arbiter has no answer.

use RpSlot::R0;
use machine::{Epoch, Instant, Machine, Outbox, RpSlot};
use redundancy::{
    ClaimResult, Input, Output, PeerLoss, ProcessFound, RedundancyConfig, RedundancyFacility,
    SwitchoverReason,
};

struct Alone {
    facility: RedundancyFacility,
    now: Instant,
    asked: Vec<Output>,
}

impl Alone {
    fn started(slot: RpSlot, mastership: Epoch) -> Alone {
        let now = Instant::from_millis(1_000);
        let mut alone = Alone {
            facility: RedundancyFacility::new(RedundancyConfig::new(slot, 7, 1), now),
            now,
            asked: Vec::new(),
        };
        alone.input(Input::Started { mastership });
        alone
    }

    fn input(&mut self, input: Input) {
        let mut out = Outbox::new();
        self.facility.handle(self.now, input, &mut out);
        self.asked.extend(out.drain().map(|(_, output)| output));
    }

    fn run_ms(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += machine::Duration::from_millis(1);
            let mut out = Outbox::new();
            self.facility.expire(self.now, &mut out);
            self.asked.extend(out.drain().map(|(_, output)| output));
        }
    }

    fn claims(&self) -> usize {
        let is_claim = |output: &&Output| matches!(output, Output::Claim { .. });
        self.asked.iter().filter(is_claim).count()
    }
}

#[test]
fn an_arbiter_that_cannot_give_out_an_epoch_is_asked_again_each_second_and_nobody_acts_before() {
    let mut alone = Alone::started(R0, Epoch::NONE);
    alone.run_ms(2_000);
    assert_eq!(alone.claims(), 1);
    for round in 2..5 {
        alone.input(Input::ClaimResult(ClaimResult::Impossible));
        alone.run_ms(999);
        assert_eq!(alone.claims(), round - 1, "not before a second has passed");
        alone.run_ms(1);
        assert_eq!(alone.claims(), round);
    }
    let acts = |output: &Output| matches!(output, Output::StartActive { .. });
    assert!(!alone.asked.iter().any(acts));
    let epoch = Epoch { counter: 1, slot: R0 };
    let out_of_step = false;
    alone.input(Input::ClaimResult(ClaimResult::Won { epoch, out_of_step }));
    assert!(alone.asked.iter().any(acts));
    alone.run_ms(5_000);
    assert_eq!(alone.claims(), 4, "what was won is not claimed again");
}

#[test]
fn an_epoch_far_beyond_all_that_a_chassis_can_have_used_is_not_believed() {
    let mut alone = Alone::started(R0, Epoch::NONE);
    alone.run_ms(2_000);
    let epoch = Epoch { counter: 1, slot: R0 };
    let out_of_step = false;
    alone.input(Input::ClaimResult(ClaimResult::Won { epoch, out_of_step }));
    alone.input(Input::EpochSeen((1 << 56) - 1));
    assert_eq!(
        alone.claims(),
        1,
        "a card's nonsense does not use up the counters"
    );
    alone.input(Input::EpochSeen(3_000_000));
    assert_eq!(alone.claims(), 2, "what earlier boots may have used is passed");
}

#[test]
fn each_loss_has_words_of_its_own_and_survives_as_a_record() {
    let losses = [
        (PeerLoss::Killed, "killed"),
        (PeerLoss::Panicked, "panic"),
        (PeerLoss::Signalled(11), "signal 11"),
        (PeerLoss::Reloaded, "reload"),
        (PeerLoss::Silent, "silent"),
        (PeerLoss::Hung, "hung"),
        (PeerLoss::Stopped, "stopped"),
        (PeerLoss::Removed, "removed"),
        (PeerLoss::PoweredOff, "powered off"),
        (PeerLoss::TakenDown, "taken down by the operator"),
    ];
    for (loss, words) in losses {
        assert_eq!(loss.to_string(), words);
        assert_eq!(PeerLoss::from_number(loss.number()), Some(loss), "{words}");
        let removed = matches!(loss, PeerLoss::Removed | PeerLoss::PoweredOff);
        assert_eq!(
            loss.reason() == SwitchoverReason::ActiveUnitRemoved,
            removed,
            "{words}"
        );
    }
    assert_eq!(PeerLoss::from_number(0), None);
    let found = [ProcessFound::Running, ProcessFound::Stopped, ProcessFound::Gone].map(ProcessFound::loss);
    assert_eq!(found, [PeerLoss::Hung, PeerLoss::Stopped, PeerLoss::Killed]);
}
