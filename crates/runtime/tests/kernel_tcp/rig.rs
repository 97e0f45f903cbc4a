//! Many sessions at a time between the kernel and routers, each router with an address and a standby of its own:
//!
//! ```text
//!   kernel sockets ══ tun0 ══ this thread ── links (loss, delay, repeats) ── tcp::Sessions, standby
//! ```
//!
//! The router's clock runs with the kernel's, but a router that has nothing to do until a timer of its own is not waited
//! for: its clock jumps there. The kernel's timers take their time.

use crate::common::{Crash, Router, Weather, header_of, pattern, patterned};
use crate::kernel::{self, KernelOptions};
use machine::{Duration, Instant, Machine, Outbox, Seed};
use runtime::network_namespace::{self, Cable, Layer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use tcp::{CloseReason, ConnectionOptions, Endpoint, Listener, Sessions, TcpInput, TcpOutput};

/// The kernel's addresses.
pub const KERNEL_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
pub const KERNEL_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1));
const BGP: u16 = 179;
/// First of the ports at which the kernel waits for routers.
const PORT_MIN: u16 = 20_000;
/// A world in which nothing happens for so long has only timers to wait for.
const IDLE: Duration = Duration::from_millis(10);
/// Timers that are farther than this are waited for longer, [`PATIENT_IDLE`]: the kernel answers what it has answered before
/// only every half a second (`tcp_invalid_ratelimit`), and its clock is the real one.
const NEAR: Duration = Duration::from_secs(2);
const PATIENT_IDLE: Duration = Duration::from_millis(600);
/// After so long, what a test waits for will not come any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// A packet that is late is late by less than this.
const LATE_MAX_US: u64 = 3_000;

/// Address of router `number`, of the kernel's family.
pub fn router_address(kernel: IpAddr, number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    match kernel {
        IpAddr::V4(_) => Ipv4Addr::new(10, 99, high + 1, low).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 1, number).into(),
    }
}

/// Says that a test cannot run here. Not with the macro, whose output of a passing test is thrown away.
fn skipped(test: &str, reason: &dyn std::fmt::Display) {
    let line = format!("SKIPPED {test}: {reason}\n");
    std::io::stdout()
        .write_all(line.as_bytes())
        .expect("standard output");
}

/// What a session is to be like.
pub struct Plan {
    pub kernel: IpAddr,
    /// Whether the kernel opens it.
    pub passive: bool,
    pub options: ConnectionOptions,
    pub kernel_options: KernelOptions,
    /// Bytes from the router, and to it.
    pub bytes: [u64; 2],
    pub weather: Weather,
    pub seed: u64,
    pub message: usize,
    /// The crash that a turn ends with, counted from the one in which the session was established.
    /// It is also given how many there were.
    pub crash: Box<dyn Fn(u64, u32) -> Option<Crash>>,
    /// Who ends the session when all bytes are there.
    pub closer: Closer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closer {
    Nobody,
    Kernel,
    Router,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            kernel: KERNEL_V4,
            passive: false,
            options: ConnectionOptions::default(),
            kernel_options: KernelOptions::default(),
            bytes: [20_000, 30_000],
            weather: Weather::default(),
            seed: 1,
            message: 1,
            crash: Box::new(|_, _| None),
            closer: Closer::Nobody,
        }
    }
}

/// The kernel's end of a session.
#[derive(Default)]
pub struct KernelEnd {
    pub stream: Option<TcpStream>,
    listener: Option<TcpListener>,
    pub sent: u64,
    pub received: u64,
    pub stops_reading_at: Option<u64>,
    /// Nothing comes any more.
    pub ended: bool,
    closed: bool,
    pub error: Option<ErrorKind>,
}

/// One session, and all that there is around it.
pub struct World {
    /// Its place among all.
    pub number: usize,
    pub plan: Plan,
    pub router: Router,
    pub kernel: KernelEnd,
    /// All bytes were there at some time.
    pub complete: bool,
    opened_at: Option<u64>,
    in_flight: BTreeMap<(Instant, u64), (Direction, Vec<u8>)>,
    packets: u64,
    seed: Seed,
    /// How much the router's clock is ahead.
    pub skew: Duration,
    active_at: Instant,
    deaf: bool,
    last_window_to_router: Option<u16>,
    last_window_to_kernel: Option<u16>,
    /// The last packets that reached either end, for whoever looks at a failure.
    trace: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    ToRouter,
    ToKernel,
}

