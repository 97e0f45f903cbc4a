//! The operator's end of a console: a pipe between a terminal, or a script, and a route processor.
//!
//! ```text
//!   terminal, raw ──keys──▶ ┌────────┐ ──Data, Resize──▶ RUN/console-R0.sock
//!                 ◀─screen─ │ client │ ◀─Data, Rejected, Closed
//!   script ──lines────────▶ └────────┘ ──EndOfInput────▶
//! ```
//!
//! At a terminal this is the console of the *router*: when the route processor at its other end is gone, it goes on at
//! the one that is active then. A script does not: nobody could tell which of its lines were executed. `^]` leaves;
//! every other key, `^C` too, belongs to the router.

use super::status_client::{self, active_slot};
use crate::clock;
use crate::event_loop::{LoopSignal, Signals};
use crate::rp_process::console_path;
use machine::{Duration, Instant, RpSlot};
use management::CloseReason;
use management::wire::{Frame, FrameDecoder, WIRE_VERSION, WireError, encode_data};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios};
use std::fmt;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The key that leaves the console, as telnet's: `^]`.
pub const ESCAPE_KEY: u8 = 0x1d;
/// How long a chassis may be without an active RP before a console gives up.
const ACTIVE_LIMIT: Duration = Duration::from_secs(60);
/// How long to wait between two looks for the active RP.
const ACTIVE_LOOK: Duration = Duration::from_millis(50);
/// Input that may wait for the RP; beyond it the rest stays where it is.
const OUTGOING_MAX: usize = 64 * 1024;
const READ_PIECE: usize = 16 * 1024;

/// Which route processor's console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Whichever is active.
    Active,
    /// The one in this slot.
    Slot(RpSlot),
}

/// What a console is to be.
#[derive(Clone, Debug)]
pub struct ConsoleOptions {
    /// Sockets of the chassis.
    pub run_directory: PathBuf,
    /// Which RP.
    pub target: Target,
    /// The first rejected line of a script ends the session.
    pub strict: bool,
}

/// How a console ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleExit {
    /// Logged out, or all input was dealt with.
    Finished,
    /// The operator pressed the escape key, or the terminal is gone.
    Left,
    /// A line of a strict script was rejected.
    Rejected {
        /// Its number, from 1.
        line_number: u32,
        /// The line.
        line: String,
    },
}

