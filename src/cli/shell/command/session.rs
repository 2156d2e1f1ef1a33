//! What every view is asked within: which runs, what makes the arms, and the baseline.
//!
//! A change is tried before it counts: a session is opened with it. Where that fails, all stays as it was.

use async_trait::async_trait;
use serde::Deserialize;

use super::{DotCommand, word, words};
use crate::answer::number::{count, counted};
use crate::cli::args::{GlobalArgs, SessionArgs};
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::with_session_flags;
use crate::model::few;
use crate::session::{Asset, Session, SessionError, text_values};

/// How many arms are named.
const ARMS_NAMED: usize = 8;

/// `.scope`: which runs are asked about.
pub struct Scope;

#[async_trait(?Send)]
impl DotCommand for Scope {
    fn name(&self) -> &'static str {
        "scope"
    }

    fn takes(&self) -> &'static str {
        "[PREDICATE|last N|--FLAG ...|all]"
    }

    fn about(&self) -> &'static str {
        "which runs are asked about: a predicate, the newest N, flags, or all"
    }

    fn more(&self) -> &'static str {
        "PREDICATE is SQL over runs: .scope experiment = 'dev'. Flags are those of the session, also those that say how \
         numbers are made: .scope --task qa --case 'a*' --threshold 0.1. Each narrows further; all takes everything in \
         again. Without a word it shows what holds now."
    }

    fn words(&self) -> &'static [&'static str] {
        &["all", "last"]
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let mut wanted = shell.global.clone();
        if rest.is_empty() {
            let said = scope_said(shell, &wanted).await?;
            return shell.tell(&said);
        }
        if rest.starts_with('-') {
            match with_session_flags(&words(rest)?, &wanted, shell.output)? {
                Some(changed) => wanted = changed,
                None => return Ok(()),
            }
        } else if rest.eq_ignore_ascii_case("all") {
            widen(&mut wanted.session);
        } else if let Some(last) = newest(rest)? {
            wanted.session.last = Some(last);
        } else {
            wanted.session.scope = Some(rest.to_owned());
        }
        let said = match scope_said(shell, &wanted).await {
            // The arm that was the baseline is out of scope: the first of those in it takes its place.
            Err(_)
                if wanted.session.baseline.is_some()
                    && wanted.session.baseline == shell.global.session.baseline =>
            {
                let gone = wanted.session.baseline.take().unwrap_or_default();
                let said = scope_said(shell, &wanted).await?;
                shell.output.note(&format!("the baseline {gone} is out of scope"));
                said
            }
            said => said?,
        };
        shell.global = wanted;
        shell.note_change(&said);
        Ok(())
    }
}

/// The N of `last N`.
fn newest(rest: &str) -> Result<Option<usize>, CliError> {
    let mut words = rest.split_whitespace();
    let (Some(first), Some(second), None) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    if !first.eq_ignore_ascii_case("last") {
        return Ok(None);
    }
    match second.parse() {
        Ok(number @ 1..) => Ok(Some(number)),
        _ => Err(CliError::usage(format!(".scope {rest}: expected a number from 1"), Some(".scope last 5"))),
    }
}

/// Takes all runs and cases in again; how numbers are made stays.
fn widen(session: &mut SessionArgs) {
    session.runs.clear();
    session.kinds.clear();
    session.last = None;
    session.task = None;
    session.asset = None;
    session.case = None;
    session.scope = None;
}

/// What narrows the runs: `task = 'qa', last 5`.
fn narrowed(session: &SessionArgs) -> Vec<String> {
    let mut words: Vec<String> = session.scope.iter().cloned().collect();
    words.extend((!session.runs.is_empty()).then(|| format!("run {}", session.runs.join(", "))));
    words.extend(session.task.iter().map(|task| format!("task {task}")));
    words.extend((!session.kinds.is_empty()).then(|| format!("kind {}", session.kinds.join(" or "))));
    words.extend(session.asset.as_ref().map(Asset::in_words));
    words.extend(session.case.iter().map(|case| format!("case {case}")));
    words.extend(session.last.map(|last| format!("last {last}")));
    words
}

/// `scope task qa, last 5: 5 of 42 runs · by model: a (3 runs), b (2 runs) · baseline a`.
async fn scope_said(shell: &mut Shell<'_>, global: &GlobalArgs) -> Result<String, CliError> {
    let session = shell.asking.session(global, shell.output).await?;
    let (taken, there) = (session.runs().len(), session.runs_there());
    let words = narrowed(&global.session).join(", ");
    let runs = if taken == there {
        format!("all {}", counted(there, "run", "runs"))
    } else {
        let taken = count(i64::try_from(taken).unwrap_or(i64::MAX));
        format!("{taken} of {}", counted(there, "run", "runs"))
    };
    let scope = if words.is_empty() { format!("scope {runs}") } else { format!("scope {words}: {runs}") };
    Ok(format!("{scope} · {}", arms_said(session, &global.session).await?))
}

/// `.by`: what is compared.
pub struct By;

