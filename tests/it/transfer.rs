//! Backup, restore and migration: what was there is there again, whatever comes between.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orch::domain::event::RunEvent;
use orch::store::sqlite::SqliteStore;
use orch::store::transfer::{Piece, Reader};
use orch::store::{Store as _, Taken};
use serde_json::Value;

use crate::case::{Case, CaseResult, cases, note};
use crate::env::Env;
use crate::mongodb;
use crate::wait::wait_for;
use large::enlarged;

mod large;

pub(crate) const CASES: &[Case] = cases![
    a_backup_has_everything_and_is_private needs [Git],
    a_backup_of_a_writing_daemon_is_consistent needs [Git],
    a_daemon_keeps_others_from_restoring_and_migrating needs [Git],
    a_store_that_holds_something_is_kept_aside needs [Git],
    a_store_that_cannot_be_read_is_kept_aside,
    a_damaged_backup_changes_nothing needs [Git],
    a_backup_goes_through_pipes needs [Git],
    a_file_is_never_overwritten_unasked needs [Git],
    what_is_not_there_is_not_found,
    a_full_disk_leaves_nothing_behind needs [Git],
    an_interrupt_leaves_nothing_behind needs [Git],
    a_migration_moves_to_another_file needs [Git],
    an_address_may_be_somewhere_else needs [Git],
    a_hundred_thousand_events_stay_the_same needs [Git],
    a_killed_backup_leaves_no_half_file needs [Git],
    a_killed_restore_leaves_the_old_or_the_new_store needs [Git],
    a_killed_migration_leaves_the_source_whole needs [Git],
    there_and_back_through_mongodb needs [Git, MongoDb],
    a_half_filled_database_is_no_store needs [Git, MongoDb],
];

pub(crate) const LIMIT: Duration = Duration::from_secs(60);
const KILLS: u32 = 20;

/// A home with two finished runs, and no daemon.
pub(crate) fn home() -> Result<Env, Box<dyn Error>> {
    let env = Env::new()?;
    env.repository()?;
    for script in ["for n in 1 2 3; do echo line $n; done", "echo failed >&2; exit 3"] {
        env.orch(&["run", "--sandbox", "process", "--prompt", script])?;
    }
    env.orch(&["daemon", "stop"])?.exits(0);
    Ok(env)
}

pub(crate) fn backup(env: &Env, name: &str) -> Result<(PathBuf, Value), Box<dyn Error>> {
    let path = env.folder().join(name);
    let words = ["backup", "--force", "--json", &path.display().to_string()];
    let told = env.orch(&words)?.exits(0).json()?;
    Ok((path, told))
}

pub(crate) fn checksum(env: &Env) -> Result<String, Box<dyn Error>> {
    let (path, told) = backup(env, "checksum.jsonl")?;
    fs::remove_file(path)?;
    Ok(told["checksum"].as_str().ok_or("no checksum")?.to_owned())
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn database(env: &Env) -> PathBuf {
    env.folder().join("home/data/orch.db")
}

/// What lies beside the store and the backups that should not.
pub(crate) fn leftovers(env: &Env) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = Vec::new();
    for folder in [env.folder().to_owned(), env.folder().join("home/data")] {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(".orch-transfer") || name.ends_with(".part") {
                found.push(name);
            }
        }
    }
    Ok(found)
}

/// A home whose store has so many more events than [`home`]'s, and its checksum.
fn large_home(more: u64) -> Result<(Env, String), Box<dyn Error>> {
    let env = home()?;
    let (small, _) = backup(&env, "small.jsonl")?;
    let large = env.folder().join("large.jsonl");
    enlarged(&small, &large, more)?;
    fs::remove_file(database(&env))?;
    let told = env.orch(&["restore", "--json", &text(&large)])?.exits(0).json()?;
    let sum = told["checksum"].as_str().ok_or("no checksum")?.to_owned();
    Ok((env, sum))
}

