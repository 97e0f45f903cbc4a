//! Whatever is fed in, in whatever order: no panic, and what must always hold does.

mod common;

use machine::{Duration, Epoch, Instant, Machine, Outbox, RpSlot, Seed};
use redundancy::{
    Answer, Body, ClaimResult, ClientId, Hello, Input, Output, PeerLoss, Progression, RedundancyFacility,
    RedundancyMode, ReloadScope, RfMessage, RfState, client,
};

fn pick<T: Clone>(random: &mut Seed, choices: &[T]) -> T {
    choices[random.below(choices.len() as u64) as usize].clone()
}

fn epoch(random: &mut Seed) -> Epoch {
    Epoch {
        counter: random.below(6),
        slot: pick(random, &RpSlot::ALL),
    }
}

fn body(random: &mut Seed) -> Body {
    let progression = pick(random, &Progression::ALL);
    let mode = pick(
        random,
        &[RedundancyMode::Sso, RedundancyMode::Sso, RedundancyMode::Rpr],
    );
    let schema_hash = pick(random, &[0x5eed, 0x5eed, 7]);
    let choices = [
        Body::Hello(Hello::new(schema_hash, mode)),
        Body::Hello(Hello {
            version: 2,
            ..Hello::new(schema_hash, mode)
        }),
        Body::Hello(Hello {
            mismatched_commands: 1,
            language: pick(random, &[0, 1]),
            mismatched_language: pick(random, &[0, 1]),
            ..Hello::new(schema_hash, mode)
        }),
        Body::Heartbeat {
            sequence: random.next_u64(),
        },
        Body::State,
        Body::Progress(progression),
        Body::ProgressDone(progression),
        Body::Resync,
        Body::Maintenance(random.chance(1, 2)),
        Body::SwitchoverRequest,
        Body::SwitchoverRefused,
    ];
    pick(random, &choices)
}

fn message(random: &mut Seed) -> Input {
    Input::PeerMessage(RfMessage {
        slot: pick(random, &[RpSlot::R1, RpSlot::R1, RpSlot::R1, RpSlot::R0]),
        boot: 1 + random.below(3),
        epoch: epoch(random),
        state: pick(random, &RfState::ALL),
        body: body(random),
    })
}

fn input(random: &mut Seed, state: RfState) -> Input {
    let progression = state.progression().unwrap_or(Progression::Initialization);
    let matching = pick(random, &[progression, progression, Progression::StandbyBulk]);
    let id = pick(random, &[client::CEF.id, client::ARP.id, ClientId(9)]);
    let won = ClaimResult::Won {
        epoch: epoch(random),
        out_of_step: random.chance(1, 4),
    };
    let choices = [
        Input::Started {
            mastership: epoch(random),
        },
        Input::PeerPresent(random.chance(1, 2)),
        Input::PeerCommunication(random.chance(3, 4)),
        message(random),
        message(random),
        message(random),
        Input::LifeLost(pick(
            random,
            &[PeerLoss::Killed, PeerLoss::Silent, PeerLoss::Removed],
        )),
        Input::ClaimResult(won),
        Input::ClaimResult(ClaimResult::Lost(epoch(random))),
        Input::EpochSeen(random.below(12)),
        Input::ClientAnswered {
            client: id,
            progression: matching,
            answer: pick(random, &[Answer::Done, Answer::Done, Answer::Later]),
        },
        Input::ClientCompleted {
            client: id,
            progression: matching,
        },
        Input::BulkFinished,
        Input::SyncLost,
        Input::ForceSwitchover,
        Input::HandoverReady,
        Input::ConfigureMode(pick(random, &[RedundancyMode::Sso, RedundancyMode::Rpr])),
        Input::MaintenanceMode(random.chance(1, 3)),
        Input::Reload(pick(random, &[ReloadScope::Peer, ReloadScope::Shelf])),
    ];
    pick(random, &choices)
}

