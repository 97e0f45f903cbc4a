//! A newcomer's session, typed at a real chassis: the commands in the order in which somebody would try them, wrong input
//! included. The transcript is `docs/newcomer-session.md`; `HOLDOVER_BLESS=1 cargo test --test newcomer` writes it anew.

mod transcript;

use transcript::{STANDBY_COLD, STANDBY_HOT, Typist, golden};

/// A part of the session: a heading, what it is about, and the lines that are typed.
const PARTS: &[(&str, &str, &[&str])] = &[
    (
        "Looking around",
        "Commands may be shortened; `?` helps anywhere (here it would need no return). What is wrong is marked where it is.",
        &[
            "show versoin",
            "show",
            "sh ip int br",
            "e",
            "enable",
            "show version",
            "show platform",
            "show ip route",
            "show ip cef | count 10",
            "show interfaces | include is up",
            "show running-config | begin interface",
            "show clock extra",
            "ping 10.0.0.300",
            "ping 192.0.2.1 repeat 1",
            "show arp nothing",
        ],
    ),
    (
        "The redundancy facility",
        "Who is active, how far the standby is, and what has happened.",
        &[
            "show redundancy",
            "show redundancy states",
            "show redundancy clients",
            "show redundancy counters",
            "show redundancy history | include STANDBY HOT",
            "show redundancy history reload",
            "show redundancy switchover",
            "show redundancy switchover history",
            "show redundancy handover",
            "show redundancy inter-device",
            "show redundancy idb-sync-history | include index=1 create",
            "show redundancy debug-log",
            "redundancy reload",
            "show checkpoint clients 999",
        ],
    ),
    (
        "The chassis",
        "What is in it, and what is wrong with it.",
        &[
            "show inventory",
            "show diag 0",
            "show diag chassis",
            "show diag subslot 9/0",
            "show facility-alarm status",
            "hw-module slot 9 stop",
            "hw-module slot R0",
            "dir crashinfo:",
            "dir bootflash:",
            "more bootflash:nothing",
        ],
    ),
    (
        "Configuring",
        "Every line runs on both route processors before the prompt comes back. A line that is refused changes nothing.",
        &[
            "configure terminal",
            "hostname",
            "hostname West",
            "interface Ethernet9/0",
            "interface Ethernet0/0",
            "description to the lab",
            "mtu 20",
            "mtu 1400",
            "do show running-config | section Ethernet0/0",
            "exit",
            "default interface Ethernet0/0",
            "logging buffered 8192 debugging",
            "redundancy",
            "mode hot",
            "mode sso",
            "keepalive interval 1",
            "notification-timer 60000",
            "no notification-timer",
            "exit",
            "config-register 2",
            "redundancy",
            "crashdump-timeout 4",
            "crashdump-timeout 00:10",
            "no crashdump-timeout",
            "headless-forwarding disable",
            "no headless-forwarding disable",
            "no policy config-sync lbl prc reload",
            "policy config-sync lbl prc reload",
            "end",
            "copy running-config bootflash:west",
            "",
            "dir bootflash: | include west",
            "delete bootflash:west",
            "",
            "",
            "show redundancy config-sync status | include tartup",
            "show checkpoint entities",
            "show redundancy config-sync failures mcl",
            "show redundancy config-sync failures prc",
            "show redundancy config-sync failures bem",
            "show redundancy config-sync ignored failures mcl",
            "write memory",
            "show startup-config | include hostname",
        ],
    ),
    (
        "Watching",
        "`debug` output is shown on terminals that ask for it with `terminal monitor`, and kept in the log.",
        &[
            "debug redundancy everything",
            "debug redundancy ui",
            "show debugging",
            "show redundancy states | include debug mask",
            "undebug all",
            "show logging | include Buffer",
            "clear logging",
        ],
    ),
];

/// What takes units away, and brings them back.
fn reloads_and_modes(typist: &mut Typist) {
    typist.say(
        "\n## Units that go and come\n\nA card and the standby are taken away and come back; the pair runs RPR for a while.\n\n```",
    );
    // System messages would come between at moments of their own.
    for line in [
        "",
        "configure terminal",
        "no logging console",
        "end",
        "write memory",
    ] {
        typist.type_line(line);
    }
    typist.type_line("hw-module slot 1 stop");
    typist.type_line("");
    typist.await_cards(1);
    typist.type_line("show platform | include ^1 ");
    typist.type_line("hw-module slot 1 start");
    typist.await_cards(2);
    typist.type_line("redundancy reload peer");
    typist.press("n");
    typist.await_prompt();
    typist.type_line("redundancy reload shelf");
    typist.press("n");
    typist.await_prompt();
    for line in ["configure terminal", "redundancy", "mode rpr"] {
        typist.type_line(line);
    }
    typist.await_standby(STANDBY_COLD);
    typist.type_line("do show redundancy states | include Redundancy Mode");
    typist.type_line("mode sso");
    typist.await_standby(STANDBY_HOT);
    typist.type_line("do show redundancy states | include Redundancy Mode");
    typist.type_line("end");
    typist.type_line("write memory");
    typist.say("\n```");
}

#[test]
fn a_newcomers_session_reads_as_documented() {
    let mut typist = Typist::new();
    typist.say(
        "\n```\n\n# A newcomer's session\n\nTyped at a chassis that `holdover up` has booted, and replayed by `tests/newcomer.rs`; \
         `HOLDOVER_BLESS=1 cargo test --test newcomer` writes this page. Times, counts and digests are masked, and system messages \
         that came between are left out.\n",
    );
    for (heading, words, lines) in PARTS {
        typist.say(&format!("\n## {heading}\n\n{words}\n\n```"));
        typist.type_line("");
        for line in *lines {
            typist.type_line(line);
        }
        typist.say("\n```");
    }
    reloads_and_modes(&mut typist);
    typist.say("\n## A switchover\n\nThe active hands over and reloads. The successor's console starts at the login state.\n\n```");
    typist.type_line("");
    typist.type_line("reload");
    typist.press("n");
    typist.await_prompt();
    typist.type_line("redundancy force-switchover");
    typist.press("n");
    typist.await_prompt();
    typist.type_line("redundancy force-switchover");
    typist.follow_the_switchover("\r");
    for line in [
        "enable",
        "show redundancy switchover history",
        "show redundancy | include Switchovers",
        "show running-config | include hostname",
    ] {
        typist.type_line(line);
    }
    typist.at_the_standby(&["enable", "show redundancy"]);
    typist.say("\n```");
    let text = typist.finish();
    let (_, document) = text.split_once("\n```\n\n").expect("the document begins");
    golden("docs/newcomer-session.md", document);
}
