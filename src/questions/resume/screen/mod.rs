//! A plan as a person reads it: what is to run and why, what stays, what it will take, the command. Words only; nothing
//! is asked or computed here.

mod amounts;
mod commands;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Left, Missing, Plan, PlannedRow, RunPlan};
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::import::rerun::RerunMode;
use crate::model::{Status, few};
use amounts::expected;
use commands::command_blocks;

/// How many rows a person is shown; every other format holds all of them.
const ROWS_SHOWN: usize = 40;

/// How many reasons are counted where not every row is shown.
const REASONS_SHOWN: usize = 5;

/// How many groups of rows that stay are named.
const GROUPS_SHOWN: usize = 8;

/// The status of a planned key without a row.
const MISSING: &str = "missing";

/// The plan for people; paths are shown relative to `here`.
pub fn blocks(plan: &Plan, here: &Path) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (at, run) in plan.runs.iter().enumerate() {
        if at > 0 {
            blocks.push(Block::Gap);
        }
        blocks.extend(run_blocks(plan.mode, run, here));
    }
    if plan.runs.is_empty() {
        blocks.push(Block::Line("nothing to run: no runs in scope".to_owned()));
    }
    blocks.extend(together(plan));
    blocks.extend(plan.notes.iter().cloned().map(Block::Note));
    blocks.extend(next_step(plan));
    blocks
}

fn run_blocks(mode: RerunMode, run: &RunPlan, here: &Path) -> Vec<Block> {
    let notes = run.notes.iter().cloned().map(Block::Note);
    if run.rows.is_empty() {
        return std::iter::once(Block::Line(nothing(mode, run))).chain(notes).collect();
    }
    let mut blocks = vec![heading(run), facts(vec![("to run", to_run(run))]), Block::Table(rows_table(run))];
    if let Some(more @ 1..) = run.rows.len().checked_sub(ROWS_SHOWN) {
        let more = number::counted(more, "row more", "rows more");
        blocks.push(Block::Line(format!("  {more}: --format csv or json has them all")));
    }
    blocks.push(facts(rest(mode, run)));
    blocks.extend(command_blocks(run, here));
    blocks.extend(notes);
    blocks
}

/// The run, the tool that made it, and what it ran on.
fn heading(run: &RunPlan) -> Block {
    let header = &run.run;
    let name = header.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let version = header.tool_version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    let models = match run.models.as_slice() {
        [] => String::new(),
        [model] => format!(" · model {model}"),
        several => format!(" · {} models", several.len()),
    };
    let left = format!("{}{name} · {}{version}{models}", header.run_id, header.tool);
    Block::Headline { left, right: String::new() }
}

/// Facts with their names, which stand in one column over all tables of the plan.
fn facts(facts: Vec<(&str, String)>) -> Block {
    let row =
        |(name, text): (&str, String)| vec![Cell::marked(format!("{name:<8}"), Mark::Dim), Cell::plain(text)];
    let columns = vec![Column::whole(""), Column::wrapping("")];
    Block::Table(Table { columns, rows: facts.into_iter().map(row).collect() })
}

/// How many of how many, by status where there are several; by reason too where not all rows are shown.
fn to_run(run: &RunPlan) -> String {
    let planned = run.rows.len() as i64 + run.left.iter().map(|left| left.keys).sum::<i64>();
    let unit = unit(run, planned);
    let mut text = format!("{} of {} {unit}", number::count(run.rows.len() as i64), number::count(planned));
    let statuses = counted_by(&run.rows, |row| &row.status);
    if statuses.len() > 1 {
        text += &format!(": {}", few(&statuses, GROUPS_SHOWN));
    }
    if run.rows.len() > ROWS_SHOWN {
        text += &format!(" · {}", few(&counted_by(&run.rows, |row| &row.reason), REASONS_SHOWN));
    }
    text
}

/// What is counted: cases where each is run once, else rows, of which a case has several.
fn unit(run: &RunPlan, planned: i64) -> &'static str {
    let ids: BTreeSet<(&str, &str)> = run.rows.iter().map(|row| (&*row.task, &*row.case_id)).collect();
    let once =
        run.models.len() <= 1 && ids.len() == run.rows.len() && run.rows.iter().all(|row| row.epoch == 1);
    match (once, planned) {
        (true, 1) => "case",
        (true, _) => "cases",
        (false, 1) => "row",
        (false, _) => "rows",
    }
}

/// `3 execution_error`, `1 missing`: how many rows have each value, most first.
fn counted_by(rows: &[PlannedRow], value: impl Fn(&PlannedRow) -> &str) -> Vec<String> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for row in rows {
        *counts.entry(value(row)).or_default() += 1;
    }
    let mut counts: Vec<(&str, i64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(value, count)| format!("{} {value}", number::count(count))).collect()
}

