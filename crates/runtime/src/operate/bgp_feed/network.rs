//! Two network namespaces joined by a veth pair: the neighbours' and the router's. Both are gone when this is dropped.

use super::FeedError;
use packet::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

/// The neighbours' network.
pub const PREFIX_LENGTH: u8 = 16;
/// The router's address.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 1);
/// The first neighbour's address; those of the others follow.
pub const FIRST_NEIGHBOR: Ipv4Addr = Ipv4Addr::new(10, 90, 1, 1);
/// The interface in either namespace.
pub const INTERFACE: &str = "eth0";

/// Who stands in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those who tell.
    Neighbors,
    /// Who is measured.
    Router,
}

/// The namespaces of one measurement.
pub struct Network {
    names: [String; 2],
}

/// What `ip` refuses is the system's refusal.
fn ip(arguments: &str) -> Result<(), FeedError> {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| FeedError::System("run 'ip' (package iproute2)", error))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(FeedError::System(
        "make network namespaces",
        std::io::Error::other(format!("ip {arguments}: {why}")),
    ))
}

impl Network {
    /// Makes them. The router's end of the cable has an address only when the kernel's stack is to answer there.
    ///
    /// # Errors
    /// Without root, and without `ip`.
    pub fn make(neighbors: u32, kernel_answers: bool) -> Result<Network, FeedError> {
        let names =
            ["neighbors", "router"].map(|role| format!("holdover-feed-{role}-{}", std::process::id()));
        let network = Network { names };
        let [neighbors_name, router_name] = &network.names;
        ip(&format!("netns add {neighbors_name}"))?;
        ip(&format!("netns add {router_name}"))?;
        ip(&format!(
            "link add {INTERFACE} netns {router_name} type veth peer name {INTERFACE} netns {neighbors_name}"
        ))?;
        for name in &network.names {
            ip(&format!("-n {name} link set lo up"))?;
        }
        if kernel_answers {
            ip(&format!(
                "-n {router_name} address add {ROUTER}/{PREFIX_LENGTH} dev {INTERFACE}"
            ))?;
        }
        for number in 0..neighbors {
            let address = Ipv4Addr::from(u32::from(FIRST_NEIGHBOR) + number);
            ip(&format!(
                "-n {neighbors_name} address add {address}/{PREFIX_LENGTH} dev {INTERFACE}"
            ))?;
        }
        for name in &network.names {
            ip(&format!("-n {name} link set {INTERFACE} up"))?;
        }
        Ok(network)
    }

    /// The namespace's name.
    pub fn name(&self, side: Side) -> &str {
        let [neighbors, router] = &self.names;
        match side {
            Side::Neighbors => neighbors,
            Side::Router => router,
        }
    }

    /// A command that runs `program` in there, in the process that it is started as.
    pub fn command(&self, side: Side, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.name(side)]).arg(program);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            // One that was not made is not there.
            let _absent = Command::new("ip")
                .args(["netns", "delete", name])
                .stderr(Stdio::null())
                .status();
        }
    }
}
