//! Which hosts there are.

use packet::MacAddress;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use traffic::host::HostConfig;

/// All hosts of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostsConfig {
    /// The hosts; names and wires are each used once.
    #[serde(default)]
    pub hosts: Vec<HostSpec>,
}

/// One host, as it stands in a chassis file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// How operators call it.
    pub name: String,
    /// The `mem` wire that it is attached to.
    pub wire: String,
    /// Its address with the length of its link's prefix, as in `10.0.1.2/24`.
    pub address: String,
    /// Its way to everything outside its link.
    #[serde(default)]
    pub gateway: Option<Ipv4Addr>,
    /// Its MAC address; if absent, a locally administered one is made of its place in the list.
    #[serde(default)]
    pub mac: Option<String>,
}

impl HostSpec {
    /// The host at place `index` of the list; the error names host and field.
    pub(super) fn to_host(&self, index: usize) -> Result<HostConfig, String> {
        let wrong =
            |field: &str, error: &dyn std::fmt::Display| format!("host '{}': {field}: {error}", self.name);
        let [high, low] = (index as u16).to_be_bytes();
        let mac = match &self.mac {
            Some(mac) => mac.parse().map_err(|error| wrong("mac", &error))?,
            None => MacAddress([0x02, 0x00, 0x5e, 0x68, high, low]),
        };
        if !mac.is_unicast() {
            return Err(wrong("mac", &format!("{mac} is no address of a single host")));
        }
        let address = self.address.parse().map_err(|error| wrong("address", &error))?;
        Ok(HostConfig {
            name: self.name.clone(),
            mac,
            address,
            gateway: self.gateway,
        })
    }
}
