//! What is on or off.

use async_trait::async_trait;

use super::DotCommand;
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::shell::settings::Settings;

/// A setting that is on or off.
pub struct Switch {
    name: &'static str,
    others: &'static [&'static str],
    about: &'static str,
    is_on: fn(&Settings) -> bool,
    set: fn(&mut Settings, bool),
}

/// `.expanded`: rows over several lines.
pub const EXPANDED: Switch = Switch {
    name: "expanded",
    others: &[],
    about: "each column of a row on a line of its own, also \\x",
    is_on: |settings| settings.expanded,
    set: |settings, on| settings.expanded = on,
};

/// `.headers`: the heads of columns.
pub const HEADERS: Switch = Switch {
    name: "headers",
    others: &[".header"],
    about: "heads above the columns, in tables, csv and tsv",
    is_on: |settings| settings.headers,
    set: |settings, on| settings.headers = on,
};

/// `.timer`: the time of statements.
pub const TIMER: Switch = Switch {
    name: "timer",
    others: &[],
    about: "the time that each statement took, below its rows; in a pipe only when told",
    is_on: |settings| settings.timer.unwrap_or(true),
    set: |settings, on| settings.timer = Some(on),
};

/// `.io`: what was read.
pub const IO: Switch = Switch {
    name: "io",
    others: &[],
    about: "the requests and bytes that each statement read from the store",
    is_on: |settings| settings.io,
    set: |settings, on| settings.io = on,
};

/// `.echo`: statements before their answers.
pub const ECHO: Switch = Switch {
    name: "echo",
    others: &[],
    about: "statements of a script before their answers",
    is_on: |settings| settings.echo,
    set: |settings, on| settings.echo = on,
};

/// `.bail`: scripts end at the first error.
pub const BAIL: Switch = Switch {
    name: "bail",
    others: &[],
    about: "a script ends at its first error",
    is_on: |settings| settings.bail,
    set: |settings, on| settings.bail = on,
};

#[async_trait(?Send)]
impl DotCommand for Switch {
    fn name(&self) -> &'static str {
        self.name
    }

    fn others(&self) -> &'static [&'static str] {
        self.others
    }

    fn takes(&self) -> &'static str {
        "[on|off]"
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn words(&self) -> &'static [&'static str] {
        &["on", "off"]
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        Some(word(&shell.settings, self).to_owned())
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let is_on = (self.is_on)(&shell.settings);
        match rest.to_lowercase().as_str() {
            "" => shell.tell_value(self)?,
            "toggle" => {
                (self.set)(&mut shell.settings, !is_on);
                shell.note_change(&format!("{} {}", self.name, word(&shell.settings, self)));
            }
            said => {
                let on = on_or_off(said).ok_or_else(|| {
                    CliError::usage(format!(".{} {rest}: expected on or off", self.name), None)
                })?;
                (self.set)(&mut shell.settings, on);
            }
        }
        Ok(())
    }
}

fn word(settings: &Settings, switch: &Switch) -> &'static str {
    if (switch.is_on)(settings) { "on" } else { "off" }
}

/// What a word of a switch says.
pub fn on_or_off(word: &str) -> Option<bool> {
    match word {
        "on" | "yes" | "true" | "1" => Some(true),
        "off" | "no" | "false" | "0" => Some(false),
        _ => None,
    }
}
