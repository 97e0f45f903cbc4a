//! What the rows of the table are made of: keywords, arguments with their kinds, optional parts.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::Ipv4Addr;

use machine::{CardSlot, ChassisSlot, PortId, Severity};
use packet::netmask_length;

use crate::name::parse_port;
use crate::policy::RestKind;

/// One element of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// A fixed word, which may be shortened as long as it is unique at its place.
    Keyword {
        /// The word in full.
        word: &'static str,
        /// What `?` says about it.
        help: &'static str,
    },
    /// A word (or the rest of the line) that the operator chooses.
    Argument {
        /// Under which name the value reaches the command.
        slot: Slot,
        /// Which texts are values.
        kind: Kind,
        /// What `?` says about it.
        help: &'static str,
    },
    /// The next so many tokens may be left out, all of them or none.
    Optional(usize),
    /// A whole command of the privileged EXEC; the last token of `do`.
    Exec,
}

/// A keyword token.
pub const fn keyword(word: &'static str, help: &'static str) -> Token {
    Token::Keyword { word, help }
}

/// An argument token.
pub const fn argument(slot: Slot, kind: Kind, help: &'static str) -> Token {
    Token::Argument { slot, kind, help }
}

/// The role of an argument in its command. A row uses each slot once at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// An address, or an address with a prefix length.
    Address,
    /// A netmask.
    Mask,
    /// The address of a next hop.
    NextHop,
    /// Card and port of an interface.
    Port,
    /// The number of the null interface.
    NullInterface,
    /// Administrative distance.
    Distance,
    /// A host name.
    Name,
    /// Free text.
    Text,
    /// Maximum transmission unit, bytes.
    Mtu,
    /// How often.
    Count,
    /// Lines on a screen.
    Length,
    /// Size of a buffer, bytes.
    Size,
    /// Severity of system messages.
    Severity,
    /// Columns on a screen.
    Width,
    /// A regular expression.
    Pattern,
    /// A time.
    Milliseconds,
    /// The configuration register.
    Register,
    /// A slot of the chassis.
    ChassisSlot,
    /// A length of time in minutes.
    Minutes,
    /// Whom a `neighbor` command is about.
    Neighbor,
    /// An autonomous system.
    AsNumber,
    /// A keepalive time, seconds.
    Keepalive,
    /// A hold time, seconds.
    Hold,
    /// A time, seconds.
    Seconds,
    /// A time between two attempts, minutes.
    Interval,
    /// A metric.
    Metric,
    /// How a password is encrypted.
    Encryption,
    /// A share, percent.
    Threshold,
    /// The number of an entry.
    Sequence,
    /// Least length of prefixes.
    Ge,
    /// Greatest length of prefixes.
    Le,
}

