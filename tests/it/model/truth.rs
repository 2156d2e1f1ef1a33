//! The simple truth: a map from runs to what they are, and what may have become of it after some work side by side.

use std::collections::BTreeMap;

use runq::model::{ResultRow, RunRow, ScoreRow, StepRow};

/// What a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The ingest whose rows it shows.
    pub ingest: String,
    /// How often it was published.
    pub generation: i64,
    /// How many cases it has.
    pub cases: usize,
    /// The name that was given to it last.
    pub name: String,
}

/// All published runs.
pub type Truth = BTreeMap<String, State>;

/// What one process did with one run, and how it ended.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub run: String,
    pub state: State,
    pub end: End,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The process was told that the run is published.
    Landed,
    /// The process was told that another one was faster.
    Lost,
    /// The process failed or died: nobody knows.
    Unknown,
}

impl State {
    pub fn header(&self, run: &str) -> RunRow {
        RunRow {
            run_id: run.into(),
            ingest_id: self.ingest.clone(),
            generation: self.generation,
            name: Some(self.name.clone()),
            tool: "table".into(),
            kind: "eval".into(),
            task: "suite".into(),
            status: "complete".into(),
            source_path: format!("/{run}"),
            source_file: format!("/{run}/rows.jsonl"),
            fingerprint: self.ingest.clone(),
            result_count: self.cases as i64,
            score_count: 2 * self.cases as i64,
            step_count: (self.cases / 2) as i64,
            ..RunRow::default()
        }
    }

    pub fn results(&self, run: &str) -> Vec<ResultRow> {
        (0..self.cases)
            .map(|case| ResultRow {
                run_id: run.into(),
                ingest_id: self.ingest.clone(),
                task: "suite".into(),
                case_id: format!("case-{case:03}"),
                epoch: 1,
                attempt: 1,
                latest: true,
                copies: 1,
                in_source: true,
                status: "ok".into(),
                score: Some(self.value(case)),
                primary_metric: "score".into(),
                output: Some(format!("{run} {} {case}", self.ingest)),
                ..ResultRow::default()
            })
            .collect()
    }

    pub fn scores(&self, run: &str) -> Vec<ScoreRow> {
        (0..2 * self.cases)
            .map(|place| ScoreRow {
                run_id: run.into(),
                ingest_id: self.ingest.clone(),
                task: "suite".into(),
                case_id: format!("case-{:03}", place / 2),
                epoch: 1,
                attempt: 1,
                latest: true,
                status: "ok".into(),
                metric: if place % 2 == 0 { "score".into() } else { "tone".into() },
                value: Some(self.value(place)),
                ..ScoreRow::default()
            })
            .collect()
    }

    pub fn steps(&self, run: &str) -> Vec<StepRow> {
        (0..self.cases / 2)
            .map(|place| StepRow {
                run_id: run.into(),
                ingest_id: self.ingest.clone(),
                task: "suite".into(),
                case_id: format!("case-{place:03}"),
                epoch: 1,
                attempt: 1,
                latest: true,
                step: 1,
                kind: "tool".into(),
                name: "search".into(),
                ..StepRow::default()
            })
            .collect()
    }

    /// A number that other ingests do not have at this place; sums of them are exact.
    fn value(&self, place: usize) -> f64 {
        let own: u32 =
            self.ingest.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        f64::from(own % 1009) + place as f64 / 64.0
    }

    /// Rows of results, scores and steps, and the sums of the scores of the first two.
    pub fn promised(&self) -> Counted {
        let sum = |places: usize| (0..places).map(|place| self.value(place)).sum();
        Counted {
            rows: [self.cases, 2 * self.cases, self.cases / 2],
            sums: [sum(self.cases), sum(2 * self.cases)],
        }
    }
}

/// What stands in the tables under one ingest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    pub rows: [usize; 3],
    pub sums: [f64; 2],
}

/// Whether a reader who looked in the middle of the work may have seen this; the reason when not.
pub fn may_be_seen(seen: &Truth, before: &Truth, attempts: &[Attempt]) -> Result<(), String> {
    if let Some(lost) = before.keys().find(|run| !seen.contains_key(*run)) {
        return Err(format!("run {lost} is gone"));
    }
    for (run, state) in seen {
        let is_tried = attempts.iter().any(|attempt| attempt.run == *run && attempt.state == *state);
        if !is_tried && before.get(run) != Some(state) {
            return Err(format!("run {run} is {state:?}, which nobody published"));
        }
    }
    Ok(())
}

/// Whether this may stand there when the work is over; the reason when not.
pub fn may_stay(after: &Truth, before: &Truth, attempts: &[Attempt]) -> Result<(), String> {
    may_be_seen(after, before, attempts)?;
    for attempt in attempts.iter().filter(|attempt| attempt.end == End::Landed) {
        let (run, generation) = (&attempt.run, attempt.state.generation);
        let is_same = |other: &&Attempt| {
            other.end == End::Landed && other.run == *run && other.state.generation == generation
        };
        if attempts.iter().filter(is_same).count() > 1 {
            return Err(format!("two processes were told that generation {generation} of {run} is theirs"));
        }
        let stays = after.get(run).ok_or_else(|| format!("run {run} was published and is gone"))?;
        if stays.generation < generation {
            return Err(format!("run {run} fell back to {stays:?} from generation {generation}"));
        }
        if stays.generation == generation && *stays != attempt.state {
            return Err(format!(
                "run {run} is {stays:?}, and the process of {:?} was told that it won",
                attempt.state
            ));
        }
    }
    let lost = attempts.iter().filter(|attempt| attempt.end == End::Lost);
    for attempt in lost {
        let stays = after.get(&attempt.run).ok_or_else(|| format!("{} was lost to nobody", attempt.run))?;
        if *stays == attempt.state
            && stays.ingest == attempt.state.ingest
            && !is_same_elsewhere(attempt, attempts)
        {
            return Err(format!("run {} was said to be lost and is there: {stays:?}", attempt.run));
        }
    }
    Ok(())
}

/// Whether another process tried to publish exactly the same.
fn is_same_elsewhere(attempt: &Attempt, attempts: &[Attempt]) -> bool {
    attempts.iter().filter(|other| other.run == attempt.run && other.state == attempt.state).count() > 1
}
