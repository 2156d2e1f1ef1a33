-- What did an arm answer for a case?
-- Grain: one row per arm, task and case with at least one latest result.
-- Ties and nulls: all columns but status, attempts and results are of one latest result; of several (epochs, pooled
-- runs, models, prompts) that of the first run, then the first epoch, then the first row. status, attempts and results
-- are of all of them, as in case_states.
WITH placed AS (
    SELECT
        banded_results.*,
        row_number() OVER (
            PARTITION BY banded_results.arm, banded_results.task, banded_results.case_id
            ORDER BY
                runs.place, banded_results.epoch, banded_results.source_row NULLS LAST, banded_results.execution
        ) AS place
    FROM banded_results
    INNER JOIN runs ON banded_results.ingest_id = runs.ingest_id
    WHERE banded_results.latest
)

SELECT
    placed.arm,
    placed.task,
    placed.case_id,
    case_states.status,
    case_states.attempts,
    case_states.results,
    placed.run_id,
    placed.ingest_id,
    placed.model,
    placed.epoch,
    placed.attempt,
    placed.status AS result_status,
    placed.passed,
    placed.score,
    placed.logprob,
    placed.confidence,
    placed.band,
    placed.total_tokens,
    placed.mode,
    placed.review,
    placed.input,
    placed.output,
    placed.expected,
    placed.error_message,
    placed.native_id,
    placed.execution
FROM placed
INNER JOIN case_states
    ON
        placed.arm = case_states.arm
        AND placed.task = case_states.task
        AND placed.case_id = case_states.case_id
WHERE placed.place = 1
