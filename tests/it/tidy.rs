//! The house rules, held over the whole source; beside each rule a case which shows that it fires.

mod rules;
mod text;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use self::rules::{Breach, Source};
use crate::case::{Case, CaseResult, cases};

pub(crate) const CASES: &[Case] = cases![
    imports_point_down,
    imports_point_down_fires,
    drivers_stay_behind_their_seam,
    drivers_stay_behind_their_seam_fires,
    pure_rooms_are_pure,
    pure_rooms_are_pure_fires,
    files_are_short,
    files_are_short_fires,
    names_say_something,
    names_say_something_fires,
    nothing_gives_up,
    nothing_gives_up_fires,
    lints_are_expected_not_allowed,
    lints_are_expected_not_allowed_fires,
    no_notes_to_self,
    no_notes_to_self_fires,
    only_output_prints,
    only_output_prints_fires,
    tests_do_not_sleep,
    tests_do_not_sleep_fires,
    files_begin_with_docs,
    files_begin_with_docs_fires,
    the_top_level_is_the_map,
    the_top_level_is_the_map_fires,
    comments_and_literals_are_not_code,
    paths_are_read_out_of_import_trees,
];

/// A path and a text: a file that might stand in the house.
type Sample = (&'static str, &'static str);

fn imports_point_down() -> CaseResult {
    holds(rules::imports_point_down)
}

fn imports_point_down_fires() -> CaseResult {
    fires(
        rules::imports_point_down,
        &[
            ("src/domain/run.rs", "use crate::engine::Engine;"),
            ("src/domain.rs", "fn f() { crate::store::open(); }"),
            ("src/engine/retry.rs", "use crate::{domain::Run, store::{self, Store}};"),
            ("src/engine/retry.rs", "use super::super::store::Store;"),
            ("src/engine.rs", "use super::store::Store;"),
            ("src/tui/app.rs", "use crate ::\n    daemon::Daemon;"),
            ("src/tui/app.rs", "pub use crate::{domain as d, sandbox as s};"),
            ("src/daemon/actor.rs", "type T = Vec<crate::tui::App>;"),
            ("src/cli/run.rs", "use crate::store::Store;"),
            ("src/store/sqlite.rs", "use crate::Everything;"),
            ("src/store/sqlite.rs", "use crate::*;"),
            ("src/api.rs", "macro_rules! m { () => { $crate::daemon::start() } }"),
            ("src/plumbing.rs", ""),
            ("src/plumbing/tests.rs", ""),
        ],
        &[
            ("src/domain/run.rs", "use crate::domain::Event; use super::event;"),
            ("src/domain/run.rs", "//! See [`crate::engine`].\nconst A: &str = \"crate::store\";"),
            ("src/engine/retry.rs", "pub(crate) fn f() {} use crate::domain::{Run, run};"),
            ("src/engine/retry.rs", "mod inner { use super::super::Retry; }"),
            ("src/engine/tests.rs", "use crate::store::Store;"),
            ("src/store/tests/race.rs", "use crate::daemon::Daemon;"),
            ("src/sandbox/conformance.rs", "use crate::workspace::Workspace;"),
            ("src/cli/daemon.rs", "use crate::{config::Paths, daemon};"),
            ("src/workspace.rs", "use crate::sandbox::Sandbox;"),
            ("src/tui.rs", "fn f() { crate::snapshot!(); }"),
            ("src/tui.rs", "fn f() -> impl Sized + use<'_> {}"),
            ("src/lib.rs", "pub use crate::daemon::start;"),
            ("tests/it/run.rs", "use crate::wait::wait_for;"),
        ],
    )
}

fn drivers_stay_behind_their_seam() -> CaseResult {
    holds(rules::drivers_stay_behind_their_seam)
}

fn drivers_stay_behind_their_seam_fires() -> CaseResult {
    fires(
        rules::drivers_stay_behind_their_seam,
        &[
            ("src/daemon/images.rs", "use bollard::Docker;"),
            ("src/sandbox.rs", "use ::bollard as engine;"),
            ("src/sandbox/process.rs", "fn f(docker: &bollard::Docker) {}"),
            ("src/sandbox/dockerish.rs", "use bollard::Docker;"),
            ("src/store.rs", "use {rusqlite::Connection, std::fmt};"),
            ("src/store/mongo.rs", "extern crate rusqlite;"),
            ("src/store/sqlite.rs", "use mongodb::Client;"),
        ],
        &[
            ("src/sandbox/docker.rs", "use bollard::Docker;"),
            ("src/sandbox/docker/logs.rs", "use bollard::Docker;"),
            ("src/store/sqlite/writer.rs", "use rusqlite::Connection;"),
            ("src/store/mongo.rs", "use mongodb::Client;"),
            ("src/config.rs", "struct Config { mongodb: String } // mongodb::Client"),
        ],
    )
}

