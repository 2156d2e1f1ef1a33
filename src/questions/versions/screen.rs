//! Version stacks as a person reads them: a head per case, a line per version.

use super::changes;
use super::{Found, Place, Stack, Version, Versions};
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::questions::compare::CaseLimit;
use crate::questions::labels::mode_chip;
use crate::questions::runs::minute;
use crate::questions::show::screen_word;
use crate::session::Session;

/// How many cases a person is shown unless told otherwise.
const CASES_SHOWN: usize = 20;

/// How many problems of a lineage are named one by one.
const PROBLEMS_SHOWN: usize = 8;

/// The blocks of an answer, from top to bottom.
pub(super) fn blocks(found: &Found, session: &Session, asked: &Versions) -> Vec<Block> {
    let limit = match asked.cases {
        Some(CaseLimit::Most(count)) => count,
        Some(CaseLimit::All) => usize::MAX,
        None => CASES_SHOWN,
    };
    let mut blocks = vec![headline(found, session)];
    let several_tasks = found.stacks.windows(2).any(|pair| pair[0].place.task != pair[1].place.task);
    for stack in found.stacks.iter().take(limit) {
        blocks.push(Block::Gap);
        blocks.push(Block::Line(head(stack, session, several_tasks)));
        blocks.push(Block::Table(table(stack)));
        blocks.extend(changes::blocks(stack));
    }
    let closing = closing(found, asked, limit);
    if asked.diff && !closing.is_empty() {
        blocks.push(Block::Gap);
    }
    blocks.extend(closing);
    blocks
}

fn headline(found: &Found, session: &Session) -> Block {
    let counted = found.counted;
    let runs = number::counted(session.runs().len(), "run", "runs");
    let stacks = |count: i64| number::counted(usize::try_from(count).unwrap_or(0), "case", "cases");
    let left = match (counted.several, counted.stacks) {
        (0, _) => format!("{} of {runs} · none with a second version", stacks(counted.stacks)),
        (several, there) if several == there => {
            format!("{} of {runs} with several versions", stacks(several))
        }
        (several, there) => {
            format!("{} of {runs} · {} with several versions", stacks(there), number::count(several))
        }
    };
    let right = match session.runs_there() {
        there if there == session.runs().len() => session.origin().to_owned(),
        there => {
            format!("{}, {} of {} runs", session.origin(), session.runs().len(), number::count(there as i64))
        }
    };
    Block::Headline { left, right }
}

/// The case, the run it stands in, and what all of its versions share.
fn head(stack: &Stack, session: &Session, with_task: bool) -> String {
    let Place { task, case_id, root_run_id, root_ingest_id, mode_of_run, .. } = &stack.place;
    let case = if with_task { format!("{task}/{case_id}") } else { case_id.clone() };
    let entry = session.runs().iter().find(|entry| entry.run.ingest_id == *root_ingest_id);
    let name = entry.and_then(|entry| entry.run.name.as_ref()).map(|name| format!(" ({name})"));
    let mut parts = vec![case, format!("run {root_run_id}{}", name.unwrap_or_default())];
    parts.extend(entry.and_then(|entry| entry.run.command.clone()));
    parts.extend(mode_of_run.clone());
    if !several_models(stack) {
        parts.extend(stack.versions.first().and_then(|version| version.model.clone()));
    }
    let first = stack.versions.first();
    parts.extend(first.and_then(|version| version.prompt.as_ref()).map(|prompt| format!("prompt {prompt}")));
    parts.extend(first.and_then(|version| version.variant.clone()));
    if stack.place.epoch > 1 {
        parts.push(format!("epoch {}", stack.place.epoch));
    }
    parts.join(" · ")
}

fn several_models(stack: &Stack) -> bool {
    stack.versions.windows(2).any(|pair| pair[0].model != pair[1].model)
}

