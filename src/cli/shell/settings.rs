//! What a person sets for the session: how results look, where they go, what happens after an error.

use crate::render::{LINE, Renderer};

/// How many rows of a result are shown unless told otherwise.
pub const ROWS_SHOWN: usize = 40;

/// How results look and what is said beside them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Form of the answers; `None` for a table on a terminal and csv in a pipe.
    pub mode: Option<&'static dyn Renderer>,
    /// Whether rows are shown over several lines each, where they would be a table.
    pub expanded: bool,
    /// How many rows of a result are shown.
    pub max_rows: RowsShown,
    /// How many display columns a result may take, where that is less than the terminal has.
    pub max_width: Option<usize>,
    /// What stands for a null in tables, csv and tsv; `None` for a dash in tables and nothing in data.
    pub null: Option<String>,
    /// Whether columns have heads.
    pub headers: bool,
    /// Whether the time that a statement took is shown; `None` for yes on a terminal.
    pub timer: Option<bool>,
    /// Whether statements are shown before they are answered.
    pub echo: bool,
    /// Whether the first error ends a script.
    pub bail: bool,
    /// Whether what was read is told after each statement.
    pub io: bool,
    /// What shows answers that are longer than the screen.
    pub pager: Pager,
}

/// How many rows of a result are shown. Data are always whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsShown {
    /// [`ROWS_SHOWN`] on a terminal, else all.
    Usual,
    /// All.
    All,
    /// So many, also in a pipe.
    First(usize),
}

impl RowsShown {
    /// The most rows that are shown; `None` for all.
    pub fn limit(self, is_terminal: bool) -> Option<usize> {
        match self {
            Self::Usual => is_terminal.then_some(ROWS_SHOWN),
            Self::All => None,
            Self::First(rows) => Some(rows),
        }
    }
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

impl Settings {
    /// The form of a result that would have the form `usual`.
    pub fn form_of_rows(&self, usual: &'static dyn Renderer) -> &'static dyn Renderer {
        self.as_expanded(self.mode.unwrap_or(usual))
    }

    /// The form of a result instead of this one.
    pub fn as_expanded(&self, form: &'static dyn Renderer) -> &'static dyn Renderer {
        if self.expanded && form.is_screen() { LINE } else { form }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: None,
            expanded: false,
            max_rows: RowsShown::Usual,
            max_width: None,
            null: None,
            headers: true,
            timer: None,
            echo: false,
            bail: true,
            io: false,
            pager: Pager::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{TABLE, renderer};

    #[test]
    fn a_pipe_gets_all_rows_unless_a_number_was_said() {
        assert_eq!(RowsShown::Usual.limit(true), Some(40));
        assert_eq!(RowsShown::Usual.limit(false), None);
        assert_eq!(RowsShown::First(3).limit(false), Some(3));
        assert_eq!(RowsShown::All.limit(true), None);
    }

    #[test]
    fn rows_over_several_lines_are_for_people_only() {
        let csv = renderer("csv").unwrap();
        let expanded = Settings { expanded: true, ..Settings::default() };
        assert_eq!(expanded.form_of_rows(TABLE).name(), "line");
        assert_eq!(expanded.form_of_rows(csv).name(), "csv");
        let said = Settings { mode: Some(csv), ..Settings::default() };
        assert_eq!(said.form_of_rows(TABLE).name(), "csv");
    }
}
