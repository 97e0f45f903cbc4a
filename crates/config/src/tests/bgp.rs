use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Console, config, parse};
use crate::bgp::{
    BestPathRule, BgpTimers, Direction, FilterKind, MaximumPrefix, NeighborName, NeighborSetting, Password,
    RedistributedSource, SendCommunity, TableMap,
};
use crate::{BgpCommand, Command, ConfigCommand, ConfigurationTree, Grammar, Mode, ReturnCode, load};

const AS: u32 = 65_000;

/// The lines of BGP after these commands.
fn shown(commands: &str) -> Vec<String> {
    let mut console = Console::new();
    console.lines(commands);
    let lines = console.tree.running_config();
    let of_bgp = lines.iter().skip_while(|line| !line.starts_with("router bgp"));
    of_bgp.take_while(|line| *line != "!").cloned().collect()
}

#[test]
fn the_running_configuration_shows_bgp_as_the_vendor_does() {
    let commands = "router bgp 65000\nneighbor 10.0.0.2 remote-as 65001\nbgp router-id 1.1.1.1\n\
        no bgp default ipv4-unicast\nbgp graceful-restart\nbgp graceful-restart restart-time 60\n\
        bgp graceful-restart stalepath-time 90\ntimers bgp 20 60\nmaximum-paths 4\nmaximum-paths ibgp 2\n\
        table-map T filter\nbgp bestpath as-path multipath-relax\nbgp bestpath med missing-as-worst\nbgp cluster-id 7\n\
        network 10.0.0.0\nnetwork 192.168.4.0 mask 255.255.252.0 route-map M\nnetwork 172.16.0.0 mask 255.255.0.0\n\
        redistribute connected\nredistribute static metric 5 route-map S\ndefault-information originate\n\
        network 0.0.0.0 mask 0.0.0.0\n\
        neighbor 10.0.0.2 description The other end\nneighbor 10.0.0.2 password opensesame\n\
        neighbor 10.0.0.2 ebgp-multihop\nneighbor 10.0.0.2 update-source e0/0\nneighbor 10.0.0.2 timers 3 9\n\
        neighbor 10.0.0.2 ha-mode sso\nneighbor 10.0.0.2 ha-mode graceful-restart disable\n\
        neighbor 10.0.0.2 transport connection-mode passive\nneighbor 10.0.0.2 activate\n\
        neighbor 10.0.0.2 next-hop-self\nneighbor 10.0.0.2 send-community extended\n\
        neighbor 10.0.0.2 send-community\nneighbor 10.0.0.2 maximum-prefix 100 80 warning-only\n\
        neighbor 10.0.0.2 weight 5\nneighbor 10.0.0.2 allowas-in\nneighbor 10.0.0.2 default-originate\n\
        neighbor 10.0.0.2 route-map A in\nneighbor 10.0.0.2 prefix-list B out\nneighbor 10.0.0.2 filter-list 7 in\n\
        neighbor 10.0.0.2 soft-reconfiguration inbound\nneighbor 10.0.0.2 route-reflector-client\n\
        neighbor UP peer-group\nneighbor UP remote-as 4200000000\nneighbor UP ttl-security hops 3\n\
        neighbor UP shutdown message Back at 10:00, é\nneighbor 10.0.0.9 peer-group UP\nno neighbor 10.0.0.9 ha-mode sso";
    assert_eq!(shown(commands).join("\n"), GOLDEN);
}

