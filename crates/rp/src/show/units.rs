//! The chassis: `show platform`, `show inventory`, `show diag`, `show version`, `show facility-alarm status`.
//!
//! Layouts are those that operators of the original know. What only hardware has (revisions, CLEI codes) is left out
//! rather than made up: a unit's serial number is derived from that of the chassis, which is drawn once and kept.

use crate::alarms::Severity;
use crate::platform::SlotPower;
use crate::processor::RouteProcessor;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::{DiagDepth, DiagScope};
use machine::{CardSlot, ChassisSlot, Duration, Instant, PortId, RpSlot};
use redundancy::UtcTime;
use redundancy::show::Uptime;

/// Product of the route processors.
const RP_MODEL: &str = "HOLDOVER-RP";
/// Product of the fabric: the links between the cards.
const FABRIC_MODEL: &str = "HOLDOVER-FABRIC";
/// Product of the backplane, which gives power.
const POWER_MODEL: &str = "HOLDOVER-PWR";
/// Product of the chassis.
const CHASSIS_MODEL: &str = "HOLDOVER";
/// Version of all products.
const VERSION_ID: &str = "V01";

/// `00:33:53` below a day, `2d00h` above, as `show platform` has it.
fn short_age(age: Duration) -> String {
    let seconds = age.as_secs();
    if seconds < 86_400 {
        format!(
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    } else {
        format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24)
    }
}

/// One thing that has a product number and a serial number.
struct Item {
    name: String,
    description: String,
    product: String,
    serial: String,
}

impl RouteProcessor {
    /// `show platform`
    pub(crate) fn show_platform(&self, now: Instant) -> Vec<String> {
        let mut lines = Vec::from([
            format!("Chassis type: {CHASSIS_MODEL:<20}"),
            String::new(),
            format!(
                "{:<10}{:<20}{:<22}{:<18}",
                "Slot", "Type", "State", "Insert time (ago)"
            ),
            format!("{:-<9} {:-<19} {:-<21} {:-<17} ", "", "", "", ""),
        ]);
        let mut row = |slot: &str, model: &str, state: &str, age: Option<Duration>| {
            let age = age.map_or(String::from("N/A"), short_age);
            lines.push(format!("{slot:<10}{model:<20}{state:<22}{age:<18}"));
        };
        for slot in self.slots() {
            let age = self.slot_age(now, slot);
            row(
                &slot.to_string(),
                &self.product(slot),
                self.shown_slot_state(now, slot),
                age,
            );
            if let ChassisSlot::Card(card) = slot {
                for (port, wire, up) in self.ports_of(card) {
                    row(&format!(" {port}"), &wire, if up { "ok" } else { "down" }, age);
                }
            }
        }
        let system = self.active().map(|active| active.clients.system.uptime(now));
        let fabric = self
            .active()
            .map_or("unknown", |active| active.clients.inventory.fabric_state());
        row("F0", FABRIC_MODEL, fabric, system);
        let power = match self.platform.backplane {
            Some(true) => "ok",
            Some(false) => "ps, fail",
            None => "unknown",
        };
        row("P0", POWER_MODEL, power, system);
        lines.extend([
            String::new(),
            format!("{:<10}{:<20}{:<40}", "Slot", "CPLD Version", "Firmware Version"),
            format!("{:-<9} {:-<19} {:-<39} ", "", "", ""),
        ]);
        for slot in self.slots() {
            let version = self.module_version(slot);
            lines.push(format!("{:<10}{:<20}{version:<40}", slot.to_string(), "N/A"));
        }
        lines
    }

