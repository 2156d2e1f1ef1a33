//! Takes columns of well-known names for the targets that nobody mapped.
//!
//! A name alone does not decide: most of the sampled values must read as what the target is. So a few bad values
//! are faults of their rows, and a column of another kind that happens to have the name stays an extra.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::columns::Column;
use super::names::{GROUPS, METRIC_GROUPS, WISHES, Wish, metric_rank};
use super::path;
use super::plan::{Binding, Metric, Plan};
use super::score;
use super::target::{self, Slot, Target};
use super::value;

/// The first rows of a table.
pub(super) struct Sample<'a> {
    /// As they are.
    pub rows: &'a [&'a Map<String, Value>],
    /// By column.
    pub columns: &'a [Column<'a>],
}

/// Adds what the names and values of the columns suggest.
pub(super) fn complete(plan: &mut Plan, sample: &Sample<'_>) {
    for wish in WISHES {
        let Some(target) = target::find(wish.target) else { continue };
        if plan.binding(target.column).is_some() {
            continue;
        }
        if let Some(column) = candidate(plan, sample, (wish, target)) {
            plan.bindings.push(Binding { target, path: column.path.clone(), mapped: false, seen: false });
        }
    }
    add_late_error(plan);
    if !plan.metrics.iter().any(|metric| metric.mapped) {
        add_metrics(plan, sample.columns);
    }
}

/// An error column often turns up with the first error only, which may be far behind the first rows.
fn add_late_error(plan: &mut Plan) {
    if let Some(target) = target::find("error")
        && plan.binding(target.column).is_none()
        && !plan.uses("error")
    {
        plan.bindings.push(Binding { target, path: "error".to_owned(), mapped: false, seen: false });
    }
}

fn candidate<'a>(
    plan: &Plan,
    sample: &Sample<'a>,
    (wish, target): (&Wish, &Target),
) -> Option<&'a Column<'a>> {
    let columns = sample.columns;
    let fits = |column: &&Column<'_>| !plan.uses(&column.path) && fits(plan, sample, (target, column));
    wish.names.iter().find_map(|name| {
        columns.iter().filter(|column| column.words == *name).find(fits).or_else(|| {
            let groups = GROUPS.iter().filter(|_| wish.grouped);
            groups
                .flat_map(|group| columns.iter().filter(move |column| is_field(&column.words, group, name)))
                .find(fits)
        })
    })
}

fn is_field(words: &str, group: &str, name: &str) -> bool {
    words.strip_prefix(group).and_then(|rest| rest.strip_prefix('.')) == Some(name)
}

/// Whether most values of a column read as what the target is.
fn fits(plan: &Plan, sample: &Sample<'_>, (target, column): (&Target, &Column<'_>)) -> bool {
    let most = |reads: &dyn Fn(&Value) -> bool| {
        let good = column.values.iter().filter(|value| reads(value)).count();
        2 * good >= column.values.len()
    };
    match target.slot {
        Slot::CaseId | Slot::Run => most(&|value| value::id(value).is_some()),
        Slot::Epoch | Slot::Attempt | Slot::Count(_) => most(&|value| value::count(value).is_ok()),
        Slot::Number(..) => most(&|value| value::number(value).is_ok()),
        Slot::Time => most(&|value| value::moment(value).is_ok()),
        Slot::Status => most(&|value| is_status(plan, value)),
        Slot::Verdict => most(&|value| value::verdict(value).is_ok()),
        Slot::Score => most(&|value| value::scored(value).is_ok()),
        Slot::Error | Slot::Body(_) => true,
        Slot::Label(_) if target.column == "confidence" => most(&|value| value::number(value).is_err()),
        Slot::Label(_) if DOUBTFUL.contains(&column.words.as_str()) => is_dimension(plan, sample, column),
        Slot::Label(_) | Slot::PrimaryMetric => most(&|value| !value.is_object() && !value.is_array()),
        Slot::Task => looks_like_label(column),
        Slot::Prompt => looks_like_prompt_label(plan, sample.columns, column),
    }
}

fn is_status(plan: &Plan, cell: &Value) -> bool {
    let Some(word) = value::text(cell) else { return false };
    plan.status_words.iter().any(|(known, _)| *known == word) || value::status(&word).is_some()
}

