//! The cases of a comparison as a person reads them: one row per case, one column per arm.

use std::collections::BTreeSet;

use super::super::labels::{Labels, mode_chip};
use super::cases::{Case, CaseValue};
use super::screen::{shown_value, unit_of};
use super::versions::CaseVersion;
use super::{CaseLimit, CaseOrder, Compare, Comparison, Outcome};
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::model::Status;
use crate::questions::show::screen_word;

/// How many cases a person is shown unless told otherwise.
const CASES_SHOWN: usize = 10;

/// Up to how many arms stand beside each other on any screen, so that their names may give way.
const MOST_SHORTENED: usize = 4;

/// A name of so many letters is shown whole where there are more arms.
const SHORT_NAME: usize = 24;

/// The cases, with what is not shown.
pub(super) fn blocks(comparison: &Comparison, asked: &Compare, labels: &Labels) -> Vec<Block> {
    let limit = match asked.cases {
        Some(CaseLimit::All) => usize::MAX,
        Some(CaseLimit::Most(count)) => count,
        None => CASES_SHOWN,
    };
    let every = wants_every_case(asked);
    let wanted: Vec<&Case> = comparison.cases.iter().filter(|case| every || !case.is_quiet()).collect();
    let mut blocks = vec![Block::Gap];
    if wanted.is_empty() {
        blocks.push(Block::Line(match asked.only {
            Some(outcome) => {
                format!("no case is {} on {}", outcome.as_str().replace('_', " "), comparison.case_metric)
            }
            None => format!("no case changed on {}", comparison.case_metric),
        }));
        return blocks;
    }
    let shown = &wanted[..wanted.len().min(limit)];
    blocks.push(Block::Table(table(comparison, asked, shown, labels)));
    let more = (wanted.len() > limit)
        .then(|| format!("{} more: --cases all", number::count((wanted.len() - limit) as i64)));
    let next = comparison.next.as_ref().map(|command| format!("what exactly changed: {command}"));
    let hints: Vec<String> = more.into_iter().chain(next).collect();
    if !hints.is_empty() {
        blocks.push(Block::Line(format!("  {}", hints.join(" · "))));
    }
    blocks
}

/// Whether cases that did not change are wanted, too.
fn wants_every_case(asked: &Compare) -> bool {
    asked.only.is_some()
        || asked.cases == Some(CaseLimit::All)
        || asked.outputs
        || asked.versions
        || asked.sort != CaseOrder::Change
}

fn title(comparison: &Comparison, asked: &Compare) -> String {
    let metric = &comparison.case_metric;
    match (asked.only, asked.sort) {
        (Some(outcome), _) => format!("{}, {metric}", outcome.as_str().replace('_', " ")),
        (None, CaseOrder::Change) => format!("changed most, {metric}"),
        (None, CaseOrder::Name | CaseOrder::Coverage) => format!("cases, {metric}"),
    }
}

fn table(comparison: &Comparison, asked: &Compare, cases: &[&Case], labels: &Labels) -> Table {
    let several_tasks = cases.iter().any(|case| case.task != cases[0].task);
    let mut columns = vec![Column::text(title(comparison, asked))];
    let texts = asked.outputs || asked.versions;
    let heads = comparison.arms.iter().map(|arm| head(comparison, &arm.arm, labels));
    // Names that begin alike must not be shortened to the same letters.
    let many = comparison.arms.len() > MOST_SHORTENED;
    columns.extend(heads.map(|head| Column {
        right: !texts,
        ..if many && !texts && head.len() <= SHORT_NAME { Column::whole(head) } else { Column::text(head) }
    }));
    let mut rows = Vec::new();
    for case in cases {
        let name =
            if several_tasks { format!("{}/{}", case.task, case.case_id) } else { case.case_id.clone() };
        rows.push(row(comparison, name, |arm| cell(comparison, case, arm)));
        if texts {
            rows.push(row(comparison, String::new(), |arm| output_cell(case, arm)));
        }
        rows.extend(version_rows(comparison, case));
    }
    Table { columns, rows }
}

/// An arm's label, with the mode of its own answers where versions are shown.
fn head(comparison: &Comparison, arm: &str, labels: &Labels) -> String {
    let label = labels.get(arm);
    match comparison.stacks.as_ref().and_then(|stacks| stacks.mode(arm)) {
        Some(mode) => format!("{label} {}", mode_chip(mode)),
        None => label.to_owned(),
    }
}

