//! The finite state machine of one connection (RFC 4271 section 8), as a table: from a state and an event to the next
//! state and what is to be done. Nothing is done here.
//!
//! ```text
//!            start              connected            OPEN              KEEPALIVE
//!   Idle ───────────▶ Connect ───────────▶ OpenSent ───────▶ OpenConfirm ───────▶ Established
//!     ▲    passive ╲    │  ▲ retry             │                  │                   │
//!     │             ▼   ▼  │                   │ TCP fails        │                   │
//!     │              Active ◀──────────────────┘                  │                   │
//!     └── stop, error, NOTIFICATION, hold timer, TCP fails ◀──────┴───────────────────┘
//! ```
//!
//! Where it departs from the letter of section 8.2.2, and why:
//!
//! - A NOTIFICATION is never answered by one, whatever the state: section 6.4 leaves no error that could be told.
//! - A malformed header is answered by its own code in every state, as section 6.1 asks, and not by an FSM error.
//! - A second OPEN on the same connection is an FSM error in OpenConfirm and Established. Collisions are between two
//!   connections, and resolved above this table ([`crate::session`]).

use packet::bgp::Code;

/// States of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing is tried, and nobody is let in.
    Idle,
    /// A TCP connection is being made.
    Connect,
    /// A TCP connection is waited for.
    Active,
    /// Our OPEN was sent.
    OpenSent,
    /// Both OPENs were sent.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

impl State {
    /// All of them.
    pub const ALL: [State; 6] = [
        State::Idle,
        State::Connect,
        State::Active,
        State::OpenSent,
        State::OpenConfirm,
        State::Established,
    ];

    /// As `show ip bgp neighbors` names it.
    pub const fn name(self) -> &'static str {
        match self {
            State::Idle => "Idle",
            State::Connect => "Connect",
            State::Active => "Active",
            State::OpenSent => "OpenSent",
            State::OpenConfirm => "OpenConfirm",
            State::Established => "Established",
        }
    }
}

/// What can happen, with its number in RFC 4271 section 8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Event {
    /// The operator starts the session.
    ManualStart = 1,
    /// The operator stops it.
    ManualStop = 2,
    /// The router starts it.
    AutomaticStart = 3,
    /// The operator starts it, and the neighbour is to connect.
    ManualStartPassive = 4,
    /// The router starts it, and the neighbour is to connect.
    AutomaticStartPassive = 5,
    /// The router starts it, after oscillations.
    AutomaticStartDamped = 6,
    /// The router starts it, after oscillations, and the neighbour is to connect.
    AutomaticStartDampedPassive = 7,
    /// The router stops it.
    AutomaticStop = 8,
    /// It is time to connect again.
    ConnectRetryTimerExpires = 9,
    /// The neighbour was silent for too long.
    HoldTimerExpires = 10,
    /// It is time to say that we are alive.
    KeepaliveTimerExpires = 11,
    /// The neighbour had its chance to send its OPEN first.
    DelayOpenTimerExpires = 12,
    /// The oscillation was waited out.
    IdleHoldTimerExpires = 13,
    /// A connection comes in from a known address.
    TcpConnectionValid = 14,
    /// A connection comes in from an unknown one.
    TcpConnectionInvalid = 15,
    /// Our connection is made.
    TcpConnectionAcknowledged = 16,
    /// The neighbour's connection is made.
    TcpConnectionConfirmed = 17,
    /// The connection is gone.
    TcpConnectionFails = 18,
    /// An OPEN that is right.
    Open = 19,
    /// An OPEN that is right, while our own is delayed.
    OpenWithDelayTimer = 20,
    /// A message header that is none.
    HeaderError = 21,
    /// An OPEN that is wrong.
    OpenError = 22,
    /// Of two connections this one goes.
    OpenCollisionDump = 23,
    /// A NOTIFICATION that the version is not supported.
    NotificationVersionError = 24,
    /// Any other NOTIFICATION.
    Notification = 25,
    /// A KEEPALIVE.
    Keepalive = 26,
    /// An UPDATE.
    Update = 27,
    /// An UPDATE that ends the session.
    UpdateError = 28,
    /// A ROUTE-REFRESH (RFC 2918), which RFC 4271 has no number for.
    RouteRefresh = 29,
}

