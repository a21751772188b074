//! The house rules, each a pure function over one source file.

use std::fmt;

use super::text::{self, NamedPath, Token};

/// The rooms of the house and what each may name, besides itself. Imports point down only.
const ROOMS: &[(&str, &[&str])] = &[
    // The command line uses the daemon only to start it, and to take the record elsewhere.
    ("cli", &["tui", "api", "config", "daemon", "domain"]),
    ("tui", &["api", "config", "domain"]),
    (
        "daemon",
        &[
            "api",
            "config",
            "domain",
            "engine",
            "harness",
            "sandbox",
            "secrets",
            "store",
            "workspace",
        ],
    ),
    ("engine", &["domain"]),
    ("harness", &["domain"]),
    ("workspace", &["domain", "sandbox"]),
    ("sandbox", &["domain"]),
    ("secrets", &["domain", "store"]),
    ("store", &["domain"]),
    ("api", &["domain"]),
    ("config", &["domain"]),
    ("domain", &[]),
];

/// Each driver and the only place that may name it.
const DRIVERS: &[(&str, &str)] = &[
    ("bollard", "src/sandbox/docker"),
    ("rusqlite", "src/store/sqlite"),
    ("mongodb", "src/store/mongo"),
];

/// Rooms without I/O, clock and randomness: times and ids are given to them.
const PURE_ROOMS: &[&str] = &["domain", "engine"];

/// What a pure room may not name.
const IMPURE: &[&str] = &[
    "tokio",
    "rand",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "now_v7",
    "new_v4",
];

/// Crates among [`IMPURE`]: a field or a variable may bear the same name.
const IMPURE_CRATES: &[&str] = &["tokio", "rand"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "misc"];

/// What may stand at the top level, besides hidden files.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "CLAUDE.md",
    "compose.yaml",
    "src",
    "tests",
    "snapshots",
    "benches",
    "themes",
    "images",
    "examples",
];

const MAX_LINES: usize = 600;
const MAX_MAIN_LINES: usize = 59;

/// One file of the source, read.
pub(crate) struct Source {
    path: String,
    text: String,
    tokens: Vec<Token>,
    paths: Vec<NamedPath>,
}

impl Source {
    /// Reads a file; `path` is relative to the top level and divided by `/`.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let tokens = text::tokens(&text::code(text));
        let paths = text::paths(&tokens);
        Self { path: path.to_owned(), text: text.to_owned(), tokens, paths }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// The parts of the path below `src`, without `.rs`: `src/store/sqlite.rs` is store, sqlite.
    /// Nothing for files elsewhere.
    fn modules(&self) -> Vec<&str> {
        match self.path.strip_prefix("src/") {
            Some(path) => path.trim_end_matches(".rs").split('/').collect(),
            None => Vec::new(),
        }
    }

    /// The top-level module that the file is in; nothing for the two crate roots.
    fn room(&self) -> Option<&str> {
        match self.modules().as_slice() {
            [] | ["lib" | "main"] => None,
            [room, ..] => Some(room),
        }
    }

    /// Whether the file is compiled for tests only.
    fn is_test(&self) -> bool {
        self.modules().iter().any(|module| matches!(*module, "tests" | "conformance"))
    }

    fn breach(&self, line: usize, what: impl Into<String>) -> Breach {
        Breach { path: self.path.clone(), line, what: what.into() }
    }

    /// The lines on which the tokens of `pattern` stand one after the other.
    fn lines_with(&self, pattern: &str) -> Vec<usize> {
        let pattern = text::tokens(pattern);
        let mut lines = Vec::new();
        for window in self.tokens.windows(pattern.len()) {
            if window.iter().zip(&pattern).all(|(token, wanted)| token.text == wanted.text) {
                lines.push(window[0].line);
            }
        }
        lines
    }

    /// The lines that name `wanted`, a path or a part of one.
    fn lines_naming(&self, wanted: &str) -> Vec<usize> {
        let wanted: Vec<&str> = wanted.split("::").collect();
        let mut lines = Vec::new();
        for path in &self.paths {
            if path.segments.windows(wanted.len()).any(|window| window == wanted) {
                lines.push(path.line);
            }
        }
        lines
    }

    /// The lines that name the crate: in an import, or at the beginning of a longer path.
    fn lines_naming_crate(&self, name: &str) -> Vec<usize> {
        let mut lines = self.lines_with(&format!("extern crate {name}"));
        for path in &self.paths {
            if path.segments[0] == name && (path.is_import || path.segments.len() > 1) {
                lines.push(path.line);
            }
        }
        lines
    }
}

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Each room names only the rooms below it; a room that the table does not know is a breach too.
pub(crate) fn imports_point_down(source: &Source) -> Vec<Breach> {
    let Some(room) = source.room() else { return Vec::new() };
    let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        let what = format!("`{room}` is not in the table of rooms in tests/it/tidy/rules.rs");
        return vec![source.breach(1, what)];
    };
    if source.is_test() {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for path in &source.paths {
        let Some(target) = room_named_by(path, source.modules().len()) else { continue };
        if target != room && !below.contains(&target) {
            let what = format!("`{room}` may not name `crate::{target}`");
            breaches.push(source.breach(path.line, what));
        }
    }
    breaches
}

/// What the path names at the crate's root, if it begins there: by `crate`, or by climbing out of
/// a module at `depth` with `super`.
fn room_named_by(path: &NamedPath, depth: usize) -> Option<&str> {
    let climbs = path.segments.iter().take_while(|segment| *segment == "super").count();
    if climbs > 0 {
        let target = path.segments.get(climbs)?;
        // A module inside the file climbs too, to something which is no room.
        let is_room = ROOMS.iter().any(|(room, _)| room == target);
        return (climbs >= depth && is_room).then_some(target);
    }
    if path.segments[0] != "crate" {
        return None;
    }
    let target = path.segments.get(1)?;
    // An exported macro lives at the root, wherever it is written.
    (!(path.is_macro && path.segments.len() == 2)).then_some(target)
}

