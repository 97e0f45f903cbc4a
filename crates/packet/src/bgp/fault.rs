//! Why a session ends, as a NOTIFICATION says it.

use core::fmt;

/// Error code and subcode of a NOTIFICATION (RFC 4271 section 4.5 and the registry of BGP error codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// Error code.
    pub code: u8,
    /// Error subcode; 0: unspecific.
    pub subcode: u8,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = ($code:literal, $subcode:literal), $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Code = Code { code: $code, subcode: $subcode };)*

            /// What the code says; `None` for one that has no name here.
            pub const fn name(self) -> Option<&'static str> {
                match (self.code, self.subcode) {
                    $(($code, $subcode) => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The marker is not all ones.
    CONNECTION_NOT_SYNCHRONIZED = (1, 1), "Connection Not Synchronized";
    /// The length is impossible for the kind of message. Data: the length.
    BAD_MESSAGE_LENGTH = (1, 2), "Bad Message Length";
    /// There is no such kind of message. Data: its number.
    BAD_MESSAGE_TYPE = (1, 3), "Bad Message Type";
    /// An OPEN that is wrong in a way without a subcode of its own.
    OPEN_UNSPECIFIC = (2, 0), "OPEN Message Error";
    /// Data: the version that is supported.
    UNSUPPORTED_VERSION_NUMBER = (2, 1), "Unsupported Version Number";
    /// The AS is not the one configured for the neighbour.
    BAD_PEER_AS = (2, 2), "Bad Peer AS";
    /// The identifier is zero, or our own on an internal session.
    BAD_BGP_IDENTIFIER = (2, 3), "Bad BGP Identifier";
    /// A parameter that is no list of capabilities.
    UNSUPPORTED_OPTIONAL_PARAMETER = (2, 4), "Unsupported Optional Parameter";
    /// A hold time of one or two seconds.
    UNACCEPTABLE_HOLD_TIME = (2, 6), "Unacceptable Hold Time";
    /// A capability that the sender insists on. Data: the capability.
    UNSUPPORTED_CAPABILITY = (2, 7), "Unsupported Capability";
    /// The list of attributes makes no sense as a whole.
    MALFORMED_ATTRIBUTE_LIST = (3, 1), "Malformed Attribute List";
    /// Data: the attribute.
    UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE = (3, 2), "Unrecognized Well-known Attribute";
    /// Data: the type of the attribute.
    MISSING_WELL_KNOWN_ATTRIBUTE = (3, 3), "Missing Well-known Attribute";
    /// Data: the attribute.
    ATTRIBUTE_FLAGS_ERROR = (3, 4), "Attribute Flags Error";
    /// Data: the attribute.
    ATTRIBUTE_LENGTH_ERROR = (3, 5), "Attribute Length Error";
    /// Data: the attribute.
    INVALID_ORIGIN = (3, 6), "Invalid ORIGIN Attribute";
    /// Data: the attribute.
    INVALID_NEXT_HOP = (3, 8), "Invalid NEXT_HOP Attribute";
    /// Data: the attribute.
    OPTIONAL_ATTRIBUTE_ERROR = (3, 9), "Optional Attribute Error";
    /// A prefix that is none.
    INVALID_NETWORK_FIELD = (3, 10), "Invalid Network Field";
    /// The path of ASes makes no sense.
    MALFORMED_AS_PATH = (3, 11), "Malformed AS_PATH";
    /// Nothing was heard for the hold time.
    HOLD_TIMER_EXPIRED = (4, 0), "Hold Timer Expired";
    /// A message that has no place in the state, whichever that is.
    FSM_UNSPECIFIC = (5, 0), "Finite State Machine Error";
    /// RFC 6608.
    FSM_IN_OPEN_SENT = (5, 1), "Receive Unexpected Message in OpenSent State";
    /// RFC 6608.
    FSM_IN_OPEN_CONFIRM = (5, 2), "Receive Unexpected Message in OpenConfirm State";
    /// RFC 6608.
    FSM_IN_ESTABLISHED = (5, 3), "Receive Unexpected Message in Established State";
    /// An end without a subcode of its own.
    CEASE = (6, 0), "Cease";
    /// More prefixes than configured. Data: family and limit.
    MAXIMUM_PREFIXES = (6, 1), "Maximum Number of Prefixes Reached";
    /// Data: a shutdown communication (RFC 9003).
    ADMINISTRATIVE_SHUTDOWN = (6, 2), "Administrative Shutdown";
    /// The neighbour is no longer configured.
    PEER_DE_CONFIGURED = (6, 3), "Peer De-configured";
    /// Data: a shutdown communication (RFC 9003).
    ADMINISTRATIVE_RESET = (6, 4), "Administrative Reset";
    /// This neighbour is not wanted.
    CONNECTION_REJECTED = (6, 5), "Connection Rejected";
    /// The configuration of the session changed.
    OTHER_CONFIGURATION_CHANGE = (6, 6), "Other Configuration Change";
    /// Of two connections this one goes (RFC 4271 section 6.8).
    CONNECTION_COLLISION_RESOLUTION = (6, 7), "Connection Collision Resolution";
    /// There is no memory for it.
    OUT_OF_RESOURCES = (6, 8), "Out of Resources";
    /// The end of the session ends graceful restart too (RFC 8538). Data: code, subcode and data of the reason.
    HARD_RESET = (6, 9), "Hard Reset";
    /// RFC 9384.
    BFD_DOWN = (6, 10), "BFD Down";
    /// RFC 7313. Data: the message.
    INVALID_REFRESH_LENGTH = (7, 1), "Invalid Message Length";
    /// The peer has not read for long enough (RFC 9687).
    SEND_HOLD_TIMER_EXPIRED = (8, 0), "Send Hold Timer Expired";
}

impl Code {
    /// The name of the error code alone.
    pub const fn class(self) -> &'static str {
        match self.code {
            1 => "Message Header Error",
            2 => "OPEN Message Error",
            3 => "UPDATE Message Error",
            4 => "Hold Timer Expired",
            5 => "Finite State Machine Error",
            6 => "Cease",
            7 => "ROUTE-REFRESH Message Error",
            8 => "Send Hold Timer Expired",
            _ => "unknown",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code, self.subcode)?;
        write!(f, " ({})", self.name().unwrap_or(self.class()))
    }
}

/// What a NOTIFICATION carries besides its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// A part of the message that is answered.
    Bytes(&'a [u8]),
    /// Two bytes of our own.
    Word([u8; 2]),
}

impl Data<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Data::Bytes(bytes) => bytes,
            Data::Word(word) => word,
        }
    }
}

/// What is wrong with a message: the NOTIFICATION that ends the session for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    /// Error code and subcode.
    pub code: Code,
    /// Its data.
    pub data: Data<'a>,
}

impl<'a> Fault<'a> {
    /// A fault with a part of the message as its data.
    pub const fn new(code: Code, data: &'a [u8]) -> Fault<'a> {
        Fault {
            code,
            data: Data::Bytes(data),
        }
    }

    /// A fault with a number as its data.
    pub const fn with_word(code: Code, word: u16) -> Fault<'a> {
        Fault {
            code,
            data: Data::Word(word.to_be_bytes()),
        }
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)
    }
}

impl core::error::Error for Fault<'_> {}
