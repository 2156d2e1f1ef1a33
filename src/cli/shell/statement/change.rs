//! Statements that change what the session has: views, tables in memory, options of the engine.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Query, Statement as Sql};

use super::kind::{Change, New, instead};
use crate::answer::number::counted;
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::shell::asking::{LAST, Waiting};
use crate::model::nearest;
use crate::session::{SessionError, is_stored, statement_references, view_of_session};

/// Carries out a change; says what there is now to a person.
///
/// # Errors
/// When the name is taken or missing, or a question does not plan or run.
pub(super) async fn carry_out(shell: &mut Shell<'_>, change: Change, sql: &str) -> Result<(), CliError> {
    let said = match change {
        Change::View { new, query } => view(shell, &new, (&query, sql)).await?,
        Change::Table { new, query } => table(shell, &new, (query, sql)).await?,
        Change::Drop { what, names, if_exists } => {
            for name in &names {
                drop_one(shell, (what, name), if_exists)?;
            }
            format!("dropped {}", names.join(", "))
        }
        Change::Set { name, value } => {
            shell.asking.set_option(&name, &value)?;
            format!("{name} = {value}")
        }
        Change::Reset { name } => {
            shell.asking.reset_option(&name);
            format!("{name} is as usual")
        }
    };
    if shell.interactive {
        shell.output.line(&said);
    }
    Ok(())
}

async fn view(shell: &mut Shell<'_>, new: &New, (query, sql): (&Query, &str)) -> Result<String, CliError> {
    if let Some(there) = taken(shell, new)? {
        return Ok(there);
    }
    let reads = statement_references(&question(query.clone()))?;
    if reads.iter().any(|name| name == LAST) {
        let hint = format!("CREATE TABLE {} AS SELECT * FROM _ keeps its rows", new.name);
        return Err(instead("a view lasts, and the last result does not", &hint));
    }
    let view = view_of_session(&new.name, &query.to_string());
    let Err(error) = shell.asking.add_view(view).await else {
        return Ok(format!("view {}, until the shell ends", new.name));
    };
    // Asked as it stands, the query says where in the statement the fault is.
    let asked = shell.asking.planned(question(query.clone())).await.err().unwrap_or(error);
    Err(shell.explained(asked, sql).await)
}

async fn table(
    shell: &mut Shell<'_>,
    new: &New,
    (query, sql): (Box<Query>, &str),
) -> Result<String, CliError> {
    if let Some(there) = taken(shell, new)? {
        return Ok(there);
    }
    let waiting = Waiting { most_bytes: usize::MAX, ..shell.waiting() };
    let rows = match shell.asking.rows(question(*query), &waiting).await {
        Ok(kept) => kept.rows,
        Err(error) => return Err(shell.explained(error, sql).await),
    };
    let count = rows.batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    shell.asking.add_table(&new.name, rows)?;
    Ok(format!("table {}: {}, until the shell ends", new.name, counted(count, "row", "rows")))
}

/// Whether the new relation's name is free; what is said when one is there and that is well.
fn taken(shell: &Shell<'_>, new: &New) -> Result<Option<String>, CliError> {
    let New { name, or_replace, if_not_exists } = new;
    if is_stored(name) || name == LAST {
        return Err(SessionError::Taken { name: name.clone() }.into());
    }
    let ours = shell.asking.opened().is_some_and(|session| session.views().get(name).is_some());
    if !ours && !shell.asking.own().has(name) || *or_replace {
        return Ok(None);
    }
    if *if_not_exists {
        return Ok(Some(format!("{name} is there already")));
    }
    let hint = "CREATE OR REPLACE takes its place for this session; DROP gives the name back";
    Err(instead(&format!("there is a relation {name} already"), hint))
}

fn drop_one(shell: &mut Shell<'_>, (what, name): (&str, &str), if_exists: bool) -> Result<(), CliError> {
    let own = shell.asking.own();
    let (is_view, is_table) = (own.views.contains_key(name), own.tables.contains_key(name));
    if is_view && what == "view" || is_table && what == "table" {
        shell.asking.remove(name);
        return Ok(());
    }
    if is_view || is_table {
        let is = if is_view { "view" } else { "table" };
        return Err(instead(&format!("{name} is a {is}"), &format!("DROP {} {name}", is.to_uppercase())));
    }
    if is_stored(name) {
        return Err(SessionError::Writes { verb: "DROP".to_owned() }.into());
    }
    if let Some(view) = shell.asking.opened().and_then(|session| session.views().get(name)) {
        let hint = match view.kind.as_str() {
            "yours" => format!("it is the file sql/{name}.sql of the store: remove that"),
            _ => format!("it is built in; CREATE OR REPLACE VIEW {name} takes its place for this session"),
        };
        return Err(instead(&format!("{name} is no {what} of this session"), &hint));
    }
    if if_exists {
        return Ok(());
    }
    let names = own.views.keys().chain(own.tables.keys()).map(String::as_str);
    let hint = nearest(name, names).map(|near| format!("did you mean {near}?"));
    Err(CliError::not_found(format!("there is no {what} {name}"), hint.as_deref()))
}

/// A query as a statement of its own.
pub(super) fn question(query: Query) -> Statement {
    Statement::Statement(Box::new(Sql::Query(Box::new(query))))
}
