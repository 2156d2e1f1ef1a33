//! `.help`: what there is, from the commands themselves.

use async_trait::async_trait;

use super::listing::{self, Heads};
use super::{COMMANDS, DotCommand, command, habits};
use crate::answer::{Answer, Block, Records};
use crate::cli;
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::functions::FUNCTIONS;
use crate::model::nearest;
use crate::session::{BASE_RELATIONS, Views};

/// `.help`.
pub struct Help;

/// The heads of what `.help` lists.
const HEADS: Heads = Heads(&["command", "about"]);

#[async_trait(?Send)]
impl DotCommand for Help {
    fn name(&self) -> &'static str {
        "help"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\?", "\\h"]
    }

    fn takes(&self) -> &'static str {
        "[WORD]"
    }

    fn about(&self) -> &'static str {
        "what there is; with a word: how a command is used, or what speaks of the word"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        if rest.is_empty() {
            return shell.give(&everything()?);
        }
        let name = rest.trim_start_matches(['.', '\\']);
        let known = habits::meant(&format!(".{name}"), "").map_or(name, |(name, _)| name);
        if let Some(command) = command(&format!(".{known}")) {
            return shell.give(&usage(command)?);
        }
        if cli::command_names().iter().any(|command| command == known) {
            return super::of_command_line(known, "--help", shell).await;
        }
        shell.give(&about(rest, shell)?)
    }
}

fn dotted(command: &dyn DotCommand) -> String {
    format!(".{} {}", command.name(), command.takes()).trim_end().to_owned()
}

fn own() -> Vec<Vec<String>> {
    COMMANDS.iter().map(|command| vec![dotted(*command), command.about().to_owned()]).collect()
}

fn of_command_line() -> Vec<Vec<String>> {
    // It is this shell.
    let others = cli::commands().into_iter().filter(|(name, _)| name != "shell");
    others.map(|(name, about)| vec![format!(".{name}"), about]).collect()
}

/// Every command, those of the shell first.
fn everything() -> Result<Answer, CliError> {
    let table = |rows| Block::Table(listing::table(&Heads(&["", ""]), rows));
    let line = |text: &str| Block::Line(text.to_owned());
    let blocks = vec![
        line("A statement ends with a semicolon. A line that begins with a dot is a command:"),
        Block::Gap,
        table(own()),
        Block::Gap,
        line("Every command of runq, within the session; .compare --help says how one is used:"),
        Block::Gap,
        table(of_command_line()),
        Block::Gap,
        line(".help WORD explains a command, or finds what speaks of the word"),
    ];
    let all = listing::answer(&HEADS, own().into_iter().chain(of_command_line()).collect())?;
    Ok(Answer { blocks, ..all })
}

/// How a command of the shell is used.
fn usage(command: &dyn DotCommand) -> Result<Answer, CliError> {
    let mut blocks = vec![Block::Line(dotted(command)), Block::Line(format!("  {}", command.about()))];
    if !command.more().is_empty() {
        blocks.extend([Block::Gap, Block::Line(format!("  {}", command.more()))]);
    }
    if !command.others().is_empty() {
        blocks.extend([Block::Gap, Block::Line(format!("  also {}", command.others().join(", ")))]);
    }
    let row = vec![dotted(command), command.about().to_owned()];
    Ok(Answer { blocks, ..listing::answer(&HEADS, vec![row])? })
}

/// Everything whose name or text has the word: commands, relations, functions.
fn about(word: &str, shell: &Shell<'_>) -> Result<Answer, CliError> {
    let wanted = word.to_lowercase();
    let mut rows: Vec<Vec<String>> = own().into_iter().chain(of_command_line()).collect();
    rows.extend(
        BASE_RELATIONS.iter().map(|(name, row)| vec![(*name).to_owned(), format!("one row per {row}")]),
    );
    let embedded = Views::new(&[]);
    let views = shell.asking.opened().map_or(&embedded, |session| session.views());
    rows.extend(views.iter().map(|view| vec![view.name.clone(), view.question.clone()]));
    rows.extend(FUNCTIONS.iter().map(|function| vec![function.signature(), function.doc.to_owned()]));
    let names: Vec<String> = rows.iter().filter_map(|row| row.first().cloned()).collect();
    rows.retain(|row| row.iter().any(|text| text.to_lowercase().contains(&wanted)));
    if rows.is_empty() {
        let first = |name: &String| name.split([' ', '(']).next().unwrap_or_default().to_owned();
        let names: Vec<String> = names.iter().map(first).collect();
        let hint = nearest(word, names.iter().map(String::as_str))
            .map_or_else(|| ".help lists the commands".to_owned(), |near| format!("did you mean {near}?"));
        return Err(CliError::not_found(format!("nothing speaks of {word}"), Some(&hint)));
    }
    let answer = listing::answer(&HEADS, rows.clone())?;
    Ok(Answer {
        blocks: vec![Block::Table(listing::table(&Heads(&["", ""]), rows))],
        records: Records { ..answer.records },
        ..answer
    })
}
