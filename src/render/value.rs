//! One element of an Arrow column as text: as JSON, as a field of a CSV file, or for a person.
//!
//! The rules every format shares stand here: NaN and infinities are null for machines, timestamps are RFC 3339 in UTC
//! (one without a time zone is taken as UTC), integers and decimals keep every digit, doubles have the fewest digits
//! that read back as the same number, binary is hex, lists, structs and maps are JSON.

use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Float16Type, Float32Type, Float64Type, Schema, SchemaRef, TimeUnit,
};
use arrow::error::ArrowError;
use arrow::json::writer::{NullableEncoder, make_encoder};
use arrow::json::{Encoder, EncoderFactory, EncoderOptions};
use arrow::temporal_conversions as instants;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use super::RenderError;
use crate::answer::number;

/// Null is an empty text; an element that cannot be formatted says so instead of ending the output.
const TEXT: FormatOptions<'static> = FormatOptions::new();

/// Nulls are written, never left out.
static JSON: LazyLock<EncoderOptions> = LazyLock::new(|| {
    EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(OwnEncoders))
});

/// The type's name in SQL's words, for people and for the `columns` of a JSON document.
pub fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Null => "null",
        DataType::Boolean => "boolean",
        t if t.is_integer() => "integer",
        t if t.is_floating() => "double",
        t if t.is_decimal() => "decimal",
        t if t.is_string() => "text",
        DataType::Date64 | DataType::Timestamp(..) => "timestamp",
        DataType::Date32 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Duration(_) => "duration",
        DataType::Interval(_) => "interval",
        DataType::Struct(_) => "struct",
        DataType::Map(..) => "map",
        DataType::Union(..) => "union",
        DataType::Dictionary(_, value) => kind(value),
        DataType::RunEndEncoded(_, value) => kind(value.data_type()),
        t if t.is_list() => "list",
        _ => "binary",
    }
}

/// Whether a person compares the values as numbers, so that they stand at the right.
pub fn is_number(data_type: &DataType) -> bool {
    matches!(kind(data_type), "integer" | "double" | "decimal")
}

/// The schema of what [`plain_batch`] gives: distinct names, and types that other readers know.
pub fn plain_schema(schema: &SchemaRef) -> SchemaRef {
    let fields = unique_names(schema).into_iter().zip(schema.fields());
    // What may be null is a promise of the plan, not of the data; metadata of the engine stays here.
    let plain = fields.map(|(name, field)| Field::new(name, plain_type(field.data_type()), true));
    Arc::new(Schema::new(plain.collect::<Vec<_>>()))
}

/// Dictionaries and runs are unpacked; texts have the one layout that every reader knows.
fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::RunEndEncoded(_, value) => plain_type(value.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

/// The batch in the types of [`plain_schema`], for formats that hold columns.
///
/// # Errors
/// When Arrow cannot bring a column into its type.
pub fn plain_batch(
    schema: &SchemaRef,
    batch: &RecordBatch,
    format: &'static str,
) -> Result<RecordBatch, RenderError> {
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
        cast(array, field.data_type()).map_err(|source| unreadable(field, format, source))
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
        .map_err(|error| std::io::Error::other(error).into())
}

/// The columns' names with equal ones made distinct: the second `n` becomes `n_2`, the third `n_3`; a name that
/// another column already has is passed over.
pub fn unique_names(schema: &SchemaRef) -> Vec<String> {
    let own: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut n = 2;
        while taken.contains(&name) || (n > 2 && own.contains(name.as_str())) {
            name = format!("{}_{n}", field.name());
            n += 1;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// The batch's columns as arrays of plain values: dictionaries and runs are unpacked, so that a null is a null.
///
/// # Errors
/// When Arrow cannot unpack a column.
pub fn plain_columns(batch: &RecordBatch) -> Result<Vec<ArrayRef>, RenderError> {
    let fields = batch.schema_ref().fields().iter();
    fields.zip(batch.columns()).map(|(field, array)| plain(field, array)).collect()
}

fn plain(field: &Field, array: &ArrayRef) -> Result<ArrayRef, RenderError> {
    match array.data_type() {
        DataType::Dictionary(_, value) => {
            cast(array, value).map_err(|source| unreadable(field, "text", source))
        }
        DataType::RunEndEncoded(_, value) => {
            cast(array, value.data_type()).map_err(|source| unreadable(field, "text", source))
        }
        _ => Ok(Arc::clone(array)),
    }
}

/// The error of a column that a format cannot say.
pub(super) fn unreadable(field: &Field, format: &'static str, source: ArrowError) -> RenderError {
    RenderError::Column { column: field.name().clone(), kind: kind(field.data_type()), format, source }
}

/// Writes elements of one column, plain as [`plain_columns`] gives it, as JSON.
pub struct JsonColumn<'a>(NullableEncoder<'a>);

impl<'a> JsonColumn<'a> {
    /// Prepares the column.
    ///
    /// # Errors
    /// When Arrow has no JSON for it, such as for a map with a null key.
    pub fn new(field: &'a FieldRef, array: &'a dyn Array) -> Result<Self, RenderError> {
        make_encoder(field, array, &JSON).map(Self).map_err(|source| unreadable(field, "JSON", source))
    }

    /// Appends the JSON of an element, `null` included.
    pub fn write(&mut self, row: usize, out: &mut Vec<u8>) {
        if self.0.is_null(row) { out.extend_from_slice(b"null") } else { self.0.encode(row, out) }
    }
}

/// Who reads the text of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A program: every digit, no separators, NaN and infinities empty.
    Machine,
    /// A person: separators, few digits, times without the `T`.
    Person,
}

/// Gives elements of one column, plain as [`plain_columns`] gives it, as text.
pub struct TextColumn<'a> {
    array: &'a dyn Array,
    reader: Reader,
    form: Form<'a>,
}

