//! The commands of one run: started one after the other, followed, recorded, accounted for.

use std::path::Path;

use super::Execution;
use super::follow::Screen;
use super::taken::{request_of, runs_in, take_in_again};
use crate::answer::number;
use crate::cli::context::{Context, ProcessSurroundings};
use crate::cli::exit::{self, CliError};
use crate::cli::interrupt;
use crate::import::rerun::History;
use crate::import::rerun::template::FOLDER;
use crate::ingest::Surroundings as _;
use crate::jobs::{
    ActiveJob, Growth, Job, JobStatus, Jobs, Money, Outcome, RunLock, Started, host, resolve_program, start,
};
use crate::model::shell_line;
use crate::questions::account::{Account, Added, Measured, measure, measure_since, still_open};
use crate::questions::resume::{Expected, PlannedCommand, PlannedRow, RunPlan};
use crate::store::Store;

/// One run of a plan, and what its commands are carried out with.
pub(super) struct Work<'a> {
    pub(super) asked: &'a Execution,
    pub(super) context: &'a Context<'a>,
    pub(super) store: &'a Store,
    pub(super) jobs: &'a Jobs,
    pub(super) run: &'a RunPlan,
    pub(super) lock: &'a RunLock,
}

/// What the commands so far did.
struct Progressed {
    jobs: Vec<Job>,
    added: Added,
    notes: Vec<String>,
    code: u8,
}

