//! One run as a person reads it: facts, cases, what is missing, what to do next. Words only; nothing is asked here.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{CaseEntry, CaseRow, Missing, Show, attempts};
use crate::answer::{Block, Cell, Column, Mark, Table, number};
use crate::model::{RunRow, Status, few, shell_word};
use crate::questions::compare::CaseLimit;
use crate::questions::runs::minute;

pub(super) fn heading(run: &RunRow) -> Block {
    let name = run.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    Block::Headline {
        left: format!("{}{name} · {}", run.run_id, run.task),
        right: format!("{} {}", run.tool, run.tool_version.as_deref().unwrap_or("")).trim_end().to_owned(),
    }
}

pub(super) fn facts_table(run: &RunRow, overview: &BTreeMap<String, Value>, said: (&str, &Show)) -> Table {
    let (counts, asked) = said;
    let number_of = |name: &str| overview.get(name).and_then(Value::as_f64);
    let mut facts: Vec<(&str, String)> = Vec::new();
    facts.extend(origin(run));
    facts.extend([
        ("status", status(run)),
        ("cases", counts.to_owned()),
        ("pass rate", pass_rates(overview)),
    ]);
    if let (Some(rate), Some(applied), Some(processed)) =
        (number_of("approval_rate"), run.applied_count, run.processed_count)
    {
        let rate = number::percent(rate);
        facts.push(("approved", format!("{rate} · {applied} of {processed} processed cases applied")));
    }
    facts.extend(attempts::facts(overview));
    if let Some(cost) = number_of("cost_usd") {
        let spent = number_of("cost_usd_spent").unwrap_or(cost);
        let all = if spent > cost {
            format!(", {} with superseded attempts", number::cost(spent))
        } else {
            String::new()
        };
        facts.push(("cost_usd", format!("{}{all}", number::cost(cost))));
    }
    if let Some(tokens) = number_of("total_tokens") {
        facts.push(("tokens", number::count(tokens as i64)));
    }
    if let Some(started) = run.started_at {
        let ended =
            run.ended_at.map_or_else(String::new, |ended| format!(" to {}", minute(&ended.to_rfc3339())));
        facts.push(("ran", format!("{}{ended}", minute(&started.to_rfc3339()))));
    }
    if let Some(duration) = run.duration_ms {
        let models =
            run.model_duration_ms.map(|models| format!(" · models {} ms", number::duration_ms(models)));
        facts.push(("took", format!("{} ms{}", number::duration_ms(duration), models.unwrap_or_default())));
    }
    facts.push(("run folder", relative(&run.source_path, &asked.here)));
    if run.eval_file.is_some() || run.kind == "eval" {
        let unknown = || format!("unknown: {NO_EVAL_FILE}");
        facts.push(("eval file", run.eval_file.clone().unwrap_or_else(unknown)));
    }
    for (name, object) in [("tags", &run.tags), ("params", &run.params)] {
        if let Some(text) = object {
            facts.push((name, pairs(text)));
        }
    }
    Table {
        columns: vec![Column::whole(""), Column::text("")],
        rows: facts
            .into_iter()
            .map(|(name, value)| vec![Cell::marked(name, Mark::Dim), Cell::plain(value)])
            .collect(),
    }
}

/// How the run ended: the stored word, the tool's own where it says more, and the error of the run.
fn status(run: &RunRow) -> String {
    let extra: Option<Value> = run.extra.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let of = |name: &str| extra.as_ref().and_then(|extra| extra.get(name)?.as_str());
    let mut text = run.status.clone();
    if let Some(own) = of("status").filter(|own| !own.is_empty() && *own != run.status) {
        text.push_str(&format!(" ({}: {own})", run.tool));
    }
    if let Some(error) = of("error").filter(|error| !error.is_empty()) {
        text.push_str(&format!(" · {error}"));
    }
    text
}

