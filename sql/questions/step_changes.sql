-- What improved and what regressed at each step against the baseline?
-- Grain: one row per candidate, task, step, step kind and metric.
-- Ties and nulls: presence says which of the two arms took the step in the task at all: baseline, candidate or both.
-- The six counts add up to the cases that have the metric at the step in at least one of the two arms. Means, delta,
-- error, interval and p are over the common cases with a value on both sides, computed as in change_counts; the
-- p-value is not adjusted and there is no verdict: the scores of steps have both in change_counts, under METRIC @
-- STEP.
-- Formulas: docs/METHODOLOGY.md.
WITH counted AS (
    SELECT
        baseline,
        candidate,
        task,
        step,
        coalesce(step_kind, '') AS kind_key,
        step_kind,
        metric,
        bool_or(outcome <> 'candidate_only') AS in_baseline,
        bool_or(outcome <> 'baseline_only') AS in_candidate,
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
        exact_stddev(delta) AS stddev,
        sum(CASE WHEN delta > 0.0 THEN 1 ELSE 0 END) AS rose,
        sum(CASE WHEN delta < 0.0 THEN 1 ELSE 0 END) AS fell,
        max(CASE WHEN delta IS NOT NULL THEN greatest(abs(baseline_value), abs(candidate_value)) END) AS largest,
        bool_and(delta IS NULL OR (baseline_value IN (0.0, 1.0) AND candidate_value IN (0.0, 1.0))) AS all_binary
    FROM step_pairs
    GROUP BY baseline, candidate, task, step, step_kind, metric
),

cluster_sums AS (
    SELECT
        step_pairs.candidate,
        step_pairs.task,
        step_pairs.step,
        coalesce(step_pairs.step_kind, '') AS kind_key,
        step_pairs.metric,
        coalesce(case_clusters.cluster, step_pairs.task || '/' || step_pairs.case_id) AS cluster,
        exact_sum(step_pairs.delta) AS delta_sum,
        count(step_pairs.delta) AS cases
    FROM step_pairs
    LEFT JOIN case_clusters
        ON step_pairs.task = case_clusters.task AND step_pairs.case_id = case_clusters.case_id
    WHERE $clustered AND step_pairs.delta IS NOT NULL
    GROUP BY
        step_pairs.candidate,
        step_pairs.task,
        step_pairs.step,
        coalesce(step_pairs.step_kind, ''),
        step_pairs.metric,
        coalesce(case_clusters.cluster, step_pairs.task || '/' || step_pairs.case_id)
),

clustered AS (
    SELECT
        cluster_sums.candidate,
        cluster_sums.task,
        cluster_sums.step,
        cluster_sums.kind_key,
        cluster_sums.metric,
        count(*) AS clusters,
        sqrt(exact_sum(power(cluster_sums.delta_sum - cluster_sums.cases * counted.mean_delta, 2.0))) AS residual
    FROM cluster_sums
    INNER JOIN counted
        ON
            cluster_sums.candidate = counted.candidate
            AND cluster_sums.task = counted.task
            AND cluster_sums.step = counted.step
            AND cluster_sums.kind_key = counted.kind_key
            AND cluster_sums.metric = counted.metric
    GROUP BY
        cluster_sums.candidate,
        cluster_sums.task,
        cluster_sums.step,
        cluster_sums.kind_key,
        cluster_sums.metric
),

scattered AS (
    SELECT
        counted.*,
        bool_or(counted.in_baseline) OVER taking AS step_in_baseline,
        bool_or(counted.in_candidate) OVER taking AS step_in_candidate,
        CASE WHEN $clustered THEN coalesce(clustered.clusters, 0) ELSE counted.common END AS units,
        CASE
            WHEN NOT $clustered THEN counted.stddev / sqrt(CAST(counted.common AS DOUBLE))
            WHEN clustered.clusters > 1
                THEN
                    sqrt(clustered.clusters / (clustered.clusters - 1.0)) * clustered.residual / counted.common
        END AS scatter,
        counted.all_binary AND NOT $clustered AS mcnemar
    FROM counted
    LEFT JOIN clustered
        ON
            counted.candidate = clustered.candidate
            AND counted.task = clustered.task
            AND counted.step = clustered.step
            AND counted.kind_key = clustered.kind_key
            AND counted.metric = clustered.metric
    WINDOW taking AS (PARTITION BY counted.candidate, counted.task, counted.step, counted.kind_key)
),

-- What doubles round off is no scatter, and no difference either: as in change_counts.
erred AS (
    SELECT
        *,
        CASE WHEN scatter <= 1e-15 * largest THEN 0.0 ELSE scatter END AS standard_error,
        abs(mean_delta) > 1e-15 * largest AS moved
    FROM scattered
)

SELECT
    erred.baseline,
    erred.candidate,
    erred.task,
    erred.step,
    erred.step_kind,
    erred.metric,
    CASE
        WHEN erred.step_in_baseline AND erred.step_in_candidate THEN 'both'
        WHEN erred.step_in_baseline THEN 'baseline'
        ELSE 'candidate'
    END AS presence,
    step_coverage.direction,
    step_coverage.unit,
    erred.common,
    erred.improved,
    erred.regressed,
    erred.unchanged,
    erred.baseline_only,
    erred.candidate_only,
    erred.unscored,
    erred.mean_baseline,
    erred.mean_candidate,
    erred.mean_delta,
    erred.standard_error,
    erred.mean_delta
    - student_t_quantile(1.0 - $alpha / 2.0, CAST(erred.units - 1 AS DOUBLE)) * erred.standard_error AS ci_low,
    erred.mean_delta
    + student_t_quantile(1.0 - $alpha / 2.0, CAST(erred.units - 1 AS DOUBLE)) * erred.standard_error AS ci_high,
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
    erred.units
FROM erred
INNER JOIN step_coverage
    ON
        erred.step = step_coverage.step
        AND erred.kind_key = coalesce(step_coverage.step_kind, '')
        AND erred.metric = step_coverage.metric
