//! A chassis at a glance: `holdover status`.

use super::status_client::{self, RpReport, active_slot};
use crate::backplane::{self, BackplaneClient, Reply, Request};
use machine::RpSlot;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that a program or a person may want to know of a chassis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Its name.
    pub chassis: String,
    /// Where its sockets are.
    pub run_directory: PathBuf,
    /// Slot of the active RP.
    pub active: Option<String>,
    /// Whether the RPs have the same rows; `None` when they do not stand at one frame, or one is missing.
    pub digests_equal: Option<bool>,
    /// The RPs that answer.
    pub route_processors: Vec<RpReport>,
    /// The slots and processes, if a backplane runs.
    pub backplane: Option<backplane::Status>,
}

impl Overview {
    /// Looks at the chassis called `name`. `None` when nothing of it runs.
    pub fn take(name: &str, run_directory: &Path) -> Option<Overview> {
        let reports = status_client::observe(run_directory);
        let backplane = backplane_status(run_directory);
        if backplane.is_none() && reports.iter().all(Option::is_none) {
            return None;
        }
        Some(Overview {
            chassis: backplane
                .as_ref()
                .map_or_else(|| name.to_string(), |status| status.chassis.clone()),
            run_directory: run_directory.to_path_buf(),
            active: active_slot(&reports).map(|slot| slot.to_string()),
            digests_equal: digests_equal(&reports),
            route_processors: reports.into_iter().flatten().collect(),
            backplane,
        })
    }

    /// One line of JSON.
    ///
    /// # Errors
    /// When a path is no Unicode, which JSON cannot say.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = format!("Chassis {}, {}\n", self.chassis, self.run_directory.display());
        text.push_str(&match self.digests_equal {
            Some(true) => "Route processors hold the same state\n".to_string(),
            Some(false) => "Route processors DIFFER in state\n".to_string(),
            None => String::new(),
        });
        text.push_str(&self.active_report().map_or_else(String::new, mode_lines));
        let mut rows = vec![words([
            "Slot",
            "State",
            "Epoch",
            "In step",
            "Frame",
            "Digest",
            "Switchovers",
        ])];
        rows.extend(RpSlot::ALL.map(|slot| self.rp_row(slot)));
        text.push_str(&aligned("Route processors", &rows));
        let cards: Vec<Vec<String>> = self.active_report().into_iter().flat_map(card_rows).collect();
        if !cards.is_empty() {
            let heading = words(["Slot", "State", "To send", "Punts lost"]);
            text.push_str(&aligned("Line cards", &[vec![heading], cards].concat()));
        }
        text.push_str(&self.process_table());
        text
    }

    fn active_report(&self) -> Option<&RpReport> {
        self.route_processors
            .iter()
            .find(|report| Some(&report.slot) == self.active.as_ref())
    }

    fn rp_row(&self, slot: RpSlot) -> Vec<String> {
        let slot = slot.to_string();
        match self.route_processors.iter().find(|report| report.slot == slot) {
            None => words([&slot, "not running", "-", "-", "-", "-", "-"]),
            Some(report) => vec![
                slot,
                report.state.clone(),
                report.epoch.map_or_else(|| "-".into(), |epoch| epoch.to_string()),
                if report.in_step { "yes" } else { "no" }.into(),
                report.frame.to_string(),
                report.digest.clone(),
                report.switchovers.to_string(),
            ],
        }
    }

    fn process_table(&self) -> String {
        let Some(backplane) = &self.backplane else {
            let mut rows = vec![words(["Slot", "Process"])];
            rows.extend(
                self.route_processors
                    .iter()
                    .map(|report| vec![report.slot.clone(), report.pid.to_string()]),
            );
            return aligned("Processes (no backplane runs)", &rows);
        };
        let mut rows = vec![words(["Slot", "Power", "Process", "Restarts", "Last end"])];
        rows.extend(backplane.slots.iter().map(|slot| {
            let process = match (slot.process, slot.restart_in_ms) {
                (Some(process), _) => process.to_string(),
                (None, Some(milliseconds)) => format!("starts in {milliseconds} ms"),
                (None, None) => "-".into(),
            };
            let last_exit = slot.last_exit.clone().unwrap_or_else(|| "-".into());
            let restarts = slot.restarts.to_string();
            vec![
                slot.slot.to_string(),
                slot.power.clone(),
                process,
                restarts,
                last_exit,
            ]
        }));
        let mut text = aligned(&format!("Processes (backplane {})", backplane.process), &rows);
        for slot in &backplane.slots {
            if let Some(why) = &slot.refused {
                text.push_str(&format!("\n{} is not started: {why}\n", slot.slot));
            }
        }
        text
    }
}