/// What a well-behaved peer and checkpoint facility would say next: leads into the deep states.
fn help(random: &mut Seed, state: RfState) -> Input {
    let from_active = |body| {
        let epoch = Epoch {
            counter: 50,
            slot: RpSlot::R1,
        };
        Input::PeerMessage(RfMessage {
            slot: RpSlot::R1,
            boot: 1,
            epoch,
            state: RfState::Active,
            body,
        })
    };
    let hello = Hello::new(0x5eed, RedundancyMode::Sso);
    let progress = state.progression().filter(|progression| progression.is_standby());
    match (state, progress) {
        (RfState::Disabled, _) => Input::Started {
            mastership: Epoch::NONE,
        },
        (RfState::Negotiation, _) => pick(
            random,
            &[Input::PeerCommunication(true), from_active(Body::Hello(hello))],
        ),
        (_, Some(progression)) => pick(
            random,
            &[Input::BulkFinished, from_active(Body::ProgressDone(progression))],
        ),
        _ => Input::HandoverReady,
    }
}

/// Feeds one facility with nonsense; clients answer mostly as they should, so that deep states are reached.
fn run(seed: u64, reached: &mut [u64; 14]) {
    let mut random = Seed::new(seed);
    let mut now = Instant::from_millis(1);
    let mut config = common::config(RpSlot::R0, 1_000);
    config.history_lines = 50;
    let mut rf = RedundancyFacility::new(config, now);
    for client in [client::CEF, client::ARP] {
        rf.register(now, client).expect("two clients");
    }
    let mut out = Outbox::new();
    let mut claims_out = 0_u32;
    let mut answers = Vec::new();
    // Each run draws how much nonsense there is at all.
    let nonsense_of_ten = 1 + random.below(10);
    for _ in 0..120 {
        let before = rf.state();
        if random.chance(1, 8) {
            now += Duration::from_millis(pick(&mut random, &[0, 10, 60, 1_000, 31_000]));
            rf.expire(now, &mut out);
        } else {
            let answer = if random.chance(2, 3) { answers.pop() } else { None };
            let nonsense = random.chance(nonsense_of_ten, 10);
            let next = if nonsense {
                input(&mut random, before)
            } else {
                help(&mut random, before)
            };
            let input = answer.unwrap_or(next);
            if matches!(input, Input::ClaimResult(_)) {
                claims_out = claims_out.saturating_sub(1);
            }
            rf.handle(now, input, &mut out);
        }
        reached[rf.state().number() as usize] += 1;
        for (_, output) in out.drain() {
            match output {
                Output::Claim { .. } => claims_out += 1,
                Output::RunClient {
                    client, progression, ..
                } => {
                    let answer = Answer::Done;
                    answers.push(Input::ClientAnswered {
                        client: client.id,
                        progression,
                        answer,
                    });
                }
                Output::SendToPeer(message) => {
                    assert_eq!(RfMessage::decode(&message.encode()), Ok(message), "seed {seed}");
                }
                _ => {}
            }
        }
        assert!(
            claims_out <= 1,
            "seed {seed}: {claims_out} claims are out at once"
        );
        assert_eq!(
            rf.epoch().is_some(),
            rf.state().is_active(),
            "seed {seed}: {}",
            rf.state()
        );
        assert!(
            !before.is_active() || !rf.state().is_standby(),
            "seed {seed}: an active became a standby"
        );
        assert!(rf.history().iter().count() <= 50);
    }
}

#[test]
fn nonsense_in_any_order_never_panics_and_never_breaks_what_must_hold() {
    let mut reached = [0; 14];
    for seed in 0..5_000 {
        run(seed, &mut reached);
    }
    for state in RfState::ALL
        .into_iter()
        .filter(|state| *state != RfState::Unknown)
    {
        assert!(
            reached[state.number() as usize] > 0,
            "{state} was never reached: {reached:?}"
        );
    }
}
