//! What a person says about the columns of a table: `--map case_id=id,score=metrics.accuracy`, or a TOML file.
//!
//! ```toml
//! run_column = "run"            # one run per value of this column
//!
//! [columns]                     # stored column = path in the row
//! case_id = "id"
//! model = "config.model"
//! score = "metrics.accuracy"    # the headline score
//!
//! [metrics]                     # name of the metric = path in the row
//! f1 = "metrics.f1"
//!
//! [status]                      # what the words of the status column mean
//! "2" = "execution_error"
//! ```
//!
//! A path descends with dots and `[0]`; a column whose name holds dots is found by its name.

use std::fmt;

use toml::de::{DeTable, DeValue};

use super::target::{self, TARGETS, Target};
use crate::model::Status;

/// How columns of a plain table are to be understood (`--map`, `--mapping`, `--run-column`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Name of the target and path of the column, one per stored column.
    pub(super) columns: Vec<(&'static str, String)>,
    /// Name of the metric and path of the column.
    pub(super) metrics: Vec<(String, String)>,
    /// Column whose values name the runs.
    pub(super) run_column: Option<String>,
    /// What words of the status column mean.
    pub(super) status_words: Vec<(String, Status)>,
}

/// A mapping that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A part of `--map` without an equals sign.
    #[error("--map {0}: expected TARGET=COLUMN, found no \"=\"")]
    NoPair(String),
    /// A left side that is no stored column.
    #[error("{name:?} is nothing that a column can be mapped to{}; there are: {}, metric.NAME", Near(near.as_deref()), names())]
    UnknownTarget {
        /// What was written.
        name: String,
        /// The nearest target.
        near: Option<String>,
    },
    /// One thing mapped to two columns.
    #[error("{0} is mapped twice")]
    Twice(String),
    /// Nothing on one side.
    #[error("{0}: expected the name of a column, found nothing")]
    NoColumn(String),
    /// `metric.` without a name.
    #[error("{0}: expected the name of a metric, found nothing")]
    NoMetric(String),
    /// The file is no TOML.
    #[error("the mapping is not TOML: {0}")]
    NotToml(String),
    /// A key or section that means nothing.
    #[error("{0:?} means nothing in a mapping: expected run_column, [columns], [metrics] or [status]")]
    UnknownKey(String),
    /// A value that is no text.
    #[error("{key}: expected {expected}, found {found}")]
    WrongType {
        /// Where.
        key: String,
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A status that runq does not have.
    #[error(
        "status of {word:?}: expected ok, quality_failure, execution_error, scorer_error, limit or cancelled, found {status:?}"
    )]
    UnknownStatus {
        /// The source's word.
        word: String,
        /// What it was said to mean.
        status: String,
    },
}

/// `, did you mean X?`, or nothing.
struct Near<'a>(Option<&'a str>);

impl fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, ", did you mean {name}?"))
    }
}

fn names() -> String {
    TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ")
}

impl Mapping {
    /// Reads the values of `--map`, each one or more `TARGET=COLUMN` with commas between them.
    ///
    /// `score=COLUMN` is the headline score; `metric.NAME=COLUMN` or `score.NAME=COLUMN` is a further metric.
    /// A column whose name holds a comma can be mapped in a file only, see [`Mapping::from_toml`].
    ///
    /// # Errors
    /// When a part has no equals sign, its left side is nothing to map to, or something is mapped twice.
    pub fn parse_flags(flags: &[String]) -> Result<Self, MappingError> {
        let mut mapping = Self::default();
        for part in flags.iter().flat_map(|flag| flag.split(',')) {
            if part.trim().is_empty() {
                continue;
            }
            let (name, path) = part.split_once('=').ok_or_else(|| MappingError::NoPair(part.to_owned()))?;
            mapping.add(name.trim(), path.trim())?;
        }
        Ok(mapping)
    }

