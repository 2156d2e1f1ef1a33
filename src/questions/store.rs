//! What is in the store's files, and what was done to them?

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use crate::answer::{Answer, Block, Cell, Column, Mark, Records, SCHEMA_VERSION, Table, number};
use crate::model::Timestamp;
use crate::session::SessionError;
use crate::store::{Checked, Optimized, StoreVersion, Trouble, Vacuumed};

/// How many troubles a person is shown.
const TROUBLES_SHOWN: usize = 20;

/// How many runs of a version are named.
const RUNS_NAMED: usize = 3;

/// What an optimization did, for each table.
///
/// # Errors
/// When it cannot be brought into columns.
pub fn optimized(done: &Optimized, origin: String) -> Result<Answer, SessionError> {
    let merged: usize = done.tables.iter().map(|table| table.merged).sum();
    let (ingests, replaced) = (done.cleaned.ingests.len(), done.cleaned.replaced_runs);
    let checkpoints = done.tables.iter().filter(|table| table.checkpoint.is_some()).count();
    let left = match (merged, ingests + replaced, checkpoints) {
        (0, 0, 0) => "nothing to do: the store is optimized".to_owned(),
        (0, _, _) => "no files to merge".to_owned(),
        (merged, _, _) => format!("{} merged", number::counted(merged, "file", "files")),
    };
    let mut blocks = vec![Block::Headline { left, right: origin }];
    if merged > 0 {
        blocks.extend([Block::Gap, Block::Table(merged_tables(done))]);
    }
    if ingests > 0 {
        let said = number::counted(ingests, "ingest", "ingests");
        blocks.push(Block::Line(format!("  rows of {said} that no run names were removed")));
    }
    if replaced > 0 {
        let said = number::counted(replaced, "replaced row", "replaced rows");
        blocks.push(Block::Line(format!("  {said} of runs removed")));
    }
    if checkpoints > 0 {
        let said = number::counted(checkpoints, "checkpoint", "checkpoints");
        blocks.push(Block::Line(format!("  {said} written")));
    }
    blocks.extend(left_alone(done));
    let tables: Vec<Value> = done
        .tables
        .iter()
        .map(|table| {
            json!({
                "table": table.table, "files_before": table.files_before, "files_after": table.files_after,
                "bytes_before": table.bytes_before, "bytes_after": table.bytes_after, "merged": table.merged,
                "rows_written": table.rows, "unpublished": table.unpublished, "overtaken": table.overtaken,
                "checkpoint": table.checkpoint,
            })
        })
        .collect();
    let of = |value: &dyn Fn(&crate::store::OptimizedTable) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(done.tables.iter().map(|table| signed(value(table)))))
    };
    let records = RecordBatch::try_from_iter([
        ("table", texts(done.tables.iter().map(|table| Some(table.table.to_owned())))),
        ("files_before", of(&|table| table.files_before as u64)),
        ("files_after", of(&|table| table.files_after as u64)),
        ("bytes_before", of(&|table| table.bytes_before)),
        ("bytes_after", of(&|table| table.bytes_after)),
        ("merged", of(&|table| table.merged as u64)),
        ("rows_written", of(&|table| table.rows)),
        ("unpublished", of(&|table| table.unpublished as u64)),
        ("overtaken", of(&|table| table.overtaken as u64)),
    ])?;
    let document = json!({
        "schema_version": SCHEMA_VERSION, "tables": tables,
        "removed_ingests": done.cleaned.ingests, "removed_runs_rows": replaced,
    });
    Ok(answer(blocks, document, records))
}

/// The tables of which files were merged.
fn merged_tables(done: &Optimized) -> Table {
    let heads = ["table", "files before", "files after", "bytes before", "bytes after", "rows written"];
    let columns =
        heads.iter().map(|head| if *head == "table" { Column::whole(*head) } else { Column::number(*head) });
    let rows = done.tables.iter().filter(|table| table.merged > 0).map(|table| {
        let cells = [
            table.table.to_owned(),
            count(table.files_before),
            count(table.files_after),
            number::bytes(table.bytes_before),
            number::bytes(table.bytes_after),
            count(table.rows),
        ];
        cells.map(Cell::plain).to_vec()
    });
    Table { columns: columns.collect(), rows: rows.collect() }
}

