//! Requests on their way, and the standby's side of them.

use super::message::{FileAnswer, FileOperation, FileRequest, FileStatus};
use super::name::{FileSystem, FileUrl};
use super::{ANSWER_LIMIT, REQUESTS_MAX, Step, Waiting, is_file_name};
use crate::config_sync::Body;
use crate::io::{RpOutput, SessionId};
use crate::processor::{Role, RouteProcessor};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use machine::Instant;

/// Set in the number of a request that came from the peer, so that the answer goes back to it.
const FROM_PEER: u64 = 1 << 63;

impl RouteProcessor {
    /// Sends a request about `url`; the command of `session` goes on with `step` when the answer comes.
    pub(super) fn ask_for_file(
        &mut self,
        now: Instant,
        session: SessionId,
        url: &FileUrl,
        operation: FileOperation,
        contents: Vec<u8>,
        step: Step,
    ) {
        let standby = url.system.is_standby();
        let unreachable = standby && !self.facility.peer_state().is_standby();
        if unreachable || self.files.waiting.len() >= REQUESTS_MAX {
            let words = if unreachable {
                "No such device: there is no standby"
            } else {
                "Device or resource busy"
            };
            let answer = failed(0, FileStatus::Failed, words);
            return self.go_on_with(now, session, step, &answer);
        }
        self.files.last_number += 1;
        let number = self.files.last_number;
        let request = FileRequest {
            number,
            operation: operation.into(),
            name: url.name.clone(),
            contents,
        };
        self.files.waiting.insert(
            number,
            Waiting {
                session,
                step,
                until: now + ANSWER_LIMIT,
                standby,
            },
        );
        if standby {
            self.send_config_sync(Body::FileRequest(request));
        } else {
            self.turn.now(RpOutput::File(request));
        }
    }

    /// The driver, or the standby, answers.
    pub(crate) fn file_answered(&mut self, now: Instant, mut answer: FileAnswer) {
        if answer.number & FROM_PEER != 0 {
            answer.number &= !FROM_PEER;
            return self.send_config_sync(Body::FileAnswer(answer));
        }
        if let Some(waiting) = self.files.waiting.remove(&answer.number) {
            self.go_on_with(now, waiting.session, waiting.step, &answer);
        }
    }

    /// The standby answers. A number that only this unit's own requests for the peer have is none of its.
    pub(crate) fn file_answered_by_peer(&mut self, now: Instant, answer: FileAnswer) {
        if answer.number & FROM_PEER == 0 {
            self.file_answered(now, answer);
        }
    }

    /// The active asks for a file of this unit.
    pub(crate) fn serve_peer_file(&mut self, mut request: FileRequest) {
        if !matches!(self.role, Role::Standby(_)) || request.number & FROM_PEER != 0 {
            return;
        }
        if request.operation() == FileOperation::ReadStartup {
            let answer = match &self.config.startup {
                Some(text) => FileAnswer {
                    number: request.number,
                    contents: text.clone().into_bytes(),
                    ..FileAnswer::default()
                },
                None => failed(request.number, FileStatus::NotFound, ""),
            };
            return self.send_config_sync(Body::FileAnswer(answer));
        }
        if request.operation() != FileOperation::List && !is_file_name(&request.name) {
            let answer = failed(request.number, FileStatus::BadName, "");
            return self.send_config_sync(Body::FileAnswer(answer));
        }
        request.number |= FROM_PEER;
        self.turn.now(RpOutput::File(request));
    }

    /// Commands that have waited for too long, or for a standby that is gone, end.
    pub(crate) fn expire_files(&mut self, now: Instant) {
        let no_standby = !self.facility.peer_state().is_standby();
        let over = |waiting: &Waiting| waiting.until <= now || (waiting.standby && no_standby);
        let numbers: Vec<u64> = self
            .files
            .waiting
            .iter()
            .filter(|(_, waiting)| over(waiting))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            self.file_answered(now, failed(number, FileStatus::Failed, "Connection timed out"));
        }
    }

    /// What a file of this unit holds that needs no disk; `None` for all others.
    pub(super) fn text_of(&self, url: &FileUrl) -> Option<Result<String, String>> {
        let configuration = &self.active()?.clients.configuration;
        match url.system {
            FileSystem::System => Some(Ok(configuration.tree().running_config_text())),
            FileSystem::Nvram => {
                let missing = || String::from("No such file or directory");
                Some(configuration.startup_text().map(String::from).ok_or_else(missing))
            }
            FileSystem::Bootflash | FileSystem::StandbyNvram | FileSystem::StandbyBootflash => None,
        }
    }
}

fn failed(number: u64, status: FileStatus, words: &str) -> FileAnswer {
    FileAnswer {
        number,
        status: status.into(),
        words: words.to_string(),
        ..FileAnswer::default()
    }
}