    /// Reads a mapping file; its shape stands at the head of this module.
    ///
    /// # Errors
    /// When the text is no TOML, or holds something that means nothing.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        let table = DeTable::parse(text).map_err(|error| MappingError::NotToml(error.to_string()))?;
        let mut mapping = Self::default();
        for (key, value) in in_order(table.get_ref()) {
            match (key, value) {
                ("run_column", value) => mapping.add("run", text_value("run_column", value)?)?,
                ("columns" | "metrics" | "status", DeValue::Table(section)) => {
                    mapping.add_section(key, section)?;
                }
                ("columns" | "metrics" | "status", other) => {
                    return Err(wrong_type(key, "a section", other));
                }
                _ => return Err(MappingError::UnknownKey(key.to_owned())),
            }
        }
        Ok(mapping)
    }

    /// Says which column names the runs (`--run-column`).
    pub fn set_run_column(&mut self, column: impl Into<String>) {
        self.run_column = Some(column.into());
    }

    /// Takes over what another mapping says; where both say something, the other one holds.
    pub fn merge(&mut self, other: Self) {
        for (name, path) in other.columns {
            let column = target::find(name).map(|target| target.column);
            self.columns.retain(|(mine, _)| target::find(mine).map(|target| target.column) != column);
            self.columns.push((name, path));
        }
        for (name, path) in other.metrics {
            self.metrics.retain(|(mine, _)| *mine != name);
            self.metrics.push((name, path));
        }
        for (word, status) in other.status_words {
            self.status_words.retain(|(mine, _)| *mine != word);
            self.status_words.push((word, status));
        }
        self.run_column = other.run_column.or_else(|| self.run_column.take());
    }

    /// Whether nothing is said, so that everything is guessed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add_section(&mut self, section: &str, entries: &DeTable<'_>) -> Result<(), MappingError> {
        for (name, value) in in_order(entries) {
            let text = text_value(&format!("{section}.{name}"), value)?;
            match section {
                "metrics" => self.add_metric(name, name, text)?,
                "status" => self.add_status(name, text)?,
                _ => self.add(name, text)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, path: &str) -> Result<(), MappingError> {
        if path.is_empty() {
            return Err(MappingError::NoColumn(name.to_owned()));
        }
        if let Some(metric) = name.strip_prefix("metric.").or_else(|| name.strip_prefix("score.")) {
            return self.add_metric(name, metric, path);
        }
        let target = target::find(name).ok_or_else(|| unknown_target(name))?;
        if target.name == "run" {
            if self.run_column.replace(path.to_owned()).is_some() {
                return Err(MappingError::Twice("run".to_owned()));
            }
            return Ok(());
        }
        if self.fills(target.column) {
            return Err(MappingError::Twice(target.column.to_owned()));
        }
        self.columns.push((target.name, path.to_owned()));
        Ok(())
    }

    fn add_metric(&mut self, written: &str, name: &str, path: &str) -> Result<(), MappingError> {
        if name.is_empty() {
            return Err(MappingError::NoMetric(written.to_owned()));
        }
        if path.is_empty() {
            return Err(MappingError::NoColumn(written.to_owned()));
        }
        if self.metrics.iter().any(|(known, _)| known == name) {
            return Err(MappingError::Twice(format!("metric {name}")));
        }
        self.metrics.push((name.to_owned(), path.to_owned()));
        Ok(())
    }

    fn add_status(&mut self, word: &str, status: &str) -> Result<(), MappingError> {
        let known = Status::parse(status).ok_or_else(|| MappingError::UnknownStatus {
            word: word.to_owned(),
            status: status.to_owned(),
        })?;
        self.status_words.push((word.to_owned(), known));
        Ok(())
    }

    /// Whether a stored column is mapped.
    pub(super) fn fills(&self, column: &str) -> bool {
        self.columns.iter().filter_map(|(name, _)| target::find(name)).any(|target| target.column == column)
    }

    /// The mapped targets with their paths.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&'static Target, &str)> {
        let run = self.run_column.as_deref().map(|path| ("run", path));
        let columns = self.columns.iter().map(|(name, path)| (*name, path.as_str()));
        columns.chain(run).filter_map(|(name, path)| Some((target::find(name)?, path)))
    }
}

/// The entries as they stand in the file: the first metric is the primary one.
fn in_order<'a>(table: &'a DeTable<'_>) -> Vec<(&'a str, &'a DeValue<'a>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries.into_iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref())).collect()
}

