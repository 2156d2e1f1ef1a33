//! Runs that no tool made: as many as a test or a bench asks for, the same ones for the same plan.
//!
//! Every row is a pure function of the plan and its place, so nothing is held in memory and a row can be named
//! without making those before it. Knows nothing of runq; it writes files as tools leave them behind. Values are
//! coarse binary fractions: ties, equal deltas and threshold edges happen, and sums are exact in any order, so that
//! whether two means differ is never a matter of rounding.
#![allow(dead_code)]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The first moment of the first run: 2026-01-05T08:00:00Z. Runs follow a day apart.
pub const FIRST_RUN_MS: i64 = 1_767_600_000_000;
const DAY_MS: i64 = 86_400_000;
/// A retry comes hours after what it repeats, and before the next run.
const RETRY_MS: i64 = 3 * 3_600_000;
const MAX_ATTEMPTS: u32 = 3;

/// What to make. Rates are probabilities from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Another seed gives other values in the same shape.
    pub seed: u64,
    /// Tasks in every run, at least 1.
    pub tasks: usize,
    /// Runs.
    pub runs: usize,
    /// Cases of each task.
    pub cases: usize,
    /// Models in every run; each runs every case.
    pub models: usize,
    /// Planned repeats of every case. AgentV files hold the first one only: its rows have no epoch.
    pub epochs: usize,
    /// Metrics m1, m2, ... beside the score: 0 or 1, sixteenths, 0 to 10, and one that only every second case has.
    pub metrics: usize,
    /// How many attempts end as execution_error, scorer_error or cancelled; a fifth as many end as limit.
    pub error_rate: f64,
    /// How many keys are executed once more (and of those again). Retries stand behind all first attempts.
    pub retry_rate: f64,
    /// How many rows stand in the file twice; and how many keys hold what an earlier run holds, time included.
    pub copy_rate: f64,
    /// How many values are null or, for metrics of a failed attempt, left out.
    pub null_rate: f64,
    /// How many scores are NaN.
    pub nan_rate: f64,
    /// Length of the answer texts.
    pub text_bytes: usize,
    /// Whether each run leaves out about a tenth of the cases, every run other ones.
    pub unequal_cases: bool,
}

impl Default for Plan {
    /// Two clean runs of one task with 100 cases.
    fn default() -> Self {
        Self {
            seed: 1,
            tasks: 1,
            runs: 2,
            cases: 100,
            models: 1,
            epochs: 1,
            metrics: 2,
            error_rate: 0.0,
            retry_rate: 0.0,
            copy_rate: 0.0,
            null_rate: 0.0,
            nan_rate: 0.0,
            text_bytes: 80,
            unequal_cases: false,
        }
    }
}

/// One row as a tool would write it.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticRow {
    /// Number of the run, from 0.
    pub run: usize,
    /// Task, `task-0`, ...
    pub task: String,
    /// Case, unique within its task.
    pub case_id: String,
    /// Model, `model-0`, ...
    pub model: String,
    /// Planned repeat, from 1.
    pub epoch: usize,
    /// Execution of the key within the run, from 1.
    pub attempt: u32,
    /// ok, execution_error, scorer_error, limit or cancelled.
    pub status: &'static str,
    /// Message of an error.
    pub error: Option<&'static str>,
    /// The row's own time in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Headline score from 0 to 1, 0 for an execution error; may be NaN.
    pub score: Option<f64>,
    /// Listed metrics with their values, which may be missing or NaN.
    pub metrics: Vec<(String, Option<f64>)>,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Milliseconds.
    pub duration_ms: Option<f64>,
    /// Prompt tokens.
    pub input_tokens: Option<i64>,
    /// Completion tokens.
    pub output_tokens: Option<i64>,
    /// The answer.
    pub output: String,
}

/// Name of a run in a table.
pub fn run_name(run: usize) -> String {
    format!("run-{run:04}")
}

/// Every row of every run, in file order: first attempts by task, case, model and epoch, then retries.
pub fn rows(plan: &Plan) -> impl Iterator<Item = SyntheticRow> {
    (0..plan.runs).flat_map(move |run| run_rows(plan, run))
}

/// The rows of one run.
pub fn run_rows(plan: &Plan, run: usize) -> impl Iterator<Item = SyntheticRow> {
    (1..=MAX_ATTEMPTS).flat_map(move |attempt| {
        keys(plan)
            .filter(move |key| runs_in(plan, run, *key) && attempt <= attempts(plan, run, *key))
            .flat_map(move |key| {
                let copies = usize::from(chance(plan.copy_rate, plan, Draw::Twice(attempt), run, key));
                let row = row(plan, run, key, attempt);
                std::iter::repeat_n(row, 1 + copies)
            })
    })
}

