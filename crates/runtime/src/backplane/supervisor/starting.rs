//! What a slot's unit is started as, and whether it is.
//!
//! ```text
//!   room for it? ── no ──▶ refused: in its log, in the status, and tried again later
//!        │ yes
//!        ▼
//!   program, unit, image that an operator put in, description ──▶ process
//! ```

use super::{Backplane, log_line};
use crate::backplane::{Unit, log_path};
use crate::chassis_file::ImageName;
use crate::clock;
use crate::file;
use crate::host_memory::{self, TooLittleMemory};
use crate::process::{Process, SpawnSpec};
use crate::shared_memory::SlotPower;
use machine::Duration;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Behind a unit's name: the image that was put into its slot.
const IMAGE_SUFFIX: &str = ".image";
/// Longest file that names an image, in bytes.
const IMAGE_FILE_LENGTH_MAX: u64 = 256;

fn image_path(records: &Path, unit: Unit) -> PathBuf {
    records.join(format!("{unit}{IMAGE_SUFFIX}"))
}

/// The image that an operator has put into a slot since the chassis was started. A file that names none is of no use.
pub(super) fn inserted_image(records: &Path, unit: Unit) -> Option<ImageName> {
    let bytes = file::read_bounded(&image_path(records, unit), IMAGE_FILE_LENGTH_MAX).ok()??;
    String::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// The chassis starts: what is in the slots is what its description says.
pub(super) fn forget_inserted_images(records: &Path) {
    let entries = std::fs::read_dir(records).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().ends_with(IMAGE_SUFFIX)
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            log_line(&format!("cannot remove {}: {error}", entry.path().display()));
        }
    }
}

impl Backplane {
    /// Puts a unit with this image into an empty slot; without one, what the description says. Kept, so that it is still in
    /// there for the next backplane.
    pub(super) fn put_in(&mut self, unit: Unit, image: Option<&ImageName>) -> Result<(), String> {
        let Some(index) = self.slots.iter().position(|slot| slot.unit == unit) else {
            return Ok(());
        };
        match (unit, self.power(unit)) {
            (Unit::Card(_) | Unit::Hosts, _) if image.is_some() => {
                return Err(format!(
                    "slot {unit}: only route processors have images of their own"
                ));
            }
            (_, SlotPower::Empty) => {}
            (_, _) if image.is_some() => {
                return Err(format!("slot {unit} is not empty: pull what is in it first"));
            }
            // What is in the slot stays in it, and gets power.
            (_, _) => return Ok(()),
        }
        let path = image_path(&self.records, unit);
        let kept = match image {
            Some(image) => file::replace(&path, image.as_str().as_bytes()).map_err(|error| error.to_string()),
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(format!("{}: {error}", path.display()))
                }
                _ => Ok(()),
            },
        };
        kept.map_err(|why| format!("slot {unit}: {why}"))?;
        self.slots[index].image = image.cloned();
        Ok(())
    }

    pub(super) fn start_unit(&mut self, index: usize) {
        let unit = self.slots[index].unit;
        let spec = self.spawn_spec(unit);
        if let Err(why) = self.has_room_for(unit) {
            let delay = self.start_later(index);
            self.slots[index].refused = Some(why.to_string());
            let text = format!("slot {unit}: not started: {why}; again in {delay:?}");
            log_line(&text);
            // There it is seen by whoever waits for the chassis to boot.
            if let Err(error) = append_line(&spec.log, &text) {
                log_line(&format!("slot {unit}: {}: {error}", spec.log.display()));
            }
            return;
        }
        let started = Process::spawn(&spec).and_then(|process| {
            let pid = process.id().pid;
            self.watch(index, process).map(|()| pid)
        });
        match started {
            Ok(pid) => log_line(&format!("slot {unit}: started, process {pid}")),
            Err(error) => {
                let delay = self.start_later(index);
                let program = spec.program.display();
                log_line(&format!(
                    "slot {unit}: cannot start {program}: {error}; again in {delay:?}"
                ));
            }
        }
    }

    /// Tries again after a pause that grows; returns its length.
    fn start_later(&mut self, index: usize) -> Duration {
        let slot = &mut self.slots[index];
        let delay = slot.backoff.after_life(Duration::ZERO);
        slot.start_at = Some(clock::now() + delay);
        delay
    }

    /// Whether the host has the memory for this unit: a route processor beside another one holds as much as that.
    fn has_room_for(&self, unit: Unit) -> Result<(), TooLittleMemory> {
        let Unit::Rp(rp) = unit else {
            return Ok(());
        };
        let mut slots = self.slots.iter();
        match slots
            .find(|slot| slot.unit == Unit::Rp(rp.peer()))
            .and_then(|slot| slot.process.as_ref())
        {
            Some(first) => host_memory::room_beside(first, self.chassis.memory_bytes_max),
            None => Ok(()),
        }
    }

    fn spawn_spec(&self, unit: Unit) -> SpawnSpec {
        let config = &self.config;
        let image = self.slots.iter().find(|slot| slot.unit == unit);
        let image = image.and_then(|slot| slot.image.as_ref());
        let image = image.map_or_else(Vec::new, |image| {
            ["--image-version", image.as_str()].map(OsString::from).to_vec()
        });
        let parts = [
            config.arguments_before.clone(),
            unit.arguments(),
            image,
            config.arguments_after.clone(),
        ];
        SpawnSpec {
            program: config.program.clone(),
            arguments: parts.concat(),
            log: log_path(&config.directories.log, unit),
            working_directory: config.directories.state.clone(),
            record: Some(self.records.join(unit.to_string())),
        }
    }
}

fn append_line(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    writeln!(file, "{text}")
}
