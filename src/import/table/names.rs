//! The names that are taken for stored columns when nobody says otherwise.
//!
//! Case and the style of a name do not matter (see [`super::columns::normalised`]). Earlier names win.

/// Target, names that are taken for it, and whether the names are also looked for inside of [`GROUPS`].
pub(super) struct Wish {
    /// Name of the target.
    pub target: &'static str,
    /// Names in the order of preference.
    pub names: &'static [&'static str],
    /// Whether a field of `metrics`, `usage` and the like will do.
    pub grouped: bool,
}

const fn wish(target: &'static str, names: &'static [&'static str]) -> Wish {
    Wish { target, names, grouped: false }
}

const fn measured(target: &'static str, names: &'static [&'static str]) -> Wish {
    Wish { target, names, grouped: true }
}

/// Columns whose fields are looked at like columns when a measurement is wanted.
pub(super) const GROUPS: [&str; 7] =
    ["usage", "token_usage", "tokens", "metrics", "scores", "timing", "performance"];

/// Columns that hold one metric per field, or a list of named scores.
pub(super) const METRIC_GROUPS: [&str; 9] = [
    "scores",
    "metrics",
    "score",
    "named_scores",
    "metric_scores",
    "metrics_data",
    "evaluations",
    "feedback",
    "ratings",
];

/// What is looked for, in this order; a column that was taken is not taken again.
///
/// `prompt` is the prompt's label when it looks like one and `input` otherwise; `task` is taken only when its
/// values look like labels; `target` is the model and `filter` the variant when they tell rows of one case apart
/// (else a `target` is what was expected). A duration without a unit in its name is in seconds.
pub(super) const WISHES: &[Wish] = &[
    wish(
        "case_id",
        &[
            "case_id",
            "test_id",
            "test_case_id",
            "sample_id",
            "example_id",
            "question_id",
            "instance_id",
            "datapoint_id",
            "item_id",
            "id",
            "task_id",
            "doc_hash",
        ],
    ),
    wish("attempt", &["attempt", "attempt_number", "attempt_no", "attempt_index"]),
    wish("epoch", &["epoch", "trial", "repeat", "repetition", "repeat_index", "trial_index"]),
    wish(
        "timestamp",
        &[
            "timestamp",
            "recorded_at",
            "completed_at",
            "finished_at",
            "ended_at",
            "end_time",
            "created_at",
            "started_at",
            "start_time",
            "datetime",
            "ts",
            "created",
        ],
    ),
    measured(
        "duration_ms",
        &["duration_ms", "latency_ms", "elapsed_ms", "response_time_ms", "total_time_ms", "time_ms"],
    ),
    measured(
        "duration_s",
        &[
            "duration_s",
            "latency_s",
            "elapsed_s",
            "time_s",
            "duration_seconds",
            "latency_seconds",
            "elapsed_seconds",
            "duration_sec",
            "latency_sec",
            "duration",
            "latency",
            "elapsed",
            "elapsed_time",
            "response_time",
            "execution_time",
            "total_time",
            "time_taken",
        ],
    ),
    measured("cost_usd", &["cost_usd", "cost", "total_cost", "total_cost_usd", "price", "price_usd"]),
    measured(
        "input_tokens",
        &[
            "input_tokens",
            "prompt_tokens",
            "tokens_in",
            "input_token_count",
            "n_input_tokens",
            "num_input_tokens",
            "usage.input",
            "token_usage.input",
            "tokens.input",
            "token_usage.prompt",
            "tokens.prompt",
        ],
    ),
    measured(
        "output_tokens",
        &[
            "output_tokens",
            "completion_tokens",
            "tokens_out",
            "output_token_count",
            "n_output_tokens",
            "num_output_tokens",
            "usage.output",
            "token_usage.output",
            "tokens.output",
            "token_usage.completion",
            "tokens.completion",
        ],
    ),
    measured(
        "total_tokens",
        &["total_tokens", "tokens", "token_count", "usage.total", "token_usage.total", "tokens.total"],
    ),
    measured("cached_tokens", &["cached_tokens", "cache_read_tokens", "tokens.cached", "token_usage.cached"]),
    measured("reasoning_tokens", &["reasoning_tokens", "tokens.reasoning"]),
    wish("error", &["error_message", "error_msg", "error", "exception", "err"]),
    wish("error_kind", &["error_kind", "error_type", "error_class", "exception_type"]),
    wish("error_stage", &["error_stage", "failed_stage"]),
    wish("error_reason", &["error_reason", "error_code"]),
    wish("status", &["status", "test_status", "execution_status", "outcome", "result", "state"]),
    wish("verdict", &["verdict", "passed", "pass", "success", "is_pass", "test_passed"]),
    wish("score", &["score", "score.value", "score.score"]),
    wish(
        "model",
        &[
            "model",
            "model_name",
            "model_id",
            "model.name",
            "model.id",
            "model_name_or_path",
            "config.model",
            "metadata.model",
            "params.model",
            "provider.label",
            "llm",
            "engine",
            "generator",
            "target",
        ],
    ),
    wish("provider", &["provider", "provider.id", "provider.name", "model_provider", "vendor"]),
    wish("experiment", &["experiment", "experiment_name", "experiment_id"]),
    wish("variant", &["variant", "variation", "filter"]),
    wish("task", &["task", "task_name", "suite", "benchmark", "eval_name"]),
    wish(
        "prompt",
        &[
            "prompt_label",
            "prompt_name",
            "prompt_version",
            "prompt.label",
            "prompt.name",
            "prompt_id",
            "prompt.id",
            "prompt_template",
            "system_prompt",
            "prompt",
        ],
    ),
    wish(
        "input",
        &[
            "input",
            "question",
            "query",
            "user_input",
            "instruction",
            "problem",
            "input_text",
            "user_message",
            "inputs",
            "messages",
            "vars",
            "prompt",
            "doc",
        ],
    ),
    wish(
        "output",
        &[
            "output",
            "actual_output",
            "outputs",
            "response.output",
            "response",
            "completion",
            "prediction",
            "predicted",
            "generated_text",
            "generation",
            "model_output",
            "output_text",
            "answer",
            "filtered_resps",
            "resps",
        ],
    ),
    wish(
        "expected",
        &[
            "expected",
            "expected_output",
            "expected_answer",
            "reference",
            "reference_answer",
            "reference_output",
            "ground_truth",
            "gold",
            "gold_answer",
            "target",
            "ideal",
        ],
    ),
    wish("category", &["category", "subject", "topic"]),
    wish("native_id", &["native_id", "row_id", "result_id", "uuid", "id"]),
    measured("logprob", &["logprob", "avg_logprob", "mean_logprob", "log_prob"]),
    wish("confidence", &["confidence", "confidence_label"]),
];

/// Columns of numbers that are taken for metrics; the first one that a table has is its primary metric when it
/// has no `score`.
pub(super) const METRICS: [&str; 34] = [
    "overall_score",
    "final_score",
    "total_score",
    "average_score",
    "avg_score",
    "mean_score",
    "reward",
    "accuracy",
    "acc",
    "acc_norm",
    "exact_match",
    "em",
    "correct",
    "is_correct",
    "resolved",
    "correctness",
    "f1",
    "f1_score",
    "pass_rate",
    "precision",
    "recall",
    "bleu",
    "rouge",
    "meteor",
    "chrf",
    "similarity",
    "faithfulness",
    "groundedness",
    "relevancy",
    "relevance",
    "helpfulness",
    "coherence",
    "rating",
    "quality",
];

/// Beginnings and endings of names of metrics, for what [`METRICS`] does not list.
const BEGINNINGS: [&str; 6] = ["score_", "rouge", "bleu", "pass_at_", "pass@", "acc_"];
const ENDINGS: [&str; 13] = [
    "_score",
    "_accuracy",
    "_f1",
    "_match",
    "_precision",
    "_recall",
    "_relevancy",
    "_relevance",
    "_correctness",
    "_similarity",
    "_faithfulness",
    "_rating",
    "_reward",
];

/// How early a name stands among the metrics; `None` when it is no name of one.
///
/// `score_*` comes before the list of names, other patterns behind it.
pub(super) fn metric_rank(words: &str) -> Option<usize> {
    const SCORES: usize = 6;
    let listed = METRICS.iter().position(|name| *name == words);
    let begins = BEGINNINGS.iter().position(|beginning| words.starts_with(beginning));
    match (listed, begins) {
        (Some(place), _) if place < SCORES => Some(place),
        (Some(place), _) => Some(place + 1),
        (None, Some(0)) => Some(SCORES),
        (None, Some(_)) => Some(METRICS.len() + 1),
        (None, None) => ENDINGS.iter().any(|ending| words.ends_with(ending)).then_some(METRICS.len() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::table::columns::normalised;
    use crate::import::table::target;

    #[test]
    fn every_wish_names_a_target_and_normalised_names() {
        for wish in WISHES {
            assert!(target::find(wish.target).is_some(), "{}", wish.target);
            for name in wish.names {
                assert_eq!(normalised(name), *name);
            }
        }
        for name in METRICS {
            assert_eq!(normalised(name), name);
        }
    }

    #[test]
    fn scores_rank_before_accuracy_and_patterns_behind_names() {
        let ranks: Vec<_> = ["mean_score", "score_style", "reward", "quality", "rouge_l"]
            .map(metric_rank)
            .into_iter()
            .collect();
        assert!(ranks.is_sorted() && ranks.iter().all(Option::is_some), "{ranks:?}");
        assert_eq!(metric_rank("acc_stderr"), Some(METRICS.len() + 1));
        assert_eq!(metric_rank("latency"), None);
        assert_eq!(metric_rank("answer"), None);
    }
}
