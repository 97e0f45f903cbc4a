//! The one binary: every role of a chassis.
fn main() {}
