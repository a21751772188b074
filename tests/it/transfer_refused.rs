//! What backup, restore and migration refuse, because it would take somebody's data away.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use orch::store::sqlite::SqliteStore;
use orch::store::transfer::{Piece, Reader, Writer};
use orch::store::{Collection, Document, Query, Store as _};

use crate::case::{Case, CaseResult, cases};
use crate::env::Env;
use crate::transfer::{LIMIT, backup, checksum, database, home, leftovers, text};
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    a_store_that_another_home_has_open_stays needs [Git],
    a_log_without_its_file_is_kept needs [Git],
    a_migration_takes_no_log_of_another_file needs [Git],
    a_backup_is_never_written_over_its_store needs [Git],
    a_backup_is_written_into_a_private_file needs [Git],
    what_was_made_meanwhile_stays needs [Git],
    what_a_newer_orch_wrote_is_refused needs [Git],
];

fn a_store_that_another_home_has_open_stays() -> CaseResult {
    let env = home()?;
    let (file, _) = backup(&env, "backup.jsonl")?;
    env.orch(&["run", "--sandbox", "process", "--prompt", "echo later"])?.exits(0);
    let other = Env::new()?.with("ORCH_STORE_URL", format!("sqlite:{}", text(&database(&env))));
    for force in [&["restore", &text(&file)][..], &["restore", "--force", &text(&file)]] {
        other.orch(force)?.exits(3).tells("orch daemon stop");
    }
    // Also by a way that does not lead.
    let link = other.folder().join("link.db");
    std::os::unix::fs::symlink(database(&env), &link)?;
    let linked = Env::new()?.with("ORCH_STORE_URL", format!("sqlite:{}", text(&link)));
    linked.orch(&["restore", "--force", &text(&file)])?.exits(3).tells("orch daemon stop");
    env.orch(&["run", "--sandbox", "process", "--prompt", "echo last"])?.exits(0);
    env.orch(&["daemon", "stop"])?.exits(0);
    assert_eq!(env.orch(&["runs", "--json"])?.json()?.as_array().map(Vec::len), Some(4));
    env.orch(&["daemon", "stop"])?.exits(0);
    // Now it is free, and the lead of who asked before is not in the way for long.
    wait_for("the lead to end", LIMIT, || {
        let said = other.orch(&["restore", "--force", &text(&file)]).map_err(|e| e.to_string())?;
        if said.code == Some(0) { Ok(()) } else { Err(said.stderr) }
    })?;
    assert_eq!(env.orch(&["runs", "--json"])?.json()?.as_array().map(Vec::len), Some(2));
    Ok(())
}

fn a_log_without_its_file_is_kept() -> CaseResult {
    let env = home()?;
    let (file, told) = backup(&env, "backup.jsonl")?;
    let store = database(&env);
    let beside = |end: &str| PathBuf::from(format!("{}{end}", text(&store)));
    for end in ["-wal", "-journal"] {
        fs::remove_file(&store)?;
        fs::write(beside(end), "all that was committed")?;
        env.orch(&["restore", &text(&file)])?.exits(3).tells("without the file").tells("--force");
        assert_eq!(fs::read_to_string(beside(end))?, "all that was committed");
        let said = env.orch(&["restore", "--force", "--json", &text(&file)])?.exits(0).json()?;
        assert_eq!(said["checksum"], told["checksum"]);
        let kept = said["kept"].as_str().ok_or("nothing was kept")?;
        assert_eq!(fs::read_to_string(format!("{kept}{end}"))?, "all that was committed");
        assert!(!beside(end).exists());
    }
    Ok(())
}

fn a_migration_takes_no_log_of_another_file() -> CaseResult {
    let env = home()?;
    let target = env.folder().join("target.db");
    let to = format!("sqlite:{}", text(&target));
    for end in ["-wal", "-shm", "-journal"] {
        let stale = env.write(&format!("target.db{end}"), "of another file")?;
        env.orch(&["migrate", "--to", &to])?.exits(3).tells(end).tells("is there already");
        assert_eq!(fs::read_to_string(&stale)?, "of another file");
        assert!(!target.exists());
        fs::remove_file(stale)?;
    }
    env.orch(&["migrate", "--to", &to])?.exits(0);
    Ok(())
}

