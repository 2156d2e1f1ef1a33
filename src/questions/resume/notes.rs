//! What a person should know about a plan beside its rows.

use super::deviations::of_unnamed;
use super::{Missing, PlannedCommand, Resume, RunPlan};
use crate::answer::number::counted;
use crate::import::rerun::{Decision, RerunMode};
use crate::model::few;

/// Notes on the plan of one run.
pub(super) fn of(plan: &RunPlan, asked: &Resume) -> Vec<String> {
    let commands: &[PlannedCommand] = plan.commands.as_deref().unwrap_or_default();
    let mut notes: Vec<String> = missing(plan, asked.mode, commands).into_iter().collect();
    notes.extend(unasked(plan, asked.mode));
    for note in commands.iter().flat_map(|command| &command.command.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}

/// What is not known of missing cases. Where the mode takes none of them nobody asks.
fn missing(plan: &RunPlan, mode: RerunMode, commands: &[PlannedCommand]) -> Option<String> {
    let tool = &plan.run.tool;
    match plan.missing {
        _ if !mode.takes_missing() => None,
        Missing::Known(_) => None,
        Missing::Unknown => Some(
            "whether planned cases have no row cannot be known, since the run does not list its plan: --cases FILE gives it"
                .to_owned(),
        ),
        Missing::Counted(count) => {
            let cases = counted(usize::try_from(count).unwrap_or(0), "planned case has", "planned cases have");
            let what = match of_unnamed(commands) {
                Some(Decision::Runs(_)) => format!("{tool} runs them too"),
                Some(Decision::Skips(why)) => format!("{tool} does not run them: it {why}"),
                None => "they are in no command".to_owned(),
            };
            Some(format!("{cases} no row; which ones the run does not say (--cases FILE does); {what}"))
        }
    }
}

/// How many cases are named.
const NAMED: usize = 5;

/// What the tool would run by its own rule although nothing is to run.
fn unasked(plan: &RunPlan, mode: RerunMode) -> Option<String> {
    let first = plan.unasked.first()?;
    let ids: Vec<&str> = plan.unasked.iter().map(|key| key.case_id.as_str()).collect();
    let cases = counted(ids.len(), "case", "cases");
    let (tool, mode) = (&plan.run.tool, mode.as_str());
    let why = first.why.strip_prefix(tool.as_str()).unwrap_or(&first.why).trim();
    Some(format!(
        "{tool}'s own --{mode} would run {cases} all the same, since it {why}: {}",
        few(&ids, NAMED)
    ))
}
