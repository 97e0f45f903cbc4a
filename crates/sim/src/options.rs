//! What a world is made of.

use crate::bgp::BgpOptions;
use machine::Duration;

/// How often each kind of fault is drawn, relative to the others; 0: it does not exist in this world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultWeights {
    /// The active's process is killed between two turns.
    pub crash_active: u32,
    /// The standby's process is killed.
    pub crash_standby: u32,
    /// The active dies in the middle of a turn's outputs.
    pub crash_in_turn: u32,
    /// The unit that takes over dies in the turn of its promotion.
    pub crash_in_promotion: u32,
    /// Both units die within a millisecond.
    pub crash_both: u32,
    /// The active stops turning, and may wake up later.
    pub hang_active: u32,
    /// The standby stops turning.
    pub hang_standby: u32,
    /// A unit's turns take long.
    pub slow: u32,
    /// The RP link is cut.
    pub link_cut: u32,
    /// The RP link stalls in one direction, or in both.
    pub link_stall: u32,
    /// A message on the RP link arrives cut short.
    pub link_garbage: u32,
    /// A card is pulled and inserted again.
    pub card_pull: u32,
    /// A card's process dies and is started anew.
    pub card_crash: u32,
    /// The connection between an RP and a card breaks.
    pub card_link: u32,
    /// An RP's NVRAM is full.
    pub disk_full: u32,
    /// Writing to an RP's NVRAM fails half way.
    pub disk_torn: u32,
    /// An RP is pulled and inserted again.
    pub rp_pull: u32,
    /// The routes of the generator come and go.
    pub route_churn: u32,
    /// Neighbours change their hardware addresses.
    pub neighbor_churn: u32,
    /// The operator forces a switchover.
    pub forced_switchover: u32,
    /// A step of BGP for one neighbour kills whoever makes it.
    pub poison: u32,
}

impl FaultWeights {
    /// All weights with their faults, for drawing.
    pub(crate) fn list(&self) -> [(crate::fault::FaultKind, u32); 21] {
        use crate::fault::FaultKind as K;
        [
            (K::CrashActive, self.crash_active),
            (K::CrashStandby, self.crash_standby),
            (K::CrashInTurn, self.crash_in_turn),
            (K::CrashInPromotion, self.crash_in_promotion),
            (K::CrashBoth, self.crash_both),
            (K::HangActive, self.hang_active),
            (K::HangStandby, self.hang_standby),
            (K::Slow, self.slow),
            (K::LinkCut, self.link_cut),
            (K::LinkStall, self.link_stall),
            (K::LinkGarbage, self.link_garbage),
            (K::CardPull, self.card_pull),
            (K::CardCrash, self.card_crash),
            (K::CardLink, self.card_link),
            (K::DiskFull, self.disk_full),
            (K::DiskTorn, self.disk_torn),
            (K::RpPull, self.rp_pull),
            (K::RouteChurn, self.route_churn),
            (K::NeighborChurn, self.neighbor_churn),
            (K::ForcedSwitchover, self.forced_switchover),
            (K::Poison, self.poison),
        ]
    }
}

/// Commands about the chassis and the pair: which of them the operator of this world types at all, while things go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChassisCommands {
    /// `redundancy reload peer`
    pub reload_peer: bool,
    /// `reload` and `redundancy reload shelf`
    pub reload_shelf: bool,
    /// `mode rpr` and `mode sso`
    pub mode: bool,
    /// `headless-forwarding disable` and its `no` form
    pub headless_forwarding: bool,
    /// `config-register`
    pub register: bool,
    /// `hw-module slot N reload`, of cards and route processors
    pub module_reload: bool,
}

/// A bug on purpose, in the world around the code under test or in what it is handed: each proves that a checker bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// The active's frames never reach the standby's tables although they are acknowledged: what was promised is lost.
    AcknowledgeUnseenFrames,
    /// A card accepts every claim, whatever its epoch.
    CardAcceptsLowerEpoch,
    /// The arbiter grants one counter twice.
    ArbiterGrantsTwice,
    /// One packet of a thousand is lost on the fabric.
    FabricDropsPackets,
    /// One packet of a thousand arrives twice.
    FabricDoublesPackets,
    /// A frame of a pair in step loses its rows on the way, and looks whole.
    CorruptStandby,
    /// A card's rows are lost on the way, but the frame's end is not.
    CardLosesRows,
    /// A killed active is never noticed by the standby's driver.
    DeathUnnoticed,
    /// A process is woken again and again although nothing is to be done.
    BusyLoop,
    /// An RP panics at its hundredth turn.
    Panic,
    /// Something that the seed does not decide leaks into the world.
    Nondeterminism,
    /// The driver takes in whatever cards send, however much waits, and never hands it on.
    UnboundedQueue,
    /// Saving on the standby says that it is done, and keeps the old text.
    NvramForgets,
    /// A disk that fails says that it has written.
    DiskHidesErrors,
    /// Cards forward nothing while no route processor is active.
    HeadlessCardsStop,
    /// A unit that starts from its configuration has the cards reset, whatever is configured.
    CardsResetAlways,
    /// A standby does not keep the register that it is told.
    RegisterForgotten,
    /// The backplane never resets the other route processor.
    PeerNeverReset,
    /// The operator's screen loses the lines that tell why the pair fell back to RPR.
    ReasonsHidden,
    /// A disk keeps what was written in a cache that ends with the process.
    DiskCacheLost,
    /// Some segments to a BGP neighbour come twice, the second time with another byte.
    SegmentsRewritten,
    /// A takeover resets the sessions of all BGP neighbours.
    SessionsReset,
    /// A takeover lets all BGP neighbours be told everything again.
    UpdatesRepeated,
    /// Some of what a BGP neighbour announces never gets to the router.
    AnnouncementsLost,
    /// Some packets to what a BGP neighbour announces get lost on its wire.
    NeighborPacketsLost,
    /// Nobody is told in which steps units have died.
    DeathsUntold,
    /// What the standby says of commands that it does not execute never reaches the active, and it is told that all is
    /// well.
    DifferencesHushedUp,
}

