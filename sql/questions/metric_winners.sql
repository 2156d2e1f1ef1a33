-- Which arm wins on which metric?
-- Grain: one row per arm, task and metric, as metric_summary; per says whether n counts cases, runs or results.
-- Ties and nulls: the best value among the arms wins; arms that share it are tied and nobody wins; nobody wins either
-- when only one arm has a value or the metric has no direction. winner_common is the same over the cases that have a
-- value in every arm: trust a winner when both agree. rank is 1 for the best, null without a value or direction.
WITH aggregates AS (
    SELECT * FROM arm_aggregates
    UNION ALL
    SELECT * FROM run_aggregates
),

signed AS (
    SELECT
        *,
        CASE direction WHEN 'higher' THEN value WHEN 'lower' THEN -value END AS goodness
    FROM aggregates
),

ranked AS (
    SELECT
        *,
        max(goodness) OVER (PARTITION BY basis, task, metric) AS best,
        count(goodness) OVER (PARTITION BY basis, task, metric) AS valued,
        CASE
            WHEN goodness IS NOT NULL
                THEN rank() OVER (PARTITION BY basis, task, metric ORDER BY goodness DESC NULLS LAST)
        END AS rank
    FROM signed
),

judged AS (
    SELECT
        *,
        goodness = best AND valued > 1 AS is_best,
        sum(CASE WHEN goodness = best THEN 1 ELSE 0 END) OVER (PARTITION BY basis, task, metric) AS sharing
    FROM ranked
)

SELECT
    own.arm,
    own.task,
    own.metric,
    own.per,
    own.direction,
    own.unit,
    own.aggregate,
    own.value,
    own.n,
    own.unscored,
    own.rank,
    coalesce(own.is_best AND own.sharing = 1, FALSE) AS winner,
    coalesce(own.is_best AND own.sharing > 1, FALSE) AS tied,
    coalesce(common.is_best AND common.sharing = 1, FALSE) AS winner_common,
    common.value AS value_common,
    coalesce(common.n, 0) AS n_common
FROM judged AS own
LEFT JOIN judged AS common
    ON
        common.basis = 'common'
        AND own.arm = common.arm
        AND (own.task IS NOT DISTINCT FROM common.task)
        AND own.metric = common.metric
WHERE own.basis = 'own'
