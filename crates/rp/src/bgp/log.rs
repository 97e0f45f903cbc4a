//! System messages of BGP.

use ::bgp::error::BgpEvent;
use alloc::string::ToString;
use redundancy::{Syslog, system_messages};

/// The system message of an event.
pub(crate) fn of(event: &BgpEvent) -> Syslog {
    let text = event.to_string();
    match event {
        BgpEvent::Up { .. } | BgpEvent::Down { .. } => adjacency_changed(&text),
        BgpEvent::Sent { .. } | BgpEvent::Received { .. } => notification(&text),
        BgpEvent::ManyPrefixes { .. } => many_prefixes(&text),
        BgpEvent::TooManyPrefixes { .. } => too_many_prefixes(&text),
        BgpEvent::Malformed { .. } => malformed(&text),
    }
}

system_messages! {
    BGP-5-ADJCHANGE {
        explanation: "A session with a neighbour is established or has ended; the text says why.",
        action: "For an end that nobody asked for, look at what the neighbour logs and at the way to it.",
        /// A session is established, or has ended.
        fn adjacency_changed(text: &str) = "{text}";
    }

    BGP-3-NOTIFICATION {
        explanation: "A session ends with a NOTIFICATION; code and subcode say why (RFC 4271 section 4.5, RFC 4486).",
        action: "Compare the configuration of both ends where the code is about an OPEN; otherwise ask the neighbour's operator.",
        /// A NOTIFICATION was sent or received.
        fn notification(text: &str) = "{text}";
    }

    BGP-4-MAXPFX {
        explanation: "A neighbour comes near the number of prefixes that it may announce.",
        action: "Find out why it announces so many, or raise 'neighbor maximum-prefix'.",
        /// Near the limit.
        fn many_prefixes(text: &str) = "{text}";
    }

    BGP-3-MAXPFXEXCEED {
        explanation: "A neighbour announces more prefixes than it may; its session ends, and starts again as configured.",
        action: "Find out why it announces so many, or raise 'neighbor maximum-prefix'; then 'clear ip bgp'.",
        /// Beyond the limit.
        fn too_many_prefixes(text: &str) = "{text}";
    }

    BGP-3-MALFORMATTR {
        explanation: "An UPDATE of a neighbour has an attribute that cannot be right. Its routes count as withdrawn (RFC 7606).",
        action: "Report it to the neighbour's operator; the session goes on.",
        /// An attribute that cannot be right.
        fn malformed(text: &str) = "{text}";
    }
}
