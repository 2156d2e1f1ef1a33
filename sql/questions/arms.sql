-- Which arms are there, and how did their results end?
-- Grain: one row per arm.
-- Ties and nulls: an attempt that another run of the arm copied counts once. first_run and first_row order the
-- arms by their first run and by their place in it. Rates as in run_overview: null when no attempt of the arm has a
-- verdict or a score. ungraded counts latest attempts that ended without an error and have neither.
WITH executions AS (
    SELECT
        arm,
        execution,
        min(task) AS task,
        min(case_id) AS case_id,
        min(status) AS status,
        bool_or(latest) AS latest,
        bool_or(coalesce(passed, FALSE)) AS passed,
        bool_or(verdict IS NOT NULL OR score IS NOT NULL) AS graded
    FROM graded_results
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
        avg(
            CASE
                WHEN latest AND status NOT IN ('execution_error', 'scorer_error', 'cancelled')
                    THEN CASE WHEN passed THEN 1.0 ELSE 0.0 END
            END
        ) AS over_scored
    FROM executions
    GROUP BY arm
),

named AS (
    SELECT
        results.arm,
        array_agg(DISTINCT results.run_id ORDER BY results.run_id) AS run_ids,
        array_agg(DISTINCT results.model ORDER BY results.model) FILTER (WHERE results.model IS NOT NULL) AS models,
        min(runs.place) AS first_run,
        min(runs.place * 1000000000 + coalesce(results.source_row, 0)) AS first_row,
        count(DISTINCT results.run_id) AS run_count
    FROM results
    INNER JOIN runs ON results.ingest_id = runs.ingest_id
    GROUP BY results.arm
)

SELECT
    counted.arm,
    counted.result_count,
    counted.case_count,
    counted.superseded_count,
    counted.ok,
    counted.quality_failure,
    counted.execution_error,
    counted.scorer_error,
    counted."limit",
    counted.cancelled,
    counted.passed,
    counted.ungraded,
    CASE WHEN counted.any_graded THEN counted.over_attempts END AS pass_rate_attempts,
    CASE WHEN counted.any_graded THEN counted.over_latest END AS pass_rate_latest,
    CASE WHEN counted.any_graded THEN counted.over_scored END AS pass_rate_scored,
    named.run_ids,
    named.models,
    named.run_count,
    named.first_run,
    named.first_row
FROM counted
INNER JOIN named ON counted.arm = named.arm