/// What was executed, and what that is to an earlier run.
fn origin(run: &RunRow) -> Vec<(&'static str, String)> {
    let command = run.command.as_ref().map(|command| ("command", command.clone()));
    let parent = run.parent_run_id.as_ref().map(|parent| {
        let relation = match run.relation.as_deref() {
            Some("variations") => "variation",
            Some(other) => other,
            None => "child",
        };
        ("lineage", format!("{relation} of {parent}"))
    });
    command.into_iter().chain(parent).collect()
}

/// The three rates, and that of first attempts where cases were run again; none of them where nothing was graded.
fn pass_rates(overview: &BTreeMap<String, Value>) -> String {
    let rate = |name: &str| overview.get(name).and_then(Value::as_f64).map(number::percent);
    let or_dash = |name: &str| rate(name).unwrap_or_else(|| "—".to_owned());
    let attempts = overview.get("attempts").and_then(Value::as_i64).unwrap_or(0);
    if attempts == 0 {
        return "— no results".to_owned();
    }
    if rate("pass_rate_attempts").is_none() {
        return "— nothing to grade by: no verdicts, no scores".to_owned();
    }
    let first = attempts::first_pass_rate(overview).map_or_else(String::new, |rate| format!(" · {rate}"));
    format!(
        "{} latest · {} scored{first} · {} over all {} attempts",
        or_dash("pass_rate_latest"),
        or_dash("pass_rate_scored"),
        or_dash("pass_rate_attempts"),
        number::count(attempts)
    )
}

pub(super) const NO_EVAL_FILE: &str = "the source does not name it";

/// How the cases ended, in the words of the screen.
pub(super) fn counts(cases: &[CaseRow]) -> String {
    let mut text = number::count(cases.len() as i64);
    for word in Status::ALL.map(Status::screen_word).into_iter().chain([UNGRADED_WORD]) {
        let count = cases.iter().filter(|case| screen_word(&case.status, case.passed) == word).count();
        if count > 0 {
            text.push_str(&format!(" · {} {word}", number::count(count as i64)));
        }
    }
    text
}

/// What the screen says of a result that ran and has nothing to grade it by: it did not pass, and it did not fail.
const UNGRADED_WORD: &str = "ok";

/// What the screen says of a result. One that ran, had no verdict and scored below the threshold is a fail.
pub(in crate::questions) fn screen_word(status: &str, passed: Option<bool>) -> String {
    match (Status::parse(status), passed) {
        (Some(Status::Ok), Some(false)) => Status::QualityFailure.screen_word().to_owned(),
        (Some(Status::Ok), None) => UNGRADED_WORD.to_owned(),
        (Some(status), _) => status.screen_word().to_owned(),
        (None, _) => status.to_owned(),
    }
}

