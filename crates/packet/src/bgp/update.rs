//! The frame of an UPDATE (RFC 4271 section 4.3).

use super::{Code, Cursor, Fault};

/// The three parts of an UPDATE, not looked into yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update<'a> {
    /// Withdrawn routes.
    pub withdrawn: &'a [u8],
    /// Path attributes.
    pub attributes: &'a [u8],
    /// Announced routes.
    pub reachable: &'a [u8],
}

impl<'a> Update<'a> {
    /// Splits the body of an UPDATE.
    ///
    /// # Errors
    /// Malformed Attribute List, when a length goes beyond the message (RFC 4271 section 6.3, RFC 7606 section 4).
    pub fn parse(body: &'a [u8]) -> Result<Update<'a>, Fault<'a>> {
        let mut rest = Cursor(body);
        let withdrawn = rest.u16().and_then(|length| rest.take(usize::from(length)));
        let attributes = rest.u16().and_then(|length| rest.take(usize::from(length)));
        let (Some(withdrawn), Some(attributes)) = (withdrawn, attributes) else {
            return Err(Fault::new(Code::MALFORMED_ATTRIBUTE_LIST, &[]));
        };
        Ok(Update {
            withdrawn,
            attributes,
            reachable: rest.0,
        })
    }
}
