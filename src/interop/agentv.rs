//! The JSON of AgentV's `compare --json` (4.25 to 5.3: `apps/cli/src/commands/compare/index.ts`).
//!
//! AgentV pairs on the test id alone, takes the last row of an id, counts raw rows (repeated ones too), lets errors take
//! part with their score of 0, and rounds means to three decimals. Its threshold is 0.1 unless another is given.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, InteropError, Shape, Shaped, js_number, js_order, rounded_to_thousandths};
use crate::answer::number::counted;
use crate::model::nearest;
use crate::session::{Session, SessionError};

/// AgentV's own threshold (`--threshold`).
const THRESHOLD: f64 = 0.1;

/// The tool.
pub(super) struct AgentV;

#[async_trait]
impl Shape for AgentV {
    fn name(&self) -> &'static str {
        "agentv"
    }

    async fn document(&self, session: &mut Session, asked: &Asked) -> Result<Shaped, InteropError> {
        let baseline = session.baseline().await?;
        let mut notes = Vec::new();
        let arms = arms(session, &mut notes).await?;
        let threshold = asked.threshold.unwrap_or(THRESHOLD);
        let two_sources = session.by() == "run" && arms.len() == 2 && asked.arms.is_empty();
        let document = match &asked.candidate {
            Some(candidate) => Value::Object(pair(
                arm(&arms, &baseline, session)?,
                arm(&arms, candidate, session)?,
                threshold,
            )),
            None if two_sources => {
                let place = arms.iter().position(|arm| arm.name == baseline).unwrap_or(0);
                Value::Object(pair(&arms[place], &arms[1 - place], threshold))
            }
            None => {
                let wanted = wanted(&arms, asked, session, &mut notes)?;
                if session.request().baseline.is_some() {
                    arm_of(&wanted, &baseline, session)?;
                }
                matrix(&wanted, threshold)
            }
        };
        Ok(Shaped { document, notes })
    }
}

#[derive(Debug, Deserialize)]
struct RowOf {
    arm: String,
    case_id: String,
    score: Option<f64>,
    status: String,
    copies: i64,
}

/// The rows of one side.
#[derive(Debug, Default)]
struct Arm {
    name: String,
    /// Test ids in the order in which they first appear, each with the score of its last row and its number of rows.
    tests: Vec<(String, f64, i64)>,
}

impl Arm {
    fn rows(&self) -> i64 {
        self.tests.iter().map(|(_, _, rows)| rows).sum()
    }
}

/// What AgentV finds in the files: rows that are still there, in their order. `copies` are rows that were the same.
const ROWS: &str = "SELECT results.arm, results.case_id, results.score, results.status, results.copies \
     FROM results INNER JOIN runs ON results.ingest_id = runs.ingest_id WHERE results.in_source \
     ORDER BY runs.place, results.source_row NULLS LAST, results.case_id, results.epoch, results.attempt";

async fn arms(session: &mut Session, notes: &mut Vec<String>) -> Result<Vec<Arm>, SessionError> {
    let rows: Vec<RowOf> = session.rows(ROWS).await?.read()?;
    let mut arms: Vec<Arm> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut unscored = 0;
    for row in rows {
        let is_error = matches!(row.status.as_str(), "execution_error" | "scorer_error");
        let Some(score) = row.score.or(is_error.then_some(0.0)) else {
            unscored += 1;
            continue;
        };
        let arm = arms.iter().position(|arm| arm.name == row.arm).unwrap_or_else(|| {
            arms.push(Arm { name: row.arm.clone(), tests: Vec::new() });
            arms.len() - 1
        });
        let tests = &mut arms[arm].tests;
        let place = *places.entry((row.arm, row.case_id.clone())).or_insert(tests.len());
        match tests.get_mut(place) {
            Some(test) => (test.1, test.2) = (score, test.2 + row.copies),
            None => tests.push((row.case_id, score, row.copies)),
        }
    }
    if unscored > 0 {
        let rows = counted(unscored, "row has", "rows have");
        notes.push(format!("{rows} no score and no place in AgentV's comparison"));
    }
    Ok(arms)
}

fn arm<'a>(arms: &'a [Arm], name: &str, session: &Session) -> Result<&'a Arm, SessionError> {
    arm_of(&arms.iter().collect::<Vec<_>>(), name, session)
}

fn arm_of<'a>(arms: &[&'a Arm], name: &str, session: &Session) -> Result<&'a Arm, SessionError> {
    arms.iter().copied().find(|arm| arm.name == name).ok_or_else(|| {
        let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
        let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        SessionError::UnknownArm { name: name.to_owned(), by: session.by().to_owned(), arms: names, near }
    })
}