impl Event {
    /// All of them.
    pub const ALL: [Event; 29] = [
        Event::ManualStart,
        Event::ManualStop,
        Event::AutomaticStart,
        Event::ManualStartPassive,
        Event::AutomaticStartPassive,
        Event::AutomaticStartDamped,
        Event::AutomaticStartDampedPassive,
        Event::AutomaticStop,
        Event::ConnectRetryTimerExpires,
        Event::HoldTimerExpires,
        Event::KeepaliveTimerExpires,
        Event::DelayOpenTimerExpires,
        Event::IdleHoldTimerExpires,
        Event::TcpConnectionValid,
        Event::TcpConnectionInvalid,
        Event::TcpConnectionAcknowledged,
        Event::TcpConnectionConfirmed,
        Event::TcpConnectionFails,
        Event::Open,
        Event::OpenWithDelayTimer,
        Event::HeaderError,
        Event::OpenError,
        Event::OpenCollisionDump,
        Event::NotificationVersionError,
        Event::Notification,
        Event::Keepalive,
        Event::Update,
        Event::UpdateError,
        Event::RouteRefresh,
    ];

    const fn is_start(self) -> bool {
        matches!(
            self,
            Event::ManualStart
                | Event::AutomaticStart
                | Event::ManualStartPassive
                | Event::AutomaticStartPassive
                | Event::AutomaticStartDamped
                | Event::AutomaticStartDampedPassive
        )
    }

    /// Whether a NOTIFICATION that answers it says what the event itself brought.
    const fn brings_its_code(self) -> bool {
        matches!(
            self,
            Event::HeaderError
                | Event::OpenError
                | Event::UpdateError
                | Event::ManualStop
                | Event::AutomaticStop
        )
    }
}

/// What of the neighbour's configuration and of its timers decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// `DelayOpen`: our OPEN waits for the neighbour's.
    pub delays_open: bool,
    /// The DelayOpenTimer runs.
    pub delay_open_runs: bool,
    /// `SendNOTIFICATIONwithoutOPEN`.
    pub notifies_without_open: bool,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the ConnectRetryTimer anew.
    StartConnectRetry,
    /// Stop it.
    StopConnectRetry,
    /// Start the DelayOpenTimer.
    StartDelayOpen,
    /// Stop it.
    StopDelayOpen,
    /// Start the HoldTimer with its large value (four minutes).
    StartHoldLarge,
    /// Start HoldTimer and KeepaliveTimer with the values agreed on.
    StartAgreedTimers,
    /// Start the HoldTimer anew.
    RestartHold,
    /// Start the KeepaliveTimer anew.
    RestartKeepalive,
    /// Make a TCP connection.
    Connect,
    /// Send an OPEN.
    SendOpen,
    /// Send a KEEPALIVE.
    SendKeepalive,
    /// Send a NOTIFICATION.
    Notify(Notice),
    /// Stop all timers but that of ConnectRetry, and drop the TCP connection.
    Drop,
    /// The routes of the session go, or become stale.
    ReleaseRoutes,
    /// ConnectRetryCounter is zero again.
    ClearCounter,
    /// ConnectRetryCounter grows, and the next start waits (DampPeerOscillations).
    CountAndDamp,
    /// The session is established: routes are exchanged.
    Establish,
    /// Take the UPDATE, or the ROUTE-REFRESH.
    Process,
}

/// What a NOTIFICATION says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What the event brought.
    OfEvent,
    /// This.
    Of(Code),
}

/// The next state, and what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The next state.
    pub next: State,
    /// What is to be done.
    pub actions: &'static [Action],
    /// The NOTIFICATION that goes before all of it.
    pub notice: Option<Notice>,
}

const fn stay(state: State) -> Transition {
    to(state, &[])
}

