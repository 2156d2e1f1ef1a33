//! What can be asked: relations with their columns, and functions.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::listing::{self, Heads, Meant};
use super::{DotCommand, word};
use crate::answer::{Answer, Block};
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::functions::FUNCTIONS;
use crate::model::nearest;
use crate::session::{BASE_RELATIONS, Described, Session};

/// `.tables`: the relations.
pub struct Tables;

#[async_trait(?Send)]
impl DotCommand for Tables {
    fn name(&self) -> &'static str {
        "tables"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\dt"]
    }

    fn takes(&self) -> &'static str {
        "[LIKE]"
    }

    fn about(&self) -> &'static str {
        "the relations that can be asked, with what they hold or answer"
    }

    fn more(&self) -> &'static str {
        "LIKE is a pattern with %, a glob with *, or a part of the name. .views says what one row of each is."
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let asked = word(".tables", rest)?;
        let session = shell.asking.session(&shell.global, shell.output).await?;
        let rows = meant(relations(session).await?, asked.as_deref())?;
        let rows = rows.into_iter().map(|Relation { name, kind, about }| vec![name, kind, about]);
        let answer = listing::answer(&Heads(&["relation", "kind", "about"]), rows.collect())?;
        shell.give(&answer)
    }
}

/// A relation as it is listed.
struct Relation {
    name: String,
    kind: String,
    about: String,
}

/// Every relation: stored rows, what this session added, questions, facts, and those of the user's own.
async fn relations(session: &mut Session) -> Result<Vec<Relation>, CliError> {
    let stored = BASE_RELATIONS.iter().map(|(name, row)| Relation {
        name: (*name).to_owned(),
        kind: "table".to_owned(),
        about: format!("one row per {row}"),
    });
    let mut all: Vec<Relation> = stored.collect();
    let views = session.views().iter().map(|view| Relation {
        name: view.name.clone(),
        kind: view.kind.clone(),
        about: view.question.clone(),
    });
    let mut views: Vec<Relation> = views.collect();
    let order = |kind: &str| ["yours", "questions", "facts"].iter().position(|known| *known == kind);
    views.sort_by_key(|view| order(&view.kind));
    let known: BTreeSet<&str> = all.iter().chain(&views).map(|relation| relation.name.as_str()).collect();
    let added = session.relation_names().into_iter().filter(|name| !known.contains(name.as_str()));
    let added: Vec<Relation> = added
        .map(|name| {
            let about = if name == "_" { "the last result" } else { "" }.to_owned();
            Relation { name, kind: "session".to_owned(), about }
        })
        .collect();
    all.extend(added);
    all.extend(views);
    Ok(all)
}

/// The relations that a pattern means.
fn meant(mut relations: Vec<Relation>, asked: Option<&str>) -> Result<Vec<Relation>, CliError> {
    let names: Vec<String> = relations.iter().map(|relation| relation.name.clone()).collect();
    let wanted = Meant::of(asked)?;
    relations.retain(|relation| wanted.has(&relation.name));
    if relations.is_empty() {
        return Err(no_relation(asked.unwrap_or_default(), &names));
    }
    Ok(relations)
}

fn no_relation(name: &str, names: &[String]) -> CliError {
    let hint = nearest(name, names.iter().map(String::as_str))
        .map_or_else(|| ".tables lists the relations".to_owned(), |near| format!("did you mean {near}?"));
    CliError::not_found(format!("there is no relation {name}"), Some(&hint))
}

/// `.schema`: the columns of relations.
pub struct Schema;

