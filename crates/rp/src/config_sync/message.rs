//! What the two route processors say to each other about configuration.

use crate::files::{FileAnswer, FileRequest};
use alloc::string::String;
use alloc::vec::Vec;
use config::FailureClass;
use redundancy::SwitchoverRecord;

/// A message; one without a body is none.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigSyncMessage {
    /// What it says.
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    pub body: Option<Body>,
}

/// What a message says.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Body {
    /// Active to standby: keep this startup configuration.
    #[prost(message, tag = "1")]
    Startup(Startup),
    /// Standby to active: what has come of writing the startup configuration.
    #[prost(message, tag = "2")]
    StartupStored(StartupStored),
    /// Standby to active: how far it is with commands.
    #[prost(message, tag = "3")]
    Executed(Executed),
    /// Active to standby: a bulk begins, and this is how far the active is with commands.
    #[prost(message, tag = "4")]
    BulkBegins(Executed),
    /// Standby to active: commands that did not come to the same result. It acknowledges nothing until it is told to.
    #[prost(message, tag = "5")]
    Failures(Failures),
    /// Active to standby: the differences of the report with this number, and those before, may stay.
    #[prost(uint64, tag = "6")]
    Accepted(u64),
    /// Active to standby: do something with a file of yours.
    #[prost(message, tag = "7")]
    FileRequest(FileRequest),
    /// Standby to active: how that went.
    #[prost(message, tag = "8")]
    FileAnswer(FileAnswer),
}

/// Commands that did not come to the same result on the standby as on the active.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Failures {
    /// Number of the report.
    #[prost(uint64, tag = "1")]
    pub report: u64,
    /// Whether they were found in a bulk; else line by line.
    #[prost(bool, tag = "2")]
    pub bulk: bool,
    /// The commands; the first ones when they are very many.
    #[prost(message, repeated, tag = "3")]
    pub commands: Vec<FailedCommand>,
    /// How many there are.
    #[prost(uint64, tag = "4")]
    pub total: u64,
}

/// A command that did not come to the same result.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FailedCommand {
    /// What failed: 1 the standby does not know it, 2 its result differs, 3 its return code differs.
    #[prost(uint32, tag = "1")]
    pub class: u32,
    /// The line that leads to its mode; empty for global configuration.
    #[prost(string, tag = "2")]
    pub mode_path: String,
    /// Its canonical text.
    #[prost(string, tag = "3")]
    pub text: String,
    /// Parser return code of the active.
    #[prost(uint32, tag = "4")]
    pub active_code: u32,
    /// Parser return code of the standby.
    #[prost(uint32, tag = "5")]
    pub standby_code: u32,
}

impl FailedCommand {
    /// What failed; `None` for a number without meaning.
    pub fn failure_class(&self) -> Option<FailureClass> {
        match self.class {
            1 => Some(FailureClass::Mcl),
            2 => Some(FailureClass::Bem),
            3 => Some(FailureClass::Prc),
            _ => None,
        }
    }

    /// The number of a class.
    pub const fn class_number(class: FailureClass) -> u32 {
        match class {
            FailureClass::Mcl => 1,
            FailureClass::Bem => 2,
            FailureClass::Prc => 3,
        }
    }
}

/// A startup configuration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Startup {
    /// All of it.
    #[prost(string, tag = "1")]
    pub text: String,
    /// The active's configuration register for its next boot.
    #[prost(uint32, tag = "2")]
    pub next_register: u32,
    /// The switchovers so far, oldest first.
    #[prost(message, repeated, tag = "3")]
    pub switchovers: Vec<SwitchoverRecord>,
}

/// What has come of writing the startup configuration to the standby's NVRAM.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StartupStored {
    /// Digest of the text.
    #[prost(fixed64, tag = "1")]
    pub digest: u64,
    /// Its length in bytes.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// Why it is not there; empty: it is.
    #[prost(string, tag = "3")]
    pub error: String,
    /// Tries that have failed.
    #[prost(uint32, tag = "4")]
    pub failures: u32,
    /// Time until the next try, in milliseconds; 0 when it is there.
    #[prost(uint64, tag = "5")]
    pub retry_ms: u64,
}

/// How far the standby is with the commands of the configuration.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Executed {
    /// Number of the last command.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// Digest of the configuration after it.
    #[prost(fixed64, tag = "2")]
    pub tree_digest: u64,
}
