//! The link between the two route processors: R0 listens, R1 connects, and both prove that they belong together.
//!
//! ```text
//!   both: Greeting{version, slot, challenge} ─▶   both: Proof{answer} ─▶   Up, messages
//! ```
//!
//! Until the proof is verified nothing of the other side is believed, and it may send very little.

use super::{READ_BUDGET, RpOptions, TOKEN_PEER};
use crate::clock;
use crate::event_loop::{EventLoop, Interest, Ready};
use crate::nonce_proof::{self, Answer, Challenge};
use crate::process;
use crate::shared_memory::SharedMemory;
use crate::stream::{Address, Listener, MessageStream};
use machine::{Duration, Instant, RpSlot};
use rp::PeerMessage;
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::io;

/// Version of the link's greeting.
const LINK_VERSION: u8 = 1;
const GREETING: u8 = 100;
const PROOF: u8 = 101;
/// The longest message: a frame chunk with room to spare.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that may wait for the socket.
const QUEUED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes that the processor is told it may add when nothing waits.
const ROOM_BYTES: usize = 1024 * 1024;
/// How often the connecting side tries.
const RETRY: Duration = Duration::from_millis(20);

const LISTENER: u64 = 0;
const STREAM: u64 = 1;

/// What the link tells.
pub(super) enum PeerEvent {
    /// Both sides have proved themselves.
    Up,
    /// The link is gone, and why.
    Down(String),
    /// A message.
    Message(PeerMessage),
    /// Bytes that are no message.
    Nonsense(String),
}

struct Link {
    stream: MessageStream,
    challenge: Challenge,
    /// What was written into the loop last.
    waits_for_write: bool,
    proven: bool,
}

pub(super) struct PeerLink {
    slot: RpSlot,
    nonce: [u8; 32],
    address: Address,
    listener: Option<Listener>,
    link: Option<Link>,
    next_try: Instant,
    dropped: bool,
    process: Option<OwnedFd>,
    failed: Option<String>,
}

impl PeerLink {
    pub(super) fn new(options: &RpOptions, memory: &SharedMemory, events: &EventLoop) -> io::Result<Self> {
        let listener = match options.slot {
            RpSlot::R0 => {
                let listener = Listener::bind(&options.peer_address, MESSAGE_BYTES_MAX, QUEUED_BYTES_MAX)?;
                events.add(&listener, TOKEN_PEER + LISTENER, Interest::READ)?;
                Some(listener)
            }
            RpSlot::R1 => None,
        };
        Ok(Self {
            slot: options.slot,
            nonce: memory.nonce(),
            address: options.peer_address.clone(),
            listener,
            link: None,
            next_try: clock::now(),
            dropped: false,
            process: None,
            failed: None,
        })
    }

    /// Bytes that the processor may send now.
    pub(super) fn room(&self) -> usize {
        match &self.link {
            Some(link) if link.proven => ROOM_BYTES.saturating_sub(link.stream.queued_bytes()),
            _ => 0,
        }
    }

