//! An account as a person reads it.

use super::{Account, RunStanding, Standing};
use crate::answer::{Block, Cell, Column, Table, number};
use crate::model::{Status, shell_word};
use crate::questions::jobs::span_of;
use crate::questions::resume::Estimate;

const NONE: &str = "—";

pub(super) fn blocks(account: &Account) -> Vec<Block> {
    let job = account.last();
    let end = job.end_in_words().unwrap_or_else(|| job.status.as_str().to_owned());
    let left = format!("{} · {} · {} · {end}", account.run_id, job.tool, job.mode);
    let mut blocks = vec![Block::Headline { left, right: format!("job {}", job.job_id) }, Block::Gap];
    blocks.push(Block::Table(before_and_after(&account.before, &account.after)));
    for made in &account.made {
        blocks.push(Block::Line(line_of(made)));
    }
    blocks.push(Block::Gap);
    blocks.push(Block::Table(facts(account)));
    for command in &account.not_started {
        blocks.push(Block::Line(format!("not run   {command}")));
    }
    blocks.extend(account.all_notes().into_iter().map(Block::Note));
    blocks.push(Block::Gap);
    blocks.push(Block::Line(next(account)));
    blocks
}

/// How the run stood, in two columns; states that nothing was and is in are left out.
fn before_and_after(before: &Standing, after: &Standing) -> Table {
    let count = |value: fn(&Standing) -> i64| (number::count(value(before)), number::count(value(after)));
    let of = |value: fn(&Standing) -> Option<f64>, shown: fn(f64) -> String| {
        let text = |standing| value(standing).map_or_else(|| NONE.to_owned(), shown);
        (text(before), text(after))
    };
    let tokens = |value: f64| number::count(value as i64);
    let mut rows: Vec<(&str, (String, String))> = vec![
        ("cases", count(|run| run.cases)),
        ("attempts", count(|run| run.attempts)),
        ("superseded", count(|run| run.superseded)),
    ];
    for status in Status::ALL {
        let numbers = [before, after].map(|run| of_status(run, status));
        if numbers != [0, 0] {
            let word = if status == Status::Ok { "ok" } else { status.screen_word() };
            rows.push((word, (number::count(numbers[0]), number::count(numbers[1]))));
        }
    }
    rows.push(("pass rate, latest attempts", of(|run| run.pass_rate_latest, number::percent)));
    rows.push(("pass rate, without errors", of(|run| run.pass_rate_scored, number::percent)));
    rows.push(("pass rate, all attempts", of(|run| run.pass_rate_attempts, number::percent)));
    rows.push(("cost_usd, all attempts", of(|run| run.cost_usd_spent, number::cost)));
    rows.push(("tokens, latest attempts", of(|run| run.total_tokens.map(|tokens| tokens as f64), tokens)));
    Table {
        columns: vec![Column::whole(""), Column::number("before"), Column::number("after")],
        rows: rows
            .into_iter()
            .filter(|(_, (before, after))| (before.as_str(), after.as_str()) != (NONE, NONE))
            .map(|(name, (before, after))| vec![Cell::plain(name), Cell::plain(before), Cell::plain(after)])
            .collect(),
    }
}

fn of_status(run: &Standing, status: Status) -> i64 {
    match status {
        Status::Ok => run.ok,
        Status::QualityFailure => run.quality_failure,
        Status::ExecutionError => run.execution_error,
        Status::ScorerError => run.scorer_error,
        Status::Limit => run.limit,
        Status::Cancelled => run.cancelled,
    }
}

/// A run that came of it: `new run  nightly::2026…  12 cases, 11 ok, pass rate 92 %`.
fn line_of(made: &RunStanding) -> String {
    let run = &made.standing;
    let rate = run.pass_rate_latest.map(|rate| format!(", pass rate {}", number::percent(rate)));
    let cases = number::counted(usize::try_from(run.cases).unwrap_or(0), "case", "cases");
    format!("new run  {}  {cases}, {} ok{}", made.run_id, number::count(run.ok), rate.unwrap_or_default())
}

/// What ran, what it took beside what was expected, and what is left.
fn facts(account: &Account) -> Table {
    let mut table = Table { columns: vec![Column::whole(""), Column::wrapping("")], rows: Vec::new() };
    let mut row = |name: &str, text: String| table.rows.push(vec![Cell::plain(name), Cell::plain(text)]);
    row("ran", format!("{} of {} planned", number::count(account.added.ran), number::count(account.planned)));
    let expected = &account.expected;
    if account.added.cost_usd.is_some() || expected.cost_usd.is_some() {
        let spent = account.added.cost_usd.map(|cost| format!("${}", number::cost(cost)));
        let plan = in_words(expected.cost_usd, |value| format!("${}", number::cost(value)));
        row("spent", beside(spent, plan));
    }
    if account.added.total_tokens.is_some() || expected.tokens.is_some() {
        let spent = account.added.total_tokens.map(number::count);
        row("tokens", beside(spent, in_words(expected.tokens, |value| number::count(value.round() as i64))));
    }
    if let Some(took) = took(account) {
        row("took", beside(Some(number::span(took)), in_words(expected.duration_ms, number::span)));
    }
    let open = match account.open {
        0 => "nothing".to_owned(),
        open => number::counted(usize::try_from(open).unwrap_or(0), "case", "cases"),
    };
    row("still open", open);
    table
}

/// All commands together, from the first start to the last end.
fn took(account: &Account) -> Option<f64> {
    account
        .jobs
        .iter()
        .map(|job| span_of(job, None))
        .collect::<Option<Vec<f64>>>()
        .map(|spans| spans.iter().sum())
}

fn beside(spent: Option<String>, expected: Option<String>) -> String {
    let spent = spent.unwrap_or_else(|| "unknown".to_owned());
    match expected {
        Some(expected) => format!("{spent}, expected {expected}"),
        None => format!("{spent}, expected unknown"),
    }
}

fn in_words(estimate: Option<Estimate>, shown: impl Fn(f64) -> String) -> Option<String> {
    let estimate = estimate?;
    Some(match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("{} {}", shown(estimate.value), number::interval(low, high, &shown))
        }
        _ => shown(estimate.value),
    })
}

fn next(account: &Account) -> String {
    let job = account.last();
    if account.is_failed() || account.is_cancelled() {
        return format!("log: runq jobs show {}", job.job_id);
    }
    let run = account.made.first().map_or(&account.run_id, |made| &made.run_id);
    format!("try: runq show {}", shell_word(run))
}
