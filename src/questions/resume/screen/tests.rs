//! Plans on screens of several widths. The texts are what a person is to see, not what the code gave.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{Deviation, Estimate, Expected, Left, Missing, Plan, PlannedCommand, PlannedRow, RunPlan};
use super::blocks;
use crate::answer::{Answer, Block};
use crate::import::rerun::{Decision, RerunCommand, RerunError, RerunFile, RerunMode, Runs};
use crate::model::RunRow;
use crate::render::{Screen, renderer};

const OUTPUT: &str = ".agentv/results/runs/default/2026-05-06T05-36-19-075Z";

fn command(shell: &str) -> PlannedCommand {
    PlannedCommand {
        tool: "agentv".into(),
        command: RerunCommand {
            argv: Vec::new(),
            folder: PathBuf::from("/project"),
            files: Vec::new(),
            output: None,
            runs: Runs { cases: None, models: None, pairs: None, rule: |_| Decision::Runs("") },
            notes: Vec::new(),
        },
        line: shell.into(),
        shell: shell.into(),
        runs_also: Vec::new(),
        does_not_run: Vec::new(),
    }
}

fn row(case_id: &str, status: &str, reason: &str, attempts: i64) -> PlannedRow {
    PlannedRow {
        run_id: "baseline::2026".into(),
        task: "tiny".into(),
        case_id: case_id.into(),
        model: Some("azure".into()),
        epoch: 1,
        status: status.into(),
        reason: reason.into(),
        attempts,
        ..PlannedRow::default()
    }
}

fn left(keys: i64, status: &str, why: &str) -> Left {
    Left { status: status.into(), why: why.into(), keys }
}

/// The run of SCREENS: two of twelve cases.
fn run() -> RunPlan {
    let run = RunRow {
        run_id: "baseline::2026-05-06T05-36-19-075Z".into(),
        tool: "agentv".into(),
        tool_version: Some("4.25".into()),
        ..RunRow::default()
    };
    RunPlan {
        run,
        models: vec!["azure".into()],
        unasked: Vec::new(),
        rows: vec![
            row("also-cheap-greet", "execution_error", "budget_exceeded at agent", 1),
            row("summary-quality", "quality_failure", "0.70 < 0.80", 2),
        ],
        left: vec![left(10, "ok", "ok")],
        missing: Missing::Known(0),
        expected: Expected {
            tokens: Some(Estimate { value: 3_100.0, low: None, high: None }),
            cost_usd: Some(Estimate { value: 0.0071, low: Some(0.0052), high: Some(0.0098) }),
            duration_ms: Some(Estimate { value: 6_000.0, low: None, high: None }),
            unknown_rows: 0,
        },
        commands: Ok(vec![command(&format!(
            "agentv eval evals/tiny.eval.yaml --target azure --output {OUTPUT} --rerun-failed"
        ))]),
        notes: Vec::new(),
    }
}

