//! Tables that tools wrote, against counts and means that were computed without this importer.

use super::*;

#[test]
fn ragas_tables_have_no_ids() {
    let sink = read_path(&fixture("ragas/base-8b.csv"), &ImportOptions::default()).unwrap();
    let distinct: std::collections::HashSet<_> = sink.ids().into_iter().collect();
    assert_eq!((sink.records.len(), distinct.len(), sink.faults.len()), (20, 20, 0));
    assert!(close(sink.mean("exact_match").1, 0.45));
    assert!(close(sink.mean("non_llm_string_similarity").1, 0.45));
    assert_eq!(sink.results()[0].primary_metric, "exact_match");
    assert_eq!(sink.results()[0].expected.as_deref(), Some("2464"));

    let other = read_path(&fixture("ragas/large-70b.jsonl"), &ImportOptions::default()).unwrap();
    assert!(close(other.mean("exact_match").1, 0.85));
    assert!(close(other.mean("non_llm_string_similarity").1, 0.883_333_333_335));
    assert_eq!(sink.ids(), other.ids(), "the same questions are the same cases, whatever the format");
}

#[test]
fn lm_eval_samples_are_known_by_the_hash_of_their_document() {
    let sink = read_path(&fixture("lm_eval/samples_localmc.jsonl"), &ImportOptions::default()).unwrap();
    assert_eq!(sink.records.len(), 20);
    assert!(sink.ids().iter().all(|id| id.len() == 64));
    assert!(close(sink.mean("acc").1, 0.65) && close(sink.mean("acc_norm").1, 0.6));
    assert!(close(sink.mean("score").1, 0.65));
}

#[test]
fn lm_eval_filters_are_variants_and_not_repeats() {
    let file = "lm_eval/generated/acme__base-8b/samples_localqa_2026-11-20T08-29-48.352722.jsonl";
    let Some(path) = shared(file) else { return };
    let sink = read_path(&path, &ImportOptions::default()).unwrap();
    let keys: std::collections::HashSet<_> =
        sink.results().iter().map(|row| crate::model::Key::of(row)).collect();
    assert_eq!((sink.records.len(), keys.len()), (120, 120));
    for (variant, mean) in [("strict-match", 17.0 / 60.0), ("flexible-extract", 38.0 / 60.0)] {
        let of_variant = sink.results().into_iter().filter(|row| row.variant.as_deref() == Some(variant));
        let scores: Vec<f64> = of_variant.filter_map(|row| row.score).collect();
        assert!(close(scores.iter().sum::<f64>() / 60.0, mean), "{variant}: {}", scores.len());
    }
}

#[test]
fn mlflow_tables_are_in_pandas_split_form() {
    let sink = read_path(&fixture("mlflow/eval_results_table.json"), &ImportOptions::default()).unwrap();
    assert_eq!(sink.records.len(), 30);
    let first = sink.results()[0];
    assert_eq!((first.duration_ms, first.total_tokens), (Some(480.0), Some(4)));
    assert_eq!((first.input.as_deref(), first.output.as_deref()), (Some("What is 32 * 77?"), Some("2464")));
    assert_eq!(sink.score(0, "exact_match/v1/score").value, Some(1.0));
    assert_eq!(sink.score(0, "toxicity/v1/score").value, Some(0.007));
}

/// promptfoo's `error` holds the reason of a failed assertion too; `failureReason` tells them apart.
fn promptfoo() -> ImportOptions {
    let text = "[columns]\ncase_id = \"vars\"\nstatus = \"failureReason\"\nverdict = \"success\"\nscore = \"score\"\n\
                model = \"provider.label\"\nprompt = \"prompt.label\"\nduration_ms = \"latencyMs\"\n\
                [metrics]\nbrevity = \"namedScores.brevity\"\n\
                [status]\n0 = \"ok\"\n1 = \"quality_failure\"\n2 = \"execution_error\"\n";
    ImportOptions { mapping: Mapping::from_toml(text).unwrap(), ..ImportOptions::default() }
}

#[test]
fn promptfoo_lines_agree_with_its_own_counts() {
    for (file, rows, passed, errors, score, brevity) in [
        ("capitals-errors-repeat3", 120, 52, 27, 0.767_293_907, Some(0.718_189_964)),
        ("capitals-v1", 40, 21, 0, 0.751_125, Some(0.705_625)),
        ("capitals-v2", 40, 27, 0, 0.819_625, Some(0.748_125)),
        ("errors-rerun-filter-errors-only", 32, 16, 0, 0.740_052_083, Some(0.700_260_417)),
    ] {
        let Some(path) = shared(&format!("promptfoo/{file}.jsonl")) else { return };
        let sink = read_path(&path, &promptfoo()).unwrap();
        let count = |status: &str| sink.statuses().iter().filter(|word| **word == status).count();
        assert_eq!(
            (sink.records.len(), count("ok"), count("execution_error")),
            (rows, passed, errors),
            "{file}"
        );
        assert!(close(sink.mean("score").1, score), "{file}: {:?}", sink.mean("score"));
        if let Some(brevity) = brevity {
            assert!(close(sink.mean("brevity").1, brevity), "{file}: {:?}", sink.mean("brevity"));
        }
        let cases: std::collections::HashSet<_> = sink.ids().into_iter().collect();
        assert!(cases.len() <= 10, "{file}: repeats and models share their cases: {}", cases.len());
    }
}

#[test]
fn a_promptfoo_file_of_a_killed_run_is_read_without_being_told_anything() {
    let path = fixture("promptfoo/killed-midway.jsonl");
    let rows = std::fs::read_to_string(&path).unwrap().lines().count();
    let sink = read_path(&path, &ImportOptions::default()).unwrap();
    assert_eq!((sink.records.len(), sink.faults.len()), (rows, 0));
    assert!(sink.results().iter().all(|result| result.model.is_some() && result.score.is_some()));
}

#[test]
fn tau_bench_trials_are_epochs() {
    let Some(path) = shared("tau_bench/historical_trajectories/gpt-4o-airline.json") else { return };
    let sink = read_path(&path, &ImportOptions::default()).unwrap();
    let cases: std::collections::HashSet<_> = sink.ids().into_iter().collect();
    let keys: std::collections::HashSet<_> =
        sink.results().iter().map(|row| crate::model::Key::of(row)).collect();
    assert_eq!((sink.records.len(), cases.len(), keys.len()), (200, 50, 200));
    let epochs: std::collections::BTreeSet<_> = sink.results().iter().map(|result| result.epoch).collect();
    assert_eq!(epochs.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(sink.results()[0].primary_metric, "reward");
    assert!(close(sink.mean("score").1, 0.42), "{:?}", sink.mean("score"));
}
