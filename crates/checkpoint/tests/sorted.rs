//! The ordered map against the standard library's, through all its splits and joins.

use checkpoint::SortedMap;
use std::collections::BTreeMap;
use std::ops::Bound;

type Model = BTreeMap<u32, u64>;

fn next(state: &mut u64) -> u32 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as u32
}

fn compare(map: &SortedMap<u32, u64>, model: &Model) {
    assert_eq!(map.len(), model.len());
    assert_eq!(map.is_empty(), model.is_empty());
    assert!(map.iter().eq(model), "in order");
    assert!(map.iter().rev().eq(model.iter().rev()), "backwards");
}

fn compare_range(map: &SortedMap<u32, u64>, model: &Model, from: u32, to: u32) {
    use Bound::{Excluded, Included, Unbounded};
    let bounds = [
        (Included(from), Excluded(to)),
        (Excluded(from), Included(to)),
        (Unbounded, Excluded(from)),
        (Excluded(to), Unbounded),
    ];
    for bounds in bounds {
        assert!(map.range(bounds).eq(model.range(bounds)), "{bounds:?}");
        let backwards = map.range(bounds).rev();
        assert!(backwards.eq(model.range(bounds).rev()), "{bounds:?}");
    }
    let (mut met, mut range) = (0, map.range(from..to));
    while range.next().is_some() {
        met += 1;
        met += usize::from(range.next_back().is_some());
    }
    assert_eq!(met, model.range(from..to).count(), "from both ends");
}

fn insert(map: &mut SortedMap<u32, u64>, model: &mut Model, key: u32, value: u64) {
    assert_eq!(map.insert(key, value), model.insert(key, value));
    assert_eq!(map.find(&key).map(|place| map.at(place)), Ok((&key, &value)));
}

fn remove(map: &mut SortedMap<u32, u64>, model: &mut Model, key: u32) {
    assert_eq!(map.remove(&key), model.remove(&key));
    assert_eq!(map.get(&key), None);
}

#[test]
fn a_map_that_grows_and_shrinks_at_random_holds_what_the_standard_map_holds() {
    for (seed, keys) in [(1, 300), (2, 20_000), (3, 200_000), (4, u32::MAX)] {
        let (mut map, mut model, mut state) = (SortedMap::new(), Model::default(), seed);
        // Phases of growing and of shrinking, until nothing is left.
        for removes_of_8 in [1, 3, 7, 2, 6, 8] {
            for step in 0..40_000u64 {
                let key = next(&mut state) % keys;
                // Of many keys, one that is there.
                let known = map.range(key..).next().map_or(key, |(key, _)| *key);
                if next(&mut state) % 8 < removes_of_8 {
                    remove(&mut map, &mut model, known);
                } else {
                    insert(&mut map, &mut model, key, step);
                }
            }
            compare(&map, &model);
            let (a, b) = (next(&mut state) % keys, next(&mut state) % keys);
            compare_range(&map, &model, a.min(b), a.max(b));
        }
        let left: Vec<u32> = map.iter().map(|(key, _)| *key).collect();
        for key in left {
            remove(&mut map, &mut model, key);
        }
        compare(&map, &model);
    }
}

#[test]
fn a_map_filled_in_order_from_either_side_splits_and_joins_its_branches() {
    for is_rising in [true, false] {
        let (mut map, mut model) = (SortedMap::new(), Model::default());
        for step in 0..60_000u32 {
            let key = if is_rising { step } else { 60_000 - step };
            insert(&mut map, &mut model, key, u64::from(step));
        }
        compare(&map, &model);
        compare_range(&map, &model, 10_000, 50_000);
        for key in (0..=60_000).filter(|key| key % 50 != 0) {
            remove(&mut map, &mut model, key);
        }
        compare(&map, &model);
        compare(&map, &model);
    }
}

#[test]
fn a_place_that_was_not_there_takes_its_row_wherever_it_falls() {
    for gap in 0..200 {
        let (mut map, mut model) = (SortedMap::new(), Model::default());
        for key in (0..200).filter(|key| *key != gap) {
            insert(&mut map, &mut model, key * 2, 0);
        }
        insert(&mut map, &mut model, gap * 2, 1);
        compare(&map, &model);
    }
}
