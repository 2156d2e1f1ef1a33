//! Which cases are meant: exactly one mode.

use clap::Args;

use super::super::exit::CliError;
use crate::import::rerun::RerunMode;

/// The modes, as flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mode, exactly one")]
pub(super) struct ModeArgs {
    /// What never finished: errors, cancelled and missing cases, and those that a limit cut before they had a score.
    #[arg(long)]
    resume: bool,

    /// What failed: every case whose latest attempt is not ok or did not pass, and missing ones.
    #[arg(long)]
    rerun_failed: bool,

    /// Errors alone, into a new output.
    #[arg(long)]
    retry_errors: bool,

    /// The failed rows for which this SQL predicate over failed_rows holds, such as "error_stage = 'agent'". --explain
    /// lists its columns.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,

    /// The results for which this SQL predicate over latest_results holds, those that passed too.
    #[arg(long, value_name = "SQL")]
    select: Option<String>,
}

impl ModeArgs {
    /// The one mode, with its predicate where it has one of the person's own. A blank predicate is no mode.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(super) fn chosen(&self) -> Result<(RerunMode, Option<String>), CliError> {
        let given = |text: &Option<String>| text.as_ref().filter(|text| !text.trim().is_empty()).cloned();
        let asked = [
            (RerunMode::Resume, self.resume.then_some(None)),
            (RerunMode::RerunFailed, self.rerun_failed.then_some(None)),
            (RerunMode::RetryErrors, self.retry_errors.then_some(None)),
            (RerunMode::Where, given(&self.predicate).map(Some)),
            (RerunMode::Select, given(&self.select).map(Some)),
        ];
        let modes: Vec<RerunMode> =
            asked.iter().filter(|(_, asked)| asked.is_some()).map(|(mode, _)| *mode).collect();
        let mut asked =
            asked.into_iter().filter_map(|(mode, asked)| asked.map(|predicate| (mode, predicate)));
        match (asked.next(), modes.as_slice()) {
            (Some(chosen), [_]) => Ok(chosen),
            (Some(_), several) => Err(exclude_each_other(several)),
            (None, _) => Err(self.none()),
        }
    }

    fn none(&self) -> CliError {
        let blank = [("--where", &self.predicate), ("--select", &self.select)];
        let blank = blank.into_iter().find_map(|(flag, text)| text.is_some().then_some(flag));
        let said = match blank {
            Some(flag) => format!("{flag} is blank, and without a predicate it is no mode"),
            None => "which cases? give one mode".to_owned(),
        };
        const MODES: [RerunMode; 5] = [
            RerunMode::Resume,
            RerunMode::RerunFailed,
            RerunMode::RetryErrors,
            RerunMode::Where,
            RerunMode::Select,
        ];
        CliError::usage(said, Some(&MODES.map(|mode| format!("{} {}", flag(mode), about(mode))).join("\n")))
    }
}

fn exclude_each_other(modes: &[RerunMode]) -> CliError {
    let flags: Vec<&str> = modes.iter().map(|mode| flag(*mode)).collect();
    let named = match flags.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    };
    let hint: Vec<String> = modes.iter().map(|mode| format!("{} {}", flag(*mode), about(*mode))).collect();
    CliError::usage(format!("{named} exclude each other: one mode at a time"), Some(&hint.join(", ")))
}

const fn flag(mode: RerunMode) -> &'static str {
    match mode {
        RerunMode::Resume => "--resume",
        RerunMode::RerunFailed => "--rerun-failed",
        RerunMode::RetryErrors => "--retry-errors",
        RerunMode::Where => "--where",
        RerunMode::Select => "--select",
    }
}

/// What a mode does, as the end of a sentence that its flag begins.
const fn about(mode: RerunMode) -> &'static str {
    match mode {
        RerunMode::Resume => "runs what never finished",
        RerunMode::RerunFailed => "runs what failed or is missing again",
        RerunMode::RetryErrors => "runs errors again into a new output",
        RerunMode::Where => "runs the failed rows that a predicate selects",
        RerunMode::Select => "runs any results that a predicate selects, passed ones too",
    }
}
