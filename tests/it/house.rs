//! The tests look after themselves: a file that nobody lists tests nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::MODULES;
use crate::case::{Case, CaseResult, cases};

pub(crate) const CASES: &[Case] = cases![every_test_file_is_listed, every_name_is_its_own];

fn every_test_file_is_listed() -> CaseResult {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut on_disk = BTreeSet::new();
    let mut with_cases = BTreeSet::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(module) = name.strip_suffix(".rs") else { continue };
        if module == "main" {
            continue;
        }
        on_disk.insert(module.to_owned());
        if fs::read_to_string(&path)?.contains("const CASES: &[Case] =") {
            with_cases.insert(module.to_owned());
        }
    }

    let main = fs::read_to_string(folder.join("main.rs"))?;
    let declared: BTreeSet<String> = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let listed: BTreeSet<String> = MODULES.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(declared, on_disk, "modules declared in tests/it/main.rs, and files beside it");
    assert_eq!(listed, with_cases, "modules in MODULES, and files with cases");
    Ok(())
}

fn every_name_is_its_own() -> CaseResult {
    let mut seen = BTreeSet::new();
    for (module, cases) in MODULES {
        for case in *cases {
            assert!(seen.insert((module, case.name)), "{module}::{} is listed twice", case.name);
        }
    }
    Ok(())
}
