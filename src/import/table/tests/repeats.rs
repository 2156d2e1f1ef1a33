//! Runs of a file, and what rows that share a key are.

use super::*;

const TWICE: &str = "{\"id\":\"a\",\"score\":1}\n{\"id\":\"b\",\"score\":1}\n{\"id\":\"a\",\"score\":0}\n";

fn policy(rows: &str, options: &ImportOptions) -> (Repeats, String) {
    let sink = try_read("x.jsonl", rows, options).unwrap();
    (sink.begun[0].1, sink.note().to_owned())
}

#[test]
fn equal_keys_are_epochs_unless_something_tells_attempts_apart() {
    let default = ImportOptions::default();
    let (chosen, note) = policy(TWICE, &default);
    assert_eq!(chosen, Repeats::EpochsUnlessAfterError);
    assert!(
        note.contains("1 row shares its key with an earlier one: taken as epochs in file order"),
        "{note}"
    );
    let timed = TWICE.replace("\"score\"", "\"timestamp\":\"2026-01-01T00:00:00Z\",\"score\"");
    let (chosen, note) = policy(&timed, &default);
    assert_eq!(chosen, Repeats::Attempts);
    assert!(note.ends_with("1 row shares its key with an earlier one: taken as further attempts"), "{note}");
    assert_eq!(policy(&TWICE.replace("\"score\"", "\"attempt\":1,\"score\""), &default).0, Repeats::Attempts);
}

#[test]
fn the_person_decides_what_duplicates_are() {
    let timed = TWICE.replace("\"score\"", "\"timestamp\":\"2026-01-01T00:00:00Z\",\"score\"");
    for (said, expected) in [
        (Duplicates::Epoch, Repeats::Epochs),
        (Duplicates::Attempt, Repeats::Attempts),
        (Duplicates::Error, Repeats::Refuse),
    ] {
        let options = ImportOptions { duplicates: Some(said), ..ImportOptions::default() };
        assert_eq!(policy(TWICE, &options).0, expected);
        assert_eq!(policy(&timed, &options).0, expected);
    }
}

#[test]
fn nothing_is_said_of_duplicates_where_there_are_none() {
    let (_, note) = policy("{\"id\":\"a\",\"score\":1}\n", &ImportOptions::default());
    assert!(!note.contains("key"), "{note}");
}

#[test]
fn epochs_and_attempts_that_are_counted_from_zero_begin_at_one() {
    let sink = read("x.csv", "id,trial,attempt,score\na,0,0,1\na,0,1,1\na,1,0,1\n");
    let counted: Vec<_> = sink.results().iter().map(|result| (result.epoch, result.attempt)).collect();
    assert_eq!(counted, [(1, 1), (1, 2), (2, 1)]);
    let sink = read("x.csv", "id,epoch,score\na,1,1\na,2,1\n");
    assert_eq!(sink.results()[1].epoch, 2);
    let sink = read("x.csv", "id,epoch,score\na,1,1\na,-1,1\n");
    assert_eq!(sink.faults[0].message, "column epoch: expected a count from 1, found \"-1\" (row skipped)");
}

#[test]
fn equal_rows_have_equal_content_and_others_have_not() {
    let sink =
        read("x.jsonl", "{\"id\":1,\"score\":1}\n{\"id\":1,\"score\":1}\n{\"id\":1,\"score\":1,\"x\":0}\n");
    let content: Vec<_> = sink.records.iter().map(|(_, record)| record.content).collect();
    assert_eq!(content[0], content[1]);
    assert_ne!(content[0], content[2]);
}

#[test]
fn a_column_may_split_a_file_into_runs() {
    let rows = "id,which,score,timestamp\na,r1,1,2026-01-02\nb,r2,0,2026-01-03\nb,r1,1,2026-01-01\n";
    let mut mapping = Mapping::default();
    mapping.set_run_column("which");
    let options = ImportOptions { mapping, name: Some("mine".into()), ..ImportOptions::default() };
    let sink = try_read("x.csv", rows, &options).unwrap();
    let runs: Vec<_> = sink.begun.iter().map(|(run, _)| run.run_id.as_str()).collect();
    assert_eq!(runs, ["r1", "r2"]);
    let owners: Vec<_> = sink.records.iter().map(|(run, _)| *run).collect();
    assert_eq!(owners, [0, 1, 0]);
    let first = &sink.ended[0].1;
    assert_eq!(
        (first.started_at, first.ended_at),
        (Timestamp::parse("2026-01-01"), Timestamp::parse("2026-01-02"))
    );
    assert_eq!(first.name.as_deref(), Some("mine"));
    assert_eq!(sink.results()[0].extra, None);
    // The same key in two runs is no repeat.
    assert!(!sink.note().contains("key"), "{}", sink.note());
}

#[test]
fn a_file_name_that_says_nothing_takes_its_folder_along() {
    assert_eq!(reading::run_name(Path::new("/x/gpt/results.jsonl")), "gpt-results");
    assert_eq!(reading::run_name(Path::new("/x/gpt/base-8b.csv")), "base-8b");
    assert_eq!(reading::run_name(Path::new("Data.json")), "Data");
}
