//! How answers look: their form, how much of them is shown, and all settings at a glance.

use async_trait::async_trait;

use super::listing::{self, Heads};
use super::switch::on_or_off;
use super::{COMMANDS, DotCommand, word};
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::shell::settings::{Pager, ROWS_SHOWN, RowsShown};
use crate::model::nearest;
use crate::render::{RENDERERS, renderer, renderer_of_ending};

/// The form that is a table on a terminal and csv in a pipe.
const AUTOMATIC: &str = "automatic";

/// `.mode`: the form of answers.
pub struct Mode;

#[async_trait(?Send)]
impl DotCommand for Mode {
    fn name(&self) -> &'static str {
        "mode"
    }

    fn takes(&self) -> &'static str {
        "[FORM]"
    }

    fn about(&self) -> &'static str {
        "the form of answers: table, box, line, csv, json, markdown and more"
    }

    fn more(&self) -> &'static str {
        "Without a word it lists the forms. automatic is a table on a terminal, in a pipe csv for statements; a file \
         (.output, .once) has the form that its ending means."
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            AUTOMATIC, "table", "box", "line", "json", "jsonl", "csv", "tsv", "markdown", "html", "ids",
            "sh", "parquet", "arrow",
        ]
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        Some(shell.settings.mode.map_or(AUTOMATIC, |mode| mode.name()).to_owned())
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let Some(name) = word(".mode", rest)?.map(|name| name.to_lowercase()) else {
            return forms(shell);
        };
        shell.settings.mode = match name.as_str() {
            AUTOMATIC | "auto" => None,
            name => {
                Some(renderer(name).ok().or_else(|| renderer_of_ending(name)).ok_or_else(|| no_form(name))?)
            }
        };
        shell.settings.expanded = false;
        Ok(())
    }
}

/// Lists the forms, with a mark at the one that answers have.
fn forms(shell: &mut Shell<'_>) -> Result<(), CliError> {
    let now = shell.settings.mode.map_or(AUTOMATIC, |mode| mode.name());
    let mark = |name: &str| if name == now { "now" } else { "" }.to_owned();
    let automatic = "a table on a terminal, csv in a pipe";
    let rows = std::iter::once((AUTOMATIC, automatic))
        .chain(RENDERERS.iter().map(|renderer| (renderer.name(), renderer.about())))
        .map(|(name, about)| vec![name.to_owned(), mark(name), about.to_owned()]);
    let answer = listing::answer(&Heads(&["mode", "set", "about"]), rows.collect())?;
    shell.give(&answer)
}

fn no_form(name: &str) -> CliError {
    let names = || RENDERERS.iter().map(|renderer| renderer.name()).chain([AUTOMATIC]);
    // As other shells call them.
    let meant = match name {
        "duckbox" | "psql" => Some("box"),
        "column" | "columns" | "aligned" => Some("table"),
        "jsonlines" | "nd-json" | "ndjson" => Some("jsonl"),
        "list" | "tabs" | "ascii" => Some("tsv"),
        "vertical" | "expanded" => Some("line"),
        name => nearest(name, names()),
    };
    let hint = meant.map_or_else(
        || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean {near}?"),
    );
    CliError::usage(format!("there is no mode {name}"), Some(&hint))
}

/// `.maxrows`: how many rows are shown.
pub struct MaxRows;

#[async_trait(?Send)]
impl DotCommand for MaxRows {
    fn name(&self) -> &'static str {
        "maxrows"
    }

    fn takes(&self) -> &'static str {
        "[N|all]"
    }

    fn about(&self) -> &'static str {
        "how many rows of a result are shown; data are always whole"
    }

    fn words(&self) -> &'static [&'static str] {
        &["all", "automatic"]
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        Some(match shell.settings.max_rows {
            RowsShown::Usual => format!("{ROWS_SHOWN} on a terminal"),
            RowsShown::All => "all".to_owned(),
            RowsShown::First(rows) => rows.to_string(),
        })
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        shell.settings.max_rows = match number(self, rest, shell)? {
            None => return Ok(()),
            Some(Amount::Usual) => RowsShown::Usual,
            Some(Amount::All) => RowsShown::All,
            Some(Amount::Some(rows)) => RowsShown::First(rows),
        };
        Ok(())
    }
}

/// `.maxwidth`: how wide results are.
pub struct MaxWidth;