fn a_backup_has_everything_and_is_private() -> CaseResult {
    let env = home()?;
    let (file, told) = backup(&env, "backup.jsonl")?;
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(told["bytes"], fs::metadata(&file)?.len());
    assert_eq!(
        (&told["documents"]["runs"], &told["documents"]["envelopes"]),
        (&2.into(), &2.into())
    );
    // Again, and to a folder: another file with the same in it.
    let words = ["backup", "--json", &text(env.folder())];
    let again = env.orch(&words)?.exits(0).json()?;
    assert_ne!(again["path"], told["path"]);
    assert_eq!(again["checksum"], told["checksum"]);

    let other = Env::new()?;
    let restored = other.orch(&["restore", "--json", &text(&file)])?.exits(0).json()?;
    for field in ["documents", "events", "checksum"] {
        assert_eq!(restored[field], told[field], "{field}");
    }
    assert_eq!(fs::metadata(database(&other))?.permissions().mode() & 0o777, 0o600);
    for words in [&["runs", "--json"][..], &["logs", "@last"], &["show", "@last", "--json"]] {
        assert_eq!(other.orch(words)?.stdout, env.orch(words)?.stdout, "{words:?}");
    }
    assert_eq!((leftovers(&env)?, leftovers(&other)?), (Vec::new(), Vec::new()));
    Ok(())
}

fn a_backup_of_a_writing_daemon_is_consistent() -> CaseResult {
    let env = Env::new()?;
    env.repository()?;
    let script = "n=0; while [ ! -e stop ]; do n=$((n + 1)); echo line $n; sleep 0.003; done";
    env.orch(&["run", "--sandbox", "process", "--detach", "--prompt", script])?.exits(0);
    let mut lines = 0;
    for round in 0..4 {
        wait_for("more output", LIMIT, || {
            let said = env.orch(&["logs", "@last"]).map_err(|error| error.to_string())?;
            let seen = said.stdout.matches("line ").count();
            if seen > lines { Ok(()) } else { Err(format!("{seen} lines")) }
        })?;
        let (file, told) = backup(&env, &format!("{round}.jsonl"))?;
        let mut seen = 0;
        let mut reader = Reader::begin(BufReader::new(File::open(&file)?))?;
        while let Some(piece) = reader.next_piece()? {
            let Piece::Events { events, .. } = piece else { continue };
            for chunk in events.iter().filter_map(RunEvent::chunk) {
                for line in chunk.lines.iter().filter(|line| line.2.starts_with("line ")) {
                    seen += 1;
                    assert_eq!(line.2, format!("line {seen}"));
                }
            }
        }
        assert!(seen > lines, "{seen} lines after {lines}");
        lines = seen;
        let other = Env::new()?;
        let restored = other.orch(&["restore", "--json", &text(&file)])?.exits(0).json()?;
        assert_eq!(restored["checksum"], told["checksum"]);
        assert_eq!(checksum(&other)?, told["checksum"].as_str().ok_or("no checksum")?);
    }
    env.orch(&["cancel", "@last"])?.exits(0);
    assert_eq!(leftovers(&env)?, Vec::<String>::new());
    Ok(())
}

fn a_daemon_keeps_others_from_restoring_and_migrating() -> CaseResult {
    let env = home()?;
    let (file, _) = backup(&env, "backup.jsonl")?;
    let before = checksum(&env)?;
    env.orch(&["daemon", "start"])?.exits(0);
    let other = format!("sqlite:{}", text(&env.folder().join("other.db")));
    for words in [&["restore", "--force", &text(&file)][..], &["migrate", "--to", &other]] {
        env.orch(words)?.exits(3).tells("a daemon is running").tells("orch daemon stop");
    }
    assert!(!env.folder().join("other.db").exists());
    assert_eq!(checksum(&env)?, before);
    Ok(())
}

