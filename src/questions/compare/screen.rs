//! A comparison as a person reads it: the arms beside each other, what changed, the cases that changed most.

use std::collections::BTreeSet;

use super::super::labels::{Labels, arms_in_words};
use super::case_table;
use super::{Arm, Change, Compare, Comparison, Value};
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::model::{RUN_METRICS, few};
use crate::session::Session;

/// From how many arms on the table may be turned: arms as rows, when they are at least as many as the numbers of each.
const MOST_COLUMNS: usize = 4;

/// How many metrics beside the primary one get a line unless told otherwise.
const METRICS_SHOWN: usize = 20;

/// How many notes a person is shown.
const NOTES_SHOWN: usize = 10;

/// How many tasks get a table of their own.
const TASKS_SHOWN: usize = 5;

/// The blocks of a comparison, from top to bottom.
pub(super) fn blocks(comparison: &Comparison, session: &Session, asked: &Compare) -> Vec<Block> {
    let shown = shown_metrics(comparison, asked);
    let labels = &comparison.labels;
    let mut blocks = vec![headline(comparison, session, labels)];
    let tasks = tasks(comparison);
    for (place, task) in tasks.iter().take(TASKS_SHOWN).enumerate() {
        blocks.push(Block::Gap);
        if tasks.len() > 1 {
            blocks.push(Block::Line(
                task.map_or_else(|| "all tasks".to_owned(), |task| format!("task {task}")),
            ));
        }
        blocks.push(Block::Table(grid(comparison, *task, &shown, (labels, place == 0))));
        let changes = change_table(comparison, *task, &shown, labels);
        if !changes.rows.is_empty() {
            blocks.push(Block::Gap);
            blocks.push(Block::Table(changes));
        }
    }
    if comparison.arms.len() > 1 || asked.only.is_some() || asked.cases.is_some() {
        blocks.extend(case_table::blocks(comparison, asked, labels));
    }
    blocks.extend(super::steps::blocks(comparison, asked, labels));
    blocks.extend(closing(comparison, &tasks, &shown));
    blocks
}

/// The runs that the arms are made of.
pub(super) fn counted_runs(comparison: &Comparison) -> BTreeSet<&str> {
    comparison.arms.iter().flat_map(|arm| arm.run_ids.iter().map(String::as_str)).collect()
}

fn headline(comparison: &Comparison, session: &Session, labels: &Labels) -> Block {
    let runs = session.runs();
    let tasks: Vec<&str> = tasks(comparison).into_iter().flatten().collect();
    let what = match tasks.as_slice() {
        [] => runs.first().map_or_else(String::new, |entry| entry.run.task.clone()),
        [only] => (*only).to_owned(),
        several => format!("{} tasks", several.len()),
    };
    let cases = number::counted(usize::try_from(comparison.case_count).unwrap_or(0), "case", "cases");
    let by = arms_in_words(comparison.arm_count(), &comparison.by);
    let of_runs = match comparison.by.as_str() {
        "run" => String::new(),
        _ => format!(" of {}", number::counted(counted_runs(comparison).len(), "run", "runs")),
    };
    let baseline = match comparison.arms.len() {
        0 | 1 => String::new(),
        _ => format!(
            " · baseline {} ({})",
            labels.get(&comparison.baseline),
            why_baseline(comparison, session)
        ),
    };
    Block::Headline {
        left: format!("{what} · {cases} · {by}{of_runs}{baseline}"),
        right: match session.runs_there() {
            there if there == runs.len() => session.origin().to_owned(),
            there => format!("{}, {} of {} runs", session.origin(), runs.len(), number::count(there as i64)),
        },
    }
}

fn why_baseline(comparison: &Comparison, session: &Session) -> &'static str {
    let named = session.runs().iter().any(|entry| entry.argument.is_some())
        || !session.request().scope.runs.is_empty();
    match (&session.request().baseline, comparison.by.as_str(), session.runs().len()) {
        (Some(_), _, _) => "as asked",
        (None, "run", _) if named => "named first",
        (None, "run", _) => "the oldest run",
        (None, _, 1) => "first in the run",
        (None, _, _) => "of the earliest run",
    }
}

