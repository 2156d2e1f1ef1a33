//! What a person sets for the session: how results look, where they go, what happens after an error.

use crate::render::Renderer;

/// How many rows of a result are shown unless told otherwise.
pub const ROWS_SHOWN: usize = 40;

/// How results look and what is said beside them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Form of the answers; `None` for a table on a terminal and csv in a pipe.
    pub mode: Option<&'static dyn Renderer>,
    /// How many rows a person is shown; `None` for all.
    pub max_rows: Option<usize>,
    /// How many display columns a result may take, where that is less than the terminal has.
    pub max_width: Option<usize>,
    /// What stands for a null in results for people, and in csv and tsv.
    pub null: String,
    /// Whether columns have heads.
    pub headers: bool,
    /// Whether the time that a statement took is shown.
    pub timer: bool,
    /// Whether statements are shown before they are answered.
    pub echo: bool,
    /// Whether the first error ends a script.
    pub bail: bool,
    /// Whether what was read is told after each statement.
    pub io: bool,
    /// What shows answers that are longer than the screen.
    pub pager: Pager,
}

/// What shows answers that are longer than the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pager {
    /// `RUNQ_PAGER`, else `PAGER`, else `less -RSFX`.
    Usual,
    /// This command.
    Command(String),
    /// Nothing: the screen scrolls.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: None,
            max_rows: Some(ROWS_SHOWN),
            max_width: None,
            null: String::new(),
            headers: true,
            timer: true,
            echo: false,
            bail: true,
            io: false,
            pager: Pager::Usual,
        }
    }
}