fn a_store_that_holds_something_is_kept_aside() -> CaseResult {
    let env = home()?;
    let (file, told) = backup(&env, "backup.jsonl")?;
    env.orch(&["run", "--sandbox", "process", "--prompt", "echo later"])?.exits(0);
    env.orch(&["daemon", "stop"])?.exits(0);
    let later = checksum(&env)?;
    let said = env.orch(&["restore", &text(&file)])?;
    said.exits(3).tells("is in use already").tells("`--force`");
    assert_eq!(checksum(&env)?, later);
    let mut kept = Vec::new();
    // Twice in the same second too.
    for _ in 0..2 {
        let said = env.orch(&["restore", "--force", "--json", &text(&file)])?.exits(0).json()?;
        assert_eq!(said["checksum"], told["checksum"]);
        kept.push(PathBuf::from(said["kept"].as_str().ok_or("nothing was kept")?));
    }
    assert_ne!(kept[0], kept[1]);
    let url = format!("sqlite:{}", text(&kept[0]));
    assert_eq!(checksum(&Env::new()?.with("ORCH_STORE_URL", url))?, later);
    // Who opened it before it was taken away never leads.
    let now = jiff::Timestamp::now();
    let asked = tokio::runtime::Runtime::new()?.block_on(async {
        let store = SqliteStore::open(&kept[0])?;
        let asked =
            store.take_lease("a daemon that stood by", now, Duration::ZERO.try_into()?).await;
        store.close().await;
        Ok::<_, Box<dyn Error>>(asked?)
    });
    assert!(matches!(asked?, Taken::Held(lease) if lease.is_endless()));
    assert_eq!(env.orch(&["runs", "--json"])?.json()?.as_array().map(Vec::len), Some(2));
    Ok(())
}

fn a_store_that_cannot_be_read_is_kept_aside() -> CaseResult {
    let env = Env::new()?;
    env.orch(&["daemon", "start"])?.exits(0);
    env.orch(&["daemon", "stop"])?.exits(0);
    let (file, _) = backup(&env, "empty.jsonl")?;
    // Nothing was in it, so that nobody has to be asked.
    env.orch(&["restore", &text(&file)])?.exits(0);
    let diary = "a diary, not a database ".repeat(900);
    fs::write(database(&env), &diary)?;
    fs::write(env.folder().join("home/data/orch.db-wal"), "its log")?;
    env.orch(&["restore", &text(&file)])?.exits(3).tells("cannot be told").tells("--force");
    assert_eq!(fs::read_to_string(database(&env))?, diary);
    let said = env.orch(&["restore", "--force", "--json", &text(&file)])?.exits(0).json()?;
    let kept = said["kept"].as_str().ok_or("nothing was kept")?;
    assert_eq!(fs::read_to_string(kept)?, diary);
    assert_eq!(fs::read_to_string(format!("{kept}-wal"))?, "its log");
    env.orch(&["runs"])?.exits(0);
    Ok(())
}

fn a_damaged_backup_changes_nothing() -> CaseResult {
    let env = home()?;
    let (file, _) = backup(&env, "backup.jsonl")?;
    let before = checksum(&env)?;
    let whole = fs::read(&file)?;
    let bad = env.folder().join("bad.jsonl");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let cut = &whole[..whole.len() - 1];
    let newer = String::from_utf8(whole.clone())?.replacen("\"format\":1", "\"format\":2", 1);
    for (bytes, words) in [
        (&damaged[..], "is damaged: its sum is another"),
        (cut, "it is cut off after line"),
        (newer.as_bytes(), "wrote it in format 2, and this orch reads up to 1"),
        (b"{\"orch\":true}\n", "it is no backup of orch"),
        (b"", "it is no backup of orch"),
    ] {
        fs::write(&bad, bytes)?;
        env.orch(&["restore", "--force", &text(&bad)])?.exits(2).tells(words);
        // From a stream it is noticed on the way; what was written until then is thrown away.
        env.orch_reading(&["restore", "--force", "-"], bytes)?.exits(2).tells(words);
        let other = Env::new()?;
        other.orch_reading(&["restore", "-"], bytes)?.exits(2).tells(words);
        assert!(!database(&other).exists());
        assert_eq!(leftovers(&other)?, Vec::<String>::new());
    }
    assert_eq!(checksum(&env)?, before);
    let kept = fs::read_dir(env.folder().join("home/data"))?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().contains("before-restore"));
    assert_eq!((kept.count(), leftovers(&env)?), (0, Vec::new()));
    Ok(())
}

