//! A session at a terminal, key by key: editor, help, filters and pager together, as bytes on the screen.
//!
//! The golden transcript is `tests/golden/terminal.txt`; `HOLDOVER_BLESS=1` writes it anew. In it `<` is a backspace, `~`
//! the escape character, and carriage returns are left out.

use config::{Command, ExecCommand};
use management::{ConsoleRole, ConsoleSession, Outcome, SessionEvent, SessionOptions};

/// A terminal whose commands are answered with a text of twelve lines.
struct Terminal {
    session: ConsoleSession,
    screen: Vec<u8>,
}

impl Terminal {
    fn new() -> Terminal {
        let options = SessionOptions {
            terminal: true,
            strict: false,
            columns: 80,
            rows: 0,
        };
        let mut terminal = Terminal {
            session: ConsoleSession::new(options, ConsoleRole::Active),
            screen: Vec::new(),
        };
        let mut events = Vec::new();
        terminal.session.start(&mut events);
        terminal.serve(events);
        terminal
    }

    fn send(&mut self, keys: &str) {
        let mut events = Vec::new();
        self.session.input(keys.as_bytes(), &mut events);
        self.serve(events);
    }

    fn serve(&mut self, mut events: Vec<SessionEvent>) {
        while !events.is_empty() {
            for event in std::mem::take(&mut events) {
                match event {
                    SessionEvent::Write(bytes) => self.screen.extend(bytes),
                    SessionEvent::Execute { command, .. } => {
                        let text = match command {
                            Command::Exec(ExecCommand::ShowIpRoute { .. }) => (1..=12)
                                .map(|number| format!("S    10.0.{number}.0/24 via 10.9.0.{}\n", number % 3))
                                .collect(),
                            _ => String::new(),
                        };
                        self.session.complete(Outcome::Accepted, &text, &mut events);
                    }
                    SessionEvent::Close(reason) => self.screen.extend(format!("[{reason:?}]\n").into_bytes()),
                    SessionEvent::Answer(_) | SessionEvent::Interrupt | SessionEvent::Rejected { .. } => {}
                }
            }
        }
    }
}

#[test]
fn a_session_at_a_terminal_looks_as_it_should() {
    let mut terminal = Terminal::new();
    for keys in [
        "enable\r",
        "show privilege\r",
        "terminal history size 4\r",
        "show version | frobnicate x\r",
        "show ip route | include (a\r",
        "show history\r",
        "show history | include size\r",
        "show history | count .\r",
        "show terminal\r",
        "terminal length 5\r",
        "terminal width 132\r",
        "show terminal\r",
        "\r",
        "show terminal | begin Status\r",
        "show ip route\r",
        " ",
        "\r",
        "q",
        "show ip route | e 9.0.1\r",
        " ",
        "sh ip ro | c via\r",
        "configure terminal\r",
        "do sh ip ro | i 10.0.1.\r",
        "do show pri?\x15",
        "interface e0/0\r",
        "do\r",
        "d\r",
        "exit\r",
        "default int e0/0\r",
        "\x1a",
        "terminal ?",
        "monitor \x15",
        "show clock | ?",
        "q\x15",
        "show clock | section ?",
        "\x15sh i\r",
        "show hostory\r",
        "\x1b[A\x1b[A\r",
        "show history?\x15exit\r",
    ] {
        terminal.send(keys);
    }
    let screen = String::from_utf8(terminal.screen).expect("the screen is UTF-8");
    let transcript = screen
        .replace('\u{8}', "<")
        .replace('\u{1b}', "~")
        .replace('\r', "");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/terminal.txt");
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(path, &transcript).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(path).expect("HOLDOVER_BLESS=1 writes the golden file");
    assert_eq!(transcript, expected);
}
