//! Sum, mean and standard deviation of doubles that do not depend on the order of the values.
//!
//! The engine's own `sum`, `avg` and `stddev_samp` round after every value, in the order in which partitions
//! arrive, and so may differ in the last digit from run to run. Here the sum is exact and rounded once (as Python's
//! `math.fsum`, without its overflows on the way): any order and any partitioning give the same bits. DISTINCT next
//! to other aggregates is refused.

mod deviation;
mod exact;
mod groups;
mod states;
#[cfg(test)]
mod tests;
mod wide;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

pub(super) use self::deviation::ExactDeviation;
use self::exact::ExactSum;
use self::groups::GroupSums;
use self::states::States;

/// What is asked of the exact sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Exact {
    /// The sum itself, rounded to the nearest double.
    Sum,
    /// The sum over the number of values, rounded to the nearest double once.
    Mean,
}

impl Exact {
    fn of(self, sum: &ExactSum) -> Option<f64> {
        match self {
            Self::Sum => sum.total(),
            Self::Mean => sum.mean(),
        }
    }
}

/// `exact_sum` or `exact_mean` as the engine calls it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExactAggregate {
    name: &'static str,
    exact: Exact,
    signature: Signature,
}

impl ExactAggregate {
    pub(super) fn new(name: &'static str, exact: Exact) -> Self {
        Self { name, exact, signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) }
    }
}

fn refuse_distinct(name: &str, args: &AccumulatorArgs) -> Result<()> {
    if args.is_distinct {
        return not_impl_err!("{name}(DISTINCT ..) next to other aggregates; use a subquery");
    }
    Ok(())
}

impl AggregateUDFImpl for ExactAggregate {
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
        Ok(states::fields(args.name))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(self.name, &args)?;
        Ok(Box::new(SlidingSum::new(self.exact)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        refuse_distinct(self.name, &args)?;
        Ok(Box::new(GroupSums::new(self.exact)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// One exact sum, without `GROUP BY` and in windows, where values leave again.
#[derive(Debug)]
struct SlidingSum {
    exact: Exact,
    finite: ExactSum,
    /// How many NaN, positive and negative infinities: a sum of them could not give one back.
    special: [(f64, u64); 3],
}

impl SlidingSum {
    fn new(exact: Exact) -> Self {
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| (value, 0));
        Self { exact, finite: ExactSum::default(), special }
    }

    fn counter(&mut self, value: f64) -> &mut u64 {
        let [nan, positive, negative] = &mut self.special;
        let counted = match value {
            f64::INFINITY => positive,
            f64::NEG_INFINITY => negative,
            _ => nan,
        };
        &mut counted.1
    }

    fn sum(&self) -> ExactSum {
        let mut sum = self.finite.clone();
        // Once each: the sum of a special value no longer depends on how many there are.
        for (value, count) in self.special {
            if count > 0 {
                sum.add(value);
            }
        }
        sum
    }
}

impl Accumulator for SlidingSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in argument(values)?.iter().flatten() {
            if value.is_finite() {
                self.finite.add(value);
            } else {
                *self.counter(value) += 1;
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in argument(values)?.iter().flatten() {
            if value.is_finite() {
                self.finite.remove(value);
            } else {
                let count = self.counter(value);
                *count = count.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = States::read(states)?;
        for row in 0..states.len() {
            // Merged sums are never given back, so special values may stay in them.
            self.finite.merge(&states.sum(row)?);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(states::scalars(&self.sum()))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.exact.of(&self.sum())))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.finite.heap_size()
    }
}

/// The one column an exact aggregate is over.
fn argument(columns: &[ArrayRef]) -> Result<&Float64Array> {
    let [values] = columns else {
        return Err(exec_datafusion_err!("expected 1 argument, found {}", columns.len()));
    };
    values
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(|| exec_datafusion_err!("expected DOUBLE, found {}", values.data_type()))
}