fn a_backup_goes_through_pipes() -> CaseResult {
    let env = home()?;
    let (_, told) = backup(&env, "backup.jsonl")?;
    let said = env.orch(&["backup", "-"])?;
    said.exits(0).tells(told["checksum"].as_str().ok_or("no checksum")?);
    let other = Env::new()?;
    let restored = other.orch_reading(&["restore", "--json", "-"], said.stdout.as_bytes())?;
    assert_eq!(restored.exits(0).json()?["checksum"], told["checksum"]);
    env.orch(&["backup", "--json", "-"])?.exits(2);
    let full = File::options().write(true).open("/dev/full")?;
    let output = env.command(&["backup", "-"]).stdout(full).output()?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
    Ok(())
}

fn a_file_is_never_overwritten_unasked() -> CaseResult {
    let env = home()?;
    let file = env.write("mine.txt", "mine")?;
    env.orch(&["backup", &text(&file)])?.exits(3).tells("is there already").tells("--force");
    assert_eq!(fs::read_to_string(&file)?, "mine");
    env.orch(&["backup", "--force", "/dev/null"])?.exits(3);
    // Also with `--force` only what is a backup, or nothing.
    env.orch(&["backup", "--force", &text(&file)])?.exits(3).tells("is no backup of orch");
    assert_eq!(fs::read_to_string(&file)?, "mine");
    fs::write(&file, "")?;
    for _ in 0..2 {
        env.orch(&["backup", "--force", &text(&file)])?.exits(0);
    }
    Env::new()?.orch(&["restore", &text(&file)])?.exits(0);
    let target = format!("sqlite:{}", text(&file));
    env.orch(&["migrate", "--to", &target])?.exits(3).tells("is there already");
    Ok(())
}

fn what_is_not_there_is_not_found() -> CaseResult {
    let env = Env::new()?;
    env.orch(&["backup"])?.exits(5).tells("there is no store at");
    env.orch(&["migrate", "--to", "sqlite:/tmp/nowhere.db"])?.exits(5).tells("there is no store");
    assert!(!database(&env).exists());
    env.orch(&["restore", "nowhere.jsonl"])?.exits(5).tells("there is no file nowhere.jsonl");
    env.orch(&["restore", &text(env.folder())])?.exits(2).tells("Is a directory");
    env.orch(&["migrate", "--to", "orch.db"])?.exits(2).tells("env://VARIABLE");
    env.orch(&["migrate", "--to", "sqlite:orch.db"])?.exits(2).tells("absolute");
    env.orch(&["migrate", "--to", ""])?.exits(2).tells("blank");
    let server = env.with("ORCH_STORE_URL", "mongodb://me:secret@127.0.0.1:9/orch");
    let said = server.orch(&["backup", "-"])?;
    said.exits(69).tells("127.0.0.1:9");
    assert!(!said.stderr.contains("secret"), "{said:?}");
    Ok(())
}

/// Runs orch where no file may become larger than so many blocks of 512 bytes: to a program that is
/// what a full disk is.
fn cramped(env: &Env, blocks: u32, words: &[&str]) -> Result<std::process::Output, Box<dyn Error>> {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let orch = env.command::<&str>(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &script, &orch.get_program().to_string_lossy()]).args(words);
    command.env_clear().current_dir(env.folder());
    command.envs(orch.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ok(command.output()?)
}

