//! BIRD, asked by the socket that `birdc` uses.

use super::{Peer, Peering, Session};
use crate::tools::{Namespace, PATIENCE, wait_until};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// The daemon; gone when it is dropped.
pub struct Bird {
    directory: PathBuf,
    bird: Child,
}

impl Bird {
    /// Starts it and waits until it can be asked.
    pub fn start(namespace: &Namespace, peering: &Peering) -> Bird {
        let directory = std::env::temp_dir().join(format!("{}-bird", namespace.name()));
        std::fs::create_dir_all(&directory).expect("a directory for BIRD");
        std::fs::write(directory.join("bird.conf"), configuration(peering, &directory))
            .expect("a configuration of BIRD");
        peering.lead_behind(namespace);
        let log = std::fs::File::create(directory.join("bird.out")).expect("a log file");
        let at = |name: &str| directory.join(name).display().to_string();
        let bird = namespace
            .command("bird")
            .args(["-f", "-c", &at("bird.conf"), "-s", &at("bird.ctl")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("bird starts");
        wait_until("bird can be asked", || ask(&directory, "show status").is_ok());
        Bird { directory, bird }
    }

    fn said(&self, command: &str) -> String {
        ask(&self.directory, command).unwrap_or_else(|error| panic!("bird: {command}: {error}"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("bird.log")).unwrap_or_default()
    }
}

impl Peer for Bird {
    fn session(&self) -> Session {
        let said = self.said("show protocols all upstream");
        // The columns: received, rejected, filtered, ignored, accepted.
        let received = |what: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(what));
            line.and_then(|line| line.split_whitespace().next())
                .and_then(|count| count.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let log = self.log();
        let count = |what: &str| log.matches(&format!("upstream: {what}")).count() as u64;
        Session {
            is_established: said.contains("BGP state:          Established"),
            established_count: count("BGP session established"),
            dropped_count: count("BGP session closed"),
            updates: received("Import updates:") + received("Import withdraws:"),
        }
    }

    fn routes(&self) -> BTreeSet<String> {
        self.said("show route protocol upstream")
            .lines()
            .filter(|line| line.contains("[upstream "))
            .filter_map(|line| line.split_whitespace().next().map(str::to_string))
            .collect()
    }

    fn keeps_stale_routes(&self) -> bool {
        self.said("show protocols all upstream")
            .contains("Neighbor graceful restart active")
    }

    fn announce(&self) {
        self.said("enable batch");
    }

    fn withdraw(&self) {
        self.said("disable batch");
    }

    fn kill(&mut self) {
        self.bird.kill().expect("SIGKILL");
        self.bird.wait().expect("its end");
    }
}

impl Drop for Bird {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.directory.display(), self.log());
        }
        let _ended_before = self.bird.kill();
        let _ = self.bird.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn configuration(peering: &Peering, directory: &Path) -> String {
    let Peering {
        local,
        local_as,
        remote,
        remote_as,
        password,
        ttl_security,
        hold_time_s,
        graceful_restart,
        announced,
        batch,
        behind,
    } = peering;
    let routes = |prefixes: &[String], target: &str| {
        prefixes.iter().fold(String::new(), |mut text, prefix| {
            let _ = writeln!(text, "  route {prefix} {target};");
            text
        })
    };
    let mut session = String::new();
    if let Some(password) = password {
        let _ = writeln!(session, "  password \"{password}\";");
    }
    if *ttl_security {
        session += "  ttl security on;\n";
    }
    let restart = if *graceful_restart { "on" } else { "off" };
    format!(
        "log \"{}\" all;\ndebug protocols {{ states, events }};\nrouter id {local};\n\
         protocol device {{}}\nprotocol direct {{ ipv4; interface \"eth0\"; }}\n\
         protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}\n\
         protocol static behind {{\n  ipv4;\n{}}}\n\
         protocol static announced {{\n  ipv4;\n{}}}\n\
         protocol static batch {{\n  disabled;\n  ipv4;\n{}}}\n\
         protocol bgp upstream {{\n  local {local} as {local_as};\n  neighbor {remote} as {remote_as};\n{session}  \
         hold time {hold_time_s};\n  graceful restart {restart};\n  connect delay time 1;\n  \
         connect retry time 1;\n  error wait time 1, 1;\n  \
         ipv4 {{ import all; export where proto = \"announced\" || proto = \"batch\"; }};\n}}\n",
        directory.join("bird.log").display(),
        routes(behind, &format!("via {remote}")),
        routes(announced, "unreachable"),
        routes(batch, "unreachable"),
    )
}

/// Asks one thing. Each line of the answer begins with a four-digit code and a dash, or with a space where the code is
/// that of the line before; the last line has a space behind its code. Codes from 8000 on are refusals.
fn ask(directory: &Path, command: &str) -> std::io::Result<String> {
    let stream = UnixStream::connect(directory.join("bird.ctl"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    (&stream).write_all(format!("{command}\n").as_bytes())?;
    let mut said = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let code = line.get(..4).and_then(|code| code.parse::<u16>().ok());
        match code {
            Some(8000..) => return Err(std::io::Error::other(format!("{command}: {line}"))),
            Some(_) => said.push_str(line.get(5..).unwrap_or_default()),
            None => said.push_str(line.get(1..).unwrap_or_default()),
        }
        if code.is_some() && line.as_bytes().get(4) == Some(&b' ') {
            return Ok(said);
        }
    }
}
