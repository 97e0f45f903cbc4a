//! The process of a line card: wires, fabric and RP links around one `linecard::LineCard`.
//!
//! One thread, one loop. Frames of one wire are taken in portions, copied once into a batch and forwarded from there, so
//! that a frame can leave by the very wire that it came in by. Nothing is allocated for a frame.
//!
//! ```text
//!   wait ─▶ RP links ─▶ wires, fabric (a portion each) ─▶ expire ─▶ flush
//! ```
//!
//! RP links come first in a round, because a new epoch's claim must not wait behind traffic; among them the newest,
//! because what an old epoch's link still holds when a higher one claims is to be dropped. Whether a hangup or a claim is
//! seen first, an answer and the word that its punt is consumed ([`RpMessage::PuntsConsumed`]) share one fate:
//!
//! - **Hangup first**: everything that the dead RP had sent is obeyed before its link counts as lost, however the loss shows
//!   itself (end of stream, reset, a write that fails). Nobody else has claimed yet: its epoch still holds.
//! - **Claim first**: nothing more is read from the old link. What was not read was not obeyed, neither answer nor
//!   consumption, and the punts that it was about go to the new RP.

#[cfg(test)]
mod tests;

use crate::clock;
use crate::crash::{self, CoreDumps, CrashConfig};
use crate::event_loop::{EventLoop, Interest, LoopSignal, Ready, Signals};
use crate::rp_process::IMAGE_VERSION;
use crate::stream::{Address, Filled, Listener, MessageStream};
use crate::wire::fabric::{Fabric, FabricEvent};
use crate::wire::{SendOutcome, Wire, WireSpec};
use chassis::message::{PuntReason, punt_head};
use chassis::{CardMessage, LinkId, RpMessage};
use linecard::{CardConfiguration, CloseReason, Limits, LineCard, PortHardware, Sink, Taken};
use machine::{CardSlot, Instant, PortId};
use packet::MacAddress;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// One port of a card.
#[derive(Clone, Debug)]
pub struct CardPort {
    /// What it is attached to.
    pub wire: WireSpec,
    /// Its own address on the wire.
    pub mac: MacAddress,
}

/// Where and as what a card runs.
#[derive(Clone, Debug)]
pub struct CardOptions {
    /// Its slot.
    pub slot: CardSlot,
    /// Sockets of the chassis.
    pub run_directory: PathBuf,
    /// Crash information.
    pub state_directory: PathBuf,
    /// Bytes that old crash dumps may take.
    pub crash_space_bytes_max: u64,
    /// Its ports, from port 0.
    pub ports: Vec<CardPort>,
    /// Slots of the other cards.
    pub peers: Vec<CardSlot>,
}

/// What `show platform` calls a card.
const MODEL: &str = "HOLDOVER-LC";
/// Frames taken from one wire in one round.
const FRAMES_PER_ROUND: usize = 64;
/// The longest message on an RP link.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that may wait for an RP: punts beyond it are counted as dropped.
const QUEUED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes read from one RP link in one round.
const READ_BUDGET: usize = 256 * 1024;

const TOKEN_SIGNALS: u64 = 1;
const TOKEN_LISTENER: u64 = 2;
const TOKEN_FABRIC: u64 = 3;
const TOKEN_WIRE: u64 = 1 << 8;
const TOKEN_LINK: u64 = 1 << 32;

/// Where the card in `slot` listens for route processors.
pub fn card_address(run_directory: &Path, slot: CardSlot) -> Address {
    Address::Unix(run_directory.join(format!("card-{slot}.sock")))
}

struct RpLink {
    stream: MessageStream,
    waits_for_write: bool,
    closing: Option<String>,
}

/// Frames on their way from a wire to the card.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    fn each(&mut self, mut visit: impl FnMut(&mut [u8])) {
        let mut start = 0;
        for end in &self.ends {
            visit(&mut self.bytes[start..*end]);
            start = *end;
        }
    }
}

/// All that a card writes to.
struct Io {
    slot: CardSlot,
    wires: Vec<Wire>,
    fabric: Fabric,
    links: BTreeMap<LinkId, RpLink>,
}