impl World {
    fn router_now(&self, now: Instant) -> Instant {
        now + self.skew
    }

    /// One turn of the router.
    pub fn ask(&mut self, now: Instant, work: impl FnOnce(&mut Sessions, &mut Outbox<TcpOutput>, Instant)) {
        let router_now = self.router_now(now);
        let packets = self
            .router
            .turn(router_now, |tcp, out| work(tcp, out, router_now));
        if self.opened_at.is_none() && self.router.seen.opened > 0 {
            self.opened_at = Some(self.router.turns);
        }
        for packet in packets {
            self.carry(now, Direction::ToKernel, packet);
        }
    }

    fn carry(&mut self, now: Instant, direction: Direction, packet: Vec<u8>) {
        match direction {
            Direction::ToKernel => self.deaf = false,
            Direction::ToRouter if self.deaf => return,
            Direction::ToRouter => {}
        }
        let weather = self.plan.weather;
        if self.seed.chance(weather.lost, 100) {
            return;
        }
        let copies = 1 + u64::from(self.seed.chance(weather.repeated, 100));
        for _ in 0..copies {
            let mut at = now;
            if self.seed.chance(weather.late, 100) {
                at += Duration::from_micros(self.seed.below(LATE_MAX_US));
            }
            self.packets += 1;
            self.in_flight
                .insert((at, self.packets), (direction, packet.clone()));
        }
    }

