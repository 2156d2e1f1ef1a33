//! What one should know before believing a comparison: what differs besides the arm, and what errors leave open.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::screen::{counted_runs, shown_metrics};
use super::{Arm, Compare, Comparison, Value};
use crate::answer::number;
use crate::model::RunRow;
use crate::questions::labels::plural;
use crate::session::Session;

/// The notes of a comparison, most telling first.
pub(super) fn of(comparison: &Comparison, session: &Session, asked: &Compare) -> Vec<String> {
    let mut notes = Vec::new();
    if let [only] = comparison.arms.as_slice() {
        notes.push(format!(
            "only one {}, {}: nothing to compare it with{}",
            comparison.by,
            comparison.labels.get(&only.arm),
            if comparison.by == "run" { "" } else { "; --by run or another dimension may have more" }
        ));
    }
    notes.extend(session.left_out().iter().map(|entry| {
        let command = entry.run.command.as_deref().unwrap_or(&entry.run.kind);
        format!("run {} ({command}) asked a question and worked on no case: left out", entry.run.run_id)
    }));
    notes.extend(nothing_in_common(comparison));
    notes.extend(without_results(comparison));
    if comparison.values.is_empty() && !comparison.cases.is_empty() {
        notes.push("no case has a value of any metric".to_owned());
    }
    notes.extend(not_counted(comparison, session));
    notes.extend(comparison.arms.iter().filter_map(|arm| bounds(comparison, arm)));
    notes.extend(disagreeing_winners(comparison, &shown_metrics(comparison, asked)));
    notes.extend(uneven_runs(comparison, &shown_metrics(comparison, asked)));
    notes.extend(pooled(comparison));
    notes.extend(more_attempts(comparison));
    notes.extend(one_sided_cases(comparison));
    if comparison.by == "run" && comparison.arms.len() > 1 {
        notes.extend(changed_together(session));
    }
    notes.extend(different_tools(session));
    notes.extend(comparison.stacks.iter().flat_map(|stacks| stacks.problems.iter().cloned()));
    notes
}

fn nothing_in_common(comparison: &Comparison) -> Option<String> {
    let apart = comparison.arms.len() > 1 && !super::shares_cases(comparison);
    apart.then(|| {
        "not comparable: no candidate shares a case with the baseline; is it the same task, or is --case-key needed?"
            .to_owned()
    })
}

/// Runs that have nothing to compare but what they took.
fn without_results(comparison: &Comparison) -> Option<String> {
    let empty: Vec<&str> = comparison
        .arms
        .iter()
        .filter(|arm| arm.result_count == 0)
        .map(|arm| comparison.labels.get(&arm.arm))
        .collect();
    (!empty.is_empty()).then(|| format!("without any result: {} {}", comparison.by, empty.join(", ")))
}

/// Runs in scope that no arm is made of: versions of other runs, and runs that gave nothing to put into an arm.
fn not_counted(comparison: &Comparison, session: &Session) -> Vec<String> {
    let counted = counted_runs(comparison);
    let outside = session.runs().iter().map(|entry| &entry.run);
    let (versions, others): (Vec<&RunRow>, Vec<&RunRow>) =
        outside.filter(|run| !counted.contains(run.run_id.as_str())).partition(|run| run.relation.is_some());
    let empty: Vec<&str> =
        others.iter().filter(|run| run.result_count == 0).map(|run| run.run_id.as_str()).collect();
    let of_versions = match versions.len() {
        0 => None,
        1 => Some(format!("run {} is a version of another run and does not count", versions[0].run_id)),
        count => Some(format!("{count} re-runs and variations are versions of other runs and do not count")),
    };
    let shown = of_versions.map(|said| format!("{said}: --by run compares them, --versions shows them"));
    let without = (!empty.is_empty()).then(|| format!("without any result: run {}", empty.join(", ")));
    shown.into_iter().chain(without).collect()
}

/// The bounds that errors leave to the primary metric of an arm.
fn bounds(comparison: &Comparison, arm: &Arm) -> Option<String> {
    let value = comparison
        .values
        .iter()
        .find(|value| value.arm == arm.arm && value.metric == comparison.primary && value.unscored > 0)?;
    let (low, high) = (value.lowest?, value.highest?);
    (value.aggregate == "mean").then(|| {
        let cases = if value.unscored == 1 { "1 case" } else { &format!("{} cases", value.unscored) };
        let why = if arm.execution_error + arm.scorer_error > 0 { " (errors)" } else { "" };
        format!(
            "{cases} of {} without a value{why}: its {} lies between {} and {}, whatever they would have scored",
            comparison.labels.get(&arm.arm),
            value.metric,
            number::score(low),
            number::score(high)
        )
    })
}

/// Metrics whose winner changes when only the cases that every arm has are looked at.
fn disagreeing_winners(comparison: &Comparison, shown: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let disagrees = |value: &&Value| {
        value.per != "run" && value.winner && !value.winner_common && shown.contains(&value.metric)
    };
    for value in comparison.values.iter().filter(disagrees) {
        let common = comparison.values.iter().find(|other| same_line(other, value) && other.winner_common);
        let task = value.task.as_ref().filter(|_| several_tasks(comparison));
        let on = task.map_or_else(String::new, |task| format!(" ({task})"));
        let shared = number::counted(usize::try_from(value.n_common).unwrap_or(0), "case", "cases");
        notes.push(match common {
            Some(other) => format!(
                "{}{on} not marked: {} is best on its own cases, {} on the {shared} that all have",
                value.metric,
                comparison.labels.get(&value.arm),
                comparison.labels.get(&other.arm)
            ),
            None => format!(
                "{}{on} not marked: {} is best on its own cases only; on the {shared} that all have nobody is",
                value.metric,
                comparison.labels.get(&value.arm)
            ),
        });
    }
    notes
}