    /// While a failed unit writes its crash dump, that is what it does.
    fn shown_slot_state(&self, now: Instant, slot: ChassisSlot) -> &'static str {
        if slot == ChassisSlot::Rp(self.slot().peer()) && self.crash_dump.is_waiting() {
            return "crash dump";
        }
        self.slot_state(now, slot)
    }

    /// All slots that have power of their own, cards first.
    fn slots(&self) -> Vec<ChassisSlot> {
        let cards = self.config.card_slots.iter().copied().map(ChassisSlot::Card);
        cards.chain(RpSlot::ALL.map(ChassisSlot::Rp)).collect()
    }

    fn slot_age(&self, now: Instant, slot: ChassisSlot) -> Option<Duration> {
        match slot {
            ChassisSlot::Card(card) => self.active()?.cards.uptime(now, card),
            ChassisSlot::Rp(rp) if rp == self.slot() => Some(now - self.started_at),
            ChassisSlot::Rp(_) => {
                let (uptime, told_at) = self.peer_uptime?;
                Some(uptime + (now - told_at))
            }
        }
    }

    /// What is in a slot; nothing in an empty one.
    fn product(&self, slot: ChassisSlot) -> String {
        if self.platform.power(slot) == SlotPower::Empty {
            return String::new();
        }
        match slot {
            ChassisSlot::Rp(_) => RP_MODEL.to_string(),
            ChassisSlot::Card(card) => self
                .active()
                .and_then(|active| active.clients.inventory.cards.get(&card))
                .map_or(String::new(), |card| card.model.clone()),
        }
    }

    fn module_version(&self, slot: ChassisSlot) -> String {
        self.active()
            .and_then(|active| active.clients.inventory.modules.get(&slot))
            .filter(|row| !row.version.is_empty() && row.power != SlotPower::Empty)
            .map_or(String::from("N/A"), |row| row.version.clone())
    }

    fn ports_of(&self, card: CardSlot) -> Vec<(PortId, String, bool)> {
        let Some(active) = self.active() else {
            return Vec::new();
        };
        let port = |(port, row): (&PortId, &crate::inventory::Port)| (*port, row.wire.clone(), row.link_up);
        active.clients.inventory.ports_of(card).map(port).collect()
    }

    /// A number that is this unit's for as long as the chassis keeps its own. `unit` 255 is the chassis.
    fn serial(&self, unit: u8, port: u8) -> String {
        let place = u64::from(unit) << 8 | u64::from(port);
        let mut mixed = (self.config.platform.serial ^ place).wrapping_add(0x9e37_79b9_7f4a_7c15);
        // The finaliser of splitmix64: neighbouring units get numbers that have nothing in common.
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        format!("HDV{:08X}", mixed >> 32)
    }

    fn chassis_item(&self) -> Item {
        let name = &self.config.platform.chassis;
        let description = if name.is_empty() {
            String::from("Holdover Chassis")
        } else {
            format!("Holdover Chassis '{name}'")
        };
        Item {
            name: "Chassis".into(),
            description,
            product: CHASSIS_MODEL.into(),
            serial: self.serial(255, 0),
        }
    }

    /// The unit in a slot; `None` where there is none, or nobody has told of one.
    fn slot_item(&self, now: Instant, slot: ChassisSlot) -> Option<Item> {
        let product = self.product(slot);
        if product.is_empty() {
            return None;
        }
        let (name, description) = match slot {
            ChassisSlot::Card(_) => (format!("slot {slot}"), "Holdover Line Card"),
            ChassisSlot::Rp(_) => (format!("slot {slot}"), "Holdover Route Processor"),
        };
        if matches!(slot, ChassisSlot::Rp(rp) if rp != self.slot()) && self.slot_state(now, slot) == "unknown"
        {
            return None;
        }
        Some(Item {
            name,
            description: description.into(),
            product,
            serial: self.serial(slot.number(), 0),
        })
    }

    fn port_item(&self, port: PortId, wire: &str) -> Item {
        Item {
            name: format!("subslot {port}"),
            description: format!("Ethernet port, wire {wire}"),
            product: format!(
                "HOLDOVER-{}",
                wire.split([':', ' ']).next().unwrap_or(wire).to_uppercase()
            ),
            serial: self.serial(port.card.0, port.port.wrapping_add(1)),
        }
    }

    fn fabric_item(&self) -> Item {
        Item {
            name: "slot F0".into(),
            description: "Holdover Fabric, one link between each two cards".into(),
            product: FABRIC_MODEL.into(),
            serial: self.serial(64, 0),
        }
    }

    fn power_item(&self) -> Option<Item> {
        (self.platform.backplane == Some(true)).then(|| Item {
            name: "Power Supply Module 0".into(),
            description: "Holdover Backplane".into(),
            product: POWER_MODEL.into(),
            serial: self.serial(80, 0),
        })
    }

    /// `show inventory`
    pub(crate) fn show_inventory(&self, now: Instant) -> Vec<String> {
        let mut items = Vec::from([self.chassis_item()]);
        for slot in self.slots() {
            items.extend(self.slot_item(now, slot));
            if let ChassisSlot::Card(card) = slot {
                items.extend(
                    self.ports_of(card)
                        .iter()
                        .map(|(port, wire, _)| self.port_item(*port, wire)),
                );
            }
        }
        items.push(self.fabric_item());
        items.extend(self.power_item());
        let mut lines = Vec::new();
        for item in items {
            lines.push(format!(
                "NAME: \"{}\", DESCR: \"{}\"",
                item.name, item.description
            ));
            lines.push(format!(
                "PID: {:<18}, VID: {VERSION_ID}, SN: {}",
                item.product, item.serial
            ));
            lines.push(String::new());
        }
        lines
    }

    /// `show diag [chassis | slot SLOT | subslot CARD/PORT] [details | summary]`
    pub(crate) fn show_diag(&self, now: Instant, scope: DiagScope, depth: DiagDepth) -> Vec<String> {
        match scope {
            DiagScope::Chassis => self.diag_item("MIDPLANE", &self.chassis_item(), depth, Vec::new()),
            DiagScope::Slot(slot) if !self.has_slot(slot) => {
                Vec::from([format!("% The chassis has no slot {slot}")])
            }
            DiagScope::Slot(slot) => self.diag_slot(now, slot, depth),
            DiagScope::Subslot(port) => self.diag_port(port, depth),
            DiagScope::All => {
                let mut lines = self.diag_item("MIDPLANE", &self.chassis_item(), depth, Vec::new());
                for slot in self.slots() {
                    lines.extend(self.diag_slot(now, slot, depth));
                }
                lines
            }
        }
    }

    fn diag_slot(&self, now: Instant, slot: ChassisSlot, depth: DiagDepth) -> Vec<String> {
        let Some(item) = self.slot_item(now, slot) else {
            return Vec::from([format!("Slot {slot}: {}", self.shown_slot_state(now, slot))]);
        };
        let mut details = Vec::from([
            ("Software Version", self.module_version(slot)),
            ("State", self.shown_slot_state(now, slot).to_string()),
        ]);
        if let Some(age) = self.slot_age(now, slot) {
            details.push(("Running for", Uptime(age).to_string()));
        }
        if let (ChassisSlot::Card(card), Some(active)) = (slot, self.active()) {
            details.push(("Ports", self.ports_of(card).len().to_string()));
            details.push(("Punts Lost", active.cards.lost_punts(card).to_string()));
        }
        self.diag_item(&format!("Slot {slot}"), &item, depth, details)
    }

    fn diag_port(&self, port: PortId, depth: DiagDepth) -> Vec<String> {
        let ports = self.ports_of(port.card);
        let Some((_, wire, up)) = ports.into_iter().find(|(known, ..)| *known == port) else {
            return Vec::from([format!("% There is no port in subslot {port}")]);
        };
        let mut details = Vec::from([("Signal", if up { "present" } else { "lost" }.to_string())]);
        if let Some(active) = self.active() {
            let counters = active.cards.counters(port);
            details.push(("Input Drops", counters.input_drops.to_string()));
            details.push(("Output Drops", counters.output_drops.to_string()));
        }
        self.diag_item(
            &format!("SPA EEPROM data for subslot {port}"),
            &self.port_item(port, &wire),
            depth,
            details,
        )
    }

    fn diag_item(
        &self,
        title: &str,
        item: &Item,
        depth: DiagDepth,
        details: Vec<(&str, String)>,
    ) -> Vec<String> {
        if depth == DiagDepth::Summary {
            let state = details
                .iter()
                .find(|(label, _)| matches!(*label, "State" | "Signal"))
                .map_or("", |(_, value)| value.as_str());
            return Vec::from([format!(
                "{:<24}{:<20}{:<14}{state}",
                item.name, item.product, item.serial
            )]);
        }
        let heading = if title.contains("EEPROM") {
            format!("{title}:")
        } else {
            format!("{title} EEPROM data:")
        };
        let mut lines = Vec::from([heading, String::new()]);
        let mut line = |label: &str, value: &str| lines.push(format!("\t{label:<25}: {value}"));
        line("Product Identifier (PID)", &item.product);
        line("Version Identifier (VID)", VERSION_ID);
        line("PCB Serial Number", &item.serial);
        if depth == DiagDepth::Details {
            for (label, value) in &details {
                line(label, value);
            }
        }
        lines.push(String::new());
        lines
    }

    /// `show version`
    pub(crate) fn show_version(&self, now: Instant) -> Vec<String> {
        let Some(active) = self.active() else {
            return Vec::new();
        };
        let name = active.clients.configuration.tree().hostname();
        let system = active.clients.system.uptime(now);
        let platform = &self.config.platform;
        let returned = match platform.ended_at_unix_s {
            0 => platform.start_reason.returned_by().to_string(),
            at => format!("{} at {}", platform.start_reason.returned_by(), UtcTime(at)),
        };
        let restarted = self.unix_seconds(now).saturating_sub(system.as_secs());
        let mut lines = Vec::from([
            format!("Holdover Software, {}", self.config.image_version),
            String::new(),
            format!("{name} uptime is {}", Uptime(system)),
            format!(
                "Uptime for this control processor is {}",
                Uptime(now - self.started_at)
            ),
            format!("System returned to ROM by {returned}"),
            format!("System restarted at {}", UtcTime(restarted)),
            format!("System image file is \"holdover\" in slot {}", self.slot()),
            format!("Last reload reason: {}", platform.start_reason.reload_reason()),
            String::new(),
        ]);
        for slot in RpSlot::ALL {
            let role = if slot == self.slot() { "active" } else { "standby" };
            let image = match self.module_version(ChassisSlot::Rp(slot)) {
                known if known == "N/A" => String::from("not known"),
                known => format!("Holdover Software, {known}"),
            };
            lines.push(format!("Image of {slot} ({role}): {image}"));
        }
        for card in &self.config.card_slots {
            let version = self.module_version(ChassisSlot::Card(*card));
            if version != "N/A" {
                lines.push(format!("Image of card {card}: Holdover Software, {version}"));
            }
        }
        for reason in &self.facility.status(now).fallback {
            lines.push(format!("Operating mode is rpr instead of sso: {reason}"));
        }
        lines.extend(self.memory_lines());
        lines.push(String::new());
        lines.push(format!(
            "Configuration register is {}",
            redundancy::show::ConfigurationRegister::from((
                self.config.configuration_register,
                self.next_register
            ))
        ));
        lines
    }

    /// `show facility-alarm status`
    pub(crate) fn show_facility_alarm(&self) -> Vec<String> {
        let Some(active) = self.active() else {
            return Vec::new();
        };
        let alarms = &active.clients.inventory.alarms;
        let count = |severity| alarms.iter().filter(|(id, _)| id.severity() == severity).count();
        let mut lines = Vec::from([
            format!(
                "System Totals  Critical: {}  Major: {}  Minor: {}",
                count(Severity::Critical),
                count(Severity::Major),
                count(Severity::Minor)
            ),
            String::new(),
            format!(
                "{:<27}{:<32}{:<14}{}",
                "Source", "Time", "Severity", "Description [Index]"
            ),
            format!(
                "{:<27}{:<32}{:<14}{}",
                "------", "------", "--------", "-------------------"
            ),
        ]);
        for (id, alarm) in alarms.iter() {
            lines.push(format!(
                "{:<27}{:<32}{:<14}{} [{}]",
                id.source(),
                UtcTime(alarm.raised_at_unix_s).to_string(),
                id.severity().to_string(),
                id.kind.description(),
                id.kind.number()
            ));
        }
        lines
    }
}
