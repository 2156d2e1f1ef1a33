//! One commit on one table: files go in or out, and the result tells whether it landed.

use std::collections::BTreeSet;

use datafusion::logical_expr::Expr;
use datafusion::prelude::{col, lit};
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Add, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableError};
use serde_json::Value;

/// How often a commit is tried on a newer state after another writer was faster.
pub(super) const TRIES: usize = 32;

/// What a commit does to a table.
pub(super) struct Change {
    actions: Vec<Action>,
    transactions: Vec<Transaction>,
    operation: DeltaOperation,
    /// What the commit says of itself beside that.
    said: Option<(&'static str, Value)>,
    /// Whether it may land only right behind the version that was loaded.
    exactly_here: bool,
}

impl Change {
    /// Adds files. `read` is what was read before it was decided to: a commit that changes rows of which this
    /// may hold is a conflict. Without it every removed file would be one.
    pub(super) fn append(actions: Vec<Action>, read: String) -> Self {
        let operation =
            DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: Some(read) };
        Self::of(actions, operation)
    }

    /// Removes files whose rows all satisfy the condition.
    pub(super) fn delete(actions: Vec<Action>, condition: String) -> Self {
        let operation = DeltaOperation::Delete { predicate: Some(condition) };
        Self::of(actions, operation)
    }

    /// Puts files in the place of others with the same rows, right behind the version that was loaded and nowhere else:
    /// Delta's rules do not take it for a conflict when another rewrite removed the same files, and the rows would be
    /// there twice.
    pub(super) fn rewrite(actions: Vec<Action>, file_bytes: u64) -> Self {
        let target_size = i64::try_from(file_bytes).unwrap_or(i64::MAX);
        let operation = DeltaOperation::Optimize { predicate: None, target_size };
        Self { exactly_here: true, ..Self::of(actions, operation) }
    }

    const fn of(actions: Vec<Action>, operation: DeltaOperation) -> Self {
        Self { actions, transactions: Vec::new(), operation, said: None, exactly_here: false }
    }

    /// Writes something of ours into the log beside the commit.
    pub(super) fn saying(mut self, key: &'static str, value: Value) -> Self {
        self.said = Some((key, value));
        self
    }

    /// A commit that meets another one of the same application is a conflict, whatever it read.
    pub(super) fn with_transactions(mut self, transactions: Vec<Transaction>) -> Self {
        self.transactions = transactions;
        self
    }
}

/// Properties of every commit: the log is kept whole.
pub(super) fn commit_properties() -> CommitProperties {
    CommitProperties::default().with_cleanup_expired_logs(Some(false))
}

/// Commits a change on top of a loaded table and brings the table to the version it made.
///
/// A checkpoint that could not be written afterwards does not undo the commit: the text says what failed, and
/// the table stays in its old version.
pub(super) async fn commit(table: &mut DeltaTable, change: Change) -> DeltaResult<Option<String>> {
    let state = table.snapshot()?.clone();
    let said = change.said.into_iter().map(|(key, value)| (key.to_owned(), value));
    let mut properties =
        commit_properties().with_application_transactions(change.transactions).with_metadata(said);
    if change.exactly_here {
        properties = properties.with_max_retries(0);
    }
    let landed = CommitBuilder::from(properties)
        .with_actions(change.actions)
        .build(Some(&state), table.log_store(), change.operation)
        .into_prepared_commit_future()
        .await?
        .await?;
    match landed.await {
        Ok(finished) => {
            table.state = Some(finished.snapshot);
            Ok(None)
        }
        Err(error) => Ok(Some(format!("after a commit: {error}"))),
    }
}

/// Of how many values the engine is told; with more of them it is better told none, and the rows are picked here.
const MOST_NAMED: usize = 200;

/// Of how many values the log is told. The engine does not tell files apart by more.
const MOST_LISTED: usize = 20;

/// `column IN (values)` for the engine; none where all rows are to be read and picked afterwards.
pub(super) fn is_one_of<'a>(column: &str, values: impl IntoIterator<Item = &'a str>) -> Option<Expr> {
    let values: Vec<Expr> = values.into_iter().map(lit).collect();
    (values.len() <= MOST_NAMED).then(|| col(column).in_list(values, false))
}

/// `column IN (values)` for the log, or with many values a condition that holds for more: the span that they lie in. It
/// tells another writer's files apart as well, and does not fill the log.
pub(super) fn is_one_of_text<'a>(column: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let values: BTreeSet<&str> = values.into_iter().collect();
    match (values.first(), values.last()) {
        (Some(low), Some(high)) if values.len() > MOST_LISTED => {
            format!("{column} BETWEEN {} AND {}", quoted(low), quoted(high))
        }
        _ => {
            let quoted: Vec<String> = values.into_iter().map(quoted).collect();
            format!("{column} IN ({})", quoted.join(", "))
        }
    }
}

/// Adds as actions.
pub(super) fn added(adds: Vec<Add>) -> Vec<Action> {
    adds.into_iter().map(Action::Add).collect()
}

/// What to do after a commit that did not land.
pub(super) fn retry_or(error: DeltaTableError) -> DeltaResult<()> {
    if super::error::is_conflict(&error) { Ok(()) } else { Err(error) }
}
