//! The commands: what they ask, and how they go on when a file comes.
//!
//! ```text
//!   copy FROM TO ─▶ Destination filename [x]? ─▶ read FROM ─▶ list TO, where it could be overwritten
//!        ─▶ Do you want to over write? [confirm] ─▶ write TO ─▶ N bytes copied
//! ```

use super::message::{FileAnswer, FileEntry, FileOperation};
use super::name::{FileSystem, FileUrl};
use super::{FILE_BYTES_MAX, FLASH_BYTES, NVRAM_BYTES};
use crate::config_sync::Requester;
use crate::console::{AfterSave, Running};
use crate::io::SessionId;
use crate::processor::RouteProcessor;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::FileCommand;
use machine::Instant;
use management::{Answer, Outcome, Question, QuestionKind};

/// What a command does when the answer to its request comes.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Dir(FileUrl),
    More(FileUrl),
    Delete(FileUrl),
    /// Look whether there is a file of that name already.
    Look(Copy),
    Read(Copy),
    Write(Copy),
}

/// What the operator is asked.
#[derive(Clone, Debug)]
pub(crate) enum FileQuestion {
    DestinationName(Copy),
    OverWrite(Copy),
    DeleteName(FileUrl),
    ConfirmDelete(FileUrl),
}

/// A copy under way.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    from: FileUrl,
    to: FileUrl,
    started: Instant,
    contents: Vec<u8>,
}

impl RouteProcessor {
    pub(crate) fn file_command(&mut self, now: Instant, id: SessionId, command: &FileCommand) {
        let begun = match command {
            FileCommand::Dir { system } => self.dir(now, id, system.as_deref()),
            FileCommand::More { file } => self.more(now, id, file),
            FileCommand::Delete { file } => self.delete(now, id, file),
            FileCommand::Copy { from, to } => self.copy(now, id, from, to),
        };
        if let Err(words) = begun {
            self.complete(now, id, Outcome::Rejected, &words);
        }
    }

    fn dir(&mut self, now: Instant, id: SessionId, system: Option<&str>) -> Result<(), String> {
        let url = FileUrl::parse(system.unwrap_or("bootflash:"))?;
        if !url.name.is_empty() && url.system.only_file().is_none() {
            return Err(format!("%Error opening {url} (Not a directory)"));
        }
        let operation = match url.system {
            FileSystem::System | FileSystem::Nvram => {
                let bytes = match self.text_of(&url) {
                    Some(Ok(text)) => text.len() as u64,
                    _ => 0,
                };
                let name = url.system.only_file().unwrap_or_default().to_string();
                let files = Vec::from([FileEntry {
                    name,
                    bytes,
                    modified_unix_s: 0,
                }]);
                let files = if bytes == 0 { Vec::new() } else { files };
                let text = listing(&url, &files, NVRAM_BYTES, NVRAM_BYTES - bytes);
                self.complete(now, id, Outcome::Accepted, &text);
                return Ok(());
            }
            FileSystem::StandbyNvram => FileOperation::ReadStartup,
            FileSystem::Bootflash | FileSystem::StandbyBootflash => FileOperation::List,
        };
        self.ask_for_file(now, id, &url, operation, Vec::new(), Step::Dir(url.clone()));
        Ok(())
    }

    fn more(&mut self, now: Instant, id: SessionId, file: &str) -> Result<(), String> {
        let url = FileUrl::parse(file)?;
        if url.name.is_empty() {
            return Err(format!("%Error opening {url} (Is a directory)"));
        }
        match self.text_of(&url) {
            Some(Ok(text)) => self.complete(now, id, Outcome::Accepted, &text),
            Some(Err(why)) => return Err(format!("%Error opening {url} ({why})")),
            None => {
                self.ask_for_file(now, id, &url, reads(&url), Vec::new(), Step::More(url.clone()));
            }
        }
        Ok(())
    }