/// Below a case: a version per line, what it varied, and what it said.
fn version_rows(comparison: &Comparison, case: &Case) -> Vec<Vec<Cell>> {
    let Some(stacks) = &comparison.stacks else { return Vec::new() };
    let below = |arm: &str| stacks.below(&case.task, &case.case_id, arm);
    let places: BTreeSet<(i64, i64)> = comparison
        .arms
        .iter()
        .flat_map(|arm| below(&arm.arm))
        .map(|version| (version.stack, version.version))
        .collect();
    let mut rows = Vec::new();
    for place in places {
        let version = |arm: &str| below(arm).iter().find(|version| (version.stack, version.version) == place);
        let line = |of: fn(&CaseVersion) -> Option<String>, mark: Mark| {
            move |arm: &str| {
                let text = version(arm).and_then(of);
                text.map_or_else(Cell::default, |text| Cell::marked(text, mark))
            }
        };
        rows.push(row(comparison, String::new(), line(version_text, Mark::Plain)));
        let seeded =
            comparison.arms.iter().any(|arm| version(&arm.arm).is_some_and(|at| at.seed_text.is_some()));
        if seeded {
            rows.push(row(comparison, String::new(), line(seed_text, Mark::Dim)));
        }
        rows.push(row(comparison, String::new(), line(answer_text, Mark::Dim)));
    }
    rows
}

fn version_text(version: &CaseVersion) -> Option<String> {
    let ended = (version.status != Status::Ok.as_str()).then(|| screen_word(&version.status, None));
    let value = version.logprob.or(version.score).map(number::score);
    let parts = [
        Some(version.label.clone()),
        version.chip().map(str::to_owned),
        value,
        version.confidence.clone(),
        ended,
        Some(format!("{}, run {}", version.kind, version.run_id)),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

fn seed_text(version: &CaseVersion) -> Option<String> {
    version.seed_text.as_deref().map(|text| format!("from: {}", on_one_line(text)))
}

fn answer_text(version: &CaseVersion) -> Option<String> {
    version.output.as_deref().map(on_one_line)
}

fn row(comparison: &Comparison, name: String, cell: impl Fn(&str) -> Cell) -> Vec<Cell> {
    let cells = comparison.arms.iter().map(|arm| cell(&arm.arm));
    std::iter::once(Cell::plain(name)).chain(cells).collect()
}

/// What an arm has for a case: the value, else how it ended; then what else tells it apart.
fn cell(comparison: &Comparison, case: &Case, arm: &str) -> Cell {
    let Some(value) = case.values.get(arm) else { return Cell::plain("—") };
    let mut text = match value.value {
        Some(number) => {
            shown_value(&comparison.case_metric, unit_of(comparison, &comparison.case_metric), number)
        }
        None if value.status == Status::Ok.as_str() => "unscored".to_owned(),
        None => screen_word(&value.status, None),
    };
    for extra in extras(value) {
        text = format!("{text} {extra}");
    }
    match (case.outcomes.get(arm), value.winner == Some(true)) {
        (Some(Outcome::Improved), true) => Cell::marked(format!("▸ {text}"), Mark::Improved),
        (Some(Outcome::Improved), false) => Cell::marked(text, Mark::Improved),
        (Some(Outcome::Regressed), _) => Cell::marked(text, Mark::Regressed),
        (_, true) => Cell::marked(text, Mark::Winner),
        (_, false) => Cell::plain(text),
    }
}

/// Confidence where there is one, and the number of attempts where it took more than one.
fn extras(value: &CaseValue) -> impl Iterator<Item = String> {
    let attempts = (value.attempts > 1).then(|| format!("×{}", value.attempts));
    value.band.clone().into_iter().chain(attempts)
}

/// What an arm answered, on one line.
fn output_cell(case: &Case, arm: &str) -> Cell {
    let Some(value) = case.values.get(arm) else { return Cell::default() };
    let text = value.output.as_deref().map_or_else(
        || "(no output)".to_owned(),
        |text| if text.trim().is_empty() { "(empty)".to_owned() } else { on_one_line(text) },
    );
    Cell::marked(text, Mark::Dim)
}

/// The most that a line of a table holds of one answer; the others show all of it.
const LONGEST: usize = 2_000;

fn on_one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
