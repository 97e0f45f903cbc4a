//! What the two route processors of a pair tell each other in tagged fields may grow, and nothing else: two releases
//! must understand each other. Beside each crate with such records lies `schema.lock`, one line for each field:
//!
//! ```text
//!   Record.tag name type              a field
//!   Record.tag name type reserved     a field of the past: its tag is never used again
//!   table number NAME                 the number of a checkpointed table
//! ```
//!
//! `HOLDOVER_BLESS=1 cargo test --test schema_lock` appends new lines and turns fields that are gone into reserved
//! ones. It refuses to change a line: choose a new tag instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// `Record.tag` or `table number`, and what stands there.
type Schema = BTreeMap<String, String>;

const RESERVED: &str = " reserved";

/// Formats with a version of their own, which another release refuses by name: they may change with it.
const VERSIONED: &[&str] = &["crates/rp/src/recording.rs"];

/// The words between the brackets of `#[prost(...)]` that say how a field is written: all but the tags.
fn encoding(attribute: &str) -> String {
    let mut words = Vec::new();
    for word in attribute.split(", ") {
        match word.split_once(" = ") {
            Some(("tag" | "tags", _)) => {}
            Some((word, _)) => words.push(word),
            // The rest of a list of tags.
            None if word.trim_matches('"').parse::<u32>().is_ok() => {}
            None => words.push(word),
        }
    }
    words.join(" ")
}

fn tags(attribute: &str) -> Vec<u32> {
    let quoted = attribute
        .split_once("tag = \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    quoted.and_then(|(tag, _)| tag.parse().ok()).into_iter().collect()
}

/// The name and, for messages, the type of the field on the line after its attribute: `pub name: Type,` or `Name(Type),`.
fn field(line: &str, with_type: bool) -> String {
    let line = line
        .trim()
        .trim_start_matches("pub(crate) ")
        .trim_start_matches("pub ");
    let end = line.find([':', '(', ',']).unwrap_or(line.len());
    let inner = line[end..].trim_matches([':', ' ', ',', '(', ')']);
    let inner = inner.rsplit('<').next().unwrap_or(inner).trim_end_matches('>');
    if with_type {
        format!("{} {inner}", &line[..end])
    } else {
        line[..end].to_string()
    }
}

/// The fields and tables of one source file, and every tag or number that stands there twice.
fn schema_of(text: &str, schema: &mut Schema, twice: &mut Vec<String>) {
    let mut add = |key: String, value: String| {
        if let Some(old) = schema.insert(key.clone(), value.clone()) {
            twice.push(format!("{key} is both \"{old}\" and \"{value}\""));
        }
    };
    let mut record = "";
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let item = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        if let Some(rest) = item.strip_prefix("struct ").or(item.strip_prefix("enum ")) {
            record = rest.split([' ', '(', '<', ';']).next().unwrap_or(rest);
        } else if let Some(attribute) = line
            .strip_prefix("#[prost(")
            .and_then(|rest| rest.strip_suffix(")]"))
        {
            let with_type = attribute.starts_with("message");
            for tag in tags(attribute) {
                let field = field(lines.peek().copied().unwrap_or_default(), with_type);
                add(
                    format!("{record}.{tag}"),
                    format!("{field} {}", encoding(attribute)),
                );
            }
        } else if let Some((name, number)) = item.strip_prefix("const ").and_then(table) {
            add(format!("table {number}"), name.to_string());
        }
    }
}

/// `NAME: TableId = TableId(7);` as name and number.
fn table(constant: &str) -> Option<(&str, u16)> {
    let (name, number) = constant.split_once(": TableId = TableId(")?;
    Some((name, number.strip_suffix(");")?.parse().ok()?))
}

fn crates() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let entries = std::fs::read_dir(directory).expect("the crates");
    let mut crates: Vec<PathBuf> = entries.map(|entry| entry.expect("a crate").path()).collect();
    crates.sort();
    crates
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() && !path.ends_with("tests") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn schema_of_crate(directory: &Path) -> (Schema, Vec<String>) {
    let (mut schema, mut twice) = (Schema::new(), Vec::new());
    let versioned = |source: &PathBuf| VERSIONED.iter().any(|path| source.ends_with(path));
    for source in sources(&directory.join("src"))
        .iter()
        .filter(|source| !versioned(source))
    {
        let text = std::fs::read_to_string(source).expect("a readable source");
        schema_of(&text, &mut schema, &mut twice);
    }
    (schema, twice)
}