fn pairs(text: &str) -> String {
    let Ok(Value::Object(object)) = serde_json::from_str(text) else { return text.to_owned() };
    object
        .iter()
        .map(|(key, value)| format!("{key}={}", crate::import::json::stored_text(value).unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A path as seen from a folder; itself when it does not lie below.
pub(in crate::questions) fn relative(path: &str, here: &Path) -> String {
    match Path::new(path).strip_prefix(here) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.to_owned(),
    }
}

/// How many cases a person is shown unless told otherwise.
const CASES_SHOWN: usize = 200;

/// The cases, with what is not shown.
pub(super) fn case_blocks(cases: &[CaseEntry], asked: &Show, several_models: bool) -> Vec<Block> {
    let limit = match asked.cases {
        Some(CaseLimit::All) => usize::MAX,
        Some(CaseLimit::Most(count)) => count,
        None => CASES_SHOWN,
    };
    let shown = &cases[..cases.len().min(limit)];
    let mut blocks = vec![Block::Table(case_table(shown, asked, several_models))];
    if cases.len() > limit {
        let more = number::count((cases.len() - limit) as i64);
        blocks.push(Block::Line(format!("  {more} more: --cases all, or --status error")));
    }
    blocks
}

fn case_table(cases: &[CaseEntry], asked: &Show, several_models: bool) -> Table {
    let several_tasks = cases.iter().any(|case| Some(&case.task) != cases.first().map(|first| &first.task));
    let several_epochs = cases.iter().any(|case| case.epoch > 1);
    let mut columns = vec![Column::whole("case")];
    if several_models {
        columns.push(Column::text("model"));
    }
    // Where nothing was graded the answers themselves are what there is to see.
    let graded = cases.iter().any(|case| case.score.is_some() || case.passed.is_some());
    columns.push(Column::whole("status"));
    columns.push(Column::number("attempts"));
    if graded || cases.is_empty() {
        columns.push(Column::number("score"));
        columns.extend(asked.metrics.iter().map(Column::number));
        columns.extend(["duration_ms", "cost_usd"].map(Column::number));
        columns.push(Column::text("error"));
    } else {
        columns.extend(asked.metrics.iter().map(Column::number));
        columns.push(Column::number("logprob"));
        columns.extend(["confidence", "review"].map(Column::whole));
        columns.push(Column::text("output"));
    }
    let rows = cases
        .iter()
        .map(|case| {
            let mut name =
                if several_tasks { format!("{}/{}", case.task, case.case_id) } else { case.case_id.clone() };
            if several_epochs {
                name = format!("{name} #{}", case.epoch);
            }
            let mut row = vec![Cell::plain(name)];
            if several_models {
                row.push(Cell::plain(case.model.clone().unwrap_or_default()));
            }
            row.extend(case_cells(case, asked, graded));
            row
        })
        .collect();
    Table { columns, rows }
}

fn case_cells(case: &CaseEntry, asked: &Show, graded: bool) -> Vec<Cell> {
    let or_dash = |text: Option<String>| Cell::plain(text.unwrap_or_else(|| "—".to_owned()));
    let scores = asked.metrics.iter().map(|metric| match case.scores.get(metric) {
        Some(Value::Number(value)) => or_dash(value.as_f64().map(number::score)),
        Some(Value::String(label)) => Cell::plain(label.clone()),
        _ => Cell::plain("—"),
    });
    let mut cells =
        vec![Cell::plain(screen_word(&case.status, case.passed)), Cell::plain(number::count(case.attempts))];
    if !graded {
        cells.extend(scores);
        cells.push(or_dash(case.logprob.map(number::score)));
        cells.extend([&case.confidence, &case.review, &case.output].map(|text| or_dash(text.clone())));
        return cells;
    }
    cells.push(or_dash(case.score.map(number::score)));
    cells.extend(scores);
    cells.push(or_dash(case.duration_ms.map(number::duration_ms)));
    cells.push(or_dash(case.cost_usd.map(number::cost)));
    let place: Vec<&str> =
        [case.error_reason.as_deref(), case.error_stage.as_deref()].into_iter().flatten().collect();
    let error = [place.join(" at "), case.error_message.clone().unwrap_or_default()];
    cells.push(Cell::plain(error.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")));
    cells
}

pub(super) fn missing_blocks(missing: &[Missing], count: Option<i64>) -> Vec<Block> {
    const NAMED: usize = 10;
    match count {
        Some(count) if count > 0 && missing.is_empty() => {
            let which = if count == 1 { "case; which one" } else { "cases; which ones" };
            vec![Block::Line(format!("missing {count} planned {which} the source does not say"))]
        }
        Some(count) if count > 0 => {
            let names: Vec<String> = missing
                .iter()
                .map(|key| match &key.model {
                    Some(model) => format!("{} ({model})", key.case_id),
                    None => key.case_id.clone(),
                })
                .collect();
            vec![Block::Line(format!("missing {count}: {}", few(&names, NAMED)))]
        }
        _ => Vec::new(),
    }
}

/// What to do when rows are open: those of `failed_rows`, and planned keys that the source only counts. Where it does
/// nothing but count, nobody can say which to run until they are named.
pub(super) fn hint(name: &str, failed: i64, uncounted: i64) -> Vec<Block> {
    let open = failed + uncounted;
    if open == 0 {
        return Vec::new();
    }
    let named = if failed > 0 { "" } else { " --cases FILE" };
    vec![
        Block::Line(format!("{open} open, to run again:")),
        Block::Command(format!("runq resume {} --rerun-failed{named}", shell_word(name))),
    ]
}