impl Work<'_> {
    /// Runs the commands up to the first one that fails or is stopped. Gives the exit code that unreadable files call for
    /// beside the account.
    pub(super) async fn carry_out(&self) -> Result<(Account, u8), CliError> {
        let commands: &[PlannedCommand] = self.run.commands.as_deref().unwrap_or_default();
        let outputs: Vec<&Path> =
            commands.iter().filter_map(|planned| planned.command.output.as_deref()).collect();
        let before = self.measured(&outputs).await?;
        self.announce(commands);
        let mut so_far =
            Progressed { jobs: Vec::new(), added: Added::default(), notes: Vec::new(), code: exit::OK };
        let mut now: Option<Measured> = None;
        let mut left = commands.iter();
        for planned in left.by_ref() {
            let earlier = now.as_ref().unwrap_or(&before);
            let (after, goes_on) = self.one(planned, (&outputs, earlier), &mut so_far).await?;
            now = Some(after);
            if !goes_on {
                break;
            }
        }
        let not_started = left.map(|planned| shell_line(&planned.command.argv)).collect();
        let code = so_far.code;
        let after = now.as_ref().unwrap_or(&before);
        Ok((self.account((&before, after), so_far, not_started).await?, code))
    }

    /// Says what is about to run, and what the tool will do beside it.
    fn announce(&self, commands: &[PlannedCommand]) {
        let output = self.context.output;
        let planned = usize::try_from(self.planned()).unwrap_or(0);
        let rows = number::counted(planned, "row", "rows");
        output.line(&format!("{}: {rows} to run", self.run.run.run_id));
        for planned in commands {
            for (keys, what) in [(&planned.runs_also, "also runs"), (&planned.does_not_run, "does not run")] {
                if let Some(first) = keys.first() {
                    let rows = number::counted(keys.len(), "row", "rows");
                    output.note(&format!("{} {what} {rows}: {}", planned.tool, first.why));
                }
            }
        }
    }

    /// Runs one command. Gives how the runs stand then, and whether the next one may start.
    async fn one(
        &self,
        planned: &PlannedCommand,
        (outputs, before): (&[&Path], &Measured),
        so_far: &mut Progressed,
    ) -> Result<(Measured, bool), CliError> {
        let (mut active, outcome) = self.run_it(planned, before, &mut so_far.notes).await?;
        let run = &self.run.run;
        let output = planned.command.output.as_deref();
        let code = take_in_again(self.asked, self.context, (self.store, run, output)).await?;
        let facts = self.context.stored_facts().await?;
        let ids = self.ids(&runs_in(&facts, outputs));
        let request = request_of(self.asked, self.context)?;
        let (after, added) = measure_since(&facts, &request, (&ids, before)).await?;
        active.job.after = Some(after.of(&run.run_id));
        active.job.ran = Some(added.ran);
        active.job.spent = Money { cost_usd: added.cost_usd };
        active.save()?;
        so_far.added = sum(so_far.added, added);
        so_far.code = so_far.code.max(code);
        so_far.jobs.push(active.job.clone());
        Ok((after, outcome.is_success()))
    }

    /// Starts a command and follows it to its end, which is recorded before anything else is done.
    async fn run_it(
        &self,
        planned: &PlannedCommand,
        before: &Measured,
        notes: &mut Vec<String>,
    ) -> Result<(ActiveJob, Outcome), CliError> {
        let mut active = self.begin(planned, before)?;
        let mut claim = interrupt::claim();
        let row_file = Path::new(&self.run.run.source_file);
        let growth = Growth::of(row_file, planned.command.output.as_deref());
        let started = self.started(planned, &mut active)?;
        let output = self.context.output;
        output.line(&format!("$ {}", shell_line(&active.job.argv)));
        output.line(&format!("  job {} in {}", active.job.job_id, active.job.folder));
        let mut screen = Screen::new(output, &planned.tool, (growth, self.foretold(planned)));
        let outcome = started.follow(&mut active.log, &mut claim.requests, &mut screen).await;
        screen.finish();
        let outcome = outcome.map_err(|error| {
            let said = format!("{}: the operating system does not tell how it ended: {error}", planned.tool);
            CliError { code: exit::UNAVAILABLE, ..CliError::usage(said, None) }
        })?;
        active.job.ended_at = Some(ProcessSurroundings::quiet().now().to_rfc3339());
        active.job.exit_code = outcome.exit_code;
        active.job.signal = outcome.signal;
        active.job.status = status_of(&outcome);
        active.save()?;
        notes.extend(notes_of(&outcome, &planned.tool));
        Ok((active, outcome))
    }

    /// Makes the job: its folder with the files that the command reads, and its record.
    fn begin(&self, planned: &PlannedCommand, before: &Measured) -> Result<ActiveJob, CliError> {
        let surroundings = ProcessSurroundings::quiet();
        let run = &self.run.run;
        let job = Job {
            run_id: run.run_id.clone(),
            tool: planned.tool.clone(),
            mode: self.asked.plan.mode.as_str().to_owned(),
            folder: planned.command.folder.display().to_string(),
            output: planned.command.output.as_ref().map(|output| output.display().to_string()),
            planned: count(self.told_of(planned)),
            expected: Money { cost_usd: self.expected().cost_usd.map(|estimate| estimate.value) },
            host: host(),
            pid: std::process::id(),
            before: Some(before.of(&run.run_id)),
            ..Job::default()
        };
        let mut active = self.jobs.begin(job, surroundings.now(), &surroundings.ingest_id())?;
        for file in &planned.command.files {
            active.write_file(&file.name, &file.text)?;
        }
        let folder = format!("{}/", active.folder().display());
        active.job.argv = planned.command.argv.iter().map(|word| word.replace(FOLDER, &folder)).collect();
        active.save()?;
        Ok(active)
    }

    fn started(&self, planned: &PlannedCommand, active: &mut ActiveJob) -> Result<Started, CliError> {
        let (word, arguments) =
            active.job.argv.split_first().map_or(("", [].as_slice()), |(word, rest)| (word.as_str(), rest));
        let path = std::env::var_os("PATH");
        let started = resolve_program(word, &planned.command.folder, path.as_deref())
            .and_then(|program| start(&program, arguments, &planned.command.folder, self.lock));
        match started {
            Ok(started) => {
                active.job.tool_pid = started.pid();
                active.save()?;
                Ok(started)
            }
            Err(error) => {
                active.job.status = JobStatus::Failed;
                active.job.problem = Some(error.to_string());
                active.save()?;
                Err(error.into())
            }
        }
    }

    async fn account(
        &self,
        (before, after): (&Measured, &Measured),
        so_far: Progressed,
        not_started: Vec<String>,
    ) -> Result<Account, CliError> {
        let run_id = &self.run.run.run_id;
        let made = after.made_since(before);
        // What failed in a new output is to be run again from there.
        let last = made.first().map_or(run_id, |made| &made.run_id);
        let facts = self.context.stored_facts().await?;
        let resume = &self.asked.resume;
        let request = request_of(self.asked, self.context)?;
        let open = still_open(&facts, &request, (last, resume.mode, resume.predicate.as_deref())).await?;
        Ok(Account {
            jobs: so_far.jobs,
            not_started,
            run_id: run_id.clone(),
            before: before.of(run_id),
            after: after.of(run_id),
            made,
            planned: self.planned(),
            foretold: self.foretold_of_all(),
            added: so_far.added,
            expected: self.run.expected.clone(),
            open,
            notes: so_far.notes,
        })
    }

    async fn measured(&self, outputs: &[&Path]) -> Result<Measured, CliError> {
        let facts = self.context.stored_facts().await?;
        let request = request_of(self.asked, self.context)?;
        Ok(measure(&facts, &request, &self.ids(&runs_in(&facts, outputs))).await?)
    }

    /// The run, and others beside it.
    fn ids(&self, others: &[String]) -> Vec<String> {
        let own = self.run.run.run_id.clone();
        let others = others.iter().filter(|id| **id != own).cloned();
        std::iter::once(own.clone()).chain(others.collect::<Vec<_>>()).collect()
    }

    /// What the command is expected to take; for one of several that is not known.
    fn expected(&self) -> Expected {
        match &self.run.commands {
            Ok(commands) if commands.len() == 1 => self.run.expected.clone(),
            _ => Expected::default(),
        }
    }

    /// How many keys are planned, those included that nobody names.
    fn planned(&self) -> i64 {
        count(self.run.rows.len()) + self.asked.resume.unnamed(self.run)
    }

    /// How many of the planned keys a command is told about.
    fn told_of(&self, planned: &PlannedCommand) -> usize {
        let named = self.run.rows.iter().filter(|row| is_told_of(planned, row)).count();
        let unnamed =
            if planned.command.runs.cases.is_none() { self.asked.resume.unnamed(self.run) } else { 0 };
        named + usize::try_from(unnamed).unwrap_or(0)
    }

    /// How many cases a command will run, as far as the plan can tell.
    fn foretold(&self, planned: &PlannedCommand) -> u64 {
        let told = self.told_of(planned) + planned.runs_also.len();
        let left: usize = planned
            .does_not_run
            .iter()
            .filter(|row| self.run.rows.iter().any(|key| is_key(key, row)))
            .count();
        told.saturating_sub(left) as u64
    }

    /// What the plan said of keys that are run beside it or not at all, when it did.
    fn foretold_of_all(&self) -> Option<(i64, String)> {
        let commands = self.run.commands.as_deref().unwrap_or_default();
        let mut reasons =
            commands.iter().flat_map(|planned| planned.runs_also.iter().chain(&planned.does_not_run));
        let why = reasons.next()?.why.clone();
        Some((commands.iter().map(|planned| self.foretold(planned) as i64).sum(), why))
    }
}

