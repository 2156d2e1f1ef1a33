//! Shows what a tool does while it works: its own lines, and how many cases are done.

use std::time::{Duration, Instant};

use crate::cli::output::{Output, Progress, ToolLines};
use crate::jobs::{Channel, Follower, Growth, Stop};

/// How often the number of cases is told where no bar can be drawn.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// Where a tool's output and progress are shown.
pub(super) struct Screen<'a> {
    output: &'a Output,
    progress: Progress,
    tool: &'a str,
    growth: Option<Growth>,
    total: u64,
    streams: [ToolLines; 2],
    told: (u64, Instant),
}

impl<'a> Screen<'a> {
    /// For a tool that is to run so many cases.
    pub(super) fn new(output: &'a Output, tool: &'a str, (growth, total): (Option<Growth>, u64)) -> Self {
        let progress = output.progress(tool);
        let streams = [ToolLines::default(), ToolLines::default()];
        Self { output, progress, tool, growth, total, streams, told: (0, Instant::now()) }
    }

    /// Shows what the tool left without a line break.
    pub(super) fn finish(mut self) {
        let rest: Vec<Vec<u8>> = self.streams.iter_mut().filter_map(ToolLines::rest).collect();
        self.output.tool_lines(&rest);
        self.progress.finish();
    }

    fn tell(&mut self, done: u64) {
        if done != self.told.0 && self.told.1.elapsed() >= TOLD_EVERY {
            self.output.line(&format!("  {done} of {} rows", self.total));
            self.told = (done, Instant::now());
        }
    }
}

impl Follower for Screen<'_> {
    fn output(&mut self, channel: Channel, bytes: &[u8]) {
        let stream = &mut self.streams[usize::from(channel == Channel::Err)];
        let lines = stream.take(bytes);
        self.output.tool_lines(&lines);
        if self.output.draws_progress() {
            // What the tool draws over itself is shown beside our own count.
            let unfinished = String::from_utf8_lossy(stream.unfinished());
            self.progress.set_message(if unfinished.is_empty() { self.tool } else { &unfinished });
        }
    }

    fn tick(&mut self) {
        let done = self.growth.as_mut().map(Growth::rows);
        if self.output.draws_progress() {
            self.progress.show_cases(done.map(|done| (done, self.total)));
        } else if let Some(done) = done {
            self.tell(done);
        }
    }

    fn stopping(&mut self, stop: Stop, time: usize) {
        let what = match stop {
            Stop::Interrupt => "Ctrl-C",
            Stop::Terminate => "SIGTERM",
        };
        self.output.line(&match time {
            1 => format!("{what} was passed on to {}, which is waited for; once more kills it", self.tool),
            _ => format!("{} is killed", self.tool),
        });
    }
}
