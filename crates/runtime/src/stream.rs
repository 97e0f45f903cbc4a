//! Messages over a stream: RP to RP, RP to card, anybody to the backplane.
//!
//! ```text
//!   0        4      5                 5 + length
//!   | length | kind | bytes ...       |            length: u32, little-endian, counts the bytes only
//! ```
//!
//! The same code runs over Unix and TCP sockets. Nothing here ever waits:
//!
//! - [`MessageStream::send`] only queues; [`MessageStream::flush`] writes what the socket takes. The queue is bounded in
//!   bytes: beyond it a send is refused, and what that means is the caller's design.
//! - [`MessageStream::fill`] reads at most a budget, so that one busy peer cannot starve the others;
//!   [`MessageStream::next_message`] hands out whole messages.
//! - A length beyond the maximum is garbage or another protocol: the stream is broken from there on, the error says what
//!   was seen. Memory grows with the bytes that have arrived, never with a length that somebody has announced.

mod address;
mod decoder;
mod socket;

pub use address::{Address, AddressError};
pub use decoder::{Decoder, FrameError, HEADER_LENGTH, exercise_decoder};
pub use socket::{Filled, Listener, MessageStream, SendError, StreamError};

#[cfg(test)]
mod tests;
