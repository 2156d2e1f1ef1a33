//! Exit codes, and how every error of the crate becomes a report and one of them.

use crate::cli::context::shown_path;
use crate::cli::output::{OutputError, Report};
use crate::ingest::{IngestError, Problem};
use crate::interop::InteropError;
use crate::jobs::JobError;
use crate::objects::s3::Refusal;
use crate::session::SessionError;
use crate::store::StoreError;

/// Everything went well; lines that were skipped and said so count as well.
pub const OK: u8 = 0;
/// The command line or the SQL is wrong: an unknown flag, two flags that exclude each other, SQL that does not plan, an
/// unknown column, an ambiguous name.
pub const USAGE: u8 = 2;
/// The arms have no case in common.
pub const NOT_COMPARABLE: u8 = 4;
/// A whole source is unreadable (the rest was taken in), or any line with `--strict`.
pub const BAD_DATA: u8 = 65;
/// Nothing by that path, run, arm or bucket name.
pub const NOT_FOUND: u8 = 66;
/// The store or the network is not available.
pub const UNAVAILABLE: u8 = 69;
/// A bug of runq.
pub const INTERNAL: u8 = 70;
/// The tool that `--exec` started failed, or another command still works on the run: what can be tried again later.
pub const TOOL_FAILED: u8 = 75;
/// Refused, because the store is open read-only.
pub const READ_ONLY: u8 = 77;
/// Stopped by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub code: u8,
    /// What the person is told; `None` when all has been said, or nobody listens.
    pub report: Option<Report>,
}

impl CliError {
    /// A wrong command line.
    pub fn usage(message: impl Into<String>, hint: Option<&str>) -> Self {
        let report = Report::new(message);
        Self { code: USAGE, report: Some(with_hint(report, hint)) }
    }

    /// Something that does not exist.
    pub fn not_found(message: impl Into<String>, hint: Option<&str>) -> Self {
        let report = Report::new(message);
        Self { code: NOT_FOUND, report: Some(with_hint(report, hint)) }
    }

    /// What a shell that may only read does not do.
    pub fn refused(what: &str) -> Self {
        let report = Report::new(format!("{what} is refused: this shell only reads"));
        let hint = "it was started with --read-only or RUNQ_READ_ONLY, or .safe was said in it";
        Self { code: READ_ONLY, report: Some(report.hint(hint)) }
    }

    /// Everything has been said already.
    pub const fn silent(code: u8) -> Self {
        Self { code, report: None }
    }
}

fn with_hint(report: Report, hint: Option<&str>) -> Report {
    match hint {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        if let Some(refusal) = Refusal::of(&error) {
            return refusal.into();
        }
        let code = match &error {
            SessionError::NoRuns
            | SessionError::NoStore
            | SessionError::NoFile { .. }
            | SessionError::UnknownRun { .. }
            | SessionError::UnknownTask { .. }
            | SessionError::UnknownKind { .. }
            | SessionError::UnknownAsset { .. }
            | SessionError::UnknownCase { .. }
            | SessionError::UnknownArm { .. }
            | SessionError::UnknownMetric { .. } => NOT_FOUND,
            SessionError::AmbiguousRun { .. }
            | SessionError::SeveralRuns { .. }
            | SessionError::UnknownDimension { .. }
            | SessionError::UnknownColumn { .. }
            | SessionError::UnknownStep { .. }
            | SessionError::MetricByRun { .. }
            | SessionError::Predicate { .. }
            | SessionError::Writes { .. }
            | SessionError::Taken { .. }
            | SessionError::File { .. }
            | SessionError::View { .. } => USAGE,
            SessionError::Source(error) if error.missing => NOT_FOUND,
            SessionError::Source(error) if error.unreachable => UNAVAILABLE,
            SessionError::Source(_) => USAGE,
            SessionError::Sql(error) => sql_code(error),
            SessionError::Arrow(_) | SessionError::Stored(_) | SessionError::Internal(_) => INTERNAL,
        };
        let hint = error.hint();
        Self { code, report: Some(with_hint(Report::new(error.to_string()), hint.as_deref())) }
    }
}

