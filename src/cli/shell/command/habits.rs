//! What people type by habit from psql, where it means one thing alone and another with words behind it.

/// What is typed, what it means alone, and what it means before words. A meaning is a name and the words behind it.
const HABITS: &[(&str, &str, &str)] = &[
    ("d", "tables", "schema"),
    ("x", "expanded toggle", "expanded"),
    ("timing", "timer toggle", "timer"),
    ("t", "headers toggle", "headers"),
    ("dv", "views", "views"),
    ("conninfo", "scope", "scope"),
    ("l", "scope", "scope"),
    ("pset", "settings", "settings"),
];

/// Prints a text in psql; `.echo` shows statements in sqlite and DuckDB.
const ECHO: &str = "\\echo";

/// What `\pset NAME VALUE` sets.
const PSET: &[(&str, &str)] = &[
    ("null", "nullvalue"),
    ("format", "mode"),
    ("expanded", "expanded"),
    ("x", "expanded"),
    ("pager", "pager"),
    ("columns", "maxwidth"),
];

/// The names that are typed.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    HABITS.iter().map(|(typed, ..)| *typed)
}

/// What a word and what stands behind it mean: the name of a command, and what stands behind that. `None` for what is
/// no habit.
pub fn meant(word: &str, rest: &str) -> Option<(&'static str, String)> {
    // The one form that means something else than its namesake with a dot.
    if word == ECHO {
        return Some(("print", rest.to_owned()));
    }
    let typed = word.strip_prefix(['.', '\\'])?;
    // psql's \d+ and \dS show more of the same.
    let plain = if typed.starts_with('d') { typed.trim_end_matches(['+', 'S']) } else { typed };
    if plain == "pset" && !rest.is_empty() {
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if let Some((_, command)) = PSET.iter().find(|(known, _)| *known == name) {
            return Some((command, value.trim().to_owned()));
        }
    }
    let Some((_, alone, with)) = HABITS.iter().find(|(known, ..)| *known == plain) else {
        // \dt+ is \dt.
        let command = super::command(&format!(".{plain}")).filter(|_| plain.len() < typed.len())?;
        return Some((command.name(), rest.to_owned()));
    };
    if !rest.is_empty() {
        return Some((with, rest.to_owned()));
    }
    let (name, behind) = alone.split_once(' ').unwrap_or((alone, ""));
    Some((name, behind.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(word: &str, rest: &str) -> Option<String> {
        meant(word, rest).map(|(name, rest)| format!("{name} {rest}").trim().to_owned())
    }

    #[test]
    fn psql_forms_mean_what_they_mean_there() {
        for (word, rest, expected) in [
            ("\\d", "", "tables"),
            ("\\d", "runs", "schema runs"),
            ("\\d+", "runs", "schema runs"),
            ("\\dt+", "", "tables"),
            ("\\x", "", "expanded toggle"),
            ("\\x", "on", "expanded on"),
            ("\\timing", "", "timer toggle"),
            ("\\pset", "null NULL", "nullvalue NULL"),
            ("\\pset", "format csv", "mode csv"),
            ("\\pset", "", "settings"),
            ("\\echo", "on", "print on"),
        ] {
            assert_eq!(line(word, rest).as_deref(), Some(expected), "{word} {rest}");
        }
        assert_eq!(line("\\compare", ""), None);
        assert_eq!(line(".mode", "csv"), None);
        assert_eq!(line(".echo", "on"), None);
    }
}
