//! Every format of machines, and Markdown, over the same answers.

use std::io;
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::answer::{Block, Cell, Column, Mark, Records, Table};

fn answer_of(batches: Vec<RecordBatch>) -> Answer {
    let records = Records { schema: batches[0].schema(), batches };
    Answer { records, ..Answer::default() }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// Two batches with equal names, a null, a NaN, a big integer and nested lists.
fn sample() -> Answer {
    let part = |text: Vec<Option<&str>>, big: Vec<i64>, value: Vec<f64>| {
        let mut list = ListBuilder::new(Int32Builder::new());
        for _ in &text {
            list.append_value([Some(1), None]);
        }
        batch(vec![
            ("case", Arc::new(StringArray::from(text))),
            ("n", Arc::new(Int64Array::from(big))),
            ("n", Arc::new(Float64Array::from(value))),
            ("tags", Arc::new(list.finish())),
        ])
    };
    answer_of(vec![
        part(vec![Some("a,\"b\""), None], vec![i64::MAX, 0], vec![0.1, f64::NAN]),
        part(vec![Some("two\nlines\tand \\")], vec![-1], vec![1e300]),
    ])
}

fn empty() -> Answer {
    let mut answer = sample();
    answer.records.batches.clear();
    answer
}

fn rendered_on(screen: &Screen, format: &str, answer: &Answer) -> String {
    let mut out = Vec::new();
    renderer(format).unwrap().render(answer, screen, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn rendered(format: &str, answer: &Answer) -> String {
    rendered_on(&Screen::PIPE, format, answer)
}

const TERMINAL: Screen = Screen { width: Some(80), color: false };

#[test]
fn formats_are_found_by_name() {
    for format in RENDERERS {
        assert_eq!(renderer(format.name()).unwrap().name(), format.name());
        assert!(!format.about().is_empty());
    }
    let error = renderer("xls").unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no format `xls`: it is one of table, box, line, json, jsonl, csv, tsv, markdown, html, ids, sh, parquet, arrow"
    );
}

#[test]
fn csv_quotes_what_needs_it() {
    assert_eq!(
        rendered("csv", &sample()),
        "case,n,n_2,tags\n\
         \"a,\"\"b\"\"\",9223372036854775807,0.1,\"[1,null]\"\n\
         ,0,,\"[1,null]\"\n\
         \"two\nlines\tand \\\",-1,1e300,\"[1,null]\"\n"
    );
    assert_eq!(rendered("csv", &empty()), "case,n,n_2,tags\n");
}

#[test]
fn tsv_never_quotes() {
    assert_eq!(
        rendered("tsv", &sample()),
        "case\tn\tn_2\ttags\n\
         a,\"b\"\t9223372036854775807\t0.1\t[1,null]\n\
         \t0\t\t[1,null]\n\
         two\\nlines\\tand \\\\\t-1\t1e300\t[1,null]\n"
    );
    assert_eq!(rendered("tsv", &empty()), "case\tn\tn_2\ttags\n");
}

#[test]
fn jsonl_is_one_object_per_line() {
    assert_eq!(
        rendered("jsonl", &sample()),
        concat!(
            r#"{"case":"a,\"b\"","n":9223372036854775807,"n_2":0.1,"tags":[1,null]}"#,
            "\n",
            r#"{"case":null,"n":0,"n_2":null,"tags":[1,null]}"#,
            "\n",
            r#"{"case":"two\nlines\tand \\","n":-1,"n_2":1.0e300,"tags":[1,null]}"#,
            "\n",
        )
    );
    assert_eq!(rendered("jsonl", &empty()), "");
}

#[test]
fn json_says_its_columns_and_rows() {
    let text = rendered("json", &sample());
    assert!(text.ends_with("}\n"));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(
        document["columns"],
        json!([
            {"name": "case", "type": "text"}, {"name": "n", "type": "integer"},
            {"name": "n_2", "type": "double"}, {"name": "tags", "type": "list"},
        ])
    );
    assert_eq!(document["rows"].as_array().unwrap().len(), 3);
    assert_eq!(document["rows"][0]["n"].as_i64(), Some(i64::MAX));
    assert_eq!(document["rows"][1], json!({"case": null, "n": 0, "n_2": null, "tags": [1, null]}));
    insta::assert_snapshot!(rendered("json", &empty()), @r#"
    {
      "schema_version": 1,
      "columns": [
        {"name":"case","type":"text"},
        {"name":"n","type":"integer"},
        {"name":"n_2","type":"double"},
        {"name":"tags","type":"list"}
      ],
      "rows": []
    }
    "#);
}

#[test]
fn json_prefers_the_answers_own_document() {
    let mut answer = sample();
    answer.document = Some(json!({"schema_version": 1, "verdict": "improved"}));
    assert_eq!(rendered("json", &answer), "{\n  \"schema_version\": 1,\n  \"verdict\": \"improved\"\n}\n");
}

#[test]
fn a_result_without_columns_is_still_a_document() {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let one = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
    let answer = answer_of(vec![one]);
    let document: Value = serde_json::from_str(&rendered("json", &answer)).unwrap();
    assert_eq!(document, json!({"schema_version": 1, "columns": [], "rows": [{}]}));
    assert_eq!(rendered("csv", &answer), "");
}

#[test]
fn ids_stand_alone_on_their_lines() {
    let mut answer = sample();
    let mut out = Vec::new();
    let error = renderer("ids").unwrap().render(&answer, &Screen::PIPE, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "this answer has no ids");
    assert_eq!(error.hint(), Some("--format table, csv or json shows what it has"));

    answer.ids = Some(vec!["refund-policy".into(), "日本".into()]);
    assert_eq!(rendered("ids", &answer), "refund-policy\n日本\n");
    answer.ids = Some(vec![]);
    assert_eq!(rendered("ids", &answer), "");
    answer.ids = Some(vec!["fine".into(), "half\nhalf".into()]);
    let error = renderer("ids").unwrap().render(&answer, &Screen::PIPE, &mut out).unwrap_err();
    assert_eq!(error.to_string(), r#"the id "half\nhalf" holds a line break and cannot stand on one line"#);
    assert!(out.is_empty());
}

#[test]
fn data_never_steers_a_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}x\ny\tz";
    let mut answer = answer_of(vec![batch(vec![(evil, Arc::new(StringArray::from(vec![evil])))])]);
    answer.ids = Some(vec![evil.replace('\n', "")]);
    let (table, _) = table_of(&answer.records, None, "").unwrap();
    answer.blocks = vec![
        Block::Headline { left: evil.into(), right: evil.into() },
        Block::Table(table),
        Block::Line(evil.into()),
        Block::Note(evil.into()),
        Block::Command(evil.into()),
    ];
    answer.script = Some(evil.into());
    for format in RENDERERS.iter().filter(|format| !format.is_binary()) {
        let shown = rendered_on(&TERMINAL, format.name(), &answer);
        let harmful = |letter: char| text::is_unsafe(letter) && !matches!(letter, '\n' | '\t');
        assert!(!shown.contains(harmful), "{}: {shown:?}", format.name());
    }
    let line: Value = serde_json::from_str(&rendered_on(&TERMINAL, "jsonl", &answer)).unwrap();
    assert_eq!(line[evil], evil, "JSON keeps the data");
    let piped = rendered("csv", &answer);
    assert!(piped.contains("\u{1b}[2J"), "a pipe gets the data as it is");
}

#[test]
fn markdown_is_for_github() {
    let answer = Answer {
        blocks: vec![
            Block::Headline { left: "support_bot · 12 cases".into(), right: ".runq, 1 of 14 runs".into() },
            Block::Gap,
            Block::Table(Table {
                columns: vec![Column::text(""), Column::number("gpt-x"), Column::number("claude|y")],
                rows: vec![
                    vec![Cell::plain("score"), Cell::plain("0.812"), Cell::marked("0.871", Mark::Winner)],
                    vec![
                        Cell::plain("a|b\nc"),
                        Cell::marked("1.00", Mark::Improved),
                        Cell::marked("0", Mark::Regressed),
                    ],
                ],
            }),
            Block::Line("nothing to do".into()),
            Block::Gap,
            Block::Note("*first* attempts".into()),
            Block::Note("second".into()),
            Block::Line("  agentv eval --output x".into()),
            Block::Line("  more".into()),
        ],
        ..sample()
    };
    insta::assert_snapshot!(rendered("markdown", &answer), @r"
    **support_bot · 12 cases** (.runq, 1 of 14 runs)

    | | gpt-x | claude\|y |
    | --- | ---: | ---: |
    | score | 0.812 | ▸ **0.871** |
    | a\|b<br>c | 1.00 ▲ | 0 ▼ |

    nothing to do

    > \*first\* attempts

    > second

    ```text
      agentv eval --output x
      more
    ```
    ");
}

#[test]
fn a_result_set_becomes_a_table() {
    let mut answer = sample();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    answer.records.batches.truncate(1);
    let (table, left_out) = table_of(&answer.records, Some(1), "").unwrap();
    assert_eq!(left_out, 1);
    let heads: Vec<_> = table.columns.iter().map(|c| (c.head.as_str(), c.right, c.shrinks)).collect();
    assert_eq!(heads, [("case", false, true), ("n", true, false), ("n", true, false), ("tags", false, true)]);
    let cells: Vec<_> = table.rows[0].iter().map(|cell| cell.text.as_str()).collect();
    assert_eq!(cells, ["a,\"b\"", "9,223,372,036,854,775,807", "0.1", "[1,null]"]);

    let (table, left_out) = table_of(&sample().records, None, "").unwrap();
    assert_eq!((table.rows.len(), left_out), (3, 0));
    let answer = answer_of(vec![batch(vec![("run_id", Arc::clone(&ids)), ("output", ids)])]);
    let (table, _) = table_of(&answer.records, Some(0), "").unwrap();
    assert_eq!(table.columns.iter().map(|c| c.shrinks).collect::<Vec<_>>(), [false, true]);
}

/// A writer whose reader went away after some bytes.
struct Closing(usize);

impl io::Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0 == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

#[test]
fn a_closed_pipe_is_recognised_in_every_format() {
    let mut answer = sample();
    answer.ids = Some(vec!["a".into()]);
    answer.script = Some("true\n".into());
    answer.blocks = vec![Block::Table(table_of(&answer.records, None, "").unwrap().0)];
    for format in RENDERERS {
        for after in [0, 1] {
            let error = format.render(&answer, &Screen::PIPE, &mut Closing(after)).unwrap_err();
            assert!(error.is_closed_pipe(), "{} after {after}: {error:?}", format.name());
        }
    }
}

#[test]
fn a_terminal_is_spared_what_is_no_text() {
    for format in RENDERERS.iter().filter(|format| format.is_binary()) {
        let mut out = Vec::new();
        let error = format.render(&sample(), &TERMINAL, &mut out).unwrap_err();
        assert!(matches!(error, RenderError::Terminal { .. }), "{error:?}");
        assert!(error.hint().is_some() && out.is_empty());
    }
}

#[test]
fn parquet_and_arrow_keep_types_nulls_and_every_name() {
    let bytes = |format: &str| {
        let mut out = Vec::new();
        renderer(format).unwrap().render(&sample(), &Screen::PIPE, &mut out).unwrap();
        out
    };
    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(
        bytes::Bytes::from(bytes("parquet")),
        1024,
    );
    let of_parquet: Vec<RecordBatch> = reader.unwrap().map(Result::unwrap).collect();
    let reader = arrow::ipc::reader::FileReader::try_new(io::Cursor::new(bytes("arrow")), None);
    let of_arrow: Vec<RecordBatch> = reader.unwrap().map(Result::unwrap).collect();
    let whole =
        |batches: &[RecordBatch]| arrow::compute::concat_batches(batches[0].schema_ref(), batches).unwrap();
    let (of_parquet, of_arrow) = (whole(&of_parquet), whole(&of_arrow));
    assert_eq!(format!("{:?}", of_parquet.columns()), format!("{:?}", of_arrow.columns()), "NaN and all");
    let names: Vec<_> = of_arrow.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["case", "n", "n_2", "tags"]);
    let kinds: Vec<_> =
        of_arrow.schema_ref().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(&kinds[..3], [DataType::Utf8, DataType::Int64, DataType::Float64]);
    assert_eq!(of_arrow.num_rows(), 3);
    assert!(of_arrow.column(0).is_null(1));
    // Unlike a text, a column of doubles can say what is no number.
    assert!(of_arrow.column(2).as_primitive::<Float64Type>().value(1).is_nan());
}

#[test]
fn an_ending_means_a_format() {
    let meant = |ending| renderer_of_ending(ending).map(Renderer::name);
    let endings = ["csv", "PARQUET", "md", "ndjson", "feather", "xlsx", "gz"].map(meant);
    let names = ["csv", "parquet", "markdown", "jsonl", "arrow"].map(Some);
    assert_eq!(endings[..5], names);
    assert_eq!(endings[5..], [None, None]);
}

proptest! {
    #[test]
    fn csv_reads_back_as_the_batch(
        rows in prop::collection::vec((any::<Option<String>>(), any::<Option<i64>>(), any::<Option<f64>>()), 0..20),
    ) {
        let answer = answer_of(vec![batch(vec![
            ("text", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.0.as_deref())))),
            ("integer", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.1)))),
            ("double", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2)))),
        ])]);
        let written = rendered("csv", &answer);
        let mut reader = ::csv::Reader::from_reader(written.as_bytes());
        prop_assert_eq!(reader.headers().unwrap(), vec!["text", "integer", "double"]);
        let read: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), rows.len());
        for (record, (text, integer, double)) in read.iter().zip(&rows) {
            prop_assert_eq!(&record[0], text.as_deref().unwrap_or(""));
            prop_assert_eq!(record[1].parse().ok(), *integer);
            prop_assert_eq!(record[2].parse().ok(), double.filter(|value| value.is_finite()));
        }
    }

    #[test]
    fn jsonl_reads_back_as_the_batch(
        rows in prop::collection::vec((any::<Option<String>>(), any::<Option<u64>>(), any::<Option<f64>>()), 0..20),
        on_terminal: bool,
    ) {
        let answer = answer_of(vec![batch(vec![
            ("text", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.0.as_deref())))),
            ("integer", Arc::new(UInt64Array::from_iter(rows.iter().map(|row| row.1)))),
            ("double", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2)))),
        ])]);
        let screen = if on_terminal { TERMINAL } else { Screen::PIPE };
        let written = rendered_on(&screen, "jsonl", &answer);
        let read: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(read.len(), rows.len());
        for (record, (text, integer, double)) in read.iter().zip(&rows) {
            prop_assert_eq!(record["text"].as_str(), text.as_deref());
            prop_assert_eq!(record["integer"].as_u64(), *integer);
            prop_assert_eq!(record["double"].as_f64(), double.filter(|value| value.is_finite()));
        }
    }
}
