//! Steps as a person reads them: a section per step, and the cases of one that was named.

use std::collections::{BTreeMap, BTreeSet};

use super::super::screen::shown_value;
use super::super::{CaseLimit, Compare, Comparison, Outcome};
use super::{Metric, Step, StepPair, Steps};
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::questions::labels::Labels;

/// How many steps a person is shown of all; one that is named is always shown.
const STEPS_SHOWN: usize = 12;

/// How many cases of a step a person is shown unless told otherwise.
const CASES_SHOWN: usize = 10;

/// The steps as a person reads them: one section each.
pub(in super::super) fn blocks(comparison: &Comparison, asked: &Compare, labels: &Labels) -> Vec<Block> {
    let Some(steps) = &comparison.steps else { return Vec::new() };
    let mut blocks = Vec::new();
    let shown = if steps.choice.name.is_some() { usize::MAX } else { STEPS_SHOWN };
    let several_tasks = steps.steps.iter().any(|step| step.task != steps.steps[0].task);
    for step in steps.steps.iter().take(shown) {
        blocks.push(Block::Gap);
        blocks.push(Block::Line(title(step, comparison, (labels, several_tasks))));
        blocks.push(Block::Table(metric_table(step, comparison, labels)));
        blocks.extend(case_tables(step, comparison, (asked, labels)));
    }
    if !steps.steps.is_empty() || !steps.without.is_empty() {
        blocks.push(Block::Gap);
    }
    if steps.steps.len() > shown {
        let more = steps.steps.len() - shown;
        let of_step = "of another task or name";
        blocks.push(Block::Note(format!(
            "{more} more steps {of_step}: --step NAME, --step-type TYPE or --format json"
        )));
    }
    blocks.extend(without(steps, comparison, labels).map(Block::Note));
    blocks
}

/// A sentence on the arms that took no step at all.
fn without(steps: &Steps, comparison: &Comparison, labels: &Labels) -> Option<String> {
    let names: Vec<&str> = steps.without.iter().map(|arm| labels.get(arm)).collect();
    match names.as_slice() {
        [] => None,
        all if all.len() == comparison.arm_count() => {
            Some("no steps to compare: the runs hold no traces of their cases".to_owned())
        }
        [one] => Some(format!("{one} has no steps: its runs hold no traces of their cases")),
        several => Some(format!("without steps, since their runs hold no traces: {}", several.join(", "))),
    }
}

/// The step, its kind, and which arms took it.
fn title(step: &Step, comparison: &Comparison, how: (&Labels, bool)) -> String {
    let (labels, several_tasks) = how;
    let kind = step.step_kind.as_ref().map_or_else(String::new, |kind| format!(" ({kind})"));
    let task = if several_tasks { format!(" · task {}", step.task) } else { String::new() };
    let took: BTreeSet<&str> =
        step.metrics.iter().flat_map(|metric| &metric.arms).map(|value| value.arm.as_str()).collect();
    let names: Vec<&str> = comparison
        .arms
        .iter()
        .filter(|arm| took.contains(arm.arm.as_str()))
        .map(|arm| labels.get(&arm.arm))
        .collect();
    let presence = match (names.len(), comparison.arm_count()) {
        (_, 1) => String::new(),
        (2, 2) => " · in both".to_owned(),
        (took, all) if took == all => format!(" · in all {all}"),
        (1, _) => format!(" · only in {}", names[0]),
        (took, all) => format!(" · in {took} of {all}: {}", names.join(", ")),
    };
    format!("step {}{kind}{task}{presence}", step.step)
}

/// Each metric with the values of baseline and candidate and what changed, one line per candidate.
fn metric_table(step: &Step, comparison: &Comparison, labels: &Labels) -> Table {
    let candidates: Vec<&str> = comparison.arms.iter().skip(1).map(|arm| arm.arm.as_str()).collect();
    let mut columns = vec![Column::whole(""), Column::whole("").key()];
    columns.push(Column::number(labels.get(&comparison.baseline)));
    match candidates.as_slice() {
        [] => {}
        [one] => columns.push(Column::number(labels.get(one))),
        _ => columns.extend([Column::text("against it").key(), Column::number("value")]),
    }
    if !candidates.is_empty() {
        columns.extend(["mean delta", "better", "worse", "same"].map(Column::number));
        columns.push(Column::number("n/a").spare());
        let interval = format!("{} interval", number::percent(1.0 - comparison.alpha));
        columns.push(Column::number(interval).spare());
    }
    let mut rows = Vec::new();
    for metric in step.metrics.iter().filter(|metric| metric.arms.iter().any(|value| value.n > 0)) {
        let baseline = value_cell(metric, &comparison.baseline);
        let head =
            [Cell::plain(metric.metric.clone()), Cell::marked(metric.aggregate.clone(), Mark::Dim), baseline];
        if candidates.is_empty() {
            rows.push(head.to_vec());
        }
        for candidate in &candidates {
            let mut row = head.to_vec();
            if candidates.len() > 1 {
                row.push(Cell::plain(labels.get(candidate)));
            }
            row.push(value_cell(metric, candidate));
            row.extend(change_cells(step, metric, candidate));
            rows.push(row);
        }
    }
    Table { columns, rows }
}

fn value_cell(metric: &Metric, arm: &str) -> Cell {
    let value = metric.arms.iter().find(|value| value.arm == arm).and_then(|value| value.value);
    Cell::plain(value.map_or_else(|| "—".to_owned(), |value| shown(metric, value)))
}

