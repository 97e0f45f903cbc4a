//! Regular expressions of the command line: which lines a filter shows.
//!
//! | written | matches |
//! | --- | --- |
//! | `.` | any character |
//! | `[abc]`, `[a-z]`, `[^0-9]` | one of these characters, one of a range, any other one |
//! | `^`, `$` | the start, the end of the line |
//! | `_` | a blank, comma, brace or parenthesis, the start or the end of the line |
//! | `*`, `+`, `?` | the item before it any number of times, at least once, at most once |
//! | `a\|b`, `(ab)` | either; a group |
//! | `\.` | the character behind the backslash, whatever it is |
//!
//! A match may stand anywhere in the line; upper and lower case differ. There are no back references, so that a line is
//! read once, whatever the pattern:
//!
//! ```text
//!   text ──parse──▶ Node (a tree) ──emit──▶ Program (characters, forks, anchors) ──close──▶ Pattern
//!                                                                                  for each character of the program:
//!                                                                                  which can come right after it
//! ```
//!
//! A set of places in the program is a set of bits; a character of the line leads from one set to the next.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// The longest pattern, in bytes: what a command line has room for.
pub const PATTERN_BYTES_MAX: usize = crate::LINE_BYTES_MAX;

const WORDS: usize = PATTERN_BYTES_MAX.div_ceil(64);
const ASCII: usize = 128;

/// What is wrong with a pattern. The text (`Display`) goes behind the place of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternErrorKind {
    /// `*`, `+` or `?` without anything before it.
    NothingToRepeat,
    /// `(` without `)`.
    UnclosedGroup,
    /// `)` without `(`.
    UnopenedGroup,
    /// `[` without `]`.
    UnclosedClass,
    /// `[z-a]`.
    ReversedRange,
    /// Nothing between two of `(`, `|`, `)` and the ends.
    Empty,
    /// A backslash at the end.
    NothingBehindBackslash,
    /// More than [`PATTERN_BYTES_MAX`].
    TooLong,
}

impl fmt::Display for PatternErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatternErrorKind::NothingToRepeat => "nothing to repeat",
            PatternErrorKind::UnclosedGroup => "'(' without ')'",
            PatternErrorKind::UnopenedGroup => "')' without '('",
            PatternErrorKind::UnclosedClass => "'[' without ']'",
            PatternErrorKind::ReversedRange => "range ends before it begins",
            PatternErrorKind::Empty => "an expression is missing",
            PatternErrorKind::NothingBehindBackslash => "nothing behind '\\'",
            PatternErrorKind::TooLong => "too long",
        })
    }
}

/// A text that is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub kind: PatternErrorKind,
    /// Where: characters from the start of the pattern, 0 is the first.
    pub at: usize,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.kind, self.at + 1)
    }
}

impl core::error::Error for PatternError {}

/// A regular expression, ready to be compared with lines.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    /// The characters of the program, each at its place.
    sets: Vec<CharacterSet>,
    /// For each ASCII character, the places that take it.
    ascii: Vec<Places>,
    /// For each place, what can come after it.
    after: Vec<Reach>,
    at_start: Reach,
    within: Reach,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] with the place of the first character that does not fit.
    pub fn new(text: &str) -> Result<Pattern, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            let at = text.floor_char_boundary(PATTERN_BYTES_MAX);
            return Err(PatternError {
                kind: PatternErrorKind::TooLong,
                at: text[..at].chars().count(),
            });
        }
        let node = Parser::new(text).whole()?;
        let mut program = Program::default();
        program.emit(&node);
        program.steps.push(Step::Match);
        let place_after = |step: usize| program.reach(step + 1, false);
        let after = program.places.iter().map(|step| place_after(*step)).collect();
        let byte_places = |byte: u8| {
            let mut places = Places::default();
            let taking = (0..program.sets.len()).filter(|place| program.sets[*place].has(char::from(byte)));
            taking.for_each(|place| places.insert(place));
            places
        };
        Ok(Pattern {
            text: text.to_string(),
            ascii: (0..ASCII as u8).map(byte_places).collect(),
            after,
            at_start: program.reach(0, true),
            within: program.reach(0, false),
            sets: program.sets,
        })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the pattern matches somewhere in `line`, which has no line feed.
    pub fn matches(&self, line: &str) -> bool {
        let mut characters = line.chars().peekable();
        if self.at_start.matches || (characters.peek().is_none() && self.at_start.matches_at_end) {
            return true;
        }
        let mut active = self.at_start.places;
        while let Some(character) = characters.next() {
            let at_end = characters.peek().is_none();
            if self.within.ends(at_end) {
                return true;
            }
            let mut next = self.within.places;
            for place in self.taking(active, character).iter() {
                if self.after[place].ends(at_end) {
                    return true;
                }
                next.unite(&self.after[place].places);
            }
            active = next;
        }
        false
    }

    /// The places among `active` that take this character.
    fn taking(&self, active: Places, character: char) -> Places {
        if let Some(places) = self.ascii.get(character as usize) {
            return active.common(places);
        }
        let mut taking = Places::default();
        for place in active.iter().filter(|place| self.sets[*place].has(character)) {
            taking.insert(place);
        }
        taking
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// A set of places in a program.
#[derive(Clone, Copy, Debug, Default)]
struct Places([u64; WORDS]);

impl Places {
    fn insert(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn unite(&mut self, other: &Places) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own |= other;
        }
    }

    fn common(mut self, other: &Places) -> Places {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own &= other;
        }
        self
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, bits)| {
            let some = |bits: u64| (bits != 0).then_some(bits);
            let left = core::iter::successors(some(bits), move |bits| some(bits & (bits - 1)));
            left.map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

/// What can come next without reading a character.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    places: Places,
    /// Nothing more is needed.
    matches: bool,
    /// Nothing more is needed if the line ends here.
    matches_at_end: bool,
}

