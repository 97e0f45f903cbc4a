//! The link between the two route processors: R0 listens, R1 connects, and both prove that they belong together.
//!
//! ```text
//!   both: Greeting{version, slot, challenge} ─▶   both: Proof{answer} ─▶   Up, messages
//! ```
//!
//! Until the proof is verified nothing of the other side is believed, and a link that stands is not touched: whoever
//! connects is a candidate, one at a time, and takes the link's place once it has proved itself.

use super::{READ_BUDGET, RpOptions, TOKEN_PEER};
use crate::clock;
use crate::event_loop::{EventLoop, Interest, Ready};
use crate::nonce_proof::{self, Answer, Challenge};
use crate::process;
use crate::shared_memory::SharedMemory;
use crate::stream::{Address, Listener, MessageStream};
use machine::{Duration, Instant, RpSlot};
use redundancy::ProcessFound;
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

/// How long a connection may take to prove itself.
const PROOF_LIMIT: Duration = Duration::from_secs(1);

const LISTENER: u64 = 0;
/// The link and a candidate have one of these each.
const STREAMS: [u64; 2] = [1, 2];

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
    token: u64,
    challenge: Challenge,
    /// What was written into the loop last.
    waits_for_write: bool,
}

impl Link {
    fn fill(&mut self) -> Result<(), String> {
        let filled = self
            .stream
            .finish_connecting()
            .and_then(|_| self.stream.fill(READ_BUDGET));
        filled.map(drop).map_err(|error| error.to_string())
    }

    fn flush(&mut self, events: &EventLoop) -> io::Result<Result<(), String>> {
        let flushed = self.stream.finish_connecting().and_then(|_| self.stream.flush());
        if let Err(error) = flushed {
            return Ok(Err(error.to_string()));
        }
        let wants = self.stream.wants_write();
        if wants != self.waits_for_write {
            self.waits_for_write = wants;
            events.change(&self.stream, TOKEN_PEER + self.token, Interest::read_and(wants))?;
        }
        Ok(Ok(()))
    }
}

/// A connection that has yet to prove itself.
struct Candidate {
    link: Link,
    until: Instant,
}

