//! System messages of the route processor, beside those of the redundancy facility.

use core::net::Ipv4Addr;
use machine::{CardSlot, ChassisSlot, FrameNumber, PortId};
use packet::MacAddress;
use redundancy::system_messages;

/// A wire was connected or disconnected.
pub fn link_changed(port: PortId, up: bool) -> redundancy::Syslog {
    link_state_changed(port, if up { "up" } else { "down" })
}

system_messages! {
    IOSXE_OIR-6-INSCARD {
        explanation: "A line card is seen in a slot for the first time.",
        action: "None.",
        /// A card is seen for the first time.
        fn card_inserted(card: CardSlot) = "Card (cc) inserted in slot {card}";
        /// A unit is put into a slot that was empty.
        fn unit_inserted(kind: &str, slot: ChassisSlot) = "Card ({kind}) inserted in slot {slot}";
    }

    IOSXE_OIR-6-ONLINECARD {
        explanation: "A line card answers and is in service.",
        action: "None.",
        /// A card answers.
        fn card_online(card: CardSlot) = "Card (cc) online in slot {card}";
    }

    IOSXE_OIR-6-OFFLINECARD {
        explanation: "A line card does not answer any more. It forwards on by what it has if it still runs.",
        action: "If nobody pulled or stopped it, look at the card's own log; it is started again by itself.",
        /// A card does not answer any more.
        fn card_offline(card: CardSlot) = "Card (cc) offline in slot {card}";
        /// A unit has lost its power.
        fn unit_offline(kind: &str, slot: ChassisSlot) = "Card ({kind}) offline in slot {slot}";
    }

    LINK-3-UPDOWN {
        explanation: "A wire was connected or disconnected.",
        action: "For a change that nobody made, look at the wire and at the system at its other end.",
        /// See [`link_changed`].
        fn link_state_changed(port: PortId, state: &str) = "Interface Ethernet{port}, changed state to {state}";
    }

    IP-4-DUPADDR {
        explanation: "Another system on the network uses an address of this router.",
        action: "Find the system by its hardware address and give one of the two another address.",
        /// Somebody else uses our address.
        fn duplicate_address(address: Ipv4Addr, mac: MacAddress, port: PortId) =
            "Duplicate address {address} on Ethernet{port}, sourced by {mac}";
    }

    CHKPT-3-DIGEST {
        explanation: "The standby holds something else than it was sent. It is filled anew.",
        action: "None if it stays the only one. If it comes back, the memory or the program of one processor is faulty.",
        /// The standby holds something else than it was sent.
        fn digest_differs(frame: FrameNumber) = "Standby digest differs at frame {frame}; synchronising anew";
    }

    CHKPT-3-RESYNC {
        explanation: "The standby has found that its state does not fit, and asks for all of it again.",
        action: "As for CHKPT-3-DIGEST.",
        /// The standby asks for everything again.
        fn resync_requested(why: &str, tables: &[u32]) =
            "Standby asks to be synchronised anew: {why}; tables that differ: {tables:?}";
    }

    CHKPT-4-OUTOFSTEP {
        explanation: "The standby has not acknowledged in time. It is not promoted with its state until it has been \
            filled anew; a switchover meanwhile starts from the configuration.",
        action: "None if it stays the only one. If it comes back, one processor or the link between them is overloaded.",
        /// The standby does not acknowledge.
        fn standby_stalled(since: FrameNumber) =
            "Standby out of step since frame {since}: no acknowledgement in time";
    }

    CHKPT-3-UNKNOWNMSG {
        explanation: "The peer has sent something that is no message. The link is closed and made anew.",
        action: "If it comes back, the two processors run programs that do not fit together.",
        /// The peer's bytes make no sense.
        fn peer_nonsense(error: &str) = "{error}; link closed";
    }

    FIB-4-CARDDIGEST {
        explanation: "A line card holds something else than it was sent. It is downloaded anew while it forwards on.",
        action: "None if it stays the only one. If it comes back, the card's memory or program is faulty.",
        /// A card holds something else than it was sent.
        fn card_digest_differs(card: CardSlot, frame: FrameNumber, digest: u64) =
            "Card in slot {card} has digest {digest:016x} at frame {frame}; downloading anew";
    }

    RIB-4-GENERATOR {
        explanation: "The route generator, which benches use, does not take an order.",
        action: "Follow the reason in the message.",
        /// The generator client does not take an order.
        fn generator_refused(why: &str) = "{why}";
    }

    REDUNDANCY-4-CARD_RESET {
        explanation: "A route processor became active from its startup configuration and has all line cards reset: in RPR \
            always, and with 'headless-forwarding disable' whenever the active was lost before its standby was ready.",
        action: "None. Forwarding goes on when the cards have booted and were downloaded.",
        /// Line cards are reset.
        fn cards_reset(why: &str) = "All line cards are reset, forwarding is interrupted: {why}";
    }

    SYS-3-STARTUP_CONFIG {
        explanation: "A line of the startup configuration was not applied.",
        action: "Correct the line and save the configuration.",
        /// A line of the startup configuration was refused.
        fn startup_line_refused(error: &config::LoadError) = "Startup configuration, {error}";
    }

    SYS-5-CONFIG_I {
        explanation: "Somebody has left configuration mode.",
        action: "None.",
        /// A command has changed the configuration.
        fn configured() = "Configured from console by console";
    }
}