/// A line per version; a column that no version fills is left out.
fn table(stack: &Stack) -> Table {
    type Text = fn(&Version) -> Option<String>;
    let own = &stack.place.root_run_id;
    let elsewhere = stack.versions.iter().any(|version| version.run_id != *own);
    let columns: [(Column, bool, Text); 11] = [
        (Column::whole(""), true, |version| Some(chip(version))),
        (Column::whole(""), true, |version| Some(kind(version))),
        (Column::whole("run"), elsewhere, |version| Some(version.run_id.clone())),
        (Column::text("model"), several_models(stack), |version| version.model.clone()),
        (Column::number("score"), true, |version| version.score.map(number::score)),
        (Column::number("logprob"), true, |version| version.logprob.map(number::score)),
        (Column::whole("confidence"), true, |version| version.confidence.clone()),
        (Column::whole("status"), true, |version| Some(status(version))),
        (Column::whole("when"), true, |version| version.recorded_at.as_deref().map(minute)),
        (Column::text("output"), true, said),
        (Column::text("seed"), true, |version| version.seed_text.clone()),
    ];
    let filled = columns
        .into_iter()
        .filter(|(_, wanted, text)| *wanted && stack.versions.iter().any(|version| text(version).is_some()));
    let mut table = Table { columns: Vec::new(), rows: vec![Vec::new(); stack.versions.len()] };
    for (column, _, text) in filled {
        table.columns.push(column);
        for (row, version) in table.rows.iter_mut().zip(&stack.versions) {
            row.push(cell(text(version)));
        }
    }
    table
}

fn cell(text: Option<String>) -> Cell {
    text.map_or_else(|| Cell::marked("—", Mark::Dim), Cell::plain)
}

/// `v2 L` for a lexical variation, `v3 S` for a semantic one; another mode with its word.
pub(super) fn chip(version: &Version) -> String {
    match version.mode.as_deref() {
        None => version.label.clone(),
        Some(mode) => format!("{} {}", version.label, mode_chip(mode)),
    }
}

/// What kind of version it is; of several attempts of the run, which one counts.
fn kind(version: &Version) -> String {
    match (version.kind.as_str(), version.competes) {
        ("retry", true) => "retry, counts".to_owned(),
        (kind, _) if version.depth > 0 && version.attempt > 1 => {
            format!("{kind}, attempt {}", version.attempt)
        }
        (kind, _) => kind.to_owned(),
    }
}

/// How it ended, and what a reviewer decided.
fn status(version: &Version) -> String {
    let word = screen_word(&version.status, version.passed);
    match &version.review {
        Some(review) => format!("{word}, {review}"),
        None => word,
    }
}

/// What was answered, else why there is no answer.
fn said(version: &Version) -> Option<String> {
    version.output.clone().or_else(|| version.error_message.clone()).or_else(|| version.error_reason.clone())
}

fn closing(found: &Found, asked: &Versions, limit: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let singles = found.counted.stacks - found.counted.several;
    let shown_singles = found.stacks.iter().any(|stack| stack.versions.len() == 1);
    let more = match asked.cases {
        Some(CaseLimit::Most(_)) => {
            let there = if shown_singles { found.counted.stacks } else { found.counted.several };
            usize::try_from(there).unwrap_or(0).saturating_sub(found.stacks.len())
        }
        _ => found.stacks.len().saturating_sub(limit),
    };
    if more > 0 {
        blocks.push(Block::Line(format!("  {} more: --cases all", number::count(more as i64))));
    }
    if singles > 0 && !shown_singles {
        let cases = number::counted(usize::try_from(singles).unwrap_or(0), "case has", "cases have");
        blocks.push(Block::Line(format!("  {cases} one version: --all")));
    }
    let problems = found.problems.iter().take(PROBLEMS_SHOWN);
    blocks.extend(problems.map(|problem| Block::Note(problem.clone())));
    if let Some(more @ 1..) = found.problems.len().checked_sub(PROBLEMS_SHOWN) {
        blocks.push(Block::Note(format!(
            "{more} more like these: runq sql 'SELECT problem FROM run_descendants WHERE problem IS NOT NULL'"
        )));
    }
    blocks
}