const GOLDEN: &str = "router bgp 65000
 bgp router-id 1.1.1.1
 bgp cluster-id 0.0.0.7
 bgp log-neighbor-changes
 bgp bestpath as-path multipath-relax
 bgp bestpath med missing-as-worst
 no bgp default ipv4-unicast
 bgp graceful-restart restart-time 60
 bgp graceful-restart stalepath-time 90
 bgp graceful-restart
 timers bgp 20 60
 maximum-paths 4
 maximum-paths ibgp 2
 table-map T filter
 redistribute connected
 redistribute static metric 5 route-map S
 default-information originate
 network 0.0.0.0
 network 10.0.0.0
 network 172.16.0.0
 network 192.168.4.0 mask 255.255.252.0 route-map M
 neighbor UP peer-group
 neighbor UP remote-as 4200000000
 neighbor UP shutdown message Back at 10:00, é
 neighbor UP ttl-security hops 3
 neighbor 10.0.0.2 remote-as 65001
 neighbor 10.0.0.2 description The other end
 neighbor 10.0.0.2 password opensesame
 neighbor 10.0.0.2 ebgp-multihop
 neighbor 10.0.0.2 update-source Ethernet0/0
 neighbor 10.0.0.2 timers 3 9
 neighbor 10.0.0.2 ha-mode sso
 neighbor 10.0.0.2 ha-mode graceful-restart disable
 neighbor 10.0.0.2 transport connection-mode passive
 neighbor 10.0.0.2 activate
 neighbor 10.0.0.2 next-hop-self
 neighbor 10.0.0.2 route-reflector-client
 neighbor 10.0.0.2 soft-reconfiguration inbound
 neighbor 10.0.0.2 send-community both
 neighbor 10.0.0.2 maximum-prefix 100 80 warning-only
 neighbor 10.0.0.2 weight 5
 neighbor 10.0.0.2 allowas-in
 neighbor 10.0.0.2 default-originate
 neighbor 10.0.0.2 prefix-list B out
 neighbor 10.0.0.2 route-map A in
 neighbor 10.0.0.2 filter-list 7 in
 neighbor 10.0.0.9 peer-group UP
 no neighbor 10.0.0.9 ha-mode sso";

/// Settings of the process that can be undone.
#[rustfmt::skip]
const OF_PROCESS: &[&str] = &[
    "bgp router-id 1.1.1.1", "bgp cluster-id 1.1.1.1", "no bgp log-neighbor-changes", "bgp graceful-restart",
    "bgp graceful-restart restart-time 5", "bgp graceful-restart stalepath-time 5", "no bgp ha-mode sso",
    "no bgp default ipv4-unicast", "bgp always-compare-med", "bgp bestpath as-path ignore",
    "bgp bestpath as-path multipath-relax", "bgp bestpath compare-routerid",
    "bgp bestpath med missing-as-worst", "timers bgp 1 3", "maximum-paths 2", "maximum-paths ibgp 2",
    "table-map T", "table-map T filter",
    "network 10.0.0.0", "network 0.0.0.0", "network 0.0.0.0 route-map A", "redistribute connected",
    "redistribute static route-map A metric 4", "default-information originate",
];

/// Settings of a neighbour that can be undone.
#[rustfmt::skip]
const OF_NEIGHBOR: &[&str] = &[
    "description Some text", "shutdown", "shutdown message Back at 10:00 UTC", "password x", "ebgp-multihop 2", "ttl-security hops 2",
    "update-source Ethernet0/0", "timers 1 3", "ha-mode sso", "ha-mode graceful-restart",
    "transport connection-mode passive", "activate", "next-hop-self", "route-reflector-client",
    "soft-reconfiguration inbound", "send-community", "send-community both", "maximum-prefix 5",
    "maximum-prefix 5 50 restart 3", "weight 5", "allowas-in 4", "default-originate route-map A",
    "route-map A in", "route-map A out", "prefix-list A in", "prefix-list A out", "filter-list 1 in",
    "filter-list 1 out",
];

#[test]
fn every_setting_goes_away_with_its_no_form_and_with_its_default_form() {
    let of_neighbor = OF_NEIGHBOR
        .iter()
        .map(|setting| alloc::format!("neighbor 10.0.0.2 {setting}"));
    let settings = OF_PROCESS.iter().map(ToString::to_string).chain(of_neighbor);
    for setting in settings {
        let mut console = Console::new();
        console.lines("router bgp 65000\nneighbor 10.0.0.2 remote-as 65001");
        let before = console.tree.clone();
        let bare = setting.strip_prefix("no ");
        for undo in [
            bare.map_or(alloc::format!("no {setting}"), String::from),
            alloc::format!("default {}", bare.unwrap_or(&setting)),
        ] {
            let undo = match undo.as_str() {
                // Off is a setting of its own where silence means something else.
                "no neighbor 10.0.0.2 ha-mode sso" => "default neighbor 10.0.0.2 ha-mode sso".into(),
                "no neighbor 10.0.0.2 activate" => "default neighbor 10.0.0.2 activate".into(),
                _ => undo,
            };
            assert_eq!(console.line(&setting), Ok(ReturnCode::Applied), "{setting}");
            assert_eq!(console.line(&setting), Ok(ReturnCode::Unchanged), "{setting}");
            assert_ne!(console.tree.digest(), before.digest(), "{setting}");
            assert_eq!(console.line(&undo), Ok(ReturnCode::Applied), "{undo}");
            assert_eq!(console.tree, before, "{undo}");
            assert_eq!(console.tree.digest(), before.digest(), "{undo}");
        }
    }
}

