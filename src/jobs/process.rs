//! A tool's process: started in a group of its own, followed to its end, stopped on request.
//!
//! What it prints goes to the log byte for byte, and to whoever follows as it comes. It has no time limit.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{JobError, RunLock};

/// How often a follower may look how far the tool is.
const TICK: Duration = Duration::from_millis(500);

/// How long output is awaited from what the tool left behind when it ended (a daemon that inherited its streams).
const GRACE: Duration = Duration::from_secs(2);

const CHUNK: usize = 64 * 1024;

/// How many chunks may wait for a follower before the tool has to.
const CHUNKS_WAITING: usize = 16;

/// A request to stop, as it came to runq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// One of the two streams of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Its standard output.
    Out,
    /// Its standard error.
    Err,
}

/// Hears what a tool does.
pub trait Follower {
    /// Hears what it printed, cut anywhere.
    fn output(&mut self, channel: Channel, bytes: &[u8]);

    /// Is called now and then while it works.
    fn tick(&mut self);

    /// Hears that a request to stop was passed on, the how manyeth, from 1; the second one kills.
    fn stopping(&mut self, stop: Stop, time: usize);
}

/// How a tool ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal.
    pub signal: Option<i32>,
    /// Whether it was asked to stop.
    pub stopped: bool,
    /// Whether something that it left behind still holds its output.
    pub left_behind: bool,
    /// Why the log is not whole.
    pub log_problem: Option<String>,
}

impl Outcome {
    /// Whether it did what it was started for.
    pub fn is_success(&self) -> bool {
        self.exit_code == Some(0) && !self.stopped
    }
}

/// A tool that works.
#[derive(Debug)]
pub struct Started {
    child: Child,
    pid: Option<u32>,
}

/// Starts a program with arguments in a folder, as the leader of a group of its own. Its input is the run's lock, which
/// is empty.
///
/// # Errors
/// [`JobError::Start`] when the operating system refuses.
pub fn start(
    program: &Path,
    arguments: &[String],
    folder: &Path,
    lock: &RunLock,
) -> Result<Started, JobError> {
    let failed = |source| JobError::Start { program: program.display().to_string(), source };
    let mut command = Command::new(PathBuf::from(program));
    command.args(arguments).current_dir(folder);
    command.stdin(lock.as_input().map_err(failed)?).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(failed)?;
    Ok(Started { pid: child.id(), child })
}

impl Started {
    /// Its process id, which is also that of its group.
    pub const fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Follows it to its end. The first request to stop is passed on to the whole group, the second one kills it.
    ///
    /// # Errors
    /// When the operating system does not tell how it ended.
    pub async fn follow(
        mut self,
        log: &mut File,
        stop: &mut UnboundedReceiver<Stop>,
        follower: &mut dyn Follower,
    ) -> std::io::Result<Outcome> {
        let (sender, mut chunks) = mpsc::channel(CHUNKS_WAITING);
        let readers = [
            self.child.stdout.take().map(|stream| reader(stream, Channel::Out, sender.clone())),
            self.child.stderr.take().map(|stream| reader(stream, Channel::Err, sender.clone())),
        ];
        drop(sender);
        let mut outcome = Outcome::default();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut ended, mut open, mut requests) = (None, true, 0);
        while open || ended.is_none() {
            let patience = ended.map_or_else(Instant::now, |(_, at)| at + GRACE);
            tokio::select! {
                chunk = chunks.recv(), if open => match chunk {
                    Some((channel, bytes)) => take(channel, &bytes, &mut outcome, (log, follower)),
                    None => open = false,
                },
                status = self.child.wait(), if ended.is_none() => ended = Some((status?, Instant::now())),
                Some(request) = stop.recv() => {
                    requests += 1;
                    outcome.stopped |= ended.is_none();
                    self.pass_on(request, requests);
                    follower.stopping(request, requests);
                }
                _ = ticks.tick() => follower.tick(),
                () = sleep_until(patience), if ended.is_some() => {
                    outcome.left_behind = true;
                    open = false;
                }
            }
        }
        readers.into_iter().flatten().for_each(|reader| reader.abort());
        if let Some((status, _)) = ended {
            outcome.exit_code = status.code();
            outcome.signal = signal_of(status);
        }
        Ok(outcome)
    }

    /// Sends a request on to the group; from the second one on it is killed.
    #[cfg(unix)]
    fn pass_on(&mut self, request: Stop, time: usize) {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        let signal = match (time, request) {
            (1, Stop::Interrupt) => Signal::SIGINT,
            (1, Stop::Terminate) => Signal::SIGTERM,
            _ => Signal::SIGKILL,
        };
        if let Some(pid) = self.pid.and_then(|pid| i32::try_from(pid).ok()) {
            // A group that is gone has stopped.
            let _ = killpg(Pid::from_raw(pid), signal);
        }
    }

    #[cfg(not(unix))]
    fn pass_on(&mut self, _request: Stop, time: usize) {
        // A console passes Ctrl-C on by itself.
        if time > 1 {
            let _ = self.child.start_kill();
        }
    }
}

/// Takes what was printed: into the log as it is, then to the follower.
fn take(
    channel: Channel,
    bytes: &[u8],
    outcome: &mut Outcome,
    (log, follower): (&mut File, &mut dyn Follower),
) {
    if outcome.log_problem.is_none()
        && let Err(error) = log.write_all(bytes)
    {
        // The tool's work is worth more than its log.
        outcome.log_problem = Some(error.to_string());
    }
    follower.output(channel, bytes);
}

/// Reads a stream to its end on a task of its own.
fn reader(
    mut stream: impl AsyncRead + Unpin + Send + 'static,
    channel: Channel,
    sender: mpsc::Sender<(Channel, Vec<u8>)>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut chunk = vec![0; CHUNK];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            if sender.send((channel, chunk[..read].to_vec())).await.is_err() {
                break;
            }
        }
    })
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}
