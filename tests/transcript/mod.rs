//! Sessions typed at a real chassis of processes, as text in which nothing depends on the moment: what tests compare with
//! their golden transcripts. `HOLDOVER_BLESS=1` writes those anew.

#![allow(dead_code, reason = "each test uses its own part")]

#[path = "../processes/chassis.rs"]
#[allow(dead_code, reason = "the processes' tests use the rest")]
pub mod chassis;

use chassis::{HANG_LIMIT, Place, eventually, hot_pair, slot_of};
use machine::RpSlot;
use runtime::operate::status_client;
use runtime::operate::typed::TypedSession;
use std::path::Path;

/// Number of STANDBY COLD, where RPR rests.
pub const STANDBY_COLD: u32 = 4;
/// Number of STANDBY HOT, where SSO rests.
pub const STANDBY_HOT: u32 = 8;

/// A typed session and its transcript so far.
pub struct Typist {
    pub place: Place,
    slot: RpSlot,
    session: TypedSession,
    transcript: String,
}

impl Typist {
    /// At the console of the active of a chassis that is hot.
    pub fn new() -> Typist {
        let place = chassis::up();
        let slot = slot_of(&hot_pair(&place.run_directory()).0);
        let (session, transcript) = open(&place, slot);
        let mut typist = Typist {
            place,
            slot,
            session,
            transcript,
        };
        typist.await_prompt();
        typist
    }

    /// Words in the transcript.
    pub fn say(&mut self, words: &str) {
        self.transcript.push_str(words);
        self.transcript.push('\n');
    }

    /// Types a line and waits for the next prompt or question.
    pub fn type_line(&mut self, line: &str) {
        if line.starts_with("redundancy force") {
            hot_pair(&self.place.run_directory());
        }
        self.press(&format!("{line}\r"));
        self.await_prompt();
    }

    /// Waits until so many cards are in step.
    pub fn await_cards(&self, cards: usize) {
        let run_directory = self.place.run_directory();
        eventually("the cards", || {
            let (active, _) = hot_pair(&run_directory);
            (active.cards.len() == cards).then_some(())
        });
    }

    /// Waits until the standby is in this state.
    pub fn await_standby(&self, state_number: u32) {
        let run_directory = self.place.run_directory();
        let standby = self.slot.peer();
        eventually("the standby's state", || {
            let reports = status_client::observe(&run_directory);
            let report = reports[standby.index()].as_ref()?;
            (report.state_number == state_number).then_some(())
        });
    }

    /// Presses keys and nothing else.
    pub fn press(&mut self, keys: &str) {
        self.session.press(keys).expect("the console takes keys");
    }

    /// Reads until a prompt or a question stands at the end of the screen.
    pub fn await_prompt(&mut self) {
        let shown = match self.session.read_until(is_waiting) {
            Ok(shown) => shown,
            Err(error) => panic!(
                "{error}: no prompt after\n{}\n{}",
                self.transcript,
                self.session.screen()
            ),
        };
        self.transcript.push_str(&normal(&shown));
    }

    /// The active goes away: types the last keys, and goes on at the console of its successor once the pair is hot.
    pub fn follow_the_switchover(&mut self, keys: &str) {
        self.press(keys);
        let shown = self.session.read_until(|_| false).expect("the console answers");
        let shown = normal(&shown);
        self.transcript.push_str(shown.trim_end_matches('\n'));
        self.move_to_the_active();
    }

    /// Opens the console of whoever is active now, once the pair is hot.
    pub fn move_to_the_active(&mut self) {
        let slot = slot_of(&hot_pair(&self.place.run_directory()).0);
        self.say(&format!("\n\n[the console of {slot}]\n"));
        self.slot = slot;
        self.open(slot);
    }

    fn open(&mut self, slot: RpSlot) {
        let (session, shown) = open(&self.place, slot);
        self.session = session;
        self.transcript.push_str(&shown);
        self.await_prompt();
    }

    /// Opens the standby's console, types these lines, and goes back.
    pub fn at_the_standby(&mut self, lines: &[&str]) {
        let (active, standby) = (self.slot, self.slot.peer());
        self.say(&format!("\n\n[the console of {standby}, the standby]\n"));
        self.open(standby);
        for line in lines {
            self.type_line(line);
        }
        self.say(&format!("\n\n[the console of {active} again]\n"));
        self.open(active);
    }

