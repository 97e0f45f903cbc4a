//! One entry for each parser of bytes from outside: what a fuzzer throws bytes at.
//!
//! ```text
//!   fuzz/fuzz_targets/NAME.rs ──▶ run("NAME", bytes) ◀── tests/corpus_replay.rs ◀── fuzz/corpus/NAME/*
//!       (cargo-fuzz, nightly)                              (cargo test, stable)
//! ```
//!
//! An entry reads any bytes. Where they have a meaning it writes that meaning and reads it again; a panic is the
//! finding. A new parser gets an entry in [`ENTRIES`], with seeds; the replay test then asks for the rest.
#![deny(missing_docs)]

mod chassis_link;
mod console;
mod packets;
mod rp_link;
mod texts;

/// A parser of outside bytes.
pub struct Entry {
    /// Name of the fuzz target and of its corpus.
    pub name: &'static str,
    /// Takes any bytes; panics when it has found something.
    pub run: fn(&[u8]),
    /// Inputs with a meaning, from which a fuzzer starts.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

#[rustfmt::skip]
/// All of them.
pub const ENTRIES: &[Entry] = &[
    Entry { name: "address_text", run: packet::fuzz::address_text, seeds: packets::address_texts },
    Entry { name: "arp", run: packet::fuzz::arp, seeds: packets::arp },
    Entry { name: "bgp_stream", run: packet::bgp::fuzz::stream, seeds: packets::bgp_streams },
    Entry { name: "ethernet", run: packet::fuzz::ethernet, seeds: packets::ethernet },
    Entry { name: "icmpv4", run: packet::fuzz::icmpv4, seeds: packets::icmpv4 },
    Entry { name: "ipv4", run: packet::fuzz::ipv4, seeds: packets::ipv4 },
    Entry { name: "offload", run: packet::fuzz::offload, seeds: packets::offload },
    Entry { name: "tcp", run: packet::fuzz::tcp, seeds: packets::tcp },
    Entry { name: "tcp_session", run: tcp::fuzz::session, seeds: packets::tcp_sessions },
    Entry { name: "udp", run: packet::fuzz::udp, seeds: packets::udp },
    Entry { name: "card_message", run: chassis_link::card_message, seeds: chassis_link::card_messages },
    Entry { name: "card_rows", run: chassis_link::card_rows, seeds: chassis_link::rows },
    Entry { name: "rp_message", run: chassis_link::rp_message, seeds: chassis_link::rp_messages },
    Entry { name: "checkpoint_rows", run: rp_link::checkpoint_rows, seeds: chassis_link::rows },
    Entry { name: "peer_message", run: rp_link::peer_message, seeds: rp_link::peer_messages },
    Entry { name: "redundancy_message", run: rp_link::redundancy_message, seeds: rp_link::redundancy_messages },
    Entry { name: "standby_frames", run: rp_link::standby_frames, seeds: rp_link::frames },
    Entry { name: "stream", run: runtime::stream::exercise_decoder, seeds: rp_link::streams },
    Entry { name: "console_frame", run: console::frame, seeds: console::frames },
    Entry { name: "console_session", run: console::session, seeds: console::sessions },
    Entry { name: "command_line", run: console::command_line, seeds: console::command_lines },
    Entry { name: "startup_config", run: console::startup_config, seeds: console::startup_configs },
    Entry { name: "recording", run: rp_link::recording, seeds: rp_link::recordings },
    Entry { name: "host", run: traffic::fuzz::host, seeds: packets::host_frames },
    Entry { name: "test_payload", run: traffic::fuzz::test_payload, seeds: packets::test_payloads },
    Entry { name: "fabric_hello", run: runtime::wire::fuzz::fabric_hello, seeds: packets::fabric_hellos },
    Entry { name: "packet_ancillary", run: runtime::wire::fuzz::packet_ancillary, seeds: packets::ancillary },
    Entry { name: "packet_datagram", run: runtime::wire::fuzz::packet_datagram, seeds: packets::offload },
    Entry { name: "backplane_message", run: texts::backplane_message, seeds: texts::backplane_messages },
    Entry { name: "chassis_file", run: texts::chassis_file, seeds: texts::chassis_files },
    Entry { name: "hosts_request", run: texts::hosts_request, seeds: texts::hosts_requests },
    Entry { name: "status_request", run: texts::status_request, seeds: texts::status_requests },
];

/// Runs the entry `name`.
///
/// # Panics
/// When it finds something, or when there is no such entry.
pub fn run(name: &str, bytes: &[u8]) {
    let entry = ENTRIES.iter().find(|entry| entry.name == name);
    (entry.expect("a fuzz target is named after its entry").run)(bytes);
}

/// The bytes that a text of hexadecimal digits and spaces stands for.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// A message of a kind byte and a body as one input.
fn kind_and_body((kind, body): (u8, Vec<u8>)) -> Vec<u8> {
    [&[kind], body.as_slice()].concat()
}
