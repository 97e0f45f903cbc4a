//! The kernel's TCP as the judge of the router's: every byte of both streams, over links that lose, repeat and reorder,
//! with takeovers at every packet, and with the options that the kernel has.

#[path = "../../../tcp/tests/common/mod.rs"]
mod common;
mod kernel;
mod rig;

use common::{Crash, Weather};
use kernel::{KernelOptions, counter, tcp_info};
use machine::Duration;
use rig::{Closer, KERNEL_V4, KERNEL_V6, Plan, Rig, World};
use tcp::{ConnectionOptions, SendLog};

const CRASHES: [Crash; 3] = [Crash::BeforeSync, Crash::BeforeRelease, Crash::AfterRelease];

#[test]
fn rules_1_2_3_8_a_takeover_at_every_packet_of_a_session_with_the_kernel_harms_no_byte() {
    const NAME: &str = "rules_1_2_3_8_a_takeover_at_every_packet_of_a_session_with_the_kernel_harms_no_byte";
    let Some(mut rig) = Rig::new(NAME) else { return };
    let kernels = match rig.with_ipv6(NAME) {
        true => vec![KERNEL_V4, KERNEL_V6],
        false => vec![KERNEL_V4],
    };
    const TURNS: u64 = 60;
    for (number, at) in (0..TURNS).enumerate() {
        for crash in CRASHES {
            for passive in [false, true] {
                let send_log = [SendLog::Kept, SendLog::Owner][number / 2 % 2];
                rig.add(Plan {
                    kernel: kernels[number % kernels.len()],
                    passive,
                    options: ConnectionOptions {
                        send_log,
                        ..ConnectionOptions::default()
                    },
                    bytes: [30_000, 50_000],
                    seed: at,
                    crash: Box::new(move |turn, takeovers| (turn >= at && takeovers == 0).then_some(crash)),
                    closer: [Closer::Kernel, Closer::Router][number / 4 % 2],
                    ..Plan::default()
                });
            }
        }
    }
    rig.run("all sessions are over", World::is_over);
    for (number, world) in rig.worlds.iter().enumerate() {
        world.assert_untouched(&format!("router {}", world.router.address));
        // Turns of a timer are none of a packet.
        let at = number as u64 / 6;
        let over_before = world.turns() <= at + 1;
        assert!(
            world.router.takeovers == 1 || over_before,
            "turn {at} of {}",
            world.turns()
        );
    }
    let takeovers: u32 = rig.worlds.iter().map(|world| world.router.takeovers).sum();
    assert!(takeovers > 200, "{takeovers} takeovers");
}

#[test]
fn streams_with_the_kernel_are_exact_over_links_that_lose_repeat_and_reorder() {
    let Some(mut rig) = Rig::new("streams_with_the_kernel_are_exact_over_links_that_lose_repeat_and_reorder")
    else {
        return;
    };
    for number in 0..40u64 {
        rig.add(Plan {
            passive: number % 2 == 0,
            options: ConnectionOptions {
                send_log: [SendLog::Kept, SendLog::Owner][number as usize / 2 % 2],
                ..ConnectionOptions::default()
            },
            bytes: [60_000, 60_000],
            weather: Weather {
                lost: number % 4,
                repeated: number % 7,
                late: number % 30,
            },
            seed: number,
            message: 1 + number as usize * 10,
            // Without timestamps a sender that loses again and again waits twice as long each time (RFC 6298 section 5.5):
            // four times are enough.
            crash: Box::new(move |turn, takeovers| {
                (number >= 20 && turn % 10 == 3 && takeovers < 4).then(|| CRASHES[(turn / 10 % 3) as usize])
            }),
            ..Plan::default()
        });
    }
    rig.run("all sessions are over", World::is_over);
    for world in &rig.worlds {
        world.assert_untouched(&format!("router {}", world.router.address));
    }
}

/// A takeover at each fifteenth packet, three at most.
fn some_crashes(turn: u64, takeovers: u32) -> Option<Crash> {
    (turn % 15 == 7 && takeovers < 3).then(|| CRASHES[takeovers as usize])
}

fn md5(key: &[u8]) -> ConnectionOptions {
    ConnectionOptions {
        md5_key: key.to_vec(),
        ..ConnectionOptions::default()
    }
}

