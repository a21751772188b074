//! Themes: what each role on the screen looks like. A theme is a TOML file; widgets ask for roles
//! and never see a colour, so that a theme can change all of them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

const GLASS: &str = include_str!("../../themes/glass.toml");
const PAPER: &str = include_str!("../../themes/paper.toml");

/// The built-in themes, by name.
pub const BUILT_IN: [(&str, &str); 2] = [("glass", GLASS), ("paper", PAPER)];

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None, or the user wants none.
    Mono,
    /// The sixteen of its own palette.
    Sixteen,
    /// 256, which are told by number.
    Indexed,
    /// All of them.
    True,
}

impl Depth {
    /// What the environment says: NO_COLOR outranks everything, then COLORTERM and TERM speak.
    pub fn of_environment(env: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name| env(name).unwrap_or_default();
        let terminal = value("TERM");
        if !value("NO_COLOR").is_empty() || terminal == "dumb" {
            return Self::Mono;
        }
        if matches!(value("COLORTERM").as_str(), "truecolor" | "24bit")
            || terminal.ends_with("-direct")
        {
            return Self::True;
        }
        if terminal.contains("256color") { Self::Indexed } else { Self::Sixteen }
    }
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// There is no such theme.
    #[error("`{name}` is neither a built-in theme (glass, paper) nor a file that can be read")]
    NotFound {
        /// What was asked for.
        name: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// The file is no theme.
    #[error("the theme {} cannot be used", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
}

/// A theme as it is written down.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThemeFile {
    #[expect(dead_code, reason = "says to a reader of the file what it is")]
    name: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "the contrast is checked by a test"))]
    pub(crate) backgrounds: Vec<Rgb>,
    pub(crate) text: RoleFile,
    pub(crate) dim: RoleFile,
    pub(crate) signal: RoleFile,
    pub(crate) danger: RoleFile,
    pub(crate) active: RoleFile,
    pub(crate) rule: RoleFile,
    pub(crate) title: RoleFile,
    pub(crate) focus: RoleFile,
    pub(crate) selection: RoleFile,
}

/// One role as it is written down.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RoleFile {
    pub(crate) rgb: Option<Rgb>,
    pub(crate) ansi: Option<Ansi>,
    pub(crate) background: Option<Rgb>,
    bold: bool,
    faint: bool,
    reverse: bool,
    underline: bool,
}

/// A colour as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// A colour of the terminal's own palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ansi {
    Black,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    White,
    BrightBlack,
    BrightRed,
    BrightGreen,
    BrightYellow,
    BrightBlue,
    BrightMagenta,
    BrightCyan,
    BrightWhite,
}

/// What each role looks like on this terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    text: Style,
    dim: Style,
    signal: Style,
    danger: Style,
    active: Style,
    rule: Style,
    title: Style,
    focus: Style,
    selection: Style,
}

impl Theme {
    /// A built-in theme by its name, or the theme in the file at that path.
    ///
    /// # Errors
    /// [`ThemeError`] where there is none, or it has unknown or missing keys.
    pub fn load(name: &str, depth: Depth) -> Result<Self, ThemeError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(text, Path::new(name), depth);
        }
        let text = std::fs::read_to_string(name)
            .map_err(|source| ThemeError::NotFound { name: name.to_owned(), source })?;
        Self::parse(&text, Path::new(name), depth)
    }

    fn parse(text: &str, path: &Path, depth: Depth) -> Result<Self, ThemeError> {
        let file: ThemeFile = toml::from_str(text).map_err(|source| ThemeError::Invalid {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self {
            text: file.text.style(depth),
            dim: file.dim.style(depth),
            signal: file.signal.style(depth),
            danger: file.danger.style(depth),
            active: file.active.style(depth),
            rule: file.rule.style(depth),
            title: file.title.style(depth),
            focus: file.focus.style(depth),
            selection: file.selection.style(depth),
        })
    }

    /// What is read.
    pub fn text(&self) -> Style {
        self.text
    }

    /// What is there when it is looked for.
    pub fn dim(&self) -> Style {
        self.dim
    }

    /// What needs a person.
    pub fn signal(&self) -> Style {
        self.signal
    }

    /// What failed.
    pub fn danger(&self) -> Style {
        self.danger
    }

    /// What happens right now.
    pub fn active(&self) -> Style {
        self.active
    }

    /// The rules between the panes.
    pub fn rule(&self) -> Style {
        self.rule
    }

    /// The name of a pane.
    pub fn title(&self) -> Style {
        self.title
    }

    /// The name of the pane that takes the keys.
    pub fn focus(&self) -> Style {
        self.focus
    }

    /// The selected line of the pane that takes the keys.
    pub fn selection(&self) -> Style {
        self.selection
    }
}

