//! The prompt: the store, the scope and the dimension of the session, short enough to leave room to type.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::cli::args::GlobalArgs;
use crate::render::text::visible;
use crate::session::Scope;

/// Columns of a terminal that does not say how many it has.
pub const USUAL_WIDTH: usize = 80;

/// The mark of what is left out.
const LEFT_OUT: &str = "…";

/// The prompt of a session on a terminal of so many columns; at least half of them are left.
pub fn prompt(global: &GlobalArgs, columns: usize) -> String {
    shortened(parts(global), columns / 2)
}

/// What the prompt says, from left to right.
fn parts(global: &GlobalArgs) -> Vec<String> {
    let session = &global.session;
    let scope = Scope {
        kinds: session.kinds.clone(),
        asset: session.asset.clone(),
        case: session.case.clone(),
        ..Scope::default()
    };
    let runs = (!session.runs.is_empty()).then(|| session.runs.join(", "));
    let said = [
        global.store.as_deref().map(store_name),
        session.as_of.map(|past| format!("as of {}", past.in_words())),
        runs,
        session.last.map(|count| format!("last {count}")),
        session.task.clone(),
    ];
    let predicate = session.scope.clone();
    let by = session.by.as_ref().map(|by| format!("by {by}"));
    let parts = said.into_iter().flatten().chain(scope.in_words()).chain(predicate).chain(by);
    parts.map(|part| visible(&part.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()).collect()
}

/// How a store is called: by its folder, or where that has the usual name by the one that it lies in.
fn store_name(path: &std::path::Path) -> String {
    let usual = path.file_name().is_some_and(|name| name == crate::store::STORE_FOLDER);
    let named = if usual { path.parent().filter(|parent| parent.file_name().is_some()) } else { None };
    named
        .unwrap_or(path)
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

/// The prompt with these parts in at most so many columns, the longest parts shortened first.
fn shortened(mut parts: Vec<String>, room: usize) -> String {
    loop {
        let prompt = joined(&parts);
        if prompt.width() <= room {
            return prompt;
        }
        let longest = parts.iter().enumerate().max_by_key(|(_, part)| part.width()).map(|(at, _)| at);
        match longest {
            Some(at) if parts[at].width() > LEFT_OUT.width() => parts[at] = one_shorter(&parts[at]),
            // Nothing but marks is left, or nothing at all.
            Some(_) if parts.len() > 1 => parts.truncate(1),
            _ => return prompt,
        }
    }
}

fn joined(parts: &[String]) -> String {
    std::iter::once("runq").chain(parts.iter().map(String::as_str)).collect::<Vec<_>>().join(" ") + "> "
}

/// A text one letter shorter, with the mark at its end.
fn one_shorter(text: &str) -> String {
    let mut letters: Vec<char> = text.trim_end_matches(LEFT_OUT).chars().collect();
    // A mark in the place of one narrow letter is no shorter.
    let marked = text.ends_with(LEFT_OUT);
    let removed = letters.pop();
    if !marked && removed.is_some_and(|letter| letter.width() == Some(1)) {
        letters.pop();
    }
    letters.into_iter().collect::<String>() + LEFT_OUT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn half_of_the_terminal_is_left_to_type() {
        let parts = texts(&["last 5", "experiment = 'a very long name'", "by prompt"]);
        assert_eq!(shortened(parts.clone(), 80), "runq last 5 experiment = 'a very long name' by prompt> ");
        let narrow = shortened(parts.clone(), 40);
        assert!(narrow.width() <= 40 && narrow.width() > 36, "{narrow}");
        assert!(
            narrow.starts_with("runq last 5 experiment = ") && narrow.ends_with("… by prompt> "),
            "{narrow}"
        );
        assert_eq!(shortened(parts, 10), "runq …> ");
        assert_eq!(shortened(Vec::new(), 2), "runq> ");
        let wide = shortened(texts(&["東京東京東京"]), 12);
        assert!(wide.width() <= 12 && wide.contains('…'), "{wide}");
    }

    #[test]
    fn a_store_is_called_by_the_folder_that_it_is_in() {
        let name = |path: &str| store_name(std::path::Path::new(path));
        assert_eq!(name("/data/evals/.runq"), "evals");
        assert_eq!(name("/data/store"), "store");
        assert_eq!(name(".runq"), ".runq");
        assert_eq!(name("s3://team/evals/store/"), "store");
        assert_eq!(name("s3://team/evals/.runq"), "evals");
        assert_eq!((name("s3://team"), name("s3://team/.runq")), ("team".to_owned(), "team".to_owned()));
    }
}
