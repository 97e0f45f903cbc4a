//! What an operator types about BGP.
//!
//! Policy changes take effect when they are asked to (`clear ip bgp ... soft`), so the last thing that is typed once all
//! is mended is that.

use crate::bgp::options::BgpOptions;
use crate::bgp::world::{ROUTER_AS, neighbor_address, neighbor_port};
use crate::operator::Change;
use crate::world::{Stage, World};
use machine::Duration;

/// How lines begin that clear sessions.
const CLEAR: &str = "clear ip bgp ";
/// For how long after `clear ip bgp ... soft out` routes may be told that are known: it may be a while until the line is
/// carried out, and its consequences wait for a card that was away, which over the slowest link takes twenty seconds to
/// get all its rows again.
const CLEAR_TIME: Duration = Duration::from_secs(30);
/// Of each, the operator has two.
const POLICIES: u64 = 2;
/// What is typed when all is mended.
const LAST_LINE: &str = "clear ip bgp * soft";

/// A change of policy in all ways and directions, for a story: who refers to a list or a map, what it says, and who does
/// not refer to it any more, each applied softly. Typed again from the start it comes to the same; typed once, no `clear`
/// is about somebody who has nothing new to be told, so nothing is told twice.
pub(crate) const POLICY_LINES: &[&str] = &[
    "enable",
    "configure terminal",
    "router bgp 65000",
    "redistribute connected",
    "neighbor 10.0.0.200 prefix-list PL0 in",
    "neighbor 10.0.0.200 route-map RM1 out",
    "neighbor 10.0.1.201 route-map RM0 in",
    "neighbor 10.0.1.201 prefix-list PL1 out",
    "end",
    "clear ip bgp * soft in",
    "clear ip bgp * soft out",
    "configure terminal",
    "ip prefix-list PL0 seq 7 deny 101.0.4.0/24",
    "route-map RM1 permit 10",
    "set metric 60",
    "end",
    "clear ip bgp 10.0.0.200 soft",
    "configure terminal",
    "router bgp 65000",
    "no neighbor 10.0.0.200 prefix-list PL0 in",
    "no neighbor 10.0.1.201 prefix-list PL1 out",
    "end",
    "clear ip bgp 10.0.0.200 soft in",
    "clear ip bgp 10.0.1.201 soft out",
];

/// Lines that an operator types one after the other, and nothing besides. Who loses the console begins again.
#[derive(Default)]
pub(crate) struct Lines {
    all: &'static [&'static str],
    next: usize,
    /// It is not the first time that they are typed.
    again: bool,
    /// The prompt after the last one came back.
    pub(crate) done: bool,
}

impl Lines {
    /// Whether there are any.
    pub(crate) fn exist(&self) -> bool {
        !self.all.is_empty()
    }

    /// A new console is opened.
    pub(crate) fn begin(&mut self) {
        self.again |= self.next > 0;
        self.next = 0;
    }

    /// Whether what is typed now comes of these lines, and for the first time.
    fn are_new(&self) -> bool {
        self.exist() && !self.done && !self.again
    }

    fn take(&mut self) -> Option<&'static str> {
        let line = self.all.get(self.next).filter(|_| !self.done)?;
        self.next += 1;
        Some(line)
    }
}

/// Prefix lists and route maps that the factory's configuration has, for the operator to apply. A map that prepends does
/// so four times, which keeps what [`crate::bgp::script`] says of lengths.
pub(crate) fn factory_policy(options: &BgpOptions) -> &'static str {
    if !options.policy {
        return "";
    }
    "ip prefix-list PL0 seq 5 deny 101.0.3.0/24
ip prefix-list PL0 seq 100 permit 0.0.0.0/0 le 32
ip prefix-list PL1 seq 5 permit 100.64.0.0/10 le 24
route-map RM0 permit 10
 match ip address prefix-list PL1
 set local-preference 200
route-map RM0 permit 20
route-map RM1 permit 10
 set metric 50
 set as-path prepend 64999 64999 64999 64999
"
}

/// A line, and what it does to the configuration.
type Line = (String, Option<Change>);

fn plain(text: impl Into<String>) -> Option<Line> {
    Some((text.into(), None))
}

impl World {
    /// What is typed about BGP at this prompt, if anything.
    pub(crate) fn next_bgp_line(&mut self, prompt: &str) -> Option<Line> {
        let tells_once = self.bgp.lines.are_new();
        let line = self.choose_bgp_line(prompt)?;
        if let Some(whom) = line.0.strip_prefix(CLEAR).filter(|_| !tells_once) {
            self.bgp_cleared(whom);
        }
        Some(line)
    }

    /// Those who are cleared softly are told everything again, unless there is a change to be told instead.
    fn bgp_cleared(&mut self, whom: &str) {
        if !whom.ends_with(" soft") && !whom.ends_with(" soft out") {
            return;
        }
        let now = self.now;
        for node in &mut self.bgp.nodes {
            let address = node.neighbor.config.address.to_string();
            if whom.starts_with("* ") || whom.starts_with(&format!("{address} ")) {
                node.neighbor.expects_repeats(now, CLEAR_TIME);
            }
        }
    }