/// Writes all runs as one table of JSON lines.
///
/// Keys: id, task, run, model, epoch, attempt, status, error, timestamp, score, m1.., cost_usd, duration_ms,
/// input_tokens, output_tokens, output. NaN is the bare token, as Python writes it.
pub fn write_jsonl(plan: &Plan, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for row in rows(plan) {
        write_table_line(&mut file, &row)?;
    }
    file.flush()
}

/// Writes each run as a folder of AgentV 4.25: `dir/runs/<experiment>/<timestamp>/index.jsonl` with full rows.
///
/// Rows have no epoch, so only the first epoch of the plan is written, and the score is a number always.
pub fn write_agentv(plan: &Plan, dir: &Path) -> io::Result<()> {
    let plan = Plan { epochs: plan.epochs.min(1), ..plan.clone() };
    for run in 0..plan.runs {
        let began = iso(FIRST_RUN_MS + run as i64 * DAY_MS).replace([':', '.'], "-");
        let folder = dir.join("runs").join(format!("experiment-{}", run % 2)).join(began);
        fs::create_dir_all(&folder)?;
        let mut file = BufWriter::new(File::create(folder.join("index.jsonl"))?);
        for row in run_rows(&plan, run) {
            write_agentv_line(&mut file, &row)?;
        }
        file.flush()?;
    }
    Ok(())
}

/// A key of the plan, by numbers from 0.
#[derive(Debug, Clone, Copy)]
struct Key {
    task: usize,
    case: usize,
    model: usize,
    epoch: usize,
}

fn keys(plan: &Plan) -> impl Iterator<Item = Key> {
    let (tasks, cases, models, epochs) = (plan.tasks, plan.cases, plan.models, plan.epochs);
    (0..tasks * cases * models * epochs).map(move |place| Key {
        task: place / epochs / models / cases,
        case: place / epochs / models % cases,
        model: place / epochs % models,
        epoch: place % epochs,
    })
}

/// Whether the run has the case at all, the same for every model and epoch.
fn runs_in(plan: &Plan, run: usize, key: Key) -> bool {
    let case = Key { model: 0, epoch: 0, ..key };
    !(plan.unequal_cases && chance(0.1, plan, Draw::LeftOut, run, case))
}

/// The run whose last result this run holds for the key: itself unless it copied.
fn origin(plan: &Plan, run: usize, key: Key) -> usize {
    let mut origin = run;
    while origin > 0
        && runs_in(plan, origin - 1, key)
        && chance(plan.copy_rate, plan, Draw::FromEarlierRun, origin, key)
    {
        origin -= 1;
    }
    origin
}

fn attempts(plan: &Plan, run: usize, key: Key) -> u32 {
    if origin(plan, run, key) != run {
        return 1;
    }
    let again = |attempt: &u32| chance(plan.retry_rate, plan, Draw::Again(*attempt), run, key);
    1 + (1..MAX_ATTEMPTS).take_while(again).count() as u32
}

fn row(plan: &Plan, run: usize, key: Key, attempt: u32) -> SyntheticRow {
    let origin = origin(plan, run, key);
    if origin == run {
        return executed(plan, run, key, attempt);
    }
    SyntheticRow { run, attempt: 1, ..executed(plan, origin, key, attempts(plan, origin, key)) }
}

/// What executing a key gives.
fn executed(plan: &Plan, run: usize, key: Key, attempt: u32) -> SyntheticRow {
    let mut random = Random::at(plan, Draw::Result(attempt), run, key);
    let last = attempt == attempts(plan, run, key);
    // Most of what is executed again had failed.
    let error_rate = if last { plan.error_rate } else { plan.error_rate.max(0.7) };
    let (status, error) = outcome(&mut random, error_rate);
    let strength = strength(plan, run, key) + 0.3 * (random.unit() - 0.5);
    let ordinal = ((key.task * plan.cases + key.case) * plan.models + key.model) * plan.epochs + key.epoch;
    let tokens = 20 + random.below(2000) as i64;
    let answered = error.is_none();
    SyntheticRow {
        run,
        task: format!("task-{}", key.task),
        case_id: format!("case-{:05}", key.case),
        model: format!("model-{}", key.model),
        epoch: key.epoch + 1,
        attempt,
        status,
        error,
        timestamp_ms: FIRST_RUN_MS + run as i64 * DAY_MS + i64::from(attempt - 1) * RETRY_MS + ordinal as i64,
        score: match status {
            "execution_error" => Some(0.0),
            "cancelled" | "scorer_error" => None,
            _ => random.scored(plan, grid(strength, 128.0)),
        },
        metrics: metrics(plan, key, strength, answered, &mut random),
        cost_usd: random.known(plan.null_rate, answered.then_some(tokens as f64 / 524_288.0)),
        duration_ms: random.known(plan.null_rate, answered.then_some((200 + tokens * 3) as f64)),
        input_tokens: random.known(plan.null_rate, answered.then_some(tokens)),
        output_tokens: random.known(plan.null_rate, answered.then_some(tokens / 4)),
        output: text(&mut random, plan.text_bytes),
    }
}

