//! BIRD and FRR: started with the scripts and configurations of `benches/peers/`, asked by their own control sockets.
//!
//! What is asked of them are counters that they keep anyway; nobody walks a table while it is measured.

use super::neighbor::FIRST_AS;
use super::network::{FIRST_NEIGHBOR, Network, ROUTER, Side};
use super::process::{Held, Place};
use super::{FeedError, ROUTER_AS};
use packet::Ipv4Addr;
use serde_json::Value;
use std::fs::Permissions;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long an answer may take: a daemon that computes routes answers between two steps of that.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A router that is measured.
pub trait Router {
    /// Prefixes that its table has from all neighbours together.
    ///
    /// # Errors
    /// When it does not answer.
    fn routes(&mut self) -> io::Result<u64>;
    /// Prefixes that packets can be forwarded by; `None` for one that was started without.
    ///
    /// # Errors
    /// When it does not answer.
    fn forwarded(&mut self) -> io::Result<Option<u64>>;
    /// Its processes.
    fn processes(&self) -> Vec<u32>;
}

fn addresses(neighbors: u32) -> impl Iterator<Item = (u32, Ipv4Addr)> {
    (0..neighbors).map(|number| {
        (
            FIRST_AS + number,
            Ipv4Addr::from(u32::from(FIRST_NEIGHBOR) + number),
        )
    })
}

fn fill(template: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(template.to_string(), |text, (word, value)| {
        text.replace(&format!("@{word}@"), value)
    })
}

fn write(place: &Place, name: &str, text: &str, mode: u32) -> Result<(), FeedError> {
    let path = place.path().join(name);
    std::fs::write(&path, text)
        .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(mode)))
        .map_err(|error| FeedError::System("write the configuration of a daemon", error))
}

/// A program's path, or what to do about its absence.
fn is_installed(program: &str, package: &'static str) -> Result<(), FeedError> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/lib/frr"].map(Into::into);
    let mut places = std::env::split_paths(&places).chain(more);
    match places.any(|place| place.join(program).is_file()) {
        true => Ok(()),
        false => Err(FeedError::Missing(program.to_string(), package)),
    }
}

/// BIRD 2.
pub struct Bird {
    daemon: Held,
    place: Place,
    has_kernel: bool,
    neighbors: u32,
}

impl Bird {
    /// Whether it can be started here.
    ///
    /// # Errors
    /// [`FeedError::Missing`].
    pub fn is_installed() -> Result<(), FeedError> {
        is_installed("bird", "bird2")
    }

    /// Starts it, with routes for the kernel or without, and waits until it can be asked.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(network: &Network, neighbors: u32, has_kernel: bool) -> Result<Bird, FeedError> {
        let place = Place::make("bird")?;
        let kernel = match has_kernel {
            true => "protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }",
            false => "",
        };
        let peers: String = addresses(neighbors)
            .map(|(number, address)| {
                format!("protocol bgp n{number} from feed {{ neighbor {address} as {number}; }}\n")
            })
            .collect();
        let words = [
            ("ROUTER", &*ROUTER.to_string()),
            ("AS", &ROUTER_AS.to_string()),
            ("KERNEL", kernel),
            ("NEIGHBORS", &peers),
        ];
        let template = include_str!("../../../../../benches/peers/bird.conf");
        write(&place, "bird.conf", &fill(template, &words), 0o644)?;
        let script = include_str!("../../../../../benches/peers/start-bird");
        write(&place, "start-bird", script, 0o755)?;
        let mut command = network.command(Side::Router, &place.path().join("start-bird"));
        command.arg(place.path());
        let daemon = Held::start(&mut command, &place, "bird")?;
        let mut bird = Bird {
            daemon,
            place,
            has_kernel,
            neighbors,
        };
        super::process::wait_for("BIRD can be asked", &bird.place, || {
            Ok(bird.daemon.is_running()? && bird_answer(bird.place.path(), "show status").is_ok())
        })?;
        Ok(bird)
    }

    /// The first number behind `what` of a protocol's counters.
    fn counter(&self, protocol: &str, what: &str, unit: &str) -> io::Result<u64> {
        let said = bird_answer(self.place.path(), &format!("show protocols all {protocol}"))?;
        // "    Routes:         1000000 imported, 0 exported, 0 preferred"
        let counts = said.lines().find_map(|line| line.trim().strip_prefix(what));
        let count = counts
            .into_iter()
            .flat_map(|counts| counts.split(','))
            .find_map(|part| {
                let (count, of) = part.trim().split_once(' ')?;
                (of == unit).then(|| count.parse::<u64>().ok()).flatten()
            });
        Ok(count.unwrap_or(0))
    }
}

impl Router for Bird {
    fn routes(&mut self) -> io::Result<u64> {
        addresses(self.neighbors)
            .map(|(number, _)| self.counter(&format!("n{number}"), "Routes:", "imported"))
            .sum()
    }