    /// When the connecting side tries again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        (self.listener.is_none() && self.link.is_none()).then_some(self.next_try)
    }

    /// The process that a kill would be for, as the life lock names it.
    pub(super) fn note_process(&mut self, pid: u32, start_time_ticks: u64) {
        self.process = None;
        let Some(pid_value) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        let Ok(descriptor) = rustix::process::pidfd_open(pid_value, PidfdFlags::empty()) else {
            return;
        };
        // The id may have been given to another process before the descriptor was opened; not after.
        if process::start_time_ticks(pid).is_ok_and(|ticks| ticks == start_time_ticks) {
            self.process = Some(descriptor);
        }
    }

    /// Kills the peer's process. It may be gone already, which is as good.
    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take()
            && let Err(error) = rustix::process::pidfd_send_signal(&process, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            super::log_line(&format!("the peer was not killed: {error}"));
        }
    }

    pub(super) fn send(&mut self, message: &PeerMessage) {
        let Some(link) = self.link.as_mut().filter(|link| link.proven) else {
            return;
        };
        let (kind, body) = message.encode();
        if let Err(error) = link.stream.send(kind, &body) {
            // A peer that does not take what the room allowed is not in step; the link starts anew.
            self.failed = Some(error.to_string());
        }
    }

    /// Closes the link at the next flush.
    pub(super) fn drop_link(&mut self) {
        self.dropped = true;
    }

    pub(super) fn connect_if_due(&mut self, now: Instant, events: &EventLoop) -> io::Result<Vec<PeerEvent>> {
        if self.listener.is_none() && self.link.is_none() && self.next_try <= now {
            self.next_try = now + RETRY;
            if let Ok(stream) = MessageStream::connect(&self.address, MESSAGE_BYTES_MAX, QUEUED_BYTES_MAX) {
                self.open(stream, events)?;
            }
        }
        Ok(Vec::new())
    }

    fn open(&mut self, mut stream: MessageStream, events: &EventLoop) -> io::Result<()> {
        let challenge = nonce_proof::challenge()?;
        let mut greeting = vec![LINK_VERSION, self.slot as u8];
        greeting.extend_from_slice(&challenge);
        stream.send(GREETING, &greeting).map_err(io::Error::other)?;
        events.add(&stream, TOKEN_PEER + STREAM, Interest::READ_WRITE)?;
        self.link = Some(Link {
            stream,
            challenge,
            waits_for_write: true,
            proven: false,
        });
        Ok(())
    }

    pub(super) fn ready(
        &mut self,
        which: u64,
        ready: Ready,
        events: &EventLoop,
    ) -> io::Result<Vec<PeerEvent>> {
        let mut told = Vec::new();
        if which == LISTENER {
            while let Some(listener) = &self.listener
                && let Some(stream) = listener.accept()?
            {
                self.close("the peer has connected anew", &mut told);
                if let Err(error) = stream.check_owner() {
                    super::log_line(&format!("RP link refused: {error}"));
                    continue;
                }
                self.open(stream, events)?;
            }
            return Ok(told);
        }
        if ready.readable || ready.hangup {
            self.read(&mut told);
        }
        Ok(told)
    }

    fn read(&mut self, told: &mut Vec<PeerEvent>) {
        let Some(link) = &mut self.link else { return };
        if let Err(error) = link
            .stream
            .finish_connecting()
            .and_then(|_| link.stream.fill(READ_BUDGET))
        {
            return self.close(&error.to_string(), told);
        }
        loop {
            let Some(link) = &mut self.link else { return };
            let (kind, body) = match link.stream.next_message() {
                Ok(None) => return,
                Ok(Some((kind, body))) => (kind, body.to_vec()),
                Err(error) => return self.close(&error.to_string(), told),
            };
            if !link.proven {
                match prove(link, self.slot, &self.nonce, kind, &body) {
                    Ok(true) => told.push(PeerEvent::Up),
                    Ok(false) => {}
                    Err(why) => {
                        super::log_line(&format!("RP link refused: {why}"));
                        return self.close(&why, told);
                    }
                }
                continue;
            }
            match PeerMessage::decode(kind, &body) {
                Ok(message) => told.push(PeerEvent::Message(message)),
                Err(error) => {
                    told.push(PeerEvent::Nonsense(error.to_string()));
                    return;
                }
            }
        }
    }

    /// Dropping the stream takes it out of the loop.
    fn close(&mut self, why: &str, told: &mut Vec<PeerEvent>) {
        if let Some(link) = self.link.take()
            && link.proven
        {
            told.push(PeerEvent::Down(why.to_string()));
        }
    }

    pub(super) fn flush(&mut self, events: &EventLoop) -> io::Result<Vec<PeerEvent>> {
        let mut told = Vec::new();
        if std::mem::take(&mut self.dropped) {
            self.close("its messages make no sense", &mut told);
        }
        if let Some(why) = self.failed.take() {
            self.close(&why, &mut told);
        }
        let Some(link) = &mut self.link else {
            return Ok(told);
        };
        if let Err(error) = link.stream.finish_connecting().and_then(|_| link.stream.flush()) {
            self.close(&error.to_string(), &mut told);
            return Ok(told);
        }
        let wants = link.stream.wants_write();
        if wants != link.waits_for_write {
            link.waits_for_write = wants;
            events.change(&link.stream, TOKEN_PEER + STREAM, Interest::read_and(wants))?;
        }
        Ok(told)
    }
}

/// One step of the mutual proof; true when the other side has proved itself.
fn prove(link: &mut Link, slot: RpSlot, nonce: &[u8; 32], kind: u8, body: &[u8]) -> Result<bool, String> {
    match kind {
        GREETING => {
            let [version, theirs, challenge @ ..] = body else {
                return Err("malformed greeting".into());
            };
            let challenge = Challenge::try_from(challenge).map_err(|_| "malformed greeting".to_string())?;
            if *version != LINK_VERSION {
                return Err(format!(
                    "the peer speaks version {version} of the RP link, this release {LINK_VERSION}"
                ));
            }
            if u64::from(*theirs) != slot.peer() as u64 {
                return Err(format!(
                    "the peer says that it is in slot {theirs}, not in {}",
                    slot.peer()
                ));
            }
            let answer = nonce_proof::answer(nonce, &challenge, slot);
            link.stream
                .send(PROOF, &answer)
                .map_err(|error| error.to_string())?;
            Ok(false)
        }
        PROOF => {
            let answer = Answer::try_from(body).map_err(|_| "malformed proof".to_string())?;
            if !nonce_proof::verify(nonce, &link.challenge, slot.peer(), &answer) {
                return Err("the peer does not belong to this chassis: it does not know the nonce".into());
            }
            link.proven = true;
            Ok(true)
        }
        _ => Err(format!("message kind {kind} before the proof")),
    }
}