fn backplane_status(run_directory: &Path) -> Option<backplane::Status> {
    let mut client = BackplaneClient::connect(run_directory).ok()?;
    match client.request(&Request::Status) {
        Ok(Reply::Status(status)) => Some(status),
        _ => None,
    }
}

fn digests_equal(reports: &[Option<RpReport>; 2]) -> Option<bool> {
    let [Some(first), Some(second)] = reports else {
        return None;
    };
    let comparable = first.frame == second.frame && first.dirty_rows == 0 && second.dirty_rows == 0;
    comparable.then(|| first.digest == second.digest)
}

/// The mode, and why it is not the configured one.
fn mode_lines(active: &RpReport) -> String {
    let (operating, configured) = (&active.operating_mode, &active.configured_mode);
    if operating == configured {
        return format!("Redundancy mode {operating}\n");
    }
    let mut text = format!("Redundancy mode {operating}, configured {configured}\n");
    for reason in &active.fallback {
        text.push_str(&format!("  {reason}\n"));
    }
    text
}

fn card_rows(active: &RpReport) -> Vec<Vec<String>> {
    active
        .cards
        .iter()
        .map(|card| {
            vec![
                card.slot.to_string(),
                if card.live { "live" } else { "downloading" }.into(),
                format!("{} bytes", card.outstanding_bytes),
                card.lost_punts.to_string(),
            ]
        })
        .collect()
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_string).to_vec()
}

/// Columns two blanks apart, each as wide as its widest cell.
fn aligned(title: &str, rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = format!("\n{title}\n");
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(&format!("  {}\n", line.trim_end()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::status_client::tests::report;
    use crate::test_directory::TestDirectory;
    use redundancy::RfState;

    fn overview() -> Overview {
        let mut active = report(RpSlot::R0, RfState::Active, Some(3));
        active.cards = vec![status_client::CardReport {
            slot: 0,
            live: true,
            outstanding_bytes: 0,
            lost_punts: 2,
            links_up: vec![0],
        }];
        Overview {
            chassis: "lab".into(),
            run_directory: "/run/lab".into(),
            active: Some("R0".into()),
            digests_equal: Some(true),
            route_processors: vec![active],
            backplane: None,
        }
    }

    #[test]
    fn the_text_names_what_runs_and_what_does_not() {
        let text = overview().to_text();
        for line in [
            "Chassis lab, /run/lab",
            "Redundancy mode sso",
            "  R0    ACTIVE(13)   3      yes      1      00      0",
            "  R1    not running  -      -        -      -       -",
            "  0     live   0 bytes  2",
            "Processes (no backplane runs)",
        ] {
            assert!(text.lines().any(|seen| seen == line), "'{line}' in\n{text}");
        }
    }

    #[test]
    fn a_mode_that_is_not_the_configured_one_is_told_with_its_reasons() {
        let mut overview = overview();
        let active = &mut overview.route_processors[0];
        active.operating_mode = "rpr".into();
        active.fallback = vec!["image A here, B on the peer".into()];
        let text = overview.to_text();
        assert!(
            text.contains("Redundancy mode rpr, configured sso\n  image A here, B on the peer\n"),
            "{text}"
        );
    }

    #[test]
    fn the_json_reads_back_as_it_was() {
        let overview = overview();
        let text = overview.to_json().unwrap();
        assert_eq!(serde_json::from_str::<Overview>(&text).unwrap(), overview);
        assert!(!text.contains('\n'));
    }

    #[test]
    fn an_empty_directory_is_no_chassis() {
        let place = TestDirectory::new("overview");
        assert_eq!(Overview::take("lab", place.path()), None);
    }

    #[test]
    fn digests_are_compared_at_one_frame_only() {
        let pair = |frame, digest: &str| {
            let first = report(RpSlot::R0, RfState::Active, Some(1));
            let mut second = report(RpSlot::R1, RfState::StandbyHot, None);
            second.frame = frame;
            second.digest = digest.into();
            digests_equal(&[Some(first), Some(second)])
        };
        assert_eq!(pair(1, "00"), Some(true));
        assert_eq!(pair(1, "01"), Some(false));
        assert_eq!(pair(2, "01"), None);
    }
}