/// The tasks of the answer, the line over all of them first when there is one. Where nothing has a value (every case
/// ended in an error), those of the cases.
fn tasks(comparison: &Comparison) -> Vec<Option<&str>> {
    let of_values = comparison.values.iter().map(|value| value.task.as_deref());
    let mut tasks: Vec<Option<&str>> = Vec::new();
    for task in of_values.chain(comparison.cases.iter().map(|case| Some(case.task.as_str()))) {
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    tasks
}

/// What a table shows first: the primary metric, the built-in ones, scores that at least half of the cases carry.
pub(super) fn shown_metrics(comparison: &Comparison, asked: &Compare) -> Vec<String> {
    if !asked.metrics.is_empty() {
        return asked.metrics.clone();
    }
    let primary = comparison.primary.clone();
    let others = comparison
        .coverage
        .iter()
        .filter(|metric| metric.metric != primary && metric.scored > 0)
        .filter(|metric| metric.built_in || metric.cases * 2 >= metric.all_cases)
        // The pass rates already say what the mean of `passed` says; tokens are told by their total.
        .filter(|metric| !["passed", "input_tokens", "output_tokens"].contains(&metric.metric.as_str()))
        .map(|metric| metric.metric.clone())
        .take(METRICS_SHOWN);
    let there = comparison.coverage.iter().any(|metric| metric.metric == primary);
    let of_runs = RUN_METRICS.iter().map(|metric| metric.name.to_owned());
    there.then(|| primary.clone()).into_iter().chain(others).chain(of_runs).collect()
}

/// The arms beside each other; from five on below each other.
fn grid(comparison: &Comparison, task: Option<&str>, metrics: &[String], how: (&Labels, bool)) -> Table {
    let (labels, with_counts) = how;
    let mut rows: Vec<(String, String, Vec<Cell>)> = Vec::new();
    if with_counts {
        rows.extend(count_rows(comparison));
    }
    for metric in metrics {
        let values: Vec<Option<&Value>> = comparison
            .arms
            .iter()
            .map(|arm| {
                comparison.values.iter().find(|value| {
                    value.arm == arm.arm && value.metric == *metric && value.task.as_deref() == task
                })
            })
            .collect();
        let Some(known) = values.iter().flatten().next() else { continue };
        let cells = values.iter().map(|value| value_cell(*value, comparison.arms.len())).collect();
        rows.push((metric.clone(), aggregate_word(&known.aggregate), cells));
    }
    let heads: Vec<String> = comparison.arms.iter().map(|arm| labels.get(&arm.arm).to_owned()).collect();
    let turn = heads.len() > MOST_COLUMNS && heads.len() >= rows.len();
    if turn { turned(&heads, rows) } else { upright(&heads, rows) }
}

/// How an aggregate is called beside its metric.
fn aggregate_word(aggregate: &str) -> String {
    match aggregate {
        "run" => "per run",
        "rate" => "share",
        other => other,
    }
    .to_owned()
}

fn count_rows(comparison: &Comparison) -> Vec<(String, String, Vec<Cell>)> {
    let arms = &comparison.arms;
    let others = |arm: &Arm| arm.scorer_error + arm.limit + arm.cancelled;
    let any_other = arms.iter().any(|arm| others(arm) > 0);
    // Where neither the tool nor a score says what passed, nothing failed either.
    let graded = arms.iter().any(|arm| arm.pass_rate_attempts.is_some());
    let counts = arms
        .iter()
        .map(|arm| {
            let ran = arm.ok + arm.quality_failure;
            let mut text = match (graded, arm.pass_rate_attempts) {
                (false, _) => format!("{ran}/{}", arm.execution_error),
                (true, None) => format!("—/—/{}", arm.execution_error),
                (true, Some(_)) => {
                    format!("{}/{}/{}", arm.passed, ran - arm.passed.min(ran), arm.execution_error)
                }
            };
            if any_other {
                text = format!("{text}/{}", others(arm));
            }
            Cell::plain(text)
        })
        .collect();
    let head = if graded { "pass/fail/error" } else { "ok/error" };
    let head = if any_other { format!("{head}/other") } else { head.to_owned() };
    let mut rows = vec![("cases".to_owned(), head, counts)];
    if graded {
        rows.push(pass_rates(comparison, "latest", |arm| arm.pass_rate_latest));
        rows.push(pass_rates(comparison, "scored", |arm| arm.pass_rate_scored));
    }
    rows
}

fn pass_rates(
    comparison: &Comparison,
    which: &str,
    of: fn(&Arm) -> Option<f64>,
) -> (String, String, Vec<Cell>) {
    let arms = &comparison.arms;
    let all = || arms.iter().chain(&comparison.hidden).filter_map(of);
    let best = all().fold(f64::NEG_INFINITY, f64::max);
    let sharing = all().filter(|rate| *rate == best).count();
    let cells = arms
        .iter()
        .map(|arm| {
            let text = of(arm).map_or_else(|| "—".to_owned(), number::percent);
            let wins =
                arms.len() > 1 && sharing == 1 && of(arm) == Some(best) && passes_most(comparison, arm);
            Cell::marked(text, if wins { Mark::Winner } else { Mark::Plain })
        })
        .collect();
    ("pass rate".to_owned(), which.to_owned(), cells)
}

/// Whether an arm also passes most often on the cases that every arm has, in every task.
fn passes_most(comparison: &Comparison, arm: &Arm) -> bool {
    let mut values =
        comparison.values.iter().filter(|value| value.metric == "passed" && value.arm == arm.arm).peekable();
    values.peek().is_some() && values.all(|value| value.winner_common)
}

/// A value; marked as the winner only where its own cases and the common ones agree.
fn value_cell(value: Option<&Value>, arms: usize) -> Cell {
    let Some(value) = value else { return Cell::plain("—") };
    let Some(number) = value.value else { return Cell::plain("—") };
    let text = shown_value(&value.metric, value.unit.as_deref(), number);
    let wins = arms > 1 && value.winner && value.winner_common;
    Cell::marked(text, if wins { Mark::Winner } else { Mark::Plain })
}

/// A number in the form that fits its metric.
pub(crate) fn shown_value(metric: &str, unit: Option<&str>, value: f64) -> String {
    match (unit, metric) {
        (Some("ms"), _) => number::duration_ms(value),
        (Some("usd"), _) => number::cost(value),
        (Some("share"), _) => number::percent(value),
        (None, _) if value.abs() < 1000.0 => number::score(value),
        _ => number::human_number(value),
    }
}

fn upright(arms: &[String], rows: Vec<(String, String, Vec<Cell>)>) -> Table {
    let mut columns = vec![Column::whole(""), Column::whole("").key()];
    columns.extend(arms.iter().map(|arm| Column { right: true, ..Column::text(arm.clone()) }));
    let rows = rows
        .into_iter()
        .map(|(name, how, cells)| {
            [Cell::plain(name), Cell::marked(how, Mark::Dim)].into_iter().chain(cells).collect()
        })
        .collect();
    Table { columns, rows }
}

fn turned(arms: &[String], rows: Vec<(String, String, Vec<Cell>)>) -> Table {
    let mut columns = vec![Column::whole("")];
    columns.extend(rows.iter().map(|(name, how, _)| Column::number(format!("{name} {how}"))));
    let rows = (0..arms.len())
        .map(|place| {
            let cells = rows.iter().map(|(_, _, cells)| cells[place].clone());
            std::iter::once(Cell::plain(arms[place].clone())).chain(cells).collect()
        })
        .collect();
    Table { columns, rows }
}

fn change_table(comparison: &Comparison, task: Option<&str>, metrics: &[String], labels: &Labels) -> Table {
    let mut columns = vec![
        Column::text(format!("against {}", labels.get(&comparison.baseline))),
        Column::whole("metric").key(),
    ];
    columns.extend(["better", "worse", "same", "n/a", "mean delta"].map(Column::number));
    columns.push(Column::number(format!("{} interval", number::percent(1.0 - comparison.alpha))));
    columns.push(Column::number("adj. p"));
    columns.push(Column::wrapping("verdict"));
    let mut rows = Vec::new();
    for arm in &comparison.arms {
        for metric in metrics {
            let change = comparison.changes.iter().find(|change| {
                change.candidate == arm.arm && change.metric == *metric && change.task.as_deref() == task
            });
            if let Some(change) = change {
                rows.push(change_row(change, unit_of(comparison, metric), labels.get(&arm.arm)));
            }
        }
    }
    Table { columns, rows }
}

pub(super) fn unit_of<'a>(comparison: &'a Comparison, metric: &str) -> Option<&'a str> {
    comparison.values.iter().find(|value| value.metric == metric).and_then(|value| value.unit.as_deref())
}

