//! The router between real hosts: network namespaces, veth pairs with their default offloads, packet wires, and
//! measured by tools that know nothing of it.

mod dissect;
mod feed;
mod flow;
mod graceful;
mod lab;
mod late;
mod neighbourhood;
mod neighbours;
mod nonstop;
mod peers;
mod poison;
mod router;
mod stream;
mod switchover;
mod tools;
mod view;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests of this file load both processors of a small machine: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Waits for the other tests of this file; `None`, with a line that says why, when the test cannot run here.
fn ready(name: &str, tools: &[&str]) -> Option<MutexGuard<'static, ()>> {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    match tools::obstacle(tools) {
        None => Some(guard),
        Some(why) => {
            println!("SKIPPED {name}: {why}");
            None
        }
    }
}
