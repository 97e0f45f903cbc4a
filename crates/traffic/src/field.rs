//! Everything outside the router at once: hosts, each on a wire of its own, and the streams between them.
//!
//! ```text
//!   wire 0 ──── host ─┐                ┌─ host ──── wire 1
//!                     ├─ flows, meters ┤
//!   wire 2 ──── host ─┘    probers     └─ host ──── wire 3
//! ```
//!
//! Contract: as a machine of its own kind, because frames must not be copied into inputs and outputs:
//! [`Field::receive`] for every frame, [`Field::expire`] at or after [`Field::next_deadline`], frames leave through
//! [`Wires`]. Sender and receiver share one clock, which is why ways and gaps can be told.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

use machine::{Deadline, Instant, earliest};
use packet::{Address, ipv4};

use crate::flow::{Flow, Prober, StreamConfig};
use crate::host::{Delivery, FrameSink, Host, HostConfig, SendStatus};
use crate::payload::{Kind, Payload};

/// Hosts that a field has at most.
pub const HOSTS_MAX: usize = 64;
/// Flows and probers together that a field has at most.
pub const STREAMS_MAX: usize = 256;
/// Packets that one stream sends in one go, so that none starves the others.
const BURST_MAX: usize = 4096;
/// ICMP type of an echo request.
const ECHO_REQUEST: u8 = 8;

/// The wires of a field, by the number of the host that is attached.
pub trait Wires {
    /// Offers one whole Ethernet frame to the wire of host `host`.
    fn send(&mut self, host: usize, frame: &[u8]) -> SendStatus;
}

/// Why something cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// No host has this name or address.
    NoSuchHost(String),
    /// A host with this name exists.
    HostExists(String),
    /// [`HOSTS_MAX`] or [`STREAMS_MAX`] is reached.
    Full(&'static str),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::NoSuchHost(name) => write!(f, "there is no host '{name}'"),
            FieldError::HostExists(name) => write!(f, "there is a host '{name}' already"),
            FieldError::Full(what) => write!(f, "there is no room for another {what}"),
        }
    }
}

impl core::error::Error for FieldError {}

/// All hosts and streams. See the module for the contract.
#[derive(Clone, Debug, Default)]
pub struct Field {
    hosts: Vec<Host>,
    streams: BTreeMap<u32, Stream>,
    next_number: u32,
    /// Test packets that arrived for no stream of the field.
    strays: u64,
}

#[derive(Clone, Debug)]
struct Stream {
    from: usize,
    kind: StreamKind,
}

#[derive(Clone, Debug)]
enum StreamKind {
    Flow { flow: Flow, to: usize },
    Prober(Prober),
}

/// One host's wire.
struct Port<'a, W> {
    wires: &'a mut W,
    host: usize,
}

impl<W: Wires> FrameSink for Port<'_, W> {
    fn send(&mut self, frame: &[u8]) -> SendStatus {
        self.wires.send(self.host, frame)
    }
}

impl Field {
    /// A field with nobody on it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host; its number, which is also that of its wire, counts up from 0.
    ///
    /// # Errors
    /// [`FieldError`] when the name is taken or there is no room.
    pub fn add_host(&mut self, now: Instant, config: HostConfig) -> Result<usize, FieldError> {
        if self.hosts.iter().any(|host| host.config().name == config.name) {
            return Err(FieldError::HostExists(config.name));
        }
        if self.hosts.len() >= HOSTS_MAX {
            return Err(FieldError::Full("host"));
        }
        self.hosts.push(Host::new(now, config));
        Ok(self.hosts.len() - 1)
    }

    /// The hosts, by number.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The number of the host with this name.
    ///
    /// # Errors
    /// [`FieldError::NoSuchHost`].
    pub fn host_named(&self, name: &str) -> Result<usize, FieldError> {
        let position = self.hosts.iter().position(|host| host.config().name == name);
        position.ok_or_else(|| FieldError::NoSuchHost(name.into()))
    }

