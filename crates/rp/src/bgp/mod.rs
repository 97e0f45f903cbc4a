//! BGP on the route processor.

#[allow(
    dead_code,
    reason = "the composition of speaker, sessions and routing table takes these in"
)]
pub(crate) mod settings;
