//! The outside tools, and how a test waits for what they see.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After so long, what a test waits for will not come any more. No test expects anything to be fast.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where Debian puts the daemons of FRR.
pub const FRR_DIRECTORY: &str = "/usr/lib/frr";

/// What captures show as the time: since 1970.
pub fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970")
}

/// Looks again and again until `look` sees something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Looks again and again until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Why the tests of this file cannot run here; `None` when they can.
pub fn obstacle(tools: &[&str]) -> Option<String> {
    let found = |tool: &&&str| {
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin:" + FRR_DIRECTORY;
        path.split(':')
            .any(|directory| Path::new(directory).join(**tool).exists())
    };
    if let Some(tool) = tools.iter().find(|tool| !found(tool)) {
        return Some(format!("{tool} is not installed"));
    }
    let name = format!("hold-probe-{}", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output();
    match made {
        Ok(output) if output.status.success() => {
            drop(Namespace { name });
            None
        }
        Ok(output) => Some(format!(
            "network namespaces need root: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(error.to_string()),
    }
}

/// Runs `ip` and demands success.
pub fn ip(arguments: &str) -> String {
    succeed(Command::new("ip").args(arguments.split_whitespace()))
}

/// Runs a command to its end and demands success; returns what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = finish(command);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{printed}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A network namespace with a name of its own; gone when it is dropped.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one.
    pub fn add(name: &str) -> Namespace {
        ip(&format!("netns add {name}"));
        let namespace = Namespace {
            name: name.to_string(),
        };
        ip(&format!("-n {name} link set lo up"));
        namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run in it; the process is the program itself, no shell around it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs a command line in it and demands success.
    pub fn run(&self, line: &str) -> String {
        succeed(&mut self.shell(line))
    }

    /// Runs a command line in it; returns what it printed, whatever its end.
    pub fn try_run(&self, line: &str) -> String {
        let output = finish(&mut self.shell(line));
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// Does something on a thread that is in it: a socket made there stays there, wherever it is used.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let handle = std::fs::File::open(Path::new("/run/netns").join(&self.name)).expect("a namespace");
        std::thread::scope(|scope| {
            let worker = scope.spawn(move || {
                move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("a thread in the namespace");
                work()
            });
            worker.join().expect("the thread's end")
        })
    }

    /// Switches IPv6 off on an interface, so that the kernel sends nothing there by itself.
    pub fn quiet(&self, interface: &str) {
        // A kernel without IPv6 has nothing to be switched off.
        self.try_run(&format!("sysctl -qw net.ipv6.conf.{interface}.disable_ipv6=1"));
    }

    fn shell(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let mut command = self.command(words.next().expect("a program"));
        command.args(words);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// A tool that runs until its test is over, or until it is told to stop.
pub struct Tool {
    pub child: Child,
}

impl Tool {
    /// Starts a command line in a namespace.
    pub fn start(namespace: &Namespace, line: &str) -> Tool {
        let child = namespace
            .shell(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        Tool { child }
    }

    /// Asks it to stop (SIGINT).
    pub fn interrupt(&self) {
        succeed(Command::new("kill").args(["-INT", &self.child.id().to_string()]));
    }

    /// Waits for its end and demands success; returns what it printed on standard output and standard error.
    pub fn end(&mut self) -> [String; 2] {
        drop(self.child.stdin.take());
        let mut printed = [String::new(), String::new()];
        if let Some(stream) = &mut self.child.stdout {
            let _ = stream.read_to_string(&mut printed[0]);
        }
        if let Some(stream) = &mut self.child.stderr {
            let _ = stream.read_to_string(&mut printed[1]);
        }
        let status = self.child.wait().expect("a tool's end");
        assert!(status.success(), "a tool ended with {status}: {printed:?}");
        printed
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A counter of the kernel, out of the text of `/proc/net/snmp`.
pub fn kernel_counter(text: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    names
        .split_whitespace()
        .zip(values.split_whitespace())
        .find(|(found, _)| *found == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_else(|| panic!("no counter {protocol} {name}"))
}

/// Processor time of process `pid` in clock ticks (proc(5), fields 14 and 15 of `stat`).
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum()
}

/// Packets of one kind in one direction, each as the bytes that tell it from all others, in order of time.
pub type Flows = BTreeMap<String, Vec<Vec<u8>>>;

/// `tcpdump` on `eth0` of a host.
pub struct Capture {
    tool: Tool,
    path: PathBuf,
}

impl Capture {
    /// Starts it and waits until it listens; it keeps the first `length` bytes of what `filter` lets through.
    pub fn start(namespace: &Namespace, length: usize, filter: &str) -> Capture {
        let path = std::env::temp_dir().join(format!("{}.pcap", namespace.name()));
        let _ = std::fs::remove_file(&path);
        let mut tool = Tool::start(
            namespace,
            &format!(
                "tcpdump -n -U --immediate-mode -Z root -B 65536 -s {length} -i eth0 -w {} {filter}",
                path.display()
            ),
        );
        let mut stderr = BufReader::new(tool.child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            let length = stderr.read_line(&mut line).expect("tcpdump's words");
            assert!(length > 0, "tcpdump does not listen");
        }
        tool.child.stderr = Some(stderr.into_inner());
        Capture { tool, path }
    }

    /// What it has seen so far.
    pub fn frames(&self) -> Vec<Frame> {
        let bytes = std::fs::read(&self.path).expect("a capture file");
        frames(&bytes)
    }

    /// Stops it; returns what it has seen, and demands that the kernel kept nothing from it.
    pub fn finish(mut self) -> Vec<Frame> {
        self.tool.interrupt();
        let [_, said] = self.tool.end();
        assert!(said.contains("0 packets dropped by kernel"), "tcpdump: {said}");
        self.frames()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Who has to find out what failed may want to look into it.
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// An Ethernet frame of a capture.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When, since 1970.
    pub at: Duration,
    pub bytes: Vec<u8>,
}

/// The frames of a capture file (the classic format, in the byte order of this machine; the last may be cut off).
fn frames(bytes: &[u8]) -> Vec<Frame> {
    const FILE_HEADER_LEN: usize = 24;
    const RECORD_HEADER_LEN: usize = 16;
    let mut frames = Vec::new();
    let mut rest = bytes.get(FILE_HEADER_LEN..).unwrap_or_default();
    while rest.len() >= RECORD_HEADER_LEN {
        let word = |at: usize| u32::from_ne_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let end = RECORD_HEADER_LEN + word(8) as usize;
        let Some(frame) = rest.get(RECORD_HEADER_LEN..end) else {
            break;
        };
        frames.push(Frame {
            at: Duration::from_secs(u64::from(word(0))) + Duration::from_micros(u64::from(word(4))),
            bytes: frame.to_vec(),
        });
        rest = &rest[end..];
    }
    frames
}

/// What the frames of a capture are, flow by flow.
pub fn flows(frames: &[Frame]) -> Flows {
    const ETHERNET_LEN: usize = 14;
    let mut flows = Flows::new();
    for frame in frames {
        if let Some((flow, identity)) = frame.bytes.get(ETHERNET_LEN..).and_then(identify) {
            flows.entry(flow).or_default().push(identity);
        }
    }
    flows
}

/// Which flow a packet belongs to, and which of its packets it is: everything of it that no router may change and no
/// offload leaves open.
fn identify(packet: &[u8]) -> Option<(String, Vec<u8>)> {
    const ICMP: u8 = 1;
    const UDP: u8 = 17;
    let header_len = usize::from(packet.first()? & 0xf) * 4;
    let (protocol, source) = (*packet.get(9)?, packet.get(12..16)?);
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    let payload = packet.get(header_len..total)?;
    let source = source.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
    match protocol {
        ICMP => Some((
            format!("icmp type {} from {source}", payload.first()?),
            payload.to_vec(),
        )),
        UDP => {
            // The sender's card was to complete the checksum: it differs before and behind the router.
            let (ports, data) = (payload.get(..4)?, payload.get(8..)?);
            Some((format!("udp from {source}"), [ports, data].concat()))
        }
        _ => None,
    }
}
