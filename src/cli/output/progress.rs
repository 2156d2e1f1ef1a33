//! A progress bar over bytes, on stderr, for a person who waits.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::render::text::visible;

/// Shown while the total is known; short enough for 80 columns with a message of some words.
const WITH_TOTAL: &str = "  {bar:21} {msg} · {decimal_bytes} · {decimal_bytes_per_sec} · {eta} left";

/// Shown while it is not.
const WITHOUT_TOTAL: &str = "  {msg} · {decimal_bytes} · {decimal_bytes_per_sec}";

/// A bar that is being shown; dropping it takes it off the terminal. Does nothing where nobody looks on.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(bars: &MultiProgress, message: &str) -> Self {
        let progress = Self(bars.add(ProgressBar::no_length().with_style(style(WITHOUT_TOTAL))));
        progress.set_message(message);
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
        for template in [WITH_TOTAL, WITHOUT_TOTAL] {
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
}
