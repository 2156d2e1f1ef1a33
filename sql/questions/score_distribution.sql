-- How are the values of an arm distributed, and the changes of a candidate?
-- Grain: one row per of ('values', 'deltas'), arm, task, metric and bin; empty bins are rows with count 0. Of deltas
-- the arm is the candidate.
-- Ties and nulls: a bin holds low < x <= high, the first one also its low. Values: $bins bins over 0 to 1 for a judging
-- metric that stays within them, else over the range of the values of all arms in the task; one bin when they are all
-- the same. Deltas: over -1 to 1, else over both signs of the largest |delta|; an even $bins gets one more, so that no
-- change (0) lies inside the middle bin and on no edge. n counts the finite ones; errors have no value and are in no
-- bin. share is count / n, null without any; a task and metric without a value in any arm has no rows.
WITH samples AS (
    SELECT
        'values' AS of,
        arm,
        task,
        metric,
        value AS x
    FROM case_values
    UNION ALL
    SELECT
        'deltas' AS of,
        candidate AS arm,
        task,
        metric,
        delta AS x
    FROM score_changes
),

finite AS (
    SELECT
        of,
        arm,
        task,
        metric,
        CASE WHEN abs(x) < CAST('Infinity' AS DOUBLE) THEN x END AS x
    FROM samples
),

extremes AS (
    SELECT
        of,
        task,
        metric,
        min(x) AS smallest,
        max(x) AS largest,
        max(abs(x)) AS farthest
    FROM finite
    GROUP BY of, task, metric
    HAVING count(x) > 0
),

ranges AS (
    SELECT
        extremes.of,
        extremes.task,
        extremes.metric,
        CASE
            WHEN extremes.of = 'deltas' AND metric_coverage.within_unit THEN -1.0
            WHEN extremes.of = 'deltas' THEN 0.0 - extremes.farthest
            WHEN metric_coverage.within_unit THEN 0.0
            ELSE extremes.smallest
        END AS low,
        CASE
            WHEN metric_coverage.within_unit THEN 1.0
            WHEN extremes.of = 'deltas' THEN extremes.farthest
            ELSE extremes.largest
        END AS high,
        CASE WHEN extremes.of = 'deltas' THEN $bins + 1 - $bins % 2 ELSE $bins END AS bins
    FROM extremes
    INNER JOIN metric_coverage ON extremes.metric = metric_coverage.metric
),

sized AS (
    SELECT
        of,
        task,
        metric,
        low,
        high,
        CASE WHEN low = high THEN 1 ELSE bins END AS bins
    FROM ranges
),

counted AS (
    SELECT
        finite.of,
        finite.arm,
        finite.task,
        finite.metric,
        CAST(histogram_bin(finite.x, sized.low, sized.high, sized.bins) AS BIGINT) AS bin,
        count(*) AS count
    FROM finite
    INNER JOIN sized ON finite.of = sized.of AND finite.task = sized.task AND finite.metric = sized.metric
    WHERE finite.x IS NOT NULL
    GROUP BY
        finite.of,
        finite.arm,
        finite.task,
        finite.metric,
        CAST(histogram_bin(finite.x, sized.low, sized.high, sized.bins) AS BIGINT)
),

groups AS (
    SELECT
        of,
        arm,
        task,
        metric,
        count(x) AS n
    FROM finite
    GROUP BY of, arm, task, metric
),

places AS (
    SELECT unnest(generate_series(CAST(1 AS BIGINT), $bins + 1)) AS bin
),

grid AS (
    SELECT
        groups.of,
        groups.arm,
        groups.task,
        groups.metric,
        groups.n,
        places.bin,
        histogram_edge(CAST(places.bin - 1 AS DOUBLE), sized.low, sized.high, sized.bins) AS low,
        histogram_edge(CAST(places.bin AS DOUBLE), sized.low, sized.high, sized.bins) AS high
    FROM groups
    INNER JOIN sized ON groups.of = sized.of AND groups.task = sized.task AND groups.metric = sized.metric
    CROSS JOIN places
    WHERE places.bin <= sized.bins
)

SELECT
    grid.of,
    grid.arm,
    grid.task,
    grid.metric,
    grid.bin,
    grid.low,
    grid.high,
    coalesce(counted.count, 0) AS count,
    CASE WHEN grid.n > 0 THEN coalesce(counted.count, 0) / CAST(grid.n AS DOUBLE) END AS share,
    grid.n
FROM grid
LEFT JOIN counted
    ON
        grid.of = counted.of
        AND grid.arm = counted.arm
        AND grid.task = counted.task
        AND grid.metric = counted.metric
        AND grid.bin = counted.bin
