//! Where a stream leads.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a stream: `unix:PATH` or `tcp:ADDRESS:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// A Unix socket's file. At most 107 bytes, or the kernel has no room for it.
    Unix(PathBuf),
    /// A TCP address; IPv6 in brackets.
    Tcp(SocketAddr),
}

/// Bytes of a path that fit `sockaddr_un` (unix(7)): 108 with the closing zero.
const UNIX_PATH_MAX: usize = 107;

/// A text that is no address of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    problem: &'static str,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is no address: {}",
            self.text.escape_default(),
            self.problem
        )
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let refuse = |problem| {
            Err(AddressError {
                text: text.to_string(),
                problem,
            })
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.len() {
                0 => refuse("the path after 'unix:' is missing"),
                1..=UNIX_PATH_MAX if !path.contains('\0') => Ok(Address::Unix(PathBuf::from(path))),
                1..=UNIX_PATH_MAX => refuse("a path holds no zero byte"),
                _ => refuse("the path of a Unix socket has at most 107 bytes"),
            };
        }
        if let Some(socket) = text.strip_prefix("tcp:") {
            return match socket.parse() {
                Ok(address) => Ok(Address::Tcp(address)),
                Err(_) => refuse(
                    "after 'tcp:' comes ADDRESS:PORT, as in tcp:192.0.2.1:7000 or tcp:[2001:db8::1]:7000",
                ),
            };
        }
        refuse("it starts with 'unix:' or 'tcp:'")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}
