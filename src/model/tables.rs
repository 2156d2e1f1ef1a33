//! The four fact tables. A column is declared here and nowhere else.

use std::sync::Arc;

use super::Timestamp;
use super::stored_table;

stored_table! {
    /// One row per published run: one execution of a task by a tool.
    RunRow in "runs" {
        /// The tool's own id of the run (AgentV: `<experiment>::<timestamp>`), else made from the file's name.
        run_id: String,
        /// Which ingest published the rows of this run; child rows carry the same value.
        ingest_id: String,
        /// How often this run has been published, from 1. The highest one of a run id counts.
        generation: i64,
        /// A name given by a person, with `--name` or in the tool (HoneyHive). Null when none was given.
        name: Option<String>,
        /// Importer that read it, such as `agentv` or `table`.
        tool: String,
        /// Layout or version of the tool's files, as far as they tell.
        tool_version: Option<String>,
        /// `eval`, or the tool's own word for what was executed.
        kind: String,
        /// The suite, benchmark or command; the first one in the source when a run holds several.
        task: String,
        /// Label under which the tool groups runs. Null when it names none.
        experiment: Option<String>,
        /// complete, incomplete, running, failed, cancelled or unknown.
        status: String,
        /// When it began (UTC): the tool's own time, else the earliest time of its rows. Null when unknown.
        started_at: Option<Timestamp>,
        /// When it ended (UTC): the tool's own time, else the latest time of its rows. Null when unknown.
        ended_at: Option<Timestamp>,
        /// Where it was read from: absolute path of the run's folder or file.
        source_path: String,
        /// Absolute path of the file that holds the rows.
        source_file: String,
        /// Hash of the source's bytes as they were read; an equal one means that nothing changed.
        fingerprint: String,
        /// Hash of the set of executions in the source; equal for a copy of the run elsewhere. Null when rows have no times.
        content_id: Option<String>,
        /// File that defines the task, as the tool wrote it. Null when the source does not name it.
        eval_file: Option<String>,
        /// How many keys the tool planned. Null when it does not say.
        planned_count: Option<i64>,
        /// The planned keys as a JSON list of {task, case_id, model}. Null when the source does not list them.
        planned_keys: Option<Arc<str>>,
        /// Labels as a JSON object of texts.
        tags: Option<String>,
        /// Settings of the run as a JSON object.
        params: Option<String>,
        /// What the tool printed as its own aggregates, as JSON; for cross-checking, never mixed with scores.
        reported: Option<String>,
        /// Everything else that the source says of the run, as a JSON object.
        extra: Option<String>,
        /// Command as the tool names it, such as AMX's `analyze.run`. Null when it names none.
        command: Option<String>,
        /// What the run was to work on, as a JSON list of dotted names (AMX: `schema` or `schema.table`). Null when untold.
        scope: Option<String>,
        /// Run that this one re-ran or varied. Null when it is an original.
        parent_run_id: Option<String>,
        /// What it is to its parent: `rerun` or `variations`. Null when it is an original.
        relation: Option<String>,
        /// How long the run took by the clock, in milliseconds, as the tool measured it. Null when it did not.
        duration_ms: Option<f64>,
        /// How long models worked in it, in milliseconds, as the tool measured it.
        model_duration_ms: Option<f64>,
        /// Prompt tokens of the whole run, where the tool counts them by run.
        input_tokens: Option<i64>,
        /// Completion tokens of the whole run, where the tool counts them by run.
        output_tokens: Option<i64>,
        /// All tokens of the run, where the tool counts them by run.
        total_tokens: Option<i64>,
        /// What the run cost, in US dollars, where the tool counts it by run.
        cost_usd: Option<f64>,
        /// How many cases the tool says it has worked on.
        processed_count: Option<i64>,
        /// How many of them were accepted and applied.
        applied_count: Option<i64>,
        /// When this generation was published (UTC).
        ingested_at: Option<Timestamp>,
        /// Rows of `results` that belong to this ingest.
        result_count: i64,
        /// Rows of `scores` that belong to this ingest.
        score_count: i64,
        /// Rows of `steps` that belong to this ingest.
        step_count: i64,
        /// Source rows that were folded because they were the same attempt.
        folded_count: i64,
        /// Source lines that could not be read and were skipped.
        skipped_count: i64,
    }
}

