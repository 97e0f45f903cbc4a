//! How a connection ends: a NOTIFICATION.

use alloc::vec::Vec;
use packet::bgp::{Code, Notification};

use crate::error::BgpEvent;

/// Ends a session: a NOTIFICATION, and what the log says.
#[derive(Clone, Debug)]
pub(crate) struct Farewell {
    pub code: Code,
    pub data: Vec<u8>,
}

impl Farewell {
    /// The NOTIFICATION.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let notification = Notification {
            code: self.code,
            // The data quotes a message, which may be long; a NOTIFICATION of 4096 bytes is understood by everybody.
            data: &self.data[..self.data.len().min(4096 - 21)],
        };
        notification.emit(&mut bytes);
        bytes
    }

    /// The same, so that graceful restart ends too (RFC 8538).
    pub(crate) fn hard(self) -> Farewell {
        let mut data = Vec::with_capacity(2 + self.data.len());
        data.extend_from_slice(&[self.code.code, self.code.subcode]);
        data.extend_from_slice(&self.data);
        Farewell {
            code: Code::HARD_RESET,
            data,
        }
    }

    pub(crate) fn event(&self, neighbor: core::net::IpAddr) -> BgpEvent {
        BgpEvent::Sent {
            neighbor,
            code: self.code,
            data_len: self.data.len(),
        }
    }
}