impl Reach {
    fn ends(&self, at_end: bool) -> bool {
        self.matches || (at_end && self.matches_at_end)
    }
}

/// Which characters a place takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CharacterSet {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl CharacterSet {
    fn of(characters: &[char]) -> CharacterSet {
        CharacterSet {
            negated: false,
            ranges: characters.iter().map(|one| (*one, *one)).collect(),
        }
    }

    fn any() -> CharacterSet {
        CharacterSet {
            negated: true,
            ranges: Vec::new(),
        }
    }

    fn has(&self, character: char) -> bool {
        let listed = self
            .ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&character));
        listed != self.negated
    }
}

/// A pattern as a tree.
#[derive(Clone, Debug)]
enum Node {
    One(CharacterSet),
    Start,
    End,
    /// One after the other.
    Sequence(Vec<Node>),
    /// One of them; never empty.
    Either(Vec<Node>),
    Repeat {
        node: Box<Node>,
        may_be_absent: bool,
        may_repeat: bool,
    },
}

struct Parser {
    characters: Vec<char>,
    at: usize,
    /// Groups that are open.
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Parser {
        Parser {
            characters: text.chars().collect(),
            at: 0,
            depth: 0,
        }
    }

    fn whole(mut self) -> Result<Node, PatternError> {
        let node = self.alternatives()?;
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(error(PatternErrorKind::UnopenedGroup, self.at)),
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    fn takes(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<Node, PatternError> {
        let mut alternatives = vec![self.sequence()?];
        while self.takes('|') {
            alternatives.push(self.sequence()?);
        }
        Ok(Node::Either(alternatives))
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            nodes.push(self.repeated()?);
        }
        match self.peek() {
            _ if !nodes.is_empty() => Ok(Node::Sequence(nodes)),
            Some(')') if self.depth == 0 => Err(error(PatternErrorKind::UnopenedGroup, self.at)),
            _ => Err(error(PatternErrorKind::Empty, self.at)),
        }
    }

    fn repeated(&mut self) -> Result<Node, PatternError> {
        let mut node = self.item()?;
        while let Some(sign @ ('*' | '+' | '?')) = self.peek() {
            if matches!(node, Node::Start | Node::End) {
                return Err(error(PatternErrorKind::NothingToRepeat, self.at));
            }
            self.at += 1;
            node = Node::Repeat {
                node: Box::new(node),
                may_be_absent: sign != '+',
                may_repeat: sign != '?',
            };
        }
        Ok(node)
    }

    fn item(&mut self) -> Result<Node, PatternError> {
        let at = self.at;
        Ok(match self.take() {
            None => return Err(error(PatternErrorKind::Empty, at)),
            Some('^') => Node::Start,
            Some('$') => Node::End,
            Some('.') => Node::One(CharacterSet::any()),
            Some('_') => Node::Either(vec![
                Node::One(CharacterSet::of(&[' ', ',', '{', '}', '(', ')'])),
                Node::Start,
                Node::End,
            ]),
            Some('[') => Node::One(self.class(at)?),
            Some('(') => {
                self.depth += 1;
                let node = self.alternatives()?;
                self.depth -= 1;
                if !self.takes(')') {
                    return Err(error(PatternErrorKind::UnclosedGroup, at));
                }
                node
            }
            Some('*' | '+' | '?') => return Err(error(PatternErrorKind::NothingToRepeat, at)),
            Some('\\') => match self.take() {
                Some(character) => Node::One(CharacterSet::of(&[character])),
                None => return Err(error(PatternErrorKind::NothingBehindBackslash, at)),
            },
            Some(character) => Node::One(CharacterSet::of(&[character])),
        })
    }

    /// What stands behind a `[`, which is at `at`. A `]` right at the start, and a `-` at either end, stand for
    /// themselves, as in POSIX.
    fn class(&mut self, at: usize) -> Result<CharacterSet, PatternError> {
        let unclosed = || error(PatternErrorKind::UnclosedClass, at);
        let mut set = CharacterSet {
            negated: self.takes('^'),
            ranges: Vec::new(),
        };
        let start = self.at;
        loop {
            let first_at = self.at;
            let first = self.take().ok_or_else(unclosed)?;
            if first == ']' && first_at > start {
                return Ok(set);
            }
            let first = self.class_character(first).ok_or_else(unclosed)?;
            let range =
                self.peek() == Some('-') && !matches!(self.characters.get(self.at + 1), Some(']') | None);
            if !range {
                set.ranges.push((first, first));
                continue;
            }
            self.at += 1;
            let last = self.take().ok_or_else(unclosed)?;
            let last = self.class_character(last).ok_or_else(unclosed)?;
            if last < first {
                return Err(error(PatternErrorKind::ReversedRange, first_at));
            }
            set.ranges.push((first, last));
        }
    }

    fn class_character(&mut self, character: char) -> Option<char> {
        match character {
            '\\' => self.take(),
            other => Some(other),
        }
    }
}

fn error(kind: PatternErrorKind, at: usize) -> PatternError {
    PatternError { kind, at }
}

/// A step of a program. Where nothing else is said, the next one follows.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Takes the character of this place.
    Take(usize),
    Start,
    End,
    /// Goes on at both.
    Fork(usize, usize),
    Jump(usize),
    Match,
}

