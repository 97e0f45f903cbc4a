//! Who may depend on whom. The table below is the one place where an edge between crates, or a new dependency, is
//! recorded; `cargo metadata` must agree with it.
//!
//! ```text
//!   machine ─▶ packet ─▶ checkpoint ─▶ chassis ─▶ protocols ─▶ rp ─▶ runtime ─▶ holdover
//!                                         redundancy ──────────▲       sim ──────▲
//! ```

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What a crate is allowed.
struct Room {
    name: &'static str,
    kind: Kind,
    /// Crates of this workspace that it may use, in tests too.
    rooms: &'static [&'static str],
    /// Crates from outside that it may use.
    outside: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Only `core` and `alloc`: no clock, socket, thread, entropy or environment.
    Pure,
    /// A pure crate about one protocol or table: it must not know about redundancy.
    Protocol,
    /// May use the standard library.
    Std,
    /// May use the standard library and `unsafe`.
    Unsafe,
}

impl Kind {
    fn is_pure(self) -> bool {
        matches!(self, Kind::Pure | Kind::Protocol)
    }
}

/// Every crate; each may use only crates above it.
const ROOMS: &[Room] = &[
    room("machine", Kind::Pure, &[], &[]),
    room("packet", Kind::Pure, &[], &[]),
    room("checkpoint", Kind::Pure, &["machine"], &["prost", "xxhash-rust"]),
    room("redundancy", Kind::Pure, &["machine"], &["prost"]),
    room("config", Kind::Protocol, &["machine", "packet"], &["xxhash-rust"]),
    room(
        "chassis",
        Kind::Protocol,
        &["machine", "packet", "checkpoint"],
        &["prost"],
    ),
    room(
        "line",
        Kind::Protocol,
        &["machine", "packet", "checkpoint", "chassis"],
        &["prost"],
    ),
    room(
        "rib",
        Kind::Protocol,
        &["machine", "packet", "checkpoint", "chassis"],
        &["prost", "serde"],
    ),
    room(
        "tcp",
        Kind::Protocol,
        &["machine", "packet", "checkpoint"],
        &["prost", "smoltcp", "md-5"],
    ),
    room(
        "linecard",
        Kind::Protocol,
        &["machine", "packet", "checkpoint", "chassis"],
        &["prost"],
    ),
    room(
        "bgp",
        Kind::Protocol,
        &["machine", "packet", "checkpoint", "config"],
        &["prost", "serde"],
    ),
    room("management", Kind::Pure, &["machine", "config"], &[]),
    room("traffic", Kind::Pure, &["machine", "packet"], &["serde"]),
    room("rp", Kind::Pure, RP_USES, &["prost", "serde", "serde_json"]),
    room("runtime", Kind::Unsafe, RUNTIME_USES, RUNTIME_OUTSIDE),
    room("sim", Kind::Std, SIM_USES, &["xxhash-rust"]),
    room(
        "fuzzing",
        Kind::Std,
        FUZZING_USES,
        &[
            "serde_json",
            "bgpkit-parser",
            "netgauze-bgp-pkt",
            "netgauze-parse-utils",
        ],
    ),
    room(
        "holdover",
        Kind::Std,
        &["machine", "packet", "rp", "runtime", "sim"],
        &["clap"],
    ),
];

#[rustfmt::skip]
const RP_USES: &[&str] = &[
    "machine", "packet", "checkpoint", "chassis", "redundancy", "config", "line", "rib", "tcp", "bgp", "management",
];
#[rustfmt::skip]
const RUNTIME_USES: &[&str] = &[
    "machine", "packet", "checkpoint", "chassis", "redundancy", "config", "management", "linecard", "traffic",
    "tcp", "rp",
];
const RUNTIME_OUTSIDE: &[&str] = &[
    "rustix",
    "libc",
    "hmac",
    "sha2",
    "serde",
    "serde_json",
    "toml",
    "prost",
];
#[rustfmt::skip]
const SIM_USES: &[&str] = &[
    "machine", "packet", "checkpoint", "chassis", "redundancy", "config", "line", "rib", "linecard", "management",
    "traffic", "rp", "tcp",
];
#[rustfmt::skip]
const FUZZING_USES: &[&str] = &[
    "machine", "packet", "checkpoint", "chassis", "redundancy", "config", "line", "rib", "linecard", "management",
    "tcp", "traffic", "rp", "runtime",
];
/// What tests of any crate may use besides.
const TEST_OUTSIDE: &[&str] = &["proptest", "serde_json", "rustix", "prost"];

const fn room(
    name: &'static str,
    kind: Kind,
    rooms: &'static [&'static str],
    outside: &'static [&'static str],
) -> Room {
    Room {
        name,
        kind,
        rooms,
        outside,
    }
}

/// One dependency as `cargo metadata` tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: String,
    to: String,
    inside: bool,
    for_tests: bool,
}

