use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Console, config, parse};
use crate::policy::{
    CommunityListKind, ListCommand, ListName, MatchLine, MetricChange, PrefixListEntry, RouteMapCommand,
    RouteMapPlace, RouteOrigin, SetCommunity, SetLine,
};
use crate::{ConfigCommand, ConfigurationTree, Mode};

/// The lines of policy after these commands.
fn shown(commands: &str) -> Vec<String> {
    let mut console = Console::new();
    console.lines(commands);
    let lines = console.tree.running_config();
    let is_policy = |line: &&String| {
        let words = [
            "ip as-path",
            "ip community",
            "ip prefix-list",
            "route-map",
            " match",
            " set",
            " description",
        ];
        words.iter().any(|word| line.starts_with(word))
    };
    lines.iter().filter(is_policy).cloned().collect()
}

#[test]
fn lists_and_route_maps_are_shown_as_the_vendor_does() {
    let commands = "ip prefix-list P permit 10.1.2.3/8\nip prefix-list P seq 7 deny 0.0.0.0/0 le 32\n\
        ip prefix-list P permit 10.0.0.0/8 ge 9 le 24\nip prefix-list P description All of ours\n\
        ip as-path access-list 7 permit ^65001_\nip as-path access-list 7 deny .*\n\
        ip community-list 5 permit 100:1 NO-EXPORT\nip community-list 5 deny internet\n\
        ip community-list standard CS permit 65536\nip community-list 150 permit _100:[0-9]+_\n\
        ip community-list expanded CE deny ^$\nroute-map M\nmatch ip address prefix-list P Q\n\
        match ip address prefix-list R P\nmatch as-path 7 8\nmatch community 5 CS exact-match\n\
        match ip next-hop prefix-list N\nmatch metric 5\nmatch local-preference 100\nset local-preference 200\n\
        set metric +5\nset weight 7\nset origin incomplete\nset ip next-hop 10.9.9.9\n\
        set as-path prepend 65000 1.0\nset community 100:2 gshut additive\nset comm-list CE delete\n\
        set large-community 1:2:3\ndescription Into the core\nroute-map M deny 20\nroute-map N permit 5\n\
        set community none\nset metric 3";
    let expected = "ip as-path access-list 7 permit ^65001_
ip as-path access-list 7 deny .*
ip community-list 150 permit _100:[0-9]+_
ip community-list 5 permit 100:1 no-export
ip community-list 5 deny internet
ip community-list expanded CE deny ^$
ip community-list standard CS permit 1:0
ip prefix-list P description All of ours
ip prefix-list P seq 5 permit 10.0.0.0/8
ip prefix-list P seq 7 deny 0.0.0.0/0 le 32
ip prefix-list P seq 10 permit 10.0.0.0/8 ge 9 le 24
route-map M permit 10
 description Into the core
 match ip address prefix-list P Q R
 match ip next-hop prefix-list N
 match as-path 7 8
 match community 5 CS exact-match
 match metric 5
 match local-preference 100
 set local-preference 200
 set metric +5
 set weight 7
 set origin incomplete
 set ip next-hop 10.9.9.9
 set as-path prepend 65000 65536
 set comm-list CE delete
 set community 100:2 gshut additive
 set large-community 1:2:3
route-map M deny 20
route-map N permit 5
 set metric 3
 set community none";
    assert_eq!(shown(commands).join("\n"), expected);
}

