//! Well-known names, mappings, and the formats they come in.

use super::*;

const PLAIN: &str = r#"{"id":"a","model":"m","question":"2+2?","output":"4","accuracy":1,"latency":1.5,"foo":7}
{"accuracy":0.5,"bar":{"x":1},"latency":2,"output":"5","question":"3+3?","model":"m","id":"b","foo":null}
"#;

#[test]
fn well_known_names_are_taken_and_said() {
    let sink = read("nightly.jsonl", PLAIN);
    assert_eq!(sink.ids(), ["a", "b"]);
    let first = sink.results()[0];
    assert_eq!((first.score, first.primary_metric.as_str()), (Some(1.0), "accuracy"));
    assert_eq!((first.model.as_deref(), first.duration_ms), (Some("m"), Some(1500.0)));
    assert_eq!((first.input.as_deref(), first.output.as_deref()), (Some("2+2?"), Some("4")));
    assert_eq!((first.task.as_str(), first.status.as_str(), first.source_row), ("unknown", "ok", Some(1)));
    assert_eq!(first.extra.as_deref(), Some(r#"{"foo":7}"#));
    assert_eq!(sink.results()[1].extra.as_deref(), Some(r#"{"bar":{"x":1}}"#));
    assert_eq!(sink.score(1, "accuracy").value, Some(0.5));
    assert_eq!(
        sink.note(),
        "nightly.jsonl: case_id from id, duration_ms from latency (seconds), model from model, \
         input from question, output from output, score from accuracy, metric accuracy; kept in extra: foo, bar"
    );
    let run = &sink.ended[0].1;
    assert_eq!((run.run_id.as_str(), run.tool.as_str(), run.kind.as_str()), ("nightly", "table", "eval"));
    assert_eq!((run.status.as_str(), run.fingerprint.len()), ("unknown", 64));
    assert_eq!(sink.bytes, PLAIN.len() as u64);
}

#[test]
fn the_order_of_columns_means_nothing() {
    let one = read("x.jsonl", r#"{"id":"a","f1":0.25,"accuracy":1,"score_style":3}"#);
    let other = read("x.jsonl", r#"{"score_style":3,"accuracy":1,"id":"a","f1":0.25}"#);
    for sink in [&one, &other] {
        assert_eq!(sink.results()[0].primary_metric, "score_style");
        assert_eq!(sink.results()[0].score, Some(3.0));
        assert_eq!(sink.score(0, "f1").value, Some(0.25));
    }
}

#[test]
fn a_headline_score_has_no_score_row_and_the_rest_do() {
    let sink =
        read("x.jsonl", r#"{"id":1,"score":0.5,"f1":0.25,"passed":false,"cost":0.01,"total_tokens":12.0}"#);
    let result = sink.results()[0];
    assert_eq!((result.score, result.primary_metric.as_str()), (Some(0.5), "score"));
    assert_eq!((result.verdict, result.status.as_str()), (Some(false), "quality_failure"));
    assert_eq!((result.cost_usd, result.total_tokens), (Some(0.01), Some(12)));
    let names: Vec<_> = sink.records[0].1.scores.iter().map(|score| score.metric.as_str()).collect();
    assert_eq!(names, ["f1"]);
}

#[test]
fn nested_metrics_are_metrics_and_nested_usage_is_usage() {
    let sink = read(
        "x.jsonl",
        r#"{"id":"a","scores":{"f1":0.5,"accuracy":true,"style":{"score":0.7,"reason":"dry"}},
            "usage":{"prompt_tokens":3,"completion_tokens":4,"kind":"x"},"metrics":{"latency_ms":9,"passed":1}}"#
            .replace('\n', " "),
    );
    let result = sink.results()[0];
    assert_eq!((result.score, result.primary_metric.as_str()), (Some(1.0), "accuracy"));
    assert_eq!((result.input_tokens, result.output_tokens), (Some(3), Some(4)));
    assert_eq!(result.duration_ms, Some(9.0));
    assert_eq!(sink.score(0, "style").reason.as_deref(), Some("dry"));
    assert_eq!(sink.score(0, "metric:passed").value, Some(1.0));
    assert!(sink.records[0].1.scores.iter().all(|score| score.metric != "latency_ms"));
    assert_eq!(result.extra.as_deref(), Some(r#"{"usage":{"kind":"x"}}"#));
    assert!(
        sink.note().contains("score from scores.accuracy, metrics scores.*, metrics.*"),
        "{}",
        sink.note()
    );
}

#[test]
fn a_mapping_takes_any_path_and_any_number_of_metrics() {
    let text = "[columns]\ncase_id = \"meta.key\"\nduration_s = \"t\"\n[metrics]\nquality = \"m.q\"\nduration_ms = \"m[0]\"";
    let options = ImportOptions { mapping: Mapping::from_toml(text).unwrap(), ..ImportOptions::default() };
    let row = r#"{"id":"other","meta":{"key":"k1","rest":1},"m":{"q":"0.5"},"m[0]":3,"t":2,"accuracy":1}"#;
    let sink = try_read("x.jsonl", row, &options).unwrap();
    let result = sink.results()[0];
    assert_eq!((result.case_id.as_str(), result.native_id.as_deref()), ("k1", Some("other")));
    assert_eq!((result.score, result.primary_metric.as_str()), (Some(0.5), "quality"));
    assert_eq!(result.duration_ms, Some(2000.0));
    assert_eq!(sink.score(0, "metric:duration_ms").value, Some(3.0));
    // Whoever names the metrics names all of them.
    assert_eq!(result.extra.as_deref(), Some(r#"{"meta":{"rest":1},"accuracy":1}"#));
}

#[test]
fn a_mapped_score_is_the_headline() {
    let row = r#"{"id":"a","metrics":{"accuracy":0.5,"f1":0.1}}"#;
    let sink = try_read("x.jsonl", row, &mapped("score=metrics.accuracy")).unwrap();
    let result = sink.results()[0];
    assert_eq!((result.score, result.primary_metric.as_str()), (Some(0.5), "score"));
    let names: Vec<_> = sink.records[0].1.scores.iter().map(|score| score.metric.as_str()).collect();
    assert_eq!(names, ["f1"]);
}

#[test]
fn without_an_id_the_content_is_the_identity_and_never_the_place() {
    let forward = read("x.jsonl", "{\"question\":\"q1\",\"score\":1}\n{\"question\":\"q2\",\"score\":0}\n");
    let backward = read("y.csv", "score,question\n0,q2\n1,q1\n");
    assert_eq!(forward.ids(), [text_id("q1"), text_id("q2")]);
    assert_eq!(backward.ids(), [text_id("q2"), text_id("q1")]);
    assert!(forward.note().contains("case_id from a hash of question"), "{}", forward.note());
    let objects = read(
        "x.jsonl",
        "{\"vars\":{\"a\":1,\"b\":2},\"score\":1}\n{\"vars\":{\"b\":2,\"a\":1},\"score\":1}\n",
    );
    assert_eq!(objects.ids()[0], objects.ids()[1]);
}

#[test]
fn scores_are_numbers_grades_or_missing() {
    let rows = r#"{"id":1,"score":NaN,"f1":Infinity,"q":"NaN stays"}
{"id":2,"score":true,"f1":"0.5"}
{"id":3,"score":"C","f1":null}
"#;
    let sink = read("x.jsonl", rows);
    let scores: Vec<_> = sink.results().iter().map(|result| result.score).collect();
    assert_eq!(scores, [None, Some(1.0), None]);
    assert_eq!(sink.score(2, "metric:score").label.as_deref(), Some("C"));
    let f1: Vec<_> = (0..3).map(|place| sink.score(place, "f1").value).collect();
    assert_eq!(f1, [None, Some(0.5), None]);
    assert_eq!(sink.results()[0].extra.as_deref(), Some(r#"{"q":"NaN stays"}"#));
    assert!(sink.faults.is_empty());
}

#[test]
fn an_error_that_is_not_null_is_an_execution_error() {
    let rows = r#"{"id":1,"score":1,"error":null}
{"id":2,"score":0,"error":"boom"}
{"id":3,"score":0,"error":{"type":"Timeout","message":"too slow"}}
{"id":4,"score":1,"error":""}
{"id":5,"score":1,"error":false}
"#;
    let sink = read("x.jsonl", rows);
    assert_eq!(sink.statuses(), ["ok", "execution_error", "execution_error", "ok", "ok"]);
    assert_eq!(sink.results()[1].error_message.as_deref(), Some("boom"));
    let third = sink.results()[2];
    assert_eq!(
        (third.error_kind.as_deref(), third.error_message.as_deref()),
        (Some("Timeout"), Some("too slow"))
    );
}

#[test]
fn an_error_column_that_turns_up_late_is_still_one() {
    let mut rows: String = (0..150).map(|at| format!("{{\"id\":{at},\"score\":1}}\n")).collect();
    rows.push_str("{\"id\":150,\"score\":null,\"error\":\"boom\"}\n");
    let sink = read("x.jsonl", rows);
    assert_eq!(sink.results()[150].status, "execution_error");
    assert!(sink.note().contains("error_message from error"));
}

#[test]
fn a_status_column_decides_and_its_words_can_be_told() {
    let rows = "id,status,error\n1,PASS,\n2,fail,wrong answer\n3,timeout,\n4,skipped,\n";
    let sink = read("x.csv", rows);
    assert_eq!(sink.statuses(), ["ok", "quality_failure", "execution_error", "cancelled"]);
    assert_eq!((sink.results()[0].verdict, sink.results()[1].verdict), (Some(true), Some(false)));
    let mapping = Mapping::from_toml(
        "[columns]\nstatus = \"code\"\n[status]\n\"2\" = \"execution_error\"\n\"0\" = \"ok\"",
    );
    let options = ImportOptions { mapping: mapping.unwrap(), ..ImportOptions::default() };
    let sink = try_read("x.jsonl", "{\"id\":1,\"code\":2}\n{\"id\":2,\"code\":0}\n", &options).unwrap();
    assert_eq!(sink.statuses(), ["execution_error", "ok"]);
    // Words that are no status are not taken for one.
    let sink = read("x.jsonl", r#"{"id":1,"score":1,"status":"tier-2"}"#);
    assert_eq!(sink.results()[0].extra.as_deref(), Some(r#"{"status":"tier-2"}"#));
}

#[test]
fn a_prompt_is_a_label_when_it_comes_back_beside_what_was_asked() {
    let labels = read("x.csv", "id,prompt,question,score\n1,v3,q1,1\n2,v3,q2,1\n3,v4,q1,0\n4,v4,q2,0\n");
    assert_eq!(labels.results()[3].prompt.as_deref(), Some("v4"));
    let asked = read("x.csv", "id,prompt,score\n1,What is 2+2?,1\n2,What is 3+3?,0\n");
    assert_eq!(
        (asked.results()[0].prompt.as_deref(), asked.results()[0].input.as_deref()),
        (None, Some("What is 2+2?"))
    );
    let long = format!("You are helpful.\n{}", "x".repeat(300));
    let row = |id| serde_json::json!({"id": id, "prompt": long, "question": id, "score": 1}).to_string();
    let system = read("x.jsonl", format!("{}\n{}\n", row("a"), row("b")));
    assert_eq!(system.results()[0].prompt, Some(text_id(&long)));
    assert!(system.results()[0].extra.as_ref().is_some_and(|extra| extra.contains("You are helpful")));
}

#[test]
fn a_target_is_the_model_when_it_tells_rows_of_one_case_apart() {
    let models = read("x.csv", "test_id,target,score\na,gpt,1\na,claude,0\nb,gpt,1\nb,claude,1\n");
    let targets: Vec<_> = models.results().iter().filter_map(|result| result.model.as_deref()).collect();
    assert_eq!(targets, ["gpt", "claude", "gpt", "claude"]);
    assert!(!models.note().contains("key"), "{}", models.note());
    let answers = read("x.csv", "test_id,target,score\na,yes,1\na,yes,0\nb,no,1\n");
    assert_eq!(answers.results()[0].model, None);
    assert_eq!(answers.results()[2].expected.as_deref(), Some("no"));
}

#[test]
fn the_task_is_what_the_person_says_then_the_column_then_unknown() {
    let rows = "id,task,score\n1,gsm8k,1\n2,gsm8k,0\n1,mmlu,1\n2,mmlu,1\n";
    let tasks = |sink: &Recorder| sink.results().iter().map(|result| result.task.clone()).collect::<Vec<_>>();
    let sink = read("x.csv", rows);
    assert_eq!(tasks(&sink), ["gsm8k", "gsm8k", "mmlu", "mmlu"]);
    assert_eq!(sink.begun[0].0.task, "gsm8k");
    let options = ImportOptions { task: Some("mine".into()), ..ImportOptions::default() };
    assert_eq!(tasks(&try_read("x.csv", rows, &options).unwrap()), ["mine"; 4]);
    let asked = read("x.csv", "id,task,score\n1,Write a poem,1\n2,Write a song,1\n");
    assert_eq!(tasks(&asked), ["unknown"; 2]);
}

#[test]
fn csv_as_excel_writes_it() {
    let text = "\u{FEFF}id;score;output\r\n1;0.5;\"two\r\nlines; \"\"quoted\"\"\"\r\n\r\n2;;plain\r\n";
    let sink = read("x.csv", text);
    assert_eq!(sink.ids(), ["1", "2"]);
    assert_eq!(sink.results()[0].output.as_deref(), Some("two\r\nlines; \"quoted\""));
    assert_eq!((sink.results()[0].score, sink.results()[1].score), (Some(0.5), None));
    assert_eq!((sink.results()[0].source_row, sink.results()[1].source_row), (Some(2), Some(5)));
    assert!(sink.faults.is_empty(), "{:?}", sink.faults);
}

#[test]
fn flattened_tables_are_read_like_nested_ones() {
    let sink = read("x.csv", "id,metrics.accuracy,metrics.f1,usage.total_tokens\n1,0.5,0.25,7\n");
    assert_eq!((sink.results()[0].score, sink.results()[0].total_tokens), (Some(0.5), Some(7)));
    assert_eq!(sink.results()[0].primary_metric, "accuracy");
    assert_eq!(sink.score(0, "f1").value, Some(0.25));
}

#[test]
fn a_json_list_is_read_element_by_element() {
    let text = r#" [ {"id":"a]","score":1,"output":"x \"} ]"} ,
        {"id":"b","score":NaN}, 7, {"id":"c","score":0} ] trailing"#;
    let sink = read("x.json", text);
    assert_eq!(sink.ids(), ["a]", "b", "c"]);
    assert_eq!(sink.results()[2].source_row, Some(4));
    assert_eq!(sink.faults.len(), 1);
    assert_eq!(sink.faults[0].line, Some(3));
    assert_eq!(sink.faults[0].message, "expected a JSON object, found 7 (row skipped)");
}

#[test]
fn an_object_with_rows_gives_them_its_labels_and_keeps_the_rest() {
    let text = r#"{"model":"m1","seed":7,
        "results":[{"id":"a","score":1},{"id":"b","score":0,"model":"m2"}]}"#;
    let sink = read("x.json", text);
    let models: Vec<_> = sink.results().iter().filter_map(|result| result.model.as_deref()).collect();
    assert_eq!(models, ["m1", "m2"]);
    assert_eq!(sink.ended[0].1.extra.as_deref(), Some(r#"{"model":"m1","seed":7}"#));
}

/// A table with every type that rows usually have, in two row groups.
fn parquet_bytes() -> Vec<u8> {
    let inner = Fields::from(vec![Field::new("f1", DataType::Float64, true)]);
    let metrics = StructArray::new(
        inner,
        vec![Arc::new(Float64Array::from(vec![0.5, f64::NAN, 0.25])) as ArrayRef],
        None,
    );
    let time =
        TimestampMicrosecondArray::from(vec![Some(1_000_000), None, Some(3_000_000)]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("case_id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ("accuracy", Arc::new(Float64Array::from(vec![Some(1.0), None, Some(f64::INFINITY)]))),
        ("passed", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("tokens", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("metrics", Arc::new(metrics)),
        ("timestamp", Arc::new(time)),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let properties =
        parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_rows_are_rows_like_any_other() {
    let sink = read("x.parquet", parquet_bytes());
    assert_eq!(sink.ids(), ["a", "b", "c"]);
    let values: Vec<_> = sink.results().iter().map(|result| result.score).collect();
    assert_eq!(values, [Some(1.0), None, None]);
    let f1: Vec<_> = (0..3).map(|place| sink.score(place, "f1").value).collect();
    assert_eq!(f1, [Some(0.5), None, Some(0.25)]);
    assert_eq!(sink.statuses(), ["ok", "quality_failure", "ok"]);
    assert_eq!(sink.results()[2].total_tokens, Some(3));
    assert_eq!(sink.results()[2].source_row, Some(3));
    let run = &sink.ended[0].1;
    assert_eq!((run.started_at, run.ended_at), (Some(Timestamp(1_000_000)), Some(Timestamp(3_000_000))));
}

#[test]
fn a_parquet_file_that_was_cut_off_is_said_to_be() {
    let bytes = parquet_bytes();
    let (message, _) = failure("x.parquet", &bytes[..bytes.len() / 2], &ImportOptions::default());
    assert!(message.contains("not readable as Parquet"), "{message}");
}

#[test]
fn another_mapping_is_another_reading_of_the_same_bytes() {
    let print = |options: &ImportOptions| {
        try_read("nightly.jsonl", PLAIN, options).unwrap().ended[0].1.fingerprint.clone()
    };
    assert_eq!(print(&ImportOptions::default()), print(&ImportOptions::default()));
    assert_ne!(print(&ImportOptions::default()), print(&mapped("model=foo")));
    let changed = read("nightly.jsonl", PLAIN.replace("0.5", "0.6"));
    assert_ne!(changed.ended[0].1.fingerprint, print(&ImportOptions::default()));
}
