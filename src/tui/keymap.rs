//! Keys: where one is (context), what is pressed (chord), what it means (action). Footer and help
//! are made from this table and from nothing else.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::panes::Focus;

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// In a pane with a list.
    List,
    /// In any pane.
    Pane,
    /// In the help.
    Help,
    /// In a question.
    Confirm,
    /// Everywhere.
    Always,
}

impl Context {
    /// As a heading.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "in this list",
            Self::Pane => "in every pane",
            Self::Help => "in this help",
            Self::Confirm => "in this question",
            Self::Always => "everywhere",
        }
    }
}

/// What is pressed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl From<KeyEvent> for Chord {
    /// Shift is a part of the letter and of back-tab, whatever the terminal says about it.
    fn from(key: KeyEvent) -> Self {
        let mut modifiers = key.modifiers;
        if matches!(key.code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers.remove(KeyModifiers::SHIFT);
        }
        Self { code: key.code, modifiers }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("alt-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(letter) => write!(f, "{letter}"),
            KeyCode::Enter => f.write_str("enter"),
            KeyCode::Esc => f.write_str("esc"),
            KeyCode::Tab => f.write_str("tab"),
            KeyCode::BackTab => f.write_str("shift-tab"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::Home => f.write_str("home"),
            KeyCode::End => f.write_str("end"),
            KeyCode::PageUp => f.write_str("page-up"),
            KeyCode::PageDown => f.write_str("page-down"),
            other => write!(f, "{other}"),
        }
    }
}

const fn char(letter: char) -> Chord {
    Chord { code: KeyCode::Char(letter), modifiers: KeyModifiers::NONE }
}

const fn ctrl(letter: char) -> Chord {
    Chord { code: KeyCode::Char(letter), modifiers: KeyModifiers::CONTROL }
}

const fn code(code: KeyCode) -> Chord {
    Chord { code, modifiers: KeyModifiers::NONE }
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub context: Context,
    /// What is pressed.
    pub chord: Chord,
    /// What it means there.
    pub action: Action,
}

/// Actions that have no key by intent; the palette will reach them.
pub const UNBOUND: &[Action] = &[];

const DEFAULTS: &[(Context, Chord, Action)] = &[
    (Context::List, code(KeyCode::Enter), Action::Open),
    (Context::List, char('l'), Action::In),
    (Context::List, code(KeyCode::Right), Action::In),
    (Context::Pane, char('j'), Action::Down),
    (Context::Pane, code(KeyCode::Down), Action::Down),
    (Context::Pane, char('k'), Action::Up),
    (Context::Pane, code(KeyCode::Up), Action::Up),
    (Context::Pane, char('g'), Action::First),
    (Context::Pane, code(KeyCode::Home), Action::First),
    (Context::Pane, char('G'), Action::Last),
    (Context::Pane, code(KeyCode::End), Action::Last),
    (Context::Pane, ctrl('d'), Action::HalfDown),
    (Context::Pane, code(KeyCode::PageDown), Action::HalfDown),
    (Context::Pane, ctrl('u'), Action::HalfUp),
    (Context::Pane, code(KeyCode::PageUp), Action::HalfUp),
    (Context::Pane, char('h'), Action::Out),
    (Context::Pane, code(KeyCode::Left), Action::Out),
    (Context::Pane, code(KeyCode::Esc), Action::Back),
    (Context::Pane, char('1'), Action::Focus(Focus::Projects)),
    (Context::Pane, char('2'), Action::Focus(Focus::Repositories)),
    (Context::Pane, char('3'), Action::Focus(Focus::Tasks)),
    (Context::Pane, char('4'), Action::Focus(Focus::Findings)),
    (Context::Pane, char('5'), Action::Focus(Focus::Run)),
    (Context::Pane, code(KeyCode::Tab), Action::NextPane),
    (Context::Pane, code(KeyCode::BackTab), Action::PreviousPane),
    (Context::Pane, char('z'), Action::Zoom),
    (Context::Pane, char('r'), Action::RunTask),
    (Context::Pane, char('R'), Action::RunAgain),
    (Context::Pane, char('x'), Action::Stop),
    (Context::Pane, char('p'), Action::Pause),
    (Context::Pane, char('a'), Action::Approve),
    (Context::Pane, char('f'), Action::Follow),
    (Context::Pane, ctrl('r'), Action::Refresh),
    (Context::Pane, char('?'), Action::Help),
    (Context::Pane, char('q'), Action::Quit),
    (Context::Help, char('j'), Action::Down),
    (Context::Help, code(KeyCode::Down), Action::Down),
    (Context::Help, char('k'), Action::Up),
    (Context::Help, code(KeyCode::Up), Action::Up),
    (Context::Help, ctrl('d'), Action::HalfDown),
    (Context::Help, code(KeyCode::PageDown), Action::HalfDown),
    (Context::Help, ctrl('u'), Action::HalfUp),
    (Context::Help, code(KeyCode::PageUp), Action::HalfUp),
    (Context::Help, code(KeyCode::Esc), Action::Close),
    (Context::Help, char('q'), Action::Close),
    (Context::Help, char('?'), Action::Close),
    (Context::Confirm, char('y'), Action::Accept),
    (Context::Confirm, char('n'), Action::Close),
    (Context::Confirm, code(KeyCode::Esc), Action::Close),
    (Context::Confirm, char('q'), Action::Close),
    (Context::Always, ctrl('l'), Action::Redraw),
    (Context::Always, ctrl('z'), Action::Suspend),
    (Context::Always, ctrl('c'), Action::Quit),
];

/// The table.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut bindings = Vec::with_capacity(DEFAULTS.len());
        for (context, chord, action) in DEFAULTS {
            bindings.push(Binding { context: *context, chord: *chord, action: *action });
        }
        Self { bindings }
    }
}

impl Keymap {
    /// The table with one more line.
    #[cfg(test)]
    pub fn with(mut self, binding: Binding) -> Self {
        self.bindings.push(binding);
        self
    }

    /// All of it.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// What a chord means, the nearest context first.
    pub fn action(&self, chain: &[Context], chord: Chord) -> Option<Action> {
        chain.iter().find_map(|context| {
            let mut here = self.bindings.iter().filter(|binding| binding.context == *context);
            here.find(|binding| binding.chord == chord).map(|binding| binding.action)
        })
    }

    /// The first key of an action there, as it is shown.
    pub fn key(&self, chain: &[Context], action: Action) -> Option<String> {
        chain.iter().find_map(|context| {
            let mut here = self.bindings.iter().filter(|binding| binding.context == *context);
            here.find(|binding| binding.action == action).map(|binding| binding.chord.to_string())
        })
    }

    /// The actions of one context with all their keys, in the order of the table.
    pub fn section(&self, context: Context) -> Vec<(Action, Vec<Chord>)> {
        let mut actions: Vec<(Action, Vec<Chord>)> = Vec::new();
        for binding in self.bindings.iter().filter(|binding| binding.context == context) {
            match actions.iter_mut().find(|(action, _)| *action == binding.action) {
                Some((_, chords)) => chords.push(binding.chord),
                None => actions.push((binding.action, vec![binding.chord])),
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests;