fn pure_rooms_are_pure() -> CaseResult {
    holds(rules::pure_rooms_are_pure)
}

fn pure_rooms_are_pure_fires() -> CaseResult {
    fires(
        rules::pure_rooms_are_pure,
        &[
            ("src/domain/run.rs", "use tokio::sync::mpsc;"),
            ("src/domain/run.rs", "fn f() { rand::random() }"),
            ("src/domain.rs", "use std::{fmt, fs};"),
            ("src/domain.rs", "use std::net::IpAddr;"),
            ("src/engine.rs", "fn f() { std::process::id(); }"),
            ("src/engine.rs", "use std::env::{self, VarError};"),
            ("src/engine/tick.rs", "use std::time::SystemTime;"),
            ("src/engine/tick.rs", "fn f(at: Instant) {}"),
            ("src/engine/tick.rs", "let now = jiff::Timestamp::now();"),
            ("src/engine/tick.rs", "let now = Zoned::now();"),
            ("src/domain/id.rs", "Uuid::now_v7()"),
            ("src/domain/id.rs", "uuid::Uuid::new_v4()"),
        ],
        &[
            ("src/domain/id.rs", "struct Draw { rand: u64 } // tokio::spawn"),
            ("src/domain/id.rs", "const ABOUT: &str = r#\"std::fs \"quoted\" Instant\"#;"),
            ("src/engine/tick.rs", "use std::time::Duration; use jiff::Timestamp;"),
            ("src/engine/tests.rs", "use std::time::Instant;"),
            ("src/daemon/clock.rs", "use std::time::SystemTime; use tokio::time;"),
        ],
    )
}

fn files_are_short() -> CaseResult {
    let Err(error) = holds(rules::files_are_short) else { return Ok(()) };
    let mut sources = read_sources()?;
    sources.sort_by_key(|source| std::cmp::Reverse(source.line_count()));
    let mut text = format!("{error}\nthe longest files:");
    for source in sources.iter().filter(|source| source.path().starts_with("src/")).take(5) {
        text.push_str(&format!("\n  {:5} {}", source.line_count(), source.path()));
    }
    Err(text.into())
}

fn files_are_short_fires() -> CaseResult {
    let over = |path: &str, lines: usize| {
        !rules::files_are_short(&Source::new(path, &"// line\n".repeat(lines))).is_empty()
    };
    assert!(over("src/store/sqlite.rs", 601));
    assert!(!over("src/store/sqlite.rs", 600));
    assert!(over("src/store/tests.rs", 601));
    assert!(over("src/main.rs", 60));
    assert!(!over("src/main.rs", 59));
    Ok(())
}

fn names_say_something() -> CaseResult {
    holds(rules::names_say_something)
}

fn names_say_something_fires() -> CaseResult {
    fires(
        rules::names_say_something,
        &[
            ("src/store/utils.rs", ""),
            ("src/util/text.rs", ""),
            ("tests/it/common.rs", ""),
            ("src/tui/helper.rs", ""),
            ("src/daemon.rs", "mod manager;"),
            ("src/daemon.rs", "mod misc { }"),
            ("src/store/mod.rs", ""),
        ],
        &[
            ("src/store.rs", "//! common util\nmod sqlite; fn helper() {} mod commons;"),
            ("src/domain/utility.rs", ""),
        ],
    )
}

fn nothing_gives_up() -> CaseResult {
    holds(rules::nothing_gives_up)
}

