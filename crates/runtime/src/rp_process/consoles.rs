//! Console connections: a Unix socket on which clients speak `management::wire`.

use super::TOKEN_CONSOLE;
use crate::event_loop::{EventLoop, Interest, Ready};
use machine::RpSlot;
use management::wire::{Frame, FrameDecoder, WIRE_VERSION, encode_data};
use rp::{ConsoleInput, ConsoleOutput, RouteProcessor, RpInput, SessionId};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Bytes of output that may wait for a client; one that lets more pile up is cut off.
const QUEUED_BYTES_MAX: usize = 8 * 1024 * 1024;
const READ_PIECE: usize = 16 * 1024;
/// Connections at one time. The processor has fewer sessions; the rest is for clients that have yet to be refused or close.
const CONNECTIONS_MAX: usize = 64;
const LISTENER: u64 = 0;

struct Client {
    stream: UnixStream,
    decoder: FrameDecoder,
    greeted: bool,
    outgoing: Vec<u8>,
    /// The session has ended: the connection closes once all is written.
    closing: bool,
    waits_for_write: bool,
    reads: bool,
    /// Output was given to it since it was last empty.
    drain_due: bool,
    broken: bool,
}

pub(super) struct ConsoleServer {
    listener: UnixListener,
    path: PathBuf,
    clients: BTreeMap<SessionId, Client>,
    last: u64,
}

/// Where the console of the RP in `slot` listens.
pub fn console_path(run_directory: &Path, slot: RpSlot) -> PathBuf {
    run_directory.join(format!("console-{slot}.sock"))
}

impl Drop for ConsoleServer {
    fn drop(&mut self) {
        // A successor in the slot may have bound the name anew; then the file is not ours, and gone is as good.
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// Listens at `path`, which belongs to this RP's slot: what an earlier process left there goes.
pub(super) fn bind_fresh(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl ConsoleServer {
    pub(super) fn bind(run_directory: &Path, slot: RpSlot, events: &EventLoop) -> io::Result<Self> {
        let path = console_path(run_directory, slot);
        let listener = bind_fresh(&path)?;
        events.add(&listener, TOKEN_CONSOLE + LISTENER, Interest::READ)?;
        Ok(Self {
            listener,
            path,
            clients: BTreeMap::new(),
            last: 0,
        })
    }

    pub(super) fn ready(
        &mut self,
        which: u64,
        ready: Ready,
        processor: &RouteProcessor,
        events: &EventLoop,
    ) -> io::Result<Vec<RpInput>> {
        let mut inputs = Vec::new();
        if which == LISTENER {
            self.accept(events)?;
        } else if ready.readable || ready.hangup {
            self.read(SessionId(which), processor, ready.hangup, &mut inputs);
        }
        Ok(inputs)
    }

    fn accept(&mut self, events: &EventLoop) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if self.clients.len() >= CONNECTIONS_MAX {
                continue;
            }
            stream.set_nonblocking(true)?;
            self.last += 1;
            events.add(&stream, TOKEN_CONSOLE + self.last, Interest::READ)?;
            let client = Client {
                stream,
                decoder: FrameDecoder::new(),
                greeted: false,
                outgoing: Vec::new(),
                closing: false,
                waits_for_write: false,
                reads: true,
                drain_due: false,
                broken: false,
            };
            self.clients.insert(SessionId(self.last), client);
        }
    }

    fn read(
        &mut self,
        session: SessionId,
        processor: &RouteProcessor,
        hangup: bool,
        inputs: &mut Vec<RpInput>,
    ) {
        let Some(client) = self.clients.get_mut(&session) else {
            return;
        };
        let room = processor.console_room(session).min(READ_PIECE);
        if room == 0 {
            client.reads = false;
            // Nobody is left to answer, and the loop would report the hangup again at once.
            client.broken |= hangup;
            return;
        }
        let mut piece = vec![0; room];
        match client.stream.read(&mut piece) {
            Ok(0) => client.broken = true,
            Ok(count) => client.decoder.push(&piece[..count]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(_) => client.broken = true,
        }
        loop {
            match client.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => inputs.extend(input_of(client, session, frame)),
                Err(error) => {
                    super::log_line(&format!("console {}: {error}; closed", session.0));
                    client.broken = true;
                    return;
                }
            }
        }
    }

    pub(super) fn send(&mut self, session: SessionId, output: ConsoleOutput) {
        let Some(client) = self.clients.get_mut(&session) else {
            return;
        };
        match output {
            ConsoleOutput::Data(bytes) => encode_data(&bytes, &mut client.outgoing),
            ConsoleOutput::Rejected { line_number, line } => {
                Frame::Rejected { line_number, line }.encode(&mut client.outgoing);
            }
            ConsoleOutput::Close(reason) => {
                Frame::Closed {
                    reason: reason.to_u8(),
                }
                .encode(&mut client.outgoing);
                client.closing = true;
            }
        }
        client.drain_due = true;
        client.broken |= client.outgoing.len() > QUEUED_BYTES_MAX;
    }

    /// Sessions that have taken all that they were given.
    pub(super) fn drained(&mut self) -> Vec<RpInput> {
        let mut inputs = Vec::new();
        for (session, client) in &mut self.clients {
            if client.drain_due && client.outgoing.is_empty() {
                client.drain_due = false;
                inputs.push(RpInput::Console {
                    session: *session,
                    input: ConsoleInput::Drained,
                });
            }
        }
        inputs
    }

    pub(super) fn flush(
        &mut self,
        processor: &RouteProcessor,
        events: &EventLoop,
    ) -> io::Result<Vec<RpInput>> {
        let mut inputs = Vec::new();
        let mut gone = Vec::new();
        for (session, client) in &mut self.clients {
            client.write();
            if client.broken || (client.closing && client.outgoing.is_empty()) {
                gone.push(*session);
                continue;
            }
            let wants = !client.outgoing.is_empty();
            let reads = client.reads || processor.console_room(*session) > 0;
            if wants != client.waits_for_write || reads != client.reads {
                (client.waits_for_write, client.reads) = (wants, reads);
                let interest = Interest {
                    readable: reads,
                    writable: wants,
                };
                events.change(&client.stream, TOKEN_CONSOLE + session.0, interest)?;
            }
        }
        for session in gone {
            self.clients.remove(&session);
            inputs.push(RpInput::Console {
                session,
                input: ConsoleInput::Closed,
            });
        }
        Ok(inputs)
    }
}

impl Client {
    fn write(&mut self) {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
    }
}

fn input_of(client: &mut Client, session: SessionId, frame: Frame) -> Option<RpInput> {
    let input = match frame {
        Frame::Hello { version, .. } if version != WIRE_VERSION => {
            let text = format!("% Console version {version}, this route processor speaks {WIRE_VERSION}\r\n");
            encode_data(text.as_bytes(), &mut client.outgoing);
            client.closing = true;
            return None;
        }
        Frame::Hello {
            terminal,
            strict,
            columns,
            rows,
            ..
        } => {
            client.greeted = true;
            ConsoleInput::Opened {
                terminal,
                strict,
                columns,
                rows,
            }
        }
        Frame::Data(bytes) if client.greeted => ConsoleInput::Data(bytes),
        Frame::EndOfInput if client.greeted => ConsoleInput::EndOfInput,
        Frame::Resize { columns, rows } if client.greeted => ConsoleInput::Resized { columns, rows },
        _ => {
            client.broken = true;
            return None;
        }
    };
    Some(RpInput::Console { session, input })
}