    /// Does all that is to be done now; whether there was anything.
    fn step(&mut self, now: Instant, cable: &Cable) -> bool {
        let mut busy = false;
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= now) {
            let (direction, packet) = entry.remove();
            busy = true;
            self.note(now, direction, &packet);
            match direction {
                // What the kernel's interface refuses is lost, as on any link.
                Direction::ToKernel => drop(cable.send(&packet)),
                Direction::ToRouter => self.deliver(now, packet),
            }
        }
        let due = self.router.tcp().next_deadline().map(|(at, _)| at);
        if due.is_some_and(|at| at <= self.router_now(now)) {
            // A takeover takes time, so one cannot follow another without any.
            self.router.crash = None;
            self.ask(now, |tcp, out, now| tcp.expire(now, out));
            busy = true;
        }
        busy |= self.serve_kernel();
        busy |= self.close(now);
        if busy {
            self.active_at = now;
        }
        busy
    }

    /// Does not wait for the router's timer when nothing else happens here.
    fn jump(&mut self, now: Instant) {
        let due = self.router.tcp().next_deadline().map(|(at, _)| at);
        let Some(at) = due.filter(|_| self.in_flight.is_empty()) else {
            return;
        };
        let idle_until = at.saturating_since(self.router_now(now));
        let idle = if idle_until > NEAR { PATIENT_IDLE } else { IDLE };
        if now >= self.active_at + idle {
            self.skew += idle_until;
            self.active_at = now;
        }
    }

    fn note(&mut self, now: Instant, direction: Direction, packet: &[u8]) {
        const NOTED: usize = 60;
        let header = header_of(packet);
        match direction {
            Direction::ToRouter => self.last_window_to_router = Some(header.window),
            Direction::ToKernel => self.last_window_to_kernel = Some(header.window),
        }
        let line = format!(
            "{now:?} {direction:?} {:02x} seq {} ack {} window {} length {} takeovers {}",
            header.flags.0,
            header.sequence,
            header.acknowledgement,
            header.window,
            packet.len(),
            self.router.takeovers
        );
        self.trace.push_back(line);
        if self.trace.len() > NOTED {
            self.trace.pop_front();
        }
    }

    /// Packets that were put onto the link.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// The kernel reads nothing, and neither end has room for more.
    pub fn is_stuck(&self) -> bool {
        let Some(key) = self.router.key else { return false };
        let closed = self.kernel.stops_reading_at == Some(self.kernel.received);
        closed && self.router.pair.active.0.room(&key) == 0 && self.last_window_to_router == Some(0)
    }

    /// The router has told the kernel that it takes no more.
    pub fn has_closed_its_window(&self) -> bool {
        self.router.key.is_some() && self.last_window_to_kernel == Some(0)
    }

    /// The router's active is gone, without any turn.
    pub fn take_over(&mut self, now: Instant) {
        let router_now = self.router_now(now);
        for packet in self.router.take_over(router_now) {
            self.carry(now, Direction::ToKernel, packet);
        }
    }

    /// Nothing reaches the router before it has sent something itself.
    pub fn deaf_until_probed(&mut self) {
        self.deaf = true;
    }

    /// Turns since the session was established.
    pub fn turns(&self) -> u64 {
        self.opened_at.map_or(0, |opened| self.router.turns - opened)
    }

    fn deliver(&mut self, now: Instant, packet: Vec<u8>) {
        let crash = |opened: u64| (self.plan.crash)(self.router.turns + 1 - opened, self.router.takeovers);
        self.router.crash = self.opened_at.and_then(crash);
        self.ask(now, |tcp, out, now| {
            tcp.handle(now, TcpInput::Packet(packet), out)
        });
    }

    /// Reads and writes what the kernel lets.
    fn serve_kernel(&mut self) -> bool {
        let end = &mut self.kernel;
        if end.stream.is_none()
            && let Some(listener) = &end.listener
            && let Ok((stream, _)) = listener.accept()
        {
            stream.set_nonblocking(true).expect("a socket");
            end.stream = Some(stream);
        }
        let (before, wanted) = ((end.sent, end.received, end.ended), self.plan.bytes[1]);
        if end.stream.is_some()
            && end.error.is_none()
            && let Err(error) = end.serve(wanted)
            && !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
        {
            end.error = Some(error.kind());
        }
        before != (end.sent, end.received, end.ended)
    }

    /// Goes on with the end of the session, once all bytes are there.
    fn close(&mut self, now: Instant) -> bool {
        self.complete = self.complete || self.is_complete();
        if !self.complete || self.plan.closer == Closer::Nobody {
            return false;
        }
        let kernel_closes = self.plan.closer == Closer::Kernel || self.kernel.ended;
        let router_closes = self.plan.closer == Closer::Router || self.router.seen.peer_closed > 0;
        let mut busy = false;
        if router_closes && !self.router.close_when_sent {
            self.router.close_when_sent = true;
            let key = self.router.key.expect("a session that carried bytes");
            self.router.crash = None;
            self.ask(now, |tcp, out, now| tcp.close(now, &key, out));
            busy = true;
        }
        if kernel_closes && !self.kernel.closed {
            self.kernel.closed = true;
            let stream = self.kernel.stream.as_ref().expect("a session that carried bytes");
            // It may have been reset meanwhile, which is looked at later.
            let _ = stream.shutdown(Shutdown::Write);
            busy = true;
        }
        busy
    }

    fn is_complete(&self) -> bool {
        if self.router.key.is_none() || self.kernel.stream.is_none() {
            return false;
        }
        let progress = self.router.progress();
        let [from_router, to_router] = self.plan.bytes;
        progress.acknowledged == from_router
            && progress.received == to_router
            && self.kernel.received == from_router
            && self.kernel.sent == to_router
    }

    /// Nothing is left to be done, the end of the session included.
    pub fn is_over(&self) -> bool {
        let gone = || self.router.pair.active.0.connections.is_empty() && self.kernel.ended;
        self.complete && (self.plan.closer == Closer::Nobody || gone())
    }

    /// Both ends saw one session, and no fault in it.
    pub fn assert_untouched(&self, name: &str) {
        let seen = &self.router.seen;
        let state = format!("{name}, {} takeovers: {seen:?}", self.router.takeovers);
        assert_eq!(seen.opened, 1, "{state}");
        // TIME-WAIT is no row: a FIN that comes again after it was lost with the active is for no session.
        let forgotten = self.router.takeovers > 0 && !seen.closed.is_empty();
        assert!(seen.resets_sent == 0 || forgotten, "{state}");
        assert_eq!(self.kernel.error, None, "{state}");
        // Who dies with the news has told it in vain; and a kernel that has forgotten the session resets it.
        let ends_well = match (self.plan.closer, self.router.takeovers) {
            (Closer::Nobody, _) => seen.closed.is_empty(),
            (_, 0) => seen.closed == [CloseReason::Finished],
            _ => seen
                .closed
                .iter()
                .all(|reason| matches!(reason, CloseReason::Finished | CloseReason::Reset)),
        };
        assert!(ends_well, "{state}");
    }
}

