//! The vendor's chapter on stateful switchover, followed from its configuration steps over verification to troubleshooting, at
//! a real chassis. What waits for a capability that does not exist yet is named in its place.

mod transcript;

use transcript::{Typist, golden};

/// A step of the chapter.
enum Step {
    /// What the chapter calls the part that follows.
    Part(&'static str),
    /// A line that the operator types.
    Type(&'static str),
    /// A step that cannot be taken yet, and what carries it.
    Waits(&'static str, &'static str),
    /// The last key of a command that moves the activity.
    SwitchOver(&'static str),
}

use Step::{Part, SwitchOver, Type, Waits};

const CHAPTER: &[Step] = &[
    Part("Copying an Image onto an RP"),
    Type("enable"),
    Waits("copy tftp slot0:image1", "[ops] file systems"),
    Waits("copy tftp stby-slot0:image1", "[ops] file systems"),
    Type("disable"),
    Part("Configuring SSO"),
    Type("enable"),
    Type("configure terminal"),
    Type("redundancy"),
    Type("mode sso"),
    Type("end"),
    Type("copy running-config startup-config"),
    Type(""),
    Part("Configuring Frame Relay and Multilink Frame Relay Autosynchronization LMI Sequence Numbers"),
    Waits(
        "frame-relay redundancy auto-sync lmi-sequence-numbers",
        "[wan] Frame Relay",
    ),
    Part("Verifying SSO Configuration"),
    Type("enable"),
    Type("show redundancy"),
    Type("show redundancy clients"),
    Type("show redundancy counters"),
    Type("show redundancy history | include STANDBY HOT"),
    Type("show redundancy switchover history"),
    Type("show redundancy states"),
    Part("Troubleshooting Stateful Switchover: a switchover by hand, and what the new active tells of it"),
    Type("redundancy force-switchover"),
    SwitchOver("\r"),
    Type("enable"),
    Type("show redundancy switchover history"),
    Type("show redundancy history | include Reload"),
    Type("show redundancy states"),
    Part("Troubleshooting Stateful Switchover: ROM monitor"),
    Waits("Break in the first 60 seconds of startup", "[ops] ROM monitor"),
    Part("Troubleshooting SSO"),
    Type("configure terminal"),
    Type("redundancy"),
    Type("crashdump-timeout 10"),
    Type("end"),
    Waits("debug atm ha-error", "[svc] ATM"),
    Waits("debug atm ha-events", "[svc] ATM"),
    Waits("debug atm ha-state", "[svc] ATM"),
    Waits("debug ppp redundancy", "[wan] PPP"),
    Type("debug redundancy ui"),
    Type("debug redundancy hub"),
    Type("show debugging"),
    Type("undebug all"),
    Type("debug redundancy all"),
    Type("undebug all"),
    Type("show diag summary"),
    Type("show redundancy handover"),
    Type("show redundancy inter-device"),
    Type("show version"),
];

#[test]
fn the_vendor_chapter_is_followed_from_configuration_to_troubleshooting() {
    let mut typist = Typist::new();
    for step in CHAPTER {
        match step {
            Part(words) => typist.say(&format!("\n\n=== {words} ===")),
            Type(line) => typist.type_line(line),
            Waits(line, capability) => {
                typist.say(&format!("\n\n--- {line}: waits for {capability} ---"));
                typist.type_line("");
            }
            SwitchOver(keys) => typist.follow_the_switchover(keys),
        }
    }
    golden("tests/golden/chapter.txt", &typist.finish());
}
