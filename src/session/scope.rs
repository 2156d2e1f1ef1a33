//! Which runs a question is about: names, kinds, an asset, the newest few, a task, a predicate over `runs`.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::cast;
use datafusion::prelude::{SessionContext, col};

use super::SessionError;
use super::cases;
use super::facts::{Facts, RunEntry, in_time};
use super::headers;
use super::lineage::Lineage;
use super::options::{Asset, Scope};
use super::predicate::Predicate;
use super::relations::of_runs;
use crate::model::nearest;

/// The runs in scope, in the order of the names, else oldest first.
///
/// The newest few are taken of those that everything else leaves.
///
/// # Errors
/// When a name fits no run or several, no run has the kind or worked on the asset, a predicate does not plan, or nothing
/// is left.
pub(crate) async fn select(facts: &Facts, scope: &Scope) -> Result<Vec<RunEntry>, SessionError> {
    let runs = &facts.runs;
    let mut selected = if scope.runs.is_empty() { runs.clone() } else { named(runs, &scope.runs)? };
    if let Some(task) = &scope.task {
        selected = of_task(selected, task)?;
    }
    if !scope.kinds.is_empty() {
        selected = of_kinds(runs, selected, &scope.kinds)?;
    }
    if let Some(asset) = &scope.asset {
        selected = on_asset(facts, selected, asset).await?;
    }
    if let Some(predicate) = &scope.predicate {
        selected = satisfying(selected, predicate).await?;
    }
    if scope.cases_only && !selected.iter().all(only_asks) {
        selected.retain(|entry| !only_asks(entry));
    }
    if let Some(last) = scope.last {
        selected.sort_by(|left, right| in_time(&left.run, &right.run));
        selected = selected.split_off(selected.len().saturating_sub(last));
    }
    if scope.originals {
        let originals = Lineage::of(runs).originals(&selected);
        selected =
            selected.into_iter().zip(originals).filter_map(|(entry, is)| is.then_some(entry)).collect();
    }
    if selected.is_empty() {
        return Err(SessionError::NoRuns);
    }
    Ok(selected)
}

/// Whether a run asked a question and worked on no case.
fn only_asks(entry: &RunEntry) -> bool {
    entry.run.kind == "ask" && entry.run.result_count == 0
}

/// The runs that were named and yet left out, since they worked on no case.
pub(crate) fn left_out(runs: &[RunEntry], scope: &Scope) -> Vec<RunEntry> {
    let named = named(runs, &scope.runs).unwrap_or_default();
    if !scope.cases_only || named.iter().all(only_asks) {
        return Vec::new();
    }
    named.into_iter().filter(only_asks).collect()
}

/// The runs whose kind or command is one of the words, or whose command fits one as a glob.
fn of_kinds(
    runs: &[RunEntry],
    selected: Vec<RunEntry>,
    wanted: &[String],
) -> Result<Vec<RunEntry>, SessionError> {
    for word in wanted {
        if !runs.iter().any(|entry| is_of_kind(entry, word)) {
            let words = runs.iter().flat_map(|entry| [Some(&entry.run.kind), entry.run.command.as_ref()]);
            let kinds: BTreeSet<String> = words.flatten().cloned().collect();
            return Err(SessionError::UnknownKind {
                name: word.clone(),
                near: nearest(word, kinds.iter().map(String::as_str)).map(str::to_owned),
                kinds: kinds.into_iter().collect(),
            });
        }
    }
    Ok(selected.into_iter().filter(|entry| wanted.iter().any(|word| is_of_kind(entry, word))).collect())
}

fn is_of_kind(entry: &RunEntry, word: &str) -> bool {
    let command = entry.run.command.as_deref();
    entry.run.kind == word
        || command == Some(word)
        || command
            .is_some_and(|command| glob::Pattern::new(word).is_ok_and(|pattern| pattern.matches(command)))
}

/// The runs whose scope mentions the asset; of those that have no scope, the ones with a case of it.
async fn on_asset(
    facts: &Facts,
    selected: Vec<RunEntry>,
    asset: &Asset,
) -> Result<Vec<RunEntry>, SessionError> {
    let mentioned = |entry: &RunEntry| asset.is_mentioned_in(entry.run.scope.as_deref());
    let unsaid: Vec<RunEntry> = selected.iter().filter(|entry| mentioned(entry).is_none()).cloned().collect();
    let with_case = with_case(facts, &unsaid, |id| asset.holds(id)).await?;
    let there = selected.len();
    let kept: Vec<RunEntry> = selected
        .iter()
        .filter(|entry| mentioned(entry).unwrap_or_else(|| with_case.contains(&entry.run.ingest_id)))
        .cloned()
        .collect();
    if kept.is_empty() && there > 0 {
        return Err(SessionError::UnknownAsset {
            asset: asset.in_words(),
            near: asset.nearest_part(&asset_names(facts, &selected).await?),
        });
    }
    Ok(kept)
}