    /// What was typed and shown.
    pub fn finish(self) -> String {
        let lines = self.transcript.lines().map(str::trim_end);
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// Opens a console and switches pauses off; gives what it showed before that.
fn open(place: &Place, slot: RpSlot) -> (TypedSession, String) {
    let mut session = TypedSession::open(&place.run_directory(), slot, HANG_LIMIT).expect("a console");
    let shown = session.read_until(is_waiting).expect("a prompt");
    session.press("terminal length 0\r").expect("a console");
    (session, shown)
}

/// Whether the screen ends with a prompt or a question.
fn is_waiting(screen: &str) -> bool {
    let last = screen.rsplit('\n').next().unwrap_or_default().trim_end();
    let prompt = last.ends_with(['>', '#']) && !last.contains(' ');
    prompt
        || last.ends_with("[confirm]")
        || last.ends_with("[yes/no]:")
        || last.ends_with("]?")
        || last.ends_with("--More--")
}

/// Lines in which every number depends on the moment.
const MOMENTARY: &[&str] = &[
    "ptime",
    "comm link",
    "routing errors",
    "Standby failures",
    "messages tx",
    "messages rx",
    "messages logged",
    "frame closed",
    "Digest",
    "digest",
    " bytes on their way",
    "packets input",
    "packets output",
    "keep_alive count",
    "of memory",
    "bytes copied in",
    "Memory: ",
    "round-trip",
];

/// The screen without what depends on the moment: system messages that came between, times, uptimes, digests, counts.
fn normal(screen: &str) -> String {
    let mut in_log = false;
    let mut lines = Vec::new();
    for line in screen.split('\n') {
        in_log |= line.starts_with("Log Buffer (");
        let message = is_system_message(line);
        if message && !in_log {
            continue;
        }
        let line = if message { without_time(line) } else { steady(line) };
        // Under load a standby may have become hot twice.
        if !line.contains("*peer state") || lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// `*Nov 22 19:33:51.123: %FACILITY-...`
fn is_system_message(line: &str) -> bool {
    line.starts_with('*')
        && line
            .get(7..22)
            .is_some_and(|time| time.ends_with(':') || time.contains(':'))
        && line.contains(": ")
}

fn without_time(line: &str) -> String {
    let words = line.split_once(": ").map_or(line, |(_, words)| words);
    format!("*Mon dd hh:mm:ss.mmm: {words}")
}

fn steady(line: &str) -> String {
    if MOMENTARY.iter().any(|word| line.contains(word)) {
        return numbers_masked(line);
    }
    let words = line.split(' ').map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let clock = word.len() >= 8
            && word.as_bytes()[2] == b':'
            && word.as_bytes()[5] == b':'
            && word.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.');
        let mac =
            word.len() == 14 && word.split('.').count() == 3 && word.split('.').all(|part| part.len() == 4);
        let hash = word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
        let serial = word.len() == 11 && word.starts_with("HDV");
        if serial {
            "HDVxxxxxxxx".to_string()
        } else if clock {
            "hh:mm:ss".to_string()
        } else if mac {
            "hhhh.hhhh.hhhh".to_string()
        } else if hash && digits > 0 {
            "................".to_string()
        } else {
            word.to_string()
        }
    });
    let mut line = words.collect::<Vec<_>>().join(" ");
    // `Nov 22 2026 hh:mm:ss +00:00`, as directories have it.
    if let Some(at) = line.find(" hh:mm:ss +00:00") {
        line.replace_range(at.saturating_sub(11)..at, "Mmm dd yyyy");
    }
    // `hh:mm:ss UTC Sun Nov 22 2026`
    match line.split_once(" UTC ") {
        Some((before, _)) => format!("{before} UTC Www Mmm dd yyyy"),
        None => line,
    }
}

/// Every number as `N`.
fn numbers_masked(line: &str) -> String {
    let mut masked = String::new();
    for character in line.chars() {
        if !character.is_ascii_digit() {
            masked.push(character);
        } else if !masked.ends_with('N') {
            masked.push('N');
        }
    }
    masked
        .replace("NN", "N")
        .replace("minutes", "minute")
        .replace("hours", "hour")
}

/// Compares with the file, or writes it.
pub fn golden(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (left, right)) in expected.lines().zip(text.lines()).enumerate() {
        assert_eq!(
            left,
            right,
            "line {} of {}; HOLDOVER_BLESS=1 writes it anew",
            number + 1,
            path.display()
        );
    }
    let lines = (expected.lines().count(), text.lines().count());
    assert_eq!(lines.0, lines.1, "number of lines of {}", path.display());
}
