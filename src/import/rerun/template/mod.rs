//! Commands of a user's own tools, as templates in the store's `config.toml`. Knows no tool; a value that is put into a
//! word stays one word and is never quoted.
//!
//! ```toml
//! [[resume]]
//! tool = "table"                                        # which runs: globs over tool, task, experiment, kind
//! command = "mytool --ids {ids_file} --out {run_dir}"   # or a list of words
//! folder = "/srv/eval"                                  # where it is started
//! output = "/srv/eval/out/{run_id}"                     # where new rows go, when not into the run itself
//! ```

mod config;
mod fill;
mod word;

use glob::Pattern;

use self::word::{Place, Word};
use super::{RerunCommand, RerunError, RerunOrder};
use crate::model::RunRow;

pub use config::TemplateError;

/// Stands in `argv` for the folder in which a command's files are written, with a slash behind it.
pub const FOLDER: &str = "\u{1}";

/// The templates of a store, in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    templates: Vec<Template>,
}

/// A command with places for what a plan fills in.
#[derive(Debug, Clone)]
pub struct Template {
    /// Runs that it is for: a property and the glob that its value fits.
    matchers: Vec<(Property, Pattern)>,
    command: Vec<Word>,
    folder: Option<Word>,
    output: Option<Word>,
}

/// What a template looks at to tell whether a run is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Tool,
    Task,
    Experiment,
    Kind,
}

impl Property {
    const ALL: [(&'static str, Self); 4] =
        [("tool", Self::Tool), ("task", Self::Task), ("experiment", Self::Experiment), ("kind", Self::Kind)];

    fn of(self, run: &RunRow) -> Option<&str> {
        match self {
            Self::Tool => Some(&run.tool),
            Self::Task => Some(&run.task),
            Self::Experiment => run.experiment.as_deref(),
            Self::Kind => Some(&run.kind),
        }
    }
}

impl Templates {
    /// Reads the templates of a `config.toml`; its shape stands at the head of this module.
    ///
    /// # Errors
    /// When the text is no TOML, or holds a key, a place or a value that means nothing.
    pub fn from_toml(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { templates: config::templates(text)? })
    }

    /// The template that a run is run again with: the first one that fits it.
    pub fn of(&self, run: &RunRow) -> Option<&Template> {
        self.templates.iter().find(|template| template.fits(run))
    }
}

impl Template {
    fn fits(&self, run: &RunRow) -> bool {
        let fits = |(property, glob): &(Property, Pattern)| {
            property.of(run).is_some_and(|value| glob.matches(value))
        };
        self.matchers.iter().all(fits)
    }

    /// Whether the command, its folder or its output names a place.
    fn uses(&self, place: Place) -> bool {
        let words = self.command.iter().chain(&self.folder).chain(&self.output);
        words.into_iter().any(|word| word.uses(place))
    }

    /// The commands of an order: one, or one for each model where the command names the model.
    ///
    /// # Errors
    /// When the template needs something that the plan cannot give.
    pub fn commands(&self, order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
        fill::commands(self, order)
    }
}

#[cfg(test)]
mod tests;
