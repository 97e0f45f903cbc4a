//! The resets of a backplane without the rest of it, for a private chassis whose maker runs its processes itself.

use super::control::{LENGTH_MAX, REPLY, REQUEST};
use super::{Reply, Request, Status, Unit, socket_path};
use crate::stream::{Address, Listener, MessageStream};
use std::io;
use std::path::Path;

/// Route processors at a time that may ask.
const CLIENTS_MAX: usize = 16;

/// Listens where a backplane would, and hands on whom to reset.
pub struct ResetDesk {
    listener: Listener,
    clients: Vec<MessageStream>,
}

impl ResetDesk {
    /// Listens at the backplane's socket of this run directory.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(run_directory: &Path) -> io::Result<ResetDesk> {
        let address = Address::Unix(socket_path(run_directory));
        let listener = Listener::bind(&address, LENGTH_MAX, LENGTH_MAX)?;
        Ok(ResetDesk {
            listener,
            clients: Vec::new(),
        })
    }

    /// The units whose reset was asked for since the last call. They are to be reset: that was answered.
    ///
    /// # Errors
    /// When no client can be accepted.
    pub fn asked(&mut self) -> io::Result<Vec<Unit>> {
        while self.clients.len() < CLIENTS_MAX
            && let Some(client) = self.listener.accept()?
        {
            self.clients.push(client);
        }
        let mut units = Vec::new();
        // Who breaks off has asked for nothing more.
        self.clients
            .retain_mut(|client| serve(client, &mut units).is_ok());
        Ok(units)
    }
}

fn serve(client: &mut MessageStream, units: &mut Vec<Unit>) -> Result<(), crate::stream::StreamError> {
    client.fill(LENGTH_MAX)?;
    while let Some((kind, bytes)) = client.next_message()? {
        let request = (kind == REQUEST)
            .then(|| serde_json::from_slice(bytes).ok())
            .flatten();
        let reply = match request {
            Some(Request::Reset { slot, .. }) => {
                units.push(slot);
                Reply::Done
            }
            // It is there, and knows of no slot.
            Some(Request::Status) => Reply::Status(Status {
                chassis: String::new(),
                process: std::process::id(),
                slots: Vec::new(),
            }),
            _ => Reply::Refused {
                reason: "a private chassis resets its units and does nothing else".into(),
            },
        };
        let bytes = serde_json::to_vec(&reply).unwrap_or_default();
        if client.send(REPLY, &bytes).is_err() {
            // It asks without reading: what it asked for happens, and it is not told.
            break;
        }
    }
    client.flush().map(drop)
}
