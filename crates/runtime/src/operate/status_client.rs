//! The other end of a route processor's status socket.

use crate::rp_process::status_path;
use machine::{Duration, RpSlot};
use redundancy::RfState;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// How long a route processor may take for an answer before it counts as silent: a hung one never answers.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// A route processor, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpReport {
    /// Its slot.
    pub slot: String,
    /// Its process id.
    pub pid: u32,
    /// Its state, as `STANDBY HOT(8)`.
    pub state: String,
    /// The number of its state.
    pub state_number: u32,
    /// The peer's state as it knows it.
    pub peer_state: String,
    /// Counter of the epoch in which it is active.
    pub epoch: Option<u64>,
    /// Configured mode, as `sso`.
    pub configured_mode: String,
    /// Mode that the pair operates in.
    pub operating_mode: String,
    /// Why the pair operates in RPR although SSO is configured.
    pub fallback: Vec<String>,
    /// On the active of a pair in RPR: the standby has the startup configuration and waits.
    pub standby_rests: bool,
    /// Whether the standby holds all that was promised.
    pub in_step: bool,
    /// The last frame closed (active) or committed (standby).
    pub frame: u64,
    /// The last frame acknowledged, on the active.
    pub acknowledged: u64,
    /// Digest over all checkpointed rows, in hexadecimal.
    pub digest: String,
    /// Digest over the rows that cards get, in hexadecimal.
    pub download_digest: String,
    /// Rows that no frame holds yet.
    pub dirty_rows: u64,
    /// Routes of the generator.
    pub generated_routes: u32,
    /// Paths of BGP, of all neighbours and families.
    pub bgp_paths: u64,
    /// Prefixes that packets are forwarded by.
    pub fib_prefixes: u64,
    /// Whether the RIB has nothing left to compute and nothing waits for the standby's acknowledgement.
    pub settled: bool,
    /// Cards, on the active.
    pub cards: Vec<CardReport>,
    /// Switchovers since the chassis started.
    pub switchovers: u32,
    /// Why the last one was.
    pub last_switchover_reason: String,
    /// `CLOCK_MONOTONIC` at the answer, in nanoseconds.
    pub now_ns: u64,
    /// Moments of the last switchover to this RP.
    pub phases_ns: Phases,
}

/// A card, as the active RP sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardReport {
    /// Its slot.
    pub slot: u8,
    /// Whether it has everything.
    pub live: bool,
    /// Bytes on their way to it.
    pub outstanding_bytes: u64,
    /// Punts that it lost while it had no RP, since it started.
    pub lost_punts: u64,
    /// Numbers of its ports whose wires are connected.
    pub links_up: Vec<u8>,
}

/// Moments of a switchover on `CLOCK_MONOTONIC`, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// The loss of the peer was known.
    pub detected: Option<u64>,
    /// The epoch was claimed at the reachable cards.
    pub epoch_claimed: Option<u64>,
    /// The standby had become an active.
    pub promoted: Option<u64>,
    /// The progression was at its end.
    pub active: Option<u64>,
}

impl RpReport {
    /// Its state; `None` for one that this release does not know.
    pub fn rf_state(&self) -> Option<RfState> {
        RfState::from_number(self.state_number)
    }

    /// Whether it holds the activity, ACTIVE-FAST and above.
    pub fn is_active(&self) -> bool {
        self.rf_state().is_some_and(RfState::is_active)
    }

    /// Whether it is a standby that may take over at any moment.
    pub fn is_hot_standby(&self) -> bool {
        self.rf_state() == Some(RfState::StandbyHot) && self.in_step
    }
}

/// A connection to one route processor's status socket. Calls wait for their answer, [`ANSWER_TIMEOUT`] at most unless
/// [`StatusClient::set_answer_timeout`] says otherwise.
#[derive(Debug)]
pub struct StatusClient {
    stream: BufReader<UnixStream>,
}

impl StatusClient {
    /// Connects to the RP in `slot` of the chassis with this run directory.
    ///
    /// # Errors
    /// When none runs there.
    pub fn connect(run_directory: &Path, slot: RpSlot) -> io::Result<StatusClient> {
        let stream = UnixStream::connect(status_path(run_directory, slot))?;
        let mut client = StatusClient {
            stream: BufReader::new(stream),
        };
        client.set_answer_timeout(ANSWER_TIMEOUT)?;
        Ok(client)
    }

