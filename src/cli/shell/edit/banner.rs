//! The first line of a shell: the version, the store, what it holds.

use std::time::Duration;

use crate::answer::number::counted;
use crate::cli::context::{Context, shown_path};
use crate::cli::exit;
use crate::cli::shell::Shell;
use crate::model::RunRow;

/// How long the first prompt waits for what the store holds.
const PATIENCE: Duration = Duration::from_millis(250);

/// Greets. What takes longer than a moment is left out.
pub async fn greet(shell: &Shell<'_>) {
    let context = Context::new(shell.global.clone(), shell.output);
    // What is wrong with the place is said by the first question.
    let place = context.place().ok().flatten().filter(|place| !place.is_missing());
    let Some(place) = place else {
        let there = "no store here: .ingest PATH makes one";
        shell.output.line(&banner(&[there]));
        return;
    };
    let facts = tokio::time::timeout(PATIENCE, context.stored_facts()).await;
    let held = match facts {
        Ok(Ok(facts)) => Some(held(facts.runs.iter().map(|entry| &entry.run))),
        Ok(Err(error)) if error.code == exit::NOT_FOUND => {
            Some("no store there: .ingest PATH makes one".to_owned())
        }
        // Too slow; or it cannot be read, which the first question says with its reason.
        Ok(Err(_)) | Err(_) => None,
    };
    let path = shown_path(std::path::Path::new(&place.to_string()));
    let parts: Vec<&str> = std::iter::once(path.as_str()).chain(held.as_deref()).collect();
    shell.output.line(&banner(&parts));
}

fn banner(parts: &[&str]) -> String {
    let name = concat!("runq ", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    let all: Vec<&str> =
        std::iter::once(name).chain(parts.iter().copied()).chain([".help for help"]).collect();
    all.join(" · ")
}

/// What a store holds: `42 runs, 18,204 results`.
fn held<'r>(runs: impl Iterator<Item = &'r RunRow>) -> String {
    let (runs, results) = runs.fold((0, 0), |(runs, results), run| {
        (runs + 1, results + usize::try_from(run.result_count).unwrap_or(0))
    });
    if runs == 0 {
        return "no runs yet: .ingest PATH takes some in".to_owned();
    }
    format!("{}, {}", counted(runs, "run", "runs"), counted(results, "result", "results"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_says_what_is_there() {
        let version = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0;
        let expected = format!("runq {version} · .runq · 1 run, 2 results · .help for help");
        assert_eq!(banner(&[".runq", "1 run, 2 results"]), expected);
        assert_eq!(held(std::iter::empty()), "no runs yet: .ingest PATH takes some in");
    }
}
