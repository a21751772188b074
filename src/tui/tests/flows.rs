//! What a person does: keys and replies in, effects out.

use std::time::Duration;

use crossterm::event::MouseEventKind;

use super::fixture::{World, ago, done};
use super::harness::{Screen, away, millis};
use super::screens::busy;
use crate::api::notice::Notice;
use crate::api::view::{LogPage, RunSummary};
use crate::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor, RunEvent};
use crate::domain::run::Fact;
use crate::domain::stage::Stage;
use crate::tui::effect::{Effect, Request};
use crate::tui::event::{Event, Reply, Trouble};

fn small() -> Screen {
    let mut screen = Screen::new(120, 36).data(World::small().snapshot);
    screen.effects();
    screen
}

fn no_log() -> LogPage {
    LogPage { lines: Vec::new(), total: 0, seq: 4 }
}

fn said(run: &RunSummary, seq: u64, first_line: u64, text: &str) -> Box<RunEvent> {
    let chunk = LogChunk {
        stage: Stage::Implement,
        attempt: 1,
        first_line,
        lines: vec![LogLine(0, LogSource::Stdout, text.to_owned())],
        cursor: OutputCursor::default(),
        checksum: String::new(),
    };
    Box::new(RunEvent { run: run.id, seq, at: ago(1), kind: EventKind::Log { chunk } })
}

#[test]
fn it_begins_by_listening_and_then_asks_for_everything() {
    let mut screen = Screen::new(120, 36);
    assert_eq!(screen.effects(), [Effect::Connect { generation: 1, after: Duration::ZERO }]);
    let mut screen = screen.reply(Reply::Connected { generation: 1 });
    assert_eq!(screen.effects(), [Effect::FetchAll { generation: 1 }]);
}

#[test]
fn a_task_is_run_and_its_run_shown() {
    let mut world = World::small();
    let mut screen = small().keys("r");
    let task = "demo/sample/hello".parse().unwrap();
    assert_eq!(screen.effects(), [Effect::StartRun { task }]);
    let mut screen = screen.assert_shows("starting…").keys("r").assert_shows("already");
    assert_eq!(screen.effects(), []);

    let run = world.run("demo/sample/hello", 0, &[]);
    let task = "demo/sample/hello".parse().unwrap();
    let mut screen = screen.reply(Reply::Started { task, result: Ok(Box::new(run.clone())) });
    let generation = screen.view_of(run.id);
    let screen = screen.assert_hides("starting…").assert_shows("· queued");

    let mut screen = screen.reply(Reply::LogTail { generation, result: Ok(no_log()) });
    let follow = Effect::FollowRun { run: run.id, seq: 4, generation, after: Duration::ZERO };
    assert_eq!(screen.effects(), [follow]);
    let event = said(&run, 5, 1, "hello from the run");
    screen
        .reply(Reply::RunEvent { generation, event })
        .assert_shows("implement   hello from the run")
        .assert_shows("following ▼  1 lines");
}

#[test]
fn news_move_a_run_on() {
    let mut world = World::small();
    let facts =
        [(0, Fact::Dispatched), (1, done(Stage::Prepare, 1)), (3, done(Stage::Implement, 1))];
    let ending = [(4, done(Stage::Publish, 1)), (4, Fact::Settled)];
    let run = world.run("demo/sample/hello", 9, &facts[..2]);
    let screen = Screen::new(120, 36).data(world.snapshot.clone()).log(no_log());
    let screen = screen.assert_shows("▶ running").assert_shows("implement ▶ 8s");
    let mut ended = World::small();
    let facts = [&facts[..], &ending].concat();
    let told = ended.run("demo/sample/hello", 9, &facts);
    assert_eq!(told.id, run.id);
    let notice = Notice::Run { run: Box::new(told) };
    let screen = screen.reply(Reply::Notice { generation: 1, notice });
    let screen = screen.assert_shows("✓ done 4s").assert_hides("running");
    // What is older than what is known changes nothing.
    let notice = Notice::Run { run: Box::new(run) };
    screen.reply(Reply::Notice { generation: 1, notice }).assert_hides("running");
}

#[test]
fn a_run_is_stopped_after_a_question() {
    let run = World::busy().run_of("acme/api/fix-tests").id;
    let mut screen = busy(120, 36);
    screen.effects();
    let mut screen = screen.keys("x").assert_shows("STOP RUN").keys("n").assert_hides("STOP RUN");
    assert_eq!(screen.effects(), []);
    let mut screen = screen.keys("xy").assert_hides("STOP RUN").assert_shows("stopping…");
    let request = Request::Cancel;
    assert_eq!(screen.effects(), [Effect::Ask { run, request }]);
    let trouble = Trouble { what: "the run is ending".to_owned(), hint: None, is_away: false };
    let screen = screen.reply(Reply::Asked { run, request, result: Err(trouble) });
    let short = run.short();
    let refusal = format!("cannot stop run {short}: the run is ending");
    screen.assert_hides("stopping…").assert_shows(&refusal).keys("g").assert_hides(&refusal);
}