/// Lines that are refused, and with what.
#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("router bgp 65001", "BGP is already running; AS is 65000"),
    ("no router bgp 65001", "BGP is already running; AS is 65000"),
    ("neighbor 10.0.0.3 shutdown", "% Specify remote-as or peer-group commands first"),
    ("no neighbor 10.0.0.3", "% Specify remote-as or peer-group commands first"),
    ("neighbor LOST timers 1 3", "% Specify remote-as or peer-group commands first"),
    ("neighbor 10.0.0.3 peer-group LOST", "% Create the peer-group first"),
    ("neighbor 10.0.0.3 peer-group UP", "% Specify remote-as or peer-group commands first"),
    ("neighbor 10.0.0.1 remote-as 5", "% Cannot configure the local system as neighbor"),
    ("neighbor 224.0.0.1 remote-as 5", "% Not a valid neighbor address - 224.0.0.1"),
    ("neighbor 10.0.0.3 peer-group", "% Invalid command for a neighbor address: give the name of a peer-group"),
    ("neighbor UP peer-group UP", "% Invalid command for a peer-group: give the address of a neighbor"),
    ("timers bgp 1 2",
     "% Invalid timers: the hold time is 0, or 3 seconds at least and more than the keepalive time"),
    ("neighbor 10.0.0.2 timers 9 9",
     "% Invalid timers: the hold time is 0, or 3 seconds at least and more than the keepalive time"),
    ("neighbor 10.0.0.2 ttl-security hops 1", "% Remove ebgp-multihop before configuring ttl-security"),
    ("neighbor UP ebgp-multihop", "% Remove ttl-security before configuring ebgp-multihop"),
    ("neighbor 10.0.0.2 password 7 zz",
     "% Invalid encrypted password: two digits, then pairs of hexadecimal digits"),
    ("neighbor 10.0.0.2 password 5 zz", "% Invalid encryption type 5: use 0 (plain) or 7"),
    ("neighbor 10.0.0.2 update-source e7/7",
     "% Interface Ethernet7/7 does not exist: create it with \"interface Ethernet7/7\" first"),
    ("bgp router-id 0.0.0.0", "% Bad router-id or cluster-id - 0.0.0.0"),
    ("network 10.0.0.1 mask 255.0.0.0", "% BGP: Incorrect network or mask/prefix-length configured"),
    ("network 10.0.0.1", "% BGP: Incorrect network or mask/prefix-length configured"),
    ("network 0.1.0.0", "% BGP: Incorrect network or mask/prefix-length configured"),
    ("network 0.0.0.0 mask 255.0.0.0", "% BGP: Incorrect network or mask/prefix-length configured"),
    ("network 10.0.0.0 mask 255.0.255.0", "% BGP: Incorrect network or mask/prefix-length configured"),
    ("no network 11.0.0.0", "% Nothing of that kind is configured"),
    ("no neighbor 10.0.0.2 route-map A in", "% Nothing of that kind is configured"),
];

