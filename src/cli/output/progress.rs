//! A progress bar over bytes or cases, on stderr, for a person who waits.

use indicatif::{DecimalBytes, HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use crate::render::text::visible;

/// Shown while the total is known; short enough for 80 columns with a message of some words.
const WITH_TOTAL: &str = "  {bar:21} {msg} · {decimal_bytes} · {decimal_bytes_per_sec} · {eta} left";

/// Shown while it is not.
const WITHOUT_TOTAL: &str = "  {msg} · {decimal_bytes} · {decimal_bytes_per_sec}";

/// Shown while cases are counted.
const COUNTED: &str = "  {bar:21} {pos} of {len} cases · {elapsed} {wide_msg}";

/// Shown while a tool works and nothing can be counted.
const UNCOUNTED: &str = "  {msg:21!} {elapsed}";

/// Shown while an object store is asked.
const ASKED: &str = "  {msg} · {elapsed}";

/// Shown while a question is answered.
const READ: &str = "  {bar:21} {msg} · {elapsed}";

/// Steps of a bar that goes round.
const ROUND: u64 = 20;

/// A bar that is being shown; dropping it takes it off the terminal. Does nothing where nobody looks on.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(bars: &MultiProgress, message: &str) -> Self {
        let progress = Self(bars.add(ProgressBar::no_length().with_style(style(WITHOUT_TOTAL))));
        progress.set_message(message);
        progress
    }

    /// Of a question that is being answered.
    pub(super) fn reading(bars: &MultiProgress) -> Self {
        let progress = Self(bars.add(ProgressBar::new(ROUND).with_style(style(READ))));
        progress.show_read(0, 0);
        progress
    }

    /// Of what is asked of S3.
    pub(super) fn asking(bars: &MultiProgress) -> Self {
        let progress = Self(bars.add(ProgressBar::no_length().with_style(style(ASKED))));
        progress.show_requests(0, 0);
        progress
    }

    /// How many bytes there are to go through, once that is known.
    pub fn set_total_bytes(&self, total: u64) {
        self.0.set_length(total);
        self.0.set_style(style(WITH_TOTAL));
    }

    /// That this many more bytes are done.
    pub fn advance_bytes(&self, more: u64) {
        self.0.inc(more);
    }

    /// That so many cases are done of those that there are to do; `None` where they cannot be counted. Shows how long it
    /// has taken so far.
    pub fn show_cases(&self, cases: Option<(u64, u64)>) {
        match cases {
            Some((done, total)) => {
                if self.0.length() != Some(total) {
                    self.0.set_style(style(COUNTED));
                    self.0.set_length(total);
                }
                self.0.set_position(done);
            }
            None => self.0.set_style(style(UNCOUNTED)),
        }
        self.0.tick();
    }

    /// How much a question has read so far. Nobody knows how much there is, so the bar goes round.
    pub fn show_read(&self, rows: usize, bytes: u64) {
        self.0.set_position((self.0.position() + 1) % (ROUND + 1));
        let rows = HumanCount(u64::try_from(rows).unwrap_or(u64::MAX));
        self.0.set_message(format!("{rows} rows, {} read", DecimalBytes(bytes)));
    }

    /// How much was asked of S3 so far, and how long that takes already.
    pub fn show_requests(&self, requests: u64, bytes: u64) {
        let noun = if requests == 1 { "request" } else { "requests" };
        self.0.set_message(format!("S3: {} {noun}, {}", HumanCount(requests), DecimalBytes(bytes)));
        self.0.tick();
    }

    /// What is being done, in a few words.
    pub fn set_message(&self, message: &str) {
        self.0.set_message(visible(message).into_owned());
    }

    /// Takes the bar off the terminal.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The style of a template; the plain bar should a template not parse, which the tests exclude.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("█▓░")
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::ProgressDrawTarget;

    #[test]
    fn both_templates_parse() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL, COUNTED, UNCOUNTED, ASKED, READ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_bar_counts_bytes_and_ends_when_dropped() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let progress = Progress::start(&bars, "reading\u{1b}[2J");
        progress.set_total_bytes(10);
        progress.advance_bytes(4);
        let bar = progress.0.clone();
        assert_eq!((bar.position(), bar.length(), bar.message()), (4, Some(10), "reading␛[2J".to_owned()));
        progress.finish();
        assert!(bar.is_finished());
    }

    #[test]
    fn a_bar_tells_what_was_read_and_goes_round() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let progress = Progress::reading(&bars);
        (0..50).for_each(|_| progress.show_read(1_234_567, 45_600_000));
        assert_eq!(progress.0.message(), "1,234,567 rows, 45.60 MB read");
        assert!(progress.0.position() <= ROUND && !progress.0.is_finished());
    }

    #[test]
    fn a_line_tells_what_was_asked_of_s3() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let progress = Progress::asking(&bars);
        progress.show_requests(1, 0);
        assert_eq!(progress.0.message(), "S3: 1 request, 0 B");
        progress.show_requests(1_234, 45_600_000);
        assert_eq!(progress.0.message(), "S3: 1,234 requests, 45.60 MB");
    }

    #[test]
    fn a_bar_counts_cases_also_beyond_what_was_planned() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let progress = Progress::start(&bars, "agentv");
        progress.show_cases(None);
        assert_eq!(progress.0.length(), None);
        progress.show_cases(Some((1, 2)));
        progress.show_cases(Some((12, 2)));
        assert_eq!((progress.0.position(), progress.0.length()), (12, Some(2)));
    }
}
