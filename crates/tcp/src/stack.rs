//! One socket on an interface of its own, in numbers and addresses of its own.

use alloc::vec;
use alloc::vec::Vec;
use machine::Instant;
use packet::ipv4;
use packet::tcp::{HEADER_LEN, Packet};
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint, IpListenEndpoint};

/// The stack sees these two hosts, whatever the family and addresses of the session are.
const LOCAL: IpAddress = IpAddress::v4(10, 0, 0, 1);
const REMOTE: IpAddress = IpAddress::v4(10, 0, 0, 2);
/// The header that the stack gets before each segment; checksums are not looked at.
const HEADER: [u8; ipv4::HEADER_LEN] = [
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
];
/// Packets that one poll takes from a stack at most: more than its largest buffer holds.
const POLLS_MAX: usize = 1024;

/// What the stack sees as its network.
struct Pipe<'a> {
    incoming: Option<&'a [u8]>,
    outgoing: &'a mut Vec<Vec<u8>>,
    mtu: usize,
}

struct Incoming<'a>(&'a [u8]);
struct Outgoing<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Pipe<'_> {
    type RxToken<'a>
        = Incoming<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Outgoing<'a>
    where
        Self: 'a;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        let packet = self.incoming.take()?;
        Some((Incoming(packet), Outgoing(self.outgoing)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_nanos() / 1_000).unwrap_or(i64::MAX))
}

/// A TCP socket with its interface. Its numbers are its own: [`crate::session`] translates.
pub(crate) struct Stack {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    /// What the stack has sent since [`Stack::take`].
    outgoing: Vec<Vec<u8>>,
    mtu: usize,
    buffer: usize,
}

impl Stack {
    /// A closed socket with buffers of `buffer` bytes each, that sends segments of `payload_max` bytes at most.
    pub fn new(now: Instant, buffer: usize, payload_max: usize, random_seed: u64) -> Stack {
        let mut outgoing = Vec::new();
        let mtu = payload_max + HEADER_LEN + ipv4::HEADER_LEN;
        let mut pipe = Pipe {
            incoming: None,
            outgoing: &mut outgoing,
            mtu,
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = random_seed;
        let mut interface = Interface::new(config, &mut pipe, time(now));
        interface.update_ip_addrs(|addresses| {
            let pushed = addresses.push(IpCidr::new(LOCAL, 24));
            pushed.expect("an interface has room for an address");
        });
        let ring = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(ring(), ring());
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(CongestionControl::Reno);
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        Stack {
            interface,
            sockets,
            handle,
            outgoing,
            mtu,
            buffer,
        }
    }

    fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// Starts to connect. Ports are not zero.
    pub fn connect(&mut self, local_port: u16, remote_port: u16) {
        let socket = self.sockets.get_mut::<Socket<'static>>(self.handle);
        let local = IpListenEndpoint {
            addr: Some(LOCAL),
            port: local_port,
        };
        let remote = IpEndpoint::new(REMOTE, remote_port);
        socket
            .connect(self.interface.context(), remote, local)
            .expect("a closed socket connects between two hosts");
    }

    /// Waits for a SYN. The port is not zero.
    pub fn listen(&mut self, port: u16) {
        self.socket_mut()
            .listen(port)
            .expect("a closed socket listens at a port");
    }

    /// Feeds a segment that is preceded by room for an IPv4 header: `packet` starts with that room.
    pub fn feed(&mut self, now: Instant, packet: &[u8]) {
        let mut pipe = Pipe {
            incoming: Some(packet),
            outgoing: &mut self.outgoing,
            mtu: self.mtu,
        };
        self.interface
            .poll_ingress_single(time(now), &mut pipe, &mut self.sockets);
    }

    /// Lets the stack send what it has to send now.
    pub fn poll(&mut self, now: Instant) {
        let mut pipe = Pipe {
            incoming: None,
            outgoing: &mut self.outgoing,
            mtu: self.mtu,
        };
        for _ in 0..POLLS_MAX {
            match self
                .interface
                .poll_egress(time(now), &mut pipe, &mut self.sockets)
            {
                PollResult::None => break,
                PollResult::SocketStateChanged => {}
            }
        }
    }

    /// When it wants to be polled.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        let at = self.interface.poll_at(time(now), &self.sockets)?;
        let micros = u64::try_from(at.total_micros()).unwrap_or(0);
        Some(Instant::from_nanos(micros.saturating_mul(1_000)))
    }

    /// Takes the packets that it has sent.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.outgoing)
    }

    /// Bytes of each buffer.
    pub fn buffer(&self) -> usize {
        self.buffer
    }

    /// By how many bits its windows are shifted, when it does so.
    pub fn window_shift(&self) -> u32 {
        (usize::BITS - self.buffer.leading_zeros()).saturating_sub(16)
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.socket().state()
    }

    /// Queues bytes; returns how many fit.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        // A socket that may not send takes nothing.
        self.socket_mut().send_slice(bytes).unwrap_or(0)
    }

    /// Bytes queued and not acknowledged.
    pub fn send_queue(&self) -> usize {
        self.socket().send_queue()
    }

    /// Bytes received in order that [`Stack::discard`] has not taken.
    pub fn receive_queue(&self) -> usize {
        self.socket().recv_queue()
    }

    /// Appends the received bytes after the first `skip` to `out`; they stay where they are.
    pub fn peek(&mut self, skip: usize, out: &mut Vec<u8>) {
        let queued = self.receive_queue();
        let mut all = vec![0; queued];
        let read = self.socket_mut().peek_slice(&mut all).unwrap_or(0);
        out.extend_from_slice(&all[skip.min(read)..read]);
    }

    /// Takes `length` received bytes out, which opens the window.
    pub fn discard(&mut self, mut length: usize) {
        while length > 0 {
            let taken = self.socket_mut().recv(|bytes| {
                let taken = bytes.len().min(length);
                (taken, taken)
            });
            match taken {
                Ok(taken @ 1..) => length -= taken,
                _ => break,
            }
        }
    }

    /// Sends a FIN after what is queued.
    pub fn close(&mut self) {
        self.socket_mut().close();
    }
}

/// Writes the stack's own IP header for `segment_len` bytes into the last bytes of `room`.
pub(crate) fn write_header(room: &mut [u8], segment_len: usize) {
    let at = room.len() - HEADER.len();
    let header = &mut room[at..];
    header.copy_from_slice(&HEADER);
    // A segment came in an IP packet and is no longer than that was.
    let length = (HEADER.len() + segment_len) as u16;
    header[2..4].copy_from_slice(&length.to_be_bytes());
}

/// The segment in a packet that the stack sent.
pub(crate) fn segment_of(packet: &[u8]) -> Packet<&[u8]> {
    let segment = packet.get(ipv4::HEADER_LEN..).unwrap_or_default();
    Packet::new_checked(segment).expect("a stack sends whole segments")
}
