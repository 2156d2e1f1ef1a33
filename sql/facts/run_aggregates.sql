-- What do the runs of an arm come to: time, tokens and cost as the tool counts them by run, confidence, approval?
-- Grain: one row per basis (own, common), arm, task and metric, as arm_aggregates; per says what n counts.
-- Ties and nulls: a metric without any value is left out, an arm without one has null. Metrics by run are means over
-- the runs of the arm that have a value, and stand only where each of its runs is in that arm alone. Shares are ratios
-- of sums: results of one band over the latest results with a band; applied over processed cases of runs that
-- processed any. common: the shares over cases with a band in every arm; the metrics by run only where all arms ran
-- the same cases of the task, since nobody can tell what a part of the cases took.
-- Kept: computed once per session, since questions read it several times.
WITH cells AS (
    SELECT
        bases.basis,
        run_measurements.arm,
        CASE WHEN lines.pooled THEN CAST(NULL AS VARCHAR) ELSE run_measurements.task END AS task,
        run_measurements.metric,
        run_measurements.per,
        run_measurements.value,
        run_measurements.base
    FROM run_measurements
    CROSS JOIN task_sets
    INNER JOIN (VALUES ('own', FALSE), ('common', TRUE)) AS bases (basis, shared)
        ON run_measurements.even OR NOT bases.shared
    INNER JOIN (VALUES (FALSE), (TRUE)) AS lines (pooled)
        ON task_sets.poolable OR NOT lines.pooled
),

aggregated AS (
    SELECT
        basis,
        arm,
        task,
        metric,
        min(per) AS per,
        count(value) AS n,
        count(*) - count(value) AS unscored,
        exact_mean(value) AS mean,
        exact_sum(value) AS sum,
        exact_sum(base) AS base,
        min(value) AS min,
        max(value) AS max,
        exact_stddev(value) AS stddev,
        array_sort(array_agg(value) FILTER (WHERE value IS NOT NULL)) AS ordered,
        max(count(value)) OVER (PARTITION BY metric) AS most
    FROM cells
    GROUP BY basis, arm, task, metric
)

SELECT
    aggregated.basis,
    aggregated.arm,
    aggregated.task,
    aggregated.metric,
    aggregated.per,
    aggregated.n,
    aggregated.unscored,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.mean END AS mean,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.sum END AS sum,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.min END AS min,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.max END AS max,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.stddev END AS stddev,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.5) END AS p50,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.9) END AS p90,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.95) END AS p95,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.99) END AS p99,
    metrics.direction,
    metrics.unit,
    metrics.aggregate,
    FALSE AS within_unit,
    CASE metrics.aggregate
        WHEN 'rate' THEN aggregated.sum / aggregated.base
        ELSE aggregated.mean
    END AS value
FROM aggregated
INNER JOIN metrics ON aggregated.metric = metrics.metric
WHERE aggregated.most > 0
