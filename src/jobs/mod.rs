//! Commands that runq started, and what became of them: a folder per job in the store, locks that tell who still works,
//! and the process itself with its output and its end.
//!
//! Knows the folder of a store and nothing of what stands in its tables; shows nothing and asks nobody the time.

mod folder;
mod growth;
mod locks;
mod process;
mod program;
mod record;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub use folder::{ActiveJob, Found, Jobs, Seen};
pub use growth::Growth;
pub use locks::RunLock;
pub use process::{Channel, Follower, Outcome, Started, Stop, start};
pub use program::resolve as resolve_program;
pub use record::{Job, JobStatus, Money, Standing};

/// Why a command could not be started or recorded.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A folder or file of the jobs cannot be made, written or read.
    #[error("{what} {}", path.display())]
    Disk {
        /// What was tried, as `cannot write`.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A record did not reach the disk.
    #[error("cannot record the job in {}", path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
        /// What the disk says.
        source: object_store::Error,
    },
    /// Another command works on the run.
    #[error("a command on {run_id} is still at work{}", holder.as_deref().map(in_words).unwrap_or_default())]
    Busy {
        /// The run.
        run_id: String,
        /// The newest job of the run that has not ended; `None` while it is about to start.
        holder: Option<Box<Job>>,
    },
    /// There is no such program.
    #[error("{program} is not on the PATH; nothing was started")]
    NoProgram {
        /// Its name, or its path.
        program: String,
    },
    /// A program given by its path is not there.
    #[error("there is no program {program}; nothing was started")]
    NoSuchFile {
        /// Its path.
        program: String,
    },
    /// There is such a file, and it cannot be executed.
    #[error("{program} is not executable; nothing was started")]
    NotExecutable {
        /// Its path.
        program: String,
    },
    /// The folder in which the command is to run is not there.
    #[error("the folder {folder} in which the command is to run is not there; nothing was started")]
    NoFolder {
        /// The folder.
        folder: String,
    },
    /// The operating system refuses to start it.
    #[error("{program} cannot be started")]
    Start {
        /// The program.
        program: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// No command was started yet.
    #[error("no command was started from this store")]
    NoJobs,
    /// No job has this id.
    #[error("there is no job {id}")]
    Unknown {
        /// As it was asked for.
        id: String,
        /// The nearest id.
        near: Option<String>,
    },
    /// Several jobs have an id that begins so.
    #[error("{id} is the beginning of several jobs: {}", ids.join(", "))]
    Ambiguous {
        /// As it was asked for.
        id: String,
        /// Some of them.
        ids: Vec<String>,
    },
    /// The record of a job cannot be read.
    #[error("the record of job {id} cannot be read: {problem}")]
    Broken {
        /// Its id.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A command asks for what is not done.
    #[error("refused: {0}")]
    Refused(String),
}

/// What this machine is called; empty when it does not say.
pub fn host() -> String {
    #[cfg(unix)]
    let name = nix::unistd::gethostname().ok();
    #[cfg(not(unix))]
    let name = std::env::var_os("COMPUTERNAME");
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl JobError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Disk { .. } | Self::Record { .. } => {
                "check the owner, the mode and the free space of the store; nothing was started without its record"
                    .to_owned()
            }
            Self::Busy { holder, .. } => match holder {
                Some(job) => format!("wait for it, or end it; runq jobs show {}", job.job_id),
                None => "wait for it; runq jobs lists what was started".to_owned(),
            },
            Self::NoProgram { program } => {
                format!("install {program}, or put its folder on the PATH; --format sh prints the command")
            }
            Self::NoSuchFile { .. } | Self::NotExecutable { .. } => {
                "check the command; --format sh prints it".to_owned()
            }
            Self::NoFolder { .. } => "--run-dir and --suite say where things are now".to_owned(),
            Self::Start { .. } => "--format sh prints the command, to be run by hand".to_owned(),
            Self::NoJobs => "runq resume RUN --rerun-failed --exec starts one".to_owned(),
            Self::Unknown { near: Some(near), .. } => format!("did you mean {near}?"),
            Self::Unknown { near: None, .. } | Self::Ambiguous { .. } => "runq jobs lists them".to_owned(),
            Self::Broken { .. } => "the log beside it may still tell what happened".to_owned(),
            Self::Refused(_) => return None,
        })
    }

    fn disk(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { what, path, source }
    }
}

/// The job that holds a run, behind the sentence that says so.
fn in_words(job: &Job) -> String {
    let tool = job.tool_pid.map(|pid| format!(", {} pid {pid}", job.tool)).unwrap_or_default();
    let start = job.started_at.as_deref().unwrap_or("an unknown time");
    format!(": job {}, started {start} on {} (runq pid {}{tool})", job.job_id, job.host, job.pid)
}
