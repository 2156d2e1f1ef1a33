-- How did each run go?
-- Grain: one row per run in scope.
-- Ties and nulls: cases counts keys (a case per model, prompt, variant and epoch), superseded the attempts that no
-- longer count. Three pass rates: over all attempts; over the latest attempt of each key, errors not passed; over the
-- latest attempts that are no errors; all null when no attempt has a verdict or a score. mean_score leaves errors out.
-- rerun_share is the share of keys with several attempts. pass_rate_first and mean_score_first are over first attempts
-- (attempt = 1, of all keys) by the rules of pass_rate_latest and mean_score. unscored and unscored_first count keys
-- whose latest or first attempt has no score or is an error, null when no attempt of the run has a score.
-- mean_score_lowest and mean_score_highest are what mean_score would be over all keys if each unscored one had 0, or
-- 1; null unless the scores of the latest attempts all lie within 0 and 1.
-- cost_usd, tokens and duration_ms are sums over latest attempts, cost_usd_spent over all; where no row tells, what the
-- tool counted for the whole run (duration_ms then by the clock); null when nobody tells. When the rows know no input
-- and no output tokens, the tool's three counts stand together, so that they add up. Confidence bands
-- are those of banded_results; percentages over rows with a band.
-- approval_rate is applied over processed cases, null when none was processed. completeness is keys over planned keys,
-- null when nothing is planned, and for a run that asked a question. models are those of the rows; of a run without any
-- row the one that it was set to (params.llm_model).
WITH attempts AS (
    SELECT
        *,
        CASE WHEN status NOT IN ('execution_error', 'scorer_error', 'cancelled') THEN score END AS counted_score
    FROM banded_results
),

counted AS (
    SELECT
        ingest_id,
        count(*) AS attempts,
        sum(CASE WHEN latest THEN 1 ELSE 0 END) AS cases,
        sum(CASE WHEN latest THEN 0 ELSE 1 END) AS superseded,
        sum(CASE WHEN latest AND attempt > 1 THEN 1 ELSE 0 END) AS rerun_cases,
        sum(CASE WHEN latest AND status = 'ok' THEN 1 ELSE 0 END) AS ok,
        sum(CASE WHEN latest AND status = 'quality_failure' THEN 1 ELSE 0 END) AS quality_failure,
        sum(CASE WHEN latest AND status = 'execution_error' THEN 1 ELSE 0 END) AS execution_error,
        sum(CASE WHEN latest AND status = 'scorer_error' THEN 1 ELSE 0 END) AS scorer_error,
        sum(CASE WHEN latest AND status = 'limit' THEN 1 ELSE 0 END) AS "limit",
        sum(CASE WHEN latest AND status = 'cancelled' THEN 1 ELSE 0 END) AS cancelled,
        bool_or(verdict IS NOT NULL OR score IS NOT NULL) AS any_graded,
        avg(CASE WHEN coalesce(passed, FALSE) THEN 1.0 ELSE 0.0 END) AS pass_rate_attempts,
        avg(CASE WHEN latest THEN CASE WHEN coalesce(passed, FALSE) THEN 1.0 ELSE 0.0 END END) AS pass_rate_latest,
        avg(
            CASE
                WHEN latest AND status NOT IN ('execution_error', 'scorer_error', 'cancelled')
                    THEN CASE WHEN coalesce(passed, FALSE) THEN 1.0 ELSE 0.0 END
            END
        ) AS pass_rate_scored,
        avg(CASE WHEN attempt = 1 THEN CASE WHEN coalesce(passed, FALSE) THEN 1.0 ELSE 0.0 END END) AS pass_rate_first,
        bool_or(score IS NOT NULL) AS any_scored,
        exact_mean(CASE WHEN latest THEN counted_score END) AS mean_score,
        exact_mean(CASE WHEN attempt = 1 THEN counted_score END) AS mean_score_first,
        exact_sum(CASE WHEN latest THEN counted_score END) AS score_sum,
        sum(CASE WHEN latest AND counted_score IS NULL THEN 1 ELSE 0 END) AS unscored,
        sum(CASE WHEN attempt = 1 AND counted_score IS NULL THEN 1 ELSE 0 END) AS unscored_first,
        coalesce(
            min(CASE WHEN latest THEN counted_score END) >= 0.0 AND max(CASE WHEN latest THEN counted_score END) <= 1.0,
            FALSE
        ) AS within_unit,
        sum(CASE WHEN latest THEN input_tokens END) AS input_tokens,
        sum(CASE WHEN latest THEN output_tokens END) AS output_tokens,
        sum(CASE WHEN latest THEN total_tokens END) AS total_tokens,
        exact_sum(CASE WHEN latest THEN cost_usd END) AS cost_usd,
        exact_sum(cost_usd) AS cost_usd_spent,
        exact_sum(CASE WHEN latest THEN duration_ms END) AS duration_ms,
        avg(
            CASE WHEN latest AND band IS NOT NULL THEN CASE WHEN band = 'high' THEN 1.0 ELSE 0.0 END END
        ) AS confidence_high,
        avg(
            CASE WHEN latest AND band IS NOT NULL THEN CASE WHEN band = 'medium' THEN 1.0 ELSE 0.0 END END
        ) AS confidence_medium,
        avg(
            CASE WHEN latest AND band IS NOT NULL THEN CASE WHEN band = 'low' THEN 1.0 ELSE 0.0 END END
        ) AS confidence_low,
        array_agg(DISTINCT model ORDER BY model) FILTER (WHERE model IS NOT NULL) AS models
    FROM attempts
    GROUP BY ingest_id
)

