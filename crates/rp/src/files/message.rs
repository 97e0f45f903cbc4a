//! Requests about files, to this unit's driver or to the standby, and their answers.

use alloc::string::String;
use alloc::vec::Vec;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum FileOperation {
    /// Name all files of `bootflash:`.
    List = 0,
    /// Read a file of `bootflash:`.
    Read = 1,
    /// Write a file of `bootflash:`, all of it or nothing.
    Write = 2,
    /// Delete a file of `bootflash:`.
    Delete = 3,
    /// Read the startup configuration; the standby answers from memory.
    ReadStartup = 4,
}

/// A request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FileRequest {
    /// Its number; the answer has it.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// What is to be done.
    #[prost(enumeration = "FileOperation", tag = "2")]
    pub operation: i32,
    /// The file.
    #[prost(string, tag = "3")]
    pub name: String,
    /// What is to be written.
    #[prost(bytes = "vec", tag = "4")]
    pub contents: Vec<u8>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum FileStatus {
    /// Done.
    Done = 0,
    /// There is no such file.
    NotFound = 1,
    /// The device has no room for it.
    NoSpace = 2,
    /// The file is longer than what can be handled.
    TooLarge = 3,
    /// The name cannot be one.
    BadName = 4,
    /// Anything else; the words say what.
    Failed = 5,
}

/// An answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FileAnswer {
    /// Number of the request.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// How it went.
    #[prost(enumeration = "FileStatus", tag = "2")]
    pub status: i32,
    /// What the system said, where it failed.
    #[prost(string, tag = "3")]
    pub words: String,
    /// What was read.
    #[prost(bytes = "vec", tag = "4")]
    pub contents: Vec<u8>,
    /// The files, by name.
    #[prost(message, repeated, tag = "5")]
    pub files: Vec<FileEntry>,
    /// What the device holds at most, in bytes.
    #[prost(uint64, tag = "6")]
    pub total_bytes: u64,
    /// What it has room for, in bytes.
    #[prost(uint64, tag = "7")]
    pub free_bytes: u64,
}

/// A file of a list.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FileEntry {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its length in bytes.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// When it was last written, in seconds since 1970.
    #[prost(uint64, tag = "3")]
    pub modified_unix_s: u64,
}

impl FileAnswer {
    /// What the operator is told of a failure, without brackets; `None` when it is done.
    pub fn failure(&self) -> Option<String> {
        let words = match self.status() {
            FileStatus::Done => return None,
            FileStatus::NotFound => "No such file or directory",
            FileStatus::NoSpace => "Not enough space on device",
            FileStatus::TooLarge => "File too large",
            FileStatus::BadName => "Bad file name",
            FileStatus::Failed if self.words.is_empty() => "Input/output error",
            FileStatus::Failed => &self.words,
        };
        Some(words.into())
    }
}
