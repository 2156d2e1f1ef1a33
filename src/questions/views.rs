//! Which relations can be asked, and which question does each answer?

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use serde_json::json;

use crate::answer::{Answer, Block, Cell, Column, Records, SCHEMA_VERSION, Table};
use crate::session::{BASE_RELATIONS, SessionError, Views};

/// A relation as it is listed.
struct Entry {
    name: String,
    kind: String,
    question: String,
    grain: String,
}

/// Lists every relation, stored tables first.
///
/// # Errors
/// Never for our own texts; Arrow's check is passed on.
pub fn views(views: &Views) -> Result<Answer, SessionError> {
    let mut entries: Vec<Entry> = BASE_RELATIONS
        .iter()
        .map(|(name, grain)| Entry {
            name: (*name).to_owned(),
            kind: "table".to_owned(),
            question: String::new(),
            grain: format!("one row per {grain}"),
        })
        .collect();
    entries.extend(views.iter().map(|view| Entry {
        name: view.name.clone(),
        kind: view.kind.clone(),
        question: view.question.clone(),
        grain: view.grain.trim_end_matches('.').to_owned(),
    }));
    let listed: Vec<serde_json::Value> = entries
        .iter()
        .map(|entry| {
            json!({"name": entry.name, "kind": entry.kind, "question": entry.question, "grain": entry.grain})
        })
        .collect();
    let rows = entries
        .iter()
        .map(|entry| {
            vec![
                Cell::plain(entry.name.clone()),
                Cell::plain(if entry.question.is_empty() {
                    "(stored)".to_owned()
                } else {
                    entry.question.clone()
                }),
                Cell::plain(entry.grain.clone()),
            ]
        })
        .collect();
    let columns = vec![Column::whole("relation"), Column::text("question"), Column::text("grain")];
    Ok(Answer {
        blocks: vec![
            Block::Table(Table { columns, rows }),
            Block::Gap,
            Block::Line("runq views NAME prints a view's text · runq sql 'SELECT ...' asks one".to_owned()),
        ],
        document: Some(json!({"schema_version": SCHEMA_VERSION, "views": listed})),
        records: records(&entries)?,
        ids: Some(entries.into_iter().map(|entry| entry.name).collect()),
        ..Answer::default()
    })
}

fn records(entries: &[Entry]) -> Result<Records, SessionError> {
    let texts = |of: fn(&Entry) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(entries.iter().map(of)))
    };
    let batch = RecordBatch::try_from_iter([
        ("name", texts(|entry| &entry.name)),
        ("kind", texts(|entry| &entry.kind)),
        ("question", texts(|entry| &entry.question)),
        ("grain", texts(|entry| &entry.grain)),
    ])?;
    Ok(Records { schema: batch.schema(), batches: vec![batch] })
}
