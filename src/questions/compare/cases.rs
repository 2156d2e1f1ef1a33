//! The cases of a comparison: what every arm has for each, which is best, what became of it against the baseline.

use std::collections::{BTreeMap, HashMap};

use datafusion::common::ScalarValue;
use serde::Deserialize;

use super::{CaseChange, CaseOrder, Compare, Outcome};
use crate::session::{Session, SessionError};

/// A cell of the cases: an arm's value for a case, with how the case ended.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CaseValue {
    pub arm: String,
    pub task: String,
    pub case_id: String,
    pub value: Option<f64>,
    #[serde(default)]
    pub winner: Option<bool>,
    #[serde(default)]
    pub tied: Option<bool>,
    pub status: String,
    pub attempts: i64,
    pub band: Option<String>,
    /// The answer, when it was asked for.
    #[serde(default)]
    pub output: Option<String>,
}

/// A case over all arms.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub task: String,
    pub case_id: String,
    /// Outcome by candidate.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Value by arm.
    pub values: BTreeMap<String, CaseValue>,
    /// Largest absolute change against the baseline.
    pub change: f64,
}

impl Case {
    fn new(task: &str, case_id: &str) -> Self {
        Self {
            task: task.to_owned(),
            case_id: case_id.to_owned(),
            outcomes: BTreeMap::new(),
            values: BTreeMap::new(),
            change: 0.0,
        }
    }

    fn largest_change(&self, baseline: &str) -> f64 {
        let Some(from) = self.values.get(baseline).and_then(|value| value.value) else { return 0.0 };
        self.values.values().filter_map(|value| value.value).map(|to| (to - from).abs()).fold(0.0, f64::max)
    }

    /// Whether nothing happened to it against the baseline.
    pub fn is_quiet(&self) -> bool {
        self.outcomes.values().all(|outcome| *outcome == Outcome::Unchanged)
    }
}

// No order: the cases are sorted here. (DataFusion 55 does not plan a sort by `arm` over this join when there is one
// arm in several files.)
const OUTCOMES: &str =
    "SELECT candidate, task, case_id, metric, outcome FROM score_changes WHERE metric = $metric";

const VALUES: &str = "SELECT case_states.arm, case_states.task, case_states.case_id, winners.value, winners.winner, \
     winners.tied, case_states.status, case_states.attempts, case_states.band FROM case_states \
     LEFT JOIN (SELECT * FROM case_winners WHERE metric = $metric) AS winners \
     ON case_states.arm = winners.arm AND case_states.task = winners.task \
     AND case_states.case_id = winners.case_id";

const OUTPUTS: &str =
    "SELECT arm, task, case_id, coalesce(output, error_message) AS output FROM case_answers";

#[derive(Deserialize)]
struct Output {
    arm: String,
    task: String,
    case_id: String,
    output: Option<String>,
}

/// The cases of a metric over all arms, in the order asked for.
pub(super) async fn of(
    session: &mut Session,
    metric: &str,
    baseline: &str,
    asked: &Compare,
) -> Result<Vec<Case>, SessionError> {
    let bound = [("metric", ScalarValue::Utf8(Some(metric.to_owned())))];
    let values: Vec<CaseValue> = session.rows_with(VALUES, &bound).await?.read()?;
    let outcomes: Vec<CaseChange> = session.rows_with(OUTCOMES, &bound).await?.read()?;
    let mut cases: BTreeMap<(String, String), Case> = BTreeMap::new();
    for value in values {
        let key = (value.task.clone(), value.case_id.clone());
        let case = cases.entry(key).or_insert_with(|| Case::new(&value.task, &value.case_id));
        case.values.insert(value.arm.clone(), value);
    }
    for change in outcomes {
        if let Some(case) = cases.get_mut(&(change.task, change.case_id)) {
            case.outcomes.insert(change.candidate, change.outcome);
        }
    }
    if asked.outputs || asked.versions {
        with_outputs(session, &mut cases).await?;
    }
    let mut cases: Vec<Case> = cases.into_values().collect();
    for case in &mut cases {
        case.change = case.largest_change(baseline);
    }
    cases.retain(|case| asked.only.is_none_or(|only| case.outcomes.values().any(|outcome| *outcome == only)));
    sort(&mut cases, asked.sort);
    Ok(cases)
}

async fn with_outputs(
    session: &mut Session,
    cases: &mut BTreeMap<(String, String), Case>,
) -> Result<(), SessionError> {
    let outputs: Vec<Output> = session.rows(OUTPUTS).await?.read()?;
    let mut by_cell: HashMap<(String, String, String), String> =
        outputs.into_iter().filter_map(|row| Some(((row.task, row.case_id, row.arm), row.output?))).collect();
    for case in cases.values_mut() {
        for (arm, value) in &mut case.values {
            value.output = by_cell.remove(&(case.task.clone(), case.case_id.clone(), arm.clone()));
        }
    }
    Ok(())
}

/// The cases come sorted by name.
fn sort(cases: &mut [Case], order: CaseOrder) {
    match order {
        CaseOrder::Name => {}
        CaseOrder::Change => cases.sort_by(|left, right| right.change.total_cmp(&left.change)),
        CaseOrder::Coverage => cases.sort_by_key(|case| std::cmp::Reverse(case.values.len())),
    }
}
