//! The console: its frames, its keys and lines, the command language, the startup configuration.

use config::{Grammar, Mode, load};
use machine::PortId;
use management::wire::{Frame, FrameDecoder, WIRE_VERSION, WireError};
use management::{
    ConsoleRole, ConsoleSession, Outcome, Question, QuestionKind, SessionEvent, SessionOptions,
};

/// Frames of the console's stream: however they are cut, the same frames come out.
pub fn frame(bytes: &[u8]) {
    let whole = decoded(bytes, bytes.len().max(1));
    assert_eq!(decoded(bytes, 1), whole);
    let mut written = Vec::new();
    whole.0.iter().for_each(|frame| frame.encode(&mut written));
    if whole.1.is_none() {
        let again: Vec<Frame> = decoded(&written, written.len().max(1)).0;
        let visible = |frames: &[Frame]| {
            frames
                .iter()
                .filter(|frame| **frame != Frame::Data(Vec::new()))
                .count()
        };
        assert_eq!(
            visible(&again),
            visible(&whole.0),
            "what was read is written and read again"
        );
    }
}

fn decoded(bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<WireError>) {
    let mut decoder = FrameDecoder::new();
    let mut frames = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// Keys and lines of a session. The first byte chooses who is there and how commands end.
pub fn session(bytes: &[u8]) {
    let Some((choice, keys)) = bytes.split_first() else {
        return;
    };
    let bit = |number: u8| choice >> number & 1 == 1;
    let options = SessionOptions {
        terminal: bit(0),
        strict: bit(1),
        columns: if bit(2) { 80 } else { 0 },
        rows: if bit(6) { 3 } else { 0 },
    };
    let role = if bit(3) {
        ConsoleRole::Standby
    } else {
        ConsoleRole::Active
    };
    let mut session = ConsoleSession::new(options, role);
    let mut events = Vec::new();
    session.start(&mut events);
    let mut driver = Driver {
        session,
        events,
        accepts: bit(4),
        asks: bit(5),
        pages: bit(7),
    };
    driver.answer();
    let mut rest = keys;
    while !rest.is_empty() && !driver.session.is_closed() {
        let taken = driver.session.input(rest, &mut driver.events);
        assert!(taken <= rest.len());
        let answered = driver.answer();
        assert!(
            taken > 0 || answered || driver.session.is_closed(),
            "a session that waits for nothing takes keys"
        );
        rest = &rest[taken..];
    }
    driver.session.end_of_input(&mut driver.events);
    driver.answer();
    assert!(
        driver.session.is_closed(),
        "nobody is left, and nothing is under way"
    );
}

/// The route processor's side of a session.
struct Driver {
    session: ConsoleSession,
    events: Vec<SessionEvent>,
    accepts: bool,
    asks: bool,
    /// Commands show a table of several pages.
    pages: bool,
}

impl Driver {
    /// Serves all events; returns whether there was a command to do something about.
    fn answer(&mut self) -> bool {
        let mut answered = false;
        loop {
            let events = std::mem::take(&mut self.events);
            let waits = self.session.is_executing() && self.session.takes_output();
            if events.is_empty() && !(self.pages && waits) {
                return answered;
            }
            if events.is_empty() {
                // The operator has seen the page.
                self.complete();
                answered = true;
            }
            for event in events {
                answered |= self.serve(event);
            }
        }
    }

    fn serve(&mut self, event: SessionEvent) -> bool {
        match event {
            SessionEvent::Execute { .. } if self.asks => {
                let question = Question {
                    text: "Proceed?".into(),
                    kind: QuestionKind::Confirm,
                };
                self.session.ask(question, &mut self.events);
            }
            SessionEvent::Execute { .. } if self.pages => {
                let page = "!\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n!\nend\n";
                self.session.output(page, &mut self.events);
            }
            SessionEvent::Execute { .. } | SessionEvent::Answer(_) => self.complete(),
            SessionEvent::Interrupt if self.pages => self.complete(),
            _ => return false,
        }
        true
    }

    fn complete(&mut self) {
        let outcome = if self.accepts {
            Outcome::Accepted
        } else {
            Outcome::Rejected
        };
        self.session.complete(outcome, "all is\ndone\n", &mut self.events);
    }
}

/// A line in every mode: parsed, asked about, completed.
pub fn command_line(bytes: &[u8]) {
    let Ok(line) = std::str::from_utf8(bytes) else {
        return;
    };
    let interface = Mode::Interface(PortId::new(0, 0));
    let modes = [
        Mode::UserExec,
        Mode::PrivilegedExec,
        Mode::Global,
        interface,
        Mode::Redundancy,
        Mode::Bgp(65_000),
        Mode::BgpFamily(65_000),
        Mode::RouteMap(config::policy::RouteMapPlace {
            name: const { config::policy::ListName::new("M").unwrap() },
            permit: true,
            sequence: 10,
        }),
    ];
    for mode in modes {
        match Grammar::standard().read(&mode, line) {
            Ok(config::Line {
                command: config::Command::Configure(command),
                ..
            }) => {
                let again = Grammar::standard().parse(&command.mode(), &command.text());
                assert_eq!(again, Ok(config::Command::Configure(command)));
            }
            Ok(read) => {
                if let Some(filter) = read.filter {
                    filter.pattern.matches(line);
                }
            }
            Err(error) => {
                assert!(error.column <= line.chars().count());
                error.render(20);
            }
        }
        Grammar::standard().help(&mode, line).render();
        Grammar::standard().complete(&mode, line);
    }
}

/// A startup configuration: the tree that comes of it is written and read as the same.
pub fn startup_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let tree = load(text).tree;
    let again = load(&tree.running_config_text());
    assert_eq!(again.errors, []);
    assert_eq!(again.tree, tree);
}

