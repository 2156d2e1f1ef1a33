//! The versions of each answer in a comparison: retries, re-runs and variations that stand under what competes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::questions::labels::mode_chip;
use crate::session::{Session, SessionError, text_values};

/// A version below the first one of a case in an arm: a row of `asset_versions`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct CaseVersion {
    #[serde(skip_serializing)]
    pub arm: String,
    #[serde(skip_serializing)]
    pub task: String,
    #[serde(skip_serializing)]
    pub case_id: String,
    pub stack: i64,
    pub version: i64,
    pub label: String,
    pub kind: String,
    pub mode: Option<String>,
    pub seed_text: Option<String>,
    pub run_id: String,
    pub model: Option<String>,
    pub status: String,
    pub score: Option<f64>,
    pub logprob: Option<f64>,
    pub confidence: Option<String>,
    pub competes: bool,
    pub output: Option<String>,
}

impl CaseVersion {
    /// `S` for semantic, `L` for lexical, another mode's own word.
    pub fn chip(&self) -> Option<&str> {
        self.mode.as_deref().map(mode_chip)
    }
}

/// All versions of the cases of a comparison.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stacks {
    below: BTreeMap<(String, String, String), Vec<CaseVersion>>,
    modes: BTreeMap<String, String>,
    /// What is wrong with the lineage, each once.
    pub problems: Vec<String>,
}

impl Stacks {
    /// The versions below the first one of a case, in their order.
    pub fn below(&self, task: &str, case_id: &str, arm: &str) -> &[CaseVersion] {
        let key = (task.to_owned(), case_id.to_owned(), arm.to_owned());
        self.below.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The mode in which an arm's own answers were made, where it has one.
    pub fn mode(&self, arm: &str) -> Option<&str> {
        self.modes.get(arm).map(String::as_str)
    }
}

const BELOW: &str = "SELECT arm, task, case_id, stack, version, label, kind, mode, seed_text, run_id, model, status, \
     score, logprob, confidence, competes, output FROM asset_versions \
     WHERE version > 1 AND arm IS NOT NULL ORDER BY stack, version";

const MODES: &str = "SELECT arm, min(mode_of_run) AS mode FROM asset_versions \
     WHERE arm IS NOT NULL GROUP BY arm HAVING count(DISTINCT mode_of_run) = 1";

const PROBLEMS: &str =
    "SELECT DISTINCT problem FROM run_descendants WHERE problem IS NOT NULL ORDER BY problem";

#[derive(Deserialize)]
struct Mode {
    arm: String,
    mode: String,
}

/// The versions of everything in scope.
pub(super) async fn of(session: &mut Session) -> Result<Stacks, SessionError> {
    session.materialize("asset_versions").await?;
    let mut stacks = Stacks::default();
    for version in session.rows(BELOW).await?.read::<CaseVersion>()? {
        let key = (version.task.clone(), version.case_id.clone(), version.arm.clone());
        stacks.below.entry(key).or_default().push(version);
    }
    let modes: Vec<Mode> = session.rows(MODES).await?.read()?;
    stacks.modes = modes.into_iter().map(|mode| (mode.arm, mode.mode)).collect();
    stacks.problems = text_values(&session.rows(PROBLEMS).await?, 0);
    Ok(stacks)
}