    /// Starts a stream of datagrams from one host to another; returns its number.
    ///
    /// # Errors
    /// [`FieldError::Full`].
    ///
    /// # Panics
    /// When a host does not exist.
    pub fn start_flow(
        &mut self,
        now: Instant,
        from: usize,
        to: usize,
        per_second: u64,
        frame_len: usize,
    ) -> Result<u32, FieldError> {
        let destination = self.hosts[to].config().address.address();
        assert!(from < self.hosts.len(), "a flow starts at a host");
        let config = StreamConfig {
            destination,
            per_second,
            frame_len,
        };
        self.add_stream(from, |number| StreamKind::Flow {
            flow: Flow::new(number, now, config),
            to,
        })
    }

    /// Starts a series of echo requests; returns its number.
    ///
    /// # Errors
    /// [`FieldError::Full`].
    ///
    /// # Panics
    /// When the host does not exist.
    pub fn start_prober(
        &mut self,
        now: Instant,
        from: usize,
        config: StreamConfig,
    ) -> Result<u32, FieldError> {
        assert!(from < self.hosts.len(), "a prober sits on a host");
        self.add_stream(from, |number| {
            StreamKind::Prober(Prober::new(number, now, config))
        })
    }

    /// The flow with this number.
    pub fn flow_mut(&mut self, number: u32) -> Option<&mut Flow> {
        match &mut self.streams.get_mut(&number)?.kind {
            StreamKind::Flow { flow, .. } => Some(flow),
            StreamKind::Prober(_) => None,
        }
    }

    /// The prober with this number.
    pub fn prober_mut(&mut self, number: u32) -> Option<&mut Prober> {
        match &mut self.streams.get_mut(&number)?.kind {
            StreamKind::Flow { .. } => None,
            StreamKind::Prober(prober) => Some(prober),
        }
    }

    /// All flows: number, sending and receiving host, flow.
    pub fn flows(&self) -> impl Iterator<Item = (u32, usize, usize, &Flow)> {
        self.streams
            .iter()
            .filter_map(|(number, stream)| match &stream.kind {
                StreamKind::Flow { flow, to } => Some((*number, stream.from, *to, flow)),
                StreamKind::Prober(_) => None,
            })
    }

    /// All probers: number, host, prober.
    pub fn probers(&self) -> impl Iterator<Item = (u32, usize, &Prober)> {
        self.streams
            .iter()
            .filter_map(|(number, stream)| match &stream.kind {
                StreamKind::Flow { .. } => None,
                StreamKind::Prober(prober) => Some((*number, stream.from, prober)),
            })
    }

    /// Forgets a stream and its account; whether it existed. What is on its way becomes a stray.
    pub fn remove_stream(&mut self, number: u32) -> bool {
        self.streams.remove(&number).is_some()
    }

    /// Test packets that arrived but belong to no stream, or at a host that is not their receiver.
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// Takes one frame from the wire of host `host`.
    ///
    /// # Panics
    /// When the host does not exist.
    pub fn receive(&mut self, now: Instant, host: usize, frame: &[u8], wires: &mut impl Wires) {
        let Self {
            hosts,
            streams,
            strays,
            ..
        } = self;
        hosts[host].receive(now, frame, &mut Port { wires, host }, |delivery| {
            *strays += u64::from(!account(streams, now, host, delivery));
        });
    }

    /// Does what is due at `now`: sends of all streams, and the hosts' own requests.
    pub fn expire(&mut self, now: Instant, wires: &mut impl Wires) {
        for (host, machine) in self.hosts.iter_mut().enumerate() {
            machine.expire(now, &mut Port { wires, host });
        }
        for stream in self.streams.values_mut() {
            let host = stream.from;
            let mut port = Port { wires, host };
            match &mut stream.kind {
                StreamKind::Flow { flow, .. } => {
                    flow.send_due(now, &mut self.hosts[host], &mut port, BURST_MAX);
                }
                StreamKind::Prober(prober) => {
                    prober.send_due(now, &mut self.hosts[host], &mut port, BURST_MAX);
                }
            }
        }
        // A stream's first packet may have begun the search for its next hop.
        for (host, machine) in self.hosts.iter_mut().enumerate() {
            machine.expire(now, &mut Port { wires, host });
        }
    }

