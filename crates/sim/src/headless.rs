//! Cards without a route processor: they forward on until one has started, and are reset only where that is documented.
//!
//! ```text
//!   active lost, standby not ready ──▶ nobody ──▶ a unit starts from its configuration ──▶ neighbours are found again
//!   ├──────────── no packet is lost ──────────────┤├── cards reset: in RPR, or headless-forwarding disable ──▶
//! ```

use crate::rp_node::Process;
use crate::world::World;
use machine::RpSlot;

/// Packets of one stream that may be on their way at one moment: they need some 20 us, and the next comes after 3 ms.
const ON_THE_WAY_MAX: u64 = 1;

impl World {
    /// A unit starts from its configuration only: up to this moment the cards had to forward, whoever was there.
    pub(crate) fn check_forwarding_until_now(&mut self) {
        let now = self.now;
        let lossy = self
            .hosts
            .flows
            .iter()
            .filter(|state| state.excuse.is_none())
            .find_map(|state| {
                let mut flows = self.hosts.field.flows();
                let (_, _, _, flow) = flows.find(|(number, ..)| *number == state.number)?;
                let meter = flow.meter();
                let report = meter.report(now, meter.current_interval(), machine::Duration::ZERO)?;
                (report.lost > ON_THE_WAY_MAX).then(|| format!("stream {}: {report:?}", state.number))
            });
        if let Some(report) = lossy {
            self.fail_safety(
                "headless",
                format!("packets were lost before anybody started anew: {report}"),
            );
        }
    }

    /// `process` in `slot` has a card reset: may it?
    pub(crate) fn check_card_reset(&mut self, slot: RpSlot, process: &Process) {
        let disabled = process.rp.active().is_some_and(|active| {
            let configured = active.clients.configuration.tree().redundancy();
            configured.headless_forwarding_disabled
        });
        if !disabled && !process.seen.in_rpr {
            self.fail_safety(
                "headless",
                format!("{slot} has cards reset, which were to forward on without it"),
            );
        }
        // Even if it does not live to be seen active.
        self.check_forwarding_until_now();
        self.excuse_flows(None, "the cards were reset");
    }
}