/// Everything that runs say they worked on, and their cases.
async fn asset_names(facts: &Facts, runs: &[RunEntry]) -> Result<Vec<String>, SessionError> {
    let scopes = runs.iter().filter_map(|entry| entry.run.scope.as_deref());
    let mut names: Vec<String> =
        scopes.filter_map(|text| serde_json::from_str::<Vec<String>>(text).ok()).flatten().collect();
    names.extend(cases::ids(facts, runs, None).await?);
    Ok(names)
}

/// The ingests of those runs that have a case whose id fits.
pub(crate) async fn with_case(
    facts: &Facts,
    runs: &[RunEntry],
    fits: impl Fn(&str) -> bool,
) -> Result<HashSet<String>, SessionError> {
    let mut ingests = HashSet::new();
    if runs.is_empty() {
        return Ok(ingests);
    }
    let ctx = SessionContext::new();
    let text = |name: &str| cast(col(name), DataType::Utf8).alias(name);
    let rows = of_runs(&ctx, ctx.read_table(Arc::clone(&facts.results))?, runs)?
        .select(vec![text("ingest_id"), text("case_id")])?
        .distinct()?
        .collect()
        .await?;
    for batch in rows {
        let texts = |column: usize| batch.column(column).as_any().downcast_ref::<StringArray>();
        if let (Some(of), Some(ids)) = (texts(0), texts(1)) {
            let fitting = of.iter().flatten().zip(ids.iter().flatten()).filter(|(_, id)| fits(id));
            ingests.extend(fitting.map(|(ingest, _)| ingest.to_owned()));
        }
    }
    Ok(ingests)
}

fn named(runs: &[RunEntry], names: &[String]) -> Result<Vec<RunEntry>, SessionError> {
    let mut selected: Vec<RunEntry> = Vec::new();
    for name in names {
        for entry in resolve(runs, name)? {
            if !selected.iter().any(|known| known.run.ingest_id == entry.run.ingest_id) {
                selected.push(entry.clone());
            }
        }
    }
    Ok(selected)
}

/// The runs that a name stands for: an id, the name given with `--name`, `last`, `last~N`, a glob, a unique prefix. `#58`
/// is the run 58 and no other, as AMX writes it.
///
/// # Errors
/// When it stands for none, or as a prefix for several.
pub fn resolve<'a>(runs: &'a [RunEntry], name: &str) -> Result<Vec<&'a RunEntry>, SessionError> {
    let exact: Vec<&RunEntry> = runs
        .iter()
        .filter(|entry| entry.run.run_id == name || entry.run.name.as_deref() == Some(name))
        .collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    if let Some(id) = name.strip_prefix('#') {
        let numbered: Vec<&RunEntry> = runs.iter().filter(|entry| entry.run.run_id == id).collect();
        return if numbered.is_empty() { Err(unknown(runs, name)) } else { Ok(numbered) };
    }
    if let Some(back) = steps_back(name) {
        return from_the_end(runs, back).map(|entry| vec![entry]).ok_or_else(|| unknown(runs, name));
    }
    if name.contains(['*', '?', '[']) {
        return by_glob(runs, name);
    }
    let prefixed: Vec<&RunEntry> = runs
        .iter()
        .filter(|entry| {
            entry.run.run_id.starts_with(name)
                || entry.run.name.as_deref().is_some_and(|given| given.starts_with(name))
        })
        .collect();
    match prefixed.as_slice() {
        [] => Err(unknown(runs, name)),
        [entry] => Ok(vec![*entry]),
        several => Err(SessionError::AmbiguousRun {
            name: name.to_owned(),
            matches: several.iter().map(|entry| entry.run.run_id.clone()).collect(),
        }),
    }
}

fn steps_back(name: &str) -> Option<usize> {
    match name.strip_prefix("last")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

fn from_the_end(runs: &[RunEntry], back: usize) -> Option<&RunEntry> {
    let mut ordered: Vec<&RunEntry> = runs.iter().collect();
    ordered.sort_by(|left, right| in_time(&left.run, &right.run));
    ordered.len().checked_sub(back + 1).and_then(|place| ordered.get(place).copied())
}

fn by_glob<'a>(runs: &'a [RunEntry], name: &str) -> Result<Vec<&'a RunEntry>, SessionError> {
    let pattern = glob::Pattern::new(name).map_err(|_| unknown(runs, name))?;
    let matches: Vec<&RunEntry> = runs
        .iter()
        .filter(|entry| {
            pattern.matches(&entry.run.run_id)
                || entry.run.name.as_deref().is_some_and(|given| pattern.matches(given))
        })
        .collect();
    if matches.is_empty() { Err(unknown(runs, name)) } else { Ok(matches) }
}

