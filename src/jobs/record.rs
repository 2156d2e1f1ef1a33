//! What is kept of a job: `job.json`. A field that is missing has its empty value and one that nobody knows is passed
//! over, so that records of other versions of runq can be read.

use serde::{Deserialize, Serialize};

/// Version of the record. It grows when a field changes its meaning or goes.
pub const RECORD_VERSION: u32 = 1;

/// How a job stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Its runq follows it.
    Running,
    /// The tool ended with exit code 0.
    Finished,
    /// The tool ended with another exit code or by a signal, or could not be started.
    Failed,
    /// The record says running, and the runq that wrote it is gone. Never written, only seen.
    Interrupted,
    /// Stopped by Ctrl-C or a signal to runq.
    Cancelled,
    /// A word of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl JobStatus {
    /// The word on screen and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// An amount of money, and what is known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Money {
    /// US dollars; null when unknown.
    pub cost_usd: Option<f64>,
}

/// How a run stood: columns of the view `run_overview`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Keys: a case per model, prompt, variant and epoch.
    pub cases: i64,
    /// Attempts of them.
    pub attempts: i64,
    /// Attempts that are not the latest of their key.
    pub superseded: i64,
    /// Latest attempts that are ok.
    pub ok: i64,
    /// Latest attempts that failed by the tool's verdict.
    pub quality_failure: i64,
    /// Latest attempts that did not run properly.
    pub execution_error: i64,
    /// Latest attempts whose judge failed.
    pub scorer_error: i64,
    /// Latest attempts that a limit cut.
    pub limit: i64,
    /// Latest attempts that were stopped.
    pub cancelled: i64,
    /// Passed over all attempts; null when nothing was judged.
    pub pass_rate_attempts: Option<f64>,
    /// Passed over latest attempts, errors not passed.
    pub pass_rate_latest: Option<f64>,
    /// Passed over latest attempts that are no errors.
    pub pass_rate_scored: Option<f64>,
    /// Tokens of latest attempts; null when unknown.
    pub total_tokens: Option<i64>,
    /// Cost of latest attempts in US dollars; null when unknown.
    pub cost_usd: Option<f64>,
    /// Cost of all attempts in US dollars; null when unknown.
    pub cost_usd_spent: Option<f64>,
}

/// One started command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Version of the record.
    pub schema_version: u32,
    /// Its id, which is also the name of its folder: when it began, to the second, and four letters.
    pub job_id: String,
    /// The run that it works on.
    pub run_id: String,
    /// The tool that was started.
    pub tool: String,
    /// What was asked for: `rerun-failed` and its like.
    pub mode: String,
    /// The program and its arguments, as they were given to it.
    pub argv: Vec<String>,
    /// Folder in which it ran.
    pub folder: String,
    /// Folder or file for the new rows, when that is not the run's own.
    pub output: Option<String>,
    /// How many keys it was to run.
    pub planned: i64,
    /// What that was expected to take.
    pub expected: Money,
    /// How it stands, as its own runq wrote it.
    pub status: JobStatus,
    /// When it was started, RFC 3339 in UTC.
    pub started_at: Option<String>,
    /// When the tool ended; null while it runs, and when nobody saw it end.
    pub ended_at: Option<String>,
    /// The tool's own exit code; null when a signal ended it.
    pub exit_code: Option<i32>,
    /// Signal that ended the tool.
    pub signal: Option<i32>,
    /// Why there is neither: it could not be started.
    pub problem: Option<String>,
    /// Machine that it ran on.
    pub host: String,
    /// Process id of the runq that started it.
    pub pid: u32,
    /// Process id of the tool, which is also the id of its process group.
    pub tool_pid: Option<u32>,
    /// How the run stood before.
    pub before: Option<Standing>,
    /// How it stood afterwards; null while that is not known.
    pub after: Option<Standing>,
    /// How many attempts there were afterwards that were not there before; null while that is not known.
    pub ran: Option<i64>,
    /// What those cost.
    pub spent: Money,
}

impl Job {
    /// How the tool ended, as a fragment: `exit code 3`, `signal 9`. `None` when nobody saw it.
    pub fn end_in_words(&self) -> Option<String> {
        match (self.exit_code, self.signal) {
            (Some(code), _) => Some(format!("exit code {code}")),
            (None, Some(signal)) => Some(format!("signal {signal}")),
            (None, None) => None,
        }
    }
}
