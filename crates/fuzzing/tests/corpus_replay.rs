//! Every corpus is replayed, and every parser of outside bytes has an entry, a fuzz target and a corpus.
//!
//! `HOLDOVER_BLESS=1 cargo test -p fuzzing` writes seeds that are missing, and the fuzz targets.

use fuzzing::{ENTRIES, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn bless() -> bool {
    std::env::var_os("HOLDOVER_BLESS").is_some()
}

/// Names in a directory, without the extension.
fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("a readable directory").path();
        path.file_stem().expect("a name").to_string_lossy().into_owned()
    };
    entries.map(name).collect()
}

fn entry_names() -> BTreeSet<String> {
    ENTRIES.iter().map(|entry| entry.name.to_string()).collect()
}

fn target_text(name: &str) -> String {
    format!("#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::run(\"{name}\", bytes));\n")
}

#[test]
fn every_seed_is_in_its_corpus() {
    for entry in ENTRIES {
        let directory = fuzz().join("corpus").join(entry.name);
        let seeds = (entry.seeds)();
        assert!(!seeds.is_empty(), "{} has seeds", entry.name);
        for (number, seed) in seeds.iter().enumerate() {
            let path = directory.join(format!("seed-{number}"));
            if bless() && !path.exists() {
                fs::create_dir_all(&directory).expect("a writable corpus");
                fs::write(&path, seed).expect("a writable corpus");
            }
            assert!(
                path.exists(),
                "{} is missing: run HOLDOVER_BLESS=1 cargo test -p fuzzing",
                path.display()
            );
        }
    }
}

#[test]
fn every_entry_has_a_target_and_nothing_else_has() {
    let targets = fuzz().join("fuzz_targets");
    let manifest_path = fuzz().join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest_path).expect("the manifest of the fuzz targets");
    for entry in ENTRIES {
        let path = targets.join(format!("{}.rs", entry.name));
        if bless() {
            fs::write(&path, target_text(entry.name)).expect("writable targets");
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, target_text(entry.name), "{}", path.display());
        assert!(
            manifest.contains(&format!("name = \"{}\"\n", entry.name)),
            "{} lists no target {}",
            manifest_path.display(),
            entry.name
        );
    }
    assert_eq!(names(&targets), entry_names());
}

#[test]
fn every_parser_of_packets_has_an_entry() {
    let entries = entry_names();
    for (name, _) in [
        packet::fuzz::TARGETS,
        tcp::fuzz::TARGETS,
        runtime::wire::fuzz::TARGETS,
        traffic::fuzz::TARGETS,
    ]
    .concat()
    {
        assert!(entries.contains(name), "{name} has no entry in crates/fuzzing");
    }
}

#[test]
fn the_corpora_are_replayed_without_a_finding() {
    let corpus = fuzz().join("corpus");
    assert_eq!(
        names(&corpus),
        entry_names(),
        "each entry has a corpus, and each corpus an entry"
    );
    let mut replayed = 0;
    for entry in ENTRIES {
        for file in fs::read_dir(corpus.join(entry.name)).expect("a corpus") {
            let path = file.expect("a readable corpus").path();
            let bytes = fs::read(&path).expect("a readable input");
            println!("{}", path.display());
            run(entry.name, &bytes);
            // Cut and damaged forms of it are as likely as the input itself.
            run(entry.name, &bytes[..bytes.len() / 2]);
            for at in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x81;
                run(entry.name, &damaged);
            }
            replayed += 1;
        }
    }
    assert!(replayed >= ENTRIES.len());
}

#[test]
#[should_panic(expected = "a fuzz target is named after its entry")]
fn a_name_without_an_entry_is_told() {
    run("nothing", &[]);
}