/// Calls and errors are counted; everything else as in the rest of a comparison.
fn shown(metric: &Metric, value: f64) -> String {
    match (metric.is_score, metric.metric.as_str()) {
        (false, "calls" | "errors") => number::human_number(value),
        (_, name) => shown_value(name, metric.unit.as_deref(), value),
    }
}

fn change_cells(step: &Step, metric: &Metric, candidate: &str) -> Vec<Cell> {
    let change =
        step.changes.iter().find(|change| change.candidate == candidate && change.metric == metric.metric);
    let Some(change) = change else { return vec![Cell::plain("—"); 6] };
    let text = |value: f64| number::signed(value, |value| shown(metric, value));
    let certain = match (change.ci_low, change.ci_high, metric.direction.as_str()) {
        (Some(low), Some(_), "higher") if low > 0.0 => Mark::Improved,
        (Some(_), Some(high), "lower") if high < 0.0 => Mark::Improved,
        (Some(_), Some(high), "higher") if high < 0.0 => Mark::Regressed,
        (Some(low), Some(_), "lower") if low > 0.0 => Mark::Regressed,
        _ => Mark::Plain,
    };
    let delta = change.mean_delta.map_or_else(|| "—".to_owned(), text);
    let not_compared = change.baseline_only + change.candidate_only + change.unscored;
    let mut cells = vec![Cell::marked(delta, certain)];
    let counts = [change.improved, change.regressed, change.unchanged, not_compared];
    cells.extend(counts.map(|count| Cell::plain(number::count(count))));
    cells.push(Cell::plain(match (change.ci_low, change.ci_high) {
        (Some(low), Some(high)) => number::interval(low, high, text),
        _ => "—".to_owned(),
    }));
    cells
}

/// The pairs of a step that was named, a table per metric: those asked for, else its scores, else its duration.
fn case_tables(step: &Step, comparison: &Comparison, how: (&Compare, &Labels)) -> Vec<Block> {
    let (asked, labels) = how;
    let Some(pairs) = &step.cases else { return Vec::new() };
    let limit = match asked.cases {
        Some(CaseLimit::All) => usize::MAX,
        Some(CaseLimit::Most(count)) => count,
        None => CASES_SHOWN,
    };
    let mut blocks = Vec::new();
    for metric in case_metrics(step, asked) {
        let of_metric: Vec<&StepPair> = pairs.iter().filter(|pair| pair.metric == metric.metric).collect();
        let cases = by_change(&of_metric);
        if cases.is_empty() {
            continue;
        }
        let mut columns = vec![Column::text(format!("{} by case", metric.metric))];
        columns.extend(comparison.arms.iter().map(|arm| {
            let head = labels.get(&arm.arm).to_owned();
            Column { right: true, ..Column::text(head) }
        }));
        let rows = cases.iter().take(limit).map(|case| case_row(case, metric, comparison)).collect();
        blocks.extend([Block::Gap, Block::Table(Table { columns, rows })]);
        if cases.len() > limit {
            let more = number::count((cases.len() - limit) as i64);
            blocks.push(Block::Line(format!("  {more} more: --cases all")));
        }
    }
    blocks
}

fn case_metrics<'a>(step: &'a Step, asked: &Compare) -> Vec<&'a Metric> {
    let wanted = |metric: &&Metric| asked.metrics.contains(&metric.metric);
    let scored = |metric: &&Metric| metric.is_score && metric.arms.iter().any(|value| value.n > 0);
    let all = || step.metrics.iter();
    let mut chosen: Vec<&Metric> = all().filter(wanted).collect();
    if chosen.is_empty() {
        chosen = all().filter(scored).collect();
    }
    for fallback in ["duration_ms", "calls"] {
        if chosen.is_empty() {
            chosen = all().filter(|metric| metric.metric == fallback).collect();
        }
    }
    chosen
}

/// The pairs of each case, cases that changed most first.
fn by_change<'a>(pairs: &[&'a StepPair]) -> Vec<(&'a str, Vec<&'a StepPair>)> {
    let mut cases: BTreeMap<&str, Vec<&StepPair>> = BTreeMap::new();
    for pair in pairs {
        cases.entry(&pair.case_id).or_default().push(pair);
    }
    let change = |pairs: &[&StepPair]| {
        pairs.iter().filter_map(|pair| pair.delta).map(f64::abs).fold(f64::NEG_INFINITY, f64::max)
    };
    let mut cases: Vec<(&str, Vec<&StepPair>)> = cases.into_iter().collect();
    cases.sort_by(|left, right| change(&right.1).total_cmp(&change(&left.1)));
    cases
}

fn case_row(case: &(&str, Vec<&StepPair>), metric: &Metric, comparison: &Comparison) -> Vec<Cell> {
    let (case_id, pairs) = case;
    let text = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), |value| shown(metric, value));
    let mut row = vec![Cell::plain(*case_id)];
    row.push(Cell::plain(text(pairs.iter().find_map(|pair| pair.baseline_value))));
    row.extend(comparison.arms.iter().skip(1).map(|arm| {
        let Some(pair) = pairs.iter().find(|pair| pair.candidate == arm.arm) else {
            return Cell::plain("—");
        };
        let mark = match pair.outcome {
            Outcome::Improved => Mark::Improved,
            Outcome::Regressed => Mark::Regressed,
            _ => Mark::Plain,
        };
        Cell::marked(text(pair.candidate_value), mark)
    }));
    row
}
