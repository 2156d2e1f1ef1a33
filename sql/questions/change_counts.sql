-- What improved and what regressed against the baseline, and is it more than noise?
-- Grain: one row per candidate, task and metric; task is null for the line over all tasks, as in metric_summary.
-- Ties and nulls: the six counts add up to the cases that carry the metric in at least one of the two arms. Means,
-- delta, error, interval and p are over the common scored cases; the interval is a t interval, not adjusted.
-- p_adjusted is Holm's within the family; both are null when every delta is equal, and the exact sign test decides.
-- verdict is null for a metric without one.
-- Formulas: docs/METHODOLOGY.md.
WITH changes AS (
    SELECT
        baseline,
        candidate,
        task,
        case_id,
        task AS case_task,
        metric,
        baseline_value,
        candidate_value,
        delta,
        outcome
    FROM score_changes
    UNION ALL
    SELECT
        score_changes.baseline,
        score_changes.candidate,
        CAST(NULL AS VARCHAR) AS task,
        score_changes.case_id,
        score_changes.task AS case_task,
        score_changes.metric,
        score_changes.baseline_value,
        score_changes.candidate_value,
        score_changes.delta,
        score_changes.outcome
    FROM score_changes
    CROSS JOIN task_sets
    WHERE task_sets.poolable
),

counted AS (
    SELECT
        baseline,
        candidate,
        task,
        metric,
        count(delta) AS common,
        sum(CASE outcome WHEN 'improved' THEN 1 ELSE 0 END) AS improved,
        sum(CASE outcome WHEN 'regressed' THEN 1 ELSE 0 END) AS regressed,
        sum(CASE outcome WHEN 'unchanged' THEN 1 ELSE 0 END) AS unchanged,
        sum(CASE outcome WHEN 'baseline_only' THEN 1 ELSE 0 END) AS baseline_only,
        sum(CASE outcome WHEN 'candidate_only' THEN 1 ELSE 0 END) AS candidate_only,
        sum(CASE outcome WHEN 'unscored' THEN 1 ELSE 0 END) AS unscored,
        exact_mean(CASE WHEN delta IS NOT NULL THEN baseline_value END) AS mean_baseline,
        exact_mean(CASE WHEN delta IS NOT NULL THEN candidate_value END) AS mean_candidate,
        exact_mean(delta) AS mean_delta,
        exact_mean(CASE WHEN baseline_value < 1.0 THEN delta / (1.0 - baseline_value) END) AS normalized_gain,
        exact_stddev(delta) AS stddev,
        sum(CASE WHEN delta > 0.0 THEN 1 ELSE 0 END) AS rose,
        sum(CASE WHEN delta < 0.0 THEN 1 ELSE 0 END) AS fell,
        max(CASE WHEN delta IS NOT NULL THEN greatest(abs(baseline_value), abs(candidate_value)) END) AS largest,
        bool_and(delta IS NULL OR (baseline_value IN (0.0, 1.0) AND candidate_value IN (0.0, 1.0))) AS all_binary
    FROM changes
    GROUP BY baseline, candidate, task, metric
),

cluster_sums AS (
    SELECT
        changes.candidate,
        changes.task,
        changes.metric,
        coalesce(case_clusters.cluster, changes.case_task || '/' || changes.case_id) AS cluster,
        exact_sum(changes.delta) AS delta_sum,
        count(changes.delta) AS cases
    FROM changes
    LEFT JOIN case_clusters
        ON changes.case_task = case_clusters.task AND changes.case_id = case_clusters.case_id
    WHERE $clustered AND changes.delta IS NOT NULL
    GROUP BY
        changes.candidate,
        changes.task,
        changes.metric,
        coalesce(case_clusters.cluster, changes.case_task || '/' || changes.case_id)
),

clustered AS (
    SELECT
        cluster_sums.candidate,
        cluster_sums.task,
        cluster_sums.metric,
        count(*) AS clusters,
        sum(CASE WHEN cluster_sums.delta_sum > 0.0 THEN 1 ELSE 0 END) AS rose,
        sum(CASE WHEN cluster_sums.delta_sum < 0.0 THEN 1 ELSE 0 END) AS fell,
        sqrt(exact_sum(power(cluster_sums.delta_sum - cluster_sums.cases * counted.mean_delta, 2.0))) AS residual
    FROM cluster_sums
    INNER JOIN counted
        ON
            cluster_sums.candidate = counted.candidate
            AND (cluster_sums.task IS NOT DISTINCT FROM counted.task)
            AND cluster_sums.metric = counted.metric
    GROUP BY cluster_sums.candidate, cluster_sums.task, cluster_sums.metric
),