SELECT
    runs.run_id,
    runs.name,
    runs.tool,
    runs.kind,
    runs.command,
    runs.task,
    runs.experiment,
    runs.scope,
    runs.parent_run_id,
    runs.relation,
    runs.status,
    runs.started_at,
    runs.ended_at,
    coalesce(
        counted.models,
        CASE
            WHEN json_get_str(runs.params, 'llm_model') IS NOT NULL
                THEN make_array(json_get_str(runs.params, 'llm_model'))
        END
    ) AS models,
    coalesce(counted.attempts, 0) AS attempts,
    coalesce(counted.cases, 0) AS cases,
    coalesce(counted.superseded, 0) AS superseded,
    coalesce(counted.rerun_cases, 0) AS rerun_cases,
    CASE WHEN counted.cases > 0 THEN CAST(counted.rerun_cases AS DOUBLE) / counted.cases END AS rerun_share,
    coalesce(counted.ok, 0) AS ok,
    coalesce(counted.quality_failure, 0) AS quality_failure,
    coalesce(counted.execution_error, 0) AS execution_error,
    coalesce(counted.scorer_error, 0) AS scorer_error,
    coalesce(counted."limit", 0) AS "limit",
    coalesce(counted.cancelled, 0) AS cancelled,
    CASE WHEN counted.any_graded THEN counted.pass_rate_attempts END AS pass_rate_attempts,
    CASE WHEN counted.any_graded THEN counted.pass_rate_latest END AS pass_rate_latest,
    CASE WHEN counted.any_graded THEN counted.pass_rate_scored END AS pass_rate_scored,
    CASE WHEN counted.any_graded THEN counted.pass_rate_first END AS pass_rate_first,
    counted.mean_score,
    CASE WHEN counted.within_unit THEN counted.score_sum / counted.cases END AS mean_score_lowest,
    CASE WHEN counted.within_unit THEN (counted.score_sum + counted.unscored) / counted.cases END AS mean_score_highest,
    CASE WHEN counted.any_scored THEN counted.unscored END AS unscored,
    counted.mean_score_first,
    CASE WHEN counted.any_scored THEN counted.unscored_first END AS unscored_first,
    coalesce(counted.input_tokens, runs.input_tokens) AS input_tokens,
    coalesce(counted.output_tokens, runs.output_tokens) AS output_tokens,
    CASE
        WHEN counted.input_tokens IS NULL AND counted.output_tokens IS NULL
            THEN coalesce(runs.total_tokens, counted.total_tokens)
        ELSE coalesce(counted.total_tokens, runs.total_tokens)
    END AS total_tokens,
    coalesce(counted.cost_usd, runs.cost_usd) AS cost_usd,
    coalesce(counted.cost_usd_spent, runs.cost_usd) AS cost_usd_spent,
    coalesce(counted.duration_ms, runs.duration_ms) AS duration_ms,
    runs.model_duration_ms,
    counted.confidence_high,
    counted.confidence_medium,
    counted.confidence_low,
    CASE
        WHEN runs.processed_count > 0 THEN CAST(runs.applied_count AS DOUBLE) / runs.processed_count
    END AS approval_rate,
    runs.processed_count,
    runs.applied_count,
    runs.planned_count,
    CASE
        WHEN runs.planned_count > 0 AND runs.kind <> 'ask'
            THEN CAST(coalesce(counted.cases, 0) AS DOUBLE) / runs.planned_count
    END AS completeness,
    runs.folded_count AS folded,
    runs.skipped_count AS skipped,
    runs.ingest_id,
    runs.place
FROM runs
LEFT JOIN counted ON runs.ingest_id = counted.ingest_id
