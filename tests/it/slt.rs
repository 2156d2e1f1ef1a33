//! Runs `tests/slt/*.slt`, one file per view: hand-made rows, and numbers that were worked out by hand.
//!
//! A file opens a session by a statement of its own, which may come again to open another one:
//!
//! ```text
//! statement ok
//! LOAD tests/slt/data/pair.jsonl BY model BASELINE base THRESHOLD 0.1 THRESHOLD duration_ms=50
//! ```
//!
//! Paths come first, each one argument as on the command line; then words in capitals, each with one value:
//! `BY`, `BASELINE`, `RUN` (again for more), `TASK`, `PRIMARY`, `THRESHOLD X` or `THRESHOLD METRIC=X`,
//! `PASS_THRESHOLD`, `ERRORS_AS zero|missing`, `CLUSTER`, `CASE_KEY`, `ALPHA`, `BINS`, `AGGREGATE METRIC=WORD`,
//! `TEST METRIC`, `DIRECTION METRIC=WORD` (as `runq metrics set`), `MAP TARGET=COLUMN`, `RUN_COLUMN`.
//!
//! Everything else is SQL. Types are checked: T text, I integer, R double, B boolean, P moment, ? a list. Doubles are
//! shown with nine significant digits, so that the order of additions does not matter; an empty text is `(empty)`.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, Float64Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use runq::import::ImportOptions;
use runq::import::table::Mapping;
use runq::model::{Aggregate, MetricRow};
use runq::session::{By, ErrorsAs, Facts, Request, Session, references};
use sqllogictest::{AsyncDB, ColumnType, DBOutput, Record, Runner};

use crate::support::in_memory;

/// Significant digits of a double.
const DIGITS: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn views_answer_as_worked_out_by_hand() {
    let mut tasks = tokio::task::JoinSet::new();
    for file in files() {
        tasks.spawn(failures(file));
    }
    let failures = tasks.join_all().await.concat();
    assert!(failures.is_empty(), "{} of the answers differ\n\n{}", failures.len(), failures.join("\n"));
}

/// The files, by name. With `SLT=NAME` in the environment only those whose name holds it.
fn files() -> Vec<PathBuf> {
    let wanted = std::env::var("SLT").unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("tests/slt")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .filter(|path| path.display().to_string().contains(&wanted))
        .collect();
    files.sort();
    files
}

/// Every record of a file that does not come out as the file says, each with file and line.
async fn failures(file: PathBuf) -> Vec<String> {
    let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&file).display().to_string();
    let script = fs::read_to_string(&file).expect("a file that was listed");
    let records: Vec<Record<Type>> = match sqllogictest::parse_with_name(&script, name) {
        Ok(records) => records,
        Err(error) => return vec![error.to_string()],
    };
    let mut runner = Runner::new(|| async { Ok(Asked::default()) });
    runner.with_column_validator(sqllogictest::strict_column_validator);
    let mut failures = Vec::new();
    for record in records {
        if let Err(error) = runner.run_async(record).await {
            failures.push(error.display(false).to_string());
        }
    }
    failures
}

/// A column's type by its letter in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Type(char);

impl ColumnType for Type {
    fn from_char(letter: char) -> Option<Self> {
        "TIRBP?".contains(letter).then_some(Self(letter))
    }

    fn to_char(&self) -> char {
        self.0
    }
}

impl Type {
    fn of(data_type: &DataType) -> Self {
        Self(match data_type {
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => 'T',
            DataType::Float64 => 'R',
            DataType::Boolean => 'B',
            DataType::Timestamp(_, _) => 'P',
            whole if whole.is_integer() => 'I',
            _ => '?',
        })
    }
}

/// Why a statement has no answer, in the words that a person reads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl Failed {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The session that a file has opened last.
#[derive(Default)]
struct Asked {
    session: Option<Session>,
    /// Views that were computed already: a file asks its view many times, and views read each other.
    computed: Vec<String>,
}

#[async_trait::async_trait]
impl AsyncDB for Asked {
    type Error = Failed;
    type ColumnType = Type;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Type>, Failed> {
        if let Some(words) = sql.strip_prefix("LOAD ") {
            self.session = Some(Load::parse(words)?.open().await?);
            self.computed.clear();
            return Ok(DBOutput::StatementComplete(0));
        }
        let session = self.session.as_mut().ok_or_else(|| Failed::new("LOAD comes first"))?;
        let needed = session.views().needed(&references(sql).map_err(Failed::new)?).map_err(Failed::new)?;
        let mut needed: Vec<String> = needed.views.into_iter().map(|view| view.name.clone()).collect();
        needed.retain(|name| !self.computed.contains(name));
        for name in needed {
            session.materialize(&name).await.map_err(Failed::new)?;
            self.computed.push(name);
        }
        let rows = session.rows(sql).await.map_err(Failed::new)?;
        let types = rows.schema.fields().iter().map(|field| Type::of(field.data_type())).collect();
        let mut texts = Vec::new();
        for batch in &rows.batches {
            texts.extend((0..batch.num_rows()).map(|row| shown(batch, row)));
        }
        Ok(DBOutput::Rows { types, rows: texts })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "runq"
    }
}

