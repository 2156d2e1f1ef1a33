//! Which keys a plan takes: those its predicate selects, less what the flags leave out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::prelude::{DataFrame, Expr, col, lit};
use futures::StreamExt as _;

use super::columns::{Columns, double, text};
use super::{PlannedRow, Resume, predicate_file};
use crate::answer::number;
use crate::import::rerun::RerunMode;
use crate::model::{Key, nearest};
use crate::session::{Session, SessionError, cases_named, text_values};

/// What was selected in one run.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// The keys to run, in source order.
    pub rows: Vec<PlannedRow>,
    /// How many keys the predicate selected, by status and whether they failed.
    pub by_status: BTreeMap<(String, bool), i64>,
    /// Of those the ones that a flag left out: status, why, how many.
    pub narrowed: BTreeMap<(String, String), i64>,
}

/// The texts of both relations that a plan reads.
const TEXTS: [&str; 12] = [
    "ingest_id",
    "run_id",
    "task",
    "case_id",
    "model",
    "prompt",
    "variant",
    "status",
    "error_kind",
    "error_stage",
    "error_reason",
    "error_message",
];

/// Which of the keys that a predicate selects the person wants.
pub(super) struct Narrowing<'a> {
    asked: &'a Resume,
    cases: Option<BTreeSet<String>>,
}

impl<'a> Narrowing<'a> {
    /// Looks up what the flags name.
    ///
    /// # Errors
    /// When there is no such model, case or reason.
    pub async fn of(session: &mut Session, asked: &'a Resume) -> Result<Self, SessionError> {
        for (what, wanted, there) in [
            ("model", &asked.models, "SELECT DISTINCT model FROM source_histories ORDER BY 1"),
            ("reason", &asked.reasons, REASONS),
        ] {
            if !wanted.is_empty() {
                known(wanted, &text_values(&session.rows(there).await?, 0), what)?;
            }
        }
        let cases = match &asked.case {
            Some(word) => Some(cases(session, word).await?),
            None => None,
        };
        Ok(Self { asked, cases })
    }

    /// Why a row is not wanted; `None` when it is.
    fn leaves_out(&self, row: &PlannedRow) -> Option<String> {
        let asked = self.asked;
        let model = row.model.as_deref();
        if !asked.models.is_empty() && !asked.models.iter().any(|wanted| Some(wanted.as_str()) == model) {
            return Some("another model".to_owned());
        }
        if self.cases.as_ref().is_some_and(|cases| !cases.contains(&*row.case_id)) {
            return Some("another case".to_owned());
        }
        let reasons = [&row.error_reason, &row.error_stage, &row.error_kind];
        let has = |wanted: &String| reasons.iter().any(|reason| reason.as_deref() == Some(wanted.as_str()));
        if !asked.reasons.is_empty() && !asked.reasons.iter().any(has) {
            return Some("another reason".to_owned());
        }
        match asked.max_attempts {
            Some(most) if row.attempts >= most => {
                Some(format!("tried {} or more", number::counted(most.max(0) as usize, "time", "times")))
            }
            _ => None,
        }
    }
}

/// What a row can have failed for.
const REASONS: &str = "SELECT DISTINCT reason FROM (SELECT error_reason AS reason FROM failed_rows UNION ALL \
     SELECT error_stage AS reason FROM failed_rows UNION ALL SELECT error_kind AS reason FROM failed_rows) \
     WHERE reason IS NOT NULL ORDER BY 1";

fn known(wanted: &[String], there: &[String], what: &'static str) -> Result<(), SessionError> {
    // Where nothing failed no reason can be right, and there is nothing to do.
    match wanted.iter().find(|name| !there.is_empty() && !there.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(SessionError::UnknownArm {
            name: unknown.clone(),
            by: what.to_owned(),
            arms: there.to_vec(),
            near: nearest(unknown, there.iter().map(String::as_str)).map(str::to_owned),
        }),
    }
}