#[test]
fn what_cannot_be_is_refused_as_the_vendor_refuses_it() {
    let mut console = Console::new();
    console.lines(
        "interface e0/0\nip address 10.0.0.1 255.0.0.0\nrouter bgp 65000\nneighbor UP peer-group\n\
         neighbor UP ttl-security hops 2\nneighbor 10.0.0.2 remote-as 1\nneighbor 10.0.0.2 ebgp-multihop",
    );
    for (line, told) in REFUSED {
        assert_eq!(console.refused(line), *told, "{line}");
    }
    let long = alloc::format!("neighbor 10.0.0.2 description {}", "x".repeat(81));
    assert_eq!(
        console.refused(&long),
        "% Description refused: 80 bytes at most, no control characters"
    );
    // Bytes count, not characters.
    let long = |bytes: usize| alloc::format!("neighbor 10.0.0.2 shutdown message x{}", "é".repeat(bytes / 2));
    assert_eq!(
        console.refused(&long(256)),
        "% Message refused: it has 257 bytes, and a neighbor is told 255 at most (RFC 9003): shorten it"
    );
    assert_eq!(console.line(&long(255)), Ok(ReturnCode::Applied));
    console.lines("no neighbor 10.0.0.2 shutdown");
    let long = alloc::format!("neighbor {} peer-group", "x".repeat(64));
    assert_eq!(
        console.refused(&long),
        "% Invalid peer-group name: 63 characters at most, the first of them a letter"
    );
    let long = alloc::format!("neighbor 10.0.0.2 password {}", "x".repeat(81));
    assert_eq!(
        console.refused(&long),
        "% Password refused: 1 to 80 bytes, no control characters"
    );
    console.lines("interface e1/3");
    assert_eq!(
        console.refused("ip address 10.0.0.2 255.255.255.0"),
        "% 10.0.0.0 overlaps with Ethernet0/0"
    );
    console.lines("router bgp 65000\nneighbor 11.0.0.2 remote-as 1\ninterface e1/3");
    assert_eq!(
        console.refused("ip address 11.0.0.2 255.255.255.0"),
        "% 11.0.0.2 is a BGP neighbor: remove that neighbor first"
    );
    console.lines("no router bgp 65000");
    assert_eq!(console.refused("no router bgp"), "% BGP is not running");
}

#[test]
fn what_is_no_command_gets_its_marker() {
    for (line, column) in [
        ("neighbor 10.0.0.300 remote-as 1", 9),
        ("neighbor 10.0.0.2 remote-as 0", 28),
        ("neighbor 10.0.0.2 remote-as 4294967296", 28),
        ("neighbor 10.0.0.2 ebgp-multihop 256", 32),
        ("bgp graceful-restart restart-time 3601", 34),
        ("maximum-paths 17", 14),
        ("maximum-paths ibgp 17", 19),
        ("default-information originate always", 30),
        ("address-family ipv6", 18),
    ] {
        let error = parse(Mode::Bgp(AS), line).unwrap_err();
        assert_eq!(
            (error.kind, error.column),
            (crate::ParseErrorKind::Invalid, column),
            "{line}"
        );
    }
    let plain = config(Mode::Bgp(AS), "neighbor 10.0.0.2 remote-as 65546");
    assert_eq!(config(Mode::Bgp(AS), "neighbor 10.0.0.2 remote-as 1.10"), plain);
}

#[test]
fn the_address_family_takes_its_commands_and_leads_back() {
    let family = Mode::BgpFamily(AS);
    assert_eq!(
        config(Mode::Bgp(AS), "address-family ipv4 unicast").next_mode(),
        family
    );
    let inside = config(family, "neighbor 10.0.0.2 next-hop-self");
    assert_eq!((inside.mode(), inside.next_mode()), (family, family));
    let above = config(family, "neighbor 10.0.0.2 remote-as 1");
    assert_eq!(
        above.next_mode(),
        Mode::Bgp(AS),
        "a command of the router leads back to it"
    );
    assert_eq!(config(family, "hostname A").next_mode(), Mode::Global);
    for line in ["exit-address-family", "exit"] {
        let command = parse(family, line).unwrap();
        assert_eq!(command.next_mode(&family), Some(Mode::Bgp(AS)), "{line}");
    }
    let loaded = load(
        "router bgp 65000\n neighbor 10.0.0.2 remote-as 1\n !\n address-family ipv4\n  network 10.0.0.0\n  \
         neighbor 10.0.0.2 activate\n exit-address-family\n neighbor 10.0.0.3 remote-as 2\n!\nhostname B\n",
    );
    assert_eq!(loaded.errors, []);
    let bgp = loaded.tree.bgp().unwrap();
    assert_eq!((bgp.networks().count(), bgp.neighbors().count()), (1, 2));
}

