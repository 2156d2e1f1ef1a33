//! `.highlight`: colours of what is typed.

use async_trait::async_trait;

use super::DotCommand;
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::shell::edit::Choice;

/// `.highlight`.
pub struct Highlight;

#[async_trait(?Send)]
impl DotCommand for Highlight {
    fn name(&self) -> &'static str {
        "highlight"
    }

    fn takes(&self) -> &'static str {
        "[on | off | dark | light]"
    }

    fn about(&self) -> &'static str {
        "colours of what is typed: those of the terminal, none, dark or light"
    }

    fn words(&self) -> &'static [&'static str] {
        &["on", "off", "dark", "light"]
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let mut choices = Choice::ALL.iter();
        if rest.is_empty() {
            let now =
                choices.find(|(_, choice)| *choice == shell.typing.colours).map_or("on", |(word, _)| word);
            shell.output.line(&format!("highlight is {now}"));
            return Ok(());
        }
        let (_, choice) = choices.find(|(word, _)| word.eq_ignore_ascii_case(rest)).ok_or_else(|| {
            CliError::usage(format!(".highlight {rest}: expected on, off, dark or light"), None)
        })?;
        shell.typing.colours = *choice;
        Ok(())
    }
}
