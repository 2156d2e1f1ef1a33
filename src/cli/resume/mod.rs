//! `runq resume`.

mod cases;
pub mod exec;
mod mode;
mod wanted;

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::args::ImportArgs;
use super::context::{Asked, Context, here, open};
use super::exit::{self, CliError};
use super::output::Report;
use crate::answer::{Answer, Block};
use crate::import::rerun::GivenPlaces;
use crate::model::Timestamp;
use crate::questions::resume::{Plan, Resume, answer, explain, plan};
use crate::source::LocalDisk;
use mode::ModeArgs;
use wanted::Wanted;

pub use exec::Execution;

/// Plan which cases of a run to run again, what that will take, and the tool's own command for it.
///
/// Names runs of the store (id, beginning of one, name, last, last~2) or paths of run files. Without a name: AgentV's last
/// run here (.agentv/cache.json), else the newest run that is incomplete, running, failed or cancelled, else the newest one
/// with failed rows. Which one it is, is said first.
///
/// Exactly one mode says which cases. The latest attempt of a case decides. The plan itself changes nothing: it lists the
/// cases with the reason for each, what stays as it is, what to expect of tokens, cost and time, and the command with what
/// the tool will run beside the plan. --exec runs it, takes the results in, and tells before from after. Words behind --
/// go to the tool as they are.
///
/// --format json, csv or jsonl has every row, ids the cases alone, sh the commands as a script.
///
/// Exit code 0 also when nothing is to be run; 2 for a predicate that does not plan; 65 when --cases FILE cannot be read; 66
/// when there is no such run, model or case, and from --format sh when there is no command; with --exec 75 when the tool
/// failed and 77 when the store is read-only.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq resume --rerun-failed
  runq resume baseline --resume --cases evals/support-bot.eval.yaml
  runq resume baseline --retry-errors --reason provider_error --max-attempts 3 --exec
  runq resume last --where \"status = 'limit' AND minutes_since > 60\" -- --workers 4
  runq resume baseline --select \"model = 'gpt-x' AND score < 0.5\" --format sh > again.sh")]
pub struct ResumeArgs {
    /// Runs, or paths of run files.
    #[arg(value_name = "RUN|PATH")]
    names: Vec<String>,

    #[command(flatten)]
    mode: ModeArgs,

    /// The cases that were planned, so that those without a row are known: a file of ids (one per line; .json, .jsonl, .csv
    /// with case_id, test_id or id), an AgentV suite (.yaml), or - for standard input.
    #[arg(long, value_name = "FILE", help_heading = "Narrowing")]
    cases: Option<String>,

    /// Only this model. May be repeated. (--case narrows to a case or a glob over cases.)
    #[arg(long = "model", value_name = "MODEL", help_heading = "Narrowing")]
    models: Vec<String>,

    /// Only cases that were tried fewer times than this.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Narrowing",
        value_parser = clap::value_parser!(i64).range(1..)
    )]
    max_attempts: Option<i64>,

    /// Only cases that failed for this reason: its code, stage or kind, such as provider_error. May be repeated.
    #[arg(long = "reason", value_name = "REASON", help_heading = "Narrowing")]
    reasons: Vec<String>,

    /// Where the new output of --retry-errors goes [default: a new folder beside the run, which is printed].
    #[arg(long, value_name = "DIR", help_heading = "Places")]
    output: Option<PathBuf>,

    /// Where the run's folder is now, when it was moved.
    #[arg(long, value_name = "DIR", help_heading = "Places")]
    run_dir: Option<PathBuf>,

    /// The file that defines the task, when it was moved or the run does not name it.
    #[arg(long, value_name = "FILE", help_heading = "Places")]
    suite: Option<PathBuf>,

    /// Print what the mode selects, as SQL, and the columns that a predicate may name.
    #[arg(long, conflicts_with = "exec")]
    explain: bool,

    /// Run the commands, take the results in, and show before and after.
    #[arg(long)]
    pub(super) exec: bool,

    #[command(flatten)]
    import: ImportArgs,

    /// Words for the tool, as they are.
    #[arg(last = true, value_name = "TOOL'S WORDS")]
    words: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: ResumeArgs, context: &Context<'_>) -> Result<u8, CliError> {
    if args.exec {
        context.refuse_read_only().map_err(exec_refused)?;
    }
    let (mode, predicate) = args.mode.chosen()?;
    if args.explain {
        context.output.answer(&explain(mode, predicate.as_deref())?)?;
        return Ok(exit::OK);
    }
    let (names, chosen) = names(&args, context).await?;
    if let Some(said) = chosen.as_ref().filter(|_| args.exec || !is_for_people(context)) {
        context.output.note(said);
    }
    let mut asked = context.asked(&names, &args.import).await?;
    // The plan counts what it leaves, so it is narrowed and not the scope.
    let case = asked.request.scope.case.take();
    if let Some(file) = &args.cases {
        asked.request.planned = cases::planned(file, context)?;
    }
    let now = asked.request.now;
    let listed = asked.request.planned.clone();
    let places = places(&args, &asked, context).await?;
    let (mut session, code) = open(asked).await?;
    let resume = Resume {
        mode,
        predicate,
        models: args.models,
        case,
        reasons: args.reasons,
        max_attempts: args.max_attempts,
        places,
        words: args.words,
        templates: context.templates().await?,
        here: here(),
        now: now.unwrap_or(Timestamp(0)),
    };
    let changed = wanted::changed(session.runs());
    let planned = plan(&mut session, &resume, &LocalDisk).await;
    let mut plan = match planned {
        Ok(plan) => plan,
        Err(error) => {
            if let Some(said) = chosen.filter(|_| is_for_people(context)) {
                context.output.note(&said);
            }
            return Err(error.into());
        }
    };
    plan.notes.extend(changed);
    if args.exec {
        return exec::exec(Execution { plan, resume, import: args.import, names, planned: listed }, context)
            .await;
    }
    show(&plan, chosen, context).map(|shown| if shown == exit::OK { code } else { shown })
}

