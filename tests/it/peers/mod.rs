//! runq against AgentV's own answers: three versions of the tool were run for real, and every state of their run
//! folders was kept with what the tool said of it.
//!
//! What is expected comes from the recordings, from the raw lines of the row files, or from the issue; nothing of it
//! is computed by runq.

mod amx_answers;
mod amx_import;
mod amx_shapes;
mod amx_versions;
mod arms;
mod comparisons;
mod discovery;
mod honeyhive;
mod ingests;
mod oracles;
mod recorded;
mod shapes;
mod states;
mod watched;

use recorded::{Attempt, State};
use runq::session::{By, Request, Session};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// AgentV 4.25.6, built from the merge of PR #1220.
const FIRST: &str = "agentv-a-4.25.6";
/// AgentV 4.42.4, which rewrites the old rows of what it runs again.
const REWRITING: &str = "agentv-n-4.42.4";
/// AgentV 5.3.1, with the row file in `.internal`.
const LATER: &str = "agentv-b-5.3.1";

const VERSIONS: [&str; 3] = [FIRST, REWRITING, LATER];

/// Arms by a dimension, everything else as it is by default.
fn by(dimension: &str) -> Request {
    Request { by: By::Dimension(dimension.to_owned()), ..Request::default() }
}

/// A row of `run_overview`.
#[derive(Debug, Clone, Deserialize)]
struct Overview {
    run_id: String,
    ingest_id: String,
    attempts: usize,
    cases: usize,
    superseded: usize,
    folded: usize,
    ok: u64,
    quality_failure: u64,
    execution_error: u64,
    pass_rate_attempts: f64,
    pass_rate_latest: f64,
    pass_rate_scored: Option<f64>,
}

/// The attempts of a run as runq holds them.
#[derive(Debug, Default)]
struct Held {
    /// Every one of them.
    attempts: BTreeSet<Attempt>,
    /// Those that count.
    latest: BTreeSet<Attempt>,
    /// Those that the source holds now.
    in_source: BTreeSet<Attempt>,
    /// How many rows of the source they stand for.
    copies: usize,
    /// How many there are; more than `attempts` when one is held twice.
    count: usize,
}

#[derive(Deserialize)]
struct HeldRow {
    ingest_id: String,
    case_id: String,
    model: String,
    micros: i64,
    status: String,
    score: f64,
    latest: bool,
    in_source: bool,
    copies: usize,
}

/// What `run_overview` says of every run, by ingest.
async fn overviews(session: &mut Session) -> BTreeMap<String, Overview> {
    let rows = session.rows("SELECT * FROM run_overview").await.expect("an overview");
    let overviews: Vec<Overview> = rows.read().expect("the columns of an overview");
    overviews.into_iter().map(|overview| (overview.ingest_id.clone(), overview)).collect()
}

/// The attempts of every run, by ingest.
async fn held(session: &mut Session) -> BTreeMap<String, Held> {
    let rows = session
        .rows(
            "SELECT ingest_id, case_id, model, CAST(recorded_at AS BIGINT) AS micros, status, score, latest, \
             in_source, copies FROM results",
        )
        .await
        .expect("results");
    let rows: Vec<HeldRow> = rows.read().expect("every row has a time and a score");
    let mut runs: BTreeMap<String, Held> = BTreeMap::new();
    for row in rows {
        let run = runs.entry(row.ingest_id).or_default();
        let attempt = Attempt {
            case_id: row.case_id,
            model: row.model,
            micros: row.micros,
            status: row.status,
            score: recorded::ordered(row.score),
        };
        if row.latest {
            run.latest.insert(attempt.clone());
        }
        if row.in_source {
            run.in_source.insert(attempt.clone());
            run.copies += row.copies;
        }
        run.attempts.insert(attempt);
        run.count += 1;
    }
    runs
}

/// The share of attempts with a score of at least 0.8, as AgentV's Studio and its recordings count.
fn share_passed<'a>(attempts: impl IntoIterator<Item = &'a Attempt>) -> f64 {
    let passed: Vec<bool> = attempts.into_iter().map(|attempt| attempt.score_value() >= 0.8).collect();
    passed.iter().filter(|passed| **passed).count() as f64 / passed.len() as f64
}

/// Rounds as JavaScript's `Math.round` does, which AgentV uses: halves go up.
fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale + 0.5).floor() / scale
}
