//! NOTIFICATION (RFC 4271 section 4.5), shutdown communication (RFC 9003), hard reset (RFC 8538).

use alloc::string::String;
use alloc::vec::Vec;

use super::{Code, Cursor, Kind, message};

/// The subcode of Cease that ends graceful restart too.
pub const HARD_RESET: u8 = 9;

/// A parsed NOTIFICATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification<'a> {
    /// Why the session ends.
    pub code: Code,
    /// What the sender says about it.
    pub data: &'a [u8],
}

impl<'a> Notification<'a> {
    /// Reads the body of a NOTIFICATION; `None` when it is shorter than two bytes, which [`super::split`] lets through
    /// for no message. No NOTIFICATION answers a NOTIFICATION.
    pub fn parse(body: &'a [u8]) -> Option<Notification<'a>> {
        let mut rest = Cursor(body);
        let code = rest.u8()?;
        let subcode = rest.u8()?;
        Some(Notification {
            code: Code { code, subcode },
            data: rest.0,
        })
    }

    /// Whether it ends graceful restart too.
    pub fn is_hard_reset(&self) -> bool {
        self.code == Code::HARD_RESET
    }

    /// The reason that a hard reset wraps; the NOTIFICATION itself when it is no hard reset, or wraps nothing.
    pub fn reason(&self) -> Notification<'a> {
        match self.is_hard_reset() {
            true => Notification::parse(self.data).unwrap_or(*self),
            false => *self,
        }
    }

    /// The operator's words that come with an administrative shutdown or reset. Bytes that are no UTF-8 are replaced
    /// and control characters are left out: it ends up in a log.
    pub fn communication(&self) -> Option<String> {
        let reason = self.reason();
        if ![Code::ADMINISTRATIVE_SHUTDOWN, Code::ADMINISTRATIVE_RESET].contains(&reason.code) {
            return None;
        }
        let mut rest = Cursor(reason.data);
        let length = rest.u8()?;
        let text = String::from_utf8_lossy(rest.take(usize::from(length))?);
        let text: String = text.chars().filter(|character| !character.is_control()).collect();
        (!text.is_empty()).then_some(text)
    }

    /// Appends the whole message.
    ///
    /// # Panics
    /// When the data has more than 65514 bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        message(Kind::Notification, out, |out| {
            out.extend_from_slice(&[self.code.code, self.code.subcode]);
            out.extend_from_slice(self.data);
        });
    }
}

/// The data of an administrative shutdown or reset with an operator's words; they are cut at 255 bytes, between
/// characters.
pub fn shutdown_communication(text: &str) -> Vec<u8> {
    let text = &text[..text.floor_char_boundary(255)];
    let mut data = Vec::with_capacity(1 + text.len());
    data.push(text.len() as u8);
    data.extend_from_slice(text.as_bytes());
    data
}