#[test]
fn help_names_what_can_follow() {
    let help = |line| Grammar::standard().help(&Mode::Bgp(AS), line).render();
    assert_eq!(
        help("neighbor ?".trim_end_matches('?')),
        "  A.B.C.D  Neighbor address\n  WORD     Neighbor tag\n\n"
    );
    assert_eq!(
        help("neighbor 10.0.0.2 ha-mode "),
        "  graceful-restart  Graceful restart with this neighbor\n  sso               Stateful switchover: sessions survive it unnoticed\n\n"
    );
    assert!(help("").starts_with("Router configuration commands:\n  address-family "));
    let family = Grammar::standard().help(&Mode::BgpFamily(AS), "").render();
    assert!(
        family.contains("  exit-address-family  ") && !family.contains("  timers "),
        "{family}"
    );
}

#[test]
fn a_short_hold_time_is_taken_with_a_warning() {
    let warning = "% Warning: A hold time of less than 20 seconds increases the chances of peer flapping";
    for (line, told) in [
        ("timers bgp 3 9", warning),
        ("neighbor 10.0.0.2 timers 6 19", warning),
        ("timers bgp 7 20", ""),
        ("timers bgp 0 0", ""),
        ("no timers bgp", ""),
    ] {
        assert_eq!(config(Mode::Bgp(AS), line).notice(), told, "{line}");
    }
}

#[test]
fn members_go_with_the_as_of_their_peer_group_unless_they_have_their_own() {
    let group = "router bgp 65000\nneighbor UP peer-group\nneighbor UP remote-as 5\nneighbor 10.0.0.2 peer-group UP\n\
                 neighbor 10.0.0.3 remote-as 6\nneighbor 10.0.0.3 peer-group UP\n";
    for (end, left) in [
        (
            "no neighbor UP remote-as",
            [
                "neighbor UP peer-group",
                "neighbor 10.0.0.3 remote-as 6",
                "neighbor 10.0.0.3 peer-group UP",
            ]
            .as_slice(),
        ),
        ("no neighbor UP peer-group", &["neighbor 10.0.0.3 remote-as 6"]),
        ("no neighbor UP", &["neighbor 10.0.0.3 remote-as 6"]),
        (
            "no neighbor 10.0.0.2 peer-group",
            &[
                "neighbor UP peer-group",
                "neighbor UP remote-as 5",
                "neighbor 10.0.0.3 remote-as 6",
                "neighbor 10.0.0.3 peer-group UP",
            ],
        ),
        (
            "no neighbor 10.0.0.3 remote-as",
            &[
                "neighbor UP peer-group",
                "neighbor UP remote-as 5",
                "neighbor 10.0.0.2 peer-group UP",
                "neighbor 10.0.0.3 peer-group UP",
            ],
        ),
    ] {
        let lines = shown(&alloc::format!("{group}{end}"));
        let lines: Vec<&str> = lines.iter().skip(2).map(|line| line.trim()).collect();
        assert_eq!(lines, left, "{end}");
    }
}

#[test]
fn a_shutdown_keeps_only_its_last_message_and_a_member_its_own() {
    let mut console = Console::new();
    console.lines(
        "router bgp 65000\nneighbor UP peer-group\nneighbor UP remote-as 1\nneighbor 10.0.0.2 peer-group UP\n\
         neighbor UP shutdown message of all\nneighbor 10.0.0.2 shutdown message first",
    );
    let message = |console: &Console| {
        let bgp = console.tree.bgp().unwrap();
        let neighbor = bgp.neighbor([10, 0, 0, 2].into()).unwrap();
        let effective = bgp.effective(neighbor);
        (effective.shutdown, effective.shutdown_message)
    };
    assert_eq!(message(&console), (true, Some("first".into())));
    assert_eq!(
        console.line("neighbor 10.0.0.2 shutdown message second"),
        Ok(ReturnCode::Applied)
    );
    assert_eq!(message(&console), (true, Some("second".into())));
    assert_eq!(
        console.line("neighbor 10.0.0.2 shutdown"),
        Ok(ReturnCode::Applied)
    );
    assert_eq!(message(&console), (true, Some("of all".into())));
    console.lines("no neighbor UP shutdown message of all\nno neighbor 10.0.0.2 shutdown");
    assert_eq!(message(&console), (false, None));
}

fn name() -> impl Strategy<Value = String> {
    "[A-C]{1,2}"
}

