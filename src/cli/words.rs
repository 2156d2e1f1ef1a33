//! What the commands take, for whoever completes a line: their flags, what stands behind those, and their words.

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// A command and what it takes.
#[derive(Debug, Clone)]
pub(crate) struct CommandWords {
    /// Its name.
    pub name: String,
    /// Its flags, those of every command behind its own.
    pub flags: Vec<Flag>,
    /// What its words are, as its help names them: `RUN|PATH`.
    pub places: Vec<String>,
    /// Names of commands below it.
    pub below: Vec<String>,
}

/// A flag.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    /// Its name with the dashes.
    pub name: String,
    /// Its letter with the dash.
    pub letter: Option<String>,
    /// What stands behind it, as its help names it; `None` for a flag that is only there or not.
    pub value: Option<String>,
    /// The values it may have, where only some are allowed.
    pub possible: Vec<String>,
}

impl CommandWords {
    /// What stands behind its name, in short.
    pub fn takes(&self) -> String {
        let below = (!self.below.is_empty()).then(|| format!("[{}]", self.below.join(" | ")));
        let places = self.places.iter().map(|place| format!("[{place}]"));
        below.into_iter().chain(places).chain(["[--FLAG ...]".to_owned()]).collect::<Vec<_>>().join(" ")
    }
}

/// Every command.
pub(crate) fn commands() -> Vec<CommandWords> {
    let mut all = Cli::command();
    // So that every command has the flags of all.
    all.build();
    all.get_subcommands().map(words_of).collect()
}

fn words_of(command: &Command) -> CommandWords {
    let mut flags: Vec<Flag> =
        command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(flag).collect();
    flags.sort_by_key(|flag| flag.name == "--help");
    CommandWords {
        name: command.get_name().to_owned(),
        flags,
        places: command.get_positionals().filter_map(value_name).collect(),
        below: command
            .get_subcommands()
            .map(|below| below.get_name().to_owned())
            .filter(|name| name != "help")
            .collect(),
    }
}

fn flag(arg: &Arg) -> Option<Flag> {
    let takes = arg.get_action().takes_values();
    Some(Flag {
        name: format!("--{}", arg.get_long()?),
        letter: arg.get_short().map(|letter| format!("-{letter}")),
        value: if takes { value_name(arg) } else { None },
        possible: if takes {
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
        } else {
            Vec::new()
        },
    })
}

fn value_name(arg: &Arg) -> Option<String> {
    let names = arg.get_value_names()?;
    Some(names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_its_own_flags_and_those_of_all() {
        let all = commands();
        let compare = all.iter().find(|command| command.name == "compare").unwrap();
        let value = |name: &str| compare.flags.iter().find(|flag| flag.name == name).unwrap().value.clone();
        assert_eq!(value("--only").as_deref(), Some("OUTCOME"));
        assert_eq!(value("--by").as_deref(), Some("DIMENSION"));
        assert_eq!(value("--outputs"), None);
        assert_eq!(compare.places, ["RUN|PATH"]);
        let jobs = all.iter().find(|command| command.name == "jobs").unwrap();
        assert!(jobs.below.contains(&"show".to_owned()), "{:?}", jobs.below);
    }
}