/// A row per key: its case, what else tells it from others, its status and why it is run.
fn rows_table(run: &RunPlan) -> Table {
    let differs = |value: fn(&PlannedRow) -> Option<&str>| {
        run.rows.iter().map(value).collect::<BTreeSet<_>>().len() > 1
    };
    let (prompts, variants) = (differs(|row| row.prompt.as_deref()), differs(|row| row.variant.as_deref()));
    let tasks = differs(|row| Some(&row.task));
    let mut columns = vec![Column::whole("")];
    let further = usize::from(run.models.len() > 1) + usize::from(prompts) + usize::from(variants);
    columns.extend((0..further).map(|_| Column::whole("")));
    columns.extend([Column::whole(""), Column::wrapping("")]);
    let row = |row: &PlannedRow| {
        let task = if tasks { format!("{}/", row.task) } else { String::new() };
        let epoch = if row.epoch > 1 { format!(" #{}", row.epoch) } else { String::new() };
        let mut cells = vec![Cell::plain(format!("  {task}{}{epoch}", row.case_id))];
        let shown = [(run.models.len() > 1, &row.model), (prompts, &row.prompt), (variants, &row.variant)];
        let shown = shown.into_iter().filter(|(shown, _)| *shown);
        cells.extend(shown.map(|(_, value)| Cell::plain(value.as_deref().unwrap_or("—"))));
        cells.push(Cell::marked(&*row.status, mark(&row.status)));
        cells.push(Cell::plain(why(row)));
        cells
    };
    Table { columns, rows: run.rows.iter().take(ROWS_SHOWN).map(row).collect() }
}

fn why(row: &PlannedRow) -> String {
    match row.attempts {
        0 => row.reason.to_string(),
        attempts => format!("{}, {}", row.reason, number::counted(attempts as usize, "attempt", "attempts")),
    }
}

fn mark(status: &str) -> Mark {
    match Status::parse(status) {
        Some(Status::ExecutionError | Status::ScorerError | Status::QualityFailure) => Mark::Bad,
        Some(Status::Limit | Status::Cancelled) => Mark::Open,
        None if status == MISSING => Mark::Open,
        Some(Status::Ok) | None => Mark::Plain,
    }
}

/// What stays, what is missing, and what the rows will take.
fn rest(mode: RerunMode, run: &RunPlan) -> Vec<(&'static str, String)> {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let left = left_lines(&run.left);
    let names = std::iter::once("left").chain(std::iter::repeat(""));
    facts.extend(names.zip(left));
    facts.extend(missing(mode, run.missing).map(|text| ("missing", text)));
    facts.push(("expected", expected(&run.expected)));
    facts
}

/// `10 ok`, or `9 ok, 3 limit: other model`: a line per reason, in the order in which reasons first stand.
fn left_lines(left: &[Left]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>, i64)> = Vec::new();
    for left in left {
        let why = if says_itself(left) { "" } else { left.why.as_str() };
        let text = format!("{} {}", number::count(left.keys), left.status);
        match reasons.iter_mut().find(|(known, ..)| *known == why) {
            Some((_, texts, keys)) => {
                texts.push(text);
                *keys += left.keys;
            }
            None => reasons.push((why, vec![text], left.keys)),
        }
    }
    let line = |(why, texts, _): &(&str, Vec<String>, i64)| match why.is_empty() {
        true => texts.join(", "),
        false => format!("{}: {why}", texts.join(", ")),
    };
    let mut lines: Vec<String> = reasons.iter().take(GROUPS_SHOWN).map(line).collect();
    if let Some(rest) = reasons.get(GROUPS_SHOWN..).filter(|rest| !rest.is_empty()) {
        let keys: i64 = rest.iter().map(|(.., keys)| keys).sum();
        let more = number::counted(rest.len(), "other reason", "other reasons");
        lines.push(format!("{} for {more}, in --format json", number::count(keys)));
    }
    lines
}

/// Whether the status says why the keys stay.
fn says_itself(left: &Left) -> bool {
    left.why.is_empty() || left.why == left.status
}

/// What is known of planned cases without a row, where a predicate may ask for them. A note tells it where the mode takes
/// them by itself, with what the tool does; in the other modes nobody asked.
fn missing(mode: RerunMode, missing: Missing) -> Option<String> {
    if mode != RerunMode::Where {
        return None;
    }
    match missing {
        Missing::Known(_) | Missing::Counted(..=0) => None,
        Missing::Counted(count) => Some(format!(
            "{} without a row, which the source only counts: --cases FILE names them",
            number::counted(count as usize, "planned case", "planned cases")
        )),
        Missing::Unknown => Some(
            "cannot be known, since nothing says which cases were planned: --cases FILE names them"
                .to_owned(),
        ),
    }
}

/// The one sentence where no row is selected.
fn nothing(mode: RerunMode, run: &RunPlan) -> String {
    let left = match run.left.is_empty() {
        true => "it has no rows".to_owned(),
        false => left_lines(&run.left).join(" · "),
    };
    let unknown =
        missing(mode, run.missing).map_or_else(String::new, |text| format!(" · missing cases: {text}"));
    format!("nothing to run in {}: {left}{unknown}", run.run.run_id)
}

/// What the rows of several runs will take, the runs one after the other.
fn together(plan: &Plan) -> Option<Block> {
    let runs = plan.runs.iter().filter(|run| !run.rows.is_empty()).count();
    let text = || {
        let rows = number::counted(plan.rows().count(), "row", "rows");
        format!("{rows} of {runs} runs · {}", expected(&plan.expected))
    };
    (runs > 1).then(|| facts(vec![("together", text())]))
}

/// What to type next, when there is something to run.
fn next_step(plan: &Plan) -> Option<Block> {
    let mut runs = plan.runs.iter().filter(|run| !run.rows.is_empty()).peekable();
    runs.peek()?;
    let line = match runs.any(|run| run.commands.as_ref().is_ok_and(|commands| !commands.is_empty())) {
        true => "run it: add --exec · one by one: --format ids",
        false => "one by one: --format ids",
    };
    Some(Block::Line(line.to_owned()))
}

#[cfg(test)]
mod tests;