fn shown(mode: RerunMode, runs: Vec<RunPlan>, format: &str, screen: Screen) -> String {
    let plan = Plan { mode, runs, expected: Expected::default(), notes: Vec::new() };
    let answer = Answer { blocks: blocks(&plan, Path::new("/project")), ..Answer::default() };
    let mut out = Vec::new();
    renderer(format).unwrap().render(&answer, &screen, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table(runs: Vec<RunPlan>, width: usize) -> String {
    shown(RerunMode::RerunFailed, runs, "table", Screen { width: Some(width), color: false })
}

#[test]
fn the_plan_reads_as_it_is_drawn() {
    insta::assert_snapshot!(table(vec![run()], 120), @r"
    baseline::2026-05-06T05-36-19-075Z · agentv 4.25 · model azure
    to run    2 of 12 cases: 1 execution_error, 1 quality_failure
      also-cheap-greet  execution_error  budget_exceeded at agent, 1 attempt
      summary-quality   quality_failure  0.70 < 0.80, 2 attempts
    left      10 ok
    expected  about 3,100 tokens, $0.0071 [0.0052, 0.0098], 6 s   (from this run's finished rows, 80 % range)

      agentv eval evals/tiny.eval.yaml --target azure --output .agentv/results/runs/default/2026-05-06T05-36-19-075Z --rerun-failed

    run it: add --exec · one by one: --format ids
    ");
}

#[test]
fn a_command_is_one_line_on_any_screen() {
    let whole =
        format!("\n  agentv eval evals/tiny.eval.yaml --target azure --output {OUTPUT} --rerun-failed\n");
    for width in [60, 80, 200] {
        let text = table(vec![run()], width);
        assert!(text.contains(&whole), "{width}: {text}");
        let others = text.lines().filter(|line| !line.starts_with("  agentv"));
        let widest = others.map(crate::render::text::width).max();
        assert!(widest <= Some(width), "{width}: {text}");
    }
    for format in ["markdown", "html"] {
        let text = shown(RerunMode::RerunFailed, vec![run()], format, Screen::PIPE);
        assert!(text.contains("agentv eval evals/tiny.eval.yaml --target azure --output"), "{text}");
        assert!(text.contains(if format == "html" { "<pre>agentv" } else { "```sh\nagentv" }), "{text}");
    }
    let quoted = "agentv eval x.yaml --test-id 'two\nlines'";
    let text = table(vec![RunPlan { commands: Ok(vec![command(quoted)]), ..run() }], 80);
    assert!(text.contains(&format!("\n  {quoted}\n")), "a line break in a word stays as it is: {text}");
}

#[test]
fn several_models_deviations_and_what_is_missing_are_told() {
    let mut rows = run().rows;
    rows.push(PlannedRow {
        model: Some("gpt-x".into()),
        epoch: 2,
        ..row("edge [x] (v2)*", "missing", "no row", 0)
    });
    let also = |case_id: &str, why: &str| Deviation {
        case_id: case_id.into(),
        model: Some("gpt-x".into()),
        epoch: 1,
        why: why.into(),
    };
    let mut planned = command("agentv eval x.yaml --retry-errors run");
    planned.runs_also =
        ["a", "b", "c", "d", "e", "f", "g"].map(|id| also(id, "retries a test on all targets")).into();
    planned.does_not_run = vec![also("h", "skips a case that was ever ok")];
    planned.command.output = Some(PathBuf::from("/project/results/new"));
    let plan = RunPlan {
        rows,
        models: vec!["azure".into(), "gpt-x".into()],
        left: vec![left(9, "ok", "ok"), left(3, "quality_failure", "--resume leaves verdicts as they are")],
        missing: Missing::Counted(4),
        commands: Ok(vec![planned]),
        notes: vec!["the suite is that of run candidate".into()],
        ..run()
    };
    insta::assert_snapshot!(table(vec![plan], 80), @r"
    baseline::2026-05-06T05-36-19-075Z · agentv 4.25 · 2 models
    to run    3 of 15 rows: 1 execution_error, 1 missing, 1 quality_failure
      also-cheap-greet   azure  execution_error  budget_exceeded at agent, 1 attempt
      summary-quality    azure  quality_failure  0.70 < 0.80, 2 attempts
      edge [x] (v2)* #2  gpt-x  missing          no row
    left      9 ok
              3 quality_failure: --resume leaves verdicts as they are
    expected  about 3,100 tokens, $0.0071 [0.0052, 0.0098], 6 s   (from this run's
              finished rows, 80 % range)

      agentv eval x.yaml --retry-errors run
        new output    results/new
        runs also     7: a on gpt-x, b on gpt-x, c on gpt-x, d on gpt-x, e on gpt-x
                      and 2 more (retries a test on all targets)
        does not run  1: h on gpt-x (skips a case that was ever ok)

    note  the suite is that of run candidate
    run it: add --exec · one by one: --format ids
    ");
}

#[test]
fn nothing_to_run_is_one_sentence() {
    let nothing = RunPlan { rows: Vec::new(), left: vec![left(12, "ok", "ok")], ..run() };
    assert_eq!(table(vec![nothing], 80), "nothing to run in baseline::2026-05-06T05-36-19-075Z: 12 ok\n");
    let unsure = RunPlan {
        rows: Vec::new(),
        left: vec![left(9, "ok", "ok"), left(3, "quality_failure", "--resume leaves verdicts as they are")],
        missing: Missing::Unknown,
        ..run()
    };
    assert_eq!(
        shown(RerunMode::Where, vec![unsure], "table", Screen::PIPE),
        "nothing to run in baseline::2026-05-06T05-36-19-075Z: 9 ok · 3 quality_failure: --resume leaves verdicts as they \
         are · missing cases: cannot be known, since nothing says which cases were planned: --cases FILE names them\n"
    );
}

#[test]
fn what_stays_is_told_by_reason() {
    let plan = RunPlan {
        left: vec![
            left(3, "execution_error", "not selected"),
            left(6, "ok", "ok"),
            left(2, "limit", "not selected"),
        ],
        ..run()
    };
    let text = table(vec![plan], 80);
    assert!(
        text.contains("\nleft      3 execution_error, 2 limit: not selected\n          6 ok\n"),
        "{text}"
    );
}

#[test]
fn many_rows_are_counted_and_the_rest_has_a_flag() {
    let rows =
        (0..500).map(|at| row(&format!("case-{at:03}"), "execution_error", "provider_error at agent", 1));
    let text = table(vec![RunPlan { rows: rows.collect(), ..run() }], 80);
    assert!(text.contains("to run    500 of 510 cases · 500 provider_error at agent\n"), "{text}");
    assert!(text.contains("  case-039  ") && !text.contains("  case-040  "), "{text}");
    assert!(text.contains("\n  460 rows more: --format csv or json has them all\n"), "{text}");
}

#[test]
fn files_of_a_command_are_named_and_not_shown() {
    let mut planned =
        command("mkdir -p /tmp/x/\ncat > /tmp/x/ids.txt <<'END'\na\nEND\nmytool --ids /tmp/x/ids.txt");
    planned.line = "mytool --ids /tmp/x/ids.txt".into();
    planned.command.files = vec![RerunFile { name: "ids.txt".into(), text: "a\n".into() }];
    planned.command.folder = PathBuf::from("/project/tool");
    let text = table(vec![RunPlan { commands: Ok(vec![planned]), ..run() }], 80);
    assert!(
        text.contains("\n\n  mytool --ids /tmp/x/ids.txt\n    in     tool\n    reads  ids.txt, which --exec"),
        "{text}"
    );
    assert!(!text.contains("END"), "{text}");
}

#[test]
fn without_a_command_the_reason_and_the_remedy_stand_there() {
    let error = RerunError::NoSuite { path: "evals/tiny.eval.yaml".into() };
    let text = table(vec![RunPlan { commands: Err(error), ..run() }], 80);
    assert!(
        text.ends_with(
            "command   none: the eval file evals/tiny.eval.yaml is not there · --suite FILE\n          names it\none by \
             one: --format ids\n"
        ),
        "{text}"
    );
}

#[test]
fn statuses_have_a_colour_and_nothing_else_has() {
    let screen = Screen { width: Some(120), color: true };
    let text = shown(RerunMode::RerunFailed, vec![run()], "table", screen);
    assert!(text.contains("\u{1b}[31mexecution_error\u{1b}[0m  budget_exceeded"), "{text:?}");
    assert!(!text.contains("▼") && text.contains("\n  agentv eval"), "{text:?}");
}

#[test]
fn blocks_name_the_run_first() {
    let plan = Plan {
        mode: RerunMode::Resume,
        runs: vec![run(), run()],
        expected: Expected::default(),
        notes: vec!["whole".into()],
    };
    let blocks = blocks(&plan, Path::new("/project"));
    assert!(matches!(&blocks[0], Block::Headline { left, .. } if left.starts_with("baseline::")));
    let heads = blocks.iter().filter(|block| matches!(block, Block::Headline { .. })).count();
    let last: Vec<Arc<str>> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Line(line) => Some(line.as_str().into()),
            _ => None,
        })
        .collect();
    assert_eq!((heads, last.len()), (2, 1), "two runs, one line that says how to go on");
}
