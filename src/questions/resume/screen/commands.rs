//! The commands of a plan for people: each as it is typed, where its rows go, and what it does beside the plan.

use std::path::Path;

use super::super::{Deviation, PlannedCommand, RunPlan};
use super::facts;
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::model::few;
use crate::questions::show::relative;

/// How many keys are named that a tool treats otherwise than the plan, for each reason.
const KEYS_NAMED: usize = 5;

/// How many reasons are named.
const REASONS_NAMED: usize = 6;

/// The commands with what each does beside the plan; where there is none, why and what to do. Their notes are among
/// those of the run.
pub(super) fn command_blocks(run: &RunPlan, here: &Path) -> Vec<Block> {
    let commands = match &run.commands {
        Ok(commands) => commands,
        Err(error) => return vec![facts(vec![("command", format!("none: {error} · {}", error.hint()))])],
    };
    let mut blocks = vec![Block::Gap];
    for command in commands {
        // Files may hold as many ids as there are cases: they are for the script.
        let has_files = !command.command.files.is_empty();
        blocks.push(Block::Command(if has_files { &command.line } else { &command.shell }.clone()));
        blocks.extend(beside(command, run.models.len() > 1, here));
        blocks.push(Block::Gap);
    }
    blocks
}

/// What it reads, where new rows go, which keys run although the plan does not name them, and which do not although it does.
fn beside(command: &PlannedCommand, models: bool, here: &Path) -> Option<Block> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let files: Vec<&str> = command.command.files.iter().map(|file| file.name.as_str()).collect();
    if !files.is_empty() {
        if command.command.folder != here {
            lines.push(("in", relative(&command.command.folder.to_string_lossy(), here)));
        }
        lines.push(("reads", format!("{}, which --exec and --format sh write", few(&files, KEYS_NAMED))));
    }
    if let Some(output) = &command.command.output {
        lines.push(("new output", relative(&output.to_string_lossy(), here)));
    }
    for (name, deviations) in [("runs also", &command.runs_also), ("does not run", &command.does_not_run)] {
        let reasons = by_reason(deviations, models);
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        lines.extend(names.zip(reasons));
    }
    let row = |(name, text): (&str, String)| {
        vec![Cell::marked(format!("    {name}"), Mark::Dim), Cell::plain(text)]
    };
    let columns = vec![Column::whole(""), Column::wrapping("")];
    (!lines.is_empty()).then(|| Block::Table(Table { columns, rows: lines.into_iter().map(row).collect() }))
}

/// `3: a, b and 1 more: why`, a line per reason in the order in which they first stand.
fn by_reason(deviations: &[Deviation], models: bool) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for deviation in deviations {
        let key = key(deviation, models);
        match reasons.iter_mut().find(|(why, _)| *why == deviation.why) {
            Some((_, keys)) => keys.push(key),
            None => reasons.push((&deviation.why, vec![key])),
        }
    }
    let line = |(why, keys): &(&str, Vec<String>)| {
        let count = number::count(keys.len() as i64);
        format!("{count}: {} ({why})", few(keys, KEYS_NAMED))
    };
    let mut lines: Vec<String> = reasons.iter().take(REASONS_NAMED).map(line).collect();
    if let Some(rest) = reasons.get(REASONS_NAMED..).filter(|rest| !rest.is_empty()) {
        let keys: usize = rest.iter().map(|(_, keys)| keys.len()).sum();
        let more = number::counted(rest.len(), "reason more", "reasons more");
        lines.push(format!("{}: {more}, in --format json", number::count(keys as i64)));
    }
    lines
}

fn key(deviation: &Deviation, models: bool) -> String {
    let mut text = deviation.case_id.clone();
    if let Some(model) = deviation.model.as_ref().filter(|_| models) {
        text += &format!(" on {model}");
    }
    if deviation.epoch > 1 {
        text += &format!(" #{}", deviation.epoch);
    }
    text
}
