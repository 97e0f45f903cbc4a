//! Our own router, as it is measured: a chassis whose first card has the neighbours' cable.

use super::neighbor::FIRST_AS;
use super::network::{FIRST_NEIGHBOR, INTERFACE, Network, ROUTER, Side};
use super::peers::{ANSWER_LIMIT, Router};
use super::process;
use super::{FeedBench, FeedError, ROUTER_AS};
use crate::backplane::Unit;
use crate::operate::lab::{Lab, LabError, LabOptions, STATE_LIMIT};
use crate::operate::status_client::RpReport;
use machine::RpSlot;
use packet::Ipv4Addr;
use std::io;

/// The chassis that runs, with or without a standby.
pub struct Chassis {
    lab: Lab,
    active: RpSlot,
    /// The route processors' processes by slot, which are to be the same from the beginning to the end.
    processes: [Option<u32>; 2],
    has_forwarding: bool,
}

/// BGP with all neighbours, who are told nothing: they only tell. Without forwarding it is a router beside the packets'
/// way, as a route reflector is: its table has all routes, and its cards none.
fn chassis_file(bench: &FeedBench, has_forwarding: bool) -> String {
    let table_map = if has_forwarding {
        ""
    } else {
        " table-map NOTHING filter\n"
    };
    let neighbors: String = (0..bench.neighbors)
        .map(|number| {
            let address = Ipv4Addr::from(u32::from(FIRST_NEIGHBOR) + number);
            format!(
                " neighbor {address} remote-as {}\n neighbor {address} prefix-list NOTHING out\n",
                FIRST_AS + number
            )
        })
        .collect();
    let slots: &[&str] = if bench.standby { &["R0", "R1"] } else { &["R0"] };
    let processors: String = slots
        .iter()
        .map(|slot| format!("[[route_processors]]\nslot = \"{slot}\"\nhost = \"local\"\n"))
        .collect();
    format!(
        "name = \"bgp-feed\"\nstartup_config = '''\nhostname Router\n!\nredundancy\n mode sso\n!\n\
         interface Ethernet0/0\n ip address {ROUTER} 255.255.0.0\n no shutdown\n!\n\
         router bgp {ROUTER_AS}\n bgp router-id {ROUTER}\n{table_map}{neighbors}!\n\
         ip prefix-list NOTHING seq 5 deny 0.0.0.0/0 le 32\n!\nroute-map NOTHING deny 10\n!\nend\n'''\n\
         [[cards]]\nslot = 0\nports = [{{ number = 0, wire = \"packet:{INTERFACE}\" }}]\n{processors}"
    )
}

impl Chassis {
    /// Boots it, and waits for the standby to be hot, if there is one.
    ///
    /// # Errors
    /// [`LabError`].
    pub fn start(bench: &FeedBench, network: &Network, has_forwarding: bool) -> Result<Chassis, FeedError> {
        let mut lab = Lab::start(LabOptions {
            program: bench.program.clone(),
            ballast_mib: 0,
            core_dumps: false,
            chassis: Some(chassis_file(bench, has_forwarding)),
            network_namespace: Some(network.name(Side::Router).to_string()),
        })?;
        let active = match bench.standby {
            true => lab.wait_until_hot(STATE_LIMIT)?,
            false => lab.wait_for("R0 is active, with its card", STATE_LIMIT, |lab| {
                let [report, _] = lab.observe();
                let is_ready = |report: &RpReport| {
                    report.is_active() && report.settled && report.cards.iter().all(|card| card.live)
                };
                Ok(report.filter(is_ready).map(|_| RpSlot::R0))
            })?,
        };
        Ok(Chassis {
            processes: processes(&lab),
            lab,
            active,
            has_forwarding,
        })
    }

    fn report(&mut self) -> io::Result<RpReport> {
        let mut active = self.lab.rp(self.active).map_err(into_io)?;
        active.set_answer_timeout(ANSWER_LIMIT)?;
        active.status()
    }

    /// Resident memory of the active and of the standby (0: there is none), in mebibytes.
    ///
    /// # Errors
    /// [`FeedError::PairChanged`] when these are not the route processors any more that were there at the beginning.
    pub fn resident_mib(&mut self) -> Result<[u64; 2], FeedError> {
        let has_standby = self.processes[self.active.peer().index()].is_some();
        // Whoever has ended is started anew meanwhile, as another process.
        if (has_standby && self.lab.wait_until_hot(STATE_LIMIT)? != self.active)
            || processes(&self.lab) != self.processes
        {
            return Err(FeedError::PairChanged);
        }
        let of = |slot: RpSlot| process::resident_mib(self.processes[slot.index()].as_slice());
        let both = of(self.active).and_then(|active| Ok([active, of(self.active.peer())?]));
        both.map_err(|error| FeedError::System("look at the memory of a route processor", error))
    }
}

fn processes(lab: &Lab) -> [Option<u32>; 2] {
    RpSlot::ALL.map(|slot| lab.process(Unit::Rp(slot)))
}

fn into_io(error: LabError) -> io::Error {
    io::Error::other(error.to_string())
}

impl Router for Chassis {
    fn routes(&mut self) -> io::Result<u64> {
        Ok(self.report()?.bgp_paths)
    }

    /// What a card has taken: nothing is on its way, and nothing is left to be computed.
    fn forwarded(&mut self) -> io::Result<Option<u64>> {
        if !self.has_forwarding {
            return Ok(None);
        }
        let report = self.report()?;
        let has_all = report.settled
            && report.dirty_rows == 0
            && report
                .cards
                .iter()
                .all(|card| card.live && card.outstanding_bytes == 0);
        Ok(Some(if has_all { report.fib_prefixes } else { 0 }))
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }
}