fn kernel_md5(key: &[u8]) -> KernelOptions {
    KernelOptions {
        md5_key: key.to_vec(),
        ..KernelOptions::default()
    }
}

#[test]
fn digests_of_rfc_2385_are_those_of_the_kernel_in_both_families_and_after_takeovers() {
    const NAME: &str = "digests_of_rfc_2385_are_those_of_the_kernel_in_both_families_and_after_takeovers";
    let Some(mut rig) = Rig::new(NAME) else { return };
    let kernels = match rig.with_ipv6(NAME) {
        true => vec![KERNEL_V4, KERNEL_V6],
        false => vec![KERNEL_V4],
    };
    let longest = [b'k'; tcp::MD5_KEY_MAX];
    for kernel in kernels {
        for passive in [false, true] {
            for key in [b"k".as_slice(), b"a secret", &longest] {
                rig.add(Plan {
                    kernel,
                    passive,
                    options: md5(key),
                    kernel_options: kernel_md5(key),
                    crash: Box::new(some_crashes),
                    closer: Closer::Kernel,
                    ..Plan::default()
                });
            }
        }
    }
    rig.run("all sessions are over", World::is_over);
    for world in &rig.worlds {
        world.assert_untouched(&format!("router {}", world.router.address));
        assert!(world.router.takeovers > 0);
        assert_eq!(world.router.pair.active.0.statistics().bad_digest, 0);
    }
    assert_eq!(
        counter("TCPMD5Failure") + counter("TCPMD5NotFound") + counter("TCPMD5Unexpected"),
        0
    );
}

#[test]
fn a_wrong_key_or_none_opens_no_session_with_the_kernel_and_provokes_no_reset() {
    let Some(mut rig) =
        Rig::new("a_wrong_key_or_none_opens_no_session_with_the_kernel_and_provokes_no_reset")
    else {
        return;
    };
    for passive in [false, true] {
        for (ours, theirs) in [("key", "yek"), ("key", ""), ("", "key")] {
            rig.add(Plan {
                passive,
                options: md5(ours.as_bytes()),
                kernel_options: kernel_md5(theirs.as_bytes()),
                ..Plan::default()
            });
        }
    }
    rig.run("each end has dropped what the other sent", |world| {
        world.packets() >= 2
    });
    rig.run_for(Duration::from_millis(50));
    for world in &rig.worlds {
        assert_eq!(world.router.seen.opened, 0);
        assert_eq!(world.router.seen.resets_sent, 0);
        assert_eq!(world.kernel.received, 0);
        let dropped = world.router.pair.active.0.statistics().bad_digest;
        assert!(!world.plan.passive || dropped > 0);
    }
    assert!(counter("TCPMD5Failure") > 0 && counter("TCPMD5NotFound") > 0 && counter("TCPMD5Unexpected") > 0);
}

#[test]
fn packets_that_come_from_farther_than_gtsm_allows_are_dropped_by_either_end() {
    const NAME: &str = "packets_that_come_from_farther_than_gtsm_allows_are_dropped_by_either_end";
    let Some(mut rig) = Rig::new(NAME) else { return };
    let kernels = match rig.with_ipv6(NAME) {
        true => vec![KERNEL_V4, KERNEL_V6],
        false => vec![KERNEL_V4],
    };
    // TTL that each sends, and the least that each takes: the router's, the kernel's.
    let cases = [
        ([255, 255], [255, 255], true),
        ([64, 255], [255, 255], false),
        ([255, 64], [255, 255], false),
        ([255, 64], [64, 255], true),
        ([64, 64], [0, 65], false),
        ([64, 64], [65, 0], false),
    ];
    let mut expected = Vec::new();
    for kernel in kernels {
        for passive in [false, true] {
            for (ttl, ttl_min, opens) in cases {
                rig.add(Plan {
                    kernel,
                    passive,
                    options: ConnectionOptions {
                        ttl: ttl[0],
                        ttl_min: ttl_min[0],
                        ..ConnectionOptions::default()
                    },
                    kernel_options: KernelOptions {
                        ttl: i32::from(ttl[1]),
                        ttl_min: i32::from(ttl_min[1]),
                        ..KernelOptions::default()
                    },
                    crash: Box::new(some_crashes),
                    ..Plan::default()
                });
                expected.push(opens);
            }
        }
    }
    let opens = |world: &World| expected[world.number];
    rig.run("those that may have sent all", |world| {
        !opens(world) || world.complete
    });
    rig.run("the others have tried", |world| {
        opens(world) || world.packets() >= 2
    });
    for world in &rig.worlds {
        assert_eq!(world.complete, opens(world), "case {}", world.number);
        if opens(world) {
            world.assert_untouched(&format!("case {}", world.number));
        }
    }
    assert!(counter("TCPMinTTLDrop") > 0);
}

