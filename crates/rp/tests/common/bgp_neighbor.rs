//! A BGP neighbour on the network of Ethernet0/0: ARP, TCP, and as much of BGP as a script needs.
#![allow(dead_code, reason = "each test file uses a part of it")]

use machine::{Duration, Instant, Machine, Outbox, Seed};
use packet::arp::{self, Operation};
use packet::bgp::{
    AfiSafi, Capability, Context, GracefulRestart, Kind, OpenRepr, Update, keepalive, split, update_v4,
    withdraw_v4,
};
use packet::ethernet::{self, EtherType};
use packet::{Ipv4Addr, MacAddress, Prefix, V4};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tcp::{ConnectionKey, ConnectionOptions, Endpoint, Listener, Sessions, TcpInput, TcpOutput};

/// The router's address on that network.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Its AS.
pub const ROUTER_AS: u32 = 65_000;
const HOLD_TIME_S: u16 = 90;

/// Waits for the router to connect, and agrees to whatever it says.
pub struct Neighbor {
    pub address: Ipv4Addr,
    /// Whose ARP it answers: a gateway's, if it is behind one.
    gateway: Ipv4Addr,
    pub as_number: u32,
    /// It helps a router that restarts (RFC 4724).
    pub is_graceful: bool,
    mac: MacAddress,
    router_mac: MacAddress,
    tcp: Sessions,
    connection: Option<ConnectionKey>,
    pub is_established: bool,
    /// Sessions that were established, and that have ended.
    pub established: u32,
    pub lost: u32,
    /// UPDATEs of all sessions, and what they have told.
    pub updates: u32,
    pub routes: BTreeSet<Prefix<V4>>,
    /// MULTI_EXIT_DISC of those that have one.
    pub metrics: BTreeMap<Prefix<V4>, u32>,
    /// Prefixes that were withdrawn.
    pub withdrawals: usize,
    next_keepalive: Instant,
    /// Connections to the router over which it says nothing, and how many of them the router has ended.
    mute: BTreeSet<ConnectionKey>,
    pub mute_ended: u32,
    /// On their way to the router.
    pub frames: Vec<Vec<u8>>,
}

impl Neighbor {
    /// The neighbour with this number in its address, and in its AS.
    pub fn new(number: u8, router_mac: MacAddress) -> Neighbor {
        Neighbor::at(Ipv4Addr::new(10, 0, 0, number), number, router_mac)
    }

    /// The neighbour with this address behind the gateway with this number.
    pub fn behind(number: u8, address: Ipv4Addr, router_mac: MacAddress) -> Neighbor {
        let gateway = Ipv4Addr::new(10, 0, 0, number);
        Neighbor {
            gateway,
            ..Neighbor::at(address, number, router_mac)
        }
    }

    fn at(address: Ipv4Addr, number: u8, router_mac: MacAddress) -> Neighbor {
        let mut tcp = Sessions::new();
        tcp.activate(Seed::new(u64::from(number)), &mut Outbox::new());
        let listener = Listener {
            local: Endpoint::new(address, packet::bgp::PORT),
            remote: IpAddr::V4(ROUTER),
            options: ConnectionOptions::default(),
        };
        tcp.listen(listener).expect("an address of its own");
        Neighbor {
            address,
            gateway: address,
            as_number: ROUTER_AS + u32::from(number),
            is_graceful: false,
            mac: MacAddress([2, 0, 0, 9, 0, number]),
            router_mac,
            tcp,
            connection: None,
            is_established: false,
            established: 0,
            lost: 0,
            updates: 0,
            routes: BTreeSet::new(),
            metrics: BTreeMap::new(),
            withdrawals: 0,
            next_keepalive: Instant::ZERO,
            mute: BTreeSet::new(),
            mute_ended: 0,
            frames: Vec::new(),
        }
    }