fn who() -> impl Strategy<Value = NeighborName> {
    prop_oneof![
        3 => (1u8..5).prop_map(|host| NeighborName::Address([10, 0, 0, host].into())),
        1 => name().prop_map(NeighborName::PeerGroup),
    ]
}

fn timers() -> impl Strategy<Value = BgpTimers> {
    (0u16..20, 0u16..40).prop_map(|(keepalive_s, hold_s)| BgpTimers { keepalive_s, hold_s })
}

fn maximum_prefix() -> impl Strategy<Value = MaximumPrefix> {
    let end = prop_oneof![
        Just((false, None)),
        Just((true, None)),
        (1u16..).prop_map(|minutes| (false, Some(minutes)))
    ];
    (1u32..=i32::MAX as u32, 1u8..=100, end).prop_map(
        |(limit, threshold_percent, (warning_only, restart_min))| MaximumPrefix {
            limit,
            threshold_percent,
            warning_only,
            restart_min,
        },
    )
}

fn session_setting() -> impl Strategy<Value = NeighborSetting> {
    use NeighborSetting as Setting;
    let password = prop_oneof![
        "[0-9a-z ]{0,6}x".prop_map(|text| Password::typed(0, text.trim().into())),
        "0[0-9]([0-9A-F]{2}){1,4}".prop_map(|text| Password::typed(7, text)),
    ];
    prop_oneof![
        4 => proptest::option::of(1u32..4).prop_map(Setting::RemoteAs),
        2 => Just(Setting::PeerGroup),
        3 => proptest::option::of(name()).prop_map(Setting::MemberOf),
        1 => proptest::option::of("[a-z!?é ]{0,90}x".prop_map(|text| text.trim().into())).prop_map(Setting::Description),
        1 => proptest::option::of(proptest::option::of("[a-z é]{0,9}x".prop_map(|text| text.trim().into())))
            .prop_map(Setting::Shutdown),
        1 => proptest::option::of(password).prop_map(Setting::Password),
        1 => proptest::option::of(1u8..=255).prop_map(Setting::EbgpMultihop),
        1 => proptest::option::of(1u8..=254).prop_map(Setting::TtlSecurityHops),
        1 => proptest::option::of((0u8..2).prop_map(|port| machine::PortId::new(0, port))).prop_map(Setting::UpdateSource),
        1 => proptest::option::of(timers()).prop_map(Setting::Timers),
        1 => proptest::option::of(any::<bool>()).prop_map(Setting::HaModeSso),
        1 => proptest::option::of(any::<bool>()).prop_map(Setting::GracefulRestart),
        1 => any::<bool>().prop_map(Setting::Passive),
    ]
}

fn family_setting() -> impl Strategy<Value = NeighborSetting> {
    use NeighborSetting as Setting;
    let kinds = [
        SendCommunity::STANDARD,
        SendCommunity::EXTENDED,
        SendCommunity::BOTH,
    ];
    let filter = prop_oneof![
        name().prop_map(|name| (FilterKind::RouteMap, name)),
        name().prop_map(|name| (FilterKind::PrefixList, name)),
        (1u16..=500).prop_map(|number| (FilterKind::FilterList, number.to_string())),
    ];
    prop_oneof![
        proptest::option::of(any::<bool>()).prop_map(Setting::Activate),
        any::<bool>().prop_map(Setting::NextHopSelf),
        any::<bool>().prop_map(Setting::RouteReflectorClient),
        any::<bool>().prop_map(Setting::SoftReconfiguration),
        (proptest::sample::select(kinds.to_vec()), any::<bool>())
            .prop_map(|(kinds, on)| Setting::SendCommunity(kinds, on)),
        proptest::option::of(maximum_prefix()).prop_map(Setting::MaximumPrefix),
        proptest::option::of(any::<u16>()).prop_map(Setting::Weight),
        proptest::option::of(1u8..=10).prop_map(Setting::AllowAsIn),
        proptest::option::of(proptest::option::of(name())).prop_map(Setting::DefaultOriginate),
        (filter, any::<bool>(), any::<bool>()).prop_map(|((kind, name), comes, set)| Setting::Filter {
            kind,
            direction: if comes { Direction::In } else { Direction::Out },
            name,
            set,
        }),
    ]
}