fn a_backup_is_never_written_over_its_store() -> CaseResult {
    let env = home()?;
    let before = checksum(&env)?;
    env.orch(&["daemon", "start"])?.exits(0);
    let store = database(&env);
    let hard = env.folder().join("hard.jsonl");
    fs::hard_link(&store, &hard)?;
    let soft = env.folder().join("soft.jsonl");
    std::os::unix::fs::symlink(&store, &soft)?;
    let beside = ["-wal", "-shm", "-journal"].map(|end| PathBuf::from(text(&store) + end));
    for target in [&store, &hard, &soft].into_iter().chain(&beside) {
        let words = ["backup", "--force", &text(target)];
        env.orch(&words)?.exits(3).tells("belongs to the store itself");
    }
    env.orch(&["daemon", "stop"])?.exits(0);
    assert_eq!(checksum(&env)?, before);
    Ok(())
}

fn a_backup_is_written_into_a_private_file() -> CaseResult {
    let env = home()?;
    let file = env.folder().join("backup.jsonl");
    let part = env.write("backup.jsonl.part", "of somebody")?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o666))?;
    env.orch(&["backup", &text(&file)])?.exits(0);
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let mine = env.write("mine.txt", "mine")?;
    std::os::unix::fs::symlink(&mine, &part)?;
    env.orch(&["backup", "--force", &text(&file)])?.exits(1);
    assert_eq!(fs::read_to_string(&mine)?, "mine");
    Ok(())
}

fn what_was_made_meanwhile_stays() -> CaseResult {
    let env = home()?;
    let (file, _) = backup(&env, "backup.jsonl")?;
    let whole = fs::read(file)?;
    let other = Env::new()?;
    let mut command = other.command(&["restore", "-"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or("it has an input")?;
    let (first, rest) = whole.split_at(whole.len() / 2);
    input.write_all(first)?;
    wait_for("the work to begin", LIMIT, || {
        let begun = leftovers(&other).map_err(|error| error.to_string());
        if begun.is_ok_and(|begun| !begun.is_empty()) { Ok(()) } else { Err("not yet".to_owned()) }
    })?;
    fs::write(database(&other), "")?;
    input.write_all(rest)?;
    drop(input);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("meanwhile"), "{said}");
    assert_eq!(fs::read(database(&other))?, b"");
    Ok(())
}

fn what_a_newer_orch_wrote_is_refused() -> CaseResult {
    let env = home()?;
    let (file, _) = backup(&env, "backup.jsonl")?;
    let newer = env.folder().join("newer.jsonl");
    let mut reader = Reader::begin(BufReader::new(File::open(&file)?))?;
    let mut writer = Writer::begin(File::create(&newer)?, reader.head().clone())?;
    while let Some(mut piece) = reader.next_piece()? {
        if let Piece::Document(document) = &mut piece {
            document.schema += 1;
        }
        writer.write(&piece)?;
    }
    writer.finish()?;
    let other = Env::new()?;
    other.orch(&["restore", &text(&newer)])?.exits(2).tells("in schema").tells("here up to");
    assert!(!database(&other).exists());
    // A store that has it already is not spread.
    let before = env.folder().join("before.db");
    fs::copy(database(&env), &before)?;
    let target = other.folder().join("target.db");
    let to = format!("sqlite:{}", text(&target));
    tokio::runtime::Runtime::new()?.block_on(async {
        let store = SqliteStore::open(&before)?;
        let found = store.find(Query::all(Collection::Projects)).await?;
        let project = found.first().ok_or("no project")?.clone();
        let (version, schema) = (project.version + 1, project.schema + 1);
        store.replace(Document { version, schema, ..project }).await?;
        store.close().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let source = Env::new()?.with("ORCH_STORE_URL", format!("sqlite:{}", text(&before)));
    source.orch(&["migrate", "--to", &to])?.tells("use a newer one").exits(1);
    assert!(!target.exists());
    Ok(())
}