    fn choose_bgp_line(&mut self, prompt: &str) -> Option<Line> {
        if !self.options.bgp.exists() {
            return None;
        }
        if let Some(line) = self.bgp.lines.take() {
            return plain(line);
        }
        if prompt.ends_with('>') {
            return None;
        }
        let in_mode = |mode: &str| prompt.ends_with(&format!("({mode})#"));
        let inside = in_mode("config-router") || in_mode("config-router-af") || in_mode("config-route-map");
        if self.bgp.last_line_due {
            return match () {
                () if inside || in_mode("config") || in_mode("config-if") => plain("end"),
                () if prompt.ends_with('#') && !prompt.contains('(') => plain(
                    self.release_a_quarantine()
                        .unwrap_or_else(|| String::from(LAST_LINE)),
                ),
                () => None,
            };
        }
        let options = self.options.bgp;
        let types = self.stage == Stage::Faults && (options.policy || options.shutdown);
        if inside {
            return match types && self.draws.chance(2, 3) {
                true if in_mode("config-router") => Some(self.next_router_line()),
                true if in_mode("config-route-map") => self.next_route_map_line(),
                _ => plain("exit"),
            };
        }
        if !types {
            return None;
        }
        if in_mode("config") {
            return match self.draws.below(6) {
                0 | 1 => plain(format!("router bgp {ROUTER_AS}")),
                2 if options.policy => Some(self.next_list_line()),
                3 if options.policy => plain(format!("route-map RM{} permit 10", self.draws.below(POLICIES))),
                _ => None,
            };
        }
        let is_exec = prompt.ends_with('#') && !prompt.contains('(');
        if is_exec && self.draws.chance(1, 5) {
            return Some(self.next_clear_line());
        }
        None
    }

    fn any_neighbor(&mut self) -> (u8, String) {
        let number = self.draws.below(u64::from(self.options.bgp.neighbors)) as u8;
        let address = neighbor_address(number, neighbor_port(number, &self.options));
        (number, address.to_string())
    }

    fn next_router_line(&mut self) -> Line {
        let (number, address) = self.any_neighbor();
        let options = self.options.bgp;
        let no = if self.draws.chance(1, 3) { "no " } else { "" };
        if options.shutdown && (!options.policy || self.draws.chance(1, 4)) {
            self.bgp_reset(number);
            let setting = format!("neighbor {address} shutdown");
            let no = if self.draws.chance(1, 2) { "no " } else { "" };
            let value = no.is_empty().then(|| setting.clone());
            return (format!("{no}{setting}"), Some(Change { setting, value }));
        }
        let policy = self.draws.below(POLICIES);
        let direction = ["in", "out"][self.draws.below(2) as usize];
        let line = match self.draws.below(6) {
            0 | 1 => format!("{no}neighbor {address} prefix-list PL{policy} {direction}"),
            2 | 3 => format!("{no}neighbor {address} route-map RM{policy} {direction}"),
            4 => format!("{no}redistribute {}", ["connected", "static"][policy as usize]),
            _ => format!("{no}network 10.0.1.0 mask 255.255.255.0"),
        };
        (line, None)
    }

    fn next_list_line(&mut self) -> Line {
        let list = self.draws.below(POLICIES);
        let entry = format!("ip prefix-list PL{list} seq {}", 10 + self.draws.below(2));
        if self.draws.chance(1, 3) {
            return (format!("no {entry}"), None);
        }
        let action = ["permit", "deny"][self.draws.below(2) as usize];
        let network = self.draws.below(8);
        (format!("{entry} {action} 101.0.{network}.0/24"), None)
    }

    fn next_route_map_line(&mut self) -> Option<Line> {
        match self.draws.below(3) {
            0 => plain(format!("set metric {}", self.draws.below(3) * 10)),
            1 => plain(format!("set local-preference {}", 100 + 50 * self.draws.below(3))),
            _ => plain(format!(
                "match ip address prefix-list PL{}",
                self.draws.below(POLICIES)
            )),
        }
    }

    fn next_clear_line(&mut self) -> Line {
        let (number, address) = self.any_neighbor();
        if self.options.bgp.shutdown && self.draws.chance(1, 6) {
            self.bgp_reset(number);
            return (format!("clear ip bgp {address}"), None);
        }
        let who = if self.draws.chance(1, 3) { "*" } else { &address };
        let how = ["soft", "soft in", "soft out"][self.draws.below(3) as usize];
        (format!("clear ip bgp {who} {how}"), None)
    }

    /// The operator types these lines, in their order, and then rests.
    pub(crate) fn type_lines(&mut self, all: &'static [&'static str]) {
        self.bgp.lines = Lines {
            all,
            ..Lines::default()
        };
    }

    /// Once all is mended, policy is applied as it is configured.
    pub(crate) fn apply_policy_at_last(&mut self) {
        let is_due = self.options.bgp.policy || self.options.faults.poison > 0;
        self.bgp.last_line_due = self.options.bgp.exists() && is_due;
    }

    /// The operator was told that a line is done.
    pub(crate) fn bgp_line_done(&mut self, line: &str) {
        if line == LAST_LINE {
            self.bgp.last_line_due = false;
        }
        let lines = &mut self.bgp.lines;
        if lines.exist() {
            lines.done |= lines.next == lines.all.len();
            self.operator.stopped = lines.done && !self.bgp.last_line_due;
        }
    }
}
