//! What sessions count.

/// Counts since [`crate::Sessions::activate`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpStatistics {
    /// Segments that came and were whole.
    pub received: u64,
    /// Segments that were asked to be sent.
    pub sent: u64,
    /// Packets dropped: lengths or checksums do not fit, or they are fragments.
    pub malformed: u64,
    /// Segments dropped: TTL below what GTSM demands.
    pub ttl_too_low: u64,
    /// Segments dropped: no digest, a wrong one, or one where none is agreed on.
    pub bad_digest: u64,
    /// Segments for no session, answered with a RST.
    pub refused: u64,
    /// Segments dropped before this router was active.
    pub not_active: u64,
    /// Segments dropped: too many openings at a time, or too many segments for a session that is being restored.
    pub overflow: u64,
    /// RST and SYN segments, and acknowledgements of what was not sent, that were not believed, and challenged (RFC 5961).
    pub challenged: u64,
    /// Sessions that got a stack from their rows.
    pub restored: u64,
    /// Stacks that were made anew for another buffer size.
    pub resized: u64,
}