/// What is configured first, a line that undoes part of it, and what is left.
#[rustfmt::skip]
const UNDONE: &[(&str, &str, &[&str])] = &[
    ("ip prefix-list P permit 10.0.0.0/8", "no ip prefix-list P", &[]),
    ("ip prefix-list P permit 10.0.0.0/8\nip prefix-list P deny 11.0.0.0/8", "no ip prefix-list P seq 5",
     &["ip prefix-list P seq 10 deny 11.0.0.0/8"]),
    ("ip prefix-list P permit 10.0.0.0/8", "no ip prefix-list P permit 10.0.0.0/8", &[]),
    ("ip prefix-list P description X", "no ip prefix-list P description", &[]),
    ("ip as-path access-list 1 permit _1_\nip as-path access-list 1 deny _2_",
     "no ip as-path access-list 1 permit _1_", &["ip as-path access-list 1 deny _2_"]),
    ("ip as-path access-list 1 permit _1_", "no ip as-path access-list 1", &[]),
    ("ip community-list 1 permit 1:1", "no ip community-list 1", &[]),
    ("ip community-list expanded A permit 1", "no ip community-list expanded A permit 1", &[]),
    ("route-map A\nset weight 1\nroute-map A deny 20", "no route-map A permit 10", &["route-map A deny 20"]),
    ("route-map A\nroute-map A deny 20", "no route-map A", &[]),
    ("route-map A\nmatch as-path 1 2 3", "no match as-path 2", &["route-map A permit 10", " match as-path 1 3"]),
    ("route-map A\nmatch as-path 1 2 3", "no match as-path", &["route-map A permit 10"]),
    ("route-map A\nmatch metric 1", "no match metric 1", &["route-map A permit 10"]),
    ("route-map A\nset metric -5", "no set metric", &["route-map A permit 10"]),
    ("route-map A\nset origin incomplete", "no set origin incomplete", &["route-map A permit 10"]),
    ("route-map A\nset community none", "default set community", &["route-map A permit 10"]),
    ("route-map A\nset community 1:1", "no set community none", &["route-map A permit 10"]),
    ("route-map A\nset comm-list X delete", "no set comm-list X delete", &["route-map A permit 10"]),
    ("route-map A\ndescription X", "no description", &["route-map A permit 10"]),
    ("route-map A\nset weight 3\nroute-map A deny 10", "set weight 4", &["route-map A deny 10", " set weight 4"]),
];

#[test]
fn what_is_undone_is_gone_and_the_rest_stays() {
    for (commands, undo, left) in UNDONE {
        assert_eq!(shown(&alloc::format!("{commands}\n{undo}")), *left, "{undo}");
        let mut console = Console::new();
        let fresh = console.tree.digest();
        console.lines(commands).lines(undo);
        if left.is_empty() {
            assert_eq!(console.tree.digest(), fresh, "{undo}");
            assert_eq!(console.tree, Console::new().tree, "{undo}");
        }
    }
}

/// Lines that are refused, and with what.
#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("ip prefix-list P permit 10.0.0.0/8 ge 8",
     "% Invalid prefix range for 10.0.0.0/8, make sure: len < ge-value <= le-value"),
    ("ip prefix-list P permit 10.0.0.0/8 ge 24 le 16",
     "% Invalid prefix range for 10.0.0.0/8, make sure: len < ge-value <= le-value"),
    ("ip prefix-list P permit 11.0.0.0/8", "%Insertion failed - prefix-list entry exists: seq 5 permit 11.0.0.0/8"),
    ("ip prefix-list P seq 5 deny 11.0.0.0/8", "%Insertion failed - seq # exists: seq 5 permit 11.0.0.0/8"),
    ("no ip prefix-list P deny 11.0.0.0/8", "%Can't find specified prefix-list entry"),
    ("no ip prefix-list P seq 6", "%Can't find specified prefix-list entry"),
    ("no ip prefix-list Q", "% Can't find list Q"),
    ("ip prefix-list E seq 4294967294 permit 1.0.0.0/8", ""),
    ("ip prefix-list E permit 2.0.0.0/8", "%Insertion failed - no sequence number left"),
    ("ip as-path access-list 1 permit (", ""),
    ("no ip as-path access-list 1", "% Can't find list 1"),
    ("ip community-list expanded S permit 1", "% Community-list S exists with another type: remove it first"),
    ("no ip community-list standard T", "% Can't find list T"),
    ("no route-map X", "% Could not find route-map X"),
    ("no route-map M 20", "% Nothing of that kind is configured"),
];