/// The key of a line is its first word, or its first two for a table.
fn parse_lock(text: &str) -> Schema {
    let line = |line: &str| {
        let words = if line.starts_with("table ") { 2 } else { 1 };
        let (end, _) = line.match_indices(' ').nth(words - 1)?;
        Some((line[..end].to_string(), line[end + 1..].to_string()))
    };
    text.lines().filter_map(line).collect()
}

fn lock_text(schema: &Schema) -> String {
    // Tags in the order of numbers, not of digits.
    let order = |key: &&String| {
        let (record, number) = key.rsplit_once(['.', ' ']).unwrap_or((key, ""));
        (record.to_string(), number.parse::<u32>().unwrap_or_default())
    };
    let mut keys: Vec<&String> = schema.keys().collect();
    keys.sort_by_key(order);
    keys.iter()
        .map(|key| format!("{key} {}\n", schema[*key]))
        .collect()
}

/// The lock that the sources lead to from the old one, or why they may not.
fn next_lock(old: &Schema, found: &Schema) -> Result<Schema, Vec<String>> {
    let mut next = found.clone();
    let mut objections = Vec::new();
    for (key, locked) in old {
        let was_reserved = locked.ends_with(RESERVED);
        match found.get(key) {
            Some(_) if was_reserved => {
                objections.push(format!(
                    "{key} was \"{locked}\": its number is never used again, take a new one"
                ));
            }
            Some(now) if now != locked => {
                objections.push(format!(
                    "{key} was \"{locked}\" and is \"{now}\": leave it and add a new number"
                ));
            }
            Some(_) => {}
            None if was_reserved => drop(next.insert(key.clone(), locked.clone())),
            None => drop(next.insert(key.clone(), format!("{locked}{RESERVED}"))),
        }
    }
    if objections.is_empty() {
        Ok(next)
    } else {
        Err(objections)
    }
}

fn check_crate(directory: &Path, bless: bool) -> Vec<String> {
    let (found, mut objections) = schema_of_crate(directory);
    let path = directory.join("schema.lock");
    let old = parse_lock(&std::fs::read_to_string(&path).unwrap_or_default());
    let next = match next_lock(&old, &found) {
        Ok(next) => next,
        Err(more) => {
            objections.extend(more);
            return objections;
        }
    };
    if next != old && bless && objections.is_empty() {
        std::fs::write(&path, lock_text(&next)).expect("a writable lock");
    } else {
        let changed = next.iter().filter(|(key, line)| old.get(*key) != Some(*line));
        objections.extend(changed.map(|(key, line)| {
            format!(
                "{key} {line}: not in {}; run HOLDOVER_BLESS=1 cargo test --test schema_lock",
                path.display()
            )
        }));
    }
    objections
}

#[test]
fn schemas_only_grow() {
    let bless = std::env::var_os("HOLDOVER_BLESS").is_some();
    let objections: Vec<String> = crates()
        .iter()
        .flat_map(|directory| check_crate(directory, bless))
        .collect();
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn table_numbers_are_unique_over_all_crates() {
    let mut owners = BTreeMap::new();
    for directory in crates() {
        for key in schema_of_crate(&directory)
            .0
            .into_keys()
            .filter(|key| key.starts_with("table "))
        {
            let other = owners.insert(key.clone(), directory.clone());
            assert_eq!(other, None, "{key} is used in {} too", directory.display());
        }
    }
    assert!(owners.len() > 10, "the tables were found");
}

#[test]
fn every_record_of_a_table_is_found() {
    let mut found = BTreeSet::new();
    let mut records = BTreeSet::new();
    for directory in crates() {
        found.extend(
            schema_of_crate(&directory)
                .0
                .into_keys()
                .filter_map(|key| Some(key.split_once('.')?.0.to_string())),
        );
        for source in sources(&directory.join("src")) {
            let text = std::fs::read_to_string(source).expect("a readable source");
            let records_here = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("type Record = "));
            records.extend(records_here.map(|name| name.trim_end_matches(';').to_string()));
        }
    }
    assert!(records.len() > 10, "the rows were found: {records:?}");
    let missing: Vec<_> = records.difference(&found).collect();
    assert!(missing.is_empty(), "no fields were found of {missing:?}");
}