const fn to(next: State, actions: &'static [Action]) -> Transition {
    Transition {
        next,
        actions,
        notice: None,
    }
}

/// The connection ends without a fault.
const STOP: &[Action] = &[
    Action::StopConnectRetry,
    Action::ReleaseRoutes,
    Action::Drop,
    Action::ClearCounter,
];
/// The connection ends by a fault.
const FAIL: &[Action] = &[
    Action::StopConnectRetry,
    Action::ReleaseRoutes,
    Action::Drop,
    Action::CountAndDamp,
];
/// The connection ends because the neighbour has another version: that is no oscillation.
const VERSION: &[Action] = &[Action::StopConnectRetry, Action::ReleaseRoutes, Action::Drop];

const fn fail(notice: Option<Notice>) -> Transition {
    Transition {
        next: State::Idle,
        actions: FAIL,
        notice,
    }
}

const fn stop(notice: Option<Notice>) -> Transition {
    Transition {
        next: State::Idle,
        actions: STOP,
        notice,
    }
}

const OF_EVENT: Option<Notice> = Some(Notice::OfEvent);
const HOLD_EXPIRED: Option<Notice> = Some(Notice::Of(Code::HOLD_TIMER_EXPIRED));
const COLLISION: Option<Notice> = Some(Notice::Of(Code::CONNECTION_COLLISION_RESOLUTION));

/// Looks up one cell of the table.
pub const fn transition(state: State, event: Event, like: Circumstances) -> Transition {
    if event.is_start() && !matches!(state, State::Idle) {
        return stay(state);
    }
    match state {
        State::Idle => idle(event),
        State::Connect | State::Active => connecting(state, event, like),
        State::OpenSent => open_sent(event),
        State::OpenConfirm => open_confirm(event),
        State::Established => established(event),
    }
}

const fn idle(event: Event) -> Transition {
    match event {
        Event::ManualStart
        | Event::AutomaticStart
        | Event::AutomaticStartDamped
        | Event::IdleHoldTimerExpires => to(
            State::Connect,
            &[Action::ClearCounter, Action::StartConnectRetry, Action::Connect],
        ),
        Event::ManualStartPassive | Event::AutomaticStartPassive | Event::AutomaticStartDampedPassive => {
            to(State::Active, &[Action::ClearCounter, Action::StartConnectRetry])
        }
        _ => stay(State::Idle),
    }
}

const fn connecting(state: State, event: Event, like: Circumstances) -> Transition {
    let may_notify = like.notifies_without_open;
    match event {
        Event::ManualStop if like.delay_open_runs && may_notify => stop(OF_EVENT),
        Event::ManualStop => stop(None),
        Event::ConnectRetryTimerExpires => to(
            State::Connect,
            &[
                Action::Drop,
                Action::StopDelayOpen,
                Action::StartConnectRetry,
                Action::Connect,
            ],
        ),
        Event::DelayOpenTimerExpires => to(State::OpenSent, OPENING),
        Event::TcpConnectionValid | Event::TcpConnectionInvalid => stay(state),
        Event::TcpConnectionAcknowledged | Event::TcpConnectionConfirmed if like.delays_open => {
            to(state, &[Action::StopConnectRetry, Action::StartDelayOpen])
        }
        Event::TcpConnectionAcknowledged | Event::TcpConnectionConfirmed => to(State::OpenSent, OPENING),
        Event::TcpConnectionFails => match (state, like.delay_open_runs) {
            (State::Connect, true) => to(State::Active, &[Action::StopDelayOpen, Action::StartConnectRetry]),
            (State::Connect, false) => to(State::Idle, VERSION),
            _ => to(
                State::Idle,
                &[
                    Action::StopDelayOpen,
                    Action::ReleaseRoutes,
                    Action::Drop,
                    Action::CountAndDamp,
                ],
            ),
        },
        Event::OpenWithDelayTimer => to(
            State::OpenConfirm,
            &[
                Action::StopConnectRetry,
                Action::StopDelayOpen,
                Action::SendOpen,
                Action::SendKeepalive,
                Action::StartAgreedTimers,
            ],
        ),
        Event::HeaderError | Event::OpenError if may_notify => fail(OF_EVENT),
        Event::NotificationVersionError if like.delay_open_runs => to(State::Idle, VERSION),
        _ => fail(None),
    }
}