/// How the text comes about.
enum Form<'a> {
    Instant,
    Float(ArrayFormatter<'a>),
    Exact(ArrayFormatter<'a>),
    Other(ArrayFormatter<'a>),
    Json(JsonColumn<'a>),
}

impl<'a> TextColumn<'a> {
    /// Prepares the column.
    ///
    /// # Errors
    /// When Arrow has no text for it.
    pub fn new(field: &'a FieldRef, array: &'a dyn Array, reader: Reader) -> Result<Self, RenderError> {
        let formatter =
            || ArrayFormatter::try_new(array, &TEXT).map_err(|source| unreadable(field, "text", source));
        let form = match array.data_type() {
            DataType::Timestamp(..) | DataType::Date64 => Form::Instant,
            t if t.is_floating() => Form::Float(formatter()?),
            t if t.is_integer() || t.is_decimal() => Form::Exact(formatter()?),
            t if t.is_nested() && !matches!(t, DataType::Union(..)) => {
                Form::Json(JsonColumn::new(field, array)?)
            }
            _ => Form::Other(formatter()?),
        };
        Ok(Self { array, reader, form })
    }

    /// A float as a double; NaN for a column that has none.
    pub fn number(&self, row: usize) -> f64 {
        float(self.array, row)
    }

    /// Whether an element is null.
    pub fn is_null(&self, row: usize) -> bool {
        // A column of the type of a bare NULL has no list of its nulls.
        *self.array.data_type() == DataType::Null || self.array.is_null(row)
    }

    /// The text of an element; empty for null.
    pub fn text(&mut self, row: usize) -> String {
        self.text_or(row, "")
    }

    /// The text of an element, and `null` for a null; a program takes what is no finite number for one too.
    pub fn text_or(&mut self, row: usize, null: &str) -> String {
        if self.is_null(row) {
            return null.to_owned();
        }
        match (&mut self.form, self.reader) {
            (Form::Instant, reader) => instant_text(self.array, row, reader),
            (Form::Float(formatter), Reader::Machine) => {
                if float(self.array, row).is_finite() {
                    formatter.value(row).to_string()
                } else {
                    null.to_owned()
                }
            }
            (Form::Float(_), Reader::Person) => number::human_number(float(self.array, row)),
            (Form::Exact(formatter), Reader::Person) => number::grouped(&formatter.value(row).to_string()),
            (Form::Exact(formatter) | Form::Other(formatter), _) => formatter.value(row).to_string(),
            (Form::Json(column), _) => {
                let mut bytes = Vec::new();
                column.write(row, &mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            }
        }
    }
}

/// A float of any width as a double; NaN for a column that has none.
fn float(array: &dyn Array, row: usize) -> f64 {
    match array.data_type() {
        DataType::Float16 => array.as_primitive::<Float16Type>().value(row).to_f64(),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
        _ => f64::NAN,
    }
}

/// A point in time as text. One outside the years that chrono knows is given as the raw number and its unit.
fn instant_text(array: &dyn Array, row: usize, reader: Reader) -> String {
    let (raw, unit, instant) = instant(array, row);
    let Some(instant) = instant else { return format!("{raw} {unit} since 1970") };
    let machine = instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    match reader {
        Reader::Machine => machine,
        Reader::Person => machine.replacen('T', " ", 1),
    }
}

/// The raw number, its unit and the time it means.
fn instant(array: &dyn Array, row: usize) -> (i64, &'static str, Option<DateTime<Utc>>) {
    use arrow::datatypes::{
        Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    };
    let (raw, unit, naive) = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            let raw = array.as_primitive::<TimestampSecondType>().value(row);
            (raw, "s", instants::timestamp_s_to_datetime(raw))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let raw = array.as_primitive::<TimestampMillisecondType>().value(row);
            (raw, "ms", instants::timestamp_ms_to_datetime(raw))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let raw = array.as_primitive::<TimestampMicrosecondType>().value(row);
            (raw, "us", instants::timestamp_us_to_datetime(raw))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let raw = array.as_primitive::<TimestampNanosecondType>().value(row);
            (raw, "ns", instants::timestamp_ns_to_datetime(raw))
        }
        _ => {
            let raw = array.as_primitive::<Date64Type>().value(row);
            (raw, "ms", instants::date64_to_datetime(raw))
        }
    };
    (raw, unit, naive.map(|naive| naive.and_utc()))
}

/// JSON for what `arrow_json` says otherwise (times without a zone, zones other than UTC, the null that a dictionary
/// inside a list or struct holds) or not at all (maps whose keys are no text, unions).
#[derive(Debug)]
struct OwnEncoders;

impl EncoderFactory for OwnEncoders {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Timestamp(..) | DataType::Date64 => Box::new(InstantEncoder(array)),
            DataType::Union(..) => Box::new(QuotedEncoder(ArrayFormatter::try_new(array, &TEXT)?)),
            DataType::Dictionary(..) => Box::new(DictionaryEncoder::new(field, array, options)?),
            DataType::Map(..) => Box::new(MapEncoder::new(field, array.as_map(), options)?),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.logical_nulls())))
    }
}