fn of_process() -> impl Strategy<Value = BgpCommand> {
    let identifier = || proptest::option::of(any::<[u8; 4]>().prop_map(Into::into));
    prop_oneof![
        Just(BgpCommand::AddressFamily),
        identifier().prop_map(BgpCommand::RouterId),
        identifier().prop_map(BgpCommand::ClusterId),
        any::<bool>().prop_map(BgpCommand::LogNeighborChanges),
        any::<bool>().prop_map(BgpCommand::GracefulRestart),
        proptest::option::of(1u16..=3600).prop_map(BgpCommand::RestartTime),
        proptest::option::of(1u16..=3600).prop_map(BgpCommand::StalepathTime),
        any::<bool>().prop_map(BgpCommand::HaMode),
        any::<bool>().prop_map(BgpCommand::DefaultIpv4Unicast),
        (
            proptest::sample::select(BestPathRule::ALL.to_vec()),
            any::<bool>()
        )
            .prop_map(|(rule, on)| BgpCommand::BestPath(rule, on)),
        proptest::option::of(timers()).prop_map(BgpCommand::Timers),
        who().prop_map(BgpCommand::NoNeighbor),
    ]
}

fn of_family() -> impl Strategy<Value = BgpCommand> {
    let network = || {
        (0u8..3, 0u8..3, proptest::option::of(0u8..=32)).prop_map(|(first, second, length)| {
            ([first * 5, second, 0, 0].into(), length.map(packet::netmask))
        })
    };
    let source =
        || proptest::sample::select(&[RedistributedSource::Connected, RedistributedSource::Static][..]);
    prop_oneof![
        proptest::option::of(1u8..=16).prop_map(BgpCommand::MaximumPaths),
        proptest::option::of(1u8..=16).prop_map(BgpCommand::MaximumPathsIbgp),
        proptest::option::of((name(), any::<bool>())).prop_map(|map| {
            BgpCommand::TableMap(map.map(|(route_map, is_filter)| TableMap { route_map, is_filter }))
        }),
        (network(), proptest::option::of(name())).prop_map(|((network, mask), route_map)| {
            BgpCommand::Network {
                network,
                mask,
                route_map,
            }
        }),
        network().prop_map(|(network, mask)| BgpCommand::NoNetwork { network, mask }),
        (
            source(),
            proptest::option::of(any::<u32>()),
            proptest::option::of(name())
        )
            .prop_map(|(source, metric, route_map)| BgpCommand::Redistribute {
                source,
                metric,
                route_map
            }),
        source().prop_map(BgpCommand::NoRedistribute),
        any::<bool>().prop_map(BgpCommand::DefaultInformation),
        (who(), family_setting()).prop_map(|(who, setting)| BgpCommand::Neighbor { who, setting }),
    ]
}