#[test]
fn while_a_question_is_open_nothing_else_happens() {
    let mut screen = busy(120, 36);
    screen.effects();
    let mut screen = screen.keys("xrj1z").assert_shows("STOP RUN").assert_shows("▸ fix-tests");
    assert_eq!(screen.effects(), []);
}

#[test]
fn what_waits_for_a_person_is_approved() {
    let run = World::busy().run_of("acme/api/docs-sweep").id;
    let mut screen = busy(120, 36).keys("4");
    screen.effects();
    let mut screen = screen.keys("a");
    assert_eq!(screen.effects(), [Effect::Ask { run, request: Request::Approve }]);
    let mut screen = busy(120, 36).keys("a").assert_shows("does not wait for you");
    assert!(!screen.effects().iter().any(|effect| matches!(effect, Effect::Ask { .. })));
}

#[test]
fn a_pause_is_asked_for_and_taken_back() {
    let mut world = World::small();
    let run = world.run("demo/sample/hello", 9, &[(0, Fact::Dispatched)]).id;
    let mut screen = Screen::new(120, 36).data(world.snapshot).keys("p");
    assert_eq!(screen.effects().pop(), Some(Effect::Ask { run, request: Request::Pause }));
    let mut world = World::small();
    let facts = [(0, Fact::Dispatched), (1, Fact::PauseRequested)];
    let told = Box::new(world.run("demo/sample/hello", 9, &facts));
    let reply = Reply::Asked { run, request: Request::Pause, result: Ok(told) };
    let mut screen = screen.reply(reply).assert_shows("will pause after this stage").keys("p");
    assert_eq!(screen.effects(), [Effect::Ask { run, request: Request::Resume }]);
}

#[test]
fn in_a_run_its_own_task_is_run_whatever_is_selected() {
    let task: crate::domain::slug::TaskPath = "acme/api/pr-review".parse().unwrap();
    for keys in ["4jr", "4j<enter>r", "4j<enter>R"] {
        let mut screen = Screen::new(120, 36).data(World::busy().snapshot).keys(keys);
        assert_eq!(screen.effects().pop(), Some(Effect::StartRun { task: task.clone() }), "{keys}");
    }
}

#[test]
fn a_lost_daemon_is_tried_again_ever_more_seldom() {
    let mut screen = busy(120, 36);
    screen.effects();
    let mut waits = Vec::new();
    for generation in 1..10 {
        screen = screen.reply(Reply::Disconnected { generation, trouble: away() });
        for effect in screen.effects() {
            match effect {
                Effect::Connect { after, .. } => waits.push(after),
                other => panic!("{other:?}"),
            }
        }
    }
    let wanted = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000].map(millis);
    assert_eq!(waits, wanted);
    let screen = screen.assert_shows("reconnecting (9)").assert_shows("stale");

    // What was followed goes on where it was, and everything else is asked for anew.
    let mut screen = screen.reply(Reply::Connected { generation: 10 });
    let run = World::busy().run_of("acme/api/fix-tests").id;
    assert_eq!(
        screen.effects(),
        [
            Effect::FetchAll { generation: 10 },
            Effect::FollowRun { run, seq: 20, generation: 3, after: Duration::ZERO },
        ]
    );
    let screen = screen.assert_shows("daemon ✓").assert_hides("stale");
    let mut screen = screen.reply(Reply::Disconnected { generation: 10, trouble: away() });
    let first = Effect::Connect { generation: 11, after: millis(250) };
    assert_eq!(screen.effects(), [first]);
}

#[test]
fn stale_answers_are_dropped() {
    let world = World::busy();
    let run = world.run_of("acme/api/fix-tests");
    let mut screen = busy(120, 36);
    screen.effects();
    let before = screen.text();
    let mut screen = screen
        .reply(Reply::Disconnected { generation: 0, trouble: away() })
        .reply(Reply::Everything { generation: 7, result: Ok(Box::default()) })
        .reply(Reply::Notice { generation: 7, notice: Notice::Reset })
        .reply(Reply::LogTail { generation: 1, result: Ok(no_log()) })
        .reply(Reply::RunEvent { generation: 1, event: said(&run, 99, 9, "stale") });
    assert_eq!(screen.effects(), []);
    assert_eq!(screen.text(), before);
}

#[test]
fn an_event_that_comes_twice_is_shown_once() {
    let run = World::busy().run_of("acme/api/fix-tests");
    let event = |seq| Reply::RunEvent { generation: 3, event: said(&run, seq, 1_205, "once") };
    let screen = busy(120, 36).reply(event(21)).reply(event(21)).reply(event(20));
    assert_eq!(screen.text().matches("once").count(), 1);
}