/// Why a console cannot be used.
#[derive(Debug)]
pub enum ConsoleError {
    /// No route processor of the chassis runs.
    NoChassis(PathBuf),
    /// Some run, but none is active.
    NoActive,
    /// The RP in this slot has no console to offer.
    Unreachable(RpSlot, io::Error),
    /// The RP ended the session, or itself, before the script was dealt with.
    Lost(RpSlot),
    /// What came from the RP is no console's stream.
    Wire(WireError),
    /// The terminal, the script or the system.
    Io(io::Error),
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConsoleError::NoChassis(run) => write!(
                f,
                "no chassis is running here (looked in {}); start it with 'holdover up'",
                run.display()
            ),
            ConsoleError::NoActive => write!(f, "no route processor is active"),
            ConsoleError::Unreachable(slot, error) => write!(f, "the console of {slot}: {error}"),
            ConsoleError::Lost(slot) => write!(
                f,
                "{slot} ended the session before the script was at its end; its last line may or may not be executed"
            ),
            ConsoleError::Wire(error) => write!(f, "the route processor sends nonsense: {error}"),
            ConsoleError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConsoleError {}

impl From<io::Error> for ConsoleError {
    fn from(error: io::Error) -> ConsoleError {
        ConsoleError::Io(error)
    }
}

/// Connects standard input and output to a console, until either is at its end.
///
/// # Errors
/// [`ConsoleError`].
pub fn run(options: &ConsoleOptions) -> Result<ConsoleExit, ConsoleError> {
    if io::stdin().is_terminal() {
        run_terminal(options)
    } else {
        run_script(options)
    }
}

fn run_script(options: &ConsoleOptions) -> Result<ConsoleExit, ConsoleError> {
    let slot = find(options, Search::First, &mut |_| Ok(true))?;
    let signals = Signals::take(&[])?;
    let mut session = Session::open(options, slot, false)?;
    match session.serve(&signals)? {
        SessionEnd::Closed(Some(CloseReason::Logout | CloseReason::EndOfInput)) => Ok(ConsoleExit::Finished),
        SessionEnd::Rejected { line_number, line } => Ok(ConsoleExit::Rejected { line_number, line }),
        SessionEnd::Left => Ok(ConsoleExit::Left),
        SessionEnd::Closed(_) | SessionEnd::Broken => Err(ConsoleError::Lost(slot)),
    }
}

fn run_terminal(options: &ConsoleOptions) -> Result<ConsoleExit, ConsoleError> {
    let mut slot = find(options, Search::First, &mut |_| Ok(true))?;
    let signals = Signals::take(&[
        LoopSignal::WindowChange,
        LoopSignal::Terminate,
        LoopSignal::Hangup,
    ])?;
    let terminal = RawTerminal::enter()?;
    loop {
        notice(&format!("connected to {slot}; leave with ^]"))?;
        let end = match Session::open(options, slot, true) {
            Ok(mut session) => session.serve(&signals)?,
            // It has died between being found and being connected to.
            Err(ConsoleError::Unreachable(..)) => SessionEnd::Broken,
            Err(error) => return Err(error),
        };
        match end {
            SessionEnd::Left => {
                drop(terminal);
                io::stdout().write_all(b"\n")?;
                return Ok(ConsoleExit::Left);
            }
            SessionEnd::Rejected { line_number, line } => {
                return Ok(ConsoleExit::Rejected { line_number, line });
            }
            SessionEnd::Closed(Some(CloseReason::Logout | CloseReason::EndOfInput)) => {
                return Ok(ConsoleExit::Finished);
            }
            SessionEnd::Closed(_) | SessionEnd::Broken => {
                notice(&format!("connection to {slot} lost"))?;
            }
        }
        let mut left = false;
        let found = find(options, Search::Again, &mut |limit| {
            left = escape_pressed(limit, &signals)?;
            Ok(!left)
        });
        match found {
            _ if left => return Ok(ConsoleExit::Left),
            Ok(found) => slot = found,
            Err(error) => return Err(error),
        }
    }
}

/// A line of the client's own on the screen, whose cursor may be anywhere.
fn notice(text: &str) -> io::Result<()> {
    let mut screen = io::stdout().lock();
    write!(screen, "\r\n[{text}]\r\n")?;
    screen.flush()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    First,
    Again,
}

/// Looks for the RP, for as long as one runs at all; `go_on` waits until the next look and says whether to go on.
fn find(
    options: &ConsoleOptions,
    search: Search,
    go_on: &mut dyn FnMut(Duration) -> io::Result<bool>,
) -> Result<RpSlot, ConsoleError> {
    let deadline = clock::now() + ACTIVE_LIMIT;
    loop {
        let reports = status_client::observe(&options.run_directory);
        match options.target {
            Target::Slot(slot) if reports[slot.index()].is_some() => return Ok(slot),
            Target::Active if active_slot(&reports).is_some() => {
                return active_slot(&reports).ok_or(ConsoleError::NoActive);
            }
            _ => {}
        }
        let none_runs = reports.iter().all(Option::is_none);
        // A console that was connected outlives a moment without any RP.
        let hopeless = none_runs && search == Search::First;
        if hopeless || clock::now() >= deadline || !wait_until_next_look(go_on)? {
            return Err(match options.target {
                _ if none_runs => ConsoleError::NoChassis(options.run_directory.clone()),
                Target::Slot(slot) => ConsoleError::Unreachable(slot, io::ErrorKind::NotConnected.into()),
                Target::Active => ConsoleError::NoActive,
            });
        }
    }
}

fn wait_until_next_look(go_on: &mut dyn FnMut(Duration) -> io::Result<bool>) -> io::Result<bool> {
    let next = clock::now() + ACTIVE_LOOK;
    let go_on = go_on(ACTIVE_LOOK)?;
    std::thread::sleep(next.saturating_since(clock::now()));
    Ok(go_on)
}

/// Whether the operator, or a signal, wants to leave while there is nobody to talk to. Other keys are dropped: they were
/// meant for a session that is over.
fn escape_pressed(limit: Duration, signals: &Signals) -> io::Result<bool> {
    let deadline = clock::now() + limit;
    loop {
        let stdin = io::stdin();
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(signals, PollFlags::IN),
        ];
        wait(&mut fds, Some(deadline))?;
        let (keys, signal) = (fds[0].revents(), fds[1].revents());
        if keys.intersects(PollFlags::IN | PollFlags::HUP) {
            let mut piece = [0; 256];
            match rustix::io::read(&stdin, &mut piece) {
                Ok(0) | Err(rustix::io::Errno::IO) => return Ok(true),
                Ok(count) if piece[..count].iter().any(|key| matches!(*key, ESCAPE_KEY | 3)) => {
                    return Ok(true);
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !signal.is_empty() {
            while let Some(signal) = signals.next_signal()? {
                if signal != LoopSignal::WindowChange {
                    return Ok(true);
                }
            }
        }
        if clock::now() >= deadline {
            return Ok(false);
        }
    }
}

fn wait(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_since(clock::now());
        Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The terminal in raw mode, until dropped.
struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    fn enter() -> io::Result<RawTerminal> {
        let stdin = io::stdin();
        let before = rustix::termios::tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
        Ok(RawTerminal { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _gone = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Columns and rows; 0 for unknown.
fn window_size() -> (u16, u16) {
    rustix::termios::tcgetwinsize(io::stdin()).map_or((0, 0), |size| (size.ws_col, size.ws_row))
}

enum SessionEnd {
    Closed(Option<CloseReason>),
    Rejected { line_number: u32, line: String },
    Broken,
    Left,
}

/// What standard input has for the session.
enum Keys<'a> {
    Send(&'a [u8]),
    /// Send these and leave.
    SendAndLeave(&'a [u8]),
}

/// Looks for the escape key in what was typed.
fn keys(typed: &[u8], terminal: bool) -> Keys<'_> {
    match typed.iter().position(|key| *key == ESCAPE_KEY) {
        Some(place) if terminal => Keys::SendAndLeave(&typed[..place]),
        _ => Keys::Send(typed),
    }
}

struct Session {
    stream: UnixStream,
    decoder: FrameDecoder,
    outgoing: Vec<u8>,
    terminal: bool,
    strict: bool,
    input_ended: bool,
    rejected: Option<(u32, String)>,
}

impl Session {
    fn open(options: &ConsoleOptions, slot: RpSlot, terminal: bool) -> Result<Session, ConsoleError> {
        let stream = connect(&options.run_directory, slot)?;
        let (columns, rows) = if terminal { window_size() } else { (0, 0) };
        let mut session = Session {
            stream,
            decoder: FrameDecoder::new(),
            outgoing: Vec::new(),
            terminal,
            strict: options.strict,
            input_ended: false,
            rejected: None,
        };
        let hello = Frame::Hello {
            version: WIRE_VERSION,
            terminal,
            strict: options.strict,
            columns,
            rows,
        };
        hello.encode(&mut session.outgoing);
        Ok(session)
    }

    fn serve(&mut self, signals: &Signals) -> Result<SessionEnd, ConsoleError> {
        let stdin = io::stdin();
        loop {
            let reads = !self.input_ended && self.outgoing.len() < OUTGOING_MAX;
            let socket_interest = if self.outgoing.is_empty() {
                PollFlags::IN
            } else {
                PollFlags::IN | PollFlags::OUT
            };
            let mut fds = vec![
                PollFd::new(&self.stream, socket_interest),
                PollFd::new(signals, PollFlags::IN),
            ];
            if reads {
                fds.push(PollFd::new(&stdin, PollFlags::IN));
            }
            wait(&mut fds, None)?;
            let [socket, signal] = [fds[0].revents(), fds[1].revents()];
            let typed = fds.get(2).is_some_and(|fd| !fd.revents().is_empty());
            drop(fds);
            if !signal.is_empty() && self.take_signals(signals)? {
                return Ok(SessionEnd::Left);
            }
            if typed && self.read_input()? {
                // What was typed before the escape key is for the router still; a full socket loses it.
                self.write()?;
                return Ok(SessionEnd::Left);
            }
            if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
                && let Some(end) = self.read_socket()?
            {
                return Ok(end);
            }
            self.write()?;
        }
    }

    /// Whether to leave.
    fn take_signals(&mut self, signals: &Signals) -> io::Result<bool> {
        while let Some(signal) = signals.next_signal()? {
            if signal != LoopSignal::WindowChange {
                return Ok(true);
            }
            let (columns, rows) = window_size();
            Frame::Resize { columns, rows }.encode(&mut self.outgoing);
        }
        Ok(false)
    }

    /// Takes what is typed, or the script's next piece; whether to leave.
    fn read_input(&mut self) -> io::Result<bool> {
        let mut piece = [0; 4096];
        // Not through the standard library's buffer: poll would not see what is in there.
        match rustix::io::read(io::stdin(), &mut piece) {
            // A terminal that hung up reads as an error.
            Ok(0) | Err(rustix::io::Errno::IO) if self.terminal => Ok(true),
            Ok(0) => {
                self.input_ended = true;
                Frame::EndOfInput.encode(&mut self.outgoing);
                Ok(false)
            }
            Ok(count) => Ok(match keys(&piece[..count], self.terminal) {
                Keys::Send(bytes) => {
                    encode_data(bytes, &mut self.outgoing);
                    false
                }
                Keys::SendAndLeave(bytes) => {
                    encode_data(bytes, &mut self.outgoing);
                    true
                }
            }),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn read_socket(&mut self) -> Result<Option<SessionEnd>, ConsoleError> {
        let mut piece = [0; READ_PIECE];
        let count = match self.stream.read(&mut piece) {
            Ok(0) => return Ok(Some(self.broken())),
            Ok(count) => count,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                return Ok(None);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Some(self.broken())),
            Err(error) => return Err(error.into()),
        };
        self.decoder.push(&piece[..count]);
        let mut screen = io::stdout().lock();
        while let Some(frame) = self.decoder.next_frame().map_err(ConsoleError::Wire)? {
            match frame {
                Frame::Data(bytes) => screen.write_all(&bytes)?,
                Frame::Rejected { line_number, line } => {
                    self.rejected.get_or_insert((line_number, line));
                }
                Frame::Closed { reason } => {
                    screen.flush()?;
                    return Ok(Some(self.closed(CloseReason::from_u8(reason))));
                }
                // Only clients send these; a later version may find a use for them.
                Frame::Hello { .. } | Frame::EndOfInput | Frame::Resize { .. } => {}
            }
        }
        screen.flush()?;
        Ok(None)
    }

    fn closed(&mut self, reason: Option<CloseReason>) -> SessionEnd {
        match self.rejected.take() {
            Some((line_number, line)) if self.strict => SessionEnd::Rejected { line_number, line },
            _ => SessionEnd::Closed(reason),
        }
    }

    fn broken(&mut self) -> SessionEnd {
        match self.closed(None) {
            rejected @ SessionEnd::Rejected { .. } => rejected,
            _ => SessionEnd::Broken,
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The reading side says what became of the session, after what it still had to say.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    self.outgoing.clear();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn connect(run_directory: &Path, slot: RpSlot) -> Result<UnixStream, ConsoleError> {
    let stream = UnixStream::connect(console_path(run_directory, slot))
        .map_err(|error| ConsoleError::Unreachable(slot, error))?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_escape_key_leaves_at_a_terminal_and_is_data_in_a_script() {
        let leaves = |typed: &[u8], terminal| match keys(typed, terminal) {
            Keys::Send(bytes) => (bytes.to_vec(), false),
            Keys::SendAndLeave(bytes) => (bytes.to_vec(), true),
        };
        assert_eq!(leaves(b"show\r", true), (b"show\r".to_vec(), false));
        assert_eq!(leaves(b"sh\x1dow\r", true), (b"sh".to_vec(), true));
        assert_eq!(leaves(b"\x1d", true), (vec![], true));
        assert_eq!(leaves(b"\x03", true), (b"\x03".to_vec(), false));
        assert_eq!(leaves(b"sh\x1dow\n", false), (b"sh\x1dow\n".to_vec(), false));
    }

    #[test]
    fn without_a_chassis_the_error_says_where_it_was_looked_for() {
        let place = crate::test_directory::TestDirectory::new("console");
        let options = ConsoleOptions {
            run_directory: place.path().to_path_buf(),
            target: Target::Active,
            strict: false,
        };
        let error = find(&options, Search::First, &mut |_| Ok(true))
            .unwrap_err()
            .to_string();
        assert!(error.contains(&place.path().display().to_string()), "{error}");
        assert!(error.contains("holdover up"), "{error}");
    }
}
