//! Which tests AgentV itself executes, told from the rows that are in the run's file.
//!
//! Until 4.42 every row of a test and target counts, from 5 only the last one; `--retry-errors` looks at the test on all
//! targets in every version. Sources: AgentV `run-eval.ts` (`shouldSkipExistingResultForResume`,
//! `latestResumeIdentityEntries`), `retry-errors.ts` (`loadErrorTestIds`, `loadFullyCompletedTestIds`).

use super::Flags;
use crate::import::rerun::{Decision, History};

/// How AgentV is told to run tests again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `--resume`.
    Resume,
    /// `--rerun-failed`.
    RerunFailed,
    /// `--retry-errors`, into a new run.
    RetryErrors,
    /// A run of its own, of the tests that are named.
    Afresh,
}

impl Way {
    /// AgentV's rule for a test that it is told about.
    pub(super) const fn rule(self, flags: Flags) -> fn(&History) -> Decision {
        match (self, flags) {
            (Self::Resume, Flags::Four) => resume_by_any_row,
            (Self::Resume, Flags::Five) => resume_by_last_row,
            (Self::RerunFailed, Flags::Four) => rerun_by_any_row,
            (Self::RerunFailed, Flags::Five) => rerun_by_last_row,
            (Self::RetryErrors, _) => retry_by_test,
            (Self::Afresh, _) => afresh,
        }
    }
}

const NO_ROW: Decision = Decision::Runs("runs a test without a row");

const fn resume_by_any_row(history: &History) -> Decision {
    match history {
        History { rows: 0, .. } => NO_ROW,
        History { finished: false, .. } => Decision::Runs("runs a test whose rows are all errors"),
        History { latest_error: true, .. } => {
            Decision::Skips("keeps a test that ever finished, even when its latest row is an error")
        }
        _ => Decision::Skips("keeps a test that finished"),
    }
}

const fn rerun_by_any_row(history: &History) -> Decision {
    match history {
        History { rows: 0, .. } => NO_ROW,
        History { ok: false, .. } => Decision::Runs("runs a test that was never ok"),
        History { latest_ok: false, .. } => {
            Decision::Skips("keeps a test that was ever ok, even when its latest row is not")
        }
        _ => Decision::Skips("keeps a test that is ok"),
    }
}

const fn resume_by_last_row(history: &History) -> Decision {
    match history {
        History { rows: 0, .. } => NO_ROW,
        History { latest_error: true, .. } => Decision::Runs("runs a test whose latest row is an error"),
        _ => Decision::Skips("keeps a test whose latest row is no error"),
    }
}

const fn rerun_by_last_row(history: &History) -> Decision {
    match history {
        History { rows: 0, .. } => Decision::Skips("runs no test without a row by --rerun-failed"),
        History { latest_ok: false, .. } => Decision::Runs("runs a test whose latest row is not ok"),
        _ => Decision::Skips("keeps a test whose latest row is ok"),
    }
}

const fn retry_by_test(history: &History) -> Decision {
    match history {
        History { case_error: true, error: true, .. } => {
            Decision::Runs("retries a test that has an error in any row, however old")
        }
        History { case_error: true, .. } => {
            Decision::Runs("retries a test on all targets when it has an error on one of them")
        }
        History { case_in_source: false, .. } => NO_ROW,
        History { rows: 0, .. } => Decision::Skips("leaves out a test that has rows on other targets only"),
        _ => Decision::Skips("retries no test without an error"),
    }
}

const fn afresh(_: &History) -> Decision {
    Decision::Runs("runs every test that is named")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "ok";
    const FAILED: &str = "quality_failure";
    const ERROR: &str = "execution_error";

    /// The history of a test on one target.
    fn history(rows: &[&str]) -> History {
        let any = |status: &str| rows.contains(&status);
        let last = rows.last().copied();
        let count = i64::try_from(rows.len()).unwrap();
        History {
            rows: count,
            ok: any(OK),
            error: any(ERROR),
            finished: any(OK) || any(FAILED),
            latest_ok: last == Some(OK),
            latest_error: last == Some(ERROR),
            case_in_source: count > 0,
            case_error: any(ERROR),
        }
    }

    fn runs(way: Way, flags: Flags, history: &History) -> bool {
        matches!(way.rule(flags)(history), Decision::Runs(_))
    }

    /// The columns of the matrix in AgentV's order: resume, rerun-failed, retry-errors of 4; rerun-failed of 5.
    fn decided(history: &History) -> [bool; 4] {
        [
            runs(Way::Resume, Flags::Four, history),
            runs(Way::RerunFailed, Flags::Four, history),
            runs(Way::RetryErrors, Flags::Four, history),
            runs(Way::RerunFailed, Flags::Five, history),
        ]
    }

    #[test]
    fn the_matrix_of_agentv_holds() {
        let (yes, no) = (true, false);
        let matrix: [(&[&str], [bool; 4]); 9] = [
            (&[], [yes, yes, yes, no]),
            (&[OK], [no, no, no, no]),
            (&[FAILED], [no, yes, no, yes]),
            (&[ERROR], [yes, yes, yes, yes]),
            (&[ERROR, OK], [no, no, yes, no]),
            (&[OK, ERROR], [no, no, yes, yes]),
            (&[ERROR, FAILED], [no, yes, yes, yes]),
            (&[FAILED, OK], [no, no, no, no]),
            (&[OK, FAILED], [no, no, no, yes]),
        ];
        for (rows, expected) in matrix {
            assert_eq!(decided(&history(rows)), expected, "{rows:?}");
        }
    }

    #[test]
    fn an_error_on_another_target_is_retried_here_too() {
        let here = History { case_in_source: true, case_error: true, ..history(&[OK]) };
        assert_eq!(decided(&here), [false, false, true, false]);
        let only_there = History { case_in_source: true, ..History::default() };
        assert_eq!(decided(&only_there), [true, true, false, false]);
    }

    #[test]
    fn agentv_5_resumes_what_ended_in_an_error_whatever_was_before() {
        assert!(runs(Way::Resume, Flags::Five, &history(&[])));
        assert!(runs(Way::Resume, Flags::Five, &history(&[OK, ERROR])));
        assert!(!runs(Way::Resume, Flags::Five, &history(&[ERROR, FAILED])));
        assert!(!runs(Way::Resume, Flags::Five, &history(&[ERROR, OK])));
    }
}