fn outcome(random: &mut Random, error_rate: f64) -> (&'static str, Option<&'static str>) {
    let draw = random.unit();
    if draw >= error_rate {
        let limit = draw < error_rate * 1.2;
        return if limit { ("limit", None) } else { ("ok", None) };
    }
    match random.below(20) {
        0..=13 => ("execution_error", Some("connection reset by peer (exit code 3)")),
        14..=16 => ("scorer_error", Some("judge gave no JSON: \"I'd say 7/10\"")),
        _ => ("cancelled", Some("interrupted")),
    }
}

/// How good the answer is apart from chance: what the case, the model and the run give to it.
fn strength(plan: &Plan, run: usize, key: Key) -> f64 {
    let case = Key { model: 0, epoch: 0, ..key };
    let ease = Random::at(plan, Draw::Case, 0, case).unit();
    0.35 + 0.6 * ease + 0.05 * key.model as f64 + 0.01 * run as f64
}

fn metrics(
    plan: &Plan,
    key: Key,
    strength: f64,
    answered: bool,
    random: &mut Random,
) -> Vec<(String, Option<f64>)> {
    // Half of the failed attempts list their metrics without values, half list none.
    if !answered && random.unit() < 0.5 {
        return Vec::new();
    }
    (1..=plan.metrics)
        .filter(|number| number % 4 != 0 || key.case.is_multiple_of(2))
        .map(|number| {
            let own = strength + 0.4 * (random.unit() - 0.5);
            let value = match number % 4 {
                1 => f64::from(u8::from(own > 0.6)),
                2 => grid(own, 16.0),
                3 => 10.0 * grid(own, 4096.0),
                _ => grid(own, 128.0),
            };
            (format!("m{number}"), if answered { random.scored(plan, value) } else { None })
        })
        .collect()
}

/// A value between 0 and 1 in so many steps.
fn grid(value: f64, steps: f64) -> f64 {
    (value.clamp(0.0, 1.0) * steps).round() / steps
}

fn text(random: &mut Random, bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "refund",
        "takes",
        "14",
        "days",
        "\"quoted\"",
        "Größe",
        "line\nbreak",
        "a",
        "comma,",
        "the",
        "answer",
        "is",
        "not",
        "order_id",
        "back\\slash",
        "42.",
    ];
    let mut text = String::with_capacity(bytes + 12);
    while text.len() < bytes {
        text.push_str(WORDS[random.below(WORDS.len() as u64) as usize]);
        text.push(' ');
    }
    while text.len() > bytes {
        text.pop();
    }
    text
}

/// What a chance is drawn for; each has a stream of its own.
#[derive(Debug, Clone, Copy)]
enum Draw {
    Case,
    LeftOut,
    FromEarlierRun,
    Again(u32),
    Twice(u32),
    Result(u32),
}

impl Draw {
    fn number(self) -> u64 {
        match self {
            Self::Case => 1,
            Self::LeftOut => 2,
            Self::FromEarlierRun => 3,
            Self::Again(attempt) => 100 + u64::from(attempt),
            Self::Twice(attempt) => 200 + u64::from(attempt),
            Self::Result(attempt) => 300 + u64::from(attempt),
        }
    }
}

