//! AS_PATH and AS4_PATH (RFC 4271 section 4.3, RFC 6793, RFC 5065).

use alloc::vec::Vec;

use super::Cursor;

/// Stands for an AS number that does not fit two octets (RFC 6793).
pub const AS_TRANS: u32 = 23456;

/// What a segment's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SegmentKind {
    /// In any order.
    Set = 1,
    /// In the order travelled, the last one first.
    Sequence = 2,
    /// As `Sequence`, inside our confederation.
    ConfederationSequence = 3,
    /// As `Set`, inside our confederation.
    ConfederationSet = 4,
}

impl SegmentKind {
    const fn from_number(number: u8) -> Option<SegmentKind> {
        Some(match number {
            1 => SegmentKind::Set,
            2 => SegmentKind::Sequence,
            3 => SegmentKind::ConfederationSequence,
            4 => SegmentKind::ConfederationSet,
            _ => return None,
        })
    }

    /// Whether it is about our confederation only.
    pub const fn is_confederation(self) -> bool {
        matches!(
            self,
            SegmentKind::ConfederationSequence | SegmentKind::ConfederationSet
        )
    }
}

/// Bytes that are no path: an unknown kind of segment, an empty one, one cut short, or AS 0 (RFC 7607).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsPathError;

/// A checked path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsPath<'a> {
    bytes: &'a [u8],
    /// Whether each number has four octets.
    wide: bool,
}

/// One segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// What the numbers are.
    pub kind: SegmentKind,
    bytes: &'a [u8],
    wide: bool,
}

impl<'a> Segment<'a> {
    /// The AS numbers, in their order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + use<'a> {
        let width = width(self.wide);
        self.bytes
            .chunks_exact(width)
            .map(|number| number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / width(self.wide)
    }

    /// Whether there are none; a checked path has no such segment.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

const fn width(wide: bool) -> usize {
    if wide { 4 } else { 2 }
}

impl<'a> AsPath<'a> {
    /// A path through no other AS.
    pub const EMPTY: AsPath<'static> = AsPath {
        bytes: &[],
        wide: true,
    };

    /// Checks a path of numbers of four (`wide`) or two octets.
    ///
    /// # Errors
    /// [`AsPathError`] when it is none.
    pub fn new(bytes: &'a [u8], wide: bool) -> Result<AsPath<'a>, AsPathError> {
        let mut rest = Cursor(bytes);
        while !rest.0.is_empty() {
            let kind = rest.u8().and_then(SegmentKind::from_number);
            let count = rest.u8().filter(|count| *count > 0);
            let numbers = count.and_then(|count| rest.take(usize::from(count) * width(wide)));
            let (Some(_), Some(numbers)) = (kind, numbers) else {
                return Err(AsPathError);
            };
            if numbers
                .chunks_exact(width(wide))
                .any(|number| number.iter().all(|byte| *byte == 0))
            {
                return Err(AsPathError);
            }
        }
        Ok(AsPath { bytes, wide })
    }

    /// The bytes as they stand in the attribute.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether numbers have four octets.
    pub fn is_wide(&self) -> bool {
        self.wide
    }

    /// The segments, in their order.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'a>> + use<'a> {
        let mut rest = Cursor(self.bytes);
        let wide = self.wide;
        core::iter::from_fn(move || {
            let kind = SegmentKind::from_number(rest.u8()?)?;
            let count = usize::from(rest.u8()?);
            let bytes = rest.take(count * width(wide))?;
            Some(Segment { kind, bytes, wide })
        })
    }