async fn cases(session: &mut Session, word: &str) -> Result<BTreeSet<String>, SessionError> {
    let rows = session.rows("SELECT DISTINCT case_id FROM source_histories").await?;
    let there: BTreeSet<String> = text_values(&rows, 0).into_iter().collect();
    let wanted = cases_named(&there, word);
    if wanted.is_empty() && !there.is_empty() {
        let near = nearest(word, there.iter().map(String::as_str)).map(str::to_owned);
        return Err(SessionError::UnknownCase { name: word.to_owned(), near });
    }
    Ok(wanted)
}

/// What is selected, by ingest.
///
/// # Errors
/// When the predicate does not plan or the rows cannot be read.
pub(super) async fn selected(
    session: &mut Session,
    asked: &Resume,
) -> Result<HashMap<String, Selected>, SessionError> {
    let narrowing = Narrowing::of(session, asked).await?;
    let rerun = done_elsewhere(session, asked).await?;
    let pass_threshold = session.request().options.pass_threshold;
    let frame = in_order(relation(session, asked).await?, asked.mode)?;
    let mut texts = Texts::default();
    let mut found: HashMap<String, Selected> = HashMap::new();
    let mut stream = frame.execute_stream().await?;
    while let Some(batch) = stream.next().await {
        for (ingest, row, failed) in rows_of(&batch?, &mut texts, pass_threshold)? {
            let selected = found.entry(ingest.to_string()).or_default();
            *selected.by_status.entry((row.status.to_string(), failed)).or_default() += 1;
            let why =
                narrowing.leaves_out(&row).or_else(|| rerun.get(&(ingest, row.case_id.clone())).cloned());
            match why {
                Some(why) => *selected.narrowed.entry((row.status.to_string(), why)).or_default() += 1,
                None => selected.rows.push(row),
            }
        }
    }
    Ok(found)
}

/// The rows that the mode's predicate, or the person's, selects.
async fn relation(session: &mut Session, asked: &Resume) -> Result<DataFrame, SessionError> {
    let (relation, flag) = match asked.mode {
        RerunMode::Select => ("latest_results", "--select"),
        RerunMode::Where => ("failed_rows", "--where"),
        _ => ("failed_rows", "--mode"),
    };
    let predicate = match predicate_file(asked.mode) {
        Some((_, text)) => text,
        None => asked.predicate.as_deref().unwrap_or_default(),
    };
    session.filtered(relation, (flag, predicate)).await
}

/// The columns of a plan, in source order, what has no row last. `failed` is whether the key is one of `failed_rows`.
fn in_order(frame: DataFrame, mode: RerunMode) -> Result<DataFrame, SessionError> {
    let column = |name: &str| Expr::Column(datafusion::common::Column::new_unqualified(name));
    let mut columns: Vec<Expr> = TEXTS.iter().map(|name| column(name)).collect();
    columns.extend([column("epoch"), column("score"), column("source_row")]);
    columns.extend(match mode {
        RerunMode::Select => {
            let failed = column("status").not_eq(lit("ok")).or(column("passed").is_false());
            [column("attempt").alias("attempts"), failed.alias("failed")]
        }
        _ => [column("attempts"), lit(true).alias("failed")],
    });
    let ascending = |name: &str| col(name).sort(true, false);
    let order = ["source_row", "run_id", "task", "case_id", "model", "prompt", "variant", "epoch"];
    Ok(frame.select(columns)?.sort(order.map(ascending).to_vec())?)
}

/// Texts that repeat from row to row, each held once.
#[derive(Debug, Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(text);
        self.0.insert(Arc::clone(&shared));
        shared
    }
}

type Found = (Arc<str>, PlannedRow, bool);