#[test]
fn what_cannot_be_is_refused_as_the_vendor_refuses_it() {
    let mut console = Console::new();
    console.lines("ip prefix-list P permit 11.0.0.0/8\nip community-list standard S permit 1:1\nroute-map M");
    for (line, told) in REFUSED {
        console.lines("hostname Router");
        if told.is_empty() && line.ends_with('(') {
            let told = console.refused(line);
            assert!(
                told.starts_with("% Can't compile regular expression at character "),
                "{told}"
            );
        } else if told.is_empty() {
            console.lines(line);
        } else {
            assert_eq!(console.refused(line), *told, "{line}");
        }
    }
    let long = alloc::format!("route-map {}", "x".repeat(64));
    assert_eq!(
        console.refused(&long),
        "% Name refused: 1 to 63 characters, and not a number alone"
    );
    console.lines("route-map M");
    assert_eq!(
        console.refused("no set weight"),
        "% Nothing of that kind is configured"
    );
    console.lines("no route-map M\nip prefix-list P seq 9 permit 12.0.0.0/8");
    let gone = config(Mode::RouteMap(place("M", 10)), "set weight 1");
    let error = console.tree.apply(&gone).unwrap_err();
    assert_eq!(error.to_string(), "% Could not find route-map M");
}

#[test]
fn what_is_no_command_gets_its_marker() {
    let entry = Mode::RouteMap(place("M", 10));
    for (mode, line, column) in [
        (Mode::Global, "ip prefix-list P permit 10.0.0.0", 24),
        (Mode::Global, "ip as-path access-list 501 permit _1_", 23),
        (Mode::Global, "ip community-list 1 permit 1:1:1", 27),
        (Mode::Global, "ip community-list 1 permit 70000:1", 27),
        (Mode::Global, "ip community-list standard 1 permit 1:1", 27),
        (entry, "match community exact-match", 16),
        (entry, "set community additive", 14),
        (entry, "set large-community 1:2", 20),
        (entry, "set as-path prepend 0", 20),
        (entry, "set metric *5", 11),
    ] {
        let error = parse(mode, line).unwrap_err();
        assert_eq!(
            (error.kind, error.column),
            (crate::ParseErrorKind::Invalid, column),
            "{line}"
        );
    }
}

#[test]
fn a_route_map_leads_to_its_entry() {
    let permit = config(Mode::Global, "route-map M 20");
    assert_eq!(permit.next_mode(), Mode::RouteMap(place("M", 20)));
    assert_eq!(permit.next_mode().path(), "route-map M permit 20");
    assert_eq!(permit.next_mode().prompt_suffix(), "(config-route-map)#");
    let other = config(permit.next_mode(), "route-map N deny 5");
    assert_eq!(other.next_mode().path(), "route-map N deny 5");
    assert_eq!(Mode::from_path("no route-map M"), None);
}

fn place(name: &str, sequence: u16) -> RouteMapPlace {
    RouteMapPlace {
        name: ListName::new(name).unwrap(),
        permit: true,
        sequence,
    }
}

fn name() -> impl Strategy<Value = String> {
    "[A-C]"
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(name(), 1..4)
}

fn expression() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[_^.0-9]{0,4}[0-9$]", 1 => Just(String::from("("))]
}

fn entry() -> impl Strategy<Value = PrefixListEntry> {
    let length = || proptest::option::of(1u8..=32);
    (any::<bool>(), 0u8..3, 6u8..=10, length(), length()).prop_map(|(permit, network, length, ge, le)| {
        PrefixListEntry {
            permit,
            prefix: packet::Prefix::new([10 + network, 0, 0, 0].into(), length).unwrap(),
            ge,
            le,
        }
    })
}

/// Lists of a kind and a name that fit each other, most of the time.
fn community_list() -> impl Strategy<Value = (CommunityListKind, String)> {
    prop_oneof![
        (1u8..4).prop_map(|number| (CommunityListKind::Standard, number.to_string())),
        (100u8..103).prop_map(|number| (CommunityListKind::Expanded, number.to_string())),
        name().prop_map(|name| (CommunityListKind::Standard, name)),
        name().prop_map(|name| (CommunityListKind::Expanded, name)),
    ]
}