const OPENING: &[Action] = &[
    Action::StopConnectRetry,
    Action::StopDelayOpen,
    Action::SendOpen,
    Action::StartHoldLarge,
];

const fn open_sent(event: Event) -> Transition {
    match event {
        Event::ManualStop => stop(OF_EVENT),
        Event::AutomaticStop | Event::HeaderError | Event::OpenError => fail(OF_EVENT),
        Event::HoldTimerExpires => fail(HOLD_EXPIRED),
        Event::TcpConnectionValid
        | Event::TcpConnectionInvalid
        | Event::TcpConnectionAcknowledged
        | Event::TcpConnectionConfirmed => stay(State::OpenSent),
        Event::TcpConnectionFails => to(State::Active, &[Action::Drop, Action::StartConnectRetry]),
        Event::Open => to(
            State::OpenConfirm,
            &[
                Action::StopDelayOpen,
                Action::StopConnectRetry,
                Action::SendKeepalive,
                Action::StartAgreedTimers,
            ],
        ),
        Event::OpenCollisionDump => fail(COLLISION),
        Event::NotificationVersionError => to(State::Idle, VERSION),
        Event::Notification => fail(None),
        _ => fail(Some(Notice::Of(Code::FSM_IN_OPEN_SENT))),
    }
}

const fn open_confirm(event: Event) -> Transition {
    match event {
        Event::ManualStop => stop(OF_EVENT),
        Event::AutomaticStop | Event::HeaderError | Event::OpenError => fail(OF_EVENT),
        Event::HoldTimerExpires => fail(HOLD_EXPIRED),
        Event::KeepaliveTimerExpires => to(
            State::OpenConfirm,
            &[Action::SendKeepalive, Action::RestartKeepalive],
        ),
        Event::TcpConnectionValid
        | Event::TcpConnectionInvalid
        | Event::TcpConnectionAcknowledged
        | Event::TcpConnectionConfirmed => stay(State::OpenConfirm),
        Event::TcpConnectionFails | Event::Notification => fail(None),
        Event::NotificationVersionError => to(State::Idle, VERSION),
        Event::OpenCollisionDump => fail(COLLISION),
        Event::Keepalive => to(State::Established, &[Action::RestartHold, Action::Establish]),
        _ => fail(Some(Notice::Of(Code::FSM_IN_OPEN_CONFIRM))),
    }
}

const fn established(event: Event) -> Transition {
    match event {
        Event::ManualStop => stop(OF_EVENT),
        Event::AutomaticStop | Event::HeaderError | Event::UpdateError => fail(OF_EVENT),
        Event::HoldTimerExpires => fail(HOLD_EXPIRED),
        Event::KeepaliveTimerExpires => to(
            State::Established,
            &[Action::SendKeepalive, Action::RestartKeepalive],
        ),
        Event::TcpConnectionValid
        | Event::TcpConnectionInvalid
        | Event::TcpConnectionAcknowledged
        | Event::TcpConnectionConfirmed => stay(State::Established),
        Event::TcpConnectionFails | Event::Notification | Event::NotificationVersionError => fail(None),
        Event::OpenCollisionDump => fail(COLLISION),
        Event::Keepalive => to(State::Established, &[Action::RestartHold]),
        Event::Update | Event::RouteRefresh => {
            to(State::Established, &[Action::RestartHold, Action::Process])
        }
        _ => fail(Some(Notice::Of(Code::FSM_IN_ESTABLISHED))),
    }
}

impl Event {
    /// Whether its [`Notice::OfEvent`] has something to say.
    pub const fn has_code(self) -> bool {
        self.brings_its_code()
    }
}
