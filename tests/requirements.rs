//! `docs/requirements.md`: all rows are there, what they cite exists, and a row that is met has a test by its number.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROWS: usize = 94;
const CAPABILITIES: [&str; 7] = ["core", "ops", "fwd", "rt", "wan", "svc", "mgmt"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names of all functions that stand in the tree's Rust files.
fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut directories: Vec<PathBuf> = ["crates", "tests", "src"].map(|name| root().join(name)).into();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let after = text.split("fn ").skip(1);
                names.extend(
                    after
                        .filter_map(|rest| rest.split_once('('))
                        .map(|(name, _)| name.to_string()),
                );
            }
        }
    }
    names
}

/// What is wrong with one row.
fn objections(number: usize, row: &str, functions: &BTreeSet<String>) -> Vec<String> {
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let [own_number, statement, status, by] = cells[..] else {
        return vec![format!("row {number} has {} cells", cells.len())];
    };
    let mut wrong = Vec::new();
    if own_number.parse() != Ok(number) {
        wrong.push(format!("row {number} is numbered {own_number}"));
    }
    if statement.is_empty() || by.is_empty() {
        wrong.push(format!("row {number} has an empty cell"));
    }
    match status {
        "met" => {
            let cited: Vec<&str> = by.split('`').skip(1).step_by(2).collect();
            if cited.is_empty() {
                wrong.push(format!("row {number} is met by no test"));
            }
            let own = format!("req_{number}_");
            if !cited
                .iter()
                .any(|name| name.starts_with(&own) || name.contains(&format!("_{own}")))
            {
                wrong.push(format!("row {number} is met by no test that is called {own}"));
            }
            let missing = cited.iter().filter(|name| !functions.contains(**name));
            wrong.extend(missing.map(|name| format!("row {number} cites {name}, which does not exist")));
        }
        "open" => {
            let tag = |name: &&str| by.starts_with(&format!("[{name}]"));
            if !CAPABILITIES.iter().any(tag) {
                wrong.push(format!("row {number} is open without a capability"));
            }
        }
        "different" => {}
        other => wrong.push(format!("row {number} has the status {other:?}")),
    }
    wrong
}

fn check(document: &str, functions: &BTreeSet<String>) -> Vec<String> {
    let rows: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| number") && !line.starts_with("| ---"))
        .collect();
    let mut wrong: Vec<String> = rows
        .iter()
        .enumerate()
        .flat_map(|(index, row)| objections(index + 1, row, functions))
        .collect();
    if rows.len() != ROWS {
        wrong.push(format!("{} rows instead of {ROWS}", rows.len()));
    }
    wrong
}

#[test]
fn every_requirement_has_its_row_and_every_test_that_is_cited_exists() {
    let document = std::fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let wrong = check(&document, &functions());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn planted_errors_in_the_rows_are_objected_to() {
    let functions = BTreeSet::from(["req_1_it_is_so", "req_11_it_is_so", "it_is_so"].map(String::from));
    for (row, words) in [
        ("| 1 | S | met | `it_is_not_so` |", "cites it_is_not_so"),
        ("| 1 | S | met | `it_is_so` |", "called req_1_"),
        ("| 1 | S | met | `req_11_it_is_so` |", "called req_1_"),
        ("| 1 | S | met | somehow |", "met by no test"),
        ("| 1 | S | open | later |", "without a capability"),
        ("| 2 | S | met | `it_is_so` |", "numbered 2"),
        ("| 1 | S | done | x |", "status \"done\""),
        ("| 1 | S | met |", "has 3 cells"),
    ] {
        let wrong = objections(1, row, &functions).join(", ");
        assert!(wrong.contains(words), "{row}: {wrong}");
    }
    assert!(objections(1, "| 1 | S | met | `it_is_so` `req_1_it_is_so` |", &functions).is_empty());
    assert_eq!(check("", &functions), ["0 rows instead of 94"]);
}
