//! The sample standard deviation, whatever the order of the values.
//!
//! The usual running update rounds after every value, and so its last digits depend on the order in which rows and
//! partitions arrive. Here the values and their squares are summed exactly, each square as two doubles, and what is
//! rounded is n * sum(x^2) - sum(x)^2, once: nothing cancels before, and equal values deviate by exactly 0.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, ReversedUDAF, Signature, Volatility};

use super::exact::ExactSum;
use super::states::{self, States};
use super::{argument, refuse_distinct};

/// `exact_stddev` as the engine calls it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::functions) struct ExactDeviation {
    name: &'static str,
    signature: Signature,
}

impl ExactDeviation {
    pub(in crate::functions) fn new(name: &'static str) -> Self {
        Self { name, signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for ExactDeviation {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let mut fields = states::fields(args.name);
        fields.extend(states::fields(&format!("{} of squares", args.name)));
        Ok(fields)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(self.name, &args)?;
        Ok(Box::new(Deviation::default()))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// The exact sums of some values and of their squares.
#[derive(Debug, Default)]
pub(super) struct Deviation {
    values: ExactSum,
    squares: ExactSum,
}

impl Deviation {
    /// Adds a value. Squares that leave the range of a double (beyond 1e154) leave no deviation.
    pub(super) fn add(&mut self, value: f64) {
        self.values.add(value);
        product(value, value).into_iter().for_each(|part| self.squares.add(part));
    }

    /// sqrt((n * sum(x^2) - sum(x)^2) / (n * (n - 1))); `None` for fewer than two values, and beyond the range.
    pub(super) fn sample(&self) -> Option<f64> {
        let n = self.values.count as f64;
        if self.values.count < 2 {
            return None;
        }
        let [sum, sum_rest, _] = parts(&self.values);
        let mut scaled = ExactSum::default();
        let squares = parts(&self.squares).map(|part| product(n, part));
        let cross = [product(-sum, sum), product(-2.0 * sum, sum_rest), product(-sum_rest, sum_rest)];
        squares.into_iter().chain(cross).flatten().for_each(|part| scaled.add(part));
        let variance = scaled.total()? / (n * (n - 1.0));
        Some(variance.max(0.0).sqrt()).filter(|_| variance.is_finite())
    }
}

/// The product of two doubles and its error: together exactly the product, unless the error is subnormal.
fn product(a: f64, b: f64) -> [f64; 2] {
    let high = a * b;
    [high, a.mul_add(b, -high)]
}

/// A sum as three doubles that do not overlap, the same ones in whatever order it was made.
fn parts(sum: &ExactSum) -> [f64; 3] {
    let mut rest = sum.clone();
    [(); 3].map(|()| {
        let part = rest.total().unwrap_or(0.0);
        rest.add(-part);
        part
    })
}

impl Accumulator for Deviation {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        argument(values)?.iter().flatten().for_each(|value| self.add(value));
        Ok(())
    }

    fn merge_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (values, squares) = columns.split_at(columns.len() / 2);
        let (values, squares) = (States::read(values)?, States::read(squares)?);
        for row in 0..values.len() {
            self.values.merge(&values.sum(row)?);
            self.squares.merge(&squares.sum(row)?);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok([&self.values, &self.squares].into_iter().flat_map(states::scalars).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.sample()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.heap_size() + self.squares.heap_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Option<f64> {
        let mut deviation = Deviation::default();
        values.iter().for_each(|&value| deviation.add(value));
        deviation.sample()
    }

    #[test]
    fn known_deviations() {
        assert_eq!(sample(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), Some((32.0_f64 / 7.0).sqrt()));
        // A running update keeps no digit of the second one.
        assert_eq!(sample(&[1e15, 1e15 + 1.0, 1e15 + 2.0]), Some(1.0));
    }

    #[test]
    fn equal_values_do_not_deviate() {
        for value in [0.1, 1.0 / 3.0, 1e-9, 123_456.789, -2.0 / 7.0] {
            for count in [2, 3, 7, 1000] {
                assert_eq!(sample(&vec![value; count]), Some(0.0), "{count} x {value}");
            }
        }
    }

    #[test]
    fn without_two_values_or_beyond_the_range_there_is_none() {
        assert_eq!(sample(&[]), None);
        assert_eq!(sample(&[1.0]), None);
        assert_eq!(sample(&[1e200, 2e200]), None);
        assert_eq!(sample(&[1.0, f64::INFINITY]), None);
        assert_eq!(sample(&[1.0, f64::NAN, 2.0]), None);
    }
}
