//! The processes of one router, in a namespace of their own.

use crate::tools::{self, Namespace, wait_for, wait_until};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A slot of a route processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    R0,
    R1,
}

impl Slot {
    /// The other one.
    pub fn peer(self) -> Slot {
        match self {
            Slot::R0 => Slot::R1,
            Slot::R1 => Slot::R0,
        }
    }

    fn index(self) -> usize {
        match self {
            Slot::R0 => 0,
            Slot::R1 => 1,
        }
    }
}

/// Two route processors and two cards; all gone when it is dropped.
pub struct Router {
    pub namespace: Namespace,
    directory: PathBuf,
    processors: [Child; 2],
    cards: Vec<Child>,
}

impl Router {
    /// Starts the processes of a chassis with cards 0 and 1 and waits until the standby is hot.
    pub fn start(label: &str, namespace: Namespace, chassis: &str) -> Router {
        let directory = std::env::temp_dir().join(format!("holdover-{label}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory for the test");
        std::fs::write(directory.join("chassis.toml"), chassis).expect("a chassis file");
        let start = |what: &[&str]| start(&directory, &namespace, what);
        let cards = vec![start(&["card", "--slot", "0"]), start(&["card", "--slot", "1"])];
        let processors = [start(&["rp", "--slot", "R0"]), start(&["rp", "--slot", "R1"])];
        let router = Router {
            namespace,
            directory,
            processors,
            cards,
        };
        router.wait_for_pair();
        router
    }

    /// Waits until these ports are up.
    pub fn wait_for_ports(&self, ports: &[&str]) {
        let active = self.wait_for_pair();
        wait_until("the ports are up", || {
            let brief = self.console(active, "show ip interface brief\n");
            ports.iter().all(|port| {
                brief
                    .lines()
                    .any(|line| line.starts_with(port) && line.trim_end().ends_with("up"))
            })
        });
    }

    /// Waits for one active and one hot standby with equal digests and live cards; returns the active's slot.
    pub fn wait_for_pair(&self) -> Slot {
        wait_for("an active, a hot standby, and equal digests", || {
            let active = self.active()?;
            let [own, peer] = [self.status(active)?, self.status(active.peer())?];
            let hot = peer["state_number"] == 8 && own["in_step"] == true && own["settled"] == true;
            let live = own["cards"].as_array().is_some_and(|cards| {
                cards.len() == self.cards.len() && cards.iter().all(|card| card["live"] == true)
            });
            (hot && live && own["digest"] == peer["digest"]).then_some(active)
        })
    }

    /// The slot whose processor says that it is active and done with becoming it.
    pub fn active(&self) -> Option<Slot> {
        [Slot::R0, Slot::R1].into_iter().find(|slot| {
            self.status(*slot)
                .is_some_and(|status| status["state_number"] == 13)
        })
    }

    /// What the processor in `slot` says of itself; `None` while it does not answer.
    pub fn status(&self, slot: Slot) -> Option<Value> {
        self.ask(slot, "{\"request\":\"status\"}")
    }

    /// Asks the processor in `slot` for a fault of its own, and waits until it knows of it. Nothing is said to that: the
    /// answer to the next question is.
    pub fn fault(&self, slot: Slot, fault: &str) {
        let request = format!("{{\"request\":\"fault\",\"fault\":\"{fault}\"}}\n{{\"request\":\"status\"}}");
        let said = self.ask(slot, &request);
        let is_taken = said.as_ref().is_some_and(|said| said.get("error").is_none());
        assert!(is_taken, "{fault}: {said:?}");
    }

    fn ask(&self, slot: Slot, request: &str) -> Option<Value> {
        let mut stream =
            UnixStream::connect(self.directory.join(format!("run/status-{slot:?}.sock"))).ok()?;
        stream.write_all(format!("{request}\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Gives `script` to the console of the processor in `slot`; returns all that it said, with rejected lines marked.
    pub fn console(&self, slot: Slot, script: &str) -> String {
        let path = self.directory.join(format!("run/console-{slot:?}.sock"));
        let stream = UnixStream::connect(path).expect("the console listens");
        converse(stream, script).unwrap_or_else(|error| panic!("console of {slot:?}: {error}"))
    }

    /// `kill -9` of the processor in `slot`.
    pub fn kill(&mut self, slot: Slot) {
        let processor = &mut self.processors[slot.index()];
        processor.kill().expect("SIGKILL");
        processor.wait().expect("the processor's end");
    }

    /// Stops the processor in `slot` (SIGSTOP): it is alive, and does nothing.
    pub fn stop(&self, slot: Slot) {
        let pid = self.processors[slot.index()].id().to_string();
        tools::succeed(Command::new("kill").args(["-STOP", &pid]));
    }

    /// Waits for the processor in `slot` to end by itself.
    pub fn wait_for_end(&mut self, slot: Slot) {
        let processor = &mut self.processors[slot.index()];
        wait_until("the old active ends", || {
            processor.try_wait().expect("a child").is_some()
        });
    }

    /// Puts a fresh processor into `slot`, whose old one has ended.
    pub fn restart(&mut self, slot: Slot) {
        self.processors[slot.index()] = start(
            &self.directory,
            &self.namespace,
            &["rp", "--slot", &format!("{slot:?}")],
        );
    }

    /// Processor time that the cards have used, in clock ticks (100 a second).
    pub fn card_ticks(&self) -> u64 {
        self.cards.iter().map(|card| tools::cpu_ticks(card.id())).sum()
    }

    /// A clock that shows what that of the processor in `slot` shows, in nanoseconds.
    pub fn clock(&self, slot: Slot) -> impl Fn() -> u64 + use<> {
        let status = self.status(slot).expect("a status");
        let answered = Instant::now();
        let at_answer = status["now_ns"].as_u64().expect("a clock");
        move || at_answer + u64::try_from(answered.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long after `began_ns` the processor in `slot` reached the phases of its last switchover, for information.
    pub fn phases(&self, slot: Slot, began_ns: u64) -> String {
        let status = self.status(slot).unwrap_or_default();
        let after = |phase: &str| {
            let at_ns = status["phases_ns"][phase].as_u64();
            at_ns.map_or_else(
                || "-".to_string(),
                |at| format!("{:.1} ms", (at as f64 - began_ns as f64) / 1e6),
            )
        };
        format!("detected {}, active {}", after("detected"), after("active"))
    }

    /// What the processes wrote, for the report of a failure.
    fn logs(&self) -> String {
        let mut text = String::new();
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .collect();
        paths.sort();
        for path in paths {
            let content = std::fs::read_to_string(&path).unwrap_or_default();
            let _ = writeln!(text, "--- {}\n{content}", path.display());
        }
        text
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for child in self.processors.iter_mut().chain(&mut self.cards) {
            let _ended_before = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn start(directory: &std::path::Path, router: &Namespace, what: &[&str]) -> Child {
    let path = directory.join(format!("{}.log", what.join("").replace('-', "")));
    let log = std::fs::File::options().create(true).append(true).open(path);
    let mut command: Command = router.command(env!("CARGO_BIN_EXE_holdover"));
    command
        .args(what)
        .arg("--chassis")
        .arg(directory.join("chassis.toml"))
        .env("HOLDOVER_DIR", directory)
        .stdin(Stdio::null())
        .stderr(log.expect("a log file"));
    command.spawn().expect("a process of the router")
}

/// The frames of a script's session on a console (`management::wire`): greeting, script, end; then the answers.
fn converse(mut stream: UnixStream, script: &str) -> std::io::Result<String> {
    const HELLO: u8 = 1;
    const DATA: u8 = 2;
    const END_OF_INPUT: u8 = 3;
    const REJECTED: u8 = 5;
    const CLOSED: u8 = 6;
    let mut request = Vec::new();
    for (kind, body) in [
        (HELLO, &[1, 0, 0, 0, 0, 0][..]),
        (DATA, script.as_bytes()),
        (END_OF_INPUT, &[]),
    ] {
        request.extend_from_slice(&(body.len() as u32 + 1).to_be_bytes());
        request.push(kind);
        request.extend_from_slice(body);
    }
    stream.set_read_timeout(Some(tools::PATIENCE))?;
    stream.write_all(&request)?;
    let mut said = String::new();
    loop {
        let mut head = [0; 5];
        match stream.read_exact(&mut head) {
            // A processor that hands over ends, and its consoles with it.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(said),
            outcome => outcome?,
        }
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let mut body = vec![0; length as usize - 1];
        stream.read_exact(&mut body)?;
        match head[4] {
            DATA => said.push_str(&String::from_utf8_lossy(&body)),
            REJECTED => {
                let line = String::from_utf8_lossy(body.get(4..).unwrap_or_default());
                let _ = write!(said, "\nREJECTED: {line}\n");
            }
            CLOSED => return Ok(said),
            other => return Err(std::io::Error::other(format!("a frame of type {other}"))),
        }
    }
}