fn nothing_gives_up_fires() -> CaseResult {
    fires(
        rules::nothing_gives_up,
        &[
            ("src/store.rs", "let a = b\n    .unwrap();"),
            ("src/store.rs", "dbg!(a);"),
            ("src/store/tests.rs", "dbg!(a);"),
            ("src/store.rs", "todo!()"),
            ("src/store.rs", "unimplemented!()"),
            ("src/store.rs", "core::panic!(\"no\")"),
            ("src/cli/run.rs", "std::process::exit(1)"),
            ("src/cli/run.rs", "use std::process::{Command, exit};"),
        ],
        &[
            ("src/store.rs", "a.unwrap_or_default(); b.unwrap_or(1); // .unwrap() todo!()"),
            ("src/store.rs", "std::panic::catch_unwind(f); a.expect(\"why it holds\")"),
            ("src/store/tests.rs", "a.unwrap(); panic!()"),
            ("src/main.rs", "std::process::exit(1)"),
            ("src/cli/run.rs", "use std::process::ExitCode;"),
        ],
    )
}

fn lints_are_expected_not_allowed() -> CaseResult {
    holds(rules::lints_are_expected_not_allowed)
}

fn lints_are_expected_not_allowed_fires() -> CaseResult {
    fires(
        rules::lints_are_expected_not_allowed,
        &[
            ("src/store.rs", "#[allow(dead_code)]\nfn f() {}"),
            ("src/store.rs", "#![allow(dead_code)]"),
            ("tests/it/run.rs", "# [ allow ( dead_code ) ]"),
        ],
        &[("src/store.rs", "#[expect(dead_code, reason = \"#[allow(\")]\nfn f() {} // #[allow(")],
    )
}

fn no_notes_to_self() -> CaseResult {
    holds(rules::no_notes_to_self)
}

fn no_notes_to_self_fires() -> CaseResult {
    fires(
        rules::no_notes_to_self,
        &[
            ("src/store.rs", "// TODO: finish"),
            ("src/store.rs", "/* FIXME */"),
            ("tests/it/run.rs", "//! XXX"),
        ],
        &[("src/store.rs", "const MARK: &str = \"TODO\"; // TODOS, XXXL")],
    )
}

fn only_output_prints() -> CaseResult {
    holds(rules::only_output_prints)
}

fn only_output_prints_fires() -> CaseResult {
    fires(
        rules::only_output_prints,
        &[
            ("src/store.rs", "println!(\"hello\");"),
            ("src/cli/run.rs", "std::eprintln!();"),
            ("src/cli/run.rs", "print!(\"a\"); "),
            ("src/cli/run.rs", "eprint!(\"a\"); "),
        ],
        &[
            ("src/cli/output.rs", "println!(); eprintln!();"),
            ("src/main.rs", "eprintln!();"),
            ("src/store/tests.rs", "println!();"),
            ("src/store.rs", "//! println!()\nwriteln!(out);"),
        ],
    )
}

fn tests_do_not_sleep() -> CaseResult {
    holds(rules::tests_do_not_sleep)
}

fn tests_do_not_sleep_fires() -> CaseResult {
    fires(
        rules::tests_do_not_sleep,
        &[
            ("tests/it/run.rs", "std::thread::sleep(a);"),
            ("tests/it/run.rs", "use std::thread::{self, sleep};"),
            ("tests/it/run.rs", "tokio::time::sleep(a).await;"),
        ],
        &[
            ("tests/it/wait.rs", "thread::sleep(PAUSE);"),
            ("tests/it/run.rs", "run(\"sleep 1\"); // thread::sleep"),
        ],
    )
}

fn files_begin_with_docs() -> CaseResult {
    holds(rules::files_begin_with_docs)
}

fn files_begin_with_docs_fires() -> CaseResult {
    fires(
        rules::files_begin_with_docs,
        &[
            ("src/store.rs", ""),
            ("src/store.rs", "// A store.\nuse std::fmt;"),
            ("src/store.rs", "use std::fmt;\n//! A store."),
            ("src/store/conformance.rs", "use std::fmt;"),
        ],
        &[
            ("src/store.rs", "//! A store.\n"),
            ("src/store/tests.rs", "use super::*;"),
            ("src/store/tests/race.rs", "use super::*;"),
        ],
    )
}

fn the_top_level_is_the_map() -> CaseResult {
    let names = top_level()?;
    let strays = rules::strays(names.iter().map(String::as_str));
    if strays.is_empty() {
        return Ok(());
    }
    Err(format!("not on the map of the top level: {}", strays.join(", ")).into())
}

