//! Figures of many rounds as three: the middle, the tail, the worst.

use serde::Serialize;

/// p50, p99 and maximum, by nearest rank: each is a value that did occur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// Half of the values are not above it.
    pub p50: u64,
    /// Of a hundred values 99 are not above it.
    pub p99: u64,
    /// The highest.
    pub max: u64,
}

impl Distribution {
    /// That of `values`, in any order; all zero for none.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        let rank = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Distribution {
            p50: rank(50),
            p99: rank(99),
            max: rank(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_values_that_occurred() {
        for (values, p50, p99, max) in [
            (vec![], 0, 0, 0),
            (vec![7], 7, 7, 7),
            (vec![9, 1], 1, 9, 9),
            (vec![3, 1, 2], 2, 3, 3),
            ((1..=100).rev().collect(), 50, 99, 100),
            ((1..=200).collect(), 100, 198, 200),
        ] {
            assert_eq!(Distribution::of(values), Distribution { p50, p99, max });
        }
    }
}