fn shown(batch: &RecordBatch, row: usize) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let cell = |column: &arrow::array::ArrayRef| {
        if let Some(numbers) = column.as_any().downcast_ref::<Float64Array>()
            && numbers.is_valid(row)
        {
            return number(numbers.value(row));
        }
        let text =
            ArrayFormatter::try_new(column, &options).expect("a printable type").value(row).to_string();
        if text.is_empty() { "(empty)".to_owned() } else { text }
    };
    batch.columns().iter().map(cell).collect()
}

fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.0$e}", DIGITS - 1).parse().expect("a number that was just written");
    rounded.to_string()
}

/// What a `LOAD` says.
#[derive(Default)]
struct Load {
    paths: Vec<PathBuf>,
    options: ImportOptions,
    directions: Vec<MetricRow>,
    request: Request,
    columns: String,
    run_column: Option<String>,
}

impl Load {
    fn parse(words: &str) -> Result<Self, Failed> {
        let mut load = Self::default();
        let mut words = words.split_whitespace();
        while let Some(word) = words.next() {
            if word.contains('/') && load.request.by == By::Auto {
                load.paths.push(Path::new(env!("CARGO_MANIFEST_DIR")).join(word));
                continue;
            }
            let value = words.next().ok_or_else(|| Failed(format!("{word}: expected a value")))?;
            load.take(word, value)?;
        }
        if load.run_column.is_some() || !load.columns.is_empty() {
            let run = load.run_column.iter().map(|column| format!("run_column = \"{column}\"\n"));
            let text = run.collect::<String>() + "[columns]\n" + &load.columns;
            load.options.mapping = Mapping::from_toml(&text).map_err(Failed::new)?;
        }
        Ok(load)
    }

    fn take(&mut self, word: &str, value: &str) -> Result<(), Failed> {
        let options = &mut self.request.options;
        let text = || value.to_owned();
        match word {
            "BY" => self.request.by = By::Dimension(text()),
            "BASELINE" => self.request.baseline = Some(text()),
            "RUN" => self.request.scope.runs.push(text()),
            "TASK" => self.request.scope.task = Some(text()),
            "PRIMARY" => options.primary = Some(text()),
            "THRESHOLD" => match value.split_once('=') {
                Some((metric, value)) => options.thresholds.push((metric.to_owned(), parsed(value)?)),
                None => options.threshold = parsed(value)?,
            },
            "PASS_THRESHOLD" => options.pass_threshold = parsed(value)?,
            "ALPHA" => options.alpha = parsed(value)?,
            "BINS" => options.bins = value.parse().map_err(Failed::new)?,
            "ERRORS_AS" if value == "zero" => options.errors_as = ErrorsAs::Zero,
            "ERRORS_AS" if value == "missing" => options.errors_as = ErrorsAs::Missing,
            "CLUSTER" => options.cluster = Some(text()),
            "CASE_KEY" => options.case_key = Some(text()),
            "TEST" => options.tests.push(text()),
            "AGGREGATE" => {
                let (metric, word) = pair(value)?;
                let aggregate = Aggregate::parse(&word).ok_or_else(|| Failed(format!("aggregate {word}")))?;
                options.aggregates.push((metric, aggregate));
            }
            "DIRECTION" => {
                let (metric, direction) = pair(value)?;
                let origin = "user".to_owned();
                let row = MetricRow { metric, direction: Some(direction), origin, ..MetricRow::default() };
                self.directions.push(row);
            }
            "MAP" => {
                let (target, column) = pair(value)?;
                self.columns += &format!("{target} = \"{column}\"\n");
            }
            "RUN_COLUMN" => self.run_column = Some(text()),
            _ => return Err(Failed(format!("LOAD does not know {word} {value}"))),
        }
        Ok(())
    }

    async fn open(self) -> Result<Session, Failed> {
        let paths: Vec<&Path> = self.paths.iter().map(PathBuf::as_path).collect();
        let memory = in_memory(&paths, &self.options);
        if let Some(problem) = memory.problems.first() {
            return Err(Failed(format!("{}: {}", problem.path.display(), problem.message)));
        }
        if let Some(fault) = memory.reading.faults.first() {
            return Err(Failed(format!("{} line {:?}: {}", fault.path.display(), fault.line, fault.message)));
        }
        let mut facts = Facts::in_memory(memory, "slt".to_owned()).map_err(Failed::new)?;
        facts.metrics.extend(self.directions);
        Session::open(facts, self.request).await.map_err(Failed::new)
    }
}

fn pair(value: &str) -> Result<(String, String), Failed> {
    let (left, right) =
        value.split_once('=').ok_or_else(|| Failed(format!("{value}: expected NAME=VALUE")))?;
    Ok((left.to_owned(), right.to_owned()))
}

fn parsed(value: &str) -> Result<f64, Failed> {
    value.parse().map_err(|error| Failed(format!("{value}: {error}")))
}
