//! Files that a statement names in the place of a relation: `SELECT * FROM 'results.csv'`.
//!
//! A file is looked at anew by each statement that names it, so that what changed is seen. Several files (`'*.csv'`) are
//! one relation when they have the same columns.

mod remote;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::SessionContext;
use url::Url;

use super::SessionError;
use crate::source::{LocalDisk, is_remote, near_path};

/// Endings of files that can be asked.
pub const ENDINGS: [&str; 9] =
    ["csv", "tsv", "jsonl", "ndjson", "json", "parquet", "arrow", "ipc", "feather"];

/// Endings of files that are packed.
const PACKED: [&str; 5] = ["gz", "zst", "bz2", "xz", "zip"];

/// Whether a name in the place of a relation means a file.
pub(super) fn is_file(name: &str) -> bool {
    name.contains(['/', '*'])
        || ending(name).is_some_and(|ending| {
            ENDINGS.contains(&ending.as_str())
                || PACKED.contains(&ending.as_str())
                || Path::new(name).is_file()
        })
}

fn ending(name: &str) -> Option<String> {
    Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase())
}

/// The relation that a name of a file, or a pattern of names, stands for.
///
/// # Errors
/// When there is no such file, it cannot be told what it holds, or it is not what its ending says.
pub(super) async fn table(ctx: &SessionContext, name: &str) -> Result<Arc<dyn TableProvider>, SessionError> {
    let named = name.to_owned();
    // To look for files takes the thread that does it.
    let looked = tokio::task::spawn_blocking(move || {
        let files = found(&named)?;
        let format = Format::of(&named, &files)?;
        Ok::<_, SessionError>((format.reader(&files)?, format, files))
    });
    let (reader, format, files) =
        looked.await.map_err(|error| SessionError::Internal(format!("a reader stopped: {error}")))??;
    let unreadable = |error: datafusion::error::DataFusionError| SessionError::File {
        name: name.to_owned(),
        problem: super::wording::in_words(&error),
        hint: None,
    };
    let options = ListingOptions::new(reader).with_file_extension("");
    let mut places = Vec::new();
    let mut schema: Option<SchemaRef> = None;
    for file in &files {
        let url = match is_remote(file) {
            true => remote::url(ctx, file)?,
            false => Url::from_file_path(file).map_err(|()| missing(name))?,
        };
        let place = ListingTableUrl::try_new(url, None).map_err(unreadable)?;
        let own = options.infer_schema(&ctx.state(), &place).await.map_err(unreadable)?;
        schema = Some(match schema {
            Some(schema) => format.both(name, (&schema, &own), file)?,
            None => own,
        });
        places.push(place);
    }
    let schema = schema.filter(|schema| !schema.fields().is_empty()).ok_or_else(|| empty(name))?;
    let config =
        ListingTableConfig::new_with_multi_paths(places).with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config).map_err(unreadable)?))
}

/// The files that a name means, absolute; those of a pattern in the order of their names.
fn found(name: &str) -> Result<Vec<PathBuf>, SessionError> {
    let problem =
        |problem: String, hint: Option<String>| SessionError::File { name: name.to_owned(), problem, hint };
    if is_remote(Path::new(name)) {
        return remote::found(name);
    }
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let path = Path::new(name);
    if path.is_dir() {
        let hint = format!("'{}/*.csv' means the files in it", name.trim_end_matches('/'));
        return Err(problem("this is a folder".to_owned(), Some(hint)));
    }
    if path.exists() {
        return Ok(vec![absolute(path.to_owned())]);
    }
    if !name.contains(['*', '?', '[']) {
        return Err(missing(name));
    }
    let paths = glob::glob(name).map_err(|error| problem(error.to_string(), None))?;
    let files: Vec<PathBuf> = paths.flatten().filter(|path| path.is_file()).map(absolute).collect();
    if files.is_empty() { Err(missing(name)) } else { Ok(files) }
}

fn missing(name: &str) -> SessionError {
    let near =
        near_path(&LocalDisk, Path::new(name)).map(|near| format!("did you mean '{}'?", near.display()));
    SessionError::NoFile { name: name.to_owned(), near }
}

fn empty(name: &str) -> SessionError {
    SessionError::File { name: name.to_owned(), problem: "it holds no columns".to_owned(), hint: None }
}

/// What a file holds, by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Separated(u8),
    Lines,
    Json,
    Parquet,
    Arrow,
}

