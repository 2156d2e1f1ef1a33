//! The folder of jobs in a store: `jobs/<id>/job.json`, `log.txt`, `job.lock`, and the files that a command reads.
//!
//! Locks, processes and their output are of one machine. So the jobs of a store in S3 are not in it: their folder is in the
//! user's state (`$XDG_STATE_HOME/runq/stores/<bucket>-<id of the address>`), one per store, and a command on another
//! machine neither sees nor stops them. What two tools on two machines add to one run meets at its next ingest.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::JobError;
use super::locks::{self, Held, RunLock};
use super::record::{Job, JobStatus, RECORD_VERSION};
use crate::model::{Timestamp, nearest};
use crate::store::{SystemDisk, replace_file};

const FOLDER: &str = "jobs";
const LOCKS: &str = "locks";
const RECORD: &str = "job.json";
const LOG: &str = "log.txt";
const LOCK: &str = "job.lock";

/// How many ids a refusal lists.
const IDS_SHOWN: usize = 5;

/// How often a run's lock is tried, so that somebody who only looks at it does not count as its holder.
const TRIES: usize = 50;

/// The jobs of a store.
#[derive(Debug, Clone)]
pub struct Jobs {
    folder: PathBuf,
}

/// A job as it is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its record.
    pub job: Job,
    /// How it stands now.
    pub status: JobStatus,
    /// Whether its runq is gone while the tool still works.
    pub tool_lives: bool,
}

/// Everything that is in the folder.
#[derive(Debug, Default)]
pub struct Found {
    /// The jobs, newest first.
    pub jobs: Vec<Seen>,
    /// Ids whose record cannot be read, with what is wrong.
    pub broken: Vec<(String, String)>,
}

impl Jobs {
    /// The jobs of the store in a folder. There need be none.
    pub fn of(store: &Path) -> Self {
        Self { folder: store.join(FOLDER) }
    }