    /// All numbers, in their order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.segments().flat_map(|segment| segment.numbers())
    }

    /// Its length as routes are compared by it: a set counts one, a confederation nothing (RFC 4271 section 9.1.2.2,
    /// RFC 5065 section 5.3).
    pub fn length(&self) -> u32 {
        let length_of = |segment: Segment<'_>| match segment.kind {
            SegmentKind::Sequence => segment.len() as u32,
            SegmentKind::Set => 1,
            SegmentKind::ConfederationSequence | SegmentKind::ConfederationSet => 0,
        };
        self.segments().map(length_of).sum()
    }

    /// The AS that the route was received from: the first of a leading sequence.
    pub fn first(&self) -> Option<u32> {
        let first = self.segments().next()?;
        (first.kind == SegmentKind::Sequence)
            .then(|| first.numbers().next())
            .flatten()
    }

    /// The AS that originated the route: the last of a closing sequence.
    pub fn origin(&self) -> Option<u32> {
        let last = self.segments().last()?;
        (last.kind == SegmentKind::Sequence)
            .then(|| last.numbers().last())
            .flatten()
    }

    /// Whether the path leads through this AS.
    pub fn contains(&self, number: u32) -> bool {
        self.numbers().any(|each| each == number)
    }

    /// How often this AS is in the path.
    pub fn count(&self, number: u32) -> usize {
        self.numbers().filter(|each| *each == number).count()
    }

    /// Whether it has a segment about a confederation.
    pub fn has_confederation(&self) -> bool {
        self.segments().any(|segment| segment.kind.is_confederation())
    }

    /// Whether a number does not fit two octets, so that a speaker of two octets needs AS4_PATH besides.
    pub fn needs_four_octets(&self) -> bool {
        self.wide && self.numbers().any(|number| number > u32::from(u16::MAX))
    }

    /// Appends this path, taken from a speaker of two octets, with the numbers that its AS4_PATH has instead
    /// (RFC 6793 section 4.2.3). Without AS4_PATH, or with one that is longer than the path, it is the path itself.
    pub fn merge(&self, as4_path: Option<AsPath<'_>>, writer: &mut AsPathWriter<'_>) {
        let Some(tail) = as4_path.filter(|tail| tail.length() <= self.length()) else {
            writer.append(self);
            return;
        };
        let mut lead = self.length() - tail.length();
        for segment in self.segments() {
            if segment.kind.is_confederation() {
                writer.begin(segment.kind);
                segment.numbers().for_each(|number| writer.push(number));
                continue;
            }
            if lead == 0 {
                break;
            }
            writer.begin(segment.kind);
            let taken = match segment.kind {
                SegmentKind::Sequence => segment.len().min(lead as usize),
                _ => segment.len(),
            };
            segment
                .numbers()
                .take(taken)
                .for_each(|number| writer.push(number));
            lead -= match segment.kind {
                SegmentKind::Sequence => taken as u32,
                _ => 1,
            };
        }
        for segment in tail.segments().filter(|segment| !segment.kind.is_confederation()) {
            writer.begin(segment.kind);
            segment.numbers().for_each(|number| writer.push(number));
        }
    }
}

/// Appends a path; neighbouring sequences become one, and one of more than 255 numbers becomes several.
#[derive(Debug)]
pub struct AsPathWriter<'o> {
    out: &'o mut Vec<u8>,
    wide: bool,
    /// Kind of the segment under way and where its count stands.
    open: Option<(SegmentKind, usize)>,
}

impl<'o> AsPathWriter<'o> {
    /// Appends to `out`, with numbers of four (`wide`) or two octets; in two, [`AS_TRANS`] stands for what needs four.
    pub fn new(out: &'o mut Vec<u8>, wide: bool) -> Self {
        AsPathWriter {
            out,
            wide,
            open: None,
        }
    }

    /// What follows belongs to a segment of this kind.
    pub fn begin(&mut self, kind: SegmentKind) {
        let goes_on = kind == SegmentKind::Sequence || kind == SegmentKind::ConfederationSequence;
        if goes_on && self.open.is_some_and(|(open, _)| open == kind) {
            return;
        }
        self.out.extend_from_slice(&[kind as u8, 0]);
        self.open = Some((kind, self.out.len() - 1));
    }

    /// One number of the segment under way, which is a sequence if none was begun.
    pub fn push(&mut self, number: u32) {
        if self.open.is_none() {
            self.begin(SegmentKind::Sequence);
        }
        if let Some((kind, at)) = self.open {
            if self.out[at] == u8::MAX {
                self.open = None;
                self.begin(kind);
            }
            let at = self.open.map_or(at, |(_, at)| at);
            self.out[at] += 1;
        }
        if self.wide {
            self.out.extend_from_slice(&number.to_be_bytes());
        } else {
            let number = u16::try_from(number).unwrap_or(AS_TRANS as u16);
            self.out.extend_from_slice(&number.to_be_bytes());
        }
    }

    /// All of `path`.
    pub fn append(&mut self, path: &AsPath<'_>) {
        for segment in path.segments() {
            self.begin(segment.kind);
            segment.numbers().for_each(|number| self.push(number));
        }
    }

    /// All of `path` but its confederation segments.
    pub fn append_outside(&mut self, path: &AsPath<'_>) {
        for segment in path.segments().filter(|segment| !segment.kind.is_confederation()) {
            self.begin(segment.kind);
            segment.numbers().for_each(|number| self.push(number));
        }
    }
}