pub fn frames() -> Vec<Vec<u8>> {
    let hello = Frame::Hello {
        version: WIRE_VERSION,
        terminal: true,
        strict: false,
        columns: 80,
        rows: 24,
    };
    let rejected = Frame::Rejected {
        line_number: 3,
        line: "show nothing".into(),
    };
    let resize = Frame::Resize {
        columns: 100,
        rows: 30,
    };
    let data = Frame::Data(b"show version\r".to_vec());
    let all = [
        hello,
        data,
        resize,
        Frame::EndOfInput,
        rejected,
        Frame::Closed { reason: 1 },
    ];
    let mut bytes = Vec::new();
    all.iter().for_each(|frame| frame.encode(&mut bytes));
    vec![bytes]
}

pub fn sessions() -> Vec<Vec<u8>> {
    let typed = "en\rconf t\rint e0/0\rip addr ?10.0.0.1 255.255.255.0\r\x1b[A\x1b[D\x7f\x15\x1ashow ver\t\r\x03exit\r";
    let script = "enable\nconfigure terminal\nhostname west\nnonsense\nend\nreload\n";
    let with = |choice: u8, text: &str| [&[choice], text.as_bytes()].concat();
    vec![
        with(0b01_0101, typed),
        with(0b11_0101, typed),
        with(0b01_0010, script),
        with(0b00_1001, "\rshow redundancy\r"),
        with(
            0b1101_0101,
            "en\rsh ver\r \r\rsh run | sec inter\r q\rterm len 4\rterm wid 10\rsh ver | e !\r\x03?\r\r\r",
        ),
        with(
            0b1101_0001,
            "en\rconf t\rdo sh ver | b (x\rdo sh ver|c .\rdefault int e0/0\r\x1ash hist\r q",
        ),
        with(
            0b1001_0000,
            "enable\nshow version | include end\nterminal history size 0\nshow history\n",
        ),
    ]
}

pub fn command_lines() -> Vec<Vec<u8>> {
    let lines = [
        "show redundancy switchover history",
        "sh ip route 10.0.0.1",
        "ip route 10.9.0.0 255.255.0.0 Ethernet0/0 10.0.0.2 200",
        "no ip address",
        "interface e1/0",
        "description to the west?",
        "ping 10.0.0.2",
        "show ip route | include ^[0-9.]+_(via|is)?$",
        "show running-config | section exclude \\[a-z|b*",
        "show version |c .",
        "do show version | begin x",
        "default interface Ethernet0/0",
        "terminal history size 256",
        "terminal width 132",
    ];
    lines.map(|line| line.as_bytes().to_vec()).into()
}

pub fn startup_configs() -> Vec<Vec<u8>> {
    let text = "hostname west\n!\nredundancy\n mode sso\n!\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n \
        no shutdown\n!\nip route 0.0.0.0 0.0.0.0 10.0.0.2\nend\n";
    let wrong = "hostname\ninterface Serial9\n mtu 1500\n!\ninterface Ethernet0/0\n ip address 10.0.0.1 255.0.255.0\nend\n";
    vec![text.into(), wrong.into()]
}