fn change_row(change: &Change, unit: Option<&str>, label: &str) -> Vec<Cell> {
    let text = |value: f64| number::signed(value, |value| shown_value(&change.metric, unit, value));
    let not_compared = change.baseline_only + change.candidate_only + change.unscored;
    let interval = match (change.ci_low, change.ci_high) {
        (Some(low), Some(high)) => number::interval(low, high, text),
        _ => "—".to_owned(),
    };
    let counts = [change.improved, change.regressed, change.unchanged, not_compared];
    let mut row = vec![Cell::plain(label), Cell::plain(change.metric.clone())];
    row.extend(counts.map(|count| Cell::plain(number::count(count))));
    row.push(Cell::plain(change.mean_delta.map_or_else(|| "—".to_owned(), text)));
    row.push(Cell::plain(interval));
    row.push(Cell::plain(change.p_adjusted.map_or_else(String::new, number::p_value)));
    row.push(verdict_cell(change, unit));
    row
}

fn verdict_cell(change: &Change, unit: Option<&str>) -> Cell {
    match change.verdict.as_deref() {
        Some("improved") => Cell::marked("improved", Mark::Improved),
        Some("regressed") => Cell::marked("regressed", Mark::Regressed),
        Some("no difference shown") => match change.mde.filter(|mde| *mde > 0.0) {
            Some(mde) => Cell::plain(format!(
                "no difference shown ({} cases show {} or more)",
                change.common,
                shown_value(&change.metric, unit, mde)
            )),
            None => Cell::plain("no difference shown"),
        },
        Some(other) => Cell::plain(other.to_owned()),
        None => Cell::plain(direction_word(change)),
    }
}

