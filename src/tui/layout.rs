//! Where everything is: a pure function of the size and of the few things that move walls.
//! Drawing, mouse and scrolling ask it alike, so that they cannot disagree.

use ratatui::layout::{Position, Rect, Size};

use super::panes::Focus;

/// Below this nothing is drawn but a line that says so.
pub const LEAST: Size = Size { width: 40, height: 10 };
/// From here on all panes stand side by side.
const WIDE: Size = Size { width: 100, height: 24 };

/// What moves walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The pane that takes the keys.
    pub focus: Focus,
    /// Whether it has the screen for itself.
    pub is_zoomed: bool,
    /// The lines of the footer: a message may need two.
    pub footer: u16,
}

/// A pane with the rule above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaneArea {
    /// Which.
    pub focus: Focus,
    /// Its rule.
    pub rule: Rect,
    /// What is below it.
    pub body: Rect,
}

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Areas {
    /// Where one is, and how many things are how.
    pub header: Rect,
    /// The panes that can be seen. None: the screen is too small.
    pub panes: Vec<PaneArea>,
    /// The rule between the left panes and the run; its ends lie on other rules.
    pub divider: Option<Rect>,
    /// The inbox in one line, where it has no pane.
    pub ticker: Option<Rect>,
    /// Keys or a message, and how the daemon is.
    pub footer: Rect,
}

impl Areas {
    /// The pane's area, if it can be seen.
    pub fn pane(&self, focus: Focus) -> Option<PaneArea> {
        self.panes.iter().find(|pane| pane.focus == focus).copied()
    }

    /// The lines that a pane has for its list; those of the whole screen where it is not seen.
    pub fn height(&self, focus: Focus) -> u16 {
        let seen = self.pane(focus).or_else(|| self.panes.first().copied());
        seen.map_or(1, |pane| pane.body.height)
    }

    /// The pane at a place of the screen.
    pub fn pane_at(&self, place: Position) -> Option<PaneArea> {
        let hit = |pane: &&PaneArea| pane.rule.contains(place) || pane.body.contains(place);
        self.panes.iter().find(hit).copied()
    }
}

/// Puts everything in its place.
pub fn layout(size: Size, shape: Shape) -> Areas {
    if size.width < LEAST.width || size.height < LEAST.height {
        return Areas::default();
    }
    let footer_height = shape.footer.clamp(1, 2);
    let header = Rect { x: 0, y: 0, width: size.width, height: 1 };
    let footer =
        Rect { x: 0, y: size.height - footer_height, width: size.width, height: footer_height };
    let body =
        Rect { x: 0, y: 1, width: size.width, height: size.height - header.height - footer_height };
    let is_wide = size.width >= WIDE.width && size.height >= WIDE.height;
    if is_wide && !shape.is_zoomed && shape.focus.is_on_home() {
        let (panes, divider) = side_by_side(body);
        return Areas { header, panes, divider: Some(divider), ticker: None, footer };
    }
    let (pane, ticker) = one_at_a_time(body, shape.focus, is_wide);
    Areas { header, panes: vec![pane], divider: None, ticker, footer }
}

fn one_at_a_time(body: Rect, focus: Focus, is_wide: bool) -> (PaneArea, Option<Rect>) {
    let has_ticker = !is_wide && focus != Focus::Findings;
    let pane = Rect { height: body.height - u16::from(has_ticker), ..body };
    let ticker = has_ticker.then_some(Rect { y: pane.bottom(), height: 1, ..body });
    (pane_in(focus, pane), ticker)
}

fn side_by_side(body: Rect) -> (Vec<PaneArea>, Rect) {
    let findings_height = 1 + (body.height / 8).clamp(3, 10);
    let upper = Rect { height: body.height - findings_height, ..body };
    let findings = Rect { y: upper.bottom(), height: findings_height, ..body };
    let left = (body.width * 26 / 100).clamp(26, 48);
    let projects = upper.height / 4;
    let repositories = upper.height / 3;
    let column = Rect { width: left, ..upper };
    let first = Rect { height: projects, ..column };
    let second = Rect { y: first.bottom(), height: repositories, ..column };
    let third =
        Rect { y: second.bottom(), height: upper.height - projects - repositories, ..column };
    let run = Rect { x: left + 1, width: body.width - left - 1, ..upper };
    let divider = Rect { x: left, width: 1, height: upper.height + 1, ..upper };
    let panes = vec![
        pane_in(Focus::Projects, first),
        pane_in(Focus::Repositories, second),
        pane_in(Focus::Tasks, third),
        pane_in(Focus::Findings, findings),
        pane_in(Focus::Run, run),
    ];
    (panes, divider)
}

fn pane_in(focus: Focus, area: Rect) -> PaneArea {
    let rule = Rect { height: 1, ..area };
    PaneArea { focus, rule, body: Rect { y: area.y + 1, height: area.height - 1, ..area } }
}

/// A box in the middle, as large as it may be and no larger than it has to.
pub fn centred(size: Size, width: u16, height: u16) -> Rect {
    let width = width.min(size.width);
    let height = height.min(size.height);
    Rect { x: (size.width - width) / 2, y: (size.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests;