stored_table! {
    /// One row per attempt: one execution of one key (run, task, case, model, prompt, variant, epoch).
    ResultRow in "results" {
        /// Run it belongs to.
        run_id: String,
        /// Ingest that published it.
        ingest_id: String,
        /// Task; `unknown` when the source names none.
        task: String,
        /// The tool's own id of the case, else a content hash of its input.
        case_id: String,
        /// Label under which the tool groups runs.
        experiment: Option<String>,
        /// Model, or the target that stands for one.
        model: Option<String>,
        /// Who serves the model.
        provider: Option<String>,
        /// Label or hash of the prompt under test.
        prompt: Option<String>,
        /// Variant of the case or of the run's settings.
        variant: Option<String>,
        /// Planned statistical repeat, from 1.
        epoch: i64,
        /// Which execution of the key this is, from 1 in source order.
        attempt: i64,
        /// Whether this is the last attempt of its key, the one that counts.
        latest: bool,
        /// How often the source holds this attempt.
        copies: i64,
        /// False when the source no longer holds it (the tool rewrote or deleted it at a resume).
        in_source: bool,
        /// Row in the source file, from 1, the first one of its copies; null when it is no longer in the source.
        source_row: Option<i64>,
        /// Number that is equal for this row and for copies of it in other runs; without meaning of its own.
        execution: i64,
        /// ok, quality_failure, execution_error, scorer_error, limit or cancelled.
        status: String,
        /// The tool's own verdict: passed or not. Null when it gave none.
        verdict: Option<bool>,
        /// Value of the primary metric. Null when unscored.
        score: Option<f64>,
        /// Name of the metric that `score` holds; `score` for the tool's headline score.
        primary_metric: String,
        /// Class of the error, in the tool's word (stage and reason are finer). Null without an error.
        error_kind: Option<String>,
        /// Where it failed (AgentV: setup, repo_setup, agent, evaluator, teardown).
        error_stage: Option<String>,
        /// The tool's reason code, such as `budget_exceeded`.
        error_reason: Option<String>,
        /// Message of the error.
        error_message: Option<String>,
        /// The row's own time (UTC), when it was recorded.
        recorded_at: Option<Timestamp>,
        /// How long the case took, in milliseconds. Null when unknown.
        duration_ms: Option<f64>,
        /// What the case cost, in US dollars. Null when unknown.
        cost_usd: Option<f64>,
        /// Prompt tokens.
        input_tokens: Option<i64>,
        /// Completion tokens.
        output_tokens: Option<i64>,
        /// Input plus output tokens, as the tool counts them.
        total_tokens: Option<i64>,
        /// Input tokens read from a cache.
        cached_tokens: Option<i64>,
        /// Tokens spent on reasoning.
        reasoning_tokens: Option<i64>,
        /// Average probability of the answer's tokens as the tool gives it: a log probability, or its exponential (0 to 1].
        logprob: Option<f64>,
        /// The tool's own confidence label.
        confidence: Option<String>,
        /// The tool's category of the case.
        category: Option<String>,
        /// What was asked, as text or JSON.
        input: Option<String>,
        /// What was answered, as text or JSON.
        output: Option<String>,
        /// What was expected, as text or JSON.
        expected: Option<String>,
        /// The tool's own id of this row.
        native_id: Option<String>,
        /// Id of the first row of the chain that this row re-runs or varies (`native_id` there). Null for an original.
        parent_result_id: Option<String>,
        /// Place in that chain, from 1; null for an original.
        rerun_seq: Option<i64>,
        /// How variations were asked for: `semantic` or `lexical` (AMX), or the tool's own word.
        mode: Option<String>,
        /// Which alternative this row varies, in the tool's words (AMX: `<row id>:<index>`).
        seed_id: Option<String>,
        /// Text of that alternative.
        seed_text: Option<String>,
        /// Other answers that the tool kept, best first, as a JSON list of {text, signal, score, band}.
        alternatives: Option<String>,
        /// What a reviewer decided: `accepted`, `custom`, `skipped` or the tool's own word. Null while nobody did.
        review: Option<String>,
        /// Fields of the source that have no column, as a JSON object.
        extra: Option<String>,
    }
}

