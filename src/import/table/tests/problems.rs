//! Files that cannot be read, or not quite.

use super::*;

#[test]
fn a_line_that_is_cut_off_is_skipped_and_named() {
    let rows = "{\"id\":\"a\",\"score\":1}\n{\"id\":\"b\",\"sco\n{\"id\":\"c\",\"score\":1}\n{\"id\":\"d\",\"score\":0.";
    let sink = read("x.jsonl", rows);
    assert_eq!(sink.ids(), ["a", "c"]);
    let faults: Vec<_> = sink.faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
    assert_eq!(
        faults,
        [
            (Some(2), "expected a JSON object, found the end of it after {\"id\":\"b\",\"sco (row skipped)"),
            (
                Some(4),
                "expected a JSON object, found the end of it after {\"id\":\"d\",\"score\":0. (row skipped)"
            ),
        ]
    );
    assert_eq!(sink.results()[1].source_row, Some(3));
}

#[test]
fn a_list_that_is_cut_off_gives_the_rows_before() {
    let sink = read("x.json", r#"[{"id":"a","score":1},{"id":"b","sc"#);
    assert_eq!(sink.ids(), ["a"]);
    assert_eq!(sink.faults.len(), 1);
    assert_eq!(sink.faults[0].line, Some(2));
    let sink = read("x.json", r#"[{"id":"a","score":1},"#);
    assert!(sink.faults[0].message.contains("found the end of the file"), "{}", sink.faults[0]);
}

#[test]
fn a_value_of_the_wrong_type_names_file_row_column_and_value() {
    let sink = read("x.csv", "id,score,duration_ms\n1,1,12\n2,1,fast\n3,1,13\n");
    assert_eq!(sink.ids(), ["1", "3"]);
    let said = sink.faults[0].to_string();
    assert!(
        said.ends_with("x.csv:3: column duration_ms: expected a number, found \"fast\" (row skipped)"),
        "{said}"
    );
    let sink =
        try_read("x.jsonl", "{\"k\":1,\"s\":{\"a\":1}}\n{\"k\":2,\"s\":1}\n", &mapped("case_id=k,score=s"))
            .unwrap();
    assert_eq!(
        sink.faults[0].message,
        "column s: expected a number or a text, found {\"a\":1} (row skipped)"
    );
    let sink = read("x.csv", "id,score\n1,1\n,0\n");
    assert_eq!(sink.faults[0].message, "column id: expected a case id, found null (row skipped)");
}

#[test]
fn a_csv_row_with_too_few_cells_is_skipped() {
    let sink = read("x.csv", "id,score,output\n1,1,x\n2,1\n");
    assert_eq!(sink.ids(), ["1"]);
    assert_eq!(
        (sink.faults[0].line, sink.faults[0].message.as_str()),
        (Some(3), "expected 3 cells as in the header, found 2 (row skipped)")
    );
}

#[test]
fn a_pointer_is_not_the_file() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let (message, hint) = failure("x.jsonl", pointer, &ImportOptions::default());
    assert!(message.ends_with("x.jsonl: this is a Git LFS pointer, not the file itself"), "{message}");
    assert_eq!(hint.as_deref(), Some("fetch the file with git lfs pull"));
}

#[test]
fn a_mapping_typo_names_the_nearest_column() {
    let rows = "{\"id\":\"a\",\"metrics\":{\"accuracy\":1}}\n{\"id\":\"b\",\"metrics\":{\"accuracy\":1}}\n";
    let (message, hint) = failure("x.jsonl", rows, &mapped("score=metrics.acuracy"));
    assert!(
        message.ends_with(
            "score is mapped to \"metrics.acuracy\", but no row has such a column; \
             the columns are id, metrics, metrics.accuracy"
        ),
        "{message}"
    );
    assert_eq!(hint.as_deref(), Some("did you mean score=metrics.accuracy?"));
    let (_, hint) = failure("x.csv", "name,score\na,1\n", &mapped("case_id=nmae"));
    assert_eq!(hint.as_deref(), Some("did you mean case_id=name?"));
    let mut mapping = Mapping::default();
    mapping.set_run_column("rum");
    let options = ImportOptions { mapping, ..ImportOptions::default() };
    let (message, _) = failure("x.csv", "id,run,score\na,1,1\n", &options);
    assert!(message.contains("run is mapped to \"rum\""), "{message}");
}

#[test]
fn a_mapped_column_may_turn_up_late() {
    let mut rows: String = (0..150).map(|at| format!("{{\"id\":{at}}}\n")).collect();
    rows.push_str("{\"id\":150,\"late\":0.5}\n");
    let sink = try_read("x.jsonl", rows, &mapped("score=late")).unwrap();
    assert_eq!(sink.results()[150].score, Some(0.5));
}

#[test]
fn without_id_and_content_there_is_no_identity() {
    let (message, hint) = failure("x.csv", "score,latency\n1,2\n", &ImportOptions::default());
    assert!(message.contains("no column can be the case id"), "{message}");
    assert!(message.ends_with("the columns are score, latency"), "{message}");
    assert_eq!(hint.as_deref(), Some("say which one it is: --map case_id=COLUMN"));
}

#[test]
fn files_that_are_no_tables_say_what_they_are() {
    let cases: [(&str, &[u8], &str); 9] = [
        ("x.jsonl", b"", "the file is empty"),
        ("x.csv", b"id,score\n", "the table has no rows"),
        ("x.json", b"[]", "the table has no rows"),
        ("x.json", b"{\"a\":\n1, \"b\": [1]}", "without a list of objects"),
        ("x.json", b"not json", "expected JSON"),
        ("x.jsonl", b"a\nb\n", "expected a JSON object"),
        ("x.csv", b"\xFF\xFEi\0d\0", "UTF-16"),
        ("x.jsonl", b"\x00\x01\x02\x03", "found bytes that are none"),
        ("x.bin", b"hello", "expected a table in JSONL, JSON, CSV or Parquet"),
    ];
    for (name, bytes, expected) in cases {
        let (message, _) = failure(name, bytes, &ImportOptions::default());
        assert!(message.contains(expected), "{name}: {message}");
    }
}

fn fit(name: &str, bytes: &[u8], named: bool) -> Fit {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let head = &bytes[..bytes.len().min(crate::import::HEAD_BYTES as usize)];
    Table.sniff(&Candidate { source: &LocalDisk, path: &path, head, named })
}

#[test]
fn a_file_in_a_folder_must_show_results() {
    let results = b"{\"id\":1,\"score\":1}\n{\"id\":2,\"score\":0}\n";
    assert_eq!(fit("x.jsonl", results, false), Fit::Readable);
    assert_eq!(fit("x.txt", results, false), Fit::No);
    assert_eq!(fit("x.txt", results, true), Fit::Readable);
    assert_eq!(fit("cases.jsonl", b"{\"id\":1,\"question\":\"q\",\"expected\":\"a\"}\n", false), Fit::No);
    assert_eq!(fit("x.csv", b"id,output\n1,x\n", false), Fit::Readable);
    assert_eq!(fit("x.csv", b"question,score\nq,1\n", false), Fit::No);
    assert_eq!(fit("x.csv", b"question,score\nq,1\n", true), Fit::Readable);
    assert_eq!(fit("x.json", b"[{\"id\":1,\"accuracy\":1}]", false), Fit::Readable);
    assert_eq!(fit("x.json", b"{\"results\":[{\"id\":1,\"accuracy\":1}]}", false), Fit::No);
    assert_eq!(fit("x.json", b"{\"results\":[{\"id\":1,\"accuracy\":1}]}", true), Fit::Readable);
    assert_eq!(fit("x.md", b"# title", true), Fit::No);
    assert_eq!(fit("x.png", b"\x89PNG\x00", true), Fit::No);
    assert_eq!(fit("x.csv", b"version https://git-lfs.github.com/spec/v1\n", false), Fit::Readable);
}

#[test]
fn a_first_row_larger_than_the_head_is_still_looked_at() {
    let long = "x".repeat(crate::import::HEAD_BYTES as usize);
    let row = serde_json::json!({"id": 1, "output": long, "score": 1}).to_string();
    assert_eq!(fit("x.jsonl", row.as_bytes(), false), Fit::Readable);
    assert_eq!(fit("x.json", format!("[{row}]").as_bytes(), false), Fit::Readable);
}