#[async_trait(?Send)]
impl DotCommand for By {
    fn name(&self) -> &'static str {
        "by"
    }

    fn takes(&self) -> &'static str {
        "[DIMENSION]"
    }

    fn about(&self) -> &'static str {
        "what is compared: each value of it is one arm"
    }

    fn more(&self) -> &'static str {
        "run, model, prompt, experiment, provider, variant, a column of runs or results, tags.KEY, params.KEY, or auto: \
         the first of them with several values."
    }

    fn words(&self) -> &'static [&'static str] {
        &["auto"]
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let mut wanted = shell.global.clone();
        if let Some(by) = word(".by", rest)? {
            // An arm of one dimension is none of another.
            wanted.session.baseline =
                wanted.session.baseline.filter(|_| wanted.session.by.as_ref() == Some(&by));
            wanted.session.by = Some(by).filter(|by| by != "auto");
        }
        take_over(shell, wanted, rest.is_empty()).await
    }
}

/// `.baseline`: what the others are compared against.
pub struct Baseline;

#[async_trait(?Send)]
impl DotCommand for Baseline {
    fn name(&self) -> &'static str {
        "baseline"
    }

    fn takes(&self) -> &'static str {
        "[ARM]"
    }

    fn about(&self) -> &'static str {
        "the arm that the others are compared against"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let mut wanted = shell.global.clone();
        if !rest.is_empty() {
            // An arm may have spaces in its name, quoted or not.
            let arm = words(rest)?;
            wanted.session.baseline = Some(if arm.len() == 1 { arm.concat() } else { rest.to_owned() });
        }
        take_over(shell, wanted, rest.is_empty()).await
    }
}

/// Opens a session with these flags, says what is compared in it, and keeps them.
async fn take_over(shell: &mut Shell<'_>, wanted: GlobalArgs, is_question: bool) -> Result<(), CliError> {
    let session = shell.asking.session(&wanted, shell.output).await?;
    let said = arms_said(session, &wanted.session).await?;
    if is_question {
        return shell.tell(&said);
    }
    shell.global = wanted;
    shell.note_change(&said);
    Ok(())
}

/// An arm and how many runs it is of.
#[derive(Deserialize)]
struct Arm {
    arm: String,
    run_count: usize,
}

/// `by prompt: v3 (4 runs), v4 (3 runs) · baseline v3`.
async fn arms_said(session: &mut Session, asked: &SessionArgs) -> Result<String, SessionError> {
    const ARMS: &str = "SELECT arm, run_count FROM arms ORDER BY first_row, arm";
    metrics_are_there(session, asked).await?;
    let arms: Vec<Arm> = session.rows(ARMS).await?.read()?;
    let baseline = session.baseline().await?;
    let is_by_run = session.by() == "run";
    let named = arms.into_iter().map(|Arm { arm, run_count }| match is_by_run {
        true => arm,
        false => format!("{arm} ({})", counted(run_count, "run", "runs")),
    });
    let named: Vec<String> = named.collect();
    Ok(format!("by {}: {} · baseline {baseline}", session.by(), few(&named, ARMS_NAMED)))
}

/// Refuses options about metrics that nothing in scope has: every later answer would be empty or fail.
async fn metrics_are_there(session: &mut Session, asked: &SessionArgs) -> Result<(), SessionError> {
    let of_flags = asked.thresholds.iter().chain(&asked.aggregates).filter_map(|flag| flag.split_once('='));
    let of_flags = of_flags.map(|(metric, _)| metric.to_owned());
    let named = asked.metrics.iter().chain(&asked.primary).chain(&asked.tests).cloned();
    let named: Vec<String> = named.chain(of_flags).collect();
    if named.is_empty() {
        return Ok(());
    }
    let rows = session.rows("SELECT DISTINCT metric FROM metric_coverage ORDER BY metric").await?;
    let there = text_values(&rows, 0);
    match named.iter().find(|metric| !there.contains(metric)) {
        Some(unknown) => Err(SessionError::unknown_metric(unknown, &there)),
        None => Ok(()),
    }
}

/// `.reset`: back to what the shell was started with.
pub struct Reset;

#[async_trait(?Send)]
impl DotCommand for Reset {
    fn name(&self) -> &'static str {
        "reset"
    }

    fn takes(&self) -> &'static str {
        ""
    }

    fn about(&self) -> &'static str {
        "scope, by, baseline and all flags as they were at the start"
    }

    async fn run(&self, _rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let wanted = shell.started_with.clone();
        shell.global = wanted.clone();
        let said = scope_said(shell, &wanted).await?;
        shell.note_change(&said);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_n_is_told_from_a_predicate() {
        assert_eq!(newest("last 5").unwrap(), Some(5));
        assert_eq!(newest("LAST  2").unwrap(), Some(2));
        assert_eq!(newest("task = 'x'").unwrap(), None);
        assert!(newest("last x").is_err());
        assert!(newest("last 0").is_err());
    }
}
