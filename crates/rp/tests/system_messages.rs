//! The catalogue of system messages, and `docs/system-messages.md`, which is made from it.
//!
//! `HOLDOVER_BLESS=1 cargo test -p rp --test system_messages` writes the document anew.

use redundancy::MessageEntry;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Entries as the document has them: by facility and mnemonic.
fn sorted() -> Vec<&'static MessageEntry> {
    let mut entries: Vec<_> = rp::system_messages().collect();
    entries.sort_by_key(|entry| (entry.facility, entry.mnemonic));
    entries
}

#[test]
fn no_two_messages_have_one_facility_and_mnemonic() {
    let mut seen = BTreeSet::new();
    for entry in rp::system_messages() {
        let name = (entry.facility, entry.mnemonic);
        assert!(seen.insert(name), "two entries for {name:?}");
    }
    assert!(seen.len() >= 20, "the catalogue has {} entries", seen.len());
}

#[test]
fn every_message_says_what_happened_and_what_to_do() {
    let upper = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    for entry in rp::system_messages() {
        let name = format!("{}-{}", entry.facility, entry.mnemonic);
        assert!(upper(entry.facility) && upper(entry.mnemonic), "{name}");
        assert!(entry.severity.number() <= 7, "{name}");
        assert!(entry.texts.iter().all(|text| !text.is_empty()), "{name}");
        for words in [entry.explanation, entry.action] {
            assert!(words.ends_with('.'), "{name}: {words:?}");
        }
    }
}

/// `system_messages!` is the one way to make a message, so that the catalogue has them all.
#[test]
fn no_message_is_made_beside_the_catalogue() {
    let mut found = Vec::new();
    let mut directories = vec![root().join("crates")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("redundancy/src/syslog.rs")
                && !path.ends_with("rp/tests/system_messages.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("Syslog::of(") {
                    found.push(path);
                }
            }
        }
    }
    assert!(found.is_empty(), "messages made beside the catalogue: {found:?}");
}

/// `{digest:016x}` as `{digest}`.
fn without_formats(words: &str) -> String {
    let mut plain = String::new();
    let mut in_format = false;
    for character in words.chars() {
        in_format =
            (in_format || character == ':' && plain.rfind('{') > plain.rfind('}')) && character != '}';
        if !in_format {
            plain.push(character);
        }
    }
    plain
}

fn document() -> String {
    let mut text = String::from(
        "# System messages\n\n\
         Every message that a route processor can send, made from the catalogues in the code \
         (`HOLDOVER_BLESS=1 cargo test -p rp --test system_messages` writes this page). A message has the form\n\n\
         ```\n*Mon dd hh:mm:ss.mmm: %FACILITY-SEVERITY-MNEMONIC: text\n```\n\n\
         with words filled in for `{names}`. Severities: 0 emergencies, 1 alerts, 2 critical, 3 errors, 4 warnings, \
         5 notifications, 6 informational, 7 debugging.\n",
    );
    for entry in sorted() {
        let MessageEntry {
            facility,
            severity,
            mnemonic,
            texts,
            explanation,
            action,
        } = entry;
        write!(text, "\n## %{facility}-{}-{mnemonic}\n\n", severity.number()).unwrap();
        for words in *texts {
            writeln!(text, "    {}", without_formats(words)).unwrap();
        }
        write!(text, "\n{explanation}\n\n*What to do:* {action}\n").unwrap();
    }
    text
}

#[test]
fn the_document_is_made_from_the_catalogue() {
    let path = root().join("docs/system-messages.md");
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document(),
        "{} differs from the catalogue: HOLDOVER_BLESS=1 cargo test -p rp --test system_messages",
        path.display()
    );
}
