//! The command by which AMX describes assets of one of its runs again. Makes it, starts nothing.
//!
//! AMX 0.19 takes the numbers of `run_results` rows (`cli_support/commands/rerun.py`), several of them as one new run,
//! and refuses its subcommands outside a session of its own (`cli.py`, `main`) unless `AMX_SESSION_CHILD` says that this
//! is one: that is how its session starts them. Which history and profiles it works with is told by `AMX_CONFIG_DIR`
//! (`config.py`). Its documents write `/rerun RUN.schema.table.column`, which the program does not take.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::RESULTS;
use super::database::Database;
use super::result::asset;
use super::row::Rows;
use crate::import::ImportError;
use crate::import::rerun::places::{absolute, check_not_archived};
use crate::import::rerun::{Decision, History, RerunCommand, RerunError, RerunOrder, Runs};
use crate::model::few;

/// Name of the database in the folder that AMX is told.
const HISTORY: &str = "history.db";

/// Rows that one command names at most, well within what a system takes as arguments.
const MOST_ROWS: usize = 20_000;

/// The commands of an order: one, which makes one new run, unless there are very many assets.
///
/// # Errors
/// When the history is not there, cannot be read, or holds no row of any of the assets.
pub(super) fn rerun(order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
    if order.given.output.is_some() {
        return Err(impossible("AMX writes new runs into its own history, so --output has no place here"));
    }
    let path = history(order)?;
    let known = rows_of(order, &path).map_err(|error| RerunError::Impossible(error.to_string()))?;
    let of_case = |case: &crate::import::rerun::RerunCase| {
        Some((case.case_id.clone(), *known.get(case.case_id.as_str())?))
    };
    let found: Vec<(String, i64)> = order.cases.iter().filter_map(of_case).collect();
    if found.is_empty() {
        return Err(impossible(
            "AMX describes an asset again from its earlier row, and none of these has one; an AMX session describes them \
             by /run",
        ));
    }
    let mut commands: Vec<RerunCommand> =
        found.chunks(MOST_ROWS).map(|rows| command(order, &path, rows)).collect();
    if let Some(first) = commands.first_mut() {
        // Without a row an asset is told to no command; the first one says why it is not run.
        let missing = order.cases.iter().filter(|case| !known.contains_key(case.case_id.as_str()));
        first.runs.cases.get_or_insert_default().extend(missing.map(|case| case.case_id.clone()));
        first.notes = notes(order, &path, &found);
    }
    Ok(commands)
}

fn command(order: &RerunOrder<'_>, history: &Path, rows: &[(String, i64)]) -> RerunCommand {
    let folder = history.parent().unwrap_or(Path::new("/"));
    let mut argv = vec![
        "env".to_owned(),
        "AMX_SESSION_CHILD=1".to_owned(),
        format!("AMX_CONFIG_DIR={}", folder.to_string_lossy()),
        "amx".to_owned(),
        "rerun".to_owned(),
    ];
    argv.extend(rows.iter().map(|(_, row)| row.to_string()));
    argv.extend_from_slice(order.words);
    let cases = rows.iter().map(|(asset, _)| asset.clone()).collect();
    RerunCommand {
        argv,
        folder: order.here.to_owned(),
        files: Vec::new(),
        output: (history != Path::new(&order.run.source_file)).then(|| history.to_owned()),
        runs: Runs { cases: Some(cases), models: None, pairs: None, rule: decide },
        notes: Vec::new(),
    }
}

const fn decide(history: &History) -> Decision {
    match history.rows {
        0 => Decision::Skips("describes an asset again from its earlier row, and there is none"),
        _ => Decision::Runs("describes every asset again that it is told"),
    }
}

/// The history that the run is in: the one that the person named (or its folder), else the one it was read from.
fn history(order: &RerunOrder<'_>) -> Result<PathBuf, RerunError> {
    let file = &order.run.source_file;
    let path = match &order.given.run_dir {
        Some(given) => absolute(order.here, given),
        None if file.contains("://") => return Err(RerunError::Remote { url: file.clone() }),
        None => {
            let path = absolute(order.here, Path::new(file));
            check_not_archived(order.source, &path)?;
            path
        }
    };
    let path = match order.source.entry(&path) {
        Ok(Some(entry)) if entry.folder => path.join(HISTORY),
        _ => path,
    };
    if !order.source.has_file(&path) {
        return Err(RerunError::NoRunDir { path: path.to_string_lossy().into_owned() });
    }
    if path.file_name().is_none_or(|name| name != HISTORY) {
        return Err(RerunError::Impossible(format!(
            "AMX works with a file called {HISTORY}, and this run was read from {}; --run-dir DIR names the folder of the \
             history that AMX works with",
            path.display()
        )));
    }
    Ok(path)
}

/// The number of the last row of each asset of the run.
fn rows_of(order: &RerunOrder<'_>, path: &Path) -> Result<HashMap<String, i64>, ImportError> {
    let database = Database::open(order.source, path)?;
    let mut statement = database.prepare(RESULTS)?;
    let mut rows = Rows::of(&mut statement, path)?;
    // Runs of two histories with the same number have names of folders before it.
    let run: Option<i64> =
        order.run.run_id.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|id| id.parse().ok());
    let mut known = HashMap::new();
    while let Some(mut row) = rows.next()? {
        if row.integer("run_id") != run {
            continue;
        }
        let id = row.integer("id");
        if let (Some(id), Some(asset)) = (id, asset(&mut row)) {
            known.insert(asset, id);
        }
    }
    Ok(known)
}

fn notes(order: &RerunOrder<'_>, history: &Path, found: &[(String, i64)]) -> Vec<String> {
    let run = &order.run.run_id;
    let assets: Vec<String> = found.iter().map(|(asset, row)| format!("{row} is {run}.{asset}")).collect();
    let rows: Vec<String> = found.iter().map(|(_, row)| row.to_string()).collect();
    let mut notes = vec![
        format!("rows of AMX: {}; in an AMX session: /rerun {}", few(&assets, 5), few(&rows, 20)),
        "AMX makes a new run of them (relation rerun) with the LLM profile that is active now; this run stays as it is"
            .to_owned(),
    ];
    let folder = history.parent().unwrap_or(Path::new("/"));
    if !order.source.has_file(&folder.join("config.yml")) {
        notes.push(format!("{} has no config.yml, so AMX finds no LLM profile there", folder.display()));
    }
    notes
}

fn impossible(reason: &str) -> RerunError {
    RerunError::Impossible(reason.to_owned())
}
