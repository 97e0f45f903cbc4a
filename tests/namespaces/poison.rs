//! What FRR and BIRD see of steps that kill whoever makes them: the one that such a step was for loses its session, and
//! all others notice nothing.

use crate::neighbourhood::{Neighbourhood, TOOLS, assert_nothing_lost};
use crate::router::Slot;
use crate::tools::wait_until;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Steps that kill, and the number of the neighbour that they are made for: FRR (1) or BIRD (2), each in an AS of its
/// own. Numbers 3 and 4 are never meant.
const POISONS: [(&str, u8); 4] = [("pack", 1), ("decide", 2), ("parse", 1), ("timer", 2)];

#[test]
fn a_step_that_kills_a_route_processor_costs_one_session_and_no_other_neighbour_notices() {
    let name = "a_step_that_kills_a_route_processor_costs_one_session_and_no_other_neighbour_notices";
    let Some(_turn) = crate::ready(name, TOOLS) else {
        return;
    };
    let mut neighbourhood = Neighbourhood::start("poison", false, "");
    let flows = neighbourhood.flows_between(&[3, 4]);
    let mut batches = BTreeSet::new();
    let mut losses = [0; 4];
    for (step, number) in POISONS {
        losses[usize::from(number - 1)] += 1;
        one_session_pays(&mut neighbourhood, step, number, &mut batches, &losses);
    }
    assert_nothing_lost(flows);
}

/// The active dies of the step, its successor does not make it, and an operator ends what is done instead. `losses`: how
/// often each neighbour has lost its session by then.
fn one_session_pays(
    neighbourhood: &mut Neighbourhood,
    step: &str,
    number: u8,
    batches: &mut BTreeSet<u8>,
    losses: &[u64; 4],
) {
    let old = neighbourhood.router.wait_for_pair();
    let address = neighbourhood.neighbours[usize::from(number - 1)].address();
    let trap = format!("trap {step} {address}");
    neighbourhood.router.fault(old, &trap);
    if step != "decide" {
        // The successor takes out the neighbour's routes, which is to decide about them: that must not be deadly here.
        neighbourhood.router.fault(old.peer(), &trap);
    }
    provoke(neighbourhood, old, step, number, batches);
    neighbourhood.router.wait_for_end(old);
    neighbourhood.router.restart(old);
    neighbourhood.wait_for_withdrawal(number);
    let new = neighbourhood.router.wait_for_pair();
    assert_eq!(new, old.peer(), "{step}: the successor lives");
    assert_sessions(neighbourhood, number, losses, step);
    assert_says_why(neighbourhood, new, step, address);
    neighbourhood.router.fault(new, "trap off");
    let clear = format!("enable\nclear ip bgp {address}\n");
    neighbourhood.router.console(new, &clear);
    neighbourhood.wait_for_routes(batches);
}

/// What makes the active take this step for a neighbour.
fn provoke(neighbourhood: &Neighbourhood, active: Slot, step: &str, number: u8, batches: &mut BTreeSet<u8>) {
    let victim = &neighbourhood.neighbours[usize::from(number - 1)];
    match step {
        "pack" => {
            batches.insert(number);
            victim.peer.announce();
        }
        "decide" => {
            // With all that it has told in memory, policy is applied by a walk over its routes.
            let address = victim.address();
            let keep = format!("neighbor {address} soft-reconfiguration inbound");
            for lines in [
                format!("configure terminal\nrouter bgp 65000\n{keep}\nend\n"),
                format!("clear ip bgp {address} soft in\n"),
            ] {
                let said = neighbourhood.router.console(active, &format!("enable\n{lines}"));
                assert!(!said.contains("REJECTED"), "{said}");
            }
        }
        "parse" => {
            batches.remove(&number);
            victim.peer.withdraw();
        }
        _ => {}
    }
}

/// One neighbour has lost its session, and it does not come back; the others have what they had.
fn assert_sessions(neighbourhood: &Neighbourhood, victim: u8, losses: &[u64; 4], step: &str) {
    for (neighbour, losses) in neighbourhood.neighbours.iter().zip(losses) {
        let name = neighbour.name();
        let is_victim = neighbour.number == victim;
        if is_victim {
            wait_until(&format!("{name} has lost its session"), || {
                !neighbour.session().is_established
            });
        }
        let session = neighbour.session();
        let established_count = losses + u64::from(!is_victim);
        assert_eq!(
            (
                session.is_established,
                session.established_count,
                session.dropped_count
            ),
            (!is_victim, established_count, *losses),
            "{step}: {name}"
        );
    }
}

fn assert_says_why(neighbourhood: &Neighbourhood, active: Slot, step: &str, victim: Ipv4Addr) {
    let asked = "enable\nterminal length 0\nshow logging\nshow ip bgp summary\n";
    let said = neighbourhood.router.console(active, asked);
    for line in [
        format!("%BGP-2-QUARANTINE: neighbor {victim} Quarantined (step {step}, offset "),
        format!("%BGP-5-ADJCHANGE: neighbor {victim} Down Quarantined"),
    ] {
        assert!(said.contains(&line), "{line} in\n{said}");
    }
    let mut summary = said.lines().map(str::trim_end);
    let of_victim = format!("{victim} ");
    let is_told = summary.any(|line| line.starts_with(&of_victim) && line.ends_with("Idle (Quar)"));
    assert!(is_told, "{said}");
}