fn text_value<'a>(key: &str, value: &'a DeValue<'_>) -> Result<&'a str, MappingError> {
    value.as_str().ok_or_else(|| wrong_type(key, "a text", value))
}

fn wrong_type(key: &str, expected: &'static str, value: &DeValue<'_>) -> MappingError {
    MappingError::WrongType { key: key.to_owned(), expected, found: value.type_str() }
}

fn unknown_target(name: &str) -> MappingError {
    let near = nearest(name, TARGETS.iter().map(|target| target.name)).map(str::to_owned);
    MappingError::UnknownTarget { name: name.to_owned(), near }
}

/// The name that is most like what was written, if any is like it at all.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.75;
    names
        .map(|name| (strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Result<Mapping, MappingError> {
        Mapping::parse_flags(&[text.to_owned()])
    }

    #[test]
    fn flags_and_file_say_the_same() {
        let from_flags = Mapping::parse_flags(&[
            "case_id=id, score=metrics.accuracy".into(),
            "metric.f1=m.f1,run=r".into(),
        ])
        .unwrap();
        let from_file = Mapping::from_toml(
            "run_column = \"r\"\n[columns]\ncase_id = \"id\"\nscore = \"metrics.accuracy\"\n[metrics]\nf1 = \"m.f1\"",
        )
        .unwrap();
        assert_eq!(from_flags, from_file);
        assert_eq!(from_file.run_column.as_deref(), Some("r"));
    }

    #[test]
    fn a_typo_names_the_nearest_target_and_the_list() {
        let error = flags("case_ip=id").unwrap_err();
        assert!(matches!(&error, MappingError::UnknownTarget { near: Some(near), .. } if near == "case_id"));
        let text = error.to_string();
        assert!(
            text.starts_with("\"case_ip\" is nothing that a column can be mapped to, did you mean case_id?")
        );
        assert!(text.contains("duration_ms") && text.ends_with("metric.NAME"), "{text}");
    }

    #[test]
    fn what_the_reading_fills_itself_cannot_be_mapped() {
        for name in ["run_id", "latest", "copies", "source_row", "execution", "extra"] {
            assert!(matches!(flags(&format!("{name}=x")), Err(MappingError::UnknownTarget { .. })), "{name}");
        }
    }

    #[test]
    fn one_thing_has_one_column_under_all_its_spellings() {
        assert_eq!(flags("timestamp=a,recorded_at=b"), Err(MappingError::Twice("recorded_at".into())));
        assert_eq!(flags("metric.a=x,score.a=y"), Err(MappingError::Twice("metric a".into())));
        assert_eq!(flags("model"), Err(MappingError::NoPair("model".into())));
        assert_eq!(flags("model="), Err(MappingError::NoColumn("model".into())));
        assert_eq!(flags("metric.=x"), Err(MappingError::NoMetric("metric.".into())));
    }

    #[test]
    fn a_later_mapping_holds() {
        let mut mapping = flags("duration_s=a,model=m,metric.f1=x").unwrap();
        mapping.merge(flags("duration_ms=b,metric.f1=y,run=r").unwrap());
        assert_eq!(mapping.columns, [("model", "m".to_owned()), ("duration_ms", "b".to_owned())]);
        assert_eq!(mapping.metrics, [("f1".to_owned(), "y".to_owned())]);
        assert_eq!(mapping.run_column.as_deref(), Some("r"));
    }

    #[test]
    fn a_file_with_a_mistake_says_where() {
        assert_eq!(Mapping::from_toml("colums = 1"), Err(MappingError::UnknownKey("colums".into())));
        let wrong = Mapping::from_toml("[columns]\ncase_id = 1").unwrap_err();
        assert_eq!(wrong.to_string(), "columns.case_id: expected a text, found integer");
        assert!(matches!(Mapping::from_toml("x ="), Err(MappingError::NotToml(_))));
        assert!(matches!(
            Mapping::from_toml("[status]\n\"2\" = \"bad\""),
            Err(MappingError::UnknownStatus { .. })
        ));
    }
}
