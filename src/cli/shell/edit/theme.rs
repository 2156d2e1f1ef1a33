//! Colours of what is typed, for dark and light terminals.
//!
//! Which one a terminal is says `COLORFGBG`, where it is set. Asking the terminal itself would read from the keyboard
//! before the first prompt, and could swallow what a person typed ahead; where nothing is known, colours are used that can
//! be read on both.

use super::spans::Kind;

/// What a person wants (`.highlight`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// As the terminal is.
    #[default]
    On,
    /// No colours in what is typed.
    Off,
    /// For light letters on dark.
    Dark,
    /// For dark letters on light.
    Light,
}

impl Choice {
    /// Every choice with its word.
    pub const ALL: [(&'static str, Self); 4] =
        [("on", Self::On), ("off", Self::Off), ("dark", Self::Dark), ("light", Self::Light)];

    /// The theme for a terminal; `colorfgbg` is what the variable of that name holds. `None` for no colours.
    pub fn theme(self, colorfgbg: Option<&str>) -> Option<Theme> {
        match self {
            Self::Off => None,
            Self::Dark => Some(DARK),
            Self::Light => Some(LIGHT),
            Self::On => Some(match colorfgbg.and_then(is_dark) {
                Some(true) => DARK,
                Some(false) => LIGHT,
                None => EITHER,
            }),
        }
    }
}

/// Whether the background that `COLORFGBG` names (`15;0`, `0;default;15`) is dark.
fn is_dark(colorfgbg: &str) -> Option<bool> {
    let background: u8 = colorfgbg.rsplit(';').next()?.trim().parse().ok()?;
    Some(matches!(background, 0..=6 | 8))
}

/// The codes of one theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    keyword: &'static str,
    text: &'static str,
    number: &'static str,
    comment: &'static str,
    relation: &'static str,
    function: &'static str,
    command: &'static str,
}

const DARK: Theme = Theme {
    keyword: "94",
    text: "92",
    number: "96",
    comment: "90",
    relation: "95",
    function: "93",
    command: "1;94",
};

const LIGHT: Theme = Theme {
    keyword: "34",
    text: "32",
    number: "31",
    comment: "90",
    relation: "35",
    function: "36",
    command: "1;34",
};

const EITHER: Theme = Theme {
    keyword: "1",
    text: "32",
    number: "36",
    comment: "90",
    relation: "35",
    function: "36",
    command: "1",
};

/// The code of brackets that belong together.
const PARTNERS: &str = "1;7";

impl Theme {
    /// The code of a kind of text.
    pub fn code(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Keyword => self.keyword,
            Kind::Text => self.text,
            Kind::Number => self.number,
            Kind::Comment => self.comment,
            Kind::Relation => self.relation,
            Kind::Function => self.function,
            Kind::Command => self.command,
            Kind::Partner => PARTNERS,
        }
    }
}

/// A text in a colour.
pub fn painted(text: &str, code: &str) -> String {
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_says_whether_it_is_dark() {
        assert_eq!(Choice::On.theme(Some("15;0")), Some(DARK));
        assert_eq!(Choice::On.theme(Some("0;default;15")), Some(LIGHT));
        assert_eq!(Choice::On.theme(Some("0;7")), Some(LIGHT));
        assert_eq!(Choice::On.theme(Some("default;default")), Some(EITHER));
        assert_eq!(Choice::On.theme(None), Some(EITHER));
        assert_eq!(Choice::Light.theme(Some("15;0")), Some(LIGHT));
        assert_eq!(Choice::Off.theme(Some("15;0")), None);
    }
}