    /// All jobs, newest first.
    ///
    /// # Errors
    /// When the folder is there and cannot be listed.
    pub fn list(&self) -> Result<Found, JobError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(error) => return Err(JobError::disk("cannot list", &self.folder)(error)),
        };
        let mut found = Found::default();
        for entry in entries {
            let path = entry.map_err(JobError::disk("cannot list", &self.folder))?.path();
            let Some(id) = path.file_name().and_then(|name| name.to_str()) else { continue };
            // A job that is about to start has its lock before its record.
            let begins = || !path.join(RECORD).exists() && locks::held(&path.join(LOCK)) == Held::Yes;
            if id == LOCKS || !path.is_dir() || begins() {
                continue;
            }
            match self.read(id) {
                Ok(seen) => found.jobs.push(seen),
                Err(problem) => found.broken.push((id.to_owned(), problem)),
            }
        }
        let begun = |seen: &Seen| (seen.job.started_at.clone(), seen.job.job_id.clone());
        found.jobs.sort_by_key(|seen| std::cmp::Reverse(begun(seen)));
        found.broken.sort();
        Ok(found)
    }

    fn read(&self, id: &str) -> Result<Seen, String> {
        let folder = self.folder.join(id);
        let text = fs::read(folder.join(RECORD)).map_err(|error| format!("{RECORD}: {error}"))?;
        let job: Job = serde_json::from_slice(&text).map_err(|error| format!("{RECORD}: {error}"))?;
        let job = Job { job_id: id.to_owned(), ..job };
        let gone = job.status == JobStatus::Running && locks::held(&folder.join(LOCK)) == Held::No;
        let status = if gone { JobStatus::Interrupted } else { job.status };
        let tool_lives = gone && locks::held(&locks::file_of(&self.locks(), &job.run_id)) == Held::Yes;
        Ok(Seen { job, status, tool_lives })
    }

    /// A job by its id, the beginning of it, or `last`.
    ///
    /// # Errors
    /// When none or several are called so, or its record cannot be read.
    pub fn find(&self, id: &str) -> Result<Seen, JobError> {
        let found = self.list()?;
        if let Some((id, problem)) = found.broken.iter().find(|(broken, _)| broken == id) {
            return Err(JobError::Broken { id: id.clone(), problem: problem.clone() });
        }
        if id == "last" {
            return found.jobs.into_iter().next().ok_or(JobError::NoJobs);
        }
        let ids = || found.jobs.iter().map(|seen| seen.job.job_id.as_str());
        let fitting: Vec<&Seen> = found.jobs.iter().filter(|seen| seen.job.job_id.starts_with(id)).collect();
        match fitting.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let near = nearest(id, ids()).map(str::to_owned);
                Err(JobError::Unknown { id: id.to_owned(), near })
            }
            several => match several.iter().find(|seen| seen.job.job_id == id) {
                Some(exact) => Ok((*exact).clone()),
                None => Err(JobError::Ambiguous {
                    id: id.to_owned(),
                    ids: several.iter().take(IDS_SHOWN).map(|seen| seen.job.job_id.clone()).collect(),
                }),
            },
        }
    }

    /// The last bytes of a job's log, at most so many, and how many come before them.
    ///
    /// # Errors
    /// When the log cannot be read; none at all is an empty one.
    pub fn log(&self, id: &str, most: u64) -> Result<(Vec<u8>, u64), JobError> {
        let path = self.folder.join(id).join(LOG);
        let read = || -> io::Result<(Vec<u8>, u64)> {
            let mut file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
                other => other?,
            };
            let before = file.metadata()?.len().saturating_sub(most);
            file.seek(SeekFrom::Start(before))?;
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes)?;
            Ok((bytes, before))
        };
        read().map_err(JobError::disk("cannot read", &path))
    }

    /// Takes the right to start commands on a run.
    ///
    /// # Errors
    /// [`JobError::Busy`] while a command on it works, [`JobError::Disk`] when locks cannot be made.
    pub fn lock_run(&self, run_id: &str) -> Result<RunLock, JobError> {
        let folder = self.locks();
        fs::create_dir_all(&folder).map_err(JobError::disk("cannot make the folder", &folder))?;
        let path = locks::file_of(&folder, run_id);
        for _ in 0..TRIES {
            match locks::take(&path).map_err(JobError::disk("cannot lock", &path))? {
                Some(file) => return Ok(RunLock::of(file)),
                None => std::thread::yield_now(),
            }
        }
        let at_work = |seen: &Seen| seen.job.run_id == run_id && seen.job.status == JobStatus::Running;
        let holder = self.list()?.jobs.into_iter().find(at_work).map(|seen| Box::new(seen.job));
        Err(JobError::Busy { run_id: run_id.to_owned(), holder })
    }

    /// Makes a job that is about to start: its folder, its lock, its log and its record.
    ///
    /// The id is made of the time and the first four letters of `unique`.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub fn begin(&self, job: Job, now: Timestamp, unique: &str) -> Result<ActiveJob, JobError> {
        let job_id = job_id(now, unique);
        let folder = self.folder.join(&job_id);
        fs::create_dir_all(&self.folder).map_err(JobError::disk("cannot make the folder", &self.folder))?;
        fs::create_dir(&folder).map_err(JobError::disk("cannot make the folder", &folder))?;
        let lock_path = folder.join(LOCK);
        let lock = locks::take(&lock_path)
            .and_then(|lock| lock.ok_or_else(|| io::ErrorKind::WouldBlock.into()))
            .map_err(JobError::disk("cannot lock", &lock_path))?;
        let log_path = folder.join(LOG);
        let log = File::create_new(&log_path).map_err(JobError::disk("cannot make", &log_path))?;
        let job = Job {
            schema_version: RECORD_VERSION,
            job_id,
            started_at: Some(now.to_rfc3339()),
            status: JobStatus::Running,
            ..job
        };
        let active = ActiveJob { job, folder, log, _lock: lock };
        active.save()?;
        Ok(active)
    }

    fn locks(&self) -> PathBuf {
        self.folder.join(LOCKS)
    }
}

/// `20260506-053619-3f9a`.
fn job_id(now: Timestamp, unique: &str) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let text = now.to_rfc3339();
    let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
    let clock: String = digits(clock).chars().take(6).collect();
    let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).take(4).collect();
    format!("{}-{clock}-{unique}", digits(day))
}

/// A job that this process works on; seen as interrupted once this value is gone while its record says running.
#[derive(Debug)]
pub struct ActiveJob {
    /// Its record; [`ActiveJob::save`] writes it.
    pub job: Job,
    /// Where its output goes.
    pub log: File,
    folder: PathBuf,
    _lock: File,
}

impl ActiveJob {
    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file that the command reads into the job's folder.
    ///
    /// # Errors
    /// When the disk refuses, or the name is one of the job's own or no plain name.
    pub fn write_file(&self, name: &str, text: &str) -> Result<(), JobError> {
        let plain = Path::new(name).file_name().is_some_and(|file| file == name);
        if !plain || [RECORD, LOG, LOCK].contains(&name) {
            return Err(JobError::Refused(format!("a command's file cannot be called {name}")));
        }
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(JobError::disk("cannot write", &path))
    }

    /// Writes the record so that it is there whole, and stays after a power cut.
    ///
    /// # Errors
    /// When the disk refuses; the earlier record stays.
    pub fn save(&self) -> Result<(), JobError> {
        let path = self.folder.join(RECORD);
        let broken =
            |error: serde_json::Error| JobError::Refused(format!("a record that is no JSON: {error}"));
        let mut text = serde_json::to_vec_pretty(&self.job).map_err(broken)?;
        text.push(b'\n');
        replace_file(&SystemDisk, &path, text).map_err(|source| JobError::Record { path, source })
    }
}