#[async_trait(?Send)]
impl DotCommand for Schema {
    fn name(&self) -> &'static str {
        "schema"
    }

    fn others(&self) -> &'static [&'static str] {
        &[".describe"]
    }

    fn takes(&self) -> &'static str {
        "[RELATION]"
    }

    fn about(&self) -> &'static str {
        "columns of a relation, their types and meaning; of a view also its SQL"
    }

    fn more(&self) -> &'static str {
        "A pattern with % or * stands for several relations; without a word it is those of stored rows."
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let asked = word(".schema", rest)?;
        let session = shell.asking.session(&shell.global, shell.output).await?;
        let mut wanted = relations(session).await?;
        match asked.as_deref() {
            None => wanted
                .retain(|relation| ["runs", "results", "scores", "steps"].contains(&relation.name.as_str())),
            Some(name) if name.contains(['%', '*', '?']) => wanted = meant(wanted, Some(name))?,
            Some(name) => {
                let names: Vec<String> = wanted.iter().map(|relation| relation.name.clone()).collect();
                wanted.retain(|relation| relation.name.eq_ignore_ascii_case(name));
                if wanted.is_empty() {
                    return Err(no_relation(name, &names));
                }
            }
        }
        let is_one = wanted.len() == 1;
        let mut blocks = Vec::new();
        let mut rows = Vec::new();
        for relation in wanted {
            if !blocks.is_empty() {
                blocks.push(Block::Gap);
            }
            let columns = session.columns(&relation.name).await?;
            blocks.extend(described(&relation, &columns, session, is_one));
            let texts = columns.into_iter().map(|column| {
                vec![relation.name.clone(), column.name, column.sql_type, column.nulls, column.meaning]
            });
            rows.extend(texts);
        }
        let all = listing::answer(&Heads(&["relation", "column", "type", "null", "meaning"]), rows)?;
        shell.give(&Answer { blocks, ids: None, ..all })
    }
}

/// A relation with its columns; of a view also its text, when it is the only one asked for.
fn described(relation: &Relation, columns: &[Described], session: &Session, is_one: bool) -> Vec<Block> {
    let mut blocks = vec![Block::Headline { left: relation.name.clone(), right: relation.kind.clone() }];
    let view = session.views().get(&relation.name);
    blocks.extend((!relation.about.is_empty()).then(|| Block::Line(relation.about.clone())));
    blocks.extend(view.filter(|view| !view.grain.is_empty()).map(|view| Block::Line(view.grain.clone())));
    let is_told = columns.iter().any(|column| !column.meaning.is_empty());
    let row = |column: &Described| {
        let told = [column.nulls.clone(), column.meaning.clone()].into_iter().filter(|_| is_told);
        [column.name.clone(), column.sql_type.clone()].into_iter().chain(told).collect()
    };
    let heads: &[&str] = if is_told { &["column", "type", "null", "meaning"] } else { &["column", "type"] };
    blocks.push(Block::Table(listing::table(&Heads(heads), columns.iter().map(row).collect())));
    if let Some(view) = view.filter(|_| is_one) {
        blocks.push(Block::Gap);
        let sql = view.sql.lines().skip_while(|line| line.starts_with("--"));
        blocks.extend(sql.map(|line| Block::Line(line.to_owned())));
    }
    blocks
}

/// `.functions`: what can be called.
pub struct Functions;

#[async_trait(?Send)]
impl DotCommand for Functions {
    fn name(&self) -> &'static str {
        "functions"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\df"]
    }

    fn takes(&self) -> &'static str {
        "[LIKE]"
    }

    fn about(&self) -> &'static str {
        "the functions that can be called, those of runq first"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let asked = word(".functions", rest)?;
        let own = FUNCTIONS.iter().map(|function| {
            [function.name.to_owned(), "runq".to_owned(), function.signature(), function.doc.to_owned()]
        });
        let mut all: Vec<[String; 4]> = own.collect();
        let session = shell.asking.session(&shell.global, shell.output).await?;
        let others = session
            .functions()
            .into_iter()
            .filter(|function| FUNCTIONS.iter().all(|own| own.name != function.name));
        all.extend(
            others.map(|function| [function.name, function.kind.to_owned(), function.usage, function.about]),
        );
        let names: Vec<String> = all.iter().map(|[name, ..]| name.clone()).collect();
        let wanted = Meant::of(asked.as_deref())?;
        all.retain(|[name, ..]| wanted.has(name));
        if all.is_empty() {
            let asked = asked.unwrap_or_default();
            let hint =
                nearest(&asked, names.iter().map(String::as_str)).map(|near| format!("did you mean {near}?"));
            return Err(CliError::not_found(format!("there is no function {asked}"), hint.as_deref()));
        }
        let rows = all.into_iter().map(|[_, kind, usage, about]| vec![usage, kind, about]);
        let answer = listing::answer(&Heads(&["function", "kind", "about"]), rows.collect())?;
        shell.give(&answer)
    }
}
