//! What one more pane takes, proved on one that only tests have.
//!
//! - its file in `panes/`, with a struct, `go`, `click` and `draw`;
//! - a variant of `Focus`, after which the compiler lists what has to be said about it: its name,
//!   its digit and its contexts, where it draws, how it moves, what a click selects, what its rule
//!   says, what is out of it and in it, and whether something in it can be opened;
//! - a field of `App`, and a line in `App::settle` that fits its place to what it lists;
//! - a line in the keymap.
//!
//! Layout, footer, help, zoom, scrolling and the mouse come by themselves. A pane that is not on
//! the home screen takes the whole screen, which is how most of the later screens will come.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEventKind};
use ratatui::layout::Size;

use super::fixture::World;
use super::harness::Screen;
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::keymap::{Binding, Chord, Context, Keymap};
use crate::tui::panes::Focus;

fn screen(width: u16, height: u16) -> Screen {
    let chord = Chord::from(KeyEvent::new(KeyCode::Char('9'), KeyModifiers::NONE));
    let action = Action::Focus(Focus::Probe);
    let keymap = Keymap::default().with(Binding { context: Context::Pane, chord, action });
    let app = App::new(Size { width, height }, keymap);
    Screen::of(app, width, height).data(World::small().snapshot)
}

#[test]
fn it_draws_where_there_is_room() {
    for (width, height) in [(120, 36), (40, 12)] {
        screen(width, height)
            .assert_hides("PROBE")
            .keys("9")
            .assert_shows("━ 9 PROBE ━")
            .assert_shows(" ▸ alpha");
    }
}

#[test]
fn it_takes_keys_and_clicks() {
    let screen = screen(120, 36).keys("9jj").assert_shows(" ▸ gamma");
    let screen = screen.keys("g").assert_shows(" ▸ alpha");
    let screen = screen.click(5, 3).assert_shows(" ▸ beta");
    screen.mouse(MouseEventKind::ScrollDown, 5, 3).assert_shows(" ▸ gamma");
}

#[test]
fn it_is_left_as_any_other() {
    screen(120, 36).keys("9<esc>").assert_hides("PROBE").assert_shows("3 TASKS");
    screen(120, 36).keys("9<tab>").assert_hides("PROBE");
}

#[test]
fn its_key_is_explained() {
    screen(120, 50).keys("?").assert_shows("9                 to the pane that only tests have");
}
