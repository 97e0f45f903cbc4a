use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::pattern::{PATTERN_BYTES_MAX, Pattern, PatternErrorKind};

fn matches(pattern: &str, line: &str) -> bool {
    Pattern::new(pattern).expect(pattern).matches(line)
}

#[test]
fn a_pattern_matches_the_lines_that_the_vendor_s_would() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("up", &["line up", "up", "upper"], &["Up", "u p", ""]),
        ("^ip", &["ip route"], &[" ip route", "no ip"]),
        ("down$", &["is down"], &["down is", "down "]),
        ("^$", &[""], &[" ", "a"]),
        ("a.c", &["abc", "xa-cx", "aüc"], &["ac", "a", "abbc"]),
        ("ab*c", &["ac", "abc", "abbbbc"], &["adc"]),
        ("ab+c", &["abc", "abbc"], &["ac"]),
        ("ab?c", &["ac", "abc"], &["abbc"]),
        ("10\\.0", &["10.0"], &["1000", "10,0"]),
        ("[0-2]x", &["1x"], &["3x", "x"]),
        ("[^0-9]$", &["Ethernet", "1ä"], &["Ethernet0", ""]),
        ("[]a]b", &["]b", "ab"], &["b", "[b"]),
        ("[a-]b", &["-b"], &["b"]),
        ("[\\]]", &["]"], &["\\"]),
        ("up|down", &["is up", "is down"], &["is"]),
        ("(ab|cd)+e", &["abe", "cdabe"], &["ae", "abc"]),
        (
            "_10_",
            &["10", "1 10,2", "(10)", "{10}", "10 "],
            &["110", "10.", "a10"],
        ),
        ("^_10", &["10", " 10"], &["a10", "1"]),
        ("^(a|^b)c", &["ac", "bc"], &["xbc"]),
        ("(a$|b)", &["a", "xb", "bx"], &["ax"]),
        ("(a*)*b", &["b", "aaab"], &["aaa"]),
        ("x*", &["", "anything"], &[]),
        ("a{2}", &["a{2}"], &["aa"]),
        (
            "Überblick|é",
            &["caf\u{e9}", "der Überblick"],
            &["Uberblick", "e"],
        ),
        ("[à-ü]", &["ö"], &["o", "ÿ"]),
    ];
    for (pattern, lines, others) in table {
        for line in *lines {
            assert!(matches(pattern, line), "{pattern} matches {line:?}");
        }
        for line in *others {
            assert!(!matches(pattern, line), "{pattern} does not match {line:?}");
        }
    }
}

#[test]
fn a_wrong_pattern_says_what_is_wrong_and_where() {
    use PatternErrorKind::*;
    let table = [
        ("*a", NothingToRepeat, 0),
        ("a|+", NothingToRepeat, 2),
        ("^*", NothingToRepeat, 1),
        ("ab(c", UnclosedGroup, 2),
        ("ab)c", UnopenedGroup, 2),
        ("(a))", UnopenedGroup, 3),
        (")", UnopenedGroup, 0),
        ("ü[a-", UnclosedClass, 1),
        ("[]", UnclosedClass, 0),
        ("[a\\", UnclosedClass, 0),
        ("a[z-a]", ReversedRange, 2),
        ("", Empty, 0),
        ("a|", Empty, 2),
        ("()", Empty, 1),
        ("(a|)", Empty, 3),
        ("a\\", NothingBehindBackslash, 1),
    ];
    for (text, kind, at) in table {
        let error = Pattern::new(text).expect_err(text);
        assert_eq!((error.kind, error.at), (kind, at), "{text}");
    }
    let long = "a".repeat(PATTERN_BYTES_MAX + 1);
    assert_eq!(Pattern::new(&long).expect_err("too long").kind, TooLong);
    assert!(matches(&long[1..], &long));
}

/// The slow and obvious way: all places where the rest of the pattern can go on.
mod reference {
    use alloc::vec;
    use alloc::vec::Vec;