#[test]
fn a_window_that_the_kernel_closes_is_probed_before_and_after_a_takeover() {
    let Some(mut rig) = Rig::new("a_window_that_the_kernel_closes_is_probed_before_and_after_a_takeover")
    else {
        return;
    };
    const TO_KERNEL: u64 = 12_000_000;
    for number in 0..6 {
        rig.add(Plan {
            passive: number % 2 == 0,
            bytes: [TO_KERNEL, 0],
            options: ConnectionOptions {
                send_log: [SendLog::Kept, SendLog::Owner][number / 2 % 2],
                ..ConnectionOptions::default()
            },
            ..Plan::default()
        });
    }
    for world in &mut rig.worlds {
        world.kernel.stops_reading_at = Some(10_000);
    }
    rig.run("nothing more fits anywhere", |world| world.is_stuck());
    let now = rig.now();
    for world in rig.worlds.iter_mut().skip(2) {
        world.take_over(now);
    }
    // The kernel reads again, and what it tells of that is lost.
    for world in &mut rig.worlds {
        world.deaf_until_probed();
        world.kernel.stops_reading_at = None;
    }
    rig.run("all bytes are there", |world| world.complete);
    for world in &rig.worlds {
        world.assert_untouched(&format!("router {}", world.router.address));
    }
}

#[test]
fn a_window_that_the_router_closes_is_opened_again_by_its_successor() {
    let Some(mut rig) = Rig::new("a_window_that_the_router_closes_is_opened_again_by_its_successor") else {
        return;
    };
    for number in 0..6 {
        rig.add(Plan {
            passive: number % 2 == 0,
            bytes: [10, 3_000_000],
            // Its owner waits for a message that is longer than all buffers.
            message: usize::MAX,
            ..Plan::default()
        });
    }
    rig.run("the kernel sends no more", |world| world.has_closed_its_window());
    let now = rig.now();
    for world in rig.worlds.iter_mut().skip(2) {
        world.take_over(now);
    }
    for world in &mut rig.worlds {
        world.router.message = 1;
        let key = world.router.key.unwrap();
        world.ask(now, |tcp, out, now| tcp.consume(now, &key, usize::MAX, out));
    }
    rig.run("all bytes are there", |world| world.complete);
    for world in &rig.worlds {
        world.assert_untouched(&format!("router {}", world.router.address));
    }
}

#[test]
fn what_was_agreed_on_with_the_kernel_is_what_its_end_says() {
    let Some(mut rig) = Rig::new("what_was_agreed_on_with_the_kernel_is_what_its_end_says") else {
        return;
    };
    for number in 0..4 {
        rig.add(Plan {
            passive: number % 2 == 0,
            bytes: [2_000_000, 2_000_000],
            options: ConnectionOptions {
                mtu: [1500, 1000][number / 2],
                ..ConnectionOptions::default()
            },
            ..Plan::default()
        });
    }
    rig.run("all bytes are there", |world| world.complete);
    for world in &rig.worlds {
        world.assert_untouched(&format!("router {}", world.router.address));
        let key = world.router.key.unwrap();
        let row = world.router.pair.active.0.connections.get(&key).unwrap();
        let info = tcp_info(world.kernel.stream.as_ref().unwrap());
        // TCPI_OPT_SACK and TCPI_OPT_WSCALE, and no timestamps (linux/tcp.h).
        assert_eq!(info.tcpi_options & 0b111, 0b110);
        let scaling = row.window_scaling.unwrap();
        // The first member of the bit field is what the other end shifts by.
        let shifts = info.tcpi_snd_rcv_wscale;
        assert_eq!((shifts & 0xf, shifts >> 4), (scaling.local, scaling.remote));
        assert_eq!(info.tcpi_snd_mss, u32::from(world.plan.options.mtu) - 40);
        assert_eq!(row.remote_mss, 1460);
        assert!(info.tcpi_rcv_mss <= u32::from(world.plan.options.mtu) - 40);
    }
}
