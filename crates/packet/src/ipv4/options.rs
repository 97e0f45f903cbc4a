//! IPv4 options (RFC 791 section 3.1), carried as bytes and walked safely.

use core::fmt;

/// Room for options in a header, in bytes.
const OPTIONS_LEN_MAX: usize = 40;
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
/// Set in the kinds of options that every fragment carries.
const COPIED: u8 = 0x80;

/// The options of one header, padded with end-of-list to a multiple of four bytes.
#[derive(Clone, Copy)]
pub struct Options {
    bytes: [u8; OPTIONS_LEN_MAX],
    /// A multiple of four, at most 40.
    length: u8,
}

impl Options {
    /// Kind of the loose source route option.
    pub const LOOSE_SOURCE_ROUTE: u8 = 131;
    /// Kind of the strict source route option.
    pub const STRICT_SOURCE_ROUTE: u8 = 137;
    /// Kind of the router alert option (RFC 2113).
    pub const ROUTER_ALERT: u8 = 148;

    /// No options.
    pub const NONE: Options = Options {
        bytes: [0; OPTIONS_LEN_MAX],
        length: 0,
    };

    /// The options in `bytes`; `None` for more than 40 bytes.
    pub fn new(bytes: &[u8]) -> Option<Options> {
        let mut options = Options::NONE;
        options.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        options.length = bytes.len().next_multiple_of(4) as u8;
        Some(options)
    }

    /// The options as they stand in a header.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// One option after the other.
    pub fn iter(&self) -> OptionsIter<'_> {
        OptionsIter::new(self.bytes())
    }

    /// Those options that fragments after the first carry.
    pub(super) fn copied(&self) -> Options {
        let mut copied = [0; OPTIONS_LEN_MAX];
        let mut length = 0;
        for option in self.iter().filter(|option| option[0] & COPIED != 0) {
            copied[length..length + option.len()].copy_from_slice(option);
            length += option.len();
        }
        // A subset of what fits fits.
        Options {
            bytes: copied,
            length: length.next_multiple_of(4) as u8,
        }
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Options {}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.bytes(), f)
    }
}

/// Walks options: each item is one whole option, kind and length included, so never empty. Stops at the end of the
/// list and at the first malformed option.
#[derive(Clone, Debug)]
pub struct OptionsIter<'a>(&'a [u8]);

impl<'a> OptionsIter<'a> {
    /// Walks the options area of a header.
    pub fn new(options: &'a [u8]) -> Self {
        Self(options)
    }
}

impl<'a> Iterator for OptionsIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = match *self.0.first()? {
            END => return None,
            NO_OPERATION => 1,
            _ => usize::from(*self.0.get(1)?).max(1),
        };
        // A length of 0 or 1 would never move on; such an option is malformed unless it is a no-operation.
        if length == 1 && self.0[0] != NO_OPERATION {
            self.0 = &[];
            return None;
        }
        let (option, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(option)
    }
}