fn unknown(runs: &[RunEntry], name: &str) -> SessionError {
    let names =
        runs.iter().flat_map(|entry| [Some(entry.run.run_id.as_str()), entry.run.name.as_deref()]).flatten();
    SessionError::UnknownRun { name: name.to_owned(), near: nearest(name, names).map(str::to_owned) }
}

fn of_task(runs: Vec<RunEntry>, task: &str) -> Result<Vec<RunEntry>, SessionError> {
    // A run may hold several tasks and names only its first: such a run stays, its rows are filtered by task.
    let known: Vec<String> = runs.iter().map(|entry| entry.run.task.clone()).collect();
    let selected: Vec<RunEntry> = runs
        .into_iter()
        .filter(|entry| entry.run.task == task || holds_task(&entry.run.extra, task))
        .collect();
    if selected.is_empty() {
        let near = nearest(task, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(SessionError::UnknownTask { task: task.to_owned(), near });
    }
    Ok(selected)
}

/// Whether the header's list of further tasks holds one.
fn holds_task(extra: &Option<String>, task: &str) -> bool {
    let extra: Option<serde_json::Value> = extra.as_deref().and_then(|text| serde_json::from_str(text).ok());
    extra
        .as_ref()
        .and_then(|extra| extra.get("tasks")?.as_array())
        .is_some_and(|tasks| tasks.iter().any(|known| known.as_str() == Some(task)))
}

async fn satisfying(runs: Vec<RunEntry>, predicate: &str) -> Result<Vec<RunEntry>, SessionError> {
    let ctx = SessionContext::new();
    let headers = headers::relation(&runs)?;
    let schema = DFSchema::try_from(headers.schema())?;
    let predicate = Predicate { flag: "--scope", text: predicate, relation: "runs" };
    let expression = predicate.planned(&ctx, &schema)?;
    ctx.register_table("runs", headers)?;
    let kept = ctx.table("runs").await?.filter(expression)?.select(vec![col("place")])?.collect().await?;
    let mut selected = Vec::new();
    for batch in kept {
        if let Some(places) = batch.column(0).as_any().downcast_ref::<Int64Array>() {
            selected.extend(
                places.values().iter().filter_map(|place| runs.get(usize::try_from(*place).ok()?).cloned()),
            );
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RunRow, Timestamp};

    fn run(run_id: &str, started: i64) -> RunEntry {
        RunEntry {
            run: RunRow {
                run_id: run_id.into(),
                ingest_id: run_id.into(),
                started_at: Some(Timestamp(started)),
                task: "t".into(),
                ..RunRow::default()
            },
            argument: None,
        }
    }

    fn ids(names: &[&str]) -> Result<Vec<String>, String> {
        let runs =
            [run("baseline::1", 1), run("baseline", 2), run("candidate::1", 3), run("candidate::2", 4)];
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        named(&runs, &names)
            .map(|entries| entries.into_iter().map(|entry| entry.run.run_id).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_exact_id_beats_a_prefix() {
        assert_eq!(ids(&["baseline"]).unwrap(), ["baseline"]);
        assert_eq!(ids(&["baseline::"]).unwrap(), ["baseline::1"]);
    }

    #[test]
    fn last_counts_back_in_time() {
        assert_eq!(ids(&["last", "last~2"]).unwrap(), ["candidate::2", "baseline"]);
        assert!(ids(&["last~9"]).is_err());
    }

    #[test]
    fn a_glob_takes_all_it_matches_and_a_prefix_of_two_is_ambiguous() {
        assert_eq!(ids(&["cand*"]).unwrap().len(), 2);
        let error = ids(&["cand"]).unwrap_err();
        assert!(error.contains("candidate::1") && error.contains("candidate::2"), "{error}");
    }

    #[test]
    fn a_number_sign_before_an_id_is_passed_over_and_stands_for_no_prefix() {
        assert_eq!(ids(&["#baseline", "baseline"]).unwrap(), ["baseline"]);
        let error = ids(&["#candidate"]).unwrap_err();
        assert!(error.contains("#candidate"), "{error}");
        let hashed = [run("#7", 1), run("7", 2)];
        assert_eq!(resolve(&hashed, "#7").unwrap()[0].run.run_id, "#7", "an exact id wins");
    }

    #[test]
    fn a_slip_names_the_near_run() {
        let runs = [run("candidate::1", 3)];
        let Err(SessionError::UnknownRun { near, .. }) = resolve(&runs, "candidat:1") else { panic!() };
        assert_eq!(near.as_deref(), Some("candidate::1"));
    }
}