pub(super) struct PeerLink {
    slot: RpSlot,
    nonce: [u8; 32],
    address: Address,
    listener: Option<Listener>,
    link: Option<Link>,
    candidate: Option<Candidate>,
    next_try: Instant,
    dropped: bool,
    process: Option<(u32, OwnedFd)>,
    /// The process whose end is waited for.
    ending: Option<OwnedFd>,
    failed: Option<String>,
    /// Why the last candidate was refused.
    refused: Option<String>,
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
            candidate: None,
            next_try: clock::now(),
            dropped: false,
            process: None,
            ending: None,
            failed: None,
            refused: None,
        })
    }

    /// Bytes that the processor may send now.
    pub(super) fn room(&self) -> usize {
        match &self.link {
            Some(link) => ROOM_BYTES.saturating_sub(link.stream.queued_bytes()),
            None => 0,
        }
    }

    /// When the connecting side tries again, or a candidate has had its time.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.candidate {
            Some(candidate) => Some(candidate.until),
            None => (self.listener.is_none() && self.link.is_none()).then_some(self.next_try),
        }
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
            self.process = Some((pid, descriptor));
        }
    }

    /// Kills the peer's process. It may be gone already, which is as good. Returns what it was found doing; `None` when no
    /// process is known.
    pub(super) fn kill(&mut self) -> Option<ProcessFound> {
        let (pid, process) = self.process.take()?;
        let found = found(pid);
        if let Err(error) = rustix::process::pidfd_send_signal(&process, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            super::log_line(&format!("the peer was not killed: {error}"));
        }
        Some(found)
    }

    /// Has the loop tell when the peer's process, which has resigned, ends. Where that cannot be watched, its next life
    /// tells the same.
    pub(super) fn watch_end(&mut self, token: u64, events: &EventLoop) {
        let Some((_, process)) = &self.process else {
            return;
        };
        let watched = process
            .try_clone()
            .and_then(|process| events.add(&process, token, Interest::READ).map(|()| process));
        match watched {
            Ok(process) => self.ending = Some(process),
            Err(error) => super::log_line(&format!("the end of the peer's process is not watched: {error}")),
        }
    }

    /// The end that was waited for has come. False when none was.
    pub(super) fn end_seen(&mut self, events: &EventLoop) -> io::Result<bool> {
        match self.ending.take() {
            Some(process) => events.remove(&process).map(|()| true),
            None => Ok(false),
        }
    }

    pub(super) fn send(&mut self, message: &PeerMessage) {
        let Some(link) = &mut self.link else {
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
        if self
            .candidate
            .as_ref()
            .is_some_and(|candidate| candidate.until <= now)
        {
            self.refuse("it has not proved in time that it belongs to this chassis");
        }
        let alone = self.link.is_none() && self.candidate.is_none();
        if self.listener.is_none() && alone && self.next_try <= now {
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
        let taken = self.link.as_ref().map(|link| link.token);
        let token = if taken == Some(STREAMS[0]) {
            STREAMS[1]
        } else {
            STREAMS[0]
        };
        events.add(&stream, TOKEN_PEER + token, Interest::READ_WRITE)?;
        self.candidate = Some(Candidate {
            link: Link {
                stream,
                token,
                challenge,
                waits_for_write: true,
            },
            until: clock::now() + PROOF_LIMIT,
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
                match stream.check_owner() {
                    Ok(()) => self.open(stream, events)?,
                    Err(error) => super::log_line(&format!("RP link refused: {error}")),
                }
            }
        } else if ready.readable || ready.hangup {
            if self
                .candidate
                .as_ref()
                .is_some_and(|candidate| candidate.link.token == which)
            {
                self.read_candidate(&mut told);
            } else {
                self.read(&mut told);
            }
        }
        Ok(told)
    }

    fn read_candidate(&mut self, told: &mut Vec<PeerEvent>) {
        match self.prove_candidate() {
            Ok(false) => {}
            Ok(true) => {
                self.close("the peer has connected anew", told);
                self.link = self.candidate.take().map(|candidate| candidate.link);
                self.refused = None;
                told.push(PeerEvent::Up);
                self.take_messages(told);
            }
            Err(why) => self.refuse(&why),
        }
    }

    /// Whether the candidate has proved itself.
    fn prove_candidate(&mut self) -> Result<bool, String> {
        let Some(Candidate { link, .. }) = &mut self.candidate else {
            return Ok(false);
        };
        let filled = link.fill();
        while let Some((kind, body)) = link.stream.next_message().map_err(|error| error.to_string())? {
            let body = body.to_vec();
            if prove(link, self.slot, &self.nonce, kind, &body)? {
                return Ok(true);
            }
        }
        filled.map(|()| false)
    }

    /// Dropping the stream takes it out of the loop. Said once, not at every try.
    fn refuse(&mut self, why: &str) {
        if self.candidate.take().is_some() && self.refused.as_deref() != Some(why) {
            super::log_line(&format!("RP link at {} refused: {why}", self.address));
            self.refused = Some(why.to_string());
        }
    }

    fn read(&mut self, told: &mut Vec<PeerEvent>) {
        let Some(link) = &mut self.link else { return };
        match link.fill() {
            Ok(()) => self.take_messages(told),
            Err(error) => self.close(&error, told),
        }
    }

    fn take_messages(&mut self, told: &mut Vec<PeerEvent>) {
        while let Some(link) = &mut self.link {
            let message = match link.stream.next_message() {
                Ok(None) => return,
                Ok(Some((kind, body))) => PeerMessage::decode(kind, body),
                Err(error) => return self.close(&error.to_string(), told),
            };
            match message {
                Ok(message) => told.push(PeerEvent::Message(message)),
                Err(error) => return told.push(PeerEvent::Nonsense(error.to_string())),
            }
        }
    }

    /// Dropping the stream takes it out of the loop.
    fn close(&mut self, why: &str, told: &mut Vec<PeerEvent>) {
        if self.link.take().is_some() {
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
        if let Some(Candidate { link, .. }) = &mut self.candidate
            && let Err(why) = link.flush(events)?
        {
            self.refuse(&why);
        }
        if let Some(link) = &mut self.link
            && let Err(why) = link.flush(events)?
        {
            self.close(&why, &mut told);
        }
        Ok(told)
    }
}

/// What a process is doing: the letter behind its name in `/proc/PID/stat` (proc_pid_stat(5)).
fn found(pid: u32) -> ProcessFound {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let name_end = stat.iter().rposition(|byte| *byte == b')');
    match name_end.and_then(|end| stat.get(end + 2)) {
        Some(b'T' | b't') => ProcessFound::Stopped,
        Some(b'Z' | b'X') | None => ProcessFound::Gone,
        Some(_) => ProcessFound::Running,
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
            Ok(true)
        }
        _ => Err(format!("message kind {kind} before the proof")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::CoreDumps;
    use crate::test_directory::TestDirectory;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    struct End {
        link: PeerLink,
        events: EventLoop,
    }

    impl End {
        fn new(directory: &TestDirectory, slot: RpSlot) -> Self {
            let options = RpOptions {
                slot,
                chassis_name: String::new(),
                run_directory: directory.path().to_path_buf(),
                state_directory: directory.path().to_path_buf(),
                peer_address: Address::Unix(directory.path().join("rp.sock")),
                cards: Vec::new(),
                factory_configuration: None,
                keepalive_interval_ms: 25,
                keepalive_limit_ms: 250,
                acknowledgement_stall_limit_ms: 200,
                core_dumps: CoreDumps::AsConfigured,
                crash_space_bytes_max: 0,
                record: None,
                unsupported_commands: Vec::new(),
                image_version: None,
                ballast_bytes: 0,
            };
            let memory = SharedMemory::open(directory.path()).unwrap();
            let events = EventLoop::new().unwrap();
            let link = PeerLink::new(&options, &memory, &events).unwrap();
            Self { link, events }
        }

        /// One round of a loop that does not wait.
        fn round(&mut self) -> Vec<PeerEvent> {
            let mut ready = Vec::new();
            self.events.wait(Some(Instant::ZERO), &mut ready).unwrap();
            let mut told = Vec::new();
            for event in ready {
                told.extend(
                    self.link
                        .ready(event.token - TOKEN_PEER, event, &self.events)
                        .unwrap(),
                );
            }
            told.extend(self.link.connect_if_due(clock::now(), &self.events).unwrap());
            told.extend(self.link.flush(&self.events).unwrap());
            told
        }
    }

    #[test]
    fn whoever_connects_to_the_rp_link_without_proof_does_not_touch_the_link_that_stands() {
        let directory = TestDirectory::new("rp-link");
        let (mut r0, mut r1) = (End::new(&directory, RpSlot::R0), End::new(&directory, RpSlot::R1));
        let (mut up0, mut up1) = (false, false);
        while !(up0 && up1) {
            up0 |= r0.round().iter().any(|event| matches!(event, PeerEvent::Up));
            up1 |= r1.round().iter().any(|event| matches!(event, PeerEvent::Up));
        }
        for garbage in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            &[4, 0, 0, 0, GREETING, 9, 1, 2, 3],
            b"",
        ] {
            let mut stranger = UnixStream::connect(directory.path().join("rp.sock")).unwrap();
            stranger.write_all(garbage).unwrap();
            for _ in 0..5 {
                assert!(r0.round().is_empty(), "the link knows nothing of strangers");
            }
            drop(stranger);
            for _ in 0..5 {
                assert!(r0.round().is_empty());
                assert!(r1.round().is_empty());
            }
        }
        assert!(r0.link.room() > 0 && r1.link.room() > 0);
        let reconnected = End::new(&directory, RpSlot::R1);
        let mut r1 = reconnected;
        let mut told = Vec::new();
        while told.len() < 2 {
            told.extend(r0.round());
            let _ = r1.round();
        }
        assert!(
            matches!(told[..], [PeerEvent::Down(_), PeerEvent::Up]),
            "a new life of the peer takes the link over"
        );
    }
}