fn a_full_disk_leaves_nothing_behind() -> CaseResult {
    let (env, sum) = large_home(4_000)?;
    let large = text(&env.folder().join("large.jsonl"));
    let file = env.folder().join("backup.jsonl");
    let target = env.folder().join("target.db");
    let to = format!("sqlite:{}", text(&target));
    for (blocks, words) in [
        (16, &["backup", &text(&file)][..]),
        (1_200, &["backup", &text(&file)]),
        (300, &["restore", "--force", &large]),
        (300, &["migrate", "--to", &to]),
    ] {
        let output = cramped(&env, blocks, words)?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{words:?}: {said}");
        assert!(output.status.code().is_some(), "{words:?} was killed: {said}");
        assert!(said.contains("error:"), "{said}");
        assert_eq!(leftovers(&env)?, Vec::<String>::new(), "{words:?}: {said}");
        assert!(!file.exists() && !target.exists(), "{words:?}");
        assert_eq!(checksum(&env)?, sum, "{words:?}");
    }
    Ok(())
}

fn an_interrupt_leaves_nothing_behind() -> CaseResult {
    let (env, sum) = large_home(20_000)?;
    let large = text(&env.folder().join("large.jsonl"));
    let file = env.folder().join("backup.jsonl");
    let to = format!("sqlite:{}", text(&env.folder().join("target.db")));
    for words in
        [&["backup", &text(&file)][..], &["restore", "--force", &large], &["migrate", "--to", &to]]
    {
        let mut child = env.command(words).stderr(Stdio::piped()).spawn()?;
        wait_for("the work to begin", LIMIT, || {
            let begun = leftovers(&env).map_err(|error| error.to_string())?;
            if begun.is_empty() { Err("nothing yet".to_owned()) } else { Ok(()) }
        })?;
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status()?.success());
        assert_eq!(ended(&mut child)?.code(), Some(130), "{words:?}");
        assert_eq!(leftovers(&env)?, Vec::<String>::new(), "{words:?}");
        assert_eq!(checksum(&env)?, sum, "{words:?}");
    }
    Ok(())
}

fn ended(child: &mut Child) -> Result<std::process::ExitStatus, Box<dyn Error>> {
    let status = wait_for("it to end", LIMIT, || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err("it runs".to_owned()),
        Err(error) => Err(error.to_string()),
    })?;
    Ok(status)
}

fn a_migration_moves_to_another_file() -> CaseResult {
    let env = home()?;
    let before = checksum(&env)?;
    let target = env.folder().join("other.db");
    let to = format!("sqlite:{}", text(&target));
    let said = env.orch(&["migrate", "--to", &to])?;
    said.exits(0).prints(&before).tells(&format!("[store] url = \"{to}\""));
    assert_eq!(checksum(&env)?, before);
    assert_eq!(fs::metadata(&target)?.permissions().mode() & 0o777, 0o600);
    env.orch(&["migrate", "--to", &to])?.exits(3).tells("is there already");
    let moved = Env::new()?.with("ORCH_STORE_URL", to);
    assert_eq!(checksum(&moved)?, before);
    let back = format!("sqlite:{}", text(&moved.folder().join("back.db")));
    let said = moved.orch(&["migrate", "--json", "--to", &back])?.exits(0).json()?;
    assert_eq!(said["checksum"], before.as_str());
    Ok(())
}

fn an_address_may_be_somewhere_else() -> CaseResult {
    let env = home()?;
    let target = |name: &str| format!("sqlite:{}", text(&env.folder().join(name)));
    let file = env.write("url", &format!("{}\n", target("b.db")))?;
    let file = format!("file://{}", text(&file));
    env.orch_reading(&["migrate", "--to", "-"], target("a.db").as_bytes())?.exits(0);
    let said = env.orch(&["migrate", "--to", &file])?;
    said.exits(0).tells(&format!("[store] url = \"{file}\""));
    assert!(env.folder().join("a.db").exists() && env.folder().join("b.db").exists());
    let secret = "mongodb://me:secret@127.0.0.1:9/orch";
    let said = env.orch(&["migrate", "--to", secret])?;
    said.exits(69).tells("list of processes").tells("me:***@127.0.0.1:9");
    assert!(!said.stderr.contains("secret"), "{said:?}");
    let env = env.with("ADDRESS", secret);
    let said = env.orch(&["migrate", "--to", "env://ADDRESS"])?;
    said.exits(69);
    assert!(!said.stderr.contains("list of processes"), "{said:?}");
    Ok(())
}

