//! What changed from each version of a case to the next one.

use serde_json::Value;

use super::screen::chip;
use super::{Stack, Version};
use crate::answer::{Block, Cell, TextChange};
use crate::diff::{Diff, diff};
use crate::questions::diff::change_document;
use crate::questions::show::screen_word;

/// The differences between neighbours, one less than there are versions. `None` where neither of the two has an output;
/// where one has none, all of the other one's is the difference.
pub(super) fn between(versions: &[Version]) -> Vec<Option<Diff>> {
    versions.windows(2).map(|pair| change(&pair[0], &pair[1])).collect()
}

fn change(before: &Version, after: &Version) -> Option<Diff> {
    if before.output.is_none() && after.output.is_none() {
        return None;
    }
    let text = |version: &Version| version.output.clone().unwrap_or_default();
    Some(diff(&text(before), &text(after), None))
}

/// The field `changes` of each version: what changed since the one before it, nothing for the first.
pub(super) fn documents(changes: &[Option<Diff>]) -> impl Iterator<Item = Option<Value>> {
    let since = changes.iter().map(|change| Some(change.as_ref().map_or(Value::Null, change_document)));
    std::iter::once(None).chain(since)
}

/// The differences below a stack; neighbours that are the same and those without a text are named in one line each.
pub(super) fn blocks(stack: &Stack) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut same, mut silent) = (Vec::new(), Vec::new());
    for (pair, change) in stack.versions.windows(2).zip(&stack.changes) {
        let [before, after] = pair else { continue };
        let name = format!("{} → {}", before.label, after.label);
        match change {
            None => silent.push(name),
            Some(diff) if diff.changes() == 0 && before.output.is_some() == after.output.is_some() => {
                same.push(name);
            }
            Some(diff) => {
                blocks.push(Block::Gap);
                blocks.push(Block::Change(Box::new(shown(before, after, diff))));
            }
        }
    }
    let said = [(same, "the same output"), (silent, "no output to compare")];
    let lines: Vec<Block> = said
        .into_iter()
        .filter(|(pairs, _)| !pairs.is_empty())
        .map(|(pairs, said)| Block::Line(format!("{}: {said}", pairs.join(", "))))
        .collect();
    if !lines.is_empty() {
        blocks.push(Block::Gap);
        blocks.extend(lines);
    }
    blocks
}

fn shown(before: &Version, after: &Version, diff: &Diff) -> TextChange {
    let pair = [before, after];
    let [from, to] = pair.map(|version| screen_word(&version.status, version.passed));
    let silent = pair.into_iter().filter(|version| version.output.is_none());
    TextChange {
        title: format!("{} → {}", before.label, chip(after)),
        outcome: Cell::plain(if from == to { String::new() } else { format!("{from} → {to}") }),
        sides: pair.map(chip),
        diff: diff.clone(),
        notes: silent.map(no_output).collect(),
        rest: Some("--format html shows everything".to_owned()),
    }
}

fn no_output(version: &Version) -> String {
    match version.error_message.as_ref().or(version.error_reason.as_ref()) {
        Some(error) => format!("{} gave no output: {error}", version.label),
        None => format!("{} gave no output", version.label),
    }
}