    /// How long each call waits from now on; not zero.
    ///
    /// # Errors
    /// When it is zero.
    pub fn set_answer_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Some(timeout);
        let stream = self.stream.get_mut();
        stream.set_read_timeout(timeout)?;
        stream.set_write_timeout(timeout)
    }

    /// What the RP is and does.
    ///
    /// # Errors
    /// When it does not answer, or with something else.
    pub fn status(&mut self) -> io::Result<RpReport> {
        let answer = self.call(&json!({ "request": "status" }).to_string())?;
        serde_json::from_str(&answer).map_err(io::Error::from)
    }

    /// Lets the generator client install `routes` routes over these next hops; returns before they are settled.
    ///
    /// # Errors
    /// When it does not answer or refuses.
    pub fn generate(&mut self, routes: u32, next_hops: &[Ipv4Addr]) -> io::Result<()> {
        let request = json!({ "request": "generate", "routes": routes, "next_hops": next_hops });
        let answer = self.call(&request.to_string())?;
        match serde_json::from_str::<serde_json::Value>(&answer)?.get("error") {
            Some(why) => Err(io::Error::other(why.to_string())),
            None => Ok(()),
        }
    }

    /// Lets the process suffer a fault; HACKING.md names them. There is no answer: of most it can no longer give one.
    ///
    /// # Errors
    /// When the request cannot be sent.
    pub fn fault(&mut self, fault: &str) -> io::Result<()> {
        let line = json!({ "request": "fault", "fault": fault }).to_string() + "\n";
        self.stream.get_mut().write_all(line.as_bytes())
    }

    fn call(&mut self, request: &str) -> io::Result<String> {
        self.stream
            .get_mut()
            .write_all(format!("{request}\n").as_bytes())?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }
}

/// What both route processors say; `None` for one that does not run or does not answer.
pub fn observe(run_directory: &Path) -> [Option<RpReport>; 2] {
    RpSlot::ALL.map(|slot| {
        let report = StatusClient::connect(run_directory, slot).and_then(|mut client| client.status());
        report.ok()
    })
}

/// The slot that is active; of two that say so, the one with the higher epoch.
pub fn active_slot(reports: &[Option<RpReport>; 2]) -> Option<RpSlot> {
    let actives = RpSlot::ALL
        .into_iter()
        .filter_map(|slot| reports[slot.index()].as_ref().map(|report| (slot, report)));
    actives
        .filter(|(_, report)| report.is_active())
        .max_by_key(|(_, report)| report.epoch)
        .map(|(slot, _)| slot)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A report in `state` and with `epoch`.
    pub(crate) fn report(slot: RpSlot, state: RfState, epoch: Option<u64>) -> RpReport {
        RpReport {
            slot: slot.to_string(),
            pid: 1,
            state: state.to_string(),
            state_number: state.number(),
            peer_state: String::new(),
            epoch,
            configured_mode: "sso".into(),
            operating_mode: "sso".into(),
            fallback: Vec::new(),
            standby_rests: false,
            in_step: true,
            frame: 1,
            acknowledged: 1,
            digest: "00".into(),
            download_digest: "00".into(),
            dirty_rows: 0,
            generated_routes: 0,
            bgp_paths: 0,
            fib_prefixes: 0,
            settled: true,
            cards: Vec::new(),
            switchovers: 0,
            last_switchover_reason: "none".into(),
            now_ns: 0,
            phases_ns: Phases::default(),
        }
    }

    #[test]
    fn of_two_that_say_active_the_higher_epoch_counts() {
        let active = |slot, epoch| Some(report(slot, RfState::Active, Some(epoch)));
        let standby = Some(report(RpSlot::R1, RfState::StandbyHot, None));
        assert_eq!(active_slot(&[None, None]), None);
        assert_eq!(active_slot(&[None, standby.clone()]), None);
        assert_eq!(active_slot(&[active(RpSlot::R0, 1), standby]), Some(RpSlot::R0));
        assert_eq!(
            active_slot(&[active(RpSlot::R0, 1), active(RpSlot::R1, 2)]),
            Some(RpSlot::R1)
        );
        assert_eq!(
            active_slot(&[active(RpSlot::R0, 3), active(RpSlot::R1, 2)]),
            Some(RpSlot::R0)
        );
    }

    #[test]
    fn a_standby_is_hot_only_in_step() {
        let mut hot = report(RpSlot::R1, RfState::StandbyHot, None);
        assert!(hot.is_hot_standby());
        hot.in_step = false;
        assert!(!hot.is_hot_standby());
        assert!(!report(RpSlot::R1, RfState::StandbyColdBulk, None).is_hot_standby());
    }
}
