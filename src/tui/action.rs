//! What a key can mean. Help, footer and, one day, the palette and the keymap file know actions by
//! what stands here.

use super::panes::Focus;

/// Something that a person can ask the screen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// To the first line.
    First,
    /// To the last line.
    Last,
    /// Half a pane up.
    HalfUp,
    /// Half a pane down.
    HalfDown,
    /// To a pane.
    Focus(Focus),
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// One step into the hierarchy.
    In,
    /// One step out of the hierarchy.
    Out,
    /// What is selected, opened.
    Open,
    /// One step back.
    Back,
    /// The pane alone on the screen, or back among the others.
    Zoom,
    /// A run of the selected task.
    RunTask,
    /// Another run of the shown run's task.
    RunAgain,
    /// An end to the shown run.
    Stop,
    /// A pause of the shown run, or its end.
    Pause,
    /// Consent to what the shown run waits for.
    Approve,
    /// The end of the log kept in sight, or not.
    Follow,
    /// Everything asked of the daemon anew.
    Refresh,
    /// The keys explained.
    Help,
    /// Consent in a popup.
    Accept,
    /// The popup closed, nothing done.
    Close,
    /// The screen drawn anew.
    Redraw,
    /// The terminal given back to the shell for a while.
    Suspend,
    /// The end of the interface; runs go on.
    Quit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 31] = [
        Self::Up,
        Self::Down,
        Self::First,
        Self::Last,
        Self::HalfUp,
        Self::HalfDown,
        Self::Focus(Focus::Projects),
        Self::Focus(Focus::Repositories),
        Self::Focus(Focus::Tasks),
        Self::Focus(Focus::Findings),
        Self::Focus(Focus::Run),
        Self::NextPane,
        Self::PreviousPane,
        Self::In,
        Self::Out,
        Self::Open,
        Self::Back,
        Self::Zoom,
        Self::RunTask,
        Self::RunAgain,
        Self::Stop,
        Self::Pause,
        Self::Approve,
        Self::Follow,
        Self::Refresh,
        Self::Help,
        Self::Accept,
        Self::Close,
        Self::Redraw,
        Self::Suspend,
        Self::Quit,
    ];

    /// In a word, for the footer.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::First => "first",
            Self::Last => "last",
            Self::HalfUp => "page up",
            Self::HalfDown => "page down",
            Self::Focus(focus) => focus.name(),
            Self::NextPane => "next pane",
            Self::PreviousPane => "pane before",
            Self::In => "in",
            Self::Out => "out",
            Self::Open => "open",
            Self::Back => "back",
            Self::Zoom => "zoom",
            Self::RunTask => "run",
            Self::RunAgain => "run again",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Approve => "approve",
            Self::Follow => "follow",
            Self::Refresh => "refresh",
            Self::Help => "keys",
            Self::Accept => "yes",
            Self::Close => "no",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::Quit => "quit",
        }
    }

    /// In a sentence, for help.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Up => "one line up",
            Self::Down => "one line down",
            Self::First => "to the first line",
            Self::Last => "to the last line",
            Self::HalfUp => "half a pane up",
            Self::HalfDown => "half a pane down",
            Self::Focus(Focus::Projects) => "to the projects",
            Self::Focus(Focus::Repositories) => "to the repositories",
            Self::Focus(Focus::Tasks) => "to the tasks",
            Self::Focus(Focus::Findings) => "to the findings",
            Self::Focus(Focus::Run) => "to the run",
            #[cfg(test)]
            Self::Focus(Focus::Probe) => "to the pane that only tests have",
            Self::NextPane => "to the next pane",
            Self::PreviousPane => "to the pane before",
            Self::In => "into what is selected",
            Self::Out => "out to what it belongs to",
            Self::Open => "open what is selected",
            Self::Back => "one step back",
            Self::Zoom => "this pane alone, or all panes",
            Self::RunTask => "run the selected task",
            Self::RunAgain => "run the shown run's task again",
            Self::Stop => "stop the shown run; asks first",
            Self::Pause => "pause the shown run after its stage, or let it go on",
            Self::Approve => "consent to what the shown run waits for",
            Self::Follow => "keep the end of the log in sight, or let go",
            Self::Refresh => "ask the daemon for everything again",
            Self::Help => "the keys that work here",
            Self::Accept => "do it",
            Self::Close => "close this, and do nothing",
            Self::Redraw => "draw the screen anew",
            Self::Suspend => "back to the shell; fg returns",
            Self::Quit => "leave; runs go on",
        }
    }
}