/// Files that were not merged, and why.
fn left_alone(done: &Optimized) -> Vec<Block> {
    let mut notes = Vec::new();
    let overtaken: usize = done.tables.iter().map(|table| table.overtaken).sum();
    if overtaken > 0 {
        let said = number::counted(overtaken, "file", "files");
        notes.push(Block::Note(format!(
            "{said} left for the next time: somebody changed runs in them meanwhile"
        )));
    }
    let unpublished: usize = done.tables.iter().map(|table| table.unpublished).sum();
    if unpublished > 0 {
        let said = number::counted(unpublished, "small file", "small files");
        notes.push(Block::Note(format!("{said} left: an ingest may be at work on rows in them")));
    }
    notes
}

/// What a vacuum was asked for.
#[derive(Debug)]
pub struct Vacuuming {
    /// Whether files are removed, rather than counted.
    pub delete: bool,
    /// Whether each file is named.
    pub verbose: bool,
    /// How long ago a file must have been needed last, in words.
    pub age: String,
    /// The same as a moment.
    pub cutoff: Timestamp,
    /// The command that removes.
    pub again: String,
}

/// What a vacuum found and removed.
///
/// # Errors
/// When it cannot be brought into columns.
pub fn vacuumed(found: &Vacuumed, asked: &Vacuuming, origin: String) -> Result<Answer, SessionError> {
    let Vacuuming { delete, verbose, age, cutoff, again } = asked;
    let (delete, verbose) = (*delete, *verbose);
    let size = number::bytes(found.bytes());
    let left = match (found.files(), delete) {
        (0, _) => format!("no file to remove: all are needed, or were within {age}"),
        (files, false) => {
            format!("{}, {size}, not needed for {age} or more", number::counted(files, "file", "files"))
        }
        (_, true) => format!("{} removed, {size}", number::counted(found.removed(), "file", "files")),
    };
    let mut blocks = vec![Block::Headline { left, right: origin }];
    let each =
        || found.tables.iter().flat_map(|table| table.files.iter().map(move |file| (table.table, file)));
    if verbose && found.files() > 0 {
        let columns = vec![Column::whole("file"), Column::number("bytes"), Column::whole("written")];
        let row = |(table, file): (&str, &crate::store::Unneeded)| {
            let cells = [
                format!("{table}/{}", file.path),
                number::count(signed(file.bytes)),
                file.written.to_rfc3339(),
            ];
            cells.map(Cell::plain).to_vec()
        };
        blocks.extend([Block::Gap, Block::Table(Table { columns, rows: each().map(row).collect() })]);
    }
    if found.files() > 0 && !delete {
        let kept =
            format!("nothing was removed; --as-of needs them for states before {}", cutoff.to_rfc3339());
        blocks.extend([Block::Gap, Block::Line(kept), Block::Line("this removes them:".to_owned())]);
        blocks.push(Block::Command(again.clone()));
    }
    let records = RecordBatch::try_from_iter([
        ("table", texts(each().map(|(table, _)| Some(table.to_owned())))),
        ("path", texts(each().map(|(_, file)| Some(file.path.clone())))),
        ("bytes", integers(each().map(|(_, file)| signed(file.bytes)))),
        ("written", texts(each().map(|(_, file)| Some(file.written.to_rfc3339())))),
    ])?;
    let files: Vec<Value> = each()
        .map(|(table, file)| {
            json!({"table": table, "path": file.path, "bytes": file.bytes, "written": file.written.to_rfc3339()})
        })
        .collect();
    let document = json!({
        "schema_version": SCHEMA_VERSION, "older_than": age, "deleted": delete, "count": found.files(),
        "bytes": found.bytes(), "removed": found.removed(), "files": files,
    });
    Ok(answer(blocks, document, records))
}

