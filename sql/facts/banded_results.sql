-- How sure was each answer?
-- Grain: one row per attempt, as in graded_results, with `band`.
-- Ties and nulls: band is the tool's own label whatever its case; where that is none of high, medium and low, the
-- log probability's exponential, above 0 and up to 1: high from 0.85, medium from 0.50, else low; null without either.
SELECT
    graded_results.*,
    CASE
        WHEN lower(confidence) IN ('high', 'medium', 'low') THEN lower(confidence)
        WHEN logprob > 0.0 AND logprob <= 1.0
            THEN CASE WHEN logprob >= 0.85 THEN 'high' WHEN logprob >= 0.50 THEN 'medium' ELSE 'low' END
    END AS band
FROM graded_results