    fn delete(&mut self, now: Instant, id: SessionId, file: &str) -> Result<(), String> {
        let url = FileUrl::parse(file)?;
        if url.system.only_file().is_some() {
            return Err(format!("%Error deleting {url} (Permission denied)"));
        }
        let text = format!("Delete filename [{}]", url.name);
        self.ask_about_file(now, id, text, QuestionKind::Line, FileQuestion::DeleteName(url));
        Ok(())
    }

    fn copy(&mut self, now: Instant, id: SessionId, from: &str, to: &str) -> Result<(), String> {
        let (from, to) = (FileUrl::parse(from)?, FileUrl::parse(to)?);
        if from.name.is_empty() {
            return Err(format!("%Error opening {from} (No such file or directory)"));
        }
        match to.system {
            FileSystem::System => {
                return Err(format!(
                    "%Error copying {from} ({to} is changed in configuration mode only)"
                ));
            }
            FileSystem::StandbyNvram => {
                return Err(format!(
                    "%Error copying {from} (Read-only file system: {to} follows nvram:startup-config)"
                ));
            }
            FileSystem::Nvram | FileSystem::Bootflash | FileSystem::StandbyBootflash => {}
        }
        let offered = match (to.system.only_file(), to.name.as_str()) {
            (Some(only), _) => only,
            (None, "") => from.name.as_str(),
            (None, name) => name,
        };
        let text = format!("Destination filename [{offered}]");
        let to = to.named(offered)?;
        let copy = Copy {
            from,
            to,
            started: now,
            contents: Vec::new(),
        };
        self.ask_about_file(
            now,
            id,
            text,
            QuestionKind::Line,
            FileQuestion::DestinationName(copy),
        );
        Ok(())
    }

    fn ask_about_file(
        &mut self,
        now: Instant,
        id: SessionId,
        text: String,
        kind: QuestionKind,
        about: FileQuestion,
    ) {
        self.ask(now, id, Running::AskedAboutFile(about), Question { text, kind });
    }

    /// The operator has answered.
    pub(crate) fn file_question_answered(
        &mut self,
        now: Instant,
        id: SessionId,
        about: FileQuestion,
        answer: Answer,
    ) {
        let result = match (about, answer) {
            (FileQuestion::DestinationName(copy), Answer::Line(line)) => {
                renamed(&copy.to, &line).map(|to| self.read_source(now, id, Copy { to, ..copy }))
            }
            (FileQuestion::DeleteName(url), Answer::Line(line)) => renamed(&url, &line).map(|url| {
                let text = format!("Delete {url}?");
                self.ask_about_file(
                    now,
                    id,
                    text,
                    QuestionKind::Confirm,
                    FileQuestion::ConfirmDelete(url),
                );
            }),
            (FileQuestion::OverWrite(copy), Answer::Yes) => {
                self.write_destination(now, id, copy);
                Ok(())
            }
            (FileQuestion::ConfirmDelete(url), Answer::Yes) => {
                let step = Step::Delete(url.clone());
                self.ask_for_file(now, id, &url, FileOperation::Delete, Vec::new(), step);
                Ok(())
            }
            _ => Err(String::new()),
        };
        if let Err(words) = result {
            self.complete(now, id, Outcome::Rejected, &words);
        }
    }

    fn read_source(&mut self, now: Instant, id: SessionId, mut copy: Copy) {
        // The running configuration into NVRAM is a save, with the words of one.
        if copy.from.system == FileSystem::System && copy.to.system == FileSystem::Nvram {
            return self.save(now, id, AfterSave::Done);
        }
        match self.text_of(&copy.from) {
            Some(Ok(text)) => {
                copy.contents = text.into_bytes();
                self.source_read(now, id, copy);
            }
            Some(Err(why)) => {
                let words = format!("%Error opening {} ({why})", copy.from);
                self.complete(now, id, Outcome::Rejected, &words);
            }
            None => {
                let from = copy.from.clone();
                self.ask_for_file(now, id, &from, reads(&from), Vec::new(), Step::Read(copy));
            }
        }
    }