impl Io {
    fn flush(&mut self) {
        for wire in &mut self.wires {
            wire.flush();
        }
        self.fabric.flush();
    }
}

impl Sink for Io {
    fn transmit(&mut self, port: PortId, frame: &[u8]) -> Taken {
        match self
            .wires
            .get_mut(usize::from(port.port))
            .map(|wire| wire.send(frame))
        {
            Some(SendOutcome::Queued) => Taken::Queued,
            _ => Taken::Full,
        }
    }

    fn fabric(&mut self, port: PortId, frame: &[u8]) -> Taken {
        match self.fabric.send(port.card, u16::from(port.port), 0, frame) {
            SendOutcome::Queued => Taken::Queued,
            _ => Taken::Full,
        }
    }

    fn punt(&mut self, link: LinkId, port: PortId, reason: PuntReason, frame: &[u8]) -> Taken {
        let Some(link) = self.links.get_mut(&link) else {
            return Taken::Full;
        };
        let (kind, head) = punt_head(port, reason);
        match link.stream.send_parts(kind, &[&head, frame]) {
            Ok(()) => Taken::Queued,
            Err(_) => Taken::Full,
        }
    }

    fn send(&mut self, link: LinkId, message: CardMessage) {
        let Some(link) = self.links.get_mut(&link) else {
            return;
        };
        let (kind, body) = message.encode();
        if let Err(error) = link.stream.send(kind, &body) {
            // What an RP must know cannot be left out: it starts over with a new claim.
            link.closing = Some(error.to_string());
        }
    }

    fn close(&mut self, link: LinkId, reason: CloseReason) {
        if let Some(link) = self.links.get_mut(&link) {
            link.closing = Some(reason.to_string());
        }
    }
}

struct CardProcess {
    card: LineCard,
    io: Io,
    events: EventLoop,
    signals: Signals,
    listener: Listener,
    batch: Batch,
    link_up: Vec<bool>,
    /// By port: the interface that is waited for.
    missing: Vec<Option<String>>,
    last_link: u64,
    terminated: bool,
}

/// Runs a line card until it is told to stop.
///
/// # Errors
/// When a wire or a socket is not to be had; the text names it and what to do.
pub fn run(options: CardOptions) -> io::Result<()> {
    let crash_directory = crash::directory(&options.state_directory);
    std::fs::create_dir_all(&crash_directory)?;
    crash::install(CrashConfig {
        slot: options.slot.to_string(),
        directory: crash_directory,
        space_bytes_max: options.crash_space_bytes_max,
        version: IMAGE_VERSION,
        resigner: None,
        core_dumps: CoreDumps::AsConfigured,
    })?;
    CardProcess::open(options)?.serve()
}

impl CardProcess {
    fn open(options: CardOptions) -> io::Result<Self> {
        let events = EventLoop::new()?;
        let signals = Signals::take(&[LoopSignal::Terminate, LoopSignal::Interrupt])?;
        events.add(&signals, TOKEN_SIGNALS, Interest::READ)?;
        let address = card_address(&options.run_directory, options.slot);
        let listener = Listener::bind(&address, MESSAGE_BYTES_MAX, QUEUED_BYTES_MAX)?;
        events.add(&listener, TOKEN_LISTENER, Interest::READ)?;
        let mut wires = Vec::new();
        for (number, port) in options.ports.iter().enumerate() {
            let wire = Wire::open(&port.wire, &options.run_directory).map_err(io::Error::other)?;
            events.add(wire.fd(), TOKEN_WIRE + number as u64, Interest::READ)?;
            wires.push(wire);
        }
        let directory = options.run_directory.join("fabric");
        let fabric = Fabric::open(options.slot, options.peers, &directory).map_err(io::Error::other)?;
        events.add(fabric.fd(), TOKEN_FABRIC, Interest::READ)?;
        let hardware = options
            .ports
            .iter()
            .map(|port| PortHardware {
                mac: port.mac,
                wire: port.wire.to_string(),
            })
            .collect();
        let flow_seed = u64::from_le_bytes(crate::shared_memory::random_bytes::<8>()?);
        let configuration = CardConfiguration {
            slot: options.slot,
            model: MODEL.to_string(),
            image_version: IMAGE_VERSION.to_string(),
            ports: hardware,
            flow_seed,
            limits: Limits::default(),
        };
        let card = LineCard::new(clock::now(), configuration);
        let link_up = vec![false; wires.len()];
        let missing = vec![None; wires.len()];
        let io = Io {
            slot: options.slot,
            wires,
            fabric,
            links: BTreeMap::new(),
        };
        Ok(Self {
            card,
            io,
            events,
            signals,
            listener,
            batch: Batch::default(),
            link_up,
            missing,
            last_link: 0,
            terminated: false,
        })
    }

