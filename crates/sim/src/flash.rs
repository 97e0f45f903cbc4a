//! A simulated `bootflash:`.

use rp::{FLASH_BYTES, FileAnswer, FileEntry, FileOperation, FileRequest, FileStatus, is_file_name};
use std::collections::BTreeMap;

/// Does what is asked for at once. A full device takes nothing more.
pub(crate) fn serve(files: &mut BTreeMap<String, Vec<u8>>, full: bool, request: &FileRequest) -> FileAnswer {
    let mut answer = FileAnswer {
        number: request.number,
        ..FileAnswer::default()
    };
    let used: u64 = files.values().map(|file| file.len() as u64).sum();
    let operation = request.operation();
    let status = match operation {
        FileOperation::List => {
            answer.total_bytes = FLASH_BYTES;
            answer.free_bytes = if full { 0 } else { FLASH_BYTES - used };
            answer.files = files
                .iter()
                .map(|(name, file)| FileEntry {
                    name: name.clone(),
                    bytes: file.len() as u64,
                    modified_unix_s: 0,
                })
                .collect();
            FileStatus::Done
        }
        _ if !is_file_name(&request.name) => FileStatus::BadName,
        FileOperation::Read => match files.get(&request.name) {
            Some(file) => {
                answer.contents = file.clone();
                FileStatus::Done
            }
            None => FileStatus::NotFound,
        },
        FileOperation::Write if full => FileStatus::NoSpace,
        FileOperation::Write => {
            files.insert(request.name.clone(), request.contents.clone());
            FileStatus::Done
        }
        FileOperation::Delete if files.remove(&request.name).is_some() => FileStatus::Done,
        FileOperation::Delete | FileOperation::ReadStartup => FileStatus::NotFound,
    };
    answer.status = status.into();
    answer
}