impl From<InteropError> for CliError {
    fn from(error: InteropError) -> Self {
        match error {
            InteropError::Session(error) => error.into(),
            error => {
                let hint = error.hint();
                Self::usage(error.to_string(), hint.as_deref())
            }
        }
    }
}

/// SQL of a person that does not plan is usage; a table that cannot be read is not.
fn sql_code(error: &datafusion::error::DataFusionError) -> u8 {
    use datafusion::error::DataFusionError as E;
    match error.find_root() {
        E::ObjectStore(_) | E::IoError(_) | E::ParquetError(_) => UNAVAILABLE,
        E::Internal(_) => INTERNAL,
        _ => USAGE,
    }
}

impl From<IngestError> for CliError {
    fn from(error: IngestError) -> Self {
        if let Some(refusal) = Refusal::of(&error) {
            return refusal.into();
        }
        let code = match error {
            IngestError::Store(error) => return error.into(),
            IngestError::Spill(_) | IngestError::Query(_) => UNAVAILABLE,
            IngestError::Arrow(_) | IngestError::Stored(_) | IngestError::Internal(_) => INTERNAL,
        };
        Self { code, report: Some(Report::of(&error)) }
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let code = if refusal.is_missing() { NOT_FOUND } else { UNAVAILABLE };
        Self { code, report: Some(Report::of(&refusal).hint(refusal.hint())) }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NotAStore { .. }
            | StoreError::NoSuchVersion { .. }
            | StoreError::HistoryGone { .. } => NOT_FOUND,
            StoreError::ReadOnly { .. } => READ_ONLY,
            StoreError::Refused { .. } => INTERNAL,
            StoreError::S3(_) => USAGE,
            StoreError::Service(refusal) => return refusal.clone().into(),
            _ => UNAVAILABLE,
        };
        Self { code, report: Some(Report::of(&error).hint(error.hint())) }
    }
}

impl From<JobError> for CliError {
    fn from(error: JobError) -> Self {
        let code = match &error {
            JobError::Disk { .. } | JobError::Record { .. } => UNAVAILABLE,
            JobError::Busy { .. } => TOOL_FAILED,
            JobError::NoProgram { .. }
            | JobError::NoSuchFile { .. }
            | JobError::NotExecutable { .. }
            | JobError::NoFolder { .. }
            | JobError::Start { .. }
            | JobError::NoJobs
            | JobError::Unknown { .. } => NOT_FOUND,
            JobError::Ambiguous { .. } => USAGE,
            JobError::Broken { .. } => BAD_DATA,
            JobError::Refused(_) => INTERNAL,
        };
        let hint = error.hint();
        Self { code, report: Some(with_hint(Report::of(&error), hint.as_deref())) }
    }
}

impl From<OutputError> for CliError {
    fn from(error: OutputError) -> Self {
        match error {
            // Whoever read has seen enough.
            OutputError::ClosedPipe => Self::silent(OK),
            OutputError::Render(error) => {
                let hint = error.hint();
                let code = match &error {
                    crate::render::RenderError::Write(_) => UNAVAILABLE,
                    _ => USAGE,
                };
                Self { code, report: Some(with_hint(Report::of(&error), hint)) }
            }
        }
    }
}

/// The code of a command that left some paths out: unavailable when one could not be reached, since another try may take
/// it; else bad data when one could not be read, and not found when none is there.
pub fn problems_code(problems: &[Problem]) -> u8 {
    match problems {
        [] => OK,
        problems if problems.iter().any(|problem| problem.unreachable) => UNAVAILABLE,
        problems if problems.iter().all(|problem| problem.missing) => NOT_FOUND,
        _ => BAD_DATA,
    }
}

/// A problem as a report.
pub fn problem_report(problem: &Problem) -> Report {
    let report = Report::new(format!("{}: {}", shown_path(&problem.path), problem.message));
    with_hint(report, problem.hint.as_deref())
}