/// What the edges do that the table does not allow, in words.
fn objections(crates: &BTreeSet<String>, edges: &BTreeSet<Edge>) -> Vec<String> {
    const WHERE: &str = "record it in tests/crate_edges.rs if it belongs there";
    let mut objections = Vec::new();
    let rooms: BTreeMap<&str, &Room> = ROOMS.iter().map(|room| (room.name, room)).collect();
    for name in crates {
        if !rooms.contains_key(name.as_str()) {
            objections.push(format!("crate {name} is not in the table: {WHERE}"));
        }
    }
    for name in rooms.keys() {
        if !crates.contains(*name) {
            objections.push(format!(
                "crate {name} of the table does not exist: take it out of tests/crate_edges.rs"
            ));
        }
    }
    for edge in edges {
        let Some(room) = rooms.get(edge.from.as_str()) else {
            continue;
        };
        let allowed = if edge.inside { room.rooms } else { room.outside };
        let for_tests = edge.for_tests && !edge.inside && TEST_OUTSIDE.contains(&edge.to.as_str());
        if !for_tests && !allowed.contains(&edge.to.as_str()) {
            objections.push(format!("{} may not use {}: {WHERE}", edge.from, edge.to));
        }
    }
    objections
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
            "--locked",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

fn crates_and_edges() -> (BTreeSet<String>, BTreeSet<Edge>) {
    let metadata = metadata();
    let (mut crates, mut edges) = (BTreeSet::new(), BTreeSet::new());
    for package in metadata["packages"].as_array().expect("packages") {
        let from = package["name"].as_str().expect("a name").to_string();
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            edges.insert(Edge {
                from: from.clone(),
                to: dependency["name"].as_str().expect("a name").to_string(),
                inside: dependency["path"].is_string(),
                for_tests: dependency["kind"] == "dev",
            });
        }
        crates.insert(from);
    }
    (crates, edges)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_edge_between_crates_is_in_the_table() {
    let (crates, edges) = crates_and_edges();
    assert!(edges.len() > 20, "cargo metadata tells of edges: {edges:?}");
    let objections = objections(&crates, &edges);
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn a_planted_edge_or_crate_is_objected_to() {
    let (crates, edges) = crates_and_edges();
    let edge = |from: &str, to: &str, inside, for_tests| Edge {
        from: from.into(),
        to: to.into(),
        inside,
        for_tests,
    };
    let planted = [
        (
            edge("rib", "redundancy", true, false),
            "rib may not use redundancy",
        ),
        (
            edge("line", "redundancy", true, true),
            "line may not use redundancy",
        ),
        (
            edge("packet", "runtime", true, false),
            "packet may not use runtime",
        ),
        (
            edge("machine", "rustix", false, false),
            "machine may not use rustix",
        ),
        (edge("rp", "toml", false, false), "rp may not use toml"),
    ];
    let before = objections(&crates, &edges);
    for (edge, expected) in planted {
        let mut edges = edges.clone();
        edges.insert(edge);
        let mut objections = objections(&crates, &edges);
        objections.retain(|objection| !before.contains(objection));
        assert!(
            matches!(objections.as_slice(), [only] if only.starts_with(expected)),
            "{expected}: {objections:?}"
        );
    }
    let mut more = crates.clone();
    more.insert("ospf".into());
    assert!(objections(&more, &edges)[0].starts_with("crate ospf is not in the table"));
    let mut fewer = crates;
    fewer.remove("rib");
    assert!(objections(&fewer, &edges)[0].starts_with("crate rib of the table does not exist"));
}

#[test]
fn the_table_itself_keeps_the_direction_of_the_design() {
    let position = |name: &str| {
        ROOMS
            .iter()
            .position(|room| room.name == name)
            .expect("a room of the table")
    };
    for (index, room) in ROOMS.iter().enumerate() {
        for used in room.rooms {
            assert!(
                position(used) < index,
                "{} uses {used}, which stands below it",
                room.name
            );
            let other = &ROOMS[position(used)];
            assert!(
                !room.kind.is_pure() || other.kind.is_pure(),
                "{} is pure, {used} is not",
                room.name
            );
            assert!(
                room.kind != Kind::Protocol || other.name != "redundancy",
                "{} is a protocol and must not know redundancy",
                room.name
            );
        }
    }
}

#[test]
fn pure_crates_say_no_std() {
    for room in ROOMS.iter().filter(|room| room.kind.is_pure()) {
        let path = root().join("crates").join(room.name).join("src/lib.rs");
        let text = std::fs::read_to_string(&path).expect("a pure crate has a lib.rs");
        assert!(
            text.lines().any(|line| line == "#![no_std]"),
            "{} lacks #![no_std]",
            path.display()
        );
    }
}

#[test]
fn only_the_runtime_may_use_unsafe() {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    assert!(workspace.contains("\nunsafe_code = \"deny\"\n"));
    for room in ROOMS.iter().filter(|room| room.kind != Kind::Unsafe) {
        let directory = match room.name {
            "holdover" => root().to_path_buf(),
            name => root().join("crates").join(name),
        };
        let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).expect("a manifest");
        assert!(
            manifest.contains("\n[lints]\nworkspace = true\n"),
            "{} must take the workspace's lints, which deny unsafe code",
            room.name
        );
    }
}
