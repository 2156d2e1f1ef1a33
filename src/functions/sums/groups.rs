//! Exact sums of many groups at a time (`GROUP BY`).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::exact::ExactSum;
use super::states::{self, States};
use super::{Exact, argument};

/// The sums of all groups, by group index.
pub(super) struct GroupSums {
    exact: Exact,
    sums: Vec<ExactSum>,
    /// Bytes the sums have on the heap.
    heap: usize,
}

impl GroupSums {
    pub(super) fn new(exact: Exact) -> Self {
        Self { exact, sums: Vec::new(), heap: 0 }
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<ExactSum> {
        let taken = emit_to.take_needed(&mut self.sums);
        self.heap -= taken.iter().map(ExactSum::heap_size).sum::<usize>();
        taken
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize_with(groups, ExactSum::default);
    }

    fn add(&mut self, group: usize, value: f64) {
        let sum = &mut self.sums[group];
        let before = sum.heap_size();
        sum.add(value);
        self.heap += sum.heap_size() - before;
    }
}

impl GroupsAccumulator for GroupSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let values = argument(values)?;
        if opt_filter.is_none() && values.null_count() == 0 {
            for (&group, &value) in group_indices.iter().zip(values.values()) {
                self.add(group, value);
            }
            return Ok(());
        }
        for (&group, value) in group_indices.iter().zip(kept(values, opt_filter)) {
            if let Some(value) = value {
                self.add(group, value);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let exact = self.exact;
        let answers: Float64Array = self.take(emit_to).iter().map(|sum| exact.of(sum)).collect();
        Ok(Arc::new(answers))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(states::arrays(&self.take(emit_to)))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let states = States::read(values)?;
        for (row, &group) in group_indices.iter().enumerate() {
            let sum = &mut self.sums[group];
            let before = sum.heap_size();
            sum.merge(&states.sum(row)?);
            self.heap += sum.heap_size() - before;
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        Ok(states::of_each(kept(argument(values)?, opt_filter)))
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<ExactSum>() + self.heap
    }
}

/// The values, null where the filter does not say true.
fn kept<'a>(
    values: &'a Float64Array,
    filter: Option<&'a BooleanArray>,
) -> impl Iterator<Item = Option<f64>> + 'a {
    let keeps = move |row| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
    values.iter().enumerate().map(move |(row, value)| value.filter(|_| keeps(row)))
}