impl KernelEnd {
    fn serve(&mut self, to_send: u64) -> std::io::Result<()> {
        let stream = self.stream.as_mut().expect("a stream");
        while self.sent < to_send {
            let length = (to_send - self.sent).min(16 << 10) as usize;
            match stream.write(&patterned(self.sent, length)) {
                Ok(written) => self.sent += written as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let mut bytes = [0; 16 << 10];
        while !self.ended {
            let length = match self.stops_reading_at {
                Some(at) => at.saturating_sub(self.received).min(bytes.len() as u64) as usize,
                None => bytes.len(),
            };
            if length == 0 {
                break;
            }
            let read = stream.read(&mut bytes[..length])?;
            for (index, byte) in bytes[..read].iter().enumerate() {
                let place = self.received + index as u64;
                assert_eq!(*byte, pattern(place), "byte {place} of the stream to the kernel");
            }
            self.received += read as u64;
            self.ended = read == 0;
        }
        Ok(())
    }
}

/// The kernel in a namespace of its own, and all sessions with it.
pub struct Rig {
    cable: Cable,
    began: std::time::Instant,
    pub worlds: Vec<World>,
    index: BTreeMap<IpAddr, usize>,
}

impl Rig {
    /// Moves the calling thread into a namespace; `None`, after saying so, where that is not possible.
    pub fn new(test: &str) -> Option<Rig> {
        let make = || {
            network_namespace::enter_new()?;
            Cable::attach(Layer::Ip, "tun0")
        };
        let cable = match make() {
            Ok(cable) => cable,
            Err(reason) => {
                skipped(test, &reason);
                return None;
            }
        };
        network_namespace::set_address("tun0", KERNEL_V4, 16).expect("an address");
        network_namespace::set_up("tun0").expect("an interface");
        Some(Rig {
            cable,
            began: std::time::Instant::now(),
            worlds: Vec::new(),
            index: BTreeMap::new(),
        })
    }

    /// Gives the kernel an IPv6 address; false, after saying so, where it has no IPv6.
    pub fn with_ipv6(&self, test: &str) -> bool {
        let made = network_namespace::set_address("tun0", KERNEL_V6, 64);
        if let Err(reason) = &made {
            skipped(test, &format_args!("no IPv6 in this kernel: {reason}"));
            return false;
        }
        // The kernel finishes with a new address in the background.
        let end = self.now() + PATIENCE;
        while TcpListener::bind((KERNEL_V6, 0)).is_err() {
            assert!(
                self.now() < end,
                "the kernel does not take its IPv6 address into use"
            );
            std::thread::yield_now();
        }
        true
    }

    pub fn now(&self) -> Instant {
        Instant::from_nanos(1_000_000_000 + self.began.elapsed().as_nanos() as u64)
    }

    /// Adds a session and begins to open it.
    pub fn add(&mut self, plan: Plan) {
        let number = self.worlds.len() as u16;
        let address = router_address(plan.kernel, number);
        // It names the router in messages only.
        let mut router = Router::new(Ipv4Addr::from(u32::from(number)), plan.seed);
        router.to_send = plan.bytes[0];
        router.message = plan.message;
        let now = self.now();
        let mut world = World {
            number: self.worlds.len(),
            router,
            kernel: KernelEnd::default(),
            complete: false,
            opened_at: None,
            in_flight: BTreeMap::new(),
            packets: 0,
            seed: Seed::new(plan.seed),
            skew: Duration::ZERO,
            active_at: now,
            deaf: false,
            last_window_to_router: None,
            last_window_to_kernel: None,
            trace: VecDeque::new(),
            plan,
        };
        let plan = &world.plan;
        if plan.passive {
            let listener = Listener {
                local: Endpoint::new(address, BGP),
                remote: plan.kernel,
                options: plan.options.clone(),
            };
            world.router.tcp().listen(listener.clone()).expect("a listener");
            world.router.listener = Some(listener);
            let remote = SocketAddr::new(address, BGP);
            let stream = kernel::connect(plan.kernel, remote, &plan.kernel_options).expect("a socket");
            world.kernel.stream = Some(stream);
        } else {
            let local = SocketAddr::new(plan.kernel, PORT_MIN + number);
            let listener = kernel::listen(local, address, &plan.kernel_options).expect("a socket");
            world.kernel.listener = Some(listener);
            let (remote, options) = (Endpoint::new(plan.kernel, local.port()), plan.options.clone());
            world.ask(now, |tcp, out, now| {
                tcp.connect(now, address, remote, options, out)
                    .expect("an opening");
            });
        }
        self.index.insert(address, self.worlds.len());
        self.worlds.push(world);
    }

    fn take_from_kernel(&mut self) {
        let now = self.now();
        let mut buffer = [0; 2048];
        while let Some(length) = self.cable.receive(&mut buffer).expect("the cable") {
            let packet = &buffer[..length];
            let to = match packet[0] >> 4 {
                4 => IpAddr::from(<[u8; 4]>::try_from(&packet[16..20]).expect("four bytes")),
                _ => IpAddr::from(<[u8; 16]>::try_from(&packet[24..40]).expect("sixteen bytes")),
            };
            // What is for nobody is the kernel's own looking around.
            if let Some(index) = self.index.get(&to) {
                self.worlds[*index].carry(now, Direction::ToRouter, packet.to_vec());
            }
        }
    }

    /// Lets everything happen until `done` says so of every session.
    pub fn run(&mut self, what: &str, done: impl Fn(&World) -> bool) {
        let end = self.now() + PATIENCE;
        loop {
            self.take_from_kernel();
            let now = self.now();
            let mut busy = false;
            for world in &mut self.worlds {
                busy |= world.step(now, &self.cable);
            }
            if self.worlds.iter().all(&done) {
                return;
            }
            assert!(
                now < end,
                "waited in vain until {what}: {}",
                self.worlds
                    .iter()
                    .find(|world| !done(world))
                    .map(describe)
                    .unwrap_or_default()
            );
            if !busy {
                let fd = self.cable.fd();
                let wait = Timespec {
                    tv_sec: 0,
                    tv_nsec: 500_000,
                };
                // Nothing for anybody: whoever has waited long enough need not wait for its timer.
                if poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&wait)) == Ok(0) {
                    let now = self.now();
                    let waiting = self.worlds.iter_mut().filter(|world| !done(world));
                    waiting.for_each(|world| world.jump(now));
                }
            }
        }
    }

    /// Lets everything happen for a while.
    pub fn run_for(&mut self, duration: Duration) {
        let (began, end) = (self.began, self.now() + duration);
        self.run("time has passed", |_| {
            Instant::from_nanos(1_000_000_000 + began.elapsed().as_nanos() as u64) >= end
        });
    }
}

fn describe(world: &World) -> String {
    let key = world.router.key;
    let progress = key.map(|_| world.router.progress());
    format!(
        "router {} key {key:?} {progress:?} {:?} takeovers {} skew {:?}; kernel sent {} received {} ended {} error {:?} \
         info {:?}\n{}",
        world.router.address,
        world.router.seen,
        world.router.takeovers,
        world.skew,
        world.kernel.sent,
        world.kernel.received,
        world.kernel.ended,
        world.kernel.error,
        world.kernel.stream.as_ref().map(|stream| {
            let info = kernel::tcp_info(stream);
            (
                info.tcpi_state,
                info.tcpi_unacked,
                info.tcpi_retransmits,
                info.tcpi_rto,
                info.tcpi_rtt,
                info.tcpi_backoff,
                info.tcpi_probes,
            )
        }),
        world
            .trace
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}