/// Whether every run is whole.
///
/// # Errors
/// When it cannot be brought into columns.
pub fn checked(found: &Checked, verbose: bool, origin: String) -> Result<Answer, SessionError> {
    let runs = number::counted(found.runs, "run", "runs");
    let left = match found.troubles.len() {
        0 => format!("{runs}, every one whole"),
        troubles => format!("{runs}, {}", number::counted(troubles, "problem", "problems")),
    };
    let mut blocks = vec![Block::Headline { left, right: origin }, Block::Gap];
    let heads = ["table", "version", "files", "bytes", "rows", "files not needed now"];
    let columns =
        heads.iter().map(|head| if *head == "table" { Column::whole(*head) } else { Column::number(*head) });
    let row = |table: &crate::store::TableChecked| {
        let cells = [
            table.table.to_owned(),
            table.version.to_string(),
            count(table.files),
            number::bytes(table.bytes),
            number::count(table.rows),
            count(table.others.len()),
        ];
        cells.map(Cell::plain).to_vec()
    };
    let rows = found.tables.iter().map(row).collect();
    blocks.push(Block::Table(Table { columns: columns.collect(), rows }));
    blocks.extend(problems(&found.troubles));
    blocks.extend(beside(found, verbose));
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "whole": found.is_whole(),
        "runs": found.runs,
        "problems": found.troubles.iter().map(problem).collect::<Vec<_>>(),
        "tables": found.tables.iter().map(|table| json!({
            "table": table.table, "version": table.version, "files": table.files, "bytes": table.bytes,
            "rows": table.rows,
            "not_needed": table.others.iter()
                .map(|(path, bytes)| json!({"path": path, "bytes": bytes})).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "litter": found.litter.iter().map(|litter| json!({
            "ingest_id": litter.ingest_id, "rows": litter.rows, "since": since(litter),
        })).collect::<Vec<_>>(),
        "replaced_rows": found.replaced,
    });
    let records = RecordBatch::try_from_iter([
        ("table", texts(found.tables.iter().map(|table| Some(table.table.to_owned())))),
        ("version", integers(found.tables.iter().map(|table| signed(table.version)))),
        ("files", integers(found.tables.iter().map(|table| signed(table.files as u64)))),
        ("bytes", integers(found.tables.iter().map(|table| signed(table.bytes)))),
        ("rows", integers(found.tables.iter().map(|table| table.rows))),
        ("whole", Arc::new(BooleanArray::from(vec![found.is_whole(); found.tables.len()])) as ArrayRef),
    ])?;
    Ok(answer(blocks, document, records))
}

/// What is wrong, and what to do.
fn problems(troubles: &[Trouble]) -> Vec<Block> {
    if troubles.is_empty() {
        return Vec::new();
    }
    let columns = vec![Column::wrapping("problem"), Column::wrapping("what to do")];
    let row = |trouble: &Trouble| {
        let (what, advice) = in_words(trouble);
        vec![Cell::marked(what, Mark::Bad), Cell::plain(advice)]
    };
    let rows = troubles.iter().take(TROUBLES_SHOWN).map(row).collect();
    let mut blocks = vec![Block::Gap, Block::Table(Table { columns, rows })];
    if troubles.len() > TROUBLES_SHOWN {
        let more = troubles.len() - TROUBLES_SHOWN;
        blocks.push(Block::Line(format!("  {more} more: --json lists all")));
    }
    blocks
}

fn in_words(trouble: &Trouble) -> (String, String) {
    match trouble {
        Trouble::Run { run, table, expected, found } => (
            format!("run {}: {found} of {expected} rows in {table}", run.run_id),
            format!("ingest its source again: {}", run.source_path),
        ),
        Trouble::File { table, path, what } => (
            format!("file {table}/{path}: {what}"),
            "bring it back from a backup, or ingest the runs again".to_owned(),
        ),
        Trouble::Twice { run_id, generation, rows } => (
            format!("run {run_id}: {rows} rows in runs for generation {generation}"),
            "ingest its source again".to_owned(),
        ),
    }
}

fn problem(trouble: &Trouble) -> Value {
    let (what, advice) = in_words(trouble);
    let (kind, run, table, path) = match trouble {
        Trouble::Run { run, table, .. } => ("run", Some(run.run_id.as_str()), Some(*table), None),
        Trouble::File { table, path, .. } => ("file", None, Some(*table), Some(path.as_str())),
        Trouble::Twice { run_id, .. } => ("generation", Some(run_id.as_str()), None, None),
    };
    let (expected, rows, source) = match trouble {
        Trouble::Run { run, expected, found, .. } => {
            (Some(*expected), Some(*found), Some(run.source_path.as_str()))
        }
        _ => (None, None, None),
    };
    json!({
        "kind": kind, "run_id": run, "table": table, "path": path, "expected_rows": expected, "rows": rows,
        "source_path": source, "problem": what, "advice": advice,
    })
}

/// What is there beside the runs.
fn beside(found: &Checked, verbose: bool) -> Vec<Block> {
    let mut blocks = Vec::new();
    let rows: i64 = found.litter.iter().map(|litter| litter.rows).sum();
    if let Some(first) = found.litter.iter().min_by_key(|litter| litter.since) {
        let ingests = number::counted(found.litter.len(), "ingest", "ingests");
        let rows = number::counted(usize::try_from(rows).unwrap_or_default(), "row", "rows");
        let said = format!("{rows} of {ingests} belong to no run, since {}", since(first));
        blocks.push(Block::Note(format!("{said}: an ingest at work, or litter that runq optimize removes")));
    }
    if found.replaced > 0 {
        let said = number::counted(found.replaced, "replaced row", "replaced rows");
        blocks.push(Block::Note(format!("{said} in runs: runq optimize removes them")));
    }
    let others =
        || found.tables.iter().flat_map(|table| table.others.iter().map(move |file| (table.table, file)));
    let files = others().count();
    if files > 0 {
        let bytes = number::bytes(others().map(|(_, (_, bytes))| *bytes).sum());
        let said = number::counted(files, "file", "files");
        blocks
            .push(Block::Note(format!("{said}, {bytes}, only older states need: runq vacuum removes them")));
    }
    if verbose {
        let litter =
            found.litter.iter().map(|litter| format!("  ingest {}: {} rows", litter.ingest_id, litter.rows));
        let named =
            others().map(|(table, (path, bytes))| format!("  {table}/{path}: {}", number::bytes(*bytes)));
        blocks.extend(litter.chain(named).map(Block::Line));
    }
    blocks
}

fn since(litter: &crate::store::UnnamedRows) -> String {
    Timestamp(litter.since.saturating_mul(1000)).to_rfc3339()
}

/// The versions of a store, and how many there are.
///
/// # Errors
/// When they cannot be brought into columns.
pub fn versions(
    (versions, all): &(Vec<StoreVersion>, usize),
    origin: String,
) -> Result<Answer, SessionError> {
    let left = format!("{}, newest first", number::counted(*all, "version", "versions"));
    let columns = vec![Column::number("version"), Column::whole("made"), Column::wrapping("what")];
    let row = |version: &StoreVersion| {
        [version.version.to_string(), version.at.to_rfc3339(), what(version)].map(Cell::plain).to_vec()
    };
    let table = Table { columns, rows: versions.iter().map(row).collect() };
    let mut blocks = vec![Block::Headline { left, right: origin }, Block::Gap, Block::Table(table)];
    if *all > versions.len() {
        blocks.push(Block::Line(format!("  {} more: --limit {all}", all - versions.len())));
    }
    let documents: Vec<Value> = versions
        .iter()
        .map(|version| {
            json!({
                "version": version.version, "made": version.at.to_rfc3339(), "operation": version.operation,
                "added": version.added, "replaced": version.replaced,
            })
        })
        .collect();
    let records = RecordBatch::try_from_iter([
        ("version", integers(versions.iter().map(|version| signed(version.version)))),
        ("made", texts(versions.iter().map(|version| Some(version.at.to_rfc3339())))),
        ("operation", texts(versions.iter().map(|version| version.operation.clone()))),
        ("added", integers(versions.iter().map(|version| signed(version.added.len() as u64)))),
        ("replaced", integers(versions.iter().map(|version| signed(version.replaced.len() as u64)))),
    ])?;
    let document = json!({"schema_version": SCHEMA_VERSION, "total": all, "versions": documents});
    let ids = versions.iter().map(|version| version.version.to_string()).collect();
    Ok(Answer { ids: Some(ids), ..answer(blocks, document, records) })
}

fn what(version: &StoreVersion) -> String {
    let of = |verb: &str, runs: &[String]| {
        let named = runs.iter().take(RUNS_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match runs.len() {
            0 => None,
            1..=RUNS_NAMED => Some(format!("{verb} {named}")),
            more => Some(format!("{verb} {named} and {} more", more - RUNS_NAMED)),
        }
    };
    let said: Vec<String> =
        [of("added", &version.added), of("replaced", &version.replaced)].into_iter().flatten().collect();
    match (said.as_slice(), version.operation.as_deref()) {
        ([], Some("DELETE")) => "replaced rows removed".to_owned(),
        ([], Some("OPTIMIZE")) => "optimized".to_owned(),
        ([], Some("CREATE TABLE")) => "store made".to_owned(),
        ([], other) => other.unwrap_or("—").to_lowercase(),
        (said, _) => said.join("; "),
    }
}

fn answer(blocks: Vec<Block>, document: Value, records: RecordBatch) -> Answer {
    let records = Records { schema: records.schema(), batches: vec![records] };
    Answer { blocks, document: Some(document), records, ..Answer::default() }
}

fn count(value: impl TryInto<i64>) -> String {
    number::count(value.try_into().unwrap_or(i64::MAX))
}

fn signed(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

fn integers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn texts(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}
