-- Did each attempt pass?
-- Grain: one row per attempt, as in results, with `passed`.
-- Ties and nulls: passed is the tool's verdict; where it gave none, score >= the pass threshold; an error never
-- passed; null when there is neither a verdict nor a score.
SELECT
    results.*,
    CASE
        WHEN status IN ('execution_error', 'scorer_error', 'cancelled') THEN FALSE
        ELSE coalesce(verdict, score >= $pass_threshold)
    END AS passed
FROM results
