//! Sums on their way between the steps of an aggregation: arrays of counts and parts, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Float64Array, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::utils::format_state_name;

use super::exact::ExactSum;
use super::wide::Wide;

/// Columns of a state. `wide` is null unless the sum needs it; the others are never null.
pub(super) fn fields(name: &str) -> Vec<FieldRef> {
    let field = |part, kind, nullable| Arc::new(Field::new(format_state_name(name, part), kind, nullable));
    vec![
        field("count", DataType::UInt64, false),
        field("high", DataType::Float64, false),
        field("low", DataType::Float64, false),
        field("wide", DataType::Binary, true),
    ]
}

/// A row per sum.
pub(super) fn arrays(sums: &[ExactSum]) -> Vec<ArrayRef> {
    let counts: UInt64Array = sums.iter().map(|sum| Some(sum.count)).collect();
    let [highs, lows] = [|sum: &ExactSum| sum.high, |sum: &ExactSum| sum.low]
        .map(|part| sums.iter().map(|sum| Some(part(sum))).collect::<Float64Array>());
    let bytes = sums.iter().map(ExactSum::heap_size).sum();
    let mut wides = BinaryBuilder::with_capacity(sums.len(), bytes);
    for sum in sums {
        wides.append_option(sum.wide.as_ref().map(|wide| wide.to_bytes()));
    }
    vec![Arc::new(counts), Arc::new(highs), Arc::new(lows), Arc::new(wides.finish())]
}

/// The same for one sum.
pub(super) fn scalars(sum: &ExactSum) -> Vec<ScalarValue> {
    vec![
        ScalarValue::UInt64(Some(sum.count)),
        ScalarValue::Float64(Some(sum.high)),
        ScalarValue::Float64(Some(sum.low)),
        ScalarValue::Binary(sum.wide.as_ref().map(|wide| wide.to_bytes())),
    ]
}

/// The state of every value as a group of its own; a value that is null makes an empty group.
pub(super) fn of_each(values: impl Iterator<Item = Option<f64>>) -> Vec<ArrayRef> {
    // Rows, not arrays: the engine hands over some thousand at a time.
    let sums: Vec<ExactSum> = values
        .map(|value| {
            let mut sum = ExactSum::default();
            value.into_iter().for_each(|value| sum.add(value));
            sum
        })
        .collect();
    arrays(&sums)
}

/// States to read, a row per sum.
pub(super) struct States<'a> {
    counts: &'a UInt64Array,
    highs: &'a Float64Array,
    lows: &'a Float64Array,
    wides: &'a BinaryArray,
}

impl<'a> States<'a> {
    /// # Errors
    /// When the columns are not those of [`fields`].
    pub(super) fn read(columns: &'a [ArrayRef]) -> Result<Self> {
        let read = || match columns {
            [counts, highs, lows, wides] => Some(Self {
                counts: counts.as_primitive_opt::<UInt64Type>()?,
                highs: highs.as_primitive_opt::<Float64Type>()?,
                lows: lows.as_primitive_opt::<Float64Type>()?,
                wides: wides.as_binary_opt::<i32>()?,
            }),
            _ => None,
        };
        read().ok_or_else(|| {
            let found: Vec<_> = columns.iter().map(|column| column.data_type()).collect();
            exec_datafusion_err!("expected the state of an exact sum, found columns {found:?}")
        })
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// # Errors
    /// When the wide part has another length than it was written with.
    pub(super) fn sum(&self, row: usize) -> Result<ExactSum> {
        let wide = self.wides.is_valid(row).then(|| self.wides.value(row));
        let wide = wide.map(|bytes| {
            Wide::from_bytes(bytes).map(Box::new).ok_or_else(|| {
                exec_datafusion_err!("expected {} bytes of an exact sum, found {}", Wide::BYTES, bytes.len())
            })
        });
        Ok(ExactSum {
            count: self.counts.value(row),
            high: self.highs.value(row),
            low: self.lows.value(row),
            wide: wide.transpose()?,
        })
    }
}