#[derive(Debug, Default)]
struct Program {
    steps: Vec<Step>,
    sets: Vec<CharacterSet>,
    /// The step of each place.
    places: Vec<usize>,
}

impl Program {
    fn emit(&mut self, node: &Node) {
        match node {
            Node::One(set) => {
                self.places.push(self.steps.len());
                self.steps.push(Step::Take(self.sets.len()));
                self.sets.push(set.clone());
            }
            Node::Start => self.steps.push(Step::Start),
            Node::End => self.steps.push(Step::End),
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.emit(node)),
            Node::Either(nodes) => self.emit_either(nodes),
            Node::Repeat {
                node,
                may_be_absent,
                may_repeat,
            } => {
                let fork = self.steps.len();
                if *may_be_absent {
                    self.steps.push(Step::Fork(0, 0));
                }
                let body = self.steps.len();
                self.emit(node);
                if *may_repeat {
                    self.steps.push(Step::Fork(body, self.steps.len() + 1));
                }
                if *may_be_absent {
                    self.steps[fork] = Step::Fork(body, self.steps.len());
                }
            }
        }
    }

    fn emit_either(&mut self, nodes: &[Node]) {
        let mut jumps = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let fork = self.steps.len();
            let is_last = index + 1 == nodes.len();
            if !is_last {
                self.steps.push(Step::Fork(fork + 1, 0));
            }
            self.emit(node);
            if !is_last {
                jumps.push(self.steps.len());
                self.steps.push(Step::Jump(0));
                self.steps[fork] = Step::Fork(fork + 1, self.steps.len());
            }
        }
        let end = self.steps.len();
        jumps
            .into_iter()
            .for_each(|jump| self.steps[jump] = Step::Jump(end));
    }

    /// What can come from `step` on, at the start of the line or within it.
    fn reach(&self, step: usize, at_start: bool) -> Reach {
        let mut reach = Reach {
            matches_at_end: self.visit(step, at_start, true, &mut Places::default()),
            ..Reach::default()
        };
        reach.matches = self.visit(step, at_start, false, &mut reach.places);
        reach
    }

    /// Collects the places that can be reached without reading a character; whether the match can.
    fn visit(&self, step: usize, at_start: bool, at_end: bool, places: &mut Places) -> bool {
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![step];
        let mut matches = false;
        while let Some(step) = open.pop() {
            if core::mem::replace(&mut seen[step], true) {
                continue;
            }
            match self.steps[step] {
                Step::Take(place) => places.insert(place),
                Step::Start if at_start => open.push(step + 1),
                Step::End if at_end => open.push(step + 1),
                Step::Start | Step::End => {}
                Step::Fork(one, other) => open.extend([one, other]),
                Step::Jump(to) => open.push(to),
                Step::Match => matches = true,
            }
        }
        matches
    }
}