    fn source_read(&mut self, now: Instant, id: SessionId, copy: Copy) {
        if copy.to.system == FileSystem::Nvram {
            return self.write_destination(now, id, copy);
        }
        let to = copy.to.clone();
        self.ask_for_file(now, id, &to, FileOperation::List, Vec::new(), Step::Look(copy));
    }

    fn write_destination(&mut self, now: Instant, id: SessionId, copy: Copy) {
        let refused = |why: &str| format!("%Error copying {} ({why}).", copy.from);
        if copy.contents.len() > FILE_BYTES_MAX {
            return self.complete(now, id, Outcome::Rejected, &refused("Not enough space on device"));
        }
        if copy.to.system == FileSystem::Nvram {
            let bytes = copy.contents.len();
            let Ok(text) = String::from_utf8(copy.contents.clone()) else {
                return self.complete(
                    now,
                    id,
                    Outcome::Rejected,
                    &refused("Not a configuration: no text"),
                );
            };
            if let Some(console) = self.consoles.sessions.get_mut(&id) {
                console.running = Some(Running::Saving);
            }
            let requester = Requester::Copy {
                session: id,
                bytes,
                started: copy.started,
            };
            return self.save_startup(now, text, requester);
        }
        let (to, contents) = (copy.to.clone(), copy.contents.clone());
        self.ask_for_file(now, id, &to, FileOperation::Write, contents, Step::Write(copy));
    }

    /// The answer to a command's request has come.
    pub(super) fn go_on_with(&mut self, now: Instant, id: SessionId, step: Step, answer: &FileAnswer) {
        let failure = answer.failure();
        match step {
            Step::Dir(url) => match failure {
                None => self.complete(now, id, Outcome::Accepted, &listing_of(&url, answer)),
                Some(why) => self.file_failed(now, id, &format!("%Error opening {url} ({why})")),
            },
            Step::More(url) => match failure {
                None => {
                    let text = String::from_utf8_lossy(&answer.contents).replace(is_unprintable, ".");
                    self.complete(now, id, Outcome::Accepted, &text);
                }
                Some(why) => self.file_failed(now, id, &format!("%Error opening {url} ({why})")),
            },
            Step::Delete(url) => match failure {
                None => self.complete(now, id, Outcome::Accepted, ""),
                Some(why) => self.file_failed(now, id, &format!("%Error deleting {url} ({why})")),
            },
            Step::Read(mut copy) => match failure {
                None => {
                    copy.contents = answer.contents.clone();
                    self.source_read(now, id, copy);
                }
                Some(why) => self.file_failed(now, id, &format!("%Error opening {} ({why})", copy.from)),
            },
            Step::Look(copy) => match failure {
                None => self.destination_seen(now, id, copy, answer),
                Some(why) => self.file_failed(now, id, &format!("%Error opening {} ({why})", copy.to)),
            },
            Step::Write(copy) => match failure {
                None => {
                    let text = copied(copy.contents.len(), now, copy.started);
                    self.complete(now, id, Outcome::Accepted, &text);
                }
                Some(why) => self.file_failed(now, id, &format!("%Error copying {} ({why}).", copy.from)),
            },
        }
    }

    /// What the destination has: room, and perhaps a file of that name.
    fn destination_seen(&mut self, now: Instant, id: SessionId, copy: Copy, answer: &FileAnswer) {
        let there = answer.files.iter().find(|file| file.name == copy.to.name);
        let freed = there.map_or(0, |file| file.bytes);
        if copy.contents.len() as u64 > answer.free_bytes.saturating_add(freed) {
            let words = format!("%Error copying {} (Not enough space on device).", copy.from);
            return self.file_failed(now, id, &words);
        }
        if there.is_some() {
            self.write(
                now,
                id,
                "%Warning:There is a file already existing with this name\n",
            );
            let text = String::from("Do you want to over write?");
            return self.ask_about_file(
                now,
                id,
                text,
                QuestionKind::Confirm,
                FileQuestion::OverWrite(copy),
            );
        }
        self.write_destination(now, id, copy);
    }

