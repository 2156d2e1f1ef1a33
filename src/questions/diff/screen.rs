//! The differences as a person reads them: which cases changed, each with its text.

use super::{Asked, ChangedCase, Counts, Outputs};
use crate::answer::{Block, Cell, Mark, TextChange, number};
use crate::diff::Level;
use crate::questions::compare::{CaseLimit, Outcome};
use crate::questions::show::screen_word;
use crate::session::Session;

/// How many cases a person is shown unless told otherwise.
const CASES_SHOWN: usize = 10;

/// The blocks, from top to bottom.
pub(super) fn blocks(outputs: &Outputs, session: &Session, asked: &Asked) -> Vec<Block> {
    let labels = labels(outputs, session);
    let mut blocks = vec![headline(outputs, &labels, session)];
    let limit = match asked.cases {
        _ if asked.all => usize::MAX,
        Some(CaseLimit::All) => usize::MAX,
        Some(CaseLimit::Most(count)) => count,
        None => CASES_SHOWN,
    };
    let several_tasks = outputs.cases.iter().any(|case| case.row.task != outputs.cases[0].row.task);
    for case in outputs.cases.iter().take(limit) {
        let title = match several_tasks {
            true => format!("{}/{}", case.row.task, case.row.case_id),
            false => case.row.case_id.clone(),
        };
        blocks.push(Block::Gap);
        blocks.push(Block::Change(Box::new(TextChange {
            title,
            outcome: outcome(case, outputs.unit.as_deref()),
            sides: labels.clone(),
            diff: case.diff.clone(),
            notes: notes(case, &labels, asked),
            rest: (!asked.all).then(|| "--all shows everything".to_owned()),
        })));
    }
    blocks.push(Block::Gap);
    if let Some(more @ 1..) = outputs.cases.len().checked_sub(limit) {
        blocks.push(Block::Line(format!("  {} more: --cases all", number::count(more as i64))));
    }
    blocks.extend(others(&outputs.counts, &labels).map(Block::Line));
    blocks.extend(outputs.notes.iter().map(|note| Block::Note(note.clone())));
    blocks
}

fn headline(outputs: &Outputs, labels: &[String; 2], session: &Session) -> Block {
    let counts = &outputs.counts;
    let [baseline, candidate] = labels;
    let common = number::counted(counts.common(), "case", "cases");
    let what = match (counts.common(), counts.changed) {
        (0, _) if counts.baseline_only + counts.candidate_only == 0 => "no case".to_owned(),
        (0, _) => "no case in common".to_owned(),
        (both, 0) if counts.not_kept == both => "no outputs are stored to compare".to_owned(),
        (_, 0) => format!("no output changed in {common}"),
        (_, changed) => format!("the output of {} of {common} changed", number::count(changed as i64)),
    };
    Block::Headline {
        left: format!("{} {baseline} → {candidate} · {what}", outputs.by),
        right: match session.runs_there() {
            there if there == session.runs().len() => session.origin().to_owned(),
            there => format!(
                "{}, {} of {} runs",
                session.origin(),
                session.runs().len(),
                number::count(there as i64)
            ),
        },
    }
}

/// The arms as they are called on screen: runs by their name or experiment where that tells them apart.
fn labels(outputs: &Outputs, session: &Session) -> [String; 2] {
    let arms = [&outputs.baseline, &outputs.candidate];
    let short = arms.map(|arm| {
        let entry = session.runs().iter().find(|entry| entry.run.run_id == *arm);
        let name = entry.and_then(|entry| entry.run.name.clone());
        name.unwrap_or_else(|| arm.split("::").next().unwrap_or(arm).to_owned())
    });
    if outputs.by == "run" && short[0] != short[1] { short } else { arms.map(Clone::clone) }
}

/// How the case ended on both sides, marked when its value got better or worse.
fn outcome(case: &ChangedCase, unit: Option<&str>) -> Cell {
    let row = &case.row;
    let side = |status: &Option<String>, passed: Option<bool>, value: Option<f64>| {
        let word = status.as_deref().map_or_else(|| "—".to_owned(), |status| screen_word(status, passed));
        match value {
            Some(value) => format!("{word} {}", shown_value(unit, value)),
            None => word,
        }
    };
    let from = side(&row.baseline_status, row.baseline_passed, row.baseline_value);
    let to = side(&row.candidate_status, row.candidate_passed, row.candidate_value);
    match row.outcome {
        Outcome::Improved => Cell::marked(format!("{from} → {to} improved"), Mark::Improved),
        Outcome::Regressed => Cell::marked(format!("{from} → {to} regressed"), Mark::Regressed),
        _ => Cell::plain(format!("{from} → {to}")),
    }
}

/// A number in the form that fits its unit.
fn shown_value(unit: Option<&str>, value: f64) -> String {
    match unit {
        Some("ms") => number::duration_ms(value),
        Some("usd") => number::cost(value),
        None if value.abs() < 1000.0 => number::score(value),
        _ => number::human_number(value),
    }
}

fn notes(case: &ChangedCase, labels: &[String; 2], asked: &Asked) -> Vec<String> {
    let row = &case.row;
    let sides = [
        (&labels[0], &row.baseline_output, &row.baseline_error),
        (&labels[1], &row.candidate_output, &row.candidate_error),
    ];
    let silent = sides.into_iter().filter(|(_, output, _)| output.is_none());
    let mut notes: Vec<String> = silent
        .map(|(label, _, error)| match error {
            Some(error) => format!("{label} gave no output: {error}"),
            None => format!("{label} gave no output"),
        })
        .collect();
    if asked.level == Some(Level::Keys) && case.diff.level != Level::Keys {
        notes.push(format!("not JSON on both sides: shown by {}", case.diff.level.as_str()));
    }
    notes
}

/// The cases without a text to show, in one line.
fn others(counts: &Counts, labels: &[String; 2]) -> impl Iterator<Item = String> + use<> {
    let part =
        |count: usize, said: String| (count > 0).then(|| format!("{} {said}", number::count(count as i64)));
    let parts: Vec<String> = [
        part(counts.unchanged, "unchanged".to_owned()),
        part(counts.not_kept, "without a stored output on both sides".to_owned()),
        part(counts.baseline_only, format!("only in {}", labels[0])),
        part(counts.candidate_only, format!("only in {}", labels[1])),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(" · ")).into_iter()
}
