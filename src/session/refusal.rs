//! What SQL may not do here, and what to use instead.

use datafusion::execution::context::SQLOptions;
use datafusion::sql::parser::Statement;

use super::SessionError;

/// First words of statements that ask.
const QUESTIONS: [&str; 8] = ["SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "DESCRIBE", "DESC", "SHOW"];

/// Refuses what is no question before it is planned, so that the refusal is the first thing said of it.
pub(super) fn only_reads(statement: &Statement) -> Result<(), SessionError> {
    let verb = verb(statement);
    if QUESTIONS.contains(&verb.as_str()) { Ok(()) } else { Err(SessionError::Writes { verb }) }
}

/// The first word of a statement, in capitals.
pub fn verb(statement: &Statement) -> String {
    let text = statement.to_string();
    let verb: String = text.trim_start_matches('(').chars().take_while(char::is_ascii_alphabetic).collect();
    verb.to_uppercase()
}

/// What to use in place of a statement that is refused, by its first word.
pub(super) fn instead(verb: &str) -> &'static str {
    match verb {
        "COPY" => "runq export 'SELECT ...' -o FILE writes an answer into a file, and COPY does in the shell",
        "CREATE" => {
            "the shell has CREATE VIEW and CREATE TABLE ... AS SELECT, for as long as it is open; \
             a file in the store's sql folder is a view for good"
        }
        "SET" | "RESET" => "the shell sets options of the engine, for as long as it is open",
        "DROP" | "TRUNCATE" | "DELETE" => {
            "nothing takes a run out of the store; runq ingest --forget drops attempts that a tool deleted, \
             --scope leaves runs out of an answer"
        }
        "UPDATE" | "MERGE" | "ALTER" => {
            "runq tag RUN KEY=VALUE labels a run, runq metrics set NAME describes a metric, \
             runq ingest PATH takes a file in again"
        }
        _ => "runq ingest PATH takes runs in, runq tag RUN KEY=VALUE labels them",
    }
}

/// Statements may read and nothing else: the store is written by `ingest`, `tag` and `metrics set`.
pub(super) fn read_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}