fn a_hundred_thousand_events_stay_the_same() -> CaseResult {
    const EVENTS: u64 = 100_000;
    let begun = Instant::now();
    let (env, sum) = large_home(EVENTS)?;
    let restored = begun.elapsed();
    let begun = Instant::now();
    let (file, told) = backup(&env, "again.jsonl")?;
    let backed_up = begun.elapsed();
    assert_eq!(told["checksum"], sum.as_str());
    assert!(told["events"].as_u64() > Some(EVENTS), "{told}");
    let other = Env::new()?;
    let again = other.orch(&["restore", "--json", &text(&file)])?.exits(0).json()?;
    assert_eq!(again["checksum"], sum.as_str());
    let to = format!("sqlite:{}", text(&other.folder().join("other.db")));
    let moved = other.orch(&["migrate", "--json", "--to", &to])?.exits(0).json()?;
    assert_eq!(moved["checksum"], sum.as_str());
    let lines = other.orch(&["logs", "@last"])?.exits(0).stdout.matches("of a long log").count();
    assert_eq!(lines as u64, EVENTS / 2);
    note(format!(
        "transfer: {EVENTS} events, {} bytes: made and restored in {restored:?}, backed up in \
         {backed_up:?}",
        told["bytes"]
    ));
    Ok(())
}

/// Starts it again and again and kills it, each time a little later; what is to hold is looked at
/// after each time.
fn kill_at_many_instants(
    env: &Env,
    words: &[&str],
    takes: Duration,
    mut holds: impl FnMut(bool) -> CaseResult,
) -> CaseResult {
    for round in 0..KILLS {
        let begun = Instant::now();
        let mut child = env.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Not evenly: much happens at the end.
        let instant = takes * (round * 7 % KILLS) / (KILLS - 1);
        wait_for("the instant", LIMIT, || {
            let gone = begun.elapsed();
            let is_over = !matches!(child.try_wait(), Ok(None));
            if gone >= instant || is_over { Ok(()) } else { Err(format!("{gone:?}")) }
        })?;
        child.kill()?;
        let status = child.wait()?;
        holds(status.success()).map_err(|error| format!("killed after {instant:?}: {error}"))?;
    }
    Ok(())
}

fn takes(env: &Env, words: &[&str]) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    env.orch(words)?.exits(0);
    Ok(begun.elapsed())
}

fn a_killed_backup_leaves_no_half_file() -> CaseResult {
    let (env, sum) = large_home(3_000)?;
    let file = env.folder().join("backup.jsonl");
    let words = ["backup", &text(&file)];
    let time = takes(&env, &words)?;
    fs::remove_file(&file)?;
    kill_at_many_instants(&env, &words, time, |_| {
        if file.exists() {
            Env::new()?.orch(&["restore", &text(&file)])?.exits(0).prints(&sum);
            fs::remove_file(&file)?;
        }
        Ok(())
    })?;
    env.orch(&words)?.exits(0).prints(&sum);
    assert_eq!(leftovers(&env)?, Vec::<String>::new());
    Ok(())
}