    /// A frame of the router is on the wire.
    pub fn hear(&mut self, now: Instant, frame: &[u8]) {
        let Ok(ethernet) = ethernet::Frame::new_checked(frame) else {
            return;
        };
        if ethernet.ether_type() == EtherType::ARP {
            let packet = arp::Packet::new_checked(ethernet.payload()).ok();
            let request = packet.and_then(|packet| arp::Repr::parse(&packet).ok());
            let is_asked = |request: &arp::Repr| {
                request.operation == Operation::Request && request.target_address == self.gateway
            };
            if let Some(request) = request.filter(is_asked) {
                let mut answer = vec![0; arp::PACKET_LEN];
                request.reply(self.mac).emit(&mut answer);
                self.put(EtherType::ARP, &answer);
            }
        } else if ethernet.destination() == self.mac {
            let mut out = Outbox::new();
            self.tcp
                .handle(now, TcpInput::Packet(ethernet.payload().to_vec()), &mut out);
            self.pump(now, out);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        let mut out = Outbox::new();
        self.tcp.expire(now, &mut out);
        self.pump(now, out);
        if self.is_established && self.next_keepalive <= now {
            self.next_keepalive = now + Duration::from_secs(u64::from(HOLD_TIME_S) / 3);
            let mut bytes = Vec::new();
            keepalive(&mut bytes);
            self.say(now, &bytes);
        }
    }

    /// Opens a connection to the router; `is_mute`: one over which it says nothing.
    pub fn connect(&mut self, now: Instant, is_mute: bool) {
        let router = Endpoint::new(ROUTER, packet::bgp::PORT);
        let mut out = Outbox::new();
        let options = ConnectionOptions::default();
        let own = IpAddr::V4(self.address);
        let key = self.tcp.connect(now, own, router, options, &mut out);
        let key = key.expect("an address and a port of its own");
        if is_mute {
            self.mute.insert(key);
        }
        self.pump(now, out);
    }

    /// The networks that it was told of, as text.
    pub fn routes_told(&self) -> Vec<String> {
        self.routes.iter().map(Prefix::to_string).collect()
    }

    /// Announces a network of its own.
    pub fn announce(&mut self, now: Instant, prefix: &str) {
        self.announce_by(now, prefix, self.address);
    }

    /// The same for a network that is reached by another router.
    pub fn announce_by(&mut self, now: Instant, prefix: &str, next_hop: Ipv4Addr) {
        let prefix: Prefix<V4> = prefix.parse().expect("a prefix");
        let attributes = bgp_attributes(self.as_number, next_hop);
        let mut bytes = Vec::new();
        let mut prefixes = [prefix].into_iter().peekable();
        update_v4(&attributes, &mut prefixes, 4096, &mut bytes);
        self.say(now, &bytes);
    }

    /// Takes a network of its own back.
    pub fn withdraw(&mut self, now: Instant, prefix: &str) {
        let prefix: Prefix<V4> = prefix.parse().expect("a prefix");
        let mut bytes = Vec::new();
        withdraw_v4(&mut [prefix].into_iter().peekable(), 4096, &mut bytes);
        self.say(now, &bytes);
    }

    /// Says that this was all.
    pub fn end_of_rib(&mut self, now: Instant) {
        let mut bytes = vec![0xff; 16];
        bytes.extend_from_slice(&[0, 23, 2, 0, 0, 0, 0]);
        self.say(now, &bytes);
    }

    fn put(&mut self, ether_type: EtherType, body: &[u8]) {
        let mut frame = vec![0; ethernet::HEADER_LEN];
        ethernet::Repr {
            destination: self.router_mac,
            source: self.mac,
            ether_type,
        }
        .emit(&mut frame);
        frame.extend_from_slice(body);
        self.frames.push(frame);
    }

    fn say(&mut self, now: Instant, bytes: &[u8]) {
        let Some(key) = self.connection else {
            return;
        };
        let mut out = Outbox::new();
        let written = self.tcp.write(now, &key, bytes, &mut out);
        assert_eq!(written, Ok(bytes.len()), "a script says little");
        self.pump(now, out);
    }

    fn pump(&mut self, now: Instant, mut out: Outbox<TcpOutput>) {
        for (_, output) in out.drain().collect::<Vec<_>>() {
            match output {
                TcpOutput::Packet(packet) => self.put(EtherType::IPV4, &packet),
                TcpOutput::Opened { connection, .. } if self.mute.contains(&connection) => {}
                TcpOutput::Opened { connection, .. } => {
                    self.ended();
                    self.connection = Some(connection);
                    self.open(now);
                }
                TcpOutput::Received { connection } => self.read(now, connection),
                TcpOutput::PeerClosed { connection } => {
                    let mut out = Outbox::new();
                    self.tcp.close(now, &connection, &mut out);
                    self.pump(now, out);
                    self.gone(connection);
                }
                TcpOutput::Closed { connection, .. } => self.gone(connection),
                _ => {}
            }
        }
    }

    fn gone(&mut self, connection: ConnectionKey) {
        self.mute_ended += u32::from(self.mute.remove(&connection));
        if self.connection == Some(connection) {
            self.ended();
        }
    }

    fn ended(&mut self) {
        self.connection = None;
        self.lost += u32::from(core::mem::take(&mut self.is_established));
        self.routes.clear();
        self.metrics.clear();
    }

    fn open(&mut self, now: Instant) {
        let mut capabilities = Vec::new();
        if self.is_graceful {
            let families = [(AfiSafi::IPV4_UNICAST, true)];
            GracefulRestart::emit(false, false, 120, &families, &mut capabilities);
        }
        Capability::Multiprotocol(AfiSafi::IPV4_UNICAST).emit(&mut capabilities);
        Capability::FourOctetAs(self.as_number).emit(&mut capabilities);
        let open = OpenRepr {
            as_number: self.as_number,
            hold_time_s: HOLD_TIME_S,
            identifier: self.address,
            capabilities: &capabilities,
        };
        let mut bytes = Vec::new();
        open.emit(&mut bytes);
        self.say(now, &bytes);
    }

    fn read(&mut self, now: Instant, connection: ConnectionKey) {
        let bytes = self.tcp.received(&connection).to_vec();
        let mut consumed = 0;
        while let Ok(Some(message)) = split(&bytes[consumed..], 4096) {
            consumed += message.bytes.len();
            match message.kind {
                Kind::Open => {
                    let mut bytes = Vec::new();
                    keepalive(&mut bytes);
                    self.say(now, &bytes);
                }
                Kind::Keepalive if !self.is_established => {
                    self.is_established = true;
                    self.established += 1;
                    self.next_keepalive = now + Duration::from_secs(u64::from(HOLD_TIME_S) / 3);
                }
                Kind::Update => self.learn(message.body),
                _ => {}
            }
        }
        let mut out = Outbox::new();
        self.tcp.consume(now, &connection, consumed, &mut out);
        self.pump(now, out);
    }

    fn learn(&mut self, body: &[u8]) {
        self.updates += 1;
        let context = Context {
            four_octet_as: true,
            internal: false,
            confederation: false,
            first_as: None,
            ipv4: true,
            ipv6: false,
        };
        let update = Update::parse(body).expect("an UPDATE of the router");
        let reading = update.read(&context).expect("an UPDATE of the router");
        for prefix in reading.withdrawn {
            self.withdrawals += 1;
            self.routes.remove(&prefix);
            self.metrics.remove(&prefix);
        }
        for prefix in reading.reachable {
            self.routes.insert(prefix);
            self.metrics.remove(&prefix);
            let metric = reading.attributes.multi_exit_discriminator;
            self.metrics.extend(metric.map(|metric| (prefix, metric)));
        }
    }
}

/// ORIGIN, AS_PATH and NEXT_HOP of a network of the neighbour's own, in canonical form.
fn bgp_attributes(as_number: u32, next_hop: Ipv4Addr) -> Vec<u8> {
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2, 6, 2, 1];
    attributes.extend_from_slice(&as_number.to_be_bytes());
    attributes.extend_from_slice(&[0x40, 3, 4]);
    attributes.extend_from_slice(&next_hop.octets());
    attributes
}
