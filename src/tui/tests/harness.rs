//! A screen without a terminal: keys and replies go in, text and effects come out.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use crate::api::view::LogPage;
use crate::domain::id::RunId;
use crate::tui::app::App;
use crate::tui::effect::Effect;
use crate::tui::event::{Event, Reply, Trouble};
use crate::tui::keymap::Keymap;
use crate::tui::model::Snapshot;
use crate::tui::panes::Ctx;
use crate::tui::theme::{Depth, Theme};
use crate::tui::widgets::fold::fold;

/// The time on every screen.
pub(super) fn now() -> Timestamp {
    "2026-05-04T12:41:00Z".parse().unwrap()
}

pub(super) struct Screen {
    pub(super) app: App,
    size: Size,
    theme: Theme,
    is_ascii: bool,
    effects: Vec<Effect>,
}

impl Screen {
    pub(super) fn new(width: u16, height: u16) -> Self {
        let size = Size { width, height };
        Self::of(App::new(size, Keymap::default()), width, height)
    }

    /// A screen of this application, which was not started yet.
    pub(super) fn of(mut app: App, width: u16, height: u16) -> Self {
        let size = Size { width, height };
        let effects = app.start();
        let theme = Theme::load("glass", Depth::Sixteen).unwrap();
        Self { app, size, theme, is_ascii: false, effects }
    }

    pub(super) fn ascii(mut self) -> Self {
        self.is_ascii = true;
        self
    }

    pub(super) fn event(mut self, event: Event) -> Self {
        if let Event::Resize(size) = &event {
            self.size = *size;
        }
        self.effects.extend(self.app.update(event));
        self
    }

    pub(super) fn reply(self, reply: Reply) -> Self {
        self.event(Event::Reply(reply))
    }

    /// The daemon is there, and says this.
    pub(super) fn data(self, snapshot: Snapshot) -> Self {
        let generation = self.connection();
        self.reply(Reply::Connected { generation })
            .reply(Reply::Everything { generation, result: Ok(Box::new(snapshot)) })
    }

    /// The daemon answers what was asked last about a log.
    pub(super) fn log(self, page: LogPage) -> Self {
        let generation = self.view();
        self.reply(Reply::LogTail { generation, result: Ok(page) })
    }

    pub(super) fn lost(self, trouble: Trouble) -> Self {
        let generation = self.connection();
        self.reply(Reply::Disconnected { generation, trouble })
    }

    /// The connection that was asked for last.
    pub(super) fn connection(&self) -> u64 {
        let asked = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Connect { generation, .. } => Some(*generation),
            _ => None,
        });
        asked.expect("a connection was asked for")
    }

    /// The view of a log that was asked for last.
    pub(super) fn view(&self) -> u64 {
        let asked = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::LoadLogTail { generation, .. } => Some(*generation),
            _ => None,
        });
        asked.expect("a log was asked for")
    }

    /// Takes the effects, which ask for the log of one run and for nothing else.
    pub(super) fn view_of(&mut self, wanted: RunId) -> u64 {
        match self.effects().as_slice() {
            [Effect::LoadLogTail { run, generation }] if *run == wanted => *generation,
            other => panic!("{other:?}"),
        }
    }

    /// Keys as they are written: letters stand for themselves, others in angle brackets.
    pub(super) fn keys(mut self, keys: &str) -> Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (name, tail) = match rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
                Some((name, tail)) => (name, tail),
                None => rest.split_at(first.len_utf8()),
            };
            self = self.event(Event::Key(key(name)));
            rest = tail;
        }
        self
    }

    pub(super) fn click(self, column: u16, row: u16) -> Self {
        self.mouse(MouseEventKind::Down(MouseButton::Left), column, row)
    }

    pub(super) fn mouse(self, kind: MouseEventKind, column: u16, row: u16) -> Self {
        let modifiers = KeyModifiers::NONE;
        self.event(Event::Mouse(MouseEvent { kind, column, row, modifiers }))
    }

    pub(super) fn resize(self, width: u16, height: u16) -> Self {
        self.event(Event::Resize(Size { width, height }))
    }

    /// What was to be done since this was asked last.
    pub(super) fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn buffer(&self) -> Buffer {
        let backend = TestBackend::new(self.size.width, self.size.height);
        let mut terminal = Terminal::new(backend).unwrap();
        let ctx = Ctx { theme: &self.theme, now: now(), zone: &TimeZone::UTC };
        let drawn = terminal.draw(|frame| {
            self.app.draw(frame.buffer_mut(), ctx);
            if self.is_ascii {
                fold(frame.buffer_mut());
            }
        });
        drawn.unwrap().buffer.clone()
    }

    pub(super) fn text(&self) -> String {
        let buffer = self.buffer();
        let mut text = String::new();
        for row in buffer.area.rows() {
            let mut line = String::new();
            let mut skip = 0;
            for column in row.columns() {
                let symbol = buffer[(column.x, row.y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                    skip = unicode_width::UnicodeWidthStr::width(symbol).max(1);
                }
                skip -= 1;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Compares the screen with the one in `snapshots`.
    pub(super) fn snapshot(self, name: &str) -> Self {
        let size = format!("{}x{}", self.size.width, self.size.height);
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("tui_{name}_{size}"), self.text());
        });
        self
    }

    pub(super) fn assert_shows(self, what: &str) -> Self {
        let text = self.text();
        assert!(text.contains(what), "no `{what}` in\n{text}");
        self
    }

    pub(super) fn assert_hides(self, what: &str) -> Self {
        let text = self.text();
        assert!(!text.contains(what), "`{what}` in\n{text}");
        self
    }
}

fn key(name: &str) -> KeyEvent {
    let control = name.strip_prefix("ctrl-");
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        _ => {
            let mut letters = control.unwrap_or(name).chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => KeyCode::Char(letter),
                _ => panic!("`{name}` is not a key"),
            }
        }
    };
    let modifiers = if control.is_some() { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
    KeyEvent::new(code, modifiers)
}

pub(super) fn away() -> Trouble {
    Trouble {
        what: "cannot reach the daemon: no daemon listens at /run/user/1000/orch/orch.sock"
            .to_owned(),
        hint: Some("start it with `orch daemon start`".to_owned()),
        is_away: true,
    }
}

pub(super) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