#[test]
fn news_during_a_fetch_outlive_its_older_answer() {
    let mut before = World::small();
    let mut after = World::small();
    let old = before.run("demo/sample/hello", 9, &[]);
    let new = after.run("demo/sample/hello", 9, &[(0, Fact::Dispatched)]);
    assert_eq!(old.id, new.id);
    let notice = Notice::Run { run: Box::new(new) };
    Screen::new(120, 36)
        .reply(Reply::Connected { generation: 1 })
        .reply(Reply::Notice { generation: 1, notice })
        .reply(Reply::Everything { generation: 1, result: Ok(Box::new(before.snapshot)) })
        .assert_shows("▶ running");
}

#[test]
fn lost_news_are_asked_for_anew() {
    let mut screen = busy(120, 36);
    screen.effects();
    let mut screen = screen.reply(Reply::Notice { generation: 1, notice: Notice::Reset });
    assert_eq!(screen.effects(), [Effect::FetchAll { generation: 1 }]);
}

#[test]
fn an_idle_screen_wants_nothing() {
    let mut world = World::small();
    let facts = [
        (0, Fact::Dispatched),
        (1, done(Stage::Prepare, 1)),
        (3, done(Stage::Implement, 1)),
        (4, done(Stage::Publish, 1)),
        (4, Fact::Settled),
    ];
    let run = world.run("demo/sample/hello", 9, &facts);
    let mut screen = Screen::new(120, 36).data(world.snapshot).log(no_log());
    screen.app.take_dirty();
    let log = Notice::Log { run: run.id, seq: 9, line: 9 };
    let mut screen = screen
        .reply(Reply::Notice { generation: 1, notice: log })
        .reply(Reply::FollowEnded { generation: 1, trouble: None })
        .mouse(MouseEventKind::Moved, 5, 5)
        .keys("%");
    assert!(!screen.app.take_dirty());
    assert!(!screen.app.wants_seconds());
    assert!(busy(120, 36).app.wants_seconds());
    assert!(!busy(120, 36).lost(away()).app.wants_seconds());
}

#[test]
fn the_host_is_looked_at_while_something_runs() {
    let mut screen = busy(120, 36);
    screen.effects();
    for _ in 0..10 {
        screen = screen.event(Event::Second);
    }
    assert_eq!(screen.effects(), [Effect::FetchStats, Effect::FetchStats]);
}

#[test]
fn one_goes_in_and_out() {
    let screen = Screen::new(80, 24).data(World::busy().snapshot).keys("1");
    let screen = screen.assert_shows("1 PROJECTS").keys("<enter>").assert_shows("2 REPOSITORIES");
    let screen = screen.keys("l").assert_shows("3 TASKS").keys("<enter>").assert_shows("5 RUN");
    let screen = screen.keys("<esc>").assert_shows("3 TASKS").keys("hh").assert_shows("1 PROJECTS");
    let screen = screen.keys("<shift-tab>").assert_shows("5 RUN").keys("<tab>");
    screen.assert_shows("1 PROJECTS").keys("j2").assert_shows("▸ shop");
}

#[test]
fn a_log_is_read_and_followed_again() {
    let screen =
        busy(120, 36).keys("5g").assert_hides("following").assert_shows("1 164 lines before");
    let screen = screen.keys("<ctrl-d>k").assert_shows("lines below, f follows");
    let run = World::busy().run_of("acme/api/fix-tests");
    let top = screen.text();
    let event = said(&run, 21, 1_205, "the newest line");
    let screen = screen.reply(Reply::RunEvent { generation: 3, event });
    let screen = screen.assert_hides("the newest line");
    assert_eq!(top.lines().nth(4), screen.text().lines().nth(4), "it keeps its place");
    screen.keys("f").assert_shows("following").assert_shows("the newest line");
    let screen = busy(120, 36).mouse(MouseEventKind::ScrollUp, 80, 10).assert_hides("following");
    screen.assert_shows("3 lines below").keys("5G").assert_shows("following");
}

#[test]
fn a_resize_keeps_the_place() {
    let screen = busy(120, 36).keys("4j").resize(40, 12).assert_shows(" ▸ ✕ HIGH");
    let screen = screen.resize(20, 5).assert_shows("orch needs 40×10").resize(200, 60);
    screen.assert_shows(" ▸ ✕ HIGH").assert_shows(" ▸ fix-tests");
}

#[test]
fn a_click_focuses_and_selects() {
    let screen =
        busy(120, 36).click(10, 19).assert_shows("▸ docs-sweep").assert_hides("▸ fix-tests");
    let screen = screen.click(10, 10).assert_shows("▸ infra").assert_shows("no tasks yet");
    screen.click(60, 31).keys("<enter>").assert_shows("━ ◆ needs you ━ docs-sweep");
    busy(80, 24).click(10, 22).assert_shows("4 FINDINGS");
}

#[test]
fn terminal_business_is_left_to_the_loop() {
    let mut screen = busy(120, 36);
    screen.effects();
    let mut screen = screen.keys("<ctrl-l><ctrl-z>q<ctrl-c>");
    let wanted = [Effect::Redraw, Effect::Suspend, Effect::Quit, Effect::Quit];
    assert_eq!(screen.effects(), wanted);
}