fn the_top_level_is_the_map_fires() -> CaseResult {
    assert_eq!(rules::strays(["src", "docs", ".ci", "Makefile", "docs"]), ["Makefile", "docs"]);
    assert_eq!(rules::strays(["Cargo.toml", "README.md", ".gitignore", "tests"]), [""; 0]);
    Ok(())
}

fn comments_and_literals_are_not_code() -> CaseResult {
    for (text, words) in [
        ("a // b\nc", "a c"),
        ("a /* b /* c */ d */ e", "a e"),
        ("a \"b \\\" // c\" d", "a d"),
        ("a \"b \\\\\" d", "a d"),
        ("a(r\"b\\\") c", "a( ) c"),
        ("r#\"a \"b\" c\"# d", "d"),
        ("br##\"a\"# b\"## c", "c"),
        ("b\"a\" b'a' c", "b b c"),
        ("'\"' a '\\'' b '\\u{1F}' c", "a b c"),
        ("<'a, 'b>(x: &'a str)", "<'a, 'b>(x: &'a str)"),
        ("'a: loop { break 'a }", "'a: loop { break 'a }"),
        ("r#type for\"x\"", "r#type for"),
        ("a \"b\nc\" d", "a d"),
        ("'ü' \"ü\" ü", "ü"),
        ("a \"b", "a"),
        ("a /* b", "a"),
        ("r#\"a\"", ""),
        ("a '\\", "a"),
    ] {
        let code = text::code(text);
        let found: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(found.join(" "), words, "code in {text:?}");
        let shape = |text: &str| text.chars().map(|c| c == '\n').collect::<Vec<bool>>();
        assert_eq!(shape(&code), shape(text), "lines and columns of {text:?}");
    }
    assert_eq!(text::code_and_comments("\"a\" // \"b\""), "    // \"b\"");
    Ok(())
}

fn paths_are_read_out_of_import_trees() -> CaseResult {
    let code = "pub(crate) use a::{b, c::{self, d as e}, f::*,}; g::h::<I>(j!(::k::l))";
    let paths: Vec<String> =
        text::paths(&text::tokens(code)).iter().map(|path| path.segments.join("::")).collect();
    assert_eq!(
        paths,
        ["pub", "crate", "a::b", "a::c::self", "a::c::d", "a::f::*", "g::h", "I", "j", "k::l"]
    );
    Ok(())
}

/// The rule finds nothing in the whole source.
fn holds(rule: fn(&Source) -> Vec<Breach>) -> CaseResult {
    let sources = read_sources()?;
    let breaches: Vec<String> =
        sources.iter().flat_map(rule).map(|breach| breach.to_string()).collect();
    if breaches.is_empty() { Ok(()) } else { Err(breaches.join("\n").into()) }
}

/// The rule finds something in each bad sample, and nothing in the good ones.
fn fires(rule: fn(&Source) -> Vec<Breach>, bad: &[Sample], good: &[Sample]) -> CaseResult {
    for (path, text) in bad {
        let breaches = rule(&Source::new(path, text));
        assert!(!breaches.is_empty(), "found nothing in {path}: {text}");
    }
    for (path, text) in good {
        let breaches = rule(&Source::new(path, text));
        assert_eq!(breaches, [], "found something in {path}: {text}");
    }
    Ok(())
}

/// Every Rust file below `src` and `tests`.
fn read_sources() -> Result<Vec<Source>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    let mut folders = vec!["src".to_owned(), "tests".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let path = format!("{folder}/{}", name.to_str().ok_or("a name is not UTF-8")?);
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                sources.push(Source::new(&path, &fs::read_to_string(entry.path())?));
            }
        }
    }
    assert!(sources.iter().any(|source| source.path() == "src/lib.rs"), "src/lib.rs was not read");
    Ok(sources)
}

/// What git tracks at the top level; outside of a checkout, what lies there.
fn top_level() -> Result<Vec<String>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listing = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output();
    if let Ok(output) = listing
        && output.status.success()
        && !output.stdout.is_empty()
    {
        let files = String::from_utf8(output.stdout)?;
        let tops = files.split_terminator('\0').map(|file| match file.split_once('/') {
            Some((folder, _)) => folder.to_owned(),
            None => file.to_owned(),
        });
        return Ok(tops.collect());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "target" {
            names.push(name);
        }
    }
    Ok(names)
}
