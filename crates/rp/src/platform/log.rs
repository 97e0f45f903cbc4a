//! System messages about the chassis.

use super::SlotPower;
use crate::log::{unit_inserted, unit_offline};
use alloc::vec::Vec;
use machine::{CardSlot, ChassisSlot, Duration, RpSlot};
use redundancy::{Syslog, system_messages};

/// What a change of a slot's power means: pulled out, put in, without power.
pub(crate) fn slot_changed(slot: ChassisSlot, was: SlotPower, is: SlotPower) -> Vec<Syslog> {
    let kind = match slot {
        ChassisSlot::Card(_) => "cc",
        ChassisSlot::Rp(_) => "rp",
    };
    match (was, is) {
        (SlotPower::On | SlotPower::Off, SlotPower::Empty) => Vec::from([unit_removed(kind, slot)]),
        (SlotPower::Empty, SlotPower::Off | SlotPower::On) => Vec::from([unit_inserted(kind, slot)]),
        (SlotPower::On, SlotPower::Off) => Vec::from([unit_offline(kind, slot)]),
        _ => Vec::new(),
    }
}

/// What a new active finds in a slot is not what the old one knew.
pub(crate) fn slot_differs(slot: ChassisSlot, known: SlotPower, found: SlotPower) -> Syslog {
    let name = |power| match power {
        SlotPower::Unmanaged => "unmanaged",
        SlotPower::Empty => "empty",
        SlotPower::Off => "without power",
        SlotPower::On => "with power",
    };
    slot_reconciled(slot, name(known), name(found))
}

/// The unit's process has ended.
pub(crate) fn crash_dump_complete(peer: RpSlot, took: Duration) -> Syslog {
    crash_dump_took(peer, took.as_millis())
}

system_messages! {
    IOSXE_OIR-6-REMCARD {
        explanation: "A card or a route processor was pulled out of its slot.",
        action: "None if somebody pulled it.",
        /// See [`slot_changed`].
        fn unit_removed(kind: &str, slot: ChassisSlot) = "Card ({kind}) removed from slot {slot}";
    }

    IOSXE_OIR-6-SOFT_RELOAD {
        explanation: "An operator has a card or a route processor reloaded.",
        action: "None.",
        /// `hw-module slot SLOT reload`, confirmed.
        fn module_reload(slot: ChassisSlot) = "Module in slot {slot} reloaded by operator command";
    }

    PLATFORM-5-RECONCILE {
        explanation: "After a switchover the new active finds a slot otherwise than the old one knew it. What it finds \
            counts.",
        action: "None.",
        /// See [`slot_differs`].
        fn slot_reconciled(slot: ChassisSlot, known: &str, found: &str) =
            "Slot {slot} was {known} before the switchover and is {found}";
    }

    PLATFORM-5-CARD_DIFFERS {
        explanation: "A line card tells of itself otherwise than it is recorded: after a switchover, or when it comes back. \
            What the card says counts.",
        action: "None if somebody changed the card. Where a fabric link is down, see what the cards' own logs say.",
        /// A card's truth and its rows differ.
        fn card_differs(card: CardSlot, what: &str, recorded: &str, found: &str) =
            "Card in slot {card}: {what} was recorded as {recorded} and is {found}";
    }

    PLATFORM-2-ARBITER {
        explanation: "This processor should be active and cannot: the number of the next activity cannot be given out. It \
            tries again every second.",
        action: "Do what the message says, most likely make the state directory writable or make room on its disk.",
        /// The arbiter cannot give out an epoch.
        fn no_epoch(why: &str) = "No epoch can be claimed: {why}";
    }

    PLATFORM-3-BACKPLANE {
        explanation: "The backplane did not do what it was ordered to.",
        action: "See that 'holdover up' runs for this chassis, then give the command again.",
        /// An order came back with this refusal.
        fn order_failed(slot: ChassisSlot, why: &str) = "Slot {slot}: {why}";
    }

    PLATFORM-3-STANDBY_NOT_STARTED {
        explanation: "The other route processor's slot has power, and the backplane does not start it: two route processors on \
            one host need the memory of both. It tries again by itself.",
        action: "Do what the message says. 'show version' tells what this processor holds.",
        /// The backplane refuses to start the peer.
        fn peer_not_started(peer: RpSlot, why: &str) = "{peer} is not started: {why}";
    }

    SYS-5-RELOAD {
        explanation: "An operator has confirmed a reload of the whole chassis.",
        action: "None.",
        /// `reload` or `redundancy reload shelf`, confirmed.
        fn reload_requested() = "Reload requested by console. Reload Reason: Reload command.";
    }

    REDUNDANCY-5-CRASHDUMP_WAIT {
        explanation: "The processor that was active has crashed and writes its crash dump. It is started anew when that \
            is complete, or when crashdump-timeout is over.",
        action: "None.",
        /// The wait begins.
        fn crash_dump_begins(peer: RpSlot, minutes: u64) =
            "Waiting up to {minutes} minutes for the crash dump of {peer}";
    }

    REDUNDANCY-5-CRASHDUMP_COMPLETE {
        explanation: "The crashed processor has written its crash dump.",
        action: "'dir crashinfo:' lists it.",
        /// See [`crash_dump_complete`].
        fn crash_dump_took(peer: RpSlot, milliseconds: u128) =
            "Crash dump of {peer} complete after {milliseconds} ms";
    }

    REDUNDANCY-4-CRASHDUMP_TIMEOUT {
        explanation: "The crashed processor did not complete its crash dump in time, and is reset.",
        action: "Configure a longer crashdump-timeout if the dump is needed.",
        /// The time is up.
        fn crash_dump_given_up(peer: RpSlot, minutes: u64) =
            "Crash dump of {peer} not complete after {minutes} minutes; {peer} is reset";
    }
}
