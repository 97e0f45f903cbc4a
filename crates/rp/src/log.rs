//! System messages of the route processor, beside those of the redundancy facility.

use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;
use machine::{CardSlot, FrameNumber, PortId};
use packet::MacAddress;
use redundancy::Syslog;

fn message(facility: &'static str, severity: u8, mnemonic: &'static str, text: String) -> Syslog {
    Syslog {
        facility,
        severity,
        mnemonic,
        text: text.into(),
    }
}

/// A card is seen for the first time.
pub fn card_inserted(card: CardSlot) -> Syslog {
    message(
        "IOSXE_OIR",
        6,
        "INSCARD",
        format!("Card (cc) inserted in slot {card}"),
    )
}

/// A card answers.
pub fn card_online(card: CardSlot) -> Syslog {
    message(
        "IOSXE_OIR",
        6,
        "ONLINECARD",
        format!("Card (cc) online in slot {card}"),
    )
}

/// A card does not answer any more.
pub fn card_offline(card: CardSlot, why: &str) -> Syslog {
    message(
        "IOSXE_OIR",
        6,
        "OFFLINECARD",
        format!("Card (cc) offline in slot {card}: {why}"),
    )
}

/// A wire was connected or disconnected.
pub fn link_changed(port: PortId, up: bool) -> Syslog {
    let state = if up { "up" } else { "down" };
    message(
        "LINK",
        3,
        "UPDOWN",
        format!("Interface Ethernet{port}, changed state to {state}"),
    )
}

/// Somebody else uses our address.
pub fn duplicate_address(address: Ipv4Addr, mac: MacAddress, port: PortId) -> Syslog {
    message(
        "IP",
        4,
        "DUPADDR",
        format!("Duplicate address {address} on Ethernet{port}, sourced by {mac}"),
    )
}

/// The standby holds something else than it was sent.
pub fn digest_differs(frame: FrameNumber) -> Syslog {
    message(
        "CHKPT",
        3,
        "DIGEST",
        format!("Standby digest differs at frame {frame}; synchronising anew"),
    )
}

/// The standby asks for everything again.
pub fn resync_requested(why: &str, tables: &[u32]) -> Syslog {
    message(
        "CHKPT",
        3,
        "RESYNC",
        format!("Standby asks to be synchronised anew: {why}; tables that differ: {tables:?}"),
    )
}

/// The standby does not acknowledge.
pub fn standby_stalled(since: FrameNumber) -> Syslog {
    message(
        "CHKPT",
        4,
        "OUTOFSTEP",
        format!("Standby out of step since frame {since}: no acknowledgement in time"),
    )
}

/// A card holds something else than it was sent.
pub fn card_digest_differs(card: CardSlot, frame: FrameNumber, digest: u64) -> Syslog {
    let text = format!("Card in slot {card} has digest {digest:016x} at frame {frame}; downloading anew");
    message("FIB", 4, "CARDDIGEST", text)
}

/// The generator client does not take an order.
pub fn generator_refused(why: &str) -> Syslog {
    message("RIB", 4, "GENERATOR", String::from(why))
}

/// A line of the startup configuration was refused.
pub fn startup_line_refused(error: &config::LoadError) -> Syslog {
    message(
        "SYS",
        3,
        "STARTUP_CONFIG",
        format!("Startup configuration, {error}"),
    )
}

/// A command has changed the configuration.
pub fn configured() -> Syslog {
    message(
        "SYS",
        5,
        "CONFIG_I",
        String::from("Configured from console by console"),
    )
}

/// The peer's bytes make no sense.
pub fn peer_nonsense(error: &str) -> Syslog {
    message("CHKPT", 3, "UNKNOWNMSG", format!("{error}; link closed"))
}