    fn file_failed(&mut self, now: Instant, id: SessionId, words: &str) {
        self.complete(now, id, Outcome::Rejected, words);
    }
}

/// How a file is read that is on some disk.
fn reads(url: &FileUrl) -> FileOperation {
    if url.system == FileSystem::StandbyNvram {
        FileOperation::ReadStartup
    } else {
        FileOperation::Read
    }
}

/// The file that the operator's line names; an empty one takes what was offered.
fn renamed(offered: &FileUrl, line: &str) -> Result<FileUrl, String> {
    let line = line.trim();
    if line.is_empty() && !offered.name.is_empty() {
        return Ok(offered.clone());
    }
    let url = offered.named(line)?;
    if url.name.is_empty() || url.system != offered.system {
        return Err(format!("%Error parsing filename {line} (Bad file name)"));
    }
    Ok(url)
}

fn is_unprintable(character: char) -> bool {
    character.is_control() && character != '\n'
}

/// `157 bytes copied in 0.012 secs (13083 bytes/sec)`
pub(crate) fn copied(bytes: usize, now: Instant, started: Instant) -> String {
    let milliseconds = now.saturating_since(started).as_millis().max(1);
    format!(
        "{bytes} bytes copied in {}.{:03} secs ({} bytes/sec)",
        milliseconds / 1000,
        milliseconds % 1000,
        bytes as u128 * 1000 / milliseconds
    )
}

fn listing_of(url: &FileUrl, answer: &FileAnswer) -> String {
    if url.system == FileSystem::StandbyNvram {
        let bytes = answer.contents.len() as u64;
        let files = [FileEntry {
            name: String::from("startup-config"),
            bytes,
            modified_unix_s: 0,
        }];
        return listing(url, &files, NVRAM_BYTES, NVRAM_BYTES.saturating_sub(bytes));
    }
    listing(
        url,
        &answer.files,
        answer.total_bytes.min(FLASH_BYTES),
        answer.free_bytes,
    )
}

fn listing(url: &FileUrl, files: &[FileEntry], total: u64, free: u64) -> String {
    let mut text = format!("Directory of {}/\n\n", url.system.prefix());
    for (number, file) in files.iter().enumerate() {
        let date = match file.modified_unix_s {
            0 => String::from("<no date>"),
            seconds => date_of(seconds),
        };
        text.push_str(&format!(
            "{:>5}  -rw- {:>11}  {date:>27}  {}\n",
            number + 1,
            file.bytes,
            file.name
        ));
    }
    if files.is_empty() {
        text.push_str("No files in directory\n");
    }
    text.push_str(&format!("\n{total} bytes total ({free} bytes free)"));
    text
}

/// `Nov 22 2026 20:01:11 +00:00`
fn date_of(unix_s: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    // Days since 1 March of year 0, in eras of 400 years (proleptic Gregorian calendar).
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + u64::from(month >= 10);
    let name = MONTHS[((month + 2) % 12) as usize];
    format!(
        "{name} {day:>2} {year} {:02}:{:02}:{:02} +00:00",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_s, text) in [
            (0, "Jan  1 1970 00:00:00 +00:00"),
            (951_782_400, "Feb 29 2000 00:00:00 +00:00"),
            (951_868_799, "Feb 29 2000 23:59:59 +00:00"),
            (951_868_800, "Mar  1 2000 00:00:00 +00:00"),
            (1_795_392_071, "Nov 23 2026 00:01:11 +00:00"),
        ] {
            assert_eq!(date_of(unix_s), text);
        }
    }
}
