-- Which arms are there, and how did their results end?
-- Grain: one row per arm.
-- Ties and nulls: an attempt that another run of the arm copied counts once. A run without results is an arm when runs
-- make the arms: its counts are 0. first_run and first_row order the arms by their first run and by their place in it.
-- Rates as in run_overview: null when no attempt of the arm has a verdict or a score. ungraded counts latest attempts
-- that ended without an error and have neither. pass_rate_first is over the first attempts of all keys. Re-runs and
-- variations (is_version) are left out.
WITH executions AS (
    SELECT
        arm,
        execution,
        min(task) AS task,
        min(case_id) AS case_id,
        min(status) AS status,
        bool_or(latest) AS latest,
        bool_or(attempt = 1) AS first,
        bool_or(coalesce(passed, FALSE)) AS passed,
        bool_or(verdict IS NOT NULL OR score IS NOT NULL) AS graded
    FROM graded_results
    WHERE NOT is_version
    GROUP BY arm, execution
),

counted AS (
    SELECT
        arm,
        count(*) AS result_count,
        count(DISTINCT task || chr(31) || case_id) AS case_count,
        sum(CASE WHEN latest THEN 0 ELSE 1 END) AS superseded_count,
        sum(CASE WHEN latest AND status = 'ok' THEN 1 ELSE 0 END) AS ok,
        sum(CASE WHEN latest AND status = 'quality_failure' THEN 1 ELSE 0 END) AS quality_failure,
        sum(CASE WHEN latest AND status = 'execution_error' THEN 1 ELSE 0 END) AS execution_error,
        sum(CASE WHEN latest AND status = 'scorer_error' THEN 1 ELSE 0 END) AS scorer_error,
        sum(CASE WHEN latest AND status = 'limit' THEN 1 ELSE 0 END) AS "limit",
        sum(CASE WHEN latest AND status = 'cancelled' THEN 1 ELSE 0 END) AS cancelled,
        sum(CASE WHEN latest AND passed THEN 1 ELSE 0 END) AS passed,
        sum(
            CASE
                WHEN latest AND NOT graded AND status NOT IN ('execution_error', 'scorer_error', 'cancelled') THEN 1
                ELSE 0
            END
        ) AS ungraded,
        bool_or(graded) AS any_graded,
        avg(CASE WHEN passed THEN 1.0 ELSE 0.0 END) AS over_attempts,
        avg(CASE WHEN latest THEN CASE WHEN passed THEN 1.0 ELSE 0.0 END END) AS over_latest,
        avg(CASE WHEN first THEN CASE WHEN passed THEN 1.0 ELSE 0.0 END END) AS over_first,
        avg(
            CASE
                WHEN latest AND status NOT IN ('execution_error', 'scorer_error', 'cancelled')
                    THEN CASE WHEN passed THEN 1.0 ELSE 0.0 END
            END
        ) AS over_scored
    FROM executions
    GROUP BY arm
),

placed AS (
    SELECT
        run_arms.arm,
        array_agg(DISTINCT runs.run_id ORDER BY runs.run_id) AS run_ids,
        count(DISTINCT runs.run_id) AS run_count,
        min(runs.place) AS first_run
    FROM run_arms
    INNER JOIN runs ON run_arms.ingest_id = runs.ingest_id
    GROUP BY run_arms.arm
),

named AS (
    SELECT
        results.arm,
        array_agg(DISTINCT results.model ORDER BY results.model) FILTER (WHERE results.model IS NOT NULL) AS models,
        min(runs.place * 1000000000 + coalesce(results.source_row, 0)) AS first_row
    FROM results
    INNER JOIN runs ON results.ingest_id = runs.ingest_id
    WHERE NOT results.is_version
    GROUP BY results.arm
)

SELECT
    placed.arm,
    coalesce(counted.result_count, 0) AS result_count,
    coalesce(counted.case_count, 0) AS case_count,
    coalesce(counted.superseded_count, 0) AS superseded_count,
    coalesce(counted.ok, 0) AS ok,
    coalesce(counted.quality_failure, 0) AS quality_failure,
    coalesce(counted.execution_error, 0) AS execution_error,
    coalesce(counted.scorer_error, 0) AS scorer_error,
    coalesce(counted."limit", 0) AS "limit",
    coalesce(counted.cancelled, 0) AS cancelled,
    coalesce(counted.passed, 0) AS passed,
    coalesce(counted.ungraded, 0) AS ungraded,
    CASE WHEN counted.any_graded THEN counted.over_attempts END AS pass_rate_attempts,
    CASE WHEN counted.any_graded THEN counted.over_latest END AS pass_rate_latest,
    CASE WHEN counted.any_graded THEN counted.over_scored END AS pass_rate_scored,
    CASE WHEN counted.any_graded THEN counted.over_first END AS pass_rate_first,
    placed.run_ids,
    named.models,
    placed.run_count,
    placed.first_run,
    coalesce(named.first_row, placed.first_run * 1000000000) AS first_row
FROM placed
LEFT JOIN counted ON placed.arm = counted.arm
LEFT JOIN named ON placed.arm = named.arm