/// What an interval that leaves out zero says of a metric without verdict, in its own word.
fn direction_word(change: &Change) -> String {
    let (Some(low), Some(high)) = (change.ci_low, change.ci_high) else { return String::new() };
    let less = match (low > 0.0, high < 0.0) {
        (true, _) => false,
        (_, true) => true,
        _ => return String::new(),
    };
    match (change.metric.as_str(), less) {
        ("cost_usd", true) => "cheaper",
        ("cost_usd", false) => "dearer",
        ("duration_ms", true) => "faster",
        ("duration_ms", false) => "slower",
        (_, true) => "fewer",
        (_, false) => "more",
    }
    .to_owned()
}

/// Says which arms are not shown.
fn hidden_arms(comparison: &Comparison) -> Option<String> {
    let hidden = comparison.hidden.len();
    (hidden > 0).then(|| {
        format!(
            "{hidden} of {} not shown; these are the baseline and the best on {}: --arms all, or --format csv",
            arms_in_words(comparison.arm_count(), &comparison.by),
            comparison.primary
        )
    })
}

fn closing(comparison: &Comparison, tasks: &[Option<&str>], shown: &[String]) -> Vec<Block> {
    let mut blocks = Vec::new();
    if tasks.len() > TASKS_SHOWN {
        blocks.push(Block::Note(format!(
            "{} more tasks: --task NAME, or --format json",
            tasks.len() - TASKS_SHOWN
        )));
    }
    let hidden: Vec<&str> = comparison
        .coverage
        .iter()
        .map(|metric| metric.metric.as_str())
        .filter(|metric| !shown.iter().any(|known| known == metric))
        .collect();
    if !hidden.is_empty() {
        let names = few(&hidden, 6);
        blocks.push(Block::Note(format!("metrics not shown: {names}; --metric NAME shows one")));
    }
    blocks.extend(hidden_arms(comparison).map(Block::Note));
    blocks.extend(comparison.notes.iter().take(NOTES_SHOWN).map(|note| Block::Note(note.clone())));
    if comparison.notes.len() > NOTES_SHOWN {
        let more = number::counted(comparison.notes.len() - NOTES_SHOWN, "more note", "more notes");
        blocks.push(Block::Note(format!("{more}: --format json has all of them")));
    }
    blocks
}
