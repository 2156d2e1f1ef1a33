-- What did an arm answer for a case?
-- Grain: one row per arm, task and case with at least one latest result.
-- Ties and nulls: all columns but status, attempts and results are of one latest result; of several (epochs, pooled
-- runs, models, prompts) that of the lowest epoch, then the earliest run, then the place in its source. status,
-- attempts and results are of all of them, as in case_states.
WITH ranked AS (
    SELECT
        results.arm,
        results.task,
        results.case_id,
        results.ingest_id,
        results.execution,
        row_number() OVER (
            PARTITION BY results.arm, results.task, results.case_id
            ORDER BY results.epoch, runs.place, results.source_row NULLS LAST, results.execution
        ) AS place
    FROM results
    INNER JOIN runs ON results.ingest_id = runs.ingest_id
    WHERE results.latest AND NOT results.is_version
)

-- Texts are joined to the rows that were chosen without them.
SELECT
    ranked.arm,
    ranked.task,
    ranked.case_id,
    case_states.status,
    case_states.attempts,
    case_states.results,
    banded_results.run_id,
    banded_results.ingest_id,
    banded_results.model,
    banded_results.epoch,
    banded_results.attempt,
    banded_results.status AS result_status,
    banded_results.passed,
    banded_results.score,
    banded_results.logprob,
    banded_results.confidence,
    banded_results.band,
    banded_results.total_tokens,
    banded_results.mode,
    banded_results.review,
    banded_results.input,
    banded_results.output,
    banded_results.expected,
    banded_results.error_message,
    banded_results.native_id,
    banded_results.execution
FROM ranked
INNER JOIN banded_results
    ON
        ranked.ingest_id = banded_results.ingest_id
        AND ranked.execution = banded_results.execution
        AND ranked.arm = banded_results.arm
INNER JOIN case_states
    ON
        ranked.arm = case_states.arm
        AND ranked.task = case_states.task
        AND ranked.case_id = case_states.case_id
WHERE ranked.place = 1 AND banded_results.latest
