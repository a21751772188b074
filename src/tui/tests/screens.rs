//! What a person sees.

use super::fixture::{World, ago, failed, log};
use super::harness::{Screen, away};
use crate::api::view::{LogEntry, LogPage};
use crate::domain::event::LogSource;
use crate::domain::stage::Stage;
use crate::tui::event::{Reply, Trouble};

/// The busy home with the running task selected and its log read.
pub(super) fn busy(width: u16, height: u16) -> Screen {
    Screen::new(width, height).data(World::busy().snapshot).keys("jj").log(log(1_204))
}

#[test]
fn home_while_nothing_is_known() {
    for (width, height) in [(120, 36), (80, 24)] {
        Screen::new(width, height).snapshot("home_loading");
    }
}

#[test]
fn home_without_anything() {
    for (width, height) in [(120, 36), (80, 24)] {
        Screen::new(width, height).data(World::empty().snapshot).snapshot("home_empty");
    }
}

#[test]
fn home_with_a_task_that_never_ran() {
    Screen::new(120, 36).data(World::small().snapshot).snapshot("home_first_task");
}

#[test]
fn home_on_a_busy_day() {
    for (width, height) in [(40, 12), (60, 20), (80, 24), (120, 36), (200, 60)] {
        busy(width, height).snapshot("home_busy");
    }
}

#[test]
fn home_when_the_daemon_is_lost() {
    for (width, height) in [(120, 36), (80, 24)] {
        busy(width, height).lost(away()).snapshot("home_lost");
        Screen::new(width, height).lost(away()).snapshot("home_never_found");
    }
}

#[test]
fn home_when_the_daemon_refuses() {
    let screen = Screen::new(120, 36);
    let generation = screen.connection();
    let trouble = Trouble {
        what: "the store cannot be read: disk I/O error".to_owned(),
        hint: Some("check the disk of /home/me/.local/share/orch".to_owned()),
        is_away: false,
    };
    screen
        .reply(Reply::Connected { generation })
        .reply(Reply::Everything { generation, result: Err(trouble) })
        .snapshot("home_refused");
}

#[test]
fn each_pane_alone_on_a_small_screen() {
    for (key, name) in [("1", "projects"), ("2", "repositories"), ("4", "findings"), ("5", "run")] {
        busy(80, 24).keys(key).snapshot(name);
    }
}

#[test]
fn a_zoomed_run() {
    busy(120, 36).keys("5z").snapshot("run_zoomed");
    busy(40, 12).keys("5").snapshot("run");
}

#[test]
fn a_run_that_needs_you() {
    Screen::new(120, 36).data(World::busy().snapshot).keys("j").log(log(12)).snapshot("needs_you");
}

#[test]
fn a_run_that_failed() {
    for (width, height) in [(120, 36), (80, 24)] {
        let screen = Screen::new(width, height).data(World::busy().snapshot);
        screen.keys("4j<enter>").log(log(7)).snapshot("failed");
    }
}

#[test]
fn help_for_a_list() {
    busy(120, 36).keys("?").snapshot("help");
    busy(60, 20).keys("?jjj").snapshot("help");
}

#[test]
fn a_question_before_a_run_is_stopped() {
    for (width, height) in [(120, 36), (40, 12)] {
        busy(width, height).keys("x").snapshot("confirm");
    }
}

#[test]
fn a_refused_action() {
    let task: crate::domain::slug::TaskPath = "acme/api/fix-tests".parse().unwrap();
    let trouble = Trouble {
        what: "the image `debian:sid` is not allowed".to_owned(),
        hint: Some("allow it under [docker] images in config.toml".to_owned()),
        is_away: false,
    };
    for (width, height) in [(120, 36), (80, 24)] {
        let result = Err(trouble.clone());
        let screen = busy(width, height).keys("r").assert_shows("starting…");
        let screen = screen.reply(Reply::Started { task: task.clone(), result });
        let screen = screen.assert_hides("starting…").snapshot("refused");
        screen.keys("k").assert_hides("debian:sid");
    }
}

#[test]
fn only_ascii() {
    let screen = busy(120, 36).ascii().snapshot("home_ascii");
    for content in screen.buffer().content() {
        assert!(content.symbol().is_ascii(), "`{}`", content.symbol());
    }
    for keys in ["?", "x", "4", "5z"] {
        assert!(busy(80, 24).ascii().keys(keys).text().is_ascii());
    }
}

#[test]
fn a_screen_that_is_too_small() {
    for (width, height) in [(39, 12), (80, 9), (20, 1), (1, 1)] {
        let screen = busy(width, height);
        if width == 39 {
            screen.snapshot("too_small");
        } else {
            screen.text();
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    for width in (1..130).step_by(7) {
        for height in 1..40 {
            for keys in ["", "?", "x", "4", "5", "z"] {
                busy(width, height).keys(keys).text();
            }
        }
    }
}

/// Sequences that retitle, move, colour, query and reverse, in everything that comes from outside.
#[test]
fn escape_sequences_never_reach_the_screen() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mred\u{9b}5n\u{202e}txt\u{1b}Pq\u{1b}\\\r\n!";
    let mut world = World::small();
    let mut run = world.run(
        "demo/sample/hello",
        60,
        &[(1, crate::domain::run::Fact::Dispatched), (2, failed(Stage::Prepare, 1))],
    );
    run.version += 1;
    if let Some(failure) = &mut run.failure {
        failure.message = evil.to_owned();
        failure.suggestion = evil.to_owned();
    }
    world.snapshot.runs.push(run.clone());
    let kind = crate::domain::finding::FindingKind::FailedRun;
    world.finding(kind, crate::domain::finding::Severity::High, &run, evil, 10);
    let entry = |source| LogEntry {
        line: 1,
        at: ago(50),
        stage: Stage::Prepare,
        source,
        text: evil.to_owned(),
    };
    let lines = vec![entry(LogSource::Stdout), entry(LogSource::Stderr)];
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        for keys in ["", "4", "5", "5z"] {
            let screen = Screen::new(width, height)
                .data(world.snapshot.clone())
                .log(LogPage { lines: lines.clone(), total: 2, seq: 9 })
                .keys(keys);
            let task = "demo/sample/hello".parse().unwrap();
            let trouble =
                Trouble { what: evil.to_owned(), hint: Some(evil.to_owned()), is_away: false };
            let screen = screen.reply(Reply::Started { task, result: Err(trouble) });
            let text = screen.assert_shows("redtxt").text();
            let is_bad = |c: char| {
                (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}')
            };
            assert!(!text.contains(is_bad), "{text:?}");
            assert!(!text.contains("owned"), "{text}");
        }
    }
}
