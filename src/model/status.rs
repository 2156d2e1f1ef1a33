//! How a result and a run ended.

use std::fmt;

/// How an attempt ended. A wrong answer is never an error and an error is never a wrong answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It ran; whether it passed is for the verdict or the score to say.
    Ok,
    /// It ran and the tool's own verdict is fail.
    QualityFailure,
    /// It did not run properly.
    ExecutionError,
    /// The judge failed, not the model.
    ScorerError,
    /// Cut by a message, token, time or cost limit; may still be scored.
    Limit,
    /// Stopped from outside.
    Cancelled,
}

impl Status {
    /// Every status, in the order screens use.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::QualityFailure,
        Self::ExecutionError,
        Self::ScorerError,
        Self::Limit,
        Self::Cancelled,
    ];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::QualityFailure => "quality_failure",
            Self::ExecutionError => "execution_error",
            Self::ScorerError => "scorer_error",
            Self::Limit => "limit",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word on screen.
    pub const fn screen_word(self) -> &'static str {
        match self {
            Self::Ok => "pass",
            Self::QualityFailure => "fail",
            Self::ExecutionError => "error",
            Self::ScorerError => "judge error",
            Self::Limit => "limit",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the stored word or the word on screen.
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.trim();
        Self::ALL.into_iter().find(|status| {
            status.as_str().eq_ignore_ascii_case(word)
                || status.screen_word().eq_ignore_ascii_case(word)
                || status.screen_word().replace(' ', "_").eq_ignore_ascii_case(word)
        })
    }

    /// Whether the attempt has no value in any metric: it did not run, its judge failed, or it was stopped.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::ExecutionError | Self::ScorerError | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a run ended, as far as its files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunStatus {
    /// Every planned key has a row.
    Complete,
    /// Planned keys have no row and nothing says that the run goes on.
    Incomplete,
    /// Still being written.
    Running,
    /// The tool says that the run failed.
    Failed,
    /// The tool says that the run was cancelled.
    Cancelled,
    /// The source does not tell.
    Unknown,
}

impl RunStatus {
    /// Every run status.
    pub const ALL: [Self; 6] =
        [Self::Complete, Self::Incomplete, Self::Running, Self::Failed, Self::Cancelled, Self::Unknown];

    /// The stored word, which is also the word on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_words_of_every_status_are_read() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(Status::parse(status.screen_word()), Some(status));
        }
        assert_eq!(Status::parse("judge_error"), Some(Status::ScorerError));
        assert_eq!(Status::parse("wrong"), None);
    }
}