/// Commands about BGP.
pub(super) fn command() -> impl Strategy<Value = ConfigCommand> {
    let number = || prop_oneof![9 => Just(AS), 1 => Just(AS + 1)];
    let below = |command, as_number, in_family| ConfigCommand::Bgp {
        as_number,
        in_family,
        command,
    };
    prop_oneof![
        3 => number().prop_map(ConfigCommand::RouterBgp),
        1 => proptest::option::of(number()).prop_map(ConfigCommand::NoRouterBgp),
        10 => (of_process(), number()).prop_map(move |(command, number)| below(command, number, false)),
        16 => (who(), session_setting(), number()).prop_map(move |(who, setting, number)| {
            // A member of a group is read in the family too; in the router's mode it is the same command.
            below(BgpCommand::Neighbor { who, setting }, number, false)
        }),
        12 => (of_family(), number(), any::<bool>()).prop_map(move |(command, number, in_family)| {
            below(command, number, in_family)
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_configured_of_bgp_is_written_and_read_as_the_same(
        commands in proptest::collection::vec(command(), 0..120)
    ) {
        let mut tree = ConfigurationTree::new();
        tree.add_interface(super::PORT);
        tree.apply(&ConfigCommand::RouterBgp(AS)).unwrap();
        super::expect_written_and_read_as_the_same(tree, &commands)?;
    }
}

/// EXEC lines about routing that mean something of their own.
const EXEC_LINES: &[(&str, &str)] = &[
    ("show ip bgp", "ShowBgp { filter: None }"),
    (
        "sh ip bgp 10.0.0.1",
        "ShowBgp { filter: Some(Address(10.0.0.1)) }",
    ),
    ("sh ip bgp summ", "ShowBgpSummary"),
    ("sh ip bgp nei", "ShowBgpNeighbors { neighbor: None }"),
    (
        "sh ip bgp nei 10.0.0.1",
        "ShowBgpNeighbors { neighbor: Some(10.0.0.1) }",
    ),
    (
        "sh ip bgp nei 10.0.0.1 adv",
        "ShowBgpNeighborRoutes { neighbor: 10.0.0.1, view: Advertised }",
    ),
    (
        "sh ip bgp nei 10.0.0.1 received-routes",
        "ShowBgpNeighborRoutes { neighbor: 10.0.0.1, view: Received }",
    ),
    (
        "sh ip bgp nei 10.0.0.1 routes",
        "ShowBgpNeighborRoutes { neighbor: 10.0.0.1, view: Accepted }",
    ),
    ("show ip bgp all sso summary", "ShowBgpSsoSummary"),
    ("show ip bgp vpnv4 all sso summary", "ShowBgpSsoSummary"),
    ("show ip bgp sso summary", "ShowBgpSsoSummary"),
    (
        "show ip bgp peer-group UP",
        "ShowBgpPeerGroup { name: Some(\"UP\") }",
    ),
    ("show ip route bgp", "ShowRouteProtocol(Bgp)"),
    ("show ip bgp rib-failure", "ShowBgpRibFailure"),
    ("show ip route summary", "ShowRouteSummary"),
    ("show tcp brief", "ShowTcpBrief { all: false }"),
    ("show tcp brief all", "ShowTcpBrief { all: true }"),
    ("show ip prefix-list", "ShowPrefixList { name: None }"),
    ("show route-map A", "ShowRouteMap { name: Some(\"A\") }"),
    (
        "clear ip bgp *",
        "ClearBgp { whom: All, how: Hard, message: None }",
    ),
    (
        "clear ip bgp 10.0.0.1 soft",
        "ClearBgp { whom: Neighbor(10.0.0.1), how: Soft(None), message: None }",
    ),
    (
        "clear ip bgp * message Back at 10:00, é",
        "ClearBgp { whom: All, how: Hard, message: Some(\"Back at 10:00, é\") }",
    ),
    (
        "clear ip bgp 65001 in",
        "ClearBgp { whom: As(65001), how: Soft(Some(In)), message: None }",
    ),
    (
        "clear ip bgp peer-group UP soft out",
        "ClearBgp { whom: PeerGroup(\"UP\"), how: Soft(Some(Out)), message: None }",
    ),
    (
        "clear ip bgp external out",
        "ClearBgp { whom: External, how: Soft(Some(Out)), message: None }",
    ),
    (
        "debug ip bgp",
        "DebugBgp { topic: Sessions, neighbor: None, on: true }",
    ),
    (
        "debug ip bgp 10.0.0.1 upd",
        "DebugBgp { topic: Updates, neighbor: Some(10.0.0.1), on: true }",
    ),
    (
        "no debug ip bgp keepalives",
        "DebugBgp { topic: Keepalives, neighbor: None, on: false }",
    ),
    (
        "undebug ip bgp events",
        "DebugBgp { topic: Events, neighbor: None, on: false }",
    ),
];

#[test]
fn commands_of_the_exec_about_routing_are_read() {
    for (line, expected) in EXEC_LINES {
        match parse(Mode::PrivilegedExec, line) {
            Ok(Command::Exec(crate::ExecCommand::Routing(command))) => {
                assert_eq!(alloc::format!("{command:?}"), *expected, "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    for line in ["clear ip bgp", "show tcp", "show ip bgp sso"] {
        let error = parse(Mode::PrivilegedExec, line).unwrap_err();
        assert_eq!(error.kind, crate::ParseErrorKind::Incomplete, "{line}");
    }
    let looking = parse(Mode::UserExec, "clear ip bgp *").unwrap_err();
    assert_eq!(looking.kind, crate::ParseErrorKind::Invalid);
}