stored_table! {
    /// One row per score: one metric's value for one result. The headline score stands in `results.score`.
    ScoreRow in "scores" {
        /// Run it belongs to.
        run_id: String,
        /// Ingest that published it.
        ingest_id: String,
        /// Task of the result.
        task: String,
        /// Case of the result.
        case_id: String,
        /// Experiment of the result.
        experiment: Option<String>,
        /// Model of the result.
        model: Option<String>,
        /// Provider of the result.
        provider: Option<String>,
        /// Prompt of the result.
        prompt: Option<String>,
        /// Variant of the result.
        variant: Option<String>,
        /// Epoch of the result.
        epoch: i64,
        /// Attempt of the result.
        attempt: i64,
        /// Whether the result is the latest attempt of its key.
        latest: bool,
        /// Execution of the result, equal for copies in other runs.
        execution: i64,
        /// Status of the result.
        status: String,
        /// Name of the metric, unique within a result and a step (a step that was taken several times has one each time).
        metric: String,
        /// What kind of scorer gave it, such as `contains` or `llm-rubric`.
        scorer: Option<String>,
        /// The value; booleans are 0 and 1. Null when unscored or when it is a text.
        value: Option<f64>,
        /// The value when it is no number.
        label: Option<String>,
        /// The scorer's own verdict.
        passed: Option<bool>,
        /// Weight of the score inside the headline score.
        weight: Option<f64>,
        /// The scorer's words on it.
        reason: Option<String>,
        /// Metric of the score that holds this one when scores are nested.
        parent_metric: Option<String>,
        /// Name of the step that was scored. Null when the score is of the whole result.
        step: Option<String>,
        /// Kind of that step, as in `steps.kind`.
        step_kind: Option<String>,
        /// Everything else that the scorer wrote, as a JSON object.
        extra: Option<String>,
    }
}

stored_table! {
    /// One row per step: one event inside a result's trace.
    StepRow in "steps" {
        /// Run it belongs to.
        run_id: String,
        /// Ingest that published it.
        ingest_id: String,
        /// Task of the result.
        task: String,
        /// Case of the result.
        case_id: String,
        /// Model of the result.
        model: Option<String>,
        /// Prompt of the result.
        prompt: Option<String>,
        /// Variant of the result.
        variant: Option<String>,
        /// Epoch of the result.
        epoch: i64,
        /// Attempt of the result.
        attempt: i64,
        /// Whether the result is the latest attempt of its key.
        latest: bool,
        /// Execution of the result, equal for copies in other runs.
        execution: i64,
        /// Place of the step in the trace, from 1.
        step: i64,
        /// Place of the step that holds this one.
        parent_step: Option<i64>,
        /// model, tool, chain, session, or the tool's own word.
        kind: String,
        /// Name of the step, such as the tool that was called.
        name: String,
        /// Status of the step in the tool's word.
        status: Option<String>,
        /// Message when the step failed.
        error_message: Option<String>,
        /// When it began (UTC).
        started_at: Option<Timestamp>,
        /// How long it took, in milliseconds.
        duration_ms: Option<f64>,
        /// Prompt tokens of the step.
        input_tokens: Option<i64>,
        /// Completion tokens of the step.
        output_tokens: Option<i64>,
        /// What the step cost, in US dollars.
        cost_usd: Option<f64>,
        /// What went in, as text or JSON.
        input: Option<String>,
        /// What came out, as text or JSON.
        output: Option<String>,
        /// Everything else, as a JSON object.
        extra: Option<String>,
    }
}

impl ScoreRow {
    /// The name under which questions know the metric: one of a step carries the step, `accuracy @ retrieve`.
    pub fn full_name(&self) -> String {
        match &self.step {
            Some(step) => format!("{} @ {step}", self.metric),
            None => self.metric.clone(),
        }
    }
}