    pub enum Tree {
        Any,
        Letter(char),
        Start,
        End,
        Both(Vec<Tree>),
        Either(Vec<Tree>),
        Star(alloc::boxed::Box<Tree>),
    }

    pub fn ends(tree: &Tree, line: &[char], at: usize) -> Vec<usize> {
        match tree {
            Tree::Any if at < line.len() => vec![at + 1],
            Tree::Letter(letter) if line.get(at) == Some(letter) => vec![at + 1],
            Tree::Start if at == 0 => vec![at],
            Tree::End if at == line.len() => vec![at],
            Tree::Any | Tree::Letter(_) | Tree::Start | Tree::End => vec![],
            Tree::Both(trees) => trees.iter().fold(vec![at], |places, tree| {
                let mut next: Vec<usize> = places.iter().flat_map(|place| ends(tree, line, *place)).collect();
                next.sort_unstable();
                next.dedup();
                next
            }),
            Tree::Either(trees) => trees.iter().flat_map(|tree| ends(tree, line, at)).collect(),
            Tree::Star(tree) => {
                let mut places = vec![at];
                let mut done = 0;
                while done < places.len() {
                    for place in ends(tree, line, places[done]) {
                        if !places.contains(&place) {
                            places.push(place);
                        }
                    }
                    done += 1;
                }
                places
            }
        }
    }
}

use reference::Tree;

fn written(tree: &Tree) -> String {
    match tree {
        Tree::Any => ".".into(),
        Tree::Letter(letter) => format!("{letter}"),
        Tree::Start => "^".into(),
        Tree::End => "$".into(),
        Tree::Both(trees) => trees.iter().map(written).collect(),
        Tree::Either(trees) => {
            let texts: Vec<String> = trees.iter().map(written).collect();
            format!("({})", texts.join("|"))
        }
        Tree::Star(tree) => format!("({})*", written(tree)),
    }
}

/// A tree drawn from bytes.
fn build(bytes: &[u8], at: &mut usize, depth: u8) -> Tree {
    let mut next = || {
        let byte = bytes.get(*at).copied().unwrap_or(3);
        *at += 1;
        byte
    };
    let choice = next();
    if depth == 0 {
        return leaf(choice);
    }
    match choice % 8 {
        0 | 1 => Tree::Both(
            (0..2 + choice / 8 % 2)
                .map(|_| build(bytes, at, depth - 1))
                .collect(),
        ),
        2 => Tree::Either(
            (0..2 + choice / 8 % 2)
                .map(|_| build(bytes, at, depth - 1))
                .collect(),
        ),
        3 => Tree::Star(build(bytes, at, depth - 1).into()),
        _ => leaf(choice / 8),
    }
}

fn leaf(choice: u8) -> Tree {
    match choice % 8 {
        0 => Tree::Any,
        1 => Tree::Start,
        2 => Tree::End,
        number => Tree::Letter(if number % 2 == 0 { 'a' } else { 'b' }),
    }
}

proptest! {
    #[test]
    fn the_fast_way_agrees_with_the_obvious_one(bytes in prop::collection::vec(any::<u8>(), 1..24), line in "[ab]{0,6}") {
        let tree = build(&bytes, &mut 0, 4);
        let pattern = written(&tree);
        prop_assume!(pattern.len() <= PATTERN_BYTES_MAX);
        let characters: Vec<char> = line.chars().collect();
        let expected = (0..=characters.len()).any(|start| !reference::ends(&tree, &characters, start).is_empty());
        prop_assert_eq!(matches(&pattern, &line), expected, "{} on {:?}", pattern, line);
    }

    #[test]
    fn no_text_panics_and_an_error_lies_within_it(text in "\\PC{0,40}|[\\[\\](){}|*+?^$._\\\\ab-]{0,40}", line in "\\PC{0,40}") {
        match Pattern::new(&text) {
            Ok(pattern) => drop(pattern.matches(&line)),
            Err(error) => prop_assert!(error.at <= text.chars().count()),
        }
    }
}