fn list_command() -> impl Strategy<Value = ListCommand> {
    let sequence = || proptest::option::of(1u32..20);
    let text = proptest::option::of("[a-z ]{0,90}x".prop_map(|text| String::from(text.trim())));
    let community = (community_list(), any::<bool>(), any::<bool>(), expression()).prop_map(
        |((kind, name), permit, set, expression)| {
            let text = match kind {
                CommunityListKind::Standard => String::from("100:1 no-export"),
                CommunityListKind::Expanded => expression,
            };
            ListCommand::Community {
                kind,
                name,
                permit,
                text,
                set,
            }
        },
    );
    prop_oneof![
        4 => (name(), sequence(), entry())
            .prop_map(|(name, sequence, entry)| ListCommand::PrefixList { name, sequence, entry }),
        1 => (name(), sequence(), entry())
            .prop_map(|(name, sequence, entry)| ListCommand::NoPrefixListEntry { name, sequence, entry }),
        1 => (name(), sequence()).prop_map(|(name, sequence)| ListCommand::NoPrefixList { name, sequence }),
        1 => (name(), text).prop_map(|(name, text)| ListCommand::PrefixListDescription { name, text }),
        3 => (1u16..4, any::<bool>(), expression(), any::<bool>()).prop_map(|(number, permit, expression, set)| {
            ListCommand::AsPath { number, permit, expression, set }
        }),
        1 => (1u16..4).prop_map(ListCommand::NoAsPath),
        3 => community,
        1 => community_list().prop_map(|(kind, name)| ListCommand::NoCommunity { kind, name }),
        4 => (name(), any::<bool>(), 1u16..4)
            .prop_map(|(name, permit, sequence)| ListCommand::RouteMap { name, permit, sequence }),
        1 => (name(), proptest::option::of(1u16..4))
            .prop_map(|(name, sequence)| ListCommand::NoRouteMap { name, sequence }),
    ]
}

fn match_line() -> impl Strategy<Value = MatchLine> {
    prop_oneof![
        names().prop_map(MatchLine::PrefixList),
        names().prop_map(MatchLine::NextHop),
        proptest::collection::vec((1u8..5).prop_map(|number| number.to_string()), 1..4)
            .prop_map(MatchLine::AsPath),
        (names(), any::<bool>()).prop_map(|(lists, exact)| MatchLine::Community { lists, exact }),
        any::<u32>().prop_map(MatchLine::Metric),
        any::<u32>().prop_map(MatchLine::LocalPreference),
    ]
}

fn set_line() -> impl Strategy<Value = SetLine> {
    let change = prop_oneof![
        any::<u32>().prop_map(MetricChange::To),
        any::<u32>().prop_map(MetricChange::Add),
        any::<u32>().prop_map(MetricChange::Subtract),
    ];
    let values = proptest::collection::vec(1u32.., 1..4);
    prop_oneof![
        any::<u32>().prop_map(SetLine::LocalPreference),
        change.prop_map(SetLine::Metric),
        any::<u16>().prop_map(SetLine::Weight),
        proptest::sample::select(vec![RouteOrigin::Igp, RouteOrigin::Incomplete]).prop_map(SetLine::Origin),
        any::<[u8; 4]>().prop_map(|address| SetLine::NextHop(address.into())),
        values.clone().prop_map(SetLine::Prepend),
        name().prop_map(SetLine::CommListDelete),
        Just(SetLine::Community(SetCommunity::None)),
        (values, any::<bool>())
            .prop_map(|(values, additive)| SetLine::Community(SetCommunity::Values { values, additive })),
        (proptest::collection::vec(any::<[u32; 3]>(), 1..3), any::<bool>())
            .prop_map(|(values, additive)| SetLine::LargeCommunity { values, additive }),
    ]
}

fn line_command() -> impl Strategy<Value = RouteMapCommand> {
    let text = proptest::option::of("[a-z ]{0,90}x".prop_map(|text| String::from(text.trim())));
    prop_oneof![
        1 => text.prop_map(RouteMapCommand::Description),
        4 => match_line().prop_map(RouteMapCommand::Match),
        2 => match_line().prop_map(RouteMapCommand::NoMatch),
        5 => set_line().prop_map(RouteMapCommand::Set),
    ]
}

/// Commands about policy.
pub(super) fn command() -> impl Strategy<Value = ConfigCommand> {
    prop_oneof![
        list_command().prop_map(ConfigCommand::List),
        (name(), 1u16..4, line_command()).prop_map(|(name, sequence, command)| {
            ConfigCommand::RouteMapEntry {
                place: place(&name, sequence),
                command,
            }
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_configured_of_policy_is_written_and_read_as_the_same(
        commands in proptest::collection::vec(command(), 0..120)
    ) {
        let tree = ConfigurationTree::new();
        super::expect_written_and_read_as_the_same(tree, &commands)?;
    }
}