    fn serve(mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        self.note_links();
        while !self.terminated {
            let deadline = self.card.next_deadline().map(|(at, _)| at);
            self.round(deadline, &mut ready)?;
        }
        Ok(())
    }

    /// Waits until `deadline` at most and serves what is ready.
    fn round(&mut self, deadline: Option<Instant>, ready: &mut Vec<Ready>) -> io::Result<()> {
        self.events.wait(deadline, ready)?;
        // Links of route processors have the highest tokens, the newest the highest of all: they are served first.
        ready.sort_by_key(|event| std::cmp::Reverse(event.token));
        for event in ready.iter() {
            self.dispatch(*event)?;
        }
        self.note_links();
        self.card.expire(clock::now(), &mut self.io);
        self.flush()
    }

    fn dispatch(&mut self, ready: Ready) -> io::Result<()> {
        match ready.token {
            TOKEN_SIGNALS => {
                while let Some(signal) = self.signals.next_signal()? {
                    self.terminated |= matches!(signal, LoopSignal::Terminate | LoopSignal::Interrupt);
                }
            }
            TOKEN_LISTENER => self.accept()?,
            TOKEN_FABRIC => self.fabric_ready()?,
            token if token >= TOKEN_LINK => self.link_ready(LinkId(token - TOKEN_LINK)),
            token => self.wire_ready(token - TOKEN_WIRE)?,
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some(stream) = self.listener.accept()? {
            if let Err(error) = stream.check_owner() {
                log_line(self.io.slot, &format!("a connection was refused: {error}"));
                continue;
            }
            self.last_link += 1;
            let link = LinkId(self.last_link);
            self.events.add(&stream, TOKEN_LINK + link.0, Interest::READ)?;
            self.io.links.insert(
                link,
                RpLink {
                    stream,
                    waits_for_write: false,
                    closing: None,
                },
            );
        }
        Ok(())
    }

    fn link_ready(&mut self, id: LinkId) {
        let Some(link) = self.io.links.get_mut(&id) else {
            return;
        };
        let filled = link.stream.fill(READ_BUDGET);
        // A link can break in the same read that brought its last messages: those come first.
        self.take_messages(id);
        if let Err(error) = filled
            && let Some(link) = self.io.links.get_mut(&id)
        {
            link.closing.get_or_insert(error.to_string());
        }
    }

    /// Obeys what was read from a link, until it is to be closed.
    fn take_messages(&mut self, id: LinkId) {
        while let Some(link) = self.io.links.get_mut(&id)
            && link.closing.is_none()
        {
            let message = match link.stream.next_message() {
                Ok(None) => return,
                Ok(Some((kind, body))) => RpMessage::decode(kind, body).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match message {
                Ok(message) => self.card.rp_message(clock::now(), id, message, &mut self.io),
                Err(why) => link.closing = Some(why),
            }
        }
    }

    /// Obeys what is left in a link that can no longer be written to: its RP has gone, and said this before.
    fn read_to_the_end(&mut self, id: LinkId) {
        while let Some(link) = self.io.links.get_mut(&id)
            && link.closing.is_none()
        {
            let filled = link.stream.fill(READ_BUDGET);
            self.take_messages(id);
            if !matches!(filled, Ok(Filled::BudgetSpent)) {
                return;
            }
        }
    }

    fn wire_ready(&mut self, number: u64) -> io::Result<()> {
        let Ok(index) = usize::try_from(number) else {
            return Ok(());
        };
        let Some(wire) = self.io.wires.get_mut(index) else {
            return Ok(());
        };
        let batch = &mut self.batch;
        batch.clear();
        wire.receive(FRAMES_PER_ROUND, &mut |frame| batch.push(frame))?;
        let port = PortId {
            card: self.io.slot,
            port: index as u8,
        };
        let now = clock::now();
        let (card, io) = (&mut self.card, &mut self.io);
        batch.each(|frame| card.receive(now, port, frame, io));
        Ok(())
    }

    fn fabric_ready(&mut self) -> io::Result<()> {
        let slot = self.io.slot;
        let mut reached = Vec::new();
        let batch = &mut self.batch;
        batch.clear();
        let mut ports = Vec::with_capacity(FRAMES_PER_ROUND);
        self.io
            .fabric
            .receive(FRAMES_PER_ROUND, &mut |event| match event {
                FabricEvent::Frame {
                    egress_port, frame, ..
                } => {
                    if let Ok(port) = u8::try_from(egress_port) {
                        ports.push(port);
                        batch.push(frame);
                    }
                }
                FabricEvent::PeerUp(peer) => reached.push((peer, true)),
                FabricEvent::PeerDown(peer) => reached.push((peer, false)),
            })?;
        for (peer, up) in reached {
            self.card.fabric_peer(peer, up, &mut self.io);
        }
        let (card, io) = (&mut self.card, &mut self.io);
        let mut ports = ports.into_iter();
        batch.each(|frame| {
            if let Some(port) = ports.next() {
                card.receive_fabric(PortId { card: slot, port }, frame, io);
            }
        });
        Ok(())
    }

    /// Tells the card which wires have come up or gone down.
    fn note_links(&mut self) {
        for index in 0..self.io.wires.len() {
            self.note_interface(index);
            let up = self.io.wires[index].is_up();
            if up != self.link_up[index] {
                self.link_up[index] = up;
                let port = PortId {
                    card: self.io.slot,
                    port: index as u8,
                };
                self.card.port_link(port, up, &mut self.io);
            }
        }
    }

    /// A port without its interface is down like one without a cable; which interface it is, only this log can tell.
    fn note_interface(&mut self, index: usize) {
        let missing = self.io.wires[index].missing_interface();
        if missing == self.missing[index].as_deref() {
            return;
        }
        let missing = missing.map(str::to_string);
        let port = format!("port {}/{index}", self.io.slot);
        log_line(
            self.io.slot,
            &match &missing {
                Some(name) => format!("{port}: there is no interface '{name}': down until it comes"),
                None => format!("{port}: its interface is there"),
            },
        );
        self.missing[index] = missing;
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io.flush();
        let mut broken = Vec::new();
        for (id, link) in &mut self.io.links {
            if link.closing.is_some() {
                continue;
            }
            if let Err(error) = link.stream.flush() {
                broken.push((*id, error.to_string()));
                continue;
            }
            let wants = link.stream.wants_write();
            if wants != link.waits_for_write {
                link.waits_for_write = wants;
                self.events
                    .change(&link.stream, TOKEN_LINK + id.0, Interest::read_and(wants))?;
            }
        }
        for (id, why) in broken {
            self.read_to_the_end(id);
            if let Some(link) = self.io.links.get_mut(&id) {
                link.closing.get_or_insert(why);
            }
            self.io.flush();
        }
        self.drop_closed();
        Ok(())
    }

    /// Dropping a stream takes it out of the loop.
    fn drop_closed(&mut self) {
        let (slot, card) = (self.io.slot, &mut self.card);
        self.io.links.retain(|id, link| {
            if let Some(why) = &link.closing {
                log_line(slot, &format!("link {} to a route processor closed: {why}", id.0));
                card.rp_lost(*id);
            }
            link.closing.is_none()
        });
    }
}

fn log_line(slot: CardSlot, text: &str) {
    crate::rp_process::log_line(&format!("card {slot}: {text}"));
}