/// Times that the pair is configured with, shorter than in production so that a run has more of what happens rarely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Interval of heartbeats, in milliseconds.
    pub keepalive_interval_ms: u64,
    /// How long the peer may be silent, in milliseconds.
    pub keepalive_limit_ms: u64,
    /// How long a frame may stay unacknowledged, in milliseconds.
    pub stall_limit_ms: u64,
    /// How long a frame may stay open before work is held, in milliseconds.
    pub open_frame_limit_ms: u64,
    /// How long it takes at most until the backplane has started a process anew, in milliseconds.
    pub boot_ms_max: u64,
}

/// The RP link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Time that a byte is on its way, in nanoseconds.
    pub latency_ns: u64,
    /// Bytes a second.
    pub bytes_per_second: u64,
    /// Bytes that the link takes before it is full.
    pub capacity_bytes: usize,
}

/// Everything about a world that is not drawn while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Line cards.
    pub cards: u8,
    /// Ports of each card, each with a host on it.
    pub ports_per_card: u8,
    /// Streams of packets between hosts.
    pub flows: u8,
    /// Packets a second of each stream.
    pub packets_per_second: u64,
    /// Hosts that ping the router's own address.
    pub probers: u8,
    /// Whether an operator types commands.
    pub operator: bool,
    /// How long the operator thinks between two lines at most, in milliseconds.
    pub think_ms_max: u64,
    /// How long faults happen.
    pub phase_one: Duration,
    /// Mean time between two faults, in milliseconds.
    pub fault_interval_ms: u64,
    /// Which faults exist.
    pub faults: FaultWeights,
    /// Whether a hung unit may come back to life instead of being restarted.
    pub hung_may_wake: bool,
    /// How long it takes at most until a process that is to be killed is dead, in milliseconds: one that waits for a
    /// disk does not die at once, and may come back to life before.
    pub kill_ms_max: u64,
    /// Times.
    pub timing: Timing,
    /// The RP link.
    pub rp_link: LinkOptions,
    /// Drift of each RP's clock, in parts per million.
    pub drift_ppm: [i64; 2],
    /// Bytes of a frame that are drained at most at one turn boundary.
    pub turn_bytes_max: usize,
    /// Bytes of one chunk of a frame.
    pub chunk_bytes: usize,
    /// Most routes that the generator is told to hold.
    pub routes_max: u32,
    /// Whether R1 runs an older release, without `mtu`, until everything is mended.
    pub older_release: bool,
    /// Which commands about the chassis the operator types.
    pub commands: ChassisCommands,
    /// Whether the factory's configuration says `mode rpr`.
    pub boots_in_rpr: bool,
    /// Whether the factory's configuration says `headless-forwarding disable`.
    pub headless_forwarding_disabled: bool,
    /// BGP neighbours.
    pub bgp: BgpOptions,
    /// A bug on purpose.
    pub plant: Option<Plant>,
}

impl Default for Options {
    /// A quiet world: two cards with two hosts each, an operator, no faults.
    fn default() -> Self {
        Self {
            cards: 2,
            ports_per_card: 2,
            flows: 4,
            packets_per_second: 200,
            probers: 1,
            operator: false,
            think_ms_max: 20,
            phase_one: Duration::from_millis(500),
            fault_interval_ms: 100,
            faults: FaultWeights::default(),
            hung_may_wake: true,
            kill_ms_max: 0,
            timing: Timing {
                keepalive_interval_ms: 50,
                keepalive_limit_ms: 300,
                stall_limit_ms: 200,
                open_frame_limit_ms: 10,
                boot_ms_max: 60,
            },
            rp_link: LinkOptions {
                latency_ns: 20_000,
                bytes_per_second: 1_000_000_000,
                capacity_bytes: 1024 * 1024,
            },
            drift_ppm: [0, 0],
            turn_bytes_max: 512 * 1024,
            chunk_bytes: 64 * 1024,
            routes_max: 100,
            older_release: false,
            commands: ChassisCommands::default(),
            boots_in_rpr: false,
            headless_forwarding_disabled: false,
            bgp: BgpOptions::default(),
            plant: None,
        }
    }
}
