-- How much of the whole change does each case carry?
-- Grain: one row per candidate, task, metric and case with a delta.
-- Ties and nulls: rank is 1 for the largest |delta|, ties by case id; share is |delta| over the sum of all |delta| of
-- the candidate, task and metric, cumulative_share the same up to the rank; both null when nothing changed. Deltas that
-- are not finite are left out.
WITH changes AS (
    SELECT
        baseline,
        candidate,
        task,
        metric,
        case_id,
        delta,
        outcome,
        abs(delta) AS size,
        row_number() OVER (PARTITION BY candidate, task, metric ORDER BY abs(delta) DESC, case_id) AS rank
    FROM score_changes
    WHERE abs(delta) < CAST('Infinity' AS DOUBLE)
),

totals AS (
    SELECT
        candidate,
        task,
        metric,
        exact_sum(size) AS total
    FROM changes
    GROUP BY candidate, task, metric
),

running AS (
    SELECT
        *,
        exact_sum(size) OVER (
            PARTITION BY candidate, task, metric
            ORDER BY rank
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS carried
    FROM changes
)

SELECT
    running.baseline,
    running.candidate,
    running.task,
    running.metric,
    running.rank,
    running.case_id,
    running.delta,
    running.outcome,
    CASE WHEN totals.total > 0.0 AND totals.total < CAST('Infinity' AS DOUBLE) THEN running.size / totals.total END
        AS share,
    CASE WHEN totals.total > 0.0 AND totals.total < CAST('Infinity' AS DOUBLE) THEN running.carried / totals.total END
        AS cumulative_share
FROM running
INNER JOIN totals
    ON
        running.candidate = totals.candidate
        AND running.task = totals.task
        AND running.metric = totals.metric
