//! Tables on terminals of several widths, and what holds for any table on any of them.

use std::sync::Arc;

use arrow::datatypes::Schema;
use proptest::prelude::*;

use super::super::text::{visible, width};
use super::super::{Renderer, Screen};
use super::layout::NARROWEST;
use crate::answer::{Answer, Block, Cell, Column, Mark, Records, Table};

fn shown_on(screen: Screen, blocks: Vec<Block>) -> String {
    let records = Records { schema: Arc::new(Schema::empty()), batches: Vec::new() };
    let answer = Answer { blocks, records, ..Answer::default() };
    let mut out = Vec::new();
    super::Table.render(&answer, &screen, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(columns: usize, blocks: Vec<Block>) -> String {
    shown_on(Screen { width: Some(columns), color: false }, blocks)
}

fn piped(blocks: Vec<Block>) -> String {
    shown_on(Screen::PIPE, blocks)
}

fn plain(texts: &[&str]) -> Vec<Cell> {
    texts.iter().map(|text| Cell::plain(*text)).collect()
}

/// What `compare` shows first.
fn winners() -> Block {
    let row = |name: &str, statistic: &str, values: [&str; 3], winner: usize| {
        let mut cells = plain(&[name, statistic, values[0], values[1], values[2]]);
        cells[2 + winner].mark = Mark::Winner;
        cells
    };
    Block::Table(Table {
        columns: vec![
            Column::whole(""),
            Column::whole(""),
            Column::number("gpt-x"),
            Column::number("claude-y"),
            Column::number("llama-z"),
        ],
        rows: vec![
            row("pass rate, latest", "", ["75 %", "83 %", "58 %"], 1),
            row("score", "mean", ["0.812", "0.871", "0.640"], 1),
            row("cost_usd", "mean", ["0.00375", "0.00546", "0.0009"], 2),
        ],
    })
}

/// What `compare` shows of single cases.
fn changes() -> Block {
    Block::Table(Table {
        columns: vec![
            Column::text("changed most, score"),
            Column::number("gpt-x"),
            Column::number("claude-y"),
            Column::number("llama-z"),
        ],
        rows: vec![
            vec![
                Cell::plain("escalation"),
                Cell::plain("0.00"),
                Cell::marked("1.00", Mark::Improved),
                Cell::plain("0.00"),
            ],
            vec![
                Cell::plain("refund-policy"),
                Cell::plain("1.00"),
                Cell::marked("0.00", Mark::Regressed),
                Cell::marked("0.00", Mark::Regressed),
            ],
        ],
    })
}

#[test]
fn winners_stand_out_without_colour() {
    insta::assert_snapshot!(at(80, vec![winners()]), @r"
                               gpt-x  claude-y   llama-z
    pass rate, latest           75 %    ▸ 83 %      58 %
    score              mean    0.812   ▸ 0.871     0.640
    cost_usd           mean  0.00375   0.00546  ▸ 0.0009
    ");
}

#[test]
fn marks_hang_beside_aligned_numbers() {
    insta::assert_snapshot!(at(80, vec![changes()]), @r"
    changed most, score  gpt-x  claude-y    llama-z
    escalation            0.00      1.00 ▲     0.00
    refund-policy         1.00      0.00 ▼     0.00 ▼
    ");
}

#[test]
fn colour_only_repeats_the_marks() {
    let screen = Screen { width: Some(80), color: true };
    let colored = shown_on(screen, vec![winners(), changes()]);
    assert!(colored.contains("\u{1b}[1m▸ 83 %\u{1b}[0m"), "{colored}");
    assert!(colored.contains("\u{1b}[32m1.00 ▲\u{1b}[0m"), "{colored}");
    assert!(colored.contains("\u{1b}[31m0.00 ▼\u{1b}[0m"), "{colored}");
    let mut bare = colored;
    for code in ["0", "1", "2", "31", "32"] {
        bare = bare.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(bare, at(80, vec![winners(), changes()]));
}

#[test]
fn winners_in_a_column_of_text_are_indented_alike() {
    let rows = vec![vec![Cell::plain("gpt-x")], vec![Cell::marked("claude-y", Mark::Winner)]];
    let table = Table { columns: vec![Column::text("model")], rows };
    assert_eq!(at(40, vec![Block::Table(table)]), "  model\n  gpt-x\n▸ claude-y\n");
}

fn long() -> Block {
    Block::Table(Table {
        columns: vec![Column::whole("case"), Column::text("output"), Column::number("score")],
        rows: vec![
            plain(&[
                "refund-policy",
                "The customer may return the goods within thirty days of delivery",
                "0.871",
            ]),
            plain(&["日本語", "返品は配達後三十日以内に可能です、ただし未使用に限ります", "1.000"]),
            plain(&["flags", "👩‍👩‍👧 e\u{301}te\u{301} \u{1b}[31mred\nnext\tline", "0.500"]),
        ],
    })
}

#[test]
fn long_text_is_shortened_to_the_terminal() {
    insta::assert_snapshot!(at(40, vec![long()]), @r"
    case           output              score
    refund-policy  The customer may…   0.871
    日本語         返品は配達後三十…   1.000
    flags          👩‍👩‍👧 été ␛[31mred⏎n…  0.500
    ");
    insta::assert_snapshot!(at(80, vec![long()]), @r"
    case           output                                                      score
    refund-policy  The customer may return the goods within thirty days of d…  0.871
    日本語         返品は配達後三十日以内に可能です、ただし未使用に限ります    1.000
    flags          👩‍👩‍👧 été ␛[31mred⏎next    line                                0.500
    ");
}

#[test]
fn a_pipe_and_a_wide_terminal_show_all_of_it() {
    assert_eq!(at(200, vec![long()]), piped(vec![long()]));
    insta::assert_snapshot!(piped(vec![long()]), @r"
    case           output                                                            score
    refund-policy  The customer may return the goods within thirty days of delivery  0.871
    日本語         返品は配達後三十日以内に可能です、ただし未使用に限ります          1.000
    flags          👩‍👩‍👧 été ␛[31mred⏎next    line                                      0.500
    ");
}

#[test]
fn a_wide_table_goes_on_below() {
    let mut columns = vec![Column::whole("metric")];
    columns.extend((1..12).map(|n| Column::number(format!("model-{n}"))));
    let row = |name: &str| {
        let mut cells = vec![Cell::plain(name)];
        cells.extend((1..12).map(|n| Cell::plain(format!("0.{n:03}"))));
        cells[7].mark = Mark::Winner;
        cells
    };
    let table = Table { columns, rows: vec![row("score"), row("accuracy")] };
    insta::assert_snapshot!(at(60, vec![Block::Table(table)]), @r"
    metric    model-1  model-2  model-3  model-4  model-5
    score       0.001    0.002    0.003    0.004    0.005
    accuracy    0.001    0.002    0.003    0.004    0.005

    metric    model-6  model-7  model-8  model-9  model-10
    score       0.006  ▸ 0.007    0.008    0.009     0.010
    accuracy    0.006  ▸ 0.007    0.008    0.009     0.010

    metric    model-11
    score        0.011
    accuracy     0.011
    ");
}

#[test]
fn numbers_stay_aligned_beside_shortened_text() {
    let rows = ["abcdefghijkl", "日本語日本語", "abc"].map(|text| plain(&[text, "1"])).to_vec();
    let table = Table { columns: vec![Column::text(""), Column::number("a number's head")], rows };
    let shown = at(26, vec![Block::Table(table)]);
    let ends: Vec<usize> = shown.lines().map(width).collect();
    assert_eq!(ends, [26, 26, 26, 26], "{shown}");
    assert!(shown.contains("abcdefgh…") && shown.contains("日本語日…"), "{shown}");
}

#[test]
fn what_must_be_whole_is_broken_rather_than_cut() {
    let id = "baseline::2026-05-06T05-36-19-075Z::0123456789abcdef";
    let table = Table {
        columns: vec![Column::whole("run"), Column::number("rows"), Column::text("note")],
        rows: vec![plain(&[id, "12", "a note that is long"])],
    };
    insta::assert_snapshot!(at(40, vec![Block::Table(table)]), @r"
    run                   rows  note
    baseline::2026-05-06    12  a note that…
    T05-36-19-075Z::0123
    456789abcdef
    ");
}

#[test]
fn headlines_lines_and_notes_wrap() {
    let blocks = || {
        vec![
            Block::Headline { left: "support-bot · 12 cases".into(), right: ".runq, 1 of 14 runs".into() },
            Block::Gap,
            Block::Line("  9 more: --cases all · what exactly changed: runq diff".into()),
            Block::Note("llama-z ran flaky-tool three times, the others once".into()),
            Block::Headline { left: "alone".into(), right: String::new() },
        ]
    };
    insta::assert_snapshot!(at(60, blocks()), @r"
    support-bot · 12 cases                   .runq, 1 of 14 runs

      9 more: --cases all · what exactly changed: runq diff
    note  llama-z ran flaky-tool three times, the others once
    alone
    ");
    insta::assert_snapshot!(at(40, blocks()), @r"
    support-bot · 12 cases
    .runq, 1 of 14 runs

      9 more: --cases all · what exactly
      changed: runq diff
    note  llama-z ran flaky-tool three
          times, the others once
    alone
    ");
    insta::assert_snapshot!(piped(blocks()), @r"
    support-bot · 12 cases  .runq, 1 of 14 runs

      9 more: --cases all · what exactly changed: runq diff
    note  llama-z ran flaky-tool three times, the others once
    alone
    ");
}

#[test]
fn a_table_without_rows_or_columns_is_no_trouble() {
    let heads = Table { columns: vec![Column::text("case"), Column::number("score")], rows: vec![] };
    assert_eq!(at(40, vec![Block::Table(heads)]), "case  score\n");
    assert_eq!(at(40, vec![Block::Table(Table::default())]), "");
    let ragged = Table { columns: vec![Column::text("a"), Column::text("b")], rows: vec![plain(&["x"])] };
    assert_eq!(at(40, vec![Block::Table(ragged)]), "a  b\nx\n");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9 _.-]{0,40}",
        1 => "[日本語ÄÖ👩🎉e\u{301}\u{200d}]{0,20}",
        1 => any::<String>(),
    ]
}

fn any_cell() -> impl Strategy<Value = Cell> {
    let mark = prop::sample::select(vec![
        Mark::Plain,
        Mark::Winner,
        Mark::Improved,
        Mark::Regressed,
        Mark::Dim,
        Mark::Bad,
        Mark::Open,
    ]);
    (any_text(), mark).prop_map(|(text, mark)| Cell { text, mark })
}

fn any_table() -> impl Strategy<Value = Table> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let column = (any_text(), flags).prop_map(|(head, (right, shrinks, key, wraps))| Column {
        key,
        right,
        shrinks,
        wraps,
        ..Column::whole(head)
    });
    (prop::collection::vec(column, 1..9), 0_usize..5).prop_flat_map(|(columns, rows)| {
        let row = prop::collection::vec(any_cell(), columns.len());
        (Just(columns), prop::collection::vec(row, rows)).prop_map(|(columns, rows)| Table { columns, rows })
    })
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_screen(table in any_table(), columns in NARROWEST..140) {
        for line in at(columns, vec![Block::Table(table)]).lines() {
            prop_assert!(width(line) <= columns, "{} > {columns}: {line:?}", width(line));
        }
    }

    #[test]
    fn a_pipe_shows_every_cell_whole(table in any_table()) {
        let shown = piped(vec![Block::Table(table.clone())]);
        for cell in table.rows.iter().flatten() {
            prop_assert!(shown.contains(visible(&cell.text).trim_end()), "{:?} not in {shown:?}", cell.text);
        }
    }

    #[test]
    fn a_narrow_terminal_leaves_no_column_out(table in any_table(), columns in NARROWEST..100) {
        let mut table = table;
        for (at, column) in table.columns.iter_mut().enumerate() {
            column.head = format!("h{at}h");
        }
        let shown = at(columns, vec![Block::Table(table.clone())]);
        for column in &table.columns {
            prop_assert!(shown.contains(&column.head), "{} not in {shown:?}", column.head);
        }
    }
}