fn rows_of(batch: &RecordBatch, texts: &mut Texts, pass_threshold: f64) -> Result<Vec<Found>, SessionError> {
    let columns = Columns(batch);
    let read: Vec<_> = TEXTS.iter().map(|name| columns.texts(name)).collect::<Result<_, _>>()?;
    let (scores, failed) = (columns.doubles("score")?, columns.booleans("failed")?);
    let (epochs, attempts) = (columns.integers("epoch")?, columns.integers("attempts")?);
    let mut rows = Vec::with_capacity(batch.num_rows());
    for at in 0..batch.num_rows() {
        let [ingest, run_id, task, case_id, model, prompt, variant, status, kind, stage, reason, message] =
            std::array::from_fn(|column| text(&read[column], at));
        let status = status.unwrap_or_default();
        let score = double(&scores, at);
        let mut shared = |text: Option<&str>| text.map(|text| texts.shared(text));
        let why = why(status, score, ([reason, stage, kind], pass_threshold));
        let row = PlannedRow {
            run_id: shared(run_id).unwrap_or_default(),
            task: shared(task).unwrap_or_default(),
            // Most ids stand in one row only.
            case_id: Arc::from(case_id.unwrap_or_default()),
            model: shared(model),
            prompt: shared(prompt),
            variant: shared(variant),
            epoch: epochs.value(at),
            status: shared(Some(status)).unwrap_or_default(),
            error_kind: shared(kind),
            error_stage: shared(stage),
            error_reason: shared(reason),
            score,
            reason: shared(Some(&why)).unwrap_or_default(),
            attempts: attempts.value(at),
            last_error: shared(message),
        };
        rows.push((shared(ingest).unwrap_or_default(), row, super::columns::yes(&failed, at)));
    }
    Ok(rows)
}

/// Why a key is to run, for a person.
fn why(
    status: &str,
    score: Option<f64>,
    ([reason, stage, kind], pass_threshold): ([Option<&str>; 3], f64),
) -> String {
    let at = |what: &str| stage.map_or_else(|| what.to_owned(), |stage| format!("{what} at {stage}"));
    match (status, score) {
        ("missing", _) => "no row".to_owned(),
        ("ok" | "quality_failure", Some(score)) if score < pass_threshold => {
            format!("{} < {}", number::score(score), number::score(pass_threshold))
        }
        ("quality_failure", Some(score)) => format!("judged a failure at {}", number::score(score)),
        ("quality_failure", None) => "judged a failure".to_owned(),
        ("ok", Some(score)) => format!("score {}", number::score(score)),
        ("ok", None) => "no score".to_owned(),
        _ => match reason.or(kind) {
            Some(what) => at(what),
            None => stage.map_or_else(|| "no reason given".to_owned(), |stage| format!("at {stage}")),
        },
    }
}

/// The cases that a re-run of the run has done since, with the run that did. Tools that put a re-run into a run of its own
/// (AMX) leave the original as it was.
async fn done_elsewhere(
    session: &mut Session,
    asked: &Resume,
) -> Result<HashMap<(Arc<str>, Arc<str>), String>, SessionError> {
    let mut done = HashMap::new();
    if asked.mode == RerunMode::Select {
        return Ok(done);
    }
    let some = session.rows("SELECT run_id FROM run_descendants WHERE relation = 'rerun' LIMIT 1").await?;
    if some.batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(done);
    }
    let rows = session.rows(DONE_ELSEWHERE).await?;
    for batch in &rows.batches {
        let columns = Columns(batch);
        let [roots, runs, ids] =
            [columns.texts("root_ingest_id")?, columns.texts("run_id")?, columns.texts("case_id")?];
        for at in 0..batch.num_rows() {
            if let (Some(root), Some(run), Some(id)) = (text(&roots, at), text(&runs, at), text(&ids, at)) {
                done.insert((Arc::from(root), Arc::from(id)), format!("done in re-run {run}"));
            }
        }
    }
    Ok(done)
}

const DONE_ELSEWHERE: &str = "SELECT run_descendants.root_ingest_id, max(run_descendants.run_id) AS run_id, \
     family_results.case_id FROM run_descendants \
     INNER JOIN family_results ON run_descendants.ingest_id = family_results.ingest_id \
     WHERE run_descendants.relation = 'rerun' AND run_descendants.problem IS NULL \
     AND family_results.latest AND family_results.status = 'ok' \
     GROUP BY run_descendants.root_ingest_id, family_results.case_id";

/// The key of a planned row.
pub(super) fn key_of(row: &PlannedRow) -> Key {
    let owned = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    Key::from_parts(
        &row.task,
        &row.case_id,
        [&owned(&row.model), &owned(&row.prompt), &owned(&row.variant)],
        row.epoch,
    )
}