fn chance(rate: f64, plan: &Plan, draw: Draw, run: usize, key: Key) -> bool {
    rate > 0.0 && Random::at(plan, draw, run, key).unit() < rate
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn at(plan: &Plan, draw: Draw, run: usize, key: Key) -> Self {
        let place = [run, key.task, key.case, key.model, key.epoch].map(|part| part as u64);
        let mut random = Self(plan.seed);
        for part in std::iter::once(draw.number()).chain(place) {
            random = Self(random.next() ^ part);
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below a small limit.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn known<T>(&mut self, null_rate: f64, value: Option<T>) -> Option<T> {
        if self.unit() < null_rate { None } else { value }
    }

    fn scored(&mut self, plan: &Plan, value: f64) -> Option<f64> {
        let value = if self.unit() < plan.nan_rate { f64::NAN } else { value };
        self.known(plan.null_rate, Some(value))
    }
}

fn write_table_line(file: &mut impl Write, row: &SyntheticRow) -> io::Result<()> {
    let SyntheticRow { case_id, task, model, epoch, attempt, status, .. } = row;
    write!(file, r#"{{"id":"{case_id}","task":"{task}","run":"{}","model":"{model}","#, run_name(row.run))?;
    write!(file, r#""epoch":{epoch},"attempt":{attempt},"status":"{status}","error":"#)?;
    match row.error {
        Some(message) => write!(file, "{}", quoted(message))?,
        None => write!(file, "null")?,
    }
    write!(file, r#","timestamp":"{}","score":{}"#, iso(row.timestamp_ms), number(row.score))?;
    for (name, value) in &row.metrics {
        write!(file, r#","{name}":{}"#, number(*value))?;
    }
    write!(file, r#","cost_usd":{},"duration_ms":{}"#, number(row.cost_usd), number(row.duration_ms))?;
    write!(
        file,
        r#","input_tokens":{},"output_tokens":{}"#,
        whole(row.input_tokens),
        whole(row.output_tokens)
    )?;
    writeln!(file, r#","output":{}}}"#, quoted(&row.output))
}

fn write_agentv_line(file: &mut impl Write, row: &SyntheticRow) -> io::Result<()> {
    let time = iso(row.timestamp_ms);
    let score = row.score.filter(|score| score.is_finite()).unwrap_or(0.0);
    write!(file, r#"{{"timestamp":"{time}","test_id":"{}","suite":"{}","#, row.case_id, row.task)?;
    write!(file, r#""category":"Uncategorized","score":{score},"assertions":[],"target":"{}""#, row.model)?;
    if let (Some(input), Some(output)) = (row.input_tokens, row.output_tokens) {
        write!(file, r#","token_usage":{{"input":{input},"output":{output}}}"#)?;
    }
    for (name, value) in [("cost_usd", row.cost_usd), ("duration_ms", row.duration_ms)] {
        if let Some(value) = value {
            write!(file, r#","{name}":{value}"#)?;
        }
    }
    let question = quoted(&format!("Question of {}", row.case_id));
    write!(file, r#","input":[{{"role":"user","content":{question}}}]"#)?;
    write!(file, r#","output":[{{"role":"assistant","content":{}}}]"#, quoted(&row.output))?;
    write_agentv_scores(file, row, &time)?;
    if let Some(error) = row.error {
        let message = quoted(error);
        let stage = if row.status == "scorer_error" { "evaluator" } else { "agent" };
        write!(file, r#","error":{message},"execution_status":"execution_error","failure_stage":"{stage}""#)?;
        write!(file, r#","failure_reason_code":"provider_error","execution_error":{{"message":{message}"#)?;
        return writeln!(file, r#","stage":"{stage}"}}}}"#);
    }
    let status = if score >= 0.8 { "ok" } else { "quality_failure" };
    writeln!(file, r#","execution_status":"{status}"}}"#)
}

fn write_agentv_scores(file: &mut impl Write, row: &SyntheticRow, time: &str) -> io::Result<()> {
    if row.metrics.is_empty() || row.error.is_some() {
        return Ok(());
    }
    for (place, (name, value)) in row.metrics.iter().enumerate() {
        // JavaScript has no NaN in JSON either; it writes null.
        let score = number(value.filter(|value| value.is_finite()));
        let verdict = if value.is_some_and(|value| value >= 0.8) { "pass" } else { "fail" };
        write!(file, "{}", if place == 0 { r#","scores":["# } else { "," })?;
        write!(
            file,
            r#"{{"name":"{name}","type":"code-grader","score":{score},"weight":1,"verdict":"{verdict}""#
        )?;
        write!(file, r#","assertions":[],"duration_ms":1,"started_at":"{time}","ended_at":"{time}"}}"#)?;
    }
    write!(file, "]")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn whole(value: Option<i64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// ISO 8601 in UTC with milliseconds; days to civil date after Howard Hinnant's `civil_from_days`.
pub fn iso(milliseconds: i64) -> String {
    let (days, rest) = (milliseconds.div_euclid(DAY_MS), milliseconds.rem_euclid(DAY_MS));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let moved_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * moved_month + 2) / 5 + 1;
    let month = if moved_month < 10 { moved_month + 3 } else { moved_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let [hour, minute] = [rest / 3_600_000, rest / 60_000 % 60];
    let [second, milli] = [rest / 1_000 % 60, rest % 1_000];
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}