    fn forwarded(&mut self) -> io::Result<Option<u64>> {
        match self.has_kernel {
            // It waits for the kernel's answer for each route that it counts.
            true => self.counter("kernel1", "Routes:", "exported").map(Some),
            false => Ok(None),
        }
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.daemon.id()]
    }
}

/// Asks BIRD one thing. Each line of the answer begins with a four-digit code and a dash, or with a space where the
/// code is that of the line before; the last line has a space behind its code. Codes from 8000 on are refusals.
fn bird_answer(directory: &Path, command: &str) -> io::Result<String> {
    let stream = UnixStream::connect(directory.join("bird.ctl"))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    (&stream).write_all(format!("{command}\n").as_bytes())?;
    let mut said = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let code = line.get(..4).and_then(|code| code.parse::<u16>().ok());
        match code {
            Some(8000..) => return Err(io::Error::other(format!("{command}: {line}"))),
            Some(_) => said.push_str(line.get(5..).unwrap_or_default()),
            None => said.push_str(line.get(1..).unwrap_or_default()),
        }
        if code.is_some() && line.as_bytes().get(4) == Some(&b' ') {
            return Ok(said);
        }
    }
}

/// FRR: `zebra`, which tells `bgpd` of interfaces, and `bgpd`, whose routes stay its own.
pub struct Frr {
    bgpd: Held,
    zebra: Held,
    place: Place,
}

impl Frr {
    /// Whether it can be started here.
    ///
    /// # Errors
    /// [`FeedError::Missing`].
    pub fn is_installed() -> Result<(), FeedError> {
        is_installed("zebra", "frr")?;
        is_installed("bgpd", "frr")
    }

    /// Starts it, and waits until it can be asked.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(network: &Network, neighbors: u32) -> Result<Frr, FeedError> {
        let place = Place::make("frr")?;
        // The daemons are of a user of their own.
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o777))
            .map_err(|error| FeedError::System("let the daemons of FRR into their directory", error))?;
        let peers: String = addresses(neighbors)
            .map(|(number, address)| {
                format!(
                    " neighbor {address} remote-as {number}\n neighbor {address} passive\n \
                     neighbor {address} timers 60 180\n"
                )
            })
            .collect();
        let activate: String = addresses(neighbors)
            .map(|(_, address)| format!("  neighbor {address} activate\n"))
            .collect();
        let words = [
            ("ROUTER", &*ROUTER.to_string()),
            ("AS", &ROUTER_AS.to_string()),
            ("NEIGHBORS", &peers),
            ("ACTIVATE", &activate),
        ];
        let zebra = include_str!("../../../../../benches/peers/frr-zebra.conf");
        write(&place, "frr-zebra.conf", zebra, 0o644)?;
        let bgpd = include_str!("../../../../../benches/peers/frr-bgpd.conf");
        write(&place, "frr-bgpd.conf", &fill(bgpd, &words), 0o644)?;
        let script = include_str!("../../../../../benches/peers/start-frr");
        write(&place, "start-frr", script, 0o755)?;
        let start = |daemon: &str| -> Result<Held, FeedError> {
            let mut command: Command = network.command(Side::Router, &place.path().join("start-frr"));
            command.arg(place.path()).arg(daemon);
            let mut held = Held::start(&mut command, &place, daemon)?;
            super::process::wait_for(&format!("{daemon} can be asked"), &place, || {
                Ok(held.is_running()? && frr_answer(place.path(), daemon, "show version").is_ok())
            })?;
            Ok(held)
        };
        let zebra = start("zebra")?;
        let bgpd = start("bgpd")?;
        Ok(Frr { bgpd, zebra, place })
    }
}

impl Router for Frr {
    fn routes(&mut self) -> io::Result<u64> {
        let said = frr_answer(self.place.path(), "bgpd", "show bgp ipv4 unicast summary json")?;
        let summary: Value = serde_json::from_str(&said)?;
        let peers = summary["peers"].as_object().into_iter().flatten();
        Ok(peers.map(|(_, peer)| peer["pfxRcd"].as_u64().unwrap_or(0)).sum())
    }

    fn forwarded(&mut self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.bgpd.id(), self.zebra.id()]
    }
}

/// Asks a daemon of FRR one thing. A command and an answer end with a zero; behind an answer come two more and what
/// became of the command (0: done, 1: done with a remark).
fn frr_answer(directory: &Path, daemon: &str, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(directory.join(format!("{daemon}.vty")))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(command.as_bytes())?;
    stream.write_all(&[0])?;
    let mut said = Vec::new();
    loop {
        if let [text @ .., 0, 0, 0, outcome] = &said[..] {
            let text = String::from_utf8_lossy(text).into_owned();
            return match outcome {
                0 | 1 => Ok(text),
                _ => Err(io::Error::other(format!("{command}: {outcome}, {text}"))),
            };
        }
        let mut piece = [0; 16 * 1024];
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        said.extend_from_slice(&piece[..length]);
    }
}