impl RoleFile {
    fn style(&self, depth: Depth) -> Style {
        let mut style = Style::new();
        let shows_rgb = matches!(depth, Depth::True | Depth::Indexed);
        match (depth, self.rgb, self.ansi) {
            (Depth::True, Some(rgb), _) => style = style.fg(Color::Rgb(rgb.0, rgb.1, rgb.2)),
            (Depth::Indexed, Some(rgb), _) => style = style.fg(Color::Indexed(rgb.nearest())),
            (Depth::Sixteen | Depth::Indexed | Depth::True, _, Some(ansi)) => {
                style = style.fg(ansi.colour());
            }
            (Depth::Mono, _, _) | (_, None, None) | (Depth::Sixteen, Some(_), None) => {}
        }
        match (depth, self.background) {
            (Depth::True, Some(rgb)) => style = style.bg(Color::Rgb(rgb.0, rgb.1, rgb.2)),
            (Depth::Indexed, Some(rgb)) => style = style.bg(Color::Indexed(rgb.nearest())),
            (Depth::Mono | Depth::Sixteen, _) | (_, None) => {}
        }
        let faint = self.faint && !(shows_rgb && self.rgb.is_some());
        for (wanted, modifier) in [
            (self.bold, Modifier::BOLD),
            (faint, Modifier::DIM),
            (self.reverse, Modifier::REVERSED),
            (self.underline, Modifier::UNDERLINED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

impl Rgb {
    /// The nearest of the 216 colours and 24 greys that every 256-colour terminal has.
    fn nearest(self) -> u8 {
        let level = |channel: u8| match channel {
            0..48 => 0,
            48..115 => 1,
            _ => (channel - 35) / 40,
        };
        let value = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
        let (red, green, blue) = (level(self.0), level(self.1), level(self.2));
        let cube = Self(value(red), value(green), value(blue));
        let mean = (u16::from(self.0) + u16::from(self.1) + u16::from(self.2)) / 3;
        let step = u8::try_from(mean.saturating_sub(3) / 10).unwrap_or(23).min(23);
        let shade = 8 + 10 * step;
        if self.distance(Self(shade, shade, shade)) < self.distance(cube) {
            232 + step
        } else {
            16 + 36 * red + 6 * green + blue
        }
    }

    fn distance(self, other: Self) -> u32 {
        [(self.0, other.0), (self.1, other.1), (self.2, other.2)]
            .into_iter()
            .map(|(one, two)| u32::from(one.abs_diff(two)).pow(2))
            .sum()
    }
}

impl FromStr for Rgb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is not a colour; write it as #rrggbb");
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let value =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(refused)?;
        let [_, red, green, blue] = value.to_be_bytes();
        Ok(Self(red, green, blue))
    }
}

impl TryFrom<String> for Rgb {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Ansi {
    const fn colour(self) -> Color {
        match self {
            Self::Black => Color::Black,
            Self::Red => Color::Red,
            Self::Green => Color::Green,
            Self::Yellow => Color::Yellow,
            Self::Blue => Color::Blue,
            Self::Magenta => Color::Magenta,
            Self::Cyan => Color::Cyan,
            Self::White => Color::Gray,
            Self::BrightBlack => Color::DarkGray,
            Self::BrightRed => Color::LightRed,
            Self::BrightGreen => Color::LightGreen,
            Self::BrightYellow => Color::LightYellow,
            Self::BrightBlue => Color::LightBlue,
            Self::BrightMagenta => Color::LightMagenta,
            Self::BrightCyan => Color::LightCyan,
            Self::BrightWhite => Color::White,
        }
    }
}

#[cfg(test)]
mod tests;
