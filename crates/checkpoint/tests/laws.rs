//! The laws hold for sample tables under random edits and link room, and they bite when something is damaged.

use checkpoint::laws::{Pair, delta_law, snapshot_law};
use checkpoint::{
    Acknowledgement, ActiveEnd, ActiveEndConfig, FrameChunk, Index, NoIndex, PeerSync, Row, StandbyEnd,
    StandbyError, Table, TableId, Tables, Tracked,
};
use machine::{Duration, FrameNumber, Instant};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
struct Note {
    text: String,
    weight: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NoteRecord {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(uint32, tag = "2")]
    weight: u32,
}

impl Row for Note {
    type Record = NoteRecord;
    fn to_record(&self) -> NoteRecord {
        let Note { text, weight } = self.clone();
        NoteRecord { text, weight }
    }
    fn from_record(NoteRecord { text, weight }: NoteRecord) -> Result<Self, &'static str> {
        if weight > 1000 {
            Err("weight")
        } else {
            Ok(Note { text, weight })
        }
    }
}

/// Number of rows by weight.
#[derive(Debug, Default, PartialEq)]
struct ByWeight(BTreeMap<u32, usize>);

impl Index<u32, Note> for ByWeight {
    fn inserted(&mut self, _: &u32, note: &Note) {
        *self.0.entry(note.weight).or_default() += 1;
    }
    fn removed(&mut self, _: &u32, note: &Note) {
        let count = self
            .0
            .get_mut(&note.weight)
            .expect("only what was inserted is removed");
        *count -= 1;
        if *count == 0 {
            self.0.remove(&note.weight);
        }
    }
}

const FIRST: TableId = TableId(1);
const SECOND: TableId = TableId(2);

#[derive(Debug)]
struct Sample {
    first: Tracked<u32, Note, ByWeight>,
    second: Tracked<u64, Note, NoIndex>,
}

fn empty() -> Sample {
    Sample {
        first: Tracked::with_recent_changes(FIRST),
        second: Tracked::new(SECOND),
    }
}

impl Tables for Sample {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        visit(&self.first);
        visit(&self.second);
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        visit(&mut self.first);
        visit(&mut self.second);
    }
    fn table(&self, id: TableId) -> Option<&dyn Table> {
        match id {
            FIRST => Some(&self.first),
            SECOND => Some(&self.second),
            _ => None,
        }
    }
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        match id {
            FIRST => Some(&mut self.first),
            SECOND => Some(&mut self.second),
            _ => None,
        }
    }
    fn order(&self) -> &'static [TableId] {
        &[FIRST, SECOND]
    }
    fn is_downloaded(&self, id: TableId) -> bool {
        id == FIRST
    }
}

fn note(weight: u32) -> Note {
    Note {
        text: format!("note of weight {weight}"),
        weight,
    }
}

fn filled(rows: u32) -> Sample {
    let mut sample = empty();
    for key in 0..rows {
        sample.first.insert(key, note(key % 7));
        sample.second.insert(u64::from(key) * 3, note(key % 5));
    }
    sample
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(u32, u32),
    Remove(u32),
    Grow(u32),
    Second(u64, u32),
}