/// Names that some tools give to a dimension of their results and others to something else: `target` is the model,
/// or the expected answer.
const DOUBTFUL: [&str; 2] = ["target", "filter"];

/// A dimension is what tells rows of one case apart; the expected answer is the same in all of them.
///
/// lm-evaluation-harness names its documents by `doc_hash` and writes one row per `filter`, which may be far apart.
fn is_dimension(plan: &Plan, sample: &Sample<'_>, column: &Column<'_>) -> bool {
    let Some(case_id) = plan.binding("case_id") else { return false };
    if column.words == "filter" && case_id.path == "doc_hash" {
        return true;
    }
    let mut known: HashMap<String, String> = HashMap::new();
    sample.rows.iter().any(|row| {
        let case = path::find(row, &case_id.path).and_then(|cell| value::id(&cell));
        let label = path::find(row, &column.path).and_then(|cell| value::label(&cell));
        let (Some(case), Some(label)) = (case, label) else { return false };
        *known.entry(case).or_insert_with(|| label.clone()) != label
    })
}

/// Labels are short and come back: a column in which nearly every row has its own text holds content.
fn looks_like_label(column: &Column<'_>) -> bool {
    const LONGEST: usize = 80;
    let texts: Vec<String> = column.values.iter().filter_map(|value| value::text(value)).collect();
    let distinct: HashSet<&String> = texts.iter().collect();
    let short = texts.iter().all(|text| text.len() <= LONGEST && !text.contains('\n'));
    let come_back = texts.len() > 1 && (distinct.len() == 1 || 2 * distinct.len() <= texts.len());
    let one_word = texts.len() == 1 && !texts[0].contains(char::is_whitespace);
    let scalar = !column.values.iter().any(|value| value.is_object() || value.is_array());
    scalar && short && (come_back || one_word)
}

/// A `prompt` that comes back is the prompt under test only beside a column with what was asked; alone, it may as
/// well be a question that was asked several times.
fn looks_like_prompt_label(plan: &Plan, columns: &[Column<'_>], column: &Column<'_>) -> bool {
    let input = WISHES.iter().find(|wish| wish.target == "input");
    let asked = plan.binding("input").is_some()
        || input.is_some_and(|wish| {
            columns.iter().any(|other| {
                other.path != column.path
                    && other.words != "doc"
                    && wish.names.contains(&other.words.as_str())
            })
        });
    let words = |value: &&Value| value.as_str().is_some_and(|text| text.contains(char::is_whitespace));
    let one_word = !column.values.iter().any(words);
    looks_like_label(column) && (asked || one_word) || (asked && is_constant_text(column))
}

/// A long prompt that is the same in all rows is the prompt under test (and is kept as its hash).
fn is_constant_text(column: &Column<'_>) -> bool {
    column.values.len() > 1
        && column.values.iter().all(|value| value.is_string() && *value == column.values[0])
}

fn add_metrics(plan: &mut Plan, columns: &[Column<'_>]) {
    for column in columns.iter().filter(|column| !column.inner) {
        if plan.uses(&column.path) {
            continue;
        }
        let is_group = METRIC_GROUPS.contains(&column.words.as_str());
        let name = if is_group && column.values.iter().any(|value| score::is_group(value)) {
            None
        } else if let Some(name) = metric_name(column) {
            Some(name)
        } else {
            continue;
        };
        plan.metrics.push(Metric { name, path: column.path.clone(), mapped: false, seen: false });
    }
}

/// The name of the metric that a column of numbers is, if its name is one's: `accuracy`, or `metrics.accuracy` as
/// flattened tables write it.
fn metric_name(column: &Column<'_>) -> Option<String> {
    let numbers = column.values.iter().filter(|value| score::is_numeric(value)).count();
    if 2 * numbers < column.values.len() {
        return None;
    }
    let group = METRIC_GROUPS.iter().find(|group| {
        column.words.strip_prefix(*group).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
    });
    match group {
        Some(_) => column.path.split_once('.').map(|(_, name)| name.to_owned()),
        None => metric_rank(&column.words).map(|_| column.path.clone()),
    }
}