scattered AS (
    SELECT
        counted.*,
        CASE WHEN $clustered THEN coalesce(clustered.clusters, 0) ELSE counted.common END AS units,
        CASE
            WHEN NOT $clustered THEN counted.stddev / sqrt(CAST(counted.common AS DOUBLE))
            WHEN clustered.clusters > 1
                THEN
                    sqrt(clustered.clusters / (clustered.clusters - 1.0)) * clustered.residual / counted.common
        END AS scatter,
        CASE WHEN $clustered THEN clustered.rose ELSE counted.rose END AS units_rose,
        CASE WHEN $clustered THEN clustered.fell ELSE counted.fell END AS units_fell,
        counted.all_binary AND NOT $clustered AS mcnemar
    FROM counted
    LEFT JOIN clustered
        ON
            counted.candidate = clustered.candidate
            AND (counted.task IS NOT DISTINCT FROM clustered.task)
            AND counted.metric = clustered.metric
),

-- 0.8 - 0.7 and 0.4 - 0.3 differ in the last bit: what doubles round off (four units in the last place of the largest
-- value) is no scatter, and no difference either.
erred AS (
    SELECT
        *,
        CASE WHEN scatter <= 1e-15 * largest THEN 0.0 ELSE scatter END AS standard_error,
        abs(mean_delta) > 1e-15 * largest AS moved
    FROM scattered
),

tested AS (
    SELECT
        erred.*,
        metric_coverage.direction,
        metric_coverage.family,
        metric_coverage.judges,
        CASE
            WHEN NOT coalesce(erred.standard_error > 0.0, FALSE) THEN NULL
            WHEN erred.mcnemar THEN mcnemar_exact_p(erred.rose, erred.fell)
            ELSE student_t_p(erred.mean_delta / erred.standard_error, CAST(erred.units - 1 AS DOUBLE))
        END AS p_value,
        CASE
            WHEN erred.common = 0 THEN NULL
            WHEN erred.standard_error = 0.0 AND erred.moved THEN 'exact sign'
            WHEN erred.mcnemar THEN 'exact McNemar'
            WHEN $clustered THEN 'clustered t'
            ELSE 'paired t'
        END AS test,
        student_t_quantile(1.0 - $alpha / 2.0, CAST(erred.units - 1 AS DOUBLE)) * erred.standard_error AS half_width,
        (normal_quantile(1.0 - $alpha / 2.0) + normal_quantile(0.8)) * erred.standard_error AS mde
    FROM erred
    INNER JOIN metric_coverage ON erred.metric = metric_coverage.metric
),

ordered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY family, task IS NULL, p_value IS NULL
            ORDER BY p_value, candidate, task, metric
        ) AS place,
        count(p_value) OVER (PARTITION BY family, task IS NULL) AS tests
    FROM tested
),

adjusted AS (
    SELECT
        *,
        CASE
            WHEN family IS NOT NULL AND p_value IS NOT NULL
                THEN
                    max(CASE WHEN p_value IS NOT NULL THEN least(1.0, (tests - place + 1) * p_value) END) OVER (
                        PARTITION BY family, task IS NULL, p_value IS NULL
                        ORDER BY place
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    )
        END AS p_adjusted
    FROM ordered
)

SELECT
    baseline,
    candidate,
    task,
    metric,
    common,
    improved,
    regressed,
    unchanged,
    baseline_only,
    candidate_only,
    unscored,
    mean_baseline,
    mean_candidate,
    mean_delta,
    CASE WHEN direction = 'higher' AND judges THEN normalized_gain END AS normalized_gain,
    standard_error,
    mean_delta - half_width AS ci_low,
    mean_delta + half_width AS ci_high,
    p_value,
    p_adjusted,
    test,
    mde,
    family,
    CASE WHEN family IS NOT NULL AND p_value IS NOT NULL THEN tests END AS family_tests,
    units,
    CASE
        WHEN family IS NULL THEN NULL
        WHEN units < 6 THEN 'too few cases'
        WHEN
            coalesce(p_adjusted, CASE WHEN test = 'exact sign' THEN sign_test_p(units_rose, units_fell) END) < $alpha
            THEN CASE WHEN (mean_delta > 0.0) = (direction = 'higher') THEN 'improved' ELSE 'regressed' END
        ELSE 'no difference shown'
    END AS verdict
FROM adjusted
