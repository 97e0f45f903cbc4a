//! FRR: `zebra` and `bgpd`, asked by the sockets that `vtysh` uses.

use super::{Peer, Peering, Session};
use crate::tools::{FRR_DIRECTORY, Namespace, PATIENCE, wait_until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// Both daemons; gone when it is dropped.
pub struct Frr {
    directory: PathBuf,
    peering: Peering,
    zebra: Child,
    bgpd: Child,
}

impl Frr {
    /// Starts them and waits until they can be asked.
    pub fn start(namespace: &Namespace, peering: Peering) -> Frr {
        let directory = std::env::temp_dir().join(format!("{}-frr", namespace.name()));
        std::fs::create_dir_all(&directory).expect("a directory for FRR");
        // The daemons are of a user of their own.
        std::fs::set_permissions(&directory, Permissions::from_mode(0o777)).expect("a directory for all");
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).expect("a configuration of FRR");
            std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("a file for all");
        };
        write("zebra.conf", "hostname zebra\n");
        write("bgpd.conf", &configuration(&peering));
        peering.lead_behind(namespace);
        let zebra = start(namespace, &directory, "zebra");
        wait_until("zebra can be asked", || {
            ask(&directory, "zebra", "show version").is_ok()
        });
        let bgpd = start(namespace, &directory, "bgpd");
        wait_until("bgpd can be asked", || {
            ask(&directory, "bgpd", "show version").is_ok()
        });
        Frr {
            directory,
            peering,
            zebra,
            bgpd,
        }
    }

    /// What `bgpd` answers.
    fn json(&self, command: &str) -> Value {
        let said = self.said(command);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{command}: {error} in {said}"))
    }

    fn said(&self, command: &str) -> String {
        ask(&self.directory, "bgpd", command).unwrap_or_else(|error| panic!("bgpd: {command}: {error}"))
    }

    /// `announced`: with the word before `network`.
    fn configure_batch(&self, word: &str) {
        let mut lines = vec![
            "enable".to_string(),
            "configure terminal".to_string(),
            format!("router bgp {}", self.peering.local_as),
            "address-family ipv4 unicast".to_string(),
        ];
        lines.extend(self.peering.batch.iter().map(|prefix| format!("{word} {prefix}")));
        converse(&self.directory, "bgpd", &lines).unwrap_or_else(|error| panic!("bgpd: {error}"));
    }

    fn paths(&self, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
        let table = self.json("show bgp ipv4 unicast json");
        let routes = table["routes"].as_object().expect("routes");
        let is_wanted = |path: &Value| path["weight"].as_u64() != Some(32768) && wanted(path);
        routes
            .iter()
            .filter(|(_, paths)| paths.as_array().is_some_and(|paths| paths.iter().any(is_wanted)))
            .map(|(prefix, _)| prefix.clone())
            .collect()
    }
}

impl Peer for Frr {
    fn session(&self) -> Session {
        let all = self.json("show bgp neighbors json");
        let neighbor = &all[self.peering.remote.to_string()];
        let count = |value: &Value| {
            value
                .as_u64()
                .unwrap_or_else(|| panic!("no counter in {neighbor}"))
        };
        Session {
            is_established: neighbor["bgpState"] == "Established",
            established_count: count(&neighbor["connectionsEstablished"]),
            dropped_count: count(&neighbor["connectionsDropped"]),
            updates: count(&neighbor["messageStats"]["updatesRecv"]),
        }
    }

    fn routes(&self) -> BTreeSet<String> {
        self.paths(|_| true)
    }

    fn keeps_stale_routes(&self) -> bool {
        !self.paths(|path| path["stale"] == true).is_empty()
    }

    fn announce(&self) {
        self.configure_batch("network");
    }

    fn withdraw(&self) {
        self.configure_batch("no network");
    }

    fn kill(&mut self) {
        self.bgpd.kill().expect("SIGKILL");
        self.bgpd.wait().expect("its end");
    }
}

impl Drop for Frr {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["zebra", "bgpd"] {
                let path = self.directory.join(format!("{name}.log"));
                let log = std::fs::read_to_string(&path).unwrap_or_default();
                eprintln!("--- {}\n{log}", path.display());
            }
        }
        for child in [&mut self.bgpd, &mut self.zebra] {
            let _ended_before = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn configuration(peering: &Peering) -> String {
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
        batch: _,
        behind: _,
    } = peering;
    let mut text = format!(
        "hostname bgpd\nrouter bgp {local_as}\n bgp router-id {local}\n no bgp ebgp-requires-policy\n \
         no bgp network import-check\n timers bgp {} {hold_time_s}\n",
        hold_time_s / 3
    );
    if *graceful_restart {
        text += " bgp graceful-restart\n";
    } else {
        text += " bgp graceful-restart-disable\n";
    }
    let _ = writeln!(text, " neighbor {remote} remote-as {remote_as}");
    let _ = writeln!(text, " neighbor {remote} timers connect 1");
    if let Some(password) = password {
        let _ = writeln!(text, " neighbor {remote} password {password}");
    }
    if *ttl_security {
        let _ = writeln!(text, " neighbor {remote} ttl-security hops 1");
    }
    text += " address-family ipv4 unicast\n";
    for prefix in announced {
        let _ = writeln!(text, "  network {prefix}");
    }
    text + " exit-address-family\n"
}

fn start(namespace: &Namespace, directory: &Path, daemon: &str) -> Child {
    let log = std::fs::File::create(directory.join(format!("{daemon}.out"))).expect("a log file");
    let at = |name: &str| directory.join(name).display().to_string();
    let mut command = namespace.command(&format!("{FRR_DIRECTORY}/{daemon}"));
    command
        .args(["--config_file", &at(&format!("{daemon}.conf"))])
        .args(["--pid_file", &at(&format!("{daemon}.pid"))])
        .args(["--socket", &at("zserv.api")])
        .args(["--vty_socket", &directory.display().to_string()])
        .args(["--vty_port", "0"])
        .args(["--log", &format!("file:{}", at(&format!("{daemon}.log")))])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log file"))
        .stderr(log);
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{daemon} does not start: {error}"))
}

/// Asks a daemon one thing.
fn ask(directory: &Path, daemon: &str, command: &str) -> std::io::Result<String> {
    converse(directory, daemon, &[command.to_string()])
}

/// Says commands to a daemon; returns its answers. A command and an answer end with a zero; behind an answer come two
/// more and what became of the command (0: done, 1: done with a remark).
fn converse(directory: &Path, daemon: &str, commands: &[String]) -> std::io::Result<String> {
    const DONE: [u8; 2] = [0, 1];
    let mut stream = UnixStream::connect(directory.join(format!("{daemon}.vty")))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut said = Vec::new();
    for command in commands {
        stream.write_all(command.as_bytes())?;
        stream.write_all(&[0])?;
        let begin = said.len();
        let outcome = loop {
            if let [.., 0, 0, 0, outcome] = said[begin..] {
                break outcome;
            }
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece)?;
            if length == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            said.extend_from_slice(&piece[..length]);
        };
        said.truncate(said.len() - 4);
        if !DONE.contains(&outcome) {
            let said = String::from_utf8_lossy(&said[begin..]);
            return Err(std::io::Error::other(format!("{command}: {outcome}, {said}")));
        }
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}
