//! One word of a command, with the places in it.

use crate::model::nearest;

/// What a plan fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    IdsFile,
    IdsJson,
    RowsFile,
    Ids,
    Words,
    RunDir,
    RunId,
    Suite,
    Output,
    Task,
    Experiment,
    Mode,
    Model,
}

impl Place {
    const ALL: [(&'static str, Self); 13] = [
        ("ids_file", Self::IdsFile),
        ("ids_json", Self::IdsJson),
        ("rows_file", Self::RowsFile),
        ("ids", Self::Ids),
        ("words", Self::Words),
        ("run_dir", Self::RunDir),
        ("run_id", Self::RunId),
        ("suite", Self::Suite),
        ("output", Self::Output),
        ("task", Self::Task),
        ("experiment", Self::Experiment),
        ("mode", Self::Mode),
        ("model", Self::Model),
    ];

    /// The name between the braces.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, place)| *place == self).map_or("", |(name, _)| name)
    }

    fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, place)| *place).ok_or_else(|| {
            let names = Self::ALL.iter().map(|(name, _)| *name);
            match nearest(name, names.clone()) {
                Some(near) => format!("{{{name}}} is no place, did you mean {{{near}}}?"),
                None => {
                    let all: Vec<String> = names.map(|name| format!("{{{name}}}")).collect();
                    format!("{{{name}}} is no place; there are: {}", all.join(", "))
                }
            }
        })
    }

    /// Whether it stands for several words, and so has to be a word of its own.
    const fn is_several(self) -> bool {
        matches!(self, Self::Ids | Self::Words)
    }
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Place(Place),
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Piece>);

impl Word {
    /// Reads a word. `{name}` is a place and `{{name}}` the text `{name}`; braces around anything that is no name, such
    /// as a piece of JSON, are braces.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let doubled = rest.strip_prefix('{').and_then(place_name);
            if let Some(name) = doubled.filter(|name| rest.get(name.len() + 3..).is_some_and(closes)) {
                plain.push_str(&format!("{{{name}}}"));
                rest = rest.get(name.len() + 4..).unwrap_or_default();
            } else if let Some(name) = place_name(rest) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Place(Place::parse(name)?));
                rest = rest.get(name.len() + 2..).unwrap_or_default();
            } else {
                plain.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        let several = pieces.iter().find_map(|piece| match piece {
            Piece::Place(place) if place.is_several() && pieces.len() > 1 => Some(place.name()),
            _ => None,
        });
        match several {
            Some(name) => {
                Err(format!("{{{name}}} stands for several words, so it has to be a word of its own"))
            }
            None => Ok(Self(pieces)),
        }
    }

    /// Whether a place is in it.
    pub(super) fn uses(&self, place: Place) -> bool {
        self.0.contains(&Piece::Place(place))
    }

    /// The place that is the whole word.
    pub(super) fn alone(&self) -> Option<Place> {
        match self.0.as_slice() {
            [Piece::Place(place)] => Some(*place),
            _ => None,
        }
    }
}

fn closes(rest: &str) -> bool {
    rest.starts_with('}')
}

/// The name in the braces that a text begins with.
fn place_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn braces_around_a_name_are_a_place_and_others_are_braces() {
        let word = Word::parse("--out={run_dir}/x").unwrap();
        assert_eq!(word.0, [text("--out="), Piece::Place(Place::RunDir), text("/x")]);
        assert_eq!(Word::parse("{{ids}}").unwrap().0, [text("{ids}")]);
        assert_eq!(Word::parse(r#"{"a": {}}"#).unwrap().0, [text(r#"{"a": {}}"#)]);
        assert_eq!(Word::parse("").unwrap().0, [text("")]);
        assert_eq!(Word::parse("{ids}").unwrap().alone(), Some(Place::Ids));
    }

    #[test]
    fn an_unknown_place_names_the_near_one() {
        assert_eq!(Word::parse("{id_file}").unwrap_err(), "{id_file} is no place, did you mean {ids_file}?");
        assert!(Word::parse("{zebra}").unwrap_err().contains("there are: {ids_file}, {ids_json}"));
        assert!(Word::parse("--ids={ids}").unwrap_err().contains("a word of its own"));
    }
}
