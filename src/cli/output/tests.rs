//! What goes where, in which format and colour.

use std::error::Error;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::*;
use crate::answer::{Block, Records};
use crate::render::renderer;

fn format(name: &str) -> &'static dyn Renderer {
    renderer(name).unwrap()
}

fn answer() -> Answer {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let records = Records { schema: batch.schema(), batches: vec![batch] };
    Answer { blocks: vec![Block::Line("one row".into())], records, ..Answer::default() }
}

/// Output into memory from the given surroundings.
fn output_in(environment: Environment, color: ColorChoice, wished: Option<&str>) -> (Output, Captured) {
    let captured = Captured::default();
    let wish = Wish { color, format: wished.map(format), piped: format("csv") };
    let (out, err) = (captured.stdout.clone(), captured.stderr.clone());
    (Output::new(environment, &wish, Box::new(out), Box::new(err)), captured)
}

const TERMINAL: Environment = Environment {
    stdin_terminal: true,
    stdout_terminal: true,
    stderr_terminal: true,
    stdin_taken: false,
    width: Some(100),
    height: Some(40),
    no_color: false,
    dumb: false,
};

#[test]
fn answers_go_to_stdout_and_words_to_stderr() {
    let (mut output, captured) = Output::capturing(Screen::PIPE, TABLE);
    output.answer(&answer()).unwrap();
    output.note("one run was left out");
    output.line("42 runs\u{1b}[2J");
    output.set_format(format("jsonl"));
    output.answer(&answer()).unwrap();
    output.text("done\n").unwrap();
    assert_eq!(captured.stdout(), "one row\n{\"n\":1}\ndone\n");
    assert_eq!(captured.stderr(), "note  one run was left out\n42 runs␛[2J\n");
}

#[test]
fn the_format_depends_on_who_reads() {
    let chosen = |environment, wished| output_in(environment, ColorChoice::Auto, wished).0.format().name();
    assert_eq!(chosen(TERMINAL, None), "table");
    assert_eq!(chosen(Environment::PIPES, None), "csv");
    assert_eq!(chosen(TERMINAL, Some("json")), "json");
    assert_eq!(chosen(Environment::PIPES, Some("json")), "json");
}

#[test]
fn the_screen_is_that_of_stdout() {
    let screen = |environment, color| output_in(environment, color, None).0.screen();
    let auto = ColorChoice::Auto;
    assert_eq!(screen(TERMINAL, auto), Screen { width: Some(100), color: true });
    assert_eq!(screen(Environment { width: None, ..TERMINAL }, auto).width, Some(USUAL_WIDTH));
    let piped = Environment { stdout_terminal: false, ..TERMINAL };
    assert_eq!(screen(piped, auto), Screen::PIPE);
    assert!(!screen(Environment { no_color: true, ..TERMINAL }, auto).color);
    assert!(screen(Environment { no_color: true, ..piped }, ColorChoice::Always).color);
    assert!(!screen(TERMINAL, ColorChoice::Never).color);
}

#[test]
fn questions_are_asked_only_when_somebody_types_and_reads() {
    let interactive = |environment| output_in(environment, ColorChoice::Auto, None).0.is_interactive();
    assert!(interactive(TERMINAL));
    assert!(!interactive(Environment { stdin_terminal: false, ..TERMINAL }));
    assert!(!interactive(Environment { stdout_terminal: false, ..TERMINAL }));
}

#[test]
fn errors_say_what_why_and_what_to_do() {
    let report = Report {
        message: "there is no column accuracy in scores\nselect accuracy from scores\n       ^^^^^^^^".into(),
        causes: vec!["planning failed".into()],
        hints: vec!["metrics are rows: select value from scores".into()],
    };
    let (output, captured) = output_in(Environment::PIPES, ColorChoice::Auto, None);
    output.error(&report);
    assert_eq!(captured.stdout(), "");
    assert_eq!(
        captured.stderr(),
        "error: there is no column accuracy in scores\n  select accuracy from scores\n         ^^^^^^^^\n\
         caused by: planning failed\n  hint: metrics are rows: select value from scores\n"
    );
    let (output, captured) = output_in(TERMINAL, ColorChoice::Auto, None);
    output.error(&Report::new("bad\u{1b}[2J"));
    assert_eq!(captured.stderr(), "\u{1b}[1;31merror:\u{1b}[0m bad␛[2J\n");
}

#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct Chained {
    said: &'static str,
    source: Option<Box<Chained>>,
}

#[test]
fn a_report_follows_the_sources_and_repeats_nothing() {
    let inner = Chained { said: "no such file", source: None };
    let middle = Chained { said: "no such file", source: Some(Box::new(inner)) };
    let outer = Chained { said: "the run cannot be read", source: Some(Box::new(middle)) };
    let report = Report::of(&outer as &dyn Error).hint("check the path");
    assert_eq!(report.message, "the run cannot be read");
    assert_eq!(report.causes, ["no such file"]);
    assert_eq!(report.hints, ["check the path"]);
}

/// A stream whose reader went away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream on a full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_told_from_other_failures() {
    let wish = |name| Wish { color: ColorChoice::Auto, format: Some(format(name)), piped: TABLE };
    for name in ["table", "csv", "json", "jsonl", "tsv"] {
        let buffered = BufWriter::new(Closed);
        let output = Output::new(Environment::PIPES, &wish(name), Box::new(buffered), Box::new(Closed));
        assert!(matches!(output.answer(&answer()), Err(OutputError::ClosedPipe)), "{name}");
        output.note("a closed stderr is nobody's fault");
    }
    let output = Output::new(Environment::PIPES, &wish("csv"), Box::new(Full), Box::new(Full));
    let error = output.answer(&answer()).unwrap_err();
    assert!(matches!(&error, OutputError::Render(RenderError::Write(_))), "{error:?}");
}

#[test]
fn a_format_that_cannot_say_the_answer_is_an_error() {
    let (output, captured) = Output::capturing(Screen::PIPE, format("ids"));
    let error = output.answer(&answer()).unwrap_err();
    assert!(matches!(&error, OutputError::Render(RenderError::NoIds)), "{error:?}");
    assert_eq!(captured.stdout(), "");
}

#[test]
fn progress_is_silent_without_a_terminal() {
    let (output, captured) = Output::capturing(Screen::PIPE, TABLE);
    let progress = output.progress("reading");
    progress.set_total_bytes(100);
    progress.advance_bytes(50);
    output.line("meanwhile");
    progress.finish();
    assert_eq!(captured.stderr(), "meanwhile\n");
}
