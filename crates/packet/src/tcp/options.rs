//! Options of a segment (RFC 9293 section 3.2).

const END: u8 = 0;
/// A byte of padding.
pub(super) const NOP: u8 = 1;
pub(super) const MSS: u8 = 2;
pub(super) const WINDOW_SCALE: u8 = 3;
pub(super) const SACK_PERMITTED: u8 = 4;
pub(super) const MD5: u8 = 19;

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentOption<'a> {
    /// The largest payload that the sender takes, in bytes (RFC 9293).
    MaximumSegmentSize(u16),
    /// By how many bits the sender's windows are to be shifted (RFC 7323).
    WindowScale(u8),
    /// The sender understands selective acknowledgements (RFC 2018).
    SackPermitted,
    /// The digest of RFC 2385.
    Md5([u8; 16]),
    /// Another kind, and what follows kind and length.
    Other(u8, &'a [u8]),
}

/// The options in `bytes`, up to the first that is malformed, or the end of the list.
pub fn options(bytes: &[u8]) -> Options<'_> {
    Options(bytes)
}

/// Iterates over options; see [`options`].
#[derive(Clone, Debug)]
pub struct Options<'a>(&'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = SegmentOption<'a>;

    fn next(&mut self) -> Option<SegmentOption<'a>> {
        loop {
            let (&kind, rest) = self.0.split_first()?;
            match kind {
                END => return None,
                NOP => self.0 = rest,
                _ => break,
            }
        }
        let (kind, length) = (self.0[0], usize::from(*self.0.get(1)?));
        let option = self.0.get(..length)?;
        // The length counts itself and the kind.
        let data = option.get(2..)?;
        self.0 = &self.0[length..];
        Some(match (kind, data) {
            (MSS, [high, low]) => SegmentOption::MaximumSegmentSize(u16::from_be_bytes([*high, *low])),
            (WINDOW_SCALE, [shift]) => SegmentOption::WindowScale(*shift),
            (SACK_PERMITTED, []) => SegmentOption::SackPermitted,
            (MD5, digest) => match digest.try_into() {
                Ok(digest) => SegmentOption::Md5(digest),
                Err(_) => SegmentOption::Other(kind, data),
            },
            _ => SegmentOption::Other(kind, data),
        })
    }
}
