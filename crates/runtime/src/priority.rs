//! Priority of the processes of a chassis among everything else on the host.
//!
//! A route processor has a quarter of a second to show that it lives, and a card a full queue when it does not run for a
//! second. On a host that also compiles something, both happen to processes of ordinary priority. Who may raise his
//! priority (root, `CAP_SYS_NICE`, a limit on niceness) therefore does; for others the host's own fairness has to do.

/// Raises this process's priority to the nice value `nice`, from -20 to 19, if it is not raised already and we may.
/// Threads that are started later inherit it. Returns whether it is that high now.
///
/// Where the kernel groups processes by session (sched(7), "The autogroup feature"), a nice value only counts within a
/// session; the leader of one raises its session, too.
pub fn raise_to(nice: i32) -> bool {
    let raised = match rustix::process::getpriority_process(None) {
        Ok(present) if present <= nice => true,
        _ => rustix::process::setpriority_process(None, nice).is_ok(),
    };
    if raised && leads_its_session() {
        // Absent in kernels without the feature, and then there is nothing to raise.
        let _absent = std::fs::write("/proc/self/autogroup", nice.to_string());
    }
    raised
}

/// Whether this process leads its session. In a PID namespace the leader may be outside of it, and then the kernel says
/// that the session is 0, which no `Pid` of `rustix` can be.
fn leads_its_session() -> bool {
    // SAFETY: both calls only read properties of the calling process and cannot fail for it.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// Nice value of route processors and line cards.
pub const NICE_UNIT: i32 = -15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_high_enough_stays_as_it_is() {
        let before = rustix::process::getpriority_process(None).unwrap();
        assert!(raise_to(19));
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), before);
    }
}