impl Format {
    fn of(name: &str, files: &[PathBuf]) -> Result<Self, SessionError> {
        let problem = |problem: String, hint: String| {
            Err(SessionError::File { name: name.to_owned(), problem, hint: Some(hint) })
        };
        let mut formats = files.iter().map(|file| {
            let ending = ending(&file.display().to_string()).unwrap_or_default();
            Self::of_ending(&ending).ok_or(ending)
        });
        match formats.next() {
            Some(Ok(first)) if formats.all(|format| format == Ok(first)) => Ok(first),
            Some(Ok(_)) => {
                problem("its files are of several kinds".to_owned(), "name those of one kind".to_owned())
            }
            Some(Err(ending)) if PACKED.contains(&ending.as_str()) => {
                problem("packed files are not read".to_owned(), "unpack it first".to_owned())
            }
            Some(Err(ending)) => {
                let said = format!("the ending .{ending} says nothing of what it holds");
                problem(said, format!("files that can be asked end in {}", ENDINGS.join(", ")))
            }
            None => Err(missing(name)),
        }
    }

    fn of_ending(ending: &str) -> Option<Self> {
        Some(match ending {
            "csv" => Self::Separated(b','),
            "tsv" => Self::Separated(b'\t'),
            "jsonl" | "ndjson" => Self::Lines,
            "json" => Self::Json,
            "parquet" => Self::Parquet,
            "arrow" | "ipc" | "feather" => Self::Arrow,
            _ => return None,
        })
    }

    /// What reads it. All rows are looked at for the types of the columns: the one that differs may be the last.
    fn reader(self, files: &[PathBuf]) -> Result<Arc<dyn FileFormat>, SessionError> {
        Ok(match self {
            Self::Separated(delimiter) => Arc::new(
                CsvFormat::default()
                    .with_has_header(true)
                    .with_delimiter(delimiter)
                    .with_newlines_in_values(true)
                    .with_schema_infer_max_rec(usize::MAX),
            ),
            Self::Lines => Arc::new(JsonFormat::default().with_schema_infer_max_rec(usize::MAX)),
            Self::Json => {
                let mut lists = files.iter().map(|file| begins_with_list(file));
                let is_list = lists.next().unwrap_or_default();
                if lists.any(|list| list != is_list) {
                    return Err(SessionError::File {
                        name: files[0].display().to_string(),
                        problem: "some of the files are one list, and others one object per line".to_owned(),
                        hint: Some("name those of one kind".to_owned()),
                    });
                }
                let format = JsonFormat::default().with_newline_delimited(!is_list);
                Arc::new(format.with_schema_infer_max_rec(usize::MAX))
            }
            Self::Parquet => Arc::new(ParquetFormat::default()),
            // The engine takes an object's first bytes for the other of Arrow's two formats.
            Self::Arrow if files.iter().any(|file| is_remote(file)) => {
                return Err(SessionError::File {
                    name: files[0].display().to_string(),
                    problem: "Arrow files are asked on a disk only".to_owned(),
                    hint: Some("download it, or write it as parquet".to_owned()),
                });
            }
            Self::Arrow => Arc::new(ArrowFormat),
        })
    }

    /// The columns of several files. Texts are read by place and by what they say, so a type may widen; elsewhere a
    /// file may lack columns and no more.
    fn both(
        self,
        name: &str,
        (left, right): (&SchemaRef, &SchemaRef),
        file: &Path,
    ) -> Result<SchemaRef, SessionError> {
        let differ = |problem: String| SessionError::File {
            name: name.to_owned(),
            problem: format!("{}: {problem}", file.display()),
            hint: Some("ask them one by one, and put them together with UNION ALL BY NAME".to_owned()),
        };
        if !matches!(self, Self::Separated(_)) {
            let both = Schema::try_merge([left.as_ref().clone(), right.as_ref().clone()]);
            return both.map(Arc::new).map_err(|error| differ(error.to_string()));
        }
        let names =
            |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        if names(left) != names(right) {
            return Err(differ("its columns are not those of the files before it".to_owned()));
        }
        let wider = left.fields().iter().zip(right.fields()).map(|(left, right)| {
            let kind = if left.data_type() == right.data_type() {
                left.data_type().clone()
            } else if left.data_type().is_numeric() && right.data_type().is_numeric() {
                DataType::Float64
            } else {
                DataType::Utf8
            };
            Field::new(left.name(), kind, true)
        });
        Ok(Arc::new(Schema::new(wider.collect::<Vec<_>>())))
    }
}

/// Whether a JSON file is one list; what cannot be read is found out by its reader.
fn begins_with_list(file: &Path) -> bool {
    use std::io::Read as _;
    const START: u64 = 4096;
    let mut start = Vec::new();
    if is_remote(file) {
        start = remote::head(file, START);
    } else if let Ok(file) = std::fs::File::open(file) {
        // What was read until an error tells as well.
        let _ = file.take(START).read_to_end(&mut start);
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}
