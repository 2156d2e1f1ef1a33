//! What `runq shell`, and `runq` alone, is started with.

use std::path::PathBuf;

use clap::{ArgMatches, Args};

use super::{Script, Start};
use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::is_said;

/// Open the SQL shell: what `runq` alone does.
///
/// On a terminal it asks for statements; with -c or -f, or with statements on standard input, it answers those and
/// ends. A statement ends with a semicolon; a line that begins with a dot is a command: .help lists them, and every
/// command of runq is one of them.
///
/// The first error ends a script with its exit code; after `.bail off` the rest is answered all the same, and the exit
/// code is that of the first error. Errors name the file and the line in which the statement begins.
///
/// Statements and commands in runq/runqrc, in the folder of the user's settings ($XDG_CONFIG_HOME or ~/.config), are
/// carried out first, for scripts as well. What is wrong in it is said and ends nothing; flags win over it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq
  runq -c \"SELECT * FROM metric_winners\" --last 2
  runq -c \".mode markdown\" -f report.sql > report.md
  runq < report.sql")]
pub struct ShellArgs {
    /// Answer these statements, or this dot command, and end. May be repeated, also beside -f.
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    commands: Vec<String>,

    /// Answer the statements of this file and end; - is standard input. May be repeated.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Read this file of settings first, instead of runq/runqrc in the folder of the user's settings.
    #[arg(long, value_name = "FILE", conflicts_with = "no_init")]
    init: Option<PathBuf>,

    /// Read no file of settings.
    #[arg(long)]
    no_init: bool,
}

impl ShellArgs {
    /// Whether none of its flags was given.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.files.is_empty() && self.init.is_none() && !self.no_init
    }

    /// What is to be answered, in the order of the command line.
    fn scripts(&self, matches: &ArgMatches) -> Vec<Script> {
        let places = |id: &str| matches.indices_of(id).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        let commands = self.commands.iter().cloned().map(Script::Words);
        let files = self.files.iter().cloned().map(Script::File);
        let mut scripts: Vec<(usize, Script)> = places("commands")
            .into_iter()
            .zip(commands)
            .chain(places("files").into_iter().zip(files))
            .collect();
        scripts.sort_by_key(|(place, _)| *place);
        scripts.into_iter().map(|(_, script)| script).collect()
    }
}

/// Runs the shell.
///
/// # Errors
/// When the first statement that fails ends it, or a file cannot be read.
pub async fn run(args: ShellArgs, matches: &ArgMatches, context: &Context<'_>) -> Result<u8, CliError> {
    let scripts = args.scripts(matches);
    let said = matches.ids().map(clap::Id::as_str).filter(|id| is_said(matches, id));
    let said = said.map(str::to_owned).collect();
    let start = Start { scripts, init: args.init, no_init: args.no_init, said };
    super::start(start, context).await
}