    /// When [`Field::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let hosts = self.hosts.iter().map(Host::next_deadline);
        let streams = self.streams.values().map(|stream| match &stream.kind {
            StreamKind::Flow { flow, .. } => flow.next_deadline(),
            StreamKind::Prober(prober) => prober.next_deadline(),
        });
        hosts.chain(streams).fold(None, earliest)
    }

    fn add_stream(&mut self, from: usize, make: impl FnOnce(u32) -> StreamKind) -> Result<u32, FieldError> {
        if self.streams.len() >= STREAMS_MAX {
            return Err(FieldError::Full("stream"));
        }
        self.next_number += 1;
        self.streams.insert(
            self.next_number,
            Stream {
                from,
                kind: make(self.next_number),
            },
        );
        Ok(self.next_number)
    }
}

/// Ticks a delivery off in its stream's account; whether it had one.
fn account(streams: &mut BTreeMap<u32, Stream>, now: Instant, host: usize, delivery: Delivery<'_>) -> bool {
    match delivery {
        Delivery::Datagram { payload: bytes, .. } => {
            let Some(payload) = Payload::parse(bytes).filter(|payload| payload.kind == Kind::Flow) else {
                return false;
            };
            match streams.get_mut(&payload.stream).map(|stream| &mut stream.kind) {
                Some(StreamKind::Flow { flow, to }) if *to == host => {
                    flow.received(now, &payload, bytes);
                    true
                }
                _ => false,
            }
        }
        Delivery::EchoReply {
            source,
            identifier,
            payload: bytes,
        } => {
            let Some(payload) = Payload::parse(bytes).filter(|payload| payload.kind == Kind::Probe) else {
                return false;
            };
            match prober_at(streams, host, |number, _| number == payload.stream) {
                Some(prober) if prober.owns(identifier, source) => {
                    prober.answered(now, &payload, bytes);
                    true
                }
                _ => false,
            }
        }
        Delivery::Error { quoted } => match probe_in_error(quoted) {
            Some((identifier, destination)) => {
                match prober_at(streams, host, |_, prober| prober.owns(identifier, destination)) {
                    Some(prober) => {
                        prober.meter_mut().refused();
                        true
                    }
                    None => false,
                }
            }
            None => false,
        },
    }
}

/// The prober on `host` that `is_meant` recognises by its number and itself.
fn prober_at(
    streams: &mut BTreeMap<u32, Stream>,
    host: usize,
    is_meant: impl Fn(u32, &Prober) -> bool,
) -> Option<&mut Prober> {
    streams
        .iter_mut()
        .find_map(|(number, stream)| match &mut stream.kind {
            StreamKind::Prober(prober) if stream.from == host && is_meant(*number, prober) => Some(prober),
            _ => None,
        })
}

/// Identifier and destination of the echo request that an ICMP error quotes. Only the start of it is there, so its
/// lengths and checksums cannot be checked (RFC 792: the header and 64 bits).
fn probe_in_error(quoted: &[u8]) -> Option<(u16, Ipv4Addr)> {
    let header_len = usize::from(quoted.first()? & 0x0f) * 4;
    let destination: Ipv4Addr = Address::from_bytes(quoted.get(16..20)?)?;
    let message = quoted.get(header_len..)?;
    let identifier = message.get(4..6)?;
    let is_probe = quoted[0] >> 4 == 4 && quoted[9] == ipv4::Protocol::ICMP.0 && message[0] == ECHO_REQUEST;
    is_probe.then(|| (u16::from_be_bytes([identifier[0], identifier[1]]), destination))
}
