#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::run("tcp_session", bytes));
