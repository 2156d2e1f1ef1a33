//! Metrics of an event: what is scored, what is a label, and what holds no single value.
//!
//! An evaluator's output is brought into metrics as HoneyHive's client does it (experiments/models.py,
//! `EvaluatorMetricResult.from_raw`), so that saved raw outputs and normalised ones give the same rows.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::super::json as fields;
use super::Fields;
use super::answers::Answers;
use super::event::SESSION;
use crate::model::{BUILT_IN_METRICS, ScoreRow};

/// Measures that every step has, so that no metric of an event may have their names.
const STEP_MEASURES: [&str; 2] = ["calls", "errors"];

/// Metrics that hold no single value: name, and in how many events.
pub(super) type Odd = BTreeMap<String, usize>;

/// Name and type of the event that a metric is of; `None` for the execution as a whole.
pub(super) type Place = Option<(String, Option<String>)>;

/// The place of an event's metrics.
pub(super) fn place(name: Option<&str>, kind: Option<&str>) -> Place {
    match (name, kind) {
        (_, Some(SESSION)) | (None, None) => None,
        (name, kind) => {
            let name = name.or(kind).unwrap_or_default();
            Some((name.to_owned(), kind.map(str::to_owned)))
        }
    }
}

/// The scores of a map of metrics; what holds no single value is counted in `odd` and given back.
pub(super) fn scores_of(metrics: &Fields, place: &Place, odd: &mut Odd) -> (Vec<ScoreRow>, Fields) {
    let mut scores = Vec::new();
    let mut left = Map::new();
    for (name, value) in metrics {
        if !add(&mut scores, name, value, place) {
            *odd.entry(name.clone()).or_default() += 1;
            left.insert(name.clone(), value.clone());
        }
    }
    let reasons: HashMap<String, String> = scores
        .iter()
        .filter_map(|score: &ScoreRow| {
            Some((score.metric.strip_suffix("_explanation")?.to_owned(), score.label.clone()?))
        })
        .collect();
    for score in &mut scores {
        score.reason = reasons.get(&score.metric).cloned();
    }
    (scores, left)
}

/// Adds what a value stands for; whether it stands for anything. Nothing is added for null: it is unscored.
fn add(scores: &mut Vec<ScoreRow>, name: &str, value: &Value, place: &Place) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) if list.len() == 1 => add(scores, name, &list[0], place),
        Value::Object(object) if object.contains_key("score") => {
            let nested = |value: &Value| value.is_array() || value.is_object();
            let mut all = true;
            for (key, value) in object {
                let metric = if key == "score" { name.to_owned() } else { format!("{name}_{key}") };
                all &= !nested(value) && add(scores, &metric, value, place);
            }
            all
        }
        Value::Array(_) | Value::Object(_) => false,
        scalar => {
            scores.push(score(name, scalar, place));
            true
        }
    }
}

fn score(name: &str, value: &Value, place: &Place) -> ScoreRow {
    let (value, label) = match value {
        Value::Bool(value) => (Some(f64::from(u8::from(*value))), None),
        Value::Number(number) => (number.as_f64(), None),
        other => (None, fields::stored_text(other)),
    };
    let (step, step_kind) = place.clone().map_or((None, None), |(step, kind)| (Some(step), kind));
    let metric = stored_name(name, &step, value.is_some());
    ScoreRow { metric, value, label, step, step_kind, ..ScoreRow::default() }
}

/// A name that a built-in metric has is told apart by a prefix; a number called `score` is the headline score itself.
fn stored_name(name: &str, step: &Option<String>, scored: bool) -> String {
    let built_in = BUILT_IN_METRICS.iter().any(|metric| metric.name == name);
    let headline = name == "score" && scored && step.is_none();
    let measure = step.is_some() && STEP_MEASURES.contains(&name);
    if built_in && !headline || measure { format!("metric:{name}") } else { name.to_owned() }
}

/// What the result answer says of each metric of each event beyond its values.
#[derive(Default)]
pub(super) struct Details {
    by_metric: HashMap<(String, Option<String>), Detail>,
}

struct Detail {
    scorer: Option<String>,
    passing_range: Option<Value>,
}