fn a_killed_restore_leaves_the_old_or_the_new_store() -> CaseResult {
    let (env, new) = large_home(3_000)?;
    let large = text(&env.folder().join("large.jsonl"));
    let small = text(&env.folder().join("small.jsonl"));
    let words = ["restore", "--force", &large];
    let time = takes(&env, &words)?;
    env.orch(&["restore", "--force", &small])?.exits(0);
    let old = checksum(&env)?;
    let mut seen = [0, 0];
    kill_at_many_instants(&env, &words, time, |ended| {
        let found = checksum(&env)?;
        assert!(found == new || (found == old && !ended), "{found}");
        seen[usize::from(found == new)] += 1;
        if found == new {
            env.orch(&["restore", "--force", &small])?.exits(0);
        }
        Ok(())
    })?;
    assert!(seen[0] > 0, "it was never killed early enough");
    env.orch(&words)?.exits(0).prints(&new);
    assert_eq!((checksum(&env)?, leftovers(&env)?), (new, Vec::new()));
    Ok(())
}

fn a_killed_migration_leaves_the_source_whole() -> CaseResult {
    let (env, sum) = large_home(3_000)?;
    let target = env.folder().join("target.db");
    let to = format!("sqlite:{}", text(&target));
    let words = ["migrate", "--to", &to];
    let time = takes(&env, &words)?;
    fs::remove_file(&target)?;
    kill_at_many_instants(&env, &words, time, |_| {
        if target.exists() {
            let other = Env::new()?.with("ORCH_STORE_URL", &to);
            assert_eq!(checksum(&other)?, sum);
            fs::remove_file(&target)?;
        }
        assert_eq!(checksum(&env)?, sum);
        Ok(())
    })?;
    env.orch(&words)?.exits(0).prints(&sum);
    assert_eq!(leftovers(&env)?, Vec::<String>::new());
    Ok(())
}

fn there_and_back_through_mongodb() -> CaseResult {
    let events = mongodb::scaled("transfer::there_and_back_through_mongodb", 20_000, "events");
    let (env, sum) = large_home(events.min(20_000) as u64 / 2)?;
    let large = text(&env.folder().join("large.jsonl"));
    let database = mongodb::Database::new()?;
    let server = Env::new()?.with("ORCH_STORE_URL", database.uri());
    server.orch(&["restore", &large])?.exits(0).prints(&sum);
    server.orch(&["restore", "--force", &large])?.exits(3).tells("name another database");
    assert_eq!(checksum(&server)?, sum);
    let back = server.folder().join("back.db");
    let to = format!("sqlite:{}", text(&back));
    server.orch(&["migrate", "--to", &to])?.exits(0).prints(&sum);
    let there = Env::new()?.with("ORCH_STORE_URL", &to);
    assert_eq!(checksum(&there)?, sum);
    let second = mongodb::Database::new()?;
    env.orch_reading(&["migrate", "--to", "-"], second.uri().as_bytes())?.exits(0).prints(&sum);
    let moved = Env::new()?.with("ORCH_STORE_URL", second.uri());
    assert_eq!(checksum(&moved)?, sum);
    Ok(())
}

fn a_half_filled_database_is_no_store() -> CaseResult {
    let (env, sum) = large_home(300)?;
    let large = text(&env.folder().join("large.jsonl"));
    let database = mongodb::Database::new()?;
    let server = Env::new()?.with("ORCH_STORE_URL", database.uri());
    let target = env.with("TARGET", database.uri());
    let mut child = server
        .command(&["restore", &large])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let said = child.stderr.take().ok_or("it has an output")?;
    let (tell, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(BufReader::new(said)).map_while(Result::ok) {
            tell.send(line).ok();
        }
    });
    while hear.recv_timeout(LIMIT)? != "writing" {}
    child.kill()?;
    child.wait()?;
    let backup = server.orch(&["backup", "-"])?;
    backup.exits(3).tells("half filled").tells("begin it again");
    // Another home has to wait until the lead of the first one ends.
    target.orch(&["migrate", "--to", "env://TARGET"])?.exits(3).tells("leads");
    server.orch(&["restore", &large])?.exits(0).prints(&sum);
    assert_eq!(checksum(&server)?, sum);
    Ok(())
}