/// The runs that are named, else the one that is meant, with why.
async fn names(args: &ResumeArgs, context: &Context<'_>) -> Result<(Vec<String>, Option<String>), CliError> {
    if args.cases.as_deref() == Some("-") && args.names.iter().any(|name| name == "-") {
        return Err(CliError::usage(
            "- stands for the runs and for --cases, and standard input is read once",
            Some("give one of them as a file"),
        ));
    }
    let session = &context.global.session;
    if !args.names.is_empty() || !session.runs.is_empty() || session.last.is_some() {
        // Read here, where it can be read: exec needs the names again.
        return Ok((context.names(&args.names)?, None));
    }
    let Wanted { name, said } = wanted::wanted(context).await?;
    Ok((vec![name], Some(said)))
}

/// The places that were given; the suite, where no run in scope names its own, as another run of the task has it.
async fn places(args: &ResumeArgs, asked: &Asked, context: &Context<'_>) -> Result<GivenPlaces, CliError> {
    let mut places = GivenPlaces {
        run_dir: args.run_dir.clone(),
        suite: args.suite.clone(),
        suite_of: None,
        output: args.output.clone(),
    };
    if places.suite.is_none()
        && let Some((suite, of)) = wanted::suite_of_another(asked, context).await?
    {
        places.suite = Some(suite);
        places.suite_of = Some(of);
    }
    Ok(places)
}

/// Whether the answer itself has room for a sentence.
fn is_for_people(context: &Context<'_>) -> bool {
    ["table", "markdown", "html"].contains(&context.output.format().name())
}

/// Writes the plan, behind the run that was chosen. A script that lacks the command of a run is not written.
fn show(plan: &Plan, chosen: Option<String>, context: &Context<'_>) -> Result<u8, CliError> {
    let mut answer = answer(plan, &here())?;
    if let Some(said) = chosen {
        say_first(&mut answer, said);
    }
    if context.output.format().name() != "sh" {
        context.output.answer(&answer)?;
        return Ok(exit::OK);
    }
    let failed = plan.runs.iter().filter_map(|run| Some((&run.run.run_id, run.commands.as_ref().err()?)));
    for (run, error) in failed {
        context.output.error(&Report::new(format!("{run}: {error}")).hint(error.hint()));
    }
    match answer.script.as_deref() {
        None => return Ok(exit::NOT_FOUND),
        Some("") => context.output.line("nothing to run"),
        Some(_) => context.output.answer(&answer)?,
    }
    Ok(exit::OK)
}

/// Puts a sentence before everything else, and first among the notes of the document.
fn say_first(answer: &mut Answer, said: String) {
    if let Some(Value::Array(notes)) = answer.document.as_mut().and_then(|document| document.get_mut("notes"))
    {
        notes.insert(0, Value::String(said.clone()));
    }
    answer.blocks.insert(0, Block::Line(said));
}

/// The refusal in the words of who wants to start something.
fn exec_refused(error: CliError) -> CliError {
    let report =
        Report::new("--exec is refused: the store is read-only").hint("without --exec the plan is shown");
    CliError { report: Some(report), ..error }
}