/// Which texts an argument accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `A.B.C.D`.
    Address,
    /// `A.B.C.D` or `A.B.C.D/n`.
    AddressOrPrefix,
    /// `A.B.C.D` whose ones are contiguous.
    Netmask,
    /// A decimal number in this range, both ends included.
    Number {
        /// Least value.
        min: u32,
        /// Greatest value.
        max: u32,
    },
    /// `0xNNNN`, sixteen bits.
    Hexadecimal,
    /// One word without blanks.
    Word,
    /// The rest of the line, blanks included.
    Line,
    /// A regular expression: the rest of the line, blanks at its end included.
    Pattern,
    /// `card/port`. Follows the keyword of an interface type, to which it may be glued (`e0/0`).
    Port,
    /// The number of the null interface, of which there is one. Follows its keyword, to which it may be glued (`Null0`).
    NullInterface,
    /// Severity of system messages: 0 to 7, or the beginning of a keyword that is no other's.
    Severity,
    /// A card's number, `R0` or `R1`.
    ChassisSlot,
    /// A length of time as minutes or as `hh:mm`, in this range of minutes, both ends included.
    Minutes {
        /// Least value.
        min: u32,
        /// Greatest value.
        max: u32,
    },
    /// The number of an autonomous system, plain or as two halves with a dot (RFC 5396), not zero.
    AsNumber,
    /// The address of a neighbour or the name of a peer group, which begins with no digit.
    Neighbor,
    /// `A.B.C.D/n`.
    Prefix,
    /// One word that is not a number.
    Tag,
    /// `+N` or `-N`.
    SignedMetric,
    /// The rest of the line: words of this kind.
    Rest(RestKind),
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Address`], [`Kind::AddressOrPrefix`], [`Kind::Netmask`] and [`Kind::Neighbor`].
    Address(Ipv4Addr),
    /// Of [`Kind::AddressOrPrefix`]: the address as typed, and the prefix length 0..=32.
    Prefix(Ipv4Addr, u8),
    /// Of [`Kind::Number`], [`Kind::NullInterface`] and [`Kind::AsNumber`], and of [`Kind::Minutes`] in minutes.
    Number(u32),
    /// Of [`Kind::Hexadecimal`].
    Hexadecimal(u16),
    /// Of [`Kind::Word`], [`Kind::Line`], [`Kind::Pattern`] and [`Kind::Neighbor`].
    Text(String),
    /// Of [`Kind::Port`].
    Port(PortId),
    /// Of [`Kind::Severity`].
    Severity(Severity),
    /// Of [`Kind::ChassisSlot`].
    ChassisSlot(ChassisSlot),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Address(address) => write!(f, "{address}"),
            Value::Prefix(address, length) => write!(f, "{address}/{length}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Hexadecimal(number) => write!(f, "0x{number:X}"),
            Value::Text(text) => f.write_str(text),
            Value::Port(port) => write!(f, "{port}"),
            Value::Severity(severity) => write!(f, "{severity}"),
            Value::ChassisSlot(slot) => write!(f, "{slot}"),
        }
    }
}

impl Kind {
    /// How `?` writes an argument of this kind.
    pub fn symbol(&self) -> String {
        match self {
            Kind::Address | Kind::Netmask => "A.B.C.D".to_string(),
            Kind::AddressOrPrefix => "A.B.C.D[/nn]".to_string(),
            Kind::Number { min, max } => format!("<{min}-{max}>"),
            Kind::NullInterface => "<0-0>".to_string(),
            Kind::Hexadecimal => "<0x0-0xFFFF>".to_string(),
            Kind::Word => "WORD".to_string(),
            Kind::Severity => "<0-7>".to_string(),
            Kind::Line | Kind::Pattern => "LINE".to_string(),
            Kind::Port => format!("<0-{}>/<0-{}>", CardSlot::MAX, u8::MAX),
            Kind::ChassisSlot => format!("<0-{}>|R0|R1", CardSlot::MAX),
            Kind::Minutes { min, max } => format!("<{min}-{max}>|hh:mm"),
            Kind::AsNumber => format!("<1-{}>", u32::MAX),
            Kind::Neighbor => "A.B.C.D".to_string(),
            Kind::Prefix => "A.B.C.D/nn".to_string(),
            Kind::Tag => "WORD".to_string(),
            Kind::SignedMetric => "+/-<metric>".to_string(),
            Kind::Rest(kind) => kind.symbol().to_string(),
        }
    }

    /// The value of `text`, or `None` when the text is not of this kind.
    pub fn accept(&self, text: &str) -> Option<Value> {
        match self {
            Kind::Address => text.parse().ok().map(Value::Address),
            Kind::AddressOrPrefix => match text.split_once('/') {
                None => text.parse().ok().map(Value::Address),
                Some((address, length)) => {
                    let length = decimal(length).and_then(|length| u8::try_from(length).ok())?;
                    let address = address.parse().ok()?;
                    (length <= 32).then_some(Value::Prefix(address, length))
                }
            },
            Kind::Netmask => text
                .parse()
                .ok()
                .filter(|mask| netmask_length(*mask).is_ok())
                .map(Value::Address),
            Kind::Number { min, max } => decimal(text)
                .filter(|number| (*min..=*max).contains(number))
                .map(Value::Number),
            Kind::NullInterface => decimal(text).filter(|number| *number == 0).map(Value::Number),
            Kind::Hexadecimal => hexadecimal(text).map(Value::Hexadecimal),
            Kind::Word | Kind::Line | Kind::Pattern => {
                (!text.is_empty()).then(|| Value::Text(text.to_string()))
            }
            Kind::Port => parse_port(text).map(Value::Port),
            Kind::Severity => severity(text).map(Value::Severity),
            Kind::ChassisSlot => chassis_slot(text).map(Value::ChassisSlot),
            Kind::Minutes { min, max } => minutes(text)
                .filter(|number| (*min..=*max).contains(number))
                .map(Value::Number),
            Kind::AsNumber => as_number(text).map(Value::Number),
            Kind::Neighbor if text.starts_with(|first: char| first.is_ascii_digit()) => {
                text.parse().ok().map(Value::Address)
            }
            Kind::Neighbor => (!text.is_empty()).then(|| Value::Text(text.to_string())),
            Kind::Prefix => match Kind::AddressOrPrefix.accept(text)? {
                prefix @ Value::Prefix(..) => Some(prefix),
                _ => None,
            },
            Kind::Tag => {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                (!is_number).then(|| Value::Text(text.to_string()))
            }
            Kind::SignedMetric => {
                let sign = text.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
                decimal(&text[1..]).map(|number| Value::Text(format!("{sign}{number}")))
            }
            Kind::Rest(kind) => kind.accept(text).map(Value::Text),
        }
    }

    /// What else an argument of this kind can be, as `?` writes and explains it.
    pub(crate) const fn alternative(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::AsNumber => Some(("<1.0-XX.YY>", "Autonomous system number")),
            Kind::Neighbor => Some(("WORD", "Neighbor tag")),
            _ => None,
        }
    }

    /// Whether `text`, not yet finished, could become a value: decides what `?` shows in the middle of a word.
    pub fn may_begin_with(&self, text: &str) -> bool {
        let all = |allowed: fn(char) -> bool| text.chars().all(allowed);
        match self {
            Kind::Address | Kind::Netmask => all(|character| character.is_ascii_digit() || character == '.'),
            Kind::AddressOrPrefix | Kind::Port => {
                all(|character| character.is_ascii_digit() || character == '.' || character == '/')
            }
            Kind::Number { .. } | Kind::NullInterface => all(|character| character.is_ascii_digit()),
            Kind::Hexadecimal => "0x".starts_with(text) || hexadecimal(text).is_some(),
            Kind::Minutes { .. } => all(|character| character.is_ascii_digit() || character == ':'),
            Kind::ChassisSlot => {
                let digits = text.strip_prefix(['R', 'r']).unwrap_or(text);
                digits.chars().all(|character| character.is_ascii_digit())
            }
            Kind::Severity => Severity::ALL
                .iter()
                .any(|severity| severity_begins(*severity, text)),
            Kind::Prefix => all(|character| character.is_ascii_digit() || matches!(character, '.' | '/')),
            Kind::SignedMetric => text.starts_with(['+', '-']),
            Kind::AsNumber => all(|character| character.is_ascii_digit() || character == '.'),
            Kind::Neighbor | Kind::Tag | Kind::Word | Kind::Line | Kind::Pattern | Kind::Rest(_) => true,
        }
    }

    /// Whether a value is the number of an interface, which is written right after its type.
    pub(crate) const fn is_interface_number(&self) -> bool {
        matches!(self, Kind::Port | Kind::NullInterface)
    }

    /// Whether a value goes on to the end of the line.
    pub(crate) const fn takes_rest(&self) -> bool {
        matches!(self, Kind::Line | Kind::Pattern | Kind::Rest(_))
    }
}

fn severity_begins(severity: Severity, text: &str) -> bool {
    let keyword = severity.keyword();
    let number = severity.number().to_string();
    number.starts_with(text)
        || keyword
            .get(..text.len())
            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(text))
}

/// A severity by its digit, its keyword, or what begins only that.
fn severity(text: &str) -> Option<Severity> {
    let mut meant = Severity::ALL
        .into_iter()
        .filter(|severity| severity_begins(*severity, text));
    match (meant.next(), meant.next()) {
        (Some(severity), None) => Some(severity),
        _ => None,
    }
}

/// `mm`, or `hh:mm` with two digits of minutes below 60.
fn minutes(text: &str) -> Option<u32> {
    let Some((hours, rest)) = text.split_once(':') else {
        return decimal(text);
    };
    let rest = decimal(rest).filter(|minutes| rest.len() == 2 && *minutes < 60)?;
    decimal(hours)?.checked_mul(60)?.checked_add(rest)
}

/// A slot by its name. The standard parser would take `+1` for a card's number.
fn chassis_slot(text: &str) -> Option<ChassisSlot> {
    if text.starts_with('+') {
        return None;
    }
    text.parse().ok()
}

/// `65000`, or `1.10` for 65546.
fn as_number(text: &str) -> Option<u32> {
    let number = match text.split_once('.') {
        None => decimal(text)?,
        Some((high, low)) => {
            let half = |text| decimal(text).filter(|half| *half <= u32::from(u16::MAX));
            half(high)? << 16 | half(low)?
        }
    };
    (number != 0).then_some(number)
}

/// A decimal number of digits only: the standard parser would also take a leading `+`.
fn decimal(text: &str) -> Option<u32> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// A hexadecimal number with its `0x`.
fn hexadecimal(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}