/// What a run took in all says little when the arms did not run the same cases.
fn uneven_runs(comparison: &Comparison, shown: &[String]) -> Option<String> {
    let unmarked = |value: &&Value| {
        value.per == "run" && value.winner && !value.winner_common && shown.contains(&value.metric)
    };
    let metrics: BTreeSet<&str> =
        comparison.values.iter().filter(unmarked).map(|value| value.metric.as_str()).collect();
    (!metrics.is_empty()).then(|| {
        format!(
            "{} not marked: the {} did not run the same cases",
            metrics.into_iter().collect::<Vec<_>>().join(", "),
            plural(&comparison.by)
        )
    })
}

fn same_line(left: &Value, right: &Value) -> bool {
    left.metric == right.metric && left.task == right.task
}

fn several_tasks(comparison: &Comparison) -> bool {
    let tasks: BTreeSet<&Option<String>> = comparison.values.iter().map(|value| &value.task).collect();
    tasks.len() > 1
}

fn pooled(comparison: &Comparison) -> Vec<String> {
    let arms = comparison.arms.iter().filter(|_| comparison.arms.len() > 1);
    let label = |arm: &Arm| comparison.labels.get(&arm.arm).to_owned();
    arms.filter_map(|arm| match (arm.models.len() > 1 && comparison.by != "model", arm.run_count > 1) {
        (true, _) => {
            Some(format!("{} pools {} models: {}", label(arm), arm.models.len(), arm.models.join(", ")))
        }
        (false, true) if comparison.by != "run" => {
            Some(format!("{} pools {} runs: the mean of each case counts", label(arm), arm.run_count))
        }
        _ => None,
    })
    .collect()
}

/// Retries repair failures, so an arm that was run again more often looks better than its first attempts were.
fn more_attempts(comparison: &Comparison) -> Option<String> {
    let share = |arm: &&Arm| arm.superseded_count as f64 / arm.result_count as f64;
    let ran = || comparison.arms.iter().filter(|arm| arm.result_count > 0);
    let most = ran().max_by(|left, right| share(left).total_cmp(&share(right)))?;
    let least = ran().min_by(|left, right| share(left).total_cmp(&share(right)))?;
    (share(&most) > share(&least)).then(|| {
        let called = |arm: &Arm| format!("{} {}", comparison.by, comparison.labels.get(&arm.arm));
        let first = |arm: &Arm| arm.pass_rate_first.map(number::percent);
        let at_first = match (first(most), first(least)) {
            (Some(most), Some(least)) => format!("{most} passed against {least}"),
            _ => "graded_results".to_owned(),
        };
        format!(
            "{} was run again more than {}: {} of its {} were superseded, {} of {} there, and only the latest ones \
             count; first attempts alone (attempt = 1): {at_first}",
            called(most),
            called(least),
            number::count(most.superseded_count),
            number::counted(usize::try_from(most.result_count).unwrap_or(0), "attempt", "attempts"),
            number::count(least.superseded_count),
            number::count(least.result_count),
        )
    })
}

fn one_sided_cases(comparison: &Comparison) -> Vec<String> {
    let primary = comparison.changes.iter().filter(|change| change.metric == comparison.primary);
    primary
        .filter(|change| change.baseline_only + change.candidate_only > 0 && super::shares_a_case(change))
        .map(|change| {
            format!(
                "{} only in {}, {} only in {}: changes are over the cases that both ran",
                number::counted(usize::try_from(change.baseline_only).unwrap_or(0), "case", "cases"),
                comparison.labels.get(&change.baseline),
                change.candidate_only,
                comparison.labels.get(&change.candidate)
            )
        })
        .collect()
}

/// Says which of model, prompt, params and task version differ between runs, when it is more than one.
fn changed_together(session: &Session) -> Option<String> {
    let runs: Vec<&RunRow> = session.runs().iter().map(|entry| &entry.run).collect();
    let differs = |of: fn(&RunRow) -> Option<String>| {
        let values: BTreeSet<Option<String>> = runs.iter().map(|run| of(run)).collect();
        values.len() > 1
    };
    let mut changed = Vec::new();
    if differs(|run| param(run, "model").or_else(|| param(run, "target"))) {
        changed.push("model");
    }
    if differs(|run| param(run, "prompt")) {
        changed.push("prompt");
    }
    if differs(|run| param(run, "threshold")) {
        changed.push("threshold");
    }
    if differs(|run| run.eval_file.clone()) {
        changed.push("eval file");
    }
    (changed.len() > 1).then(|| format!("the runs differ in more than one thing: {}", changed.join(", ")))
}

fn param(run: &RunRow, key: &str) -> Option<String> {
    let params: Json = serde_json::from_str(run.params.as_deref()?).ok()?;
    crate::import::json::stored_text(params.get(key)?)
}

fn different_tools(session: &Session) -> Option<String> {
    let tools: BTreeSet<String> = session
        .runs()
        .iter()
        .map(|entry| match &entry.run.tool_version {
            Some(version) => format!("{} {version}", entry.run.tool),
            None => entry.run.tool.clone(),
        })
        .collect();
    (tools.len() > 1).then(|| {
        format!("made by different tools or versions: {}", tools.into_iter().collect::<Vec<_>>().join(", "))
    })
}