impl Details {
    /// Reads `metrics.details` of the result answer; the older form has none.
    pub(super) fn of(answers: &Answers) -> Self {
        let metrics = answers.result.as_ref().and_then(|part| part.fields.get("metrics"));
        let details = metrics.and_then(|metrics| metrics.get("details")).and_then(Value::as_array);
        let mut by_metric = HashMap::new();
        for detail in details.into_iter().flatten().filter_map(Value::as_object) {
            let Some(name) = fields::text(detail, &["metric_name", "name"]) else { continue };
            let event = fields::text(detail, &["event_name"]);
            let kind = fields::text(detail, &["event_type"]);
            let step = place(event.as_deref(), kind.as_deref()).map(|(step, _)| step);
            let name = stored_name(&name, &step, true);
            let scorer = fields::text(detail, &["metric_type"]);
            let passing_range = fields::field(detail, &["passing_range"]).cloned();
            by_metric.insert((name, step), Detail { scorer, passing_range });
        }
        Self { by_metric }
    }

    /// Adds them to a score.
    pub(super) fn complete(&self, score: &mut ScoreRow) {
        let key = (score.metric.clone(), score.step.clone());
        let Some(detail) = self.by_metric.get(&key) else { return };
        score.scorer.clone_from(&detail.scorer);
        score.extra = detail.passing_range.as_ref().map(|range| json!({"passing_range": range}).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown = (String, Option<f64>, Option<String>);

    fn shown(metrics: Value) -> (Vec<Shown>, Vec<String>) {
        let mut odd = Odd::new();
        let metrics = metrics.as_object().unwrap();
        let (scores, left) = scores_of(metrics, &place(Some("answer"), Some("model")), &mut odd);
        let scores = scores.into_iter().map(|score| (score.metric, score.value, score.label)).collect();
        let mut names: Vec<String> = left.keys().cloned().collect();
        names.sort_unstable();
        assert_eq!(odd.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
        (scores, names)
    }

    /// experiments/models.py: bool, int, float and str become the score; a list of one is unwrapped; of a dict the
    /// score keeps the name and what stands beside it gets the name before its own; None is dropped.
    #[test]
    fn outputs_of_evaluators_become_metrics_as_in_the_client() {
        let (scores, left) = shown(json!({
            "accuracy": true, "f1": 0.5, "tone": "kind", "none": null, "one": [0.25],
            "rubric": {"score": 0.75, "explanation": "close", "confidence": 0.9, "spare": null}
        }));
        let number = |name: &str, value: f64| (name.to_owned(), Some(value), None);
        let text = |name: &str, label: &str| (name.to_owned(), None, Some(label.to_owned()));
        let expected = [
            number("accuracy", 1.0),
            number("f1", 0.5),
            text("tone", "kind"),
            number("one", 0.25),
            number("rubric", 0.75),
            text("rubric_explanation", "close"),
            number("rubric_confidence", 0.9),
        ];
        assert_eq!(scores, expected);
        assert!(left.is_empty());
    }

    #[test]
    fn what_is_no_single_value_is_left_aside_and_named() {
        let (scores, left) =
            shown(json!({"many": [1, 2], "nested": {"a": 1}, "deep": {"score": {"a": 1}}, "none": []}));
        assert!(scores.is_empty(), "{scores:?}");
        assert_eq!(left, ["deep", "many", "nested", "none"]);
    }

    #[test]
    fn the_explanation_is_also_the_reason_of_its_metric() {
        let metrics = json!({"accuracy": 0.5, "accuracy_explanation": "half"});
        let (scores, _) = scores_of(metrics.as_object().unwrap(), &None, &mut Odd::new());
        assert_eq!(scores[0].reason.as_deref(), Some("half"));
        assert_eq!(scores[1].label.as_deref(), Some("half"));
    }

    #[test]
    fn names_of_built_in_metrics_are_told_apart() {
        let name = |name: &str, step: Option<&str>| stored_name(name, &step.map(str::to_owned), true);
        assert_eq!(name("score", None), "score");
        assert_eq!(name("score", Some("answer")), "metric:score");
        assert_eq!(name("cost_usd", None), "metric:cost_usd");
        assert_eq!(name("calls", Some("answer")), "metric:calls");
        assert_eq!(name("calls", None), "calls");
    }
}