impl Edit {
    fn apply(self, sample: &mut Sample) {
        match self {
            Edit::Insert(key, weight) => sample.first.insert(key, note(weight)),
            Edit::Remove(key) => {
                sample.first.remove(&key);
                sample.second.remove(&u64::from(key));
            }
            Edit::Grow(key) => {
                sample
                    .first
                    .edit(&key, |note| note.weight = (note.weight + 1).min(1000));
            }
            Edit::Second(key, weight) => sample.second.insert(key, note(weight)),
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<(usize, Vec<Edit>)>> {
    let edit = prop_oneof![
        (0..60u32, 0..9u32).prop_map(|(key, weight)| Edit::Insert(key, weight)),
        (0..60u32).prop_map(Edit::Remove),
        (0..60u32).prop_map(Edit::Grow),
        (0..60u64, 0..9u32).prop_map(|(key, weight)| Edit::Second(key, weight)),
    ];
    let room = prop_oneof![Just(0usize), 1..200usize, Just(usize::MAX)];
    prop::collection::vec((room, prop::collection::vec(edit, 0..12)), 0..40)
}

proptest! {
    #[test]
    fn the_snapshot_law_holds(rows in 0..500u32) {
        let pair = snapshot_law(filled(rows), empty).unwrap();
        prop_assert_eq!(pair.standby.first.index(), pair.active.first.index());
        prop_assert_eq!(pair.standby.first.len(), rows as usize);
    }

    #[test]
    fn the_delta_law_holds_at_every_frame(rows in 0..50u32, script in edits()) {
        let steps = script.into_iter().map(|(room, edits)| {
            let step: Box<dyn FnOnce(&mut Sample)> =
                Box::new(move |sample| edits.into_iter().for_each(|edit| edit.apply(sample)));
            (room, step)
        });
        let pair = delta_law(filled(rows), empty, steps).unwrap();
        let rows = |sample: &Sample| sample.first.iter().map(|(k, v)| (*k, v.clone())).collect::<Vec<_>>();
        prop_assert_eq!(rows(&pair.standby), rows(&pair.active));
        prop_assert_eq!(pair.standby.first.index(), pair.active.first.index());
    }

    #[test]
    fn arbitrary_chunks_never_panic(frame in 0..3u64, rows: Vec<u8>, end: bool, begin: bool, count in 0..3u32) {
        let mut sample = empty();
        let mut standby = StandbyEnd::new();
        let chunk = FrameChunk {
            frame, rows, end, rows_in_frame: count, digest: Some(1), bulk_begin: begin, bulk_end: end,
        };
        let _ = standby.chunk(&mut sample, &chunk);
    }
}

#[test]
fn a_damaged_row_is_found_at_the_next_frame() {
    let mut pair = snapshot_law(filled(20), empty).unwrap();
    assert!(pair.standby.first.corrupt_for_audit());
    pair.active.second.insert(999, note(1));
    let error = pair.turn(usize::MAX).unwrap_err();
    assert!(error.contains("digest"), "{error}");
    assert!(!pair.standby_end.in_step());
}

#[test]
fn a_torn_frame_leaves_nothing_behind() {
    let mut pair = snapshot_law(filled(3), empty).unwrap();
    pair.active.first.insert(100, note(1));
    pair.active.first.insert(101, note(1));
    let drained = pair
        .active_end
        .turn_boundary(Instant::from_millis(5), &mut pair.active, usize::MAX, false);
    let mut chunk = drained.to_peer.into_iter().next().unwrap();
    chunk.rows_in_frame += 1;
    let error = pair.standby_end.chunk(&mut pair.standby, &chunk).unwrap_err();
    assert!(matches!(error, StandbyError::Torn { .. }), "{error}");
    assert!(pair.standby.first.get(&100).is_none() && pair.standby.first.get(&101).is_none());
}

#[test]
fn a_skipped_frame_is_refused() {
    let mut pair = snapshot_law(filled(3), empty).unwrap();
    let frame = pair.standby_end.committed().0 + 2;
    let chunk = FrameChunk {
        frame,
        end: true,
        ..FrameChunk::default()
    };
    let error = pair.standby_end.chunk(&mut pair.standby, &chunk).unwrap_err();
    assert!(matches!(error, StandbyError::Sequence { .. }), "{error}");
}

#[test]
fn outputs_wait_for_the_frame_that_holds_their_rows() {
    let mut pair = snapshot_law(filled(3), empty).unwrap();
    let before = pair.active_end.acknowledged();
    assert_eq!(pair.active_end.gate_frame(false), before);
    assert_eq!(pair.active_end.gate_frame(true), before.next());
    pair.active.first.insert(7, note(2));
    let drained = pair
        .active_end
        .turn_boundary(Instant::from_millis(9), &mut pair.active, usize::MAX, false);
    assert_eq!(drained.closed, Some(before.next()));
    assert_eq!(
        pair.active_end.releasable(),
        before,
        "closed, but not yet acknowledged"
    );
}

#[test]
fn the_gate_closes_with_the_frame_that_ends_the_bulk() {
    let mut active = filled(3);
    let mut end = ActiveEnd::new(ActiveEndConfig::default(), FrameNumber(0));
    end.peer_connected();
    let drained = end.turn_boundary(Instant::ZERO, &mut active, usize::MAX, false);
    assert_eq!(drained.closed, Some(FrameNumber(1)));
    assert!(
        !drained.to_peer.last().unwrap().bulk_end,
        "its rows are on their way"
    );
    assert!(!end.bulk_has_work(), "nothing to do until they are there");
    let nothing = end.turn_boundary(Instant::ZERO, &mut active, usize::MAX, false);
    assert_eq!((nothing.closed, nothing.to_peer.len()), (None, 0));
    assert!(
        !end.stalled(Instant::from_millis(60_000)),
        "a slow link takes its time, with the gate open"
    );
    end.turn_boundary(Instant::ZERO, &mut active, usize::MAX, true);
    let digest = 0;
    end.acknowledge(&Acknowledgement { frame: 1, digest }).unwrap();
    let later = Instant::from_millis(60_000);
    let drained = end.turn_boundary(later, &mut active, usize::MAX, false);
    assert!(drained.to_peer.last().unwrap().bulk_end);
    assert_eq!(
        *end.peer(),
        PeerSync::Finishing {
            frame: FrameNumber(3)
        }
    );
    assert!(
        !end.stalled(later + Duration::from_millis(199)),
        "heartbeats of before have no limit"
    );
    assert!(end.stalled(later + Duration::from_millis(200)));
    assert_eq!(end.releasable(), FrameNumber(1));
}

#[test]
fn a_silent_standby_is_out_of_step_after_the_limit_even_when_nothing_changes() {
    let mut pair = snapshot_law(filled(3), empty).unwrap();
    let start = Instant::from_millis(1000);
    pair.active_end
        .turn_boundary(start, &mut pair.active, usize::MAX, true);
    assert!(!pair.active_end.stalled(start + Duration::from_millis(199)));
    assert!(pair.active_end.stalled(start + Duration::from_millis(200)));
}

#[test]
fn a_link_without_room_holds_work_and_coalesces_edits() {
    let mut pair = snapshot_law(filled(3), empty).unwrap();
    let start = Instant::from_millis(1000);
    pair.active.first.insert(1, note(3));
    pair.active.first.insert(2, note(4));
    let drained = pair.active_end.turn_boundary(start, &mut pair.active, 1, false);
    assert!(
        drained.to_peer.is_empty() && drained.closed.is_none(),
        "one row drained, nothing sent yet"
    );
    for weight in 0..9 {
        pair.active.first.insert(1, note(weight));
        pair.active_end.turn_boundary(start, &mut pair.active, 0, false);
    }
    assert!(!pair.active_end.holds_work(start + Duration::from_millis(10)));
    assert!(pair.active_end.holds_work(start + Duration::from_millis(11)));
    pair.settle().unwrap();
    assert_eq!(pair.standby.first.get(&1), Some(&note(8)));
}

#[test]
fn recent_changes_are_given_by_frame_or_not_at_all() {
    let mut pair: Pair<Sample> = snapshot_law(filled(3), empty).unwrap();
    let bulk_end = pair.standby_end.committed();
    pair.active.first.insert(50, note(1));
    pair.active.first.remove(&0);
    pair.settle().unwrap();
    let mut out = checkpoint::RowWriter::new();
    assert!(pair.standby.first.changed_since(bulk_end, &mut out));
    assert_eq!(out.rows(), 2);
    assert!(
        !pair.standby.first.changed_since(FrameNumber(0), &mut out),
        "the bulk has no such log"
    );
}
