//! A row of `run_results` as a result: the description of one asset.

use serde_json::{Map, Value};

use super::alternatives::alternatives_of;
use super::row::Row;
use super::run::Context;
use crate::import::{Record, json};
use crate::model::{ResultRow, Status};

/// AMX has no headline score; what its comparison ranks answers by is the log probability.
const PRIMARY: &str = "logprob";

/// The result of a row; `None` when the row names no asset.
pub(super) fn record_of(row: &mut Row, context: &Context) -> Option<Record> {
    let content = json::content_hash(&row.digest());
    let source_row = row.integer("id");
    let case_id = asset(row)?;
    let alternatives = alternatives_of(row);
    let mut result = ResultRow {
        task: context.task.clone(),
        case_id,
        model: row.take_text("model").or_else(|| context.model.clone()),
        provider: row.take_text("provider").or_else(|| context.provider.clone()),
        source_row,
        native_id: row.take_text("id"),
        status: Status::Ok.as_str().to_owned(),
        primary_metric: PRIMARY.to_owned(),
        recorded_at: row.take_time("saved_at"),
        total_tokens: row.take_integer("token_count").filter(|count| *count != 0),
        logprob: row.take_number("logprob_score"),
        confidence: row.take_text("confidence"),
        category: row.take_text("asset_kind"),
        output: row.take_text("chosen_description").or(alternatives.first),
        alternatives: alternatives.stored,
        review: row.take_text("evaluation"),
        ..ResultRow::default()
    };
    add_lineage(&mut result, row);
    row.take_text("run_id");
    result.extra = json::stored_object(extra(row));
    Some(Record { result, content, ..Record::default() })
}

fn add_lineage(result: &mut ResultRow, row: &mut Row) {
    result.parent_result_id = row.take_text("parent_result_id");
    result.rerun_seq = row.take_integer("rerun_seq").filter(|place| *place != 0);
    result.mode = row.take_text("alternatives_mode");
    result.seed_id = row.take_text("seed_alternative_id");
    result.seed_text = row.take_text("seed_alternative_text");
}

/// `schema.table`, or `schema.table.column` for a column; a database without schemas leaves the first part empty.
pub(super) fn asset(row: &mut Row) -> Option<String> {
    let (schema, column) = (row.take_text("schema_name"), row.take_text("column_name"));
    let table = row.take_text("table_name")?;
    Some([schema, Some(table), column].into_iter().flatten().collect::<Vec<_>>().join("."))
}

fn extra(row: &mut Row) -> Map<String, Value> {
    let citations = row.take_json("citations_json");
    let mut extra = row.take_rest();
    if let Some(citations) = citations {
        extra.insert("citations".to_owned(), citations);
    }
    extra
}
