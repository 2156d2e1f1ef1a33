//! What AMX says of each asset: the description of every run that covers it, and its versions below it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::id;
use crate::model::RunRow;
use crate::session::{Asset, Session, SessionError};

#[derive(Debug, Deserialize)]
struct Version {
    root_ingest_id: String,
    case_id: String,
    category: Option<String>,
    stack: i64,
    version: i64,
    label: String,
    kind: String,
    mode: Option<String>,
    seed_text: Option<String>,
    run_id: String,
    logprob: Option<f64>,
    confidence: Option<String>,
    total_tokens: Option<i64>,
    output: Option<String>,
    alternatives: Option<String>,
}

const VERSIONS: &str = "SELECT versions.root_ingest_id, versions.case_id, answers.category, versions.stack, \
     versions.version, versions.label, versions.kind, versions.mode, versions.seed_text, versions.run_id, \
     versions.logprob, versions.confidence, answers.total_tokens, versions.output, versions.alternatives \
     FROM asset_versions AS versions INNER JOIN family_results AS answers \
     ON versions.ingest_id = answers.ingest_id AND versions.execution = answers.execution";

/// The rows of the assets that were asked for: by asset, then in the order of the runs, then by version.
pub(super) async fn of(
    session: &mut Session,
    runs: &[RunRow],
    asset: &Asset,
) -> Result<Vec<Value>, SessionError> {
    let places: HashMap<&str, usize> =
        runs.iter().enumerate().map(|(place, run)| (run.ingest_id.as_str(), place)).collect();
    let versions: Vec<Version> = session.rows(VERSIONS).await?.read()?;
    let mut rows: Vec<_> = versions
        .into_iter()
        .filter(|version| *asset == Asset::default() || asset.holds(&version.case_id))
        .filter_map(|version| {
            let place = *places.get(version.root_ingest_id.as_str())?;
            Some((name(&version), place, version))
        })
        .collect();
    rows.sort_by(|(left, at, this), (right, other_at, other)| {
        let versions = || (this.stack, this.version).cmp(&(other.stack, other.version));
        (left, at).cmp(&(right, other_at)).then_with(versions)
    });
    Ok(rows.into_iter().map(|(name, place, version)| row(&name, &runs[place], &version)).collect())
}

/// Schema, table and column; a part that does not apply is empty.
fn name(version: &Version) -> [String; 3] {
    let mut parts = version.case_id.splitn(3, '.').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let [first, second, third] = [next(), next(), next()];
    match (second.is_empty(), third.is_empty(), version.category.as_deref()) {
        (true, ..) => [String::new(), first, String::new()],
        (false, true, Some("column")) => [String::new(), first, second],
        _ => [first, second, third],
    }
}

fn row([schema, table, column]: &[String; 3], root: &RunRow, version: &Version) -> Value {
    let is_descendant = !matches!(version.kind.as_str(), "original" | "retry");
    let of_descendant = |value: Value| if is_descendant { value } else { Value::Null };
    let alternatives = version.alternatives.as_deref().and_then(|text| serde_json::from_str(text).ok());
    json!({
        "schema": schema,
        "table": table,
        "column": column,
        "run_id": id(&root.run_id),
        "description": version.output.as_deref().unwrap_or_default(),
        "confidence": version.confidence,
        "logprob_score": version.logprob,
        "token_count": version.total_tokens,
        "alternatives": alternatives.unwrap_or_else(|| json!([])),
        "alternatives_mode": version.mode,
        "version_label": version.label,
        "parent_run_id": of_descendant(id(&root.run_id)),
        "descendant_kind": of_descendant(version.kind.as_str().into()),
        "descendant_run_id": of_descendant(id(&version.run_id)),
        "seed_alternative_text": of_descendant(Value::from(version.seed_text.as_deref())),
    })
}
