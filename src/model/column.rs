//! How a Rust field becomes a stored column: its Arrow type, whether it may be null, how it is written and read.
//!
//! Every stored column is declared once, as a field of a struct inside [`crate::model::stored_table!`].
//! Docs, schemas, Parquet files and JSON derive from that declaration.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int64Array, Int64Builder,
    StringArray, StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, TimeUnit};

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Parses an RFC 3339 time, or `YYYY-MM-DD[T ]HH:MM:SS[.f]` without a zone, which is read as UTC.
    ///
    /// Returns `None` when the text is no such time.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
            return Some(Self(time.timestamp_micros()));
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
            if let Ok(time) = chrono::NaiveDateTime::parse_from_str(text, format) {
                return Some(Self(time.and_utc().timestamp_micros()));
            }
        }
        chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .and_then(|day| day.and_hms_opt(0, 0, 0))
            .map(|time| Self(time.and_utc().timestamp_micros()))
    }

    /// The time as RFC 3339 in UTC with milliseconds.
    pub fn to_rfc3339(self) -> String {
        chrono::DateTime::from_timestamp_micros(self.0).map_or_else(
            || format!("{} us", self.0),
            |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        )
    }
}

/// One stored column as docs and schemas show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name in SQL, JSON and Parquet.
    pub name: &'static str,
    /// Arrow type as stored.
    pub data_type: DataType,
    /// Whether a value may be missing. Missing is null, never 0 and never an empty text.
    pub nullable: bool,
    /// Meaning, unit and what null says.
    pub doc: &'static str,
}

/// A Rust type that can be stored as a column.
pub trait Stored: Sized {
    /// Whether null can be stored.
    const NULLABLE: bool;
    /// The Arrow type of the column.
    fn data_type() -> DataType;
    /// Builds the column from one value per row.
    fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef
    where
        Self: 'a;
    /// Reads one value back; `None` when the array has another type or a null where none may be.
    fn from_array(array: &ArrayRef, row: usize) -> Option<Self>;
}

macro_rules! stored {
    ($ty:ty, $data_type:expr, $builder:ty, $array:ty, |$b:ident, $v:ident| $append:expr, |$a:ident, $i:ident| $read:expr) => {
        impl Stored for $ty {
            const NULLABLE: bool = false;
            fn data_type() -> DataType {
                $data_type
            }
            fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                let mut $b = <$builder>::new();
                for $v in values {
                    $append;
                }
                Arc::new($b.finish())
            }
            fn from_array(array: &ArrayRef, $i: usize) -> Option<Self> {
                let $a = array.as_any().downcast_ref::<$array>()?;
                if $a.is_null($i) { None } else { Some($read) }
            }
        }
        impl Stored for Option<$ty> {
            const NULLABLE: bool = true;
            fn data_type() -> DataType {
                $data_type
            }
            fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                let mut $b = <$builder>::new();
                for value in values {
                    match value {
                        Some($v) => $append,
                        None => $b.append_null(),
                    }
                }
                Arc::new($b.finish())
            }
            fn from_array(array: &ArrayRef, $i: usize) -> Option<Self> {
                let $a = array.as_any().downcast_ref::<$array>()?;
                Some(if $a.is_null($i) { None } else { Some($read) })
            }
        }
    };
}

stored!(String, DataType::Utf8, StringBuilder, StringArray, |b, v| b.append_value(v), |a, i| a
    .value(i)
    .to_owned());
// A text that many clones of its row may share; long ones only, since each value is an allocation of its own.
stored!(Arc<str>, DataType::Utf8, StringBuilder, StringArray, |b, v| b.append_value(v), |a, i| Arc::from(
    a.value(i)
));
stored!(i64, DataType::Int64, Int64Builder, Int64Array, |b, v| b.append_value(*v), |a, i| a.value(i));
stored!(f64, DataType::Float64, Float64Builder, Float64Array, |b, v| b.append_value(*v), |a, i| a.value(i));
stored!(bool, DataType::Boolean, BooleanBuilder, BooleanArray, |b, v| b.append_value(*v), |a, i| a.value(i));

impl Stored for Option<Timestamp> {
    const NULLABLE: bool = true;
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }
    fn to_array<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        let mut builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        for value in values {
            builder.append_option(value.map(|time| time.0));
        }
        Arc::new(builder.finish())
    }
    fn from_array(array: &ArrayRef, row: usize) -> Option<Self> {
        let array = array.as_any().downcast_ref::<TimestampMicrosecondArray>()?;
        Some((!array.is_null(row)).then(|| Timestamp(array.value(row))))
    }
}

/// Declares a stored table: a row struct whose fields are the columns, in stored order.
macro_rules! stored_table {
    (
        $(#[doc = $table_doc:literal])+
        $row:ident in $table:literal {
            $( $(#[doc = $doc:literal])+ $field:ident : $ty:ty, )+
        }
    ) => {
        $(#[doc = $table_doc])+
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $row {
            $( $(#[doc = $doc])+ pub $field: $ty, )+
        }

        impl $crate::model::Row for $row {
            const TABLE: &'static str = $table;
            const DOC: &'static str = concat!($($table_doc, "\n"),+);

            fn columns() -> Vec<$crate::model::Column> {
                vec![$( $crate::model::Column {
                    name: stringify!($field),
                    data_type: <$ty as $crate::model::Stored>::data_type(),
                    nullable: <$ty as $crate::model::Stored>::NULLABLE,
                    doc: concat!($($doc, "\n"),+),
                } ),+]
            }

            fn arrays(rows: &[Self]) -> Vec<arrow::array::ArrayRef> {
                vec![$( <$ty as $crate::model::Stored>::to_array(rows.iter().map(|row| &row.$field)) ),+]
            }

            fn read(
                batch: &arrow::array::RecordBatch,
            ) -> Result<Vec<Self>, $crate::model::ReadRowError> {
                $( let $field = $crate::model::stored_column::<$ty>(batch, $table, stringify!($field))?; )+
                (0..batch.num_rows())
                    .map(|row| {
                        Ok(Self {
                            $( $field: $crate::model::Stored::from_array(&$field, row).ok_or(
                                $crate::model::ReadRowError {
                                    table: $table,
                                    column: stringify!($field),
                                },
                            )?, )+
                        })
                    })
                    .collect()
            }
        }
    };
}
pub(crate) use stored_table;
