-- What did the finished rows of each run and model take, so that one can tell what further rows will?
-- Grain: one row per run and model with a finished row: an attempt, superseded or not, that ended ok or as a quality
-- failure.
-- Ties and nulls: a finished row that does not say its tokens, cost or duration is not in their counts, means and
-- deviations; a deviation of one row is null. Tokens are input and output where the total is not said. at_once is how
-- many rows of the run ran at the same time: the durations of all its attempts over its time by the clock, 1 at least
-- and where times are not known; a run that was resumed later counts the pause in between.
WITH usage AS (
    SELECT
        ingest_id,
        model,
        status,
        CAST(coalesce(total_tokens, input_tokens + output_tokens) AS DOUBLE) AS tokens,
        cost_usd,
        duration_ms
    FROM results
),

busy AS (
    SELECT
        usage.ingest_id,
        sum(usage.duration_ms) AS busy_ms
    FROM usage
    GROUP BY usage.ingest_id
),

clocks AS (
    SELECT
        runs.ingest_id,
        busy.busy_ms,
        CAST(CAST(runs.ended_at AS BIGINT) - CAST(runs.started_at AS BIGINT) AS DOUBLE) / 1000.0 AS clock_ms
    FROM runs
    INNER JOIN busy ON runs.ingest_id = busy.ingest_id
),

finished AS (
    SELECT
        ingest_id,
        model,
        count(*) AS finished_rows,
        count(tokens) AS tokens_n,
        exact_mean(tokens) AS tokens_mean,
        exact_stddev(tokens) AS tokens_stddev,
        count(cost_usd) AS cost_usd_n,
        exact_mean(cost_usd) AS cost_usd_mean,
        exact_stddev(cost_usd) AS cost_usd_stddev,
        count(duration_ms) AS duration_ms_n,
        exact_mean(duration_ms) AS duration_ms_mean,
        exact_stddev(duration_ms) AS duration_ms_stddev
    FROM usage
    WHERE status IN ('ok', 'quality_failure')
    GROUP BY ingest_id, model
)

SELECT
    finished.*,
    CASE
        WHEN clocks.clock_ms > 0.0 AND clocks.busy_ms > clocks.clock_ms THEN clocks.busy_ms / clocks.clock_ms
        ELSE 1.0
    END AS at_once
FROM finished
LEFT JOIN clocks ON finished.ingest_id = clocks.ingest_id