#[test]
fn the_pair_compares_every_lock() {
    let rp = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/rp");
    let text = std::fs::read_to_string(rp.join("src/lib.rs")).expect("the crate rp");
    for directory in crates()
        .iter()
        .filter(|directory| directory.join("schema.lock").exists())
    {
        let name = directory
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a crate's name");
        let included = match name {
            "rp" => "include_bytes!(\"../schema.lock\")".to_string(),
            name => format!("include_bytes!(\"../../{name}/schema.lock\")"),
        };
        assert!(
            text.contains(&included),
            "SCHEMA_HASH in crates/rp/src/lib.rs leaves out {name}/schema.lock"
        );
    }
}

const BEFORE: &str = r#"
pub const CARD_TABLE: TableId = TableId(1);
#[derive(Clone, PartialEq, prost::Message)]
pub struct CardRecord {
    /// 1 ok, 2 lost.
    #[prost(uint32, tag = "1")]
    pub state: u32,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub macs: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "10")]
    pub ports: Vec<PortRecord>,
}
"#;

fn schema(text: &str) -> Schema {
    let (mut schema, mut twice) = (Schema::new(), Vec::new());
    schema_of(text, &mut schema, &mut twice);
    assert!(twice.is_empty(), "{twice:?}");
    schema
}

#[test]
fn a_schema_is_read_as_it_stands_in_the_source() {
    let expected = "\
        CardRecord.1 state uint32\n\
        CardRecord.2 macs bytes repeated\n\
        CardRecord.10 ports PortRecord message repeated\n\
        table 1 CARD_TABLE\n";
    assert_eq!(lock_text(&schema(BEFORE)), expected);
    assert_eq!(parse_lock(expected), schema(BEFORE));
    let choice = "enum Body {\n#[prost(message, tag = \"10\")]\nHello(WireHello),\n}\nstruct Wire {\n\
        #[prost(oneof = \"Body\", tags = \"10, 11\")]\nbody: Option<Body>,\n}";
    assert_eq!(lock_text(&schema(choice)), "Body.10 Hello WireHello message\n");
}

#[test]
fn a_planted_change_of_a_field_is_refused_and_a_new_one_is_taken() {
    let old = schema(BEFORE);
    let refused = |text: &str| {
        let objections = next_lock(&old, &schema(text)).expect_err("this breaks a pair of two releases");
        assert_eq!(objections.len(), 1, "{objections:?}");
        objections[0].clone()
    };
    assert!(
        refused(&BEFORE.replace("(uint32, tag", "(uint64, tag"))
            .contains("CardRecord.1 was \"state uint32\"")
    );
    assert!(refused(&BEFORE.replace("pub state", "pub slot")).contains("CardRecord.1 was \"state uint32\""));
    assert!(refused(&BEFORE.replace("PortRecord", "OtherRecord")).contains("CardRecord.10"));
    assert!(refused(&BEFORE.replace("CARD_TABLE", "OTHER_TABLE")).contains("table 1"));
    let grown = BEFORE.replace("}\n", "    #[prost(bool, tag = \"11\")]\n    pub up: bool,\n}\n");
    let next = next_lock(&old, &schema(&grown)).expect("growth is allowed");
    assert_eq!(next["CardRecord.11"], "up bool");
}

#[test]
fn a_removed_field_stays_reserved_and_its_tag_is_never_used_again() {
    let old = schema(BEFORE);
    let gone = BEFORE.replace("    #[prost(uint32, tag = \"1\")]\n    pub state: u32,\n", "");
    let next = next_lock(&old, &schema(&gone)).expect("a field may go");
    assert_eq!(next["CardRecord.1"], "state uint32 reserved");
    assert_eq!(next_lock(&next, &schema(&gone)), Ok(next.clone()), "and stays so");
    let back = next_lock(&next, &old).expect_err("its tag is spent");
    assert!(back[0].contains("never used again"), "{back:?}");
}

#[test]
fn a_tag_that_stands_twice_in_a_record_is_told() {
    let (mut schema, mut twice) = (Schema::new(), Vec::new());
    schema_of(
        &BEFORE.replace("tag = \"2\"", "tag = \"1\""),
        &mut schema,
        &mut twice,
    );
    assert_eq!(
        twice,
        ["CardRecord.1 is both \"state uint32\" and \"macs bytes repeated\""]
    );
}
