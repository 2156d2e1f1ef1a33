//! What can stand in a line that begins with a dot: the commands of the shell and of the command line, from their own
//! definitions.

use crate::cli::shell::command::COMMANDS;
use crate::cli::words::{CommandWords, commands};

/// A command of the shell itself.
#[derive(Debug, Clone)]
pub struct OwnWords {
    /// Its names as they are typed, the first with its dot.
    pub names: Vec<String>,
    /// What stands behind its name.
    pub takes: &'static str,
    /// Words that may stand there.
    pub words: &'static [&'static str],
}

/// Every command with what it takes.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Those of the shell.
    pub own: Vec<OwnWords>,
    /// Those of the command line.
    pub commands: Vec<CommandWords>,
}

impl Words {
    /// Those of this program.
    pub fn of_shell() -> Self {
        let own = COMMANDS.iter().map(|command| OwnWords {
            names: std::iter::once(format!(".{}", command.name()))
                .chain(command.others().iter().map(|name| (*name).to_owned()))
                .collect(),
            takes: command.takes(),
            words: command.words(),
        });
        // The shell does not open another one.
        let commands = commands().into_iter().filter(|command| command.name != "shell").collect();
        Self { own: own.collect(), commands }
    }

    /// The shell's own command of a name as it is typed.
    pub fn own(&self, word: &str) -> Option<&OwnWords> {
        let dotted = word.replacen('\\', ".", 1);
        self.own.iter().find(|own| own.names.iter().any(|name| name == word) || own.names[0] == dotted)
    }

    /// The command of the command line of a name as it is typed, with its dot.
    pub fn command(&self, word: &str) -> Option<&CommandWords> {
        let name = word.strip_prefix(['.', '\\'])?;
        self.commands.iter().find(|command| command.name == name)
    }

    /// Whether there is a command of that name, with its dot or backslash.
    pub fn is_command(&self, word: &str) -> bool {
        self.own(word).is_some() || self.command(word).is_some()
    }

    /// What stands behind a command, as its help says it; `None` when there is none of that name.
    pub fn takes(&self, word: &str) -> Option<String> {
        match self.own(word) {
            Some(own) => Some(own.takes.to_owned()),
            None => self.command(word).map(CommandWords::takes),
        }
    }
}
