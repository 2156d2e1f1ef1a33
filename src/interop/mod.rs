//! Comparisons in the JSON of other tools, so that scripts written for those go on working: one tool per file, one line
//! per tool in [`SHAPES`].
//!
//! A shape asks an open session and gives a document. Where the tool's words and ours differ (what counts, how a value is
//! rounded, which order), the tool's hold here and only here. Nothing is printed.

mod agentv;
mod amx;
mod honeyhive;

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::model::Timestamp;
use crate::session::{Asset, Session, SessionError};

/// Every tool whose shape can be written.
pub const SHAPES: &[&dyn Shape] = &[&agentv::AgentV, &amx::Amx, &honeyhive::HoneyHive];

/// The JSON of one tool's comparison.
#[async_trait]
pub trait Shape: Sync {
    /// The tool's name on the command line.
    fn name(&self) -> &'static str;

    /// Kinds of runs that the tool compares; all when `None`. Holds where no runs were named.
    fn kinds(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Whether runs count with all of their rows, and the part of a database that was asked for chooses runs and the
    /// rows that are listed. Such a tool passes over runs that do not exist.
    fn whole_runs(&self) -> bool {
        false
    }

    /// The document.
    ///
    /// # Errors
    /// When the views cannot be computed, or the tool does not compare what is in scope.
    async fn document(&self, session: &mut Session, asked: &Asked) -> Result<Shaped, InteropError>;
}

impl fmt::Debug for dyn Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is asked beyond the session.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Smallest change of a score that counts, where the person gave one; the tool's own otherwise.
    pub threshold: Option<f64>,
    /// Only these metrics; the tool's choice when empty.
    pub metrics: Vec<String>,
    /// Only the pair of the session's baseline and this arm.
    pub candidate: Option<String>,
    /// Only these arms; all when empty.
    pub arms: Vec<String>,
    /// Only rows of this part of a database are listed, for tools that count whole runs.
    pub asset: Option<Asset>,
    /// When the document is made.
    pub now: Timestamp,
}

impl Asked {
    /// Nothing beyond the session, at this time.
    pub fn at(now: Timestamp) -> Self {
        Self { threshold: None, metrics: Vec::new(), candidate: None, arms: Vec::new(), asset: None, now }
    }
}

/// A document, and what a person should know of it.
#[derive(Debug, Clone)]
pub struct Shaped {
    /// The tool's JSON.
    pub document: Value,
    /// What it leaves out and why.
    pub notes: Vec<String>,
}

/// Why a comparison cannot be written in a tool's shape.
#[derive(Debug, thiserror::Error)]
pub enum InteropError {
    /// The session cannot answer.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The tool compares another number of runs.
    #[error("{tool} compares {expected}; these are {}: {}", found.len(), found.join(", "))]
    Arms {
        /// The tool.
        tool: &'static str,
        /// How many it compares.
        expected: &'static str,
        /// What is in scope.
        found: Vec<String>,
        /// What to do instead.
        hint: &'static str,
    },
}

impl InteropError {
    /// What to do instead, when there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Session(error) => error.hint(),
            Self::Arms { hint, .. } => Some((*hint).to_owned()),
        }
    }
}

/// A number as JavaScript's `JSON.stringify` writes it: whole ones without a fraction, no negative zero, null for what
/// is no number.
fn js_number(value: f64) -> Value {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;
    if value.fract() == 0.0 && value.abs() <= LARGEST_EXACT {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

/// JavaScript's order of texts, by UTF-16 code units.
fn js_order(left: &str, right: &str) -> std::cmp::Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// `Math.round(value * 1000) / 1000`: three decimals, halves towards positive infinity.
fn rounded_to_thousandths(value: f64) -> f64 {
    let scaled = value * 1000.0;
    let floor = scaled.floor();
    (if scaled - floor >= 0.5 { floor + 1.0 } else { floor }) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What node prints for `JSON.stringify` and `Math.round(x * 1000) / 1000`.
    #[test]
    fn numbers_are_those_of_javascript() {
        let printed = |value: f64| js_number(value).to_string();
        assert_eq!([1.0, -0.0, 0.1, -3.0, f64::NAN].map(printed), ["1", "0", "0.1", "-3", "null"]);
        assert_eq!([0.0005, -0.0005, -0.0004, 1.2345].map(rounded_to_thousandths), [0.001, 0.0, 0.0, 1.235]);
        // The double just below one half: adding 0.5 first would round it up.
        assert_eq!(rounded_to_thousandths(0.49999999999999994 / 1000.0), 0.0);
    }

    #[test]
    fn texts_are_ordered_by_code_units() {
        let mut texts = ["\u{ff5e}", "\u{1f600}", "a"];
        texts.sort_by(|left, right| js_order(left, right));
        assert_eq!(texts, ["a", "\u{1f600}", "\u{ff5e}"]);
    }
}
