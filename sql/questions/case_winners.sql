-- Which arm has the best value for a case?
-- Grain: one row per arm, task, case and metric, as case_values.
-- Ties and nulls: the best value among the arms wins; arms that share it are tied and nobody wins, nor when only one
-- arm has a value or the metric has no direction. rank is 1 for the best, null without a value or direction. Re-runs
-- and variations never compete. The winner of a version stack is that of logprob where there is one, else of the
-- primary metric.
WITH signed AS (
    SELECT
        case_values.*,
        CASE metric_coverage.direction
            WHEN 'higher' THEN case_values.value
            WHEN 'lower' THEN -case_values.value
        END AS goodness
    FROM case_values
    INNER JOIN metric_coverage ON case_values.metric = metric_coverage.metric
),

ranked AS (
    SELECT
        *,
        max(goodness) OVER (PARTITION BY task, case_id, metric) AS best,
        count(goodness) OVER (PARTITION BY task, case_id, metric) AS valued,
        CASE
            WHEN goodness IS NOT NULL
                THEN rank() OVER (PARTITION BY task, case_id, metric ORDER BY goodness DESC NULLS LAST)
        END AS rank
    FROM signed
),

judged AS (
    SELECT
        *,
        goodness = best AND valued > 1 AS is_best,
        sum(CASE WHEN goodness = best THEN 1 ELSE 0 END) OVER (PARTITION BY task, case_id, metric) AS sharing
    FROM ranked
)

SELECT
    arm,
    task,
    case_id,
    metric,
    value,
    results,
    unscored,
    rank,
    coalesce(is_best AND sharing = 1, FALSE) AS winner,
    coalesce(is_best AND sharing > 1, FALSE) AS tied
FROM judged
