//! Rules of style that a program can check: size of files and functions, no unfinished work, no `unsafe` let in by an
//! attribute. A file or function that has a reason to be longer is named below with that reason.

use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Longer files, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Longer functions as `path::function`, and why.
#[rustfmt::skip]
const LONG_FUNCTIONS: &[(&str, &str)] = &[
    ("crates/bgp/examples/feed_rate.rs::main", "a measurement reads from top to bottom: set up, run, print"),
    ("crates/config/src/tests/trees.rs::refused_commands_say_what_and_where_and_leave_no_trace", TABLE_OF_CASES),
    ("crates/linecard/examples/forward_rate.rs::main", "a measurement reads from top to bottom: set up, run, print"),
    ("crates/management/src/tests/keying.rs::each_key_is_recognised_from_its_bytes", TABLE_OF_CASES),
    ("crates/packet/tests/offload.rs::what_does_not_fit_together_is_an_error_before_the_first_frame", TABLE_OF_CASES),
    ("crates/runtime/src/chassis_file/tests.rs::what_is_wrong_is_named_with_line_column_and_hint", TABLE_OF_CASES),
    ("crates/runtime/src/life.rs::each_sequence_of_looks_gives_these_changes", TABLE_OF_CASES),
    ("crates/sim/src/rp_node.rs::carry_out", "one arm for each output of a route processor, and nothing else"),
];

const TABLE_OF_CASES: &str = "a table of cases, one after another, is easier to read than its parts";

/// Words of unfinished work. Put together here, so that this file does not contain them.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimplemen", "ted!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// Attributes that let `unsafe` in where the workspace denies it.
const UNSAFE_LET_IN: &[&str] = &[
    concat!("allow(unsafe", "_code"),
    concat!("expect(unsafe", "_code"),
];

/// What is wrong with one file, in words.
fn objections(path: &str, text: &str) -> Vec<String> {
    let mut objections = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX && !LONG_FILES.iter().any(|(long, _)| *long == path) {
        objections.push(format!(
            "{path}: {lines} lines, at most {FILE_LINES_MAX}; split it or write down why not"
        ));
    }
    for (name, length) in functions(text) {
        let full = format!("{path}::{name}");
        if length > FUNCTION_LINES_MAX && !LONG_FUNCTIONS.iter().any(|(long, _)| *long == full) {
            objections.push(format!("{full}: {length} lines, at most {FUNCTION_LINES_MAX}"));
        }
    }
    for (number, line) in text.lines().enumerate() {
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            objections.push(format!("{path}:{}: unfinished: {word}", number + 1));
        }
        for word in UNSAFE_LET_IN.iter().filter(|word| line.contains(**word)) {
            objections.push(format!("{path}:{}: lets unsafe code in: {word}", number + 1));
        }
    }
    objections
}

/// Name and number of lines of each function. rustfmt puts the closing brace under the first letter of the item, so
/// indentation is enough to find it.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(name) = function_name(trimmed) else {
            continue;
        };
        let indent = &line[..line.len() - trimmed.len()];
        let closing = format!("{indent}}}");
        let body = lines[start..].iter().position(|line| *line == closing);
        let declared = lines[start..]
            .iter()
            .position(|line| line.ends_with(';') || line.ends_with('}'));
        match (body, declared) {
            // A declaration, or a body on the same line, ends before the next closing brace at this indentation.
            (Some(_), Some(0)) | (None, _) => {}
            (Some(end), _) => functions.push((name.to_string(), end + 1)),
        }
    }
    functions
}

fn function_name(line: &str) -> Option<&str> {
    let at = if line.starts_with("fn ") {
        0
    } else {
        line.find(" fn ")? + 1
    };
    let words_before = line[..at].split_whitespace();
    let mut qualifiers = words_before.map(|word| word.split('(').next().unwrap_or(word));
    let qualified =
        qualifiers.all(|word| ["pub", "const", "async", "unsafe", "extern", "\"C\""].contains(&word));
    let rest = line[at..].strip_prefix("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    qualified.then(|| &rest[..end])
}

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut directories: Vec<PathBuf> = ["src", "tests", "benches", "crates", "fuzz"]
        .map(|name| root.join(name))
        .into();
    while let Some(directory) = directories.pop() {
        // Not every one of the first level has to exist.
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable directory").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() && !["target", "corpus", "artifacts"].contains(&name) {
                directories.push(path);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn all_sources_are_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources();
    assert!(sources.len() > 50, "the sources were found: {sources:?}");
    let mut all = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).expect("a readable source");
        let relative = path
            .strip_prefix(root)
            .expect("a path below the root")
            .display()
            .to_string();
        all.extend(objections(&relative, &text));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_exception_still_exists_and_has_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, reason) in LONG_FILES.iter().chain(LONG_FUNCTIONS) {
        let (file, function) = path.split_once("::").unwrap_or((path, ""));
        let text = std::fs::read_to_string(root.join(file)).expect("a file with an exception exists");
        let needed = match function {
            "" => text.lines().count() > FILE_LINES_MAX,
            name => functions(&text)
                .iter()
                .any(|(found, length)| found == name && *length > FUNCTION_LINES_MAX),
        };
        assert!(needed, "{path} needs no exception any more");
        assert!(reason.len() > 20, "{path}: a reason is a sentence");
    }
}

#[test]
fn planted_untidiness_is_objected_to() {
    let count = |text: &str| objections("planted.rs", text).len();
    assert_eq!(count("fn short() {\n    work();\n}\n"), 0);
    let long_body = "        work();\n".repeat(FUNCTION_LINES_MAX);
    let long = format!("impl A {{\n    pub(crate) const fn long(&self) -> u8 {{\n{long_body}    }}\n}}\n");
    assert_eq!(functions(&long), [("long".to_string(), FUNCTION_LINES_MAX + 2)]);
    assert_eq!(count(&long), 1);
    let wrapped = format!("fn long(\n    a: u8,\n) {{\n{long_body}}}\n");
    assert_eq!(count(&wrapped), 1);
    let declared = format!("trait A {{\n    fn declared(&self);\n{long_body}    }}\n");
    assert_eq!(count(&declared), 0);
    assert_eq!(count(&"work();\n".repeat(FILE_LINES_MAX)), 0);
    assert_eq!(count(&"work();\n".repeat(FILE_LINES_MAX + 1)), 1);
    for word in UNFINISHED.iter().chain(UNSAFE_LET_IN) {
        assert_eq!(count(&format!("    {word} later\n")), 1, "{word}");
    }
}