#[async_trait(?Send)]
impl DotCommand for MaxWidth {
    fn name(&self) -> &'static str {
        "maxwidth"
    }

    fn takes(&self) -> &'static str {
        "[N|automatic]"
    }

    fn about(&self) -> &'static str {
        "how many columns of the screen a table takes"
    }

    fn words(&self) -> &'static [&'static str] {
        &["automatic"]
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        Some(shell.settings.max_width.map_or_else(|| AUTOMATIC.to_owned(), |width| width.to_string()))
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        shell.settings.max_width = match number(self, rest, shell)? {
            None => return Ok(()),
            Some(Amount::Usual | Amount::All) => None,
            Some(Amount::Some(columns)) => Some(columns),
        };
        Ok(())
    }
}

enum Amount {
    Usual,
    All,
    Some(usize),
}

/// The number behind a setting; tells the value and gives `None` where there is none.
fn number(command: &dyn DotCommand, rest: &str, shell: &mut Shell<'_>) -> Result<Option<Amount>, CliError> {
    match rest.to_lowercase().as_str() {
        "" => {
            shell.tell_value(command)?;
            Ok(None)
        }
        "all" | "0" | "-1" => Ok(Some(Amount::All)),
        AUTOMATIC | "auto" | "default" => Ok(Some(Amount::Usual)),
        said => said.parse().map(|number| Some(Amount::Some(number))).map_err(|_| {
            let said = format!(".{} {rest}: expected a number, as in {}", command.name(), command.takes());
            CliError::usage(said, None)
        }),
    }
}

/// `.nullvalue`: what stands for a null.
pub struct NullValue;

#[async_trait(?Send)]
impl DotCommand for NullValue {
    fn name(&self) -> &'static str {
        "nullvalue"
    }

    fn takes(&self) -> &'static str {
        "[TEXT]"
    }

    fn about(&self) -> &'static str {
        "what stands for a null in tables, csv and tsv"
    }

    fn more(&self) -> &'static str {
        "Unless it is set a null is a dash in tables and nothing in data. '' is nothing everywhere."
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        Some(match &shell.settings.null {
            None => "— in tables, nothing in data".to_owned(),
            Some(null) => format!("'{null}'"),
        })
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        match word(".nullvalue", rest)? {
            None => shell.tell_value(self)?,
            Some(null) => shell.settings.null = Some(null),
        }
        Ok(())
    }
}

/// `.pager`: what shows long answers.
pub struct Paging;

#[async_trait(?Send)]
impl DotCommand for Paging {
    fn name(&self) -> &'static str {
        "pager"
    }

    fn takes(&self) -> &'static str {
        "[on|off|PROGRAM]"
    }

    fn about(&self) -> &'static str {
        "what shows answers that are longer than the screen"
    }

    fn more(&self) -> &'static str {
        "on is RUNQ_PAGER, else PAGER, else less -RSFX. Scripts have no pager, and neither has a shell that only reads."
    }

    fn words(&self) -> &'static [&'static str] {
        &["on", "off"]
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        let pager = &shell.settings.pager;
        Some(match crate::cli::shell::pager::command(pager) {
            Some(command) => format!("on: {command}"),
            None => "off".to_owned(),
        })
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        shell.settings.pager = match on_or_off(&rest.to_lowercase()) {
            _ if rest.is_empty() => return shell.tell_value(self),
            Some(true) => Pager::Usual,
            Some(false) => Pager::Off,
            None => Pager::Command(rest.to_owned()),
        };
        Ok(())
    }
}

/// `.settings`: everything that is set.
pub struct All;

#[async_trait(?Send)]
impl DotCommand for All {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn takes(&self) -> &'static str {
        ""
    }

    fn about(&self) -> &'static str {
        "everything that is set, and what it is set to"
    }

    async fn run(&self, _rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let rows = COMMANDS.iter().filter_map(|command| {
            Some(vec![format!(".{}", command.name()), command.value(shell)?, command.about().to_owned()])
        });
        let answer = listing::answer(&Heads(&["setting", "value", "about"]), rows.collect())?;
        shell.give(&answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_can_be_completed() {
        let words: Vec<&str> = Mode.words().to_vec();
        let forms = std::iter::once(AUTOMATIC).chain(RENDERERS.iter().map(|renderer| renderer.name()));
        assert_eq!(words, forms.collect::<Vec<_>>());
    }
}