struct InstantEncoder<'a>(&'a dyn Array);

impl Encoder for InstantEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        write_quoted(&instant_text(self.0, row, Reader::Machine), out);
    }
}

/// The text that Arrow prints, as a JSON string.
struct QuotedEncoder<'a>(ArrayFormatter<'a>);

impl Encoder for QuotedEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        write_quoted(&self.0.value(row).to_string(), out);
    }
}

/// A dictionary as the values its keys stand for.
struct DictionaryEncoder<'a> {
    entries: Vec<usize>,
    values: NullableEncoder<'a>,
}

impl<'a> DictionaryEncoder<'a> {
    fn new(
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Self, ArrowError> {
        let dictionary = array.as_any_dictionary();
        // Without values every key is null, and none is looked up.
        let is_empty = dictionary.values().is_empty();
        let entries = if is_empty { Vec::new() } else { dictionary.normalized_keys() };
        Ok(Self { entries, values: make_encoder(field, dictionary.values().as_ref(), options)? })
    }
}

impl Encoder for DictionaryEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        self.values.encode(self.entries[row], out);
    }
}

/// A map as an object; keys that are no text are written as their text.
struct MapEncoder<'a> {
    map: &'a MapArray,
    keys: ArrayFormatter<'a>,
    values: NullableEncoder<'a>,
}

impl<'a> MapEncoder<'a> {
    fn new(field: &'a FieldRef, map: &'a MapArray, options: &'a EncoderOptions) -> Result<Self, ArrowError> {
        let keys = ArrayFormatter::try_new(map.keys().as_ref(), &TEXT)?;
        Ok(Self { map, keys, values: make_encoder(field, map.values().as_ref(), options)? })
    }
}

impl Encoder for MapEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let offsets = self.map.value_offsets();
        let entries = offsets[row] as usize..offsets[row + 1] as usize;
        out.push(b'{');
        for (at, entry) in entries.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_quoted(&self.keys.value(entry).to_string(), out);
            out.push(b':');
            if self.values.is_null(entry) {
                out.extend_from_slice(b"null");
            } else {
                self.values.encode(entry, out);
            }
        }
        out.push(b'}');
    }
}

/// Appends a text as a JSON string.
pub(super) fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

#[cfg(test)]
mod tests;