/// A driver is named in one place only, so that the seam before it stays one.
pub(crate) fn drivers_stay_behind_their_seam(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (driver, place) in DRIVERS {
        if source.room().is_none() || is_at(&source.path, place) {
            continue;
        }
        for line in source.lines_naming_crate(driver) {
            breaches.push(source.breach(line, format!("only {place} may name `{driver}`")));
        }
    }
    breaches
}

fn is_at(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.starts_with(['.', '/', '_']))
}

/// The pure rooms have no I/O, no clock and no randomness.
pub(crate) fn pure_rooms_are_pure(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let Some(room) = source.room().filter(|room| PURE_ROOMS.contains(room)) else {
        return breaches;
    };
    if source.is_test() {
        return breaches;
    }
    for name in IMPURE {
        let lines = if IMPURE_CRATES.contains(name) {
            source.lines_naming_crate(name)
        } else {
            source.lines_naming(name)
        };
        for line in lines {
            breaches
                .push(source.breach(line, format!("`{room}` is pure and may not name `{name}`")));
        }
    }
    breaches
}

/// A file can be read in one sitting, and `main.rs` at a glance.
pub(crate) fn files_are_short(source: &Source) -> Vec<Breach> {
    let limit = match source.path.as_str() {
        "src/main.rs" => MAX_MAIN_LINES,
        path if path.starts_with("src/") => MAX_LINES,
        _ => return Vec::new(),
    };
    let lines = source.line_count();
    if lines <= limit {
        return Vec::new();
    }
    vec![source.breach(limit + 1, format!("{lines} lines, and {limit} are allowed"))]
}

/// A module is named for what is inside; `foo.rs` beside `foo/`, never `mod.rs`.
pub(crate) fn names_say_something(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for part in source.path.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&part) {
            breaches.push(source.breach(1, format!("`{part}` does not say what is inside")));
        }
    }
    for name in EMPTY_NAMES {
        for line in source.lines_with(&format!("mod {name}")) {
            breaches.push(source.breach(line, format!("`{name}` does not say what is inside")));
        }
    }
    if source.path.starts_with("src/") && source.path.ends_with("/mod.rs") {
        breaches.push(source.breach(1, "a module is `foo.rs` beside `foo/`, never `mod.rs`"));
    }
    breaches
}

/// Nothing panics on purpose, nothing is left half done, and only `main` ends the process.
pub(crate) fn nothing_gives_up(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !source.path.starts_with("src/") {
        return breaches;
    }
    let mut patterns = vec!["dbg!", "todo!", "unimplemented!"];
    if !source.is_test() {
        patterns.extend([".unwrap()", "panic!"]);
    }
    for pattern in patterns {
        for line in source.lines_with(pattern) {
            breaches.push(source.breach(line, format!("`{pattern}` is not for this place")));
        }
    }
    if source.path != "src/main.rs" {
        for line in source.lines_naming("process::exit") {
            breaches.push(source.breach(line, "only src/main.rs may call `process::exit`"));
        }
    }
    breaches
}

/// A lint is expected with a reason, which the compiler checks, never allowed.
pub(crate) fn lints_are_expected_not_allowed(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for pattern in ["#[allow(", "#![allow("] {
        for line in source.lines_with(pattern) {
            breaches.push(source.breach(line, "write `#[expect(…, reason = \"…\")]`"));
        }
    }
    breaches
}

/// What is left to do is written where work is planned, not in the code.
pub(crate) fn no_notes_to_self(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for token in text::tokens(&text::code_and_comments(&source.text)) {
        if matches!(token.text.as_str(), "TODO" | "FIXME" | "XXX") {
            breaches.push(source.breach(token.line, format!("`{}` is left over", token.text)));
        }
    }
    breaches
}

/// Only the command line's output and `main` print; a test may, since a skip has to be seen.
pub(crate) fn only_output_prints(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let prints = matches!(source.path.as_str(), "src/cli/output.rs" | "src/main.rs");
    if !source.path.starts_with("src/") || prints || source.is_test() {
        return breaches;
    }
    for pattern in ["println!", "eprintln!", "print!", "eprint!"] {
        for line in source.lines_with(pattern) {
            breaches.push(source.breach(line, format!("`{pattern}` belongs in src/cli/output.rs")));
        }
    }
    breaches
}

/// A test waits for a condition with a deadline, never for a time.
pub(crate) fn tests_do_not_sleep(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !source.path.starts_with("tests/") || source.path == "tests/it/wait.rs" {
        return breaches;
    }
    for name in ["thread::sleep", "time::sleep"] {
        for line in source.lines_naming(name) {
            breaches.push(source.breach(line, format!("`{name}`: use `wait_for`")));
        }
    }
    breaches
}

/// A file says first what it is for.
pub(crate) fn files_begin_with_docs(source: &Source) -> Vec<Breach> {
    let is_unit_test = source.modules().contains(&"tests");
    if !source.path.starts_with("src/") || is_unit_test || source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![source.breach(1, "the file does not begin with a `//!` comment")]
}

/// The names that do not belong at the top level.
pub(crate) fn strays<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut strays: Vec<&str> = names
        .into_iter()
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name))
        .collect();
    strays.sort_unstable();
    strays.dedup();
    strays
}
