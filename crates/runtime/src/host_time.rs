//! Processor time of the host that went to other machines.
//!
//! On a host that is a virtual machine a round that took long may have been one in which nothing here ran at all. Benches
//! say so beside what they measured.

/// A stretch of time, and what of it was stolen.
#[derive(Clone, Copy, Debug)]
pub struct StolenTime {
    before_ms: u64,
}

impl StolenTime {
    /// It begins now.
    pub fn begin() -> StolenTime {
        StolenTime {
            before_ms: stolen_ms().unwrap_or_default(),
        }
    }

    /// Processor time that was stolen since, in milliseconds of one processor; 0 where the kernel does not tell.
    pub fn so_far_ms(self) -> u64 {
        stolen_ms().unwrap_or_default().saturating_sub(self.before_ms)
    }
}

/// Time that all processors of this host together wanted to run and were not let by the machine below it, since it was
/// booted, in milliseconds; 0 on a machine of its own. `None` where the kernel does not tell.
fn stolen_ms() -> Option<u64> {
    stolen_in(
        &std::fs::read_to_string("/proc/stat").ok()?,
        rustix::param::clock_ticks_per_second(),
    )
}

/// The eighth figure of the first line (proc_stat(5), `steal`).
fn stolen_in(stat: &str, ticks_per_second: u64) -> Option<u64> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: u64 = all.split_whitespace().nth(7)?.parse().ok()?;
    Some(ticks.saturating_mul(1_000) / ticks_per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_figure_of_all_processors() {
        let stat = "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1 2 3\n";
        assert_eq!(stolen_in(stat, 100), Some(800));
        assert_eq!(stolen_in("cpu  1 2 3 4\n", 100), None);
        assert_eq!(stolen_in("", 100), None);
        assert_ne!(stolen_ms(), None, "this kernel tells");
    }
}
