//! What the two route processors say to each other about configuration.

use alloc::string::String;

/// A message; one without a body is none.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigSyncMessage {
    /// What it says.
    #[prost(oneof = "Body", tags = "1, 2, 3, 4")]
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
}

/// A startup configuration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Startup {
    /// All of it.
    #[prost(string, tag = "1")]
    pub text: String,
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
