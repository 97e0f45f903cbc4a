//! The process of the built-in hosts over real sockets, with a cable in the place of the router.

use machine::{Duration, Instant};
use runtime::clock;
use runtime::event_loop::{EventLoop, Interest, Waker};
use runtime::hosts::client::{ClientError, HostsClient};
use runtime::hosts::control::{Request, Response, StreamReport};
use runtime::hosts::{HostSpec, HostsConfig, HostsProcess, control_path};
use runtime::wire::mem::{MemWire, socket_path};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_millis(500);

/// A thread that runs until its waker rings.
struct Worker {
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(work: impl FnOnce(Waker) + Send + 'static) -> Worker {
        let waker = Waker::new().unwrap();
        let stop = waker.try_clone().unwrap();
        Worker {
            waker,
            thread: Some(std::thread::spawn(move || work(stop))),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.waker.wake();
        let result = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            result.unwrap().unwrap();
        }
    }
}

/// A run directory with two hosts on one link, `west` 10.0.0.1 and `east` 10.0.0.2.
struct Hosts {
    directory: PathBuf,
    process: Option<Worker>,
}

impl Hosts {
    fn start() -> Hosts {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("holdover-hosts-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let process = Hosts::run(&directory);
        Hosts {
            directory,
            process: Some(process),
        }
    }

    fn run(directory: &Path) -> Worker {
        let directory = directory.to_path_buf();
        let (opened, is_open) = std::sync::mpsc::channel();
        let worker = Worker::start(move |stop| {
            let mut process = HostsProcess::open(&config(), &directory).unwrap();
            opened.send(()).unwrap();
            process.run(&stop).unwrap();
        });
        is_open.recv().unwrap();
        worker
    }

    fn client(&self) -> HostsClient {
        HostsClient::connect(&self.directory).unwrap()
    }

    /// Connects the two wires; every `lose`-th frame is dropped (0: none) and counted in the result.
    fn cable(&self, lose: u64) -> (Worker, Arc<AtomicU64>) {
        let lost = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lost);
        let wires =
            ["west", "east"].map(|name| MemWire::open(&socket_path(&self.directory, name).unwrap()).unwrap());
        (Worker::start(move |stop| cross(wires, &stop, lose, &count)), lost)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn config() -> HostsConfig {
    let host = |name: &str, address: &str| HostSpec {
        name: name.into(),
        wire: name.into(),
        address: address.into(),
        gateway: None,
        mac: None,
    };
    HostsConfig {
        hosts: vec![host("west", "10.0.0.1/24"), host("east", "10.0.0.2/24")],
    }
}

fn cross(mut wires: [MemWire; 2], stop: &Waker, lose: u64, lost: &AtomicU64) {
    let mut event_loop = EventLoop::new().unwrap();
    for (index, wire) in wires.iter().enumerate() {
        event_loop.add(wire.fd(), index as u64, Interest::READ).unwrap();
    }
    event_loop.add(stop, 2, Interest::READ).unwrap();
    let (mut ready, mut frames) = (Vec::new(), 0u64);
    loop {
        event_loop.wait(None, &mut ready).unwrap();
        for event in &ready {
            let [one, two] = &mut wires;
            let (from, to) = match event.token {
                0 => (one, two),
                1 => (two, one),
                _ => return,
            };
            let forward = &mut |frame: &mut [u8]| {
                // ARP is spared, so that the loss is that of the stream.
                frames += u64::from(frame[12..14] == [0x08, 0x00]);
                if lose > 0 && frame[12..14] == [0x08, 0x00] && frames.is_multiple_of(lose) {
                    lost.fetch_add(1, Ordering::Relaxed);
                } else {
                    to.send(frame);
                }
            };
            from.receive(64, forward).unwrap();
            to.flush();
        }
    }
}

/// Asks for the report until `done`.
fn wait_for(client: &mut HostsClient, stream: u32, done: impl Fn(&StreamReport) -> bool) -> StreamReport {
    let deadline = clock::now() + PATIENCE;
    loop {
        let report = client.report(stream, None, SETTLE).unwrap();
        if done(&report) {
            return report;
        }
        assert!(clock::now() < deadline, "{report:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_flow_through_a_cable_loses_nothing_and_its_intervals_add_up() {
    let hosts = Hosts::start();
    let _cable = hosts.cable(0);
    let mut client = hosts.client();
    let flow = client.start_flow("west", "east", 20_000, 128).unwrap();
    wait_for(&mut client, flow, |report| report.packets.received > 500);
    let interval = client.begin_interval(flow).unwrap();
    wait_for(&mut client, flow, |report| report.packets.received > 2_000);
    let next = client.begin_interval(flow).unwrap();
    let middle = client.settled_report(flow, Some(interval), SETTLE).unwrap();
    assert!(middle.packets.sent > 0);
    assert_eq!(
        (
            middle.packets.lost,
            middle.packets.duplicated,
            middle.packets.reordered
        ),
        (0, 0, 0)
    );
    client.stop(flow).unwrap();
    let total = client.settled_report(flow, None, SETTLE).unwrap();
    assert_eq!((total.packets.lost, total.packets.unexpected), (0, 0));
    let last = client.settled_report(flow, Some(next), SETTLE).unwrap();
    assert!(last.packets.sent + middle.packets.sent < total.packets.sent);
    client.remove(flow).unwrap();
    assert_eq!(client.list().unwrap().strays, 0);
}

#[test]
fn what_a_bad_cable_drops_is_what_the_meter_says() {
    let hosts = Hosts::start();
    let (cable, lost) = hosts.cable(7);
    let mut client = hosts.client();
    let flow = client.start_flow("west", "east", 5_000, 64 + 14).unwrap();
    wait_for(&mut client, flow, |report| report.packets.sent > 1_000);
    client.stop(flow).unwrap();
    let report = client.settled_report(flow, None, SETTLE).unwrap();
    drop(cable);
    assert!(report.packets.lost > 100);
    assert_eq!(report.packets.lost, lost.load(Ordering::Relaxed));
}

#[test]
fn without_a_card_nothing_is_sent_and_nothing_is_lost() {
    let hosts = Hosts::start();
    let mut client = hosts.client();
    let flow = client.start_flow("west", "east", 1_000, 128).unwrap();
    let report = wait_for(&mut client, flow, |report| report.skipped > 0);
    assert_eq!((report.packets.sent, report.packets.lost), (0, 0));
    assert!(client.list().unwrap().hosts.iter().all(|host| !host.up));
    let _cable = hosts.cable(0);
    wait_for(&mut client, flow, |report| report.packets.received > 10);
}

#[test]
fn a_ping_tells_the_first_reply_after_a_moment() {
    let hosts = Hosts::start();
    let (cable, _) = hosts.cable(0);
    let mut client = hosts.client();
    let ping = client
        .start_ping("west", "10.0.0.2".parse().unwrap(), 1_000, 98)
        .unwrap();
    wait_for(&mut client, ping, |report| report.packets.received > 20);
    drop(cable);
    let death = clock::now();
    let before = client.first_reply_after(ping, death).unwrap();
    assert_eq!(before.fresh, None, "there is nobody to answer");
    let _cable = hosts.cable(0);
    let deadline = clock::now() + PATIENCE;
    let first = loop {
        if let Some(fresh) = client.first_reply_after(ping, death).unwrap().fresh {
            break fresh;
        }
        assert!(clock::now() < deadline);
    };
    assert!(Instant::from_nanos(first.sent_ns) > death && first.received_ns >= first.sent_ns);
    let report = client.report(ping, None, SETTLE).unwrap();
    assert!(report.ping.is_some());
    assert!(matches!(
        client.first_reply_after(99, death),
        Err(ClientError::Refused(_))
    ));
}

#[test]
fn hosts_that_are_started_again_take_their_wires_back() {
    let mut hosts = Hosts::start();
    let _cable = hosts.cable(0);
    for round in 0..2 {
        let mut client = hosts.client();
        let flow = client.start_flow("east", "west", 1_000, 128).unwrap();
        wait_for(&mut client, flow, |report| report.packets.received > 50);
        if round == 0 {
            hosts.process = None;
            hosts.process = Some(Hosts::run(&hosts.directory));
        }
    }
}

#[test]
fn the_list_shows_hosts_wires_and_streams() {
    let hosts = Hosts::start();
    let mut client = hosts.client();
    let flow = client.start_flow("west", "east", 10, 128).unwrap();
    let ping = client
        .start_ping("east", "10.0.0.1".parse().unwrap(), 10, 98)
        .unwrap();
    let list = client.list().unwrap();
    assert_eq!(
        list.hosts
            .iter()
            .map(|host| host.name.as_str())
            .collect::<Vec<_>>(),
        ["west", "east"]
    );
    assert_eq!(
        (list.hosts[0].address.as_str(), list.hosts[0].wire.as_str()),
        ("10.0.0.1/24", "west")
    );
    assert_ne!(list.hosts[0].mac, list.hosts[1].mac);
    assert_eq!((list.flows[0].stream, list.flows[0].to.as_str()), (flow, "east"));
    assert_eq!(
        (list.pings[0].stream, list.pings[0].to.as_str()),
        (ping, "10.0.0.1")
    );
}

#[test]
fn wrong_requests_are_refused_with_the_reason_and_the_connection_goes_on() {
    let hosts = Hosts::start();
    let stream = UnixStream::connect(control_path(&hosts.directory)).unwrap();
    let mut stream = BufReader::new(stream);
    for (line, reason) in [
        ("garbage", "this is no request"),
        (r#"{"op":"fly"}"#, "unknown variant"),
        (r#"{"op":"stop","stream":9}"#, "there is no stream 9"),
        (r#"{"op":"begin_interval","stream":9}"#, "there is no stream 9"),
        (
            r#"{"op":"start_flow","from":"north","to":"east","per_second":1,"frame_len":100}"#,
            "no host 'north'",
        ),
        (
            r#"{"op":"start_flow","from":"west","to":"east","per_second":0,"frame_len":100}"#,
            "per_second: 0",
        ),
        (
            r#"{"op":"start_flow","from":"west","to":"east","per_second":1,"frame_len":9000}"#,
            "frame_len: 9000",
        ),
    ] {
        stream.get_mut().write_all(line.as_bytes()).unwrap();
        stream.get_mut().write_all(b"\n").unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).unwrap();
        match serde_json::from_str(&answer).unwrap() {
            Response::Error { message } => assert!(message.contains(reason), "{line}: {message}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    // A line that never ends is not stored for ever.
    let endless = vec![b'x'; 70 << 10];
    let _ = stream.get_mut().write_all(&endless);
    assert!(!matches!(stream.read_line(&mut String::new()), Ok(length) if length > 0));
    assert!(hosts.client().list().is_ok());
}

#[test]
fn a_configuration_that_cannot_be_is_refused_by_name() {
    let directory = std::env::temp_dir();
    for (change, reason) in [
        (
            &(|host: &mut HostSpec| host.address = "10.0.0.1".into()) as &dyn Fn(&mut HostSpec),
            "host 'east': address",
        ),
        (
            &|host: &mut HostSpec| host.mac = Some("01:00:5e:00:00:01".into()),
            "host 'east': mac",
        ),
    ] {
        let mut config = config();
        config.hosts.remove(0);
        change(&mut config.hosts[0]);
        let error = HostsProcess::open(&config, &directory)
            .err()
            .expect("refused")
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn requests_have_the_form_that_the_documentation_shows() {
    let golden = r#"{"op":"start_flow","from":"west","to":"east","per_second":20000,"frame_len":128}"#;
    let request = Request::StartFlow {
        from: "west".into(),
        to: "east".into(),
        per_second: 20_000,
        frame_len: 128,
    };
    assert_eq!(serde_json::to_string(&request).unwrap(), golden);
    assert_eq!(serde_json::from_str::<Request>(golden).unwrap(), request);
    let report = r#"{"op":"report","stream":1,"settle_ms":500}"#;
    let request = Request::Report {
        stream: 1,
        interval: None,
        settle_ms: 500,
    };
    assert_eq!(serde_json::from_str::<Request>(report).unwrap(), request);
}