fn is_told_of(planned: &PlannedCommand, row: &PlannedRow) -> bool {
    planned.command.runs.decide(&row.case_id, row.model.as_deref(), &History::default()).is_some()
}

fn is_key(row: &PlannedRow, other: &crate::questions::resume::Deviation) -> bool {
    row.case_id.as_ref() == other.case_id
        && row.model.as_deref() == other.model.as_deref()
        && row.epoch == other.epoch
}

fn status_of(outcome: &Outcome) -> JobStatus {
    match (outcome.stopped, outcome.exit_code) {
        (true, _) => JobStatus::Cancelled,
        (false, Some(0)) => JobStatus::Finished,
        (false, _) => JobStatus::Failed,
    }
}

fn notes_of(outcome: &Outcome, tool: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if outcome.left_behind {
        notes.push(format!("{tool} has ended, and something that it started still holds its output"));
    }
    if let Some(problem) = &outcome.log_problem {
        notes.push(format!("the log is not whole: {problem}"));
    }
    notes
}

fn sum(one: Added, other: Added) -> Added {
    let both = |one: Option<f64>, other: Option<f64>| [one, other].into_iter().flatten().reduce(|a, b| a + b);
    Added {
        ran: one.ran + other.ran,
        cost_usd: both(one.cost_usd, other.cost_usd),
        total_tokens: [one.total_tokens, other.total_tokens].into_iter().flatten().reduce(|a, b| a + b),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
