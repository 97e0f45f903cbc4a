//! The boot log: what the processes of a chassis write while it boots, as it comes.

use super::lab::{RedundancyMode, is_ready_pair};
use super::status_client::{self, RpReport, active_slot};
use crate::backplane::{BackplaneClient, Reply, Request, SlotStatus, Unit, log_path};
use crate::chassis_file::ChassisFile;
use crate::clock;
use crate::directories::Directories;
use crate::wire::WireSpec;
use machine::{CardSlot, Duration, RpSlot};
use redundancy::RfState;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How long a chassis may take to boot until nobody waits for it any more. It goes on booting.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The logs of a chassis from some moment on.
pub struct BootLog {
    run_directory: PathBuf,
    route_processors: Vec<RpSlot>,
    cards: Vec<CardSlot>,
    /// Ports at which a built-in host of the chassis will be, as card slot and port number.
    hosted: Vec<(u8, u8)>,
    logs: Vec<LogTail>,
}

impl BootLog {
    /// What is written from now on.
    pub fn from_now(directories: &Directories, file: &ChassisFile) -> BootLog {
        let mut units: Vec<Unit> = file.route_processors.iter().copied().map(Unit::Rp).collect();
        units.extend(file.cards.iter().map(|card| Unit::Card(card.slot)));
        units.push(Unit::Hosts);
        let tail = |unit: Unit| LogTail::from_now(&log_path(&directories.log, unit), unit);
        BootLog {
            run_directory: directories.run.clone(),
            route_processors: file.route_processors.clone(),
            cards: file.cards.iter().map(|card| card.slot).collect(),
            hosted: hosted_ports(file),
            logs: units.into_iter().map(tail).collect(),
        }
    }

    /// Gives every line to `show` until the chassis has booted: an active RP, its standby hot, the cards complete, the
    /// built-in hosts plugged in. False when that takes too long.
    ///
    /// # Errors
    /// When a log cannot be read, or `show` fails.
    pub fn follow(&mut self, show: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<bool> {
        let deadline = clock::now() + BOOT_LIMIT;
        loop {
            let booted = self.has_booted();
            for log in &mut self.logs {
                log.take_lines(show)?;
            }
            if booted || clock::now() >= deadline {
                return Ok(booted);
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// The units that are to run: what has no power, or is not started for want of memory, is not waited for. Without a
    /// backplane to ask, all of them.
    fn is_powered(&self) -> impl Fn(Unit) -> bool + use<> {
        let asked = BackplaneClient::connect(&self.run_directory)
            .and_then(|mut backplane| backplane.request(&Request::Status));
        let slots = match asked {
            Ok(Reply::Status(status)) => status.slots,
            Ok(_) | Err(_) => Vec::new(),
        };
        move |unit| {
            let waits_for = |slot: &SlotStatus| slot.power == "on" && slot.refused.is_none();
            !slots.iter().any(|slot| slot.slot == unit && !waits_for(slot))
        }
    }

    fn has_booted(&self) -> bool {
        let is_powered = self.is_powered();
        let cards = self
            .cards
            .iter()
            .filter(|slot| is_powered(Unit::Card(**slot)))
            .count();
        let rps = self
            .route_processors
            .iter()
            .filter(|slot| is_powered(Unit::Rp(**slot)))
            .count();
        let reports = status_client::observe(&self.run_directory);
        let Some(active) = active_slot(&reports) else {
            return false;
        };
        let plugged = |report: &RpReport| {
            let mut hosted = self.hosted.iter();
            hosted.all(|(slot, port)| {
                if !is_powered(Unit::Card(CardSlot(*slot))) {
                    return true;
                }
                let mut cards = report.cards.iter();
                cards.any(|card| card.slot == *slot && card.links_up.contains(port))
            })
        };
        if !reports[active.index()].as_ref().is_some_and(plugged) {
            return false;
        }
        if rps > 1 {
            let mode = match &reports[active.index()] {
                Some(report) if report.operating_mode == "rpr" => RedundancyMode::Rpr,
                _ => RedundancyMode::Sso,
            };
            return is_ready_pair(&reports, active, cards, mode);
        }
        // Without a second RP there is nobody to be in step with.
        reports[active.index()].as_ref().is_some_and(|report| {
            report.rf_state() == Some(RfState::Active)
                && report.settled
                && report.dirty_rows == 0
                && report.cards.len() == cards
                && report.cards.iter().all(|card| card.live)
        })
    }
}

fn hosted_ports(file: &ChassisFile) -> Vec<(u8, u8)> {
    let has_host = |wire: &WireSpec| match wire {
        WireSpec::Mem { name } => file.hosts.iter().any(|host| host.wire == *name),
        WireSpec::Udp { .. } | WireSpec::Packet { .. } => false,
    };
    let ports = file
        .cards
        .iter()
        .flat_map(|card| card.ports.iter().map(move |port| (card, port)));
    ports
        .filter(|(_, port)| has_host(&port.wire))
        .map(|(card, port)| (card.slot.0, port.number))
        .collect()
}

/// What is appended to one log.
struct LogTail {
    path: PathBuf,
    unit: Unit,
    read_to: u64,
    unfinished: Vec<u8>,
}

impl LogTail {
    fn from_now(path: &Path, unit: Unit) -> LogTail {
        LogTail {
            path: path.to_path_buf(),
            unit,
            read_to: std::fs::metadata(path).map_or(0, |status| status.len()),
            unfinished: Vec::new(),
        }
    }

    fn take_lines(&mut self, show: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < self.read_to {
            // The log was set aside and begun anew.
            self.read_to = 0;
        }
        file.seek(SeekFrom::Start(self.read_to))?;
        self.read_to += file.read_to_end(&mut self.unfinished)? as u64;
        while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            let name = match self.unit {
                Unit::Card(slot) => format!("card {slot}"),
                unit => unit.to_string(),
            };
            show(&format!(
                "{name:<7} {}",
                String::from_utf8_lossy(&line).trim_end()
            ))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;
    use std::io::Write;

    #[test]
    fn whole_lines_are_shown_once_and_older_ones_never() {
        let place = TestDirectory::new("bootlog");
        let path = place.path().join("R0.log");
        std::fs::write(&path, "old\n").unwrap();
        let mut tail = LogTail::from_now(&path, Unit::Rp(machine::RpSlot::R0));
        let mut seen = Vec::new();
        let mut file = File::options().append(true).open(&path).unwrap();
        for (text, expected) in [
            ("one\ntw", vec!["R0      one"]),
            ("", vec![]),
            ("o\n", vec!["R0      two"]),
        ] {
            file.write_all(text.as_bytes()).unwrap();
            tail.take_lines(&mut |line| {
                seen.push(line.to_string());
                Ok(())
            })
            .unwrap();
            assert_eq!(std::mem::take(&mut seen), expected);
        }
    }
}