/// The arms that were asked for, sorted; as AgentV, names that do not exist are left out unless none remains.
fn wanted<'a>(
    arms: &'a [Arm],
    asked: &Asked,
    session: &Session,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a Arm>, SessionError> {
    let mut wanted: Vec<&Arm> =
        arms.iter().filter(|arm| asked.arms.is_empty() || asked.arms.contains(&arm.name)).collect();
    let missing: Vec<&String> =
        asked.arms.iter().filter(|name| !arms.iter().any(|arm| arm.name == **name)).collect();
    match missing.as_slice() {
        [first, ..] if wanted.is_empty() => {
            arm(arms, first, session)?;
        }
        missing => notes.extend(missing.iter().map(|name| format!("there is no {} {name}", session.by()))),
    }
    wanted.sort_by(|left, right| js_order(&left.name, &right.name));
    Ok(wanted)
}

/// Every arm beside every other.
fn matrix(arms: &[&Arm], threshold: f64) -> Value {
    let tests: BTreeSet<&str> =
        arms.iter().flat_map(|arm| arm.tests.iter().map(|(test, ..)| test.as_str())).collect();
    let mut tests: Vec<&str> = tests.into_iter().collect();
    tests.sort_by(|left, right| js_order(left, right));
    let scores: Vec<HashMap<&str, f64>> = arms
        .iter()
        .map(|arm| arm.tests.iter().map(|(test, score, _)| (test.as_str(), *score)).collect())
        .collect();
    let row = |test: &str| {
        let cells = arms.iter().zip(&scores);
        let cells = cells.filter_map(|(arm, scores)| Some((arm.name.clone(), js_number(*scores.get(test)?))));
        json!({"test_id": test, "scores": cells.collect::<Map<_, _>>()})
    };
    let mut pairs = Vec::new();
    for (place, baseline) in arms.iter().enumerate() {
        for candidate in &arms[place + 1..] {
            let mut compared = pair(baseline, candidate, threshold);
            compared.insert("baseline".to_owned(), Value::from(baseline.name.as_str()));
            compared.insert("candidate".to_owned(), Value::from(candidate.name.as_str()));
            pairs.push(Value::Object(compared));
        }
    }
    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    json!({"matrix": tests.into_iter().map(row).collect::<Vec<_>>(), "pairwise": pairs, "targets": names})
}

/// A test that both sides ran.
struct Matched<'a> {
    test: &'a str,
    from: f64,
    to: f64,
    outcome: &'static str,
}

impl Matched<'_> {
    fn delta(&self) -> f64 {
        self.to - self.from
    }

    /// The share of what was left to gain that was gained; none where nothing was left.
    fn gain(&self) -> Option<f64> {
        (self.from < 1.0).then(|| self.delta() / (1.0 - self.from))
    }
}

/// Two sides, in the order of the first one.
fn pair(baseline: &Arm, candidate: &Arm, threshold: f64) -> Map<String, Value> {
    let others: HashMap<&str, f64> =
        candidate.tests.iter().map(|(test, score, _)| (test.as_str(), *score)).collect();
    let matched: Vec<Matched> = baseline
        .tests
        .iter()
        .filter_map(|(test, from, _)| {
            let to = *others.get(test.as_str())?;
            Some(Matched { test, from: *from, to, outcome: outcome(to - from, threshold) })
        })
        .collect();
    let ids: BTreeSet<&str> = matched.iter().map(|matched| matched.test).collect();
    let alone = |arm: &Arm| -> i64 {
        let alone = arm.tests.iter().filter(|(test, ..)| !ids.contains(test.as_str()));
        alone.map(|(_, _, rows)| rows).sum()
    };
    let mut document = Map::new();
    document.insert("matched".to_owned(), matched.iter().map(entry).collect());
    document.insert("unmatched".to_owned(), json!({"file1": alone(baseline), "file2": alone(candidate)}));
    document.insert("summary".to_owned(), summary(&matched, baseline.rows() + candidate.rows()));
    document
}

fn outcome(delta: f64, threshold: f64) -> &'static str {
    if delta >= threshold {
        "win"
    } else if delta <= -threshold {
        "loss"
    } else {
        "tie"
    }
}

fn entry(matched: &Matched) -> Value {
    json!({
        "test_id": matched.test,
        "score1": js_number(matched.from),
        "score2": js_number(matched.to),
        "delta": js_number(matched.delta()),
        "normalized_gain": matched.gain().map(js_number),
        "outcome": matched.outcome,
    })
}

fn summary(matched: &[Matched], total: i64) -> Value {
    let count = |outcome: &str| matched.iter().filter(|matched| matched.outcome == outcome).count();
    let deltas: Vec<f64> = matched.iter().map(Matched::delta).collect();
    let gains: Vec<f64> = matched.iter().filter_map(Matched::gain).collect();
    json!({
        "total": total,
        "matched": matched.len(),
        "wins": count("win"),
        "losses": count("loss"),
        "ties": count("tie"),
        "mean_delta": mean(&deltas).unwrap_or_else(|| Value::from(0)),
        "mean_normalized_gain": mean(&gains),
    })
}

/// The mean to three decimals, added up in order as JavaScript does; none of nothing.
fn mean(values: &[f64]) -> Option<Value> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (!values.is_empty()).then(|| js_number(rounded_to_thousandths(mean)))
}
