//! Exact sums against two other ways to add, in any order and partitioning, and through SQL.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::EmitTo;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::wide::Wide;
use super::*;
use crate::functions::register;

const INFINITY: f64 = f64::INFINITY;

fn sum_of(values: &[f64]) -> ExactSum {
    let mut sum = ExactSum::default();
    values.iter().for_each(|&value| sum.add(value));
    sum
}

fn total(values: &[f64]) -> f64 {
    sum_of(values).total().unwrap()
}

/// Adds values in as many parts as there are, sends the parts as states and merges them from the last to the first.
fn total_of_parts(parts: &[Vec<f64>]) -> Option<f64> {
    let sums: Vec<ExactSum> = parts.iter().map(|part| sum_of(part)).collect();
    let columns = states::arrays(&sums);
    let states = States::read(&columns).unwrap();
    let mut merged = ExactSum::default();
    (0..states.len()).rev().for_each(|row| merged.merge(&states.sum(row).unwrap()));
    merged.total()
}

/// The mean rounded once, by `fsum` alone: the quotient, and what of the values it leaves over.
fn fmean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let quotient = fsum(values) / count;
    let left: Vec<f64> = values.iter().copied().chain(std::iter::repeat_n(-quotient, values.len())).collect();
    quotient + fsum(&left) / count
}

/// A quotient of integers rounded to the nearest double, half to even.
fn divided(whole: i128, count: u128) -> f64 {
    let magnitude = whole.unsigned_abs();
    let shift = magnitude.leading_zeros().min(127);
    let shifted = magnitude << shift;
    // A last bit for everything below the quotient: more than 53 bits stand before it.
    let quotient = (shifted / count) | u128::from(!shifted.is_multiple_of(count));
    let rounded = quotient as f64 * 2_f64.powi(-(shift as i32));
    if whole < 0 { -rounded } else { rounded }
}

/// Python's `math.fsum` (Shewchuk 1997): partials that do not overlap, then one rounding, half to even.
fn fsum(values: &[f64]) -> f64 {
    let mut partials: Vec<f64> = Vec::new();
    for &value in values {
        let mut x = value;
        let mut kept = Vec::new();
        for &partial in &partials {
            let (large, small) = if x.abs() < partial.abs() { (partial, x) } else { (x, partial) };
            let high = large + small;
            let low = small - (high - large);
            if low != 0.0 {
                kept.push(low);
            }
            x = high;
        }
        kept.push(x);
        partials = kept;
    }
    let mut high = partials.pop().unwrap_or(0.0);
    while let Some(next) = partials.pop() {
        let before = high;
        high = before + next;
        let low = next - (high - before);
        if low != 0.0 {
            let beyond = partials.last().is_some_and(|&rest| (rest < 0.0) == (low < 0.0));
            let doubled = 2.0 * low;
            let further = high + doubled;
            return if beyond && further - high == doubled { further } else { high };
        }
    }
    high + 0.0
}

/// Random bits below 2^1000, so that no sum of some of them leaves the range.
fn any_double() -> impl Strategy<Value = f64> {
    (any::<u64>(), 0_u64..2023)
        .prop_map(|(bits, exponent)| f64::from_bits(bits & !(0x7ff << 52) | exponent << 52))
}

/// What groups are made of: scores, durations, values far apart, subnormals, and what takes others back.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => (0_i32..=10).prop_map(|tenths| f64::from(tenths) / 10.0),
        2 => 0.0..1e4,
        2 => (any::<i64>(), -60_i32..60).prop_map(|(whole, power)| whole as f64 * 2_f64.powi(power)),
        1 => any_double(),
        1 => (0_u64..1 << 53).prop_map(f64::from_bits),
    ];
    (prop::collection::vec(value, 1..40), any::<u64>()).prop_map(|(mut values, taken_back)| {
        let negated: Vec<f64> = values
            .iter()
            .enumerate()
            .filter(|(index, _)| taken_back >> index & 1 == 1)
            .map(|(_, value)| -value)
            .collect();
        values.extend(negated);
        values
    })
}

proptest! {
    #[test]
    fn any_order_and_partitioning_give_the_bits_of_fsum(
        (values, shuffled) in values().prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        places in prop::collection::vec(0_usize..6, 80),
    ) {
        let expected = fsum(&values);
        prop_assert_eq!(total(&values).to_bits(), expected.to_bits(), "{:e} of {:?}", expected, values);
        prop_assert_eq!(total(&shuffled).to_bits(), expected.to_bits());
        let mut parts = vec![Vec::new(); 6];
        shuffled.iter().zip(places).for_each(|(&value, place)| parts[place].push(value));
        prop_assert_eq!(total_of_parts(&parts).map(f64::to_bits), Some(expected.to_bits()));
    }

    #[test]
    fn whole_numbers_of_a_unit_agree_with_integers(
        parts in prop::collection::vec((-1_i64 << 53..=1 << 53, 0_u32..60), 1..60)
    ) {
        let unit = 2_f64.powi(-30);
        let values: Vec<f64> = parts.iter().map(|&(whole, power)| whole as f64 * 2_f64.powi(power as i32) * unit).collect();
        let whole: i128 = parts.iter().map(|&(whole, power)| i128::from(whole) << power).sum();
        prop_assert_eq!(total(&values), whole as f64 * unit);
        prop_assert_eq!(sum_of(&values).mean(), Some(divided(whole, values.len() as u128) * unit));
    }

    #[test]
    fn a_mean_lies_between_its_values_and_is_the_value_that_all_share(
        value in -1e9_f64..1e9, other in -1e9_f64..1e9, count in 1_usize..50
    ) {
        prop_assert_eq!(sum_of(&vec![value; count]).mean(), Some(value));
        let mean = sum_of(&[value, other, other]).mean().unwrap();
        prop_assert!(value.min(other) <= mean && mean <= value.max(other));
    }

    #[test]
    fn a_wide_integer_gives_every_double_back(value in any_double(), other in any_double()) {
        let mut wide = Wide::ZERO;
        wide.add(value);
        prop_assert_eq!(wide.round(), value);
        wide.add(other);
        prop_assert_eq!(wide.round(), value + other);
        prop_assert_eq!(Wide::from_bytes(&wide.to_bytes()), Some(wide));
        wide.add(-value);
        prop_assert_eq!(wide.round(), other);
        wide.add(-other);
        prop_assert_eq!(wide, Wide::ZERO);
    }

    #[test]
    fn what_leaves_a_window_leaves_no_trace(before in values(), after in values()) {
        let mut sum = sum_of(&before);
        after.iter().for_each(|&value| sum.add(value));
        before.iter().for_each(|&value| sum.remove(value));
        prop_assert_eq!(sum.total().map(f64::to_bits), Some(total(&after).to_bits()));
        after.iter().for_each(|&value| sum.remove(value));
        prop_assert_eq!(sum.total(), None);
    }
}

/// The deltas of a comparison that AgentV prints as -0.242. Their exact mean is -0.2425 and 6.7e-18 more; the rounded
/// sum over the count is the double below that, which three digits would show as -0.243.
#[test]
fn a_mean_is_rounded_once() {
    let deltas = [-1.0, -1.0, -1.0, 0.95 - 0.85, 0.8 - 0.7, 0.79 - 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(sum_of(&deltas).total(), Some(-2.91));
    assert_eq!(sum_of(&deltas).mean(), Some(-0.2425));
    assert_eq!(-2.91 / 12.0, -0.242_500_000_000_000_02);
    // The same beside a sum that two doubles cannot hold.
    let mut wide = sum_of(&[1e300, 1.0, 1e-300]);
    deltas.iter().for_each(|&delta| wide.add(delta));
    [1e300, 1.0, 1e-300].iter().for_each(|&value| wide.remove(value));
    assert!(wide.wide.is_some());
    assert_eq!(wide.mean(), Some(-0.2425));
}

#[test]
fn sums_as_python_gives_them() {
    let near_cancelling = [
        54_530.753_620_587_944,
        -1.462_025_732_664_842_3e-19,
        -401.323_005_158_361_64,
        -2.020_939_181_993_840_6e-15,
        -7.581_552_198_697_861e-18,
        -1.234_099_361_572_834_9e-9,
        793_191.628_375_236_2,
        -1.437_595_736_872_757_4e-9,
        -54_530.753_620_587_995,
    ];
    assert_eq!(total(&near_cancelling), 792_790.305_370_075);
    let tiny = [
        2.448_509_365_603_407_8e-293,
        3.265_778_735_053_191_7e-299,
        -2.571_958_887_059_225_7e-301,
        4.337_349_394_406_331_7e-302,
        -1.174_722_926_430_523e-309,
        4.821_312_508_649_867e-295,
        2.309_558_139_514_029_7e-307,
    ];
    assert_eq!(total(&tiny), 2.496_725_735_086_425e-293);
    assert_eq!(total(&[0.1; 10]), 1.0);
    assert_eq!(total(&[1e308, -1e308, 1.0]), 1.0);
    assert_eq!(total(&[1e16, 1.0, -1e16]), 1.0);
    assert_eq!(total(&[1e16, 1.0, 1e-16]), 10_000_000_000_000_002.0);
    assert_eq!(total(&[1e16 - 2.0, 1.0 - 2_f64.powi(-53), -(1e16 - 2.0), -(1.0 - 2_f64.powi(-53))]), 0.0);
    assert_eq!(total(&[2_f64.powi(53), -0.5, -2_f64.powi(-54)]), 2_f64.powi(53) - 1.0);
}

#[test]
fn a_tie_goes_to_the_even_neighbour_and_a_trace_decides_it() {
    let one = 1.0_f64;
    let half = f64::EPSILON / 2.0;
    assert_eq!(total(&[one, half]), one);
    assert_eq!(total(&[one, half, f64::from_bits(1)]), one.next_up());
    assert_eq!(total(&[one, half, -f64::from_bits(1)]), one);
    assert_eq!(total(&[one.next_up(), half]), one.next_up().next_up());
    assert_eq!(total(&[one.next_up(), half, -f64::from_bits(1)]), one.next_up());
    assert_eq!(total(&[-one, -half, -f64::from_bits(1)]), -one.next_up());
}

#[test]
fn subnormals_are_added_to_the_last_bit() {
    let least = f64::from_bits(1);
    assert_eq!(total(&[least; 3]), f64::from_bits(3));
    assert_eq!(total(&[f64::MIN_POSITIVE, -least]), f64::from_bits((1 << 52) - 1));
    assert_eq!(total(&[1.0, least, -1.0]), least);
    assert_eq!(total(&[1e300, f64::MIN_POSITIVE, -1e300, -least]), f64::MIN_POSITIVE.next_down());
    assert_eq!(sum_of(&[least, least]).mean(), Some(least));
}

#[test]
fn only_the_final_sum_can_leave_the_range() {
    let max = f64::MAX;
    for order in [[max, max, -max], [max, -max, max], [-max, max, max]] {
        assert_eq!(total(&order), max);
        assert_eq!(total_of_parts(&order.map(|value| vec![value])), Some(max));
    }
    let half_step = 2_f64.powi(969);
    assert_eq!(total(&[max, half_step.next_down(), half_step]), max);
    assert_eq!(total(&[max, half_step, half_step]), INFINITY);
    assert_eq!(total(&[max, half_step, half_step, -1.0]), max);
    assert_eq!(total(&[-max, -max]), -INFINITY);
    let mut many = sum_of(&[max; 1000]);
    many.merge(&sum_of(&[-max; 999]));
    assert_eq!(many.total(), Some(max));
}

#[test]
fn infinities_and_nan_add_up_in_any_order() {
    for order in [[1e308, 1e308, INFINITY], [INFINITY, 1e308, 1e308], [1e308, INFINITY, 1e308]] {
        assert_eq!(total(&order), INFINITY);
        assert_eq!(sum_of(&order.map(|value| -value)).mean(), Some(-INFINITY));
    }
    let poisoned: [&[f64]; 4] = [
        &[INFINITY, -INFINITY],
        &[-INFINITY, 1.0, INFINITY],
        &[f64::NAN, 1.0],
        &[1e300, 1e-300, -f64::NAN, INFINITY],
    ];
    for values in poisoned {
        let parts: Vec<Vec<f64>> = values.iter().map(|&value| vec![value]).collect();
        assert_eq!(total(values).to_bits(), f64::NAN.to_bits());
        assert_eq!(total_of_parts(&parts).map(f64::to_bits), Some(f64::NAN.to_bits()));
    }
}

#[test]
fn a_sum_of_zero_has_no_sign_and_a_sum_of_nothing_is_none() {
    assert_eq!(total(&[-0.0]).to_bits(), 0);
    assert_eq!(total(&[-1e300, 1e-300, 1e300, -1e-300]).to_bits(), 0);
    assert_eq!(sum_of(&[]).total(), None);
    assert_eq!(sum_of(&[]).mean(), None);
    assert_eq!(total_of_parts(&[vec![], vec![]]), None);
    assert_eq!(total_of_parts(&[vec![], vec![-0.0]]).map(f64::to_bits), Some(0));
}

#[test]
fn usual_groups_stay_two_doubles() {
    let scores: Vec<f64> = (0..100_000).map(|case| f64::from(case % 11) / 10.0).collect();
    assert_eq!(sum_of(&scores).heap_size(), 0);
    let durations: Vec<f64> =
        (0..100_000).map(|case| f64::from(case % 9_973).mul_add(0.017, 0.001)).collect();
    assert_eq!(sum_of(&durations).heap_size(), 0);
    assert_eq!(sum_of(&[1e300, 1.0, 1e-300]).heap_size(), Wide::BYTES);
}

#[test]
fn groups_are_emitted_from_the_front_and_account_for_their_memory() {
    let batch = |values: &[f64]| -> [ArrayRef; 1] { [Arc::new(Float64Array::from(values.to_vec()))] };
    let mut groups = GroupSums::new(Exact::Sum);
    groups.update_batch(&batch(&[1e300, 2.0, 1e-300, 1.0, 5.0]), &[0, 1, 0, 0, 2], None, 3).unwrap();
    let large = groups.size();
    assert_eq!(
        groups.evaluate(EmitTo::First(1)).unwrap().as_primitive::<Float64Type>().values()[..],
        [1e300]
    );
    assert!(groups.size() + Wide::BYTES <= large);
    groups.update_batch(&batch(&[0.5]), &[1], None, 2).unwrap();
    let state = groups.state(EmitTo::First(1)).unwrap();
    assert_eq!(states::States::read(&state).unwrap().sum(0).unwrap().total(), Some(2.0));
    assert_eq!(groups.evaluate(EmitTo::All).unwrap().as_primitive::<Float64Type>().values()[..], [5.5]);
    assert_eq!(groups.evaluate(EmitTo::All).unwrap().len(), 0);
}

#[test]
fn every_row_as_a_state_equals_the_sum_of_all() {
    let values: [ArrayRef; 1] =
        [Arc::new(Float64Array::from(vec![Some(1e16), None, Some(1.0), Some(-1e16), Some(7.0)]))];
    let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(true), None]);
    let mut groups = GroupSums::new(Exact::Mean);
    let state = groups.convert_to_state(&values, Some(&filter)).unwrap();
    groups.merge_batch(&state, &[0, 1, 0, 0, 1], 2).unwrap();
    let means = groups.evaluate(EmitTo::All).unwrap();
    assert_eq!(means.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(1.0 / 3.0), None]);
}

#[test]
fn a_foreign_state_is_an_error() {
    let mut columns = states::arrays(&[sum_of(&[1e300, 1e-300])]);
    let damaged: ArrayRef = Arc::new(arrow::array::BinaryArray::from(vec![b"short".as_slice()]));
    columns[3] = damaged;
    let message = GroupSums::new(Exact::Sum).merge_batch(&columns, &[0], 1).unwrap_err().to_string();
    assert!(message.contains("expected 272 bytes of an exact sum, found 5"), "{message}");
    let message = SlidingSum::new(Exact::Sum).merge_batch(&columns[..2]).unwrap_err().to_string();
    assert!(message.contains("expected the state of an exact sum"), "{message}");
}

type Row = (i64, Option<f64>);

/// A session in which `t(g, x)` has these partitions.
fn session(partitions: Vec<Vec<Row>>, target_partitions: usize) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(target_partitions).with_batch_size(7);
    // Rows beyond the first few of a partition are to go through `convert_to_state`.
    let execution = &mut config.options_mut().execution;
    execution.skip_partial_aggregation_probe_rows_threshold = 2;
    execution.skip_partial_aggregation_probe_ratio_threshold = 0.1;
    let ctx = SessionContext::new_with_config(config);
    register(&ctx);
    let fields = [("g", DataType::Int64, false), ("x", DataType::Float64, true)];
    let schema =
        Arc::new(Schema::new(fields.map(|(name, kind, null)| Field::new(name, kind, null)).to_vec()));
    let batch = |rows: &[Row]| {
        let groups = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
        let values: Float64Array = rows.iter().map(|row| row.1).collect();
        RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(groups), Arc::new(values)]).unwrap()
    };
    let batches = partitions.iter().map(|rows| rows.chunks(3).map(batch).collect());
    let table = MemTable::try_new(Arc::clone(&schema), batches.collect()).unwrap();
    ctx.register_table("t", Arc::new(table)).unwrap();
    ctx
}

/// The cells of the doubles of an answer, as bits, row by row.
async fn bits(ctx: &SessionContext, sql: &str) -> Vec<Vec<Option<u64>>> {
    let frame = ctx.sql(sql).await.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    let answer = concat_batches(&schema, &frame.collect().await.unwrap()).unwrap();
    let columns: Vec<&Float64Array> =
        answer.columns().iter().filter_map(|column| column.as_primitive_opt::<Float64Type>()).collect();
    let cell = |column: &Float64Array, row| column.is_valid(row).then(|| column.value(row).to_bits());
    (0..answer.num_rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

fn numbers<const N: usize>(cells: [Option<f64>; N]) -> Vec<Option<u64>> {
    cells.map(|cell| cell.map(f64::to_bits)).to_vec()
}

const BY_GROUP: &str = "SELECT exact_sum(x), exact_mean(x) FROM t GROUP BY g ORDER BY g";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn sql_gives_the_same_bits_for_any_partitioning(
        values in values(),
        places in prop::collection::vec((0_i64..5, 0_usize..13), 80),
    ) {
        let rows: Vec<(Row, usize)> =
            values.iter().zip(places).map(|(&value, (group, place))| ((group, Some(value)), place)).collect();
        let mut scattered = vec![Vec::new(); 13];
        rows.iter().rev().for_each(|&(row, place)| scattered[place].push(row));
        let together = vec![rows.iter().map(|&(row, _)| row).collect::<Vec<Row>>()];
        let expected: Vec<Vec<Option<u64>>> = (0..5)
            .map(|group| rows.iter().filter(|(row, _)| row.0 == group).filter_map(|(row, _)| row.1).collect())
            .filter(|group: &Vec<f64>| !group.is_empty())
            .map(|group| numbers([Some(fsum(&group)), Some(fmean(&group))]))
            .collect();
        let all = vec![numbers([Some(fsum(&values)), Some(fmean(&values))])];
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        for (partitions, target) in [(together, 1), (scattered.clone(), 1), (scattered, 8)] {
            let ctx = session(partitions, target);
            prop_assert_eq!(&runtime.block_on(bits(&ctx, BY_GROUP)), &expected);
            prop_assert_eq!(&runtime.block_on(bits(&ctx, "SELECT exact_sum(x), exact_mean(x) FROM t")), &all);
        }
    }
}

/// The deviation of few values, by a plain second pass over their exact mean.
fn two_passes(values: &[f64]) -> f64 {
    let mean = fsum(values) / values.len() as f64;
    let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
    (fsum(&squares) / (values.len() as f64 - 1.0)).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn sql_deviates_by_the_same_bits_for_any_partitioning(
        values in prop::collection::vec((-1000_i32..1000).prop_map(|value| f64::from(value) / 7.0), 2..60),
        places in prop::collection::vec(0_usize..13, 60),
    ) {
        let sql = "SELECT exact_stddev(x) FROM t GROUP BY g";
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let mut scattered = vec![Vec::new(); 13];
        values.iter().rev().zip(places).for_each(|(&value, place)| scattered[place].push((0, Some(value))));
        let together = vec![values.iter().map(|&value| (0, Some(value))).collect::<Vec<Row>>()];
        let first = runtime.block_on(bits(&session(together, 1), sql));
        for target in [1, 8] {
            let ctx = session(scattered.clone(), target);
            prop_assert_eq!(&runtime.block_on(bits(&ctx, sql)), &first);
            prop_assert_eq!(&runtime.block_on(bits(&ctx, "SELECT exact_stddev(x) FROM t")), &first);
        }
        let found = f64::from_bits(first[0][0].unwrap());
        let expected = two_passes(&values);
        prop_assert!((found - expected).abs() <= 1e-13 * expected, "{} {}", found, expected);
    }
}

/// Groups: 0 usual, 1 wide, 2 NaN, 3 both infinities, 4 only nulls, 5 an infinity; a row per partition.
fn awkward() -> Vec<Vec<Row>> {
    let rows = [
        (0, Some(0.1)),
        (1, Some(1e308)),
        (2, Some(1.0)),
        (3, Some(INFINITY)),
        (4, None),
        (5, Some(INFINITY)),
        (0, Some(0.2)),
        (1, Some(1e-300)),
        (2, Some(f64::NAN)),
        (3, Some(-INFINITY)),
        (4, None),
        (5, Some(1.0)),
        (0, None),
        (1, Some(-1e308)),
        (2, Some(INFINITY)),
        (3, Some(1.0)),
        (5, Some(1e308)),
        (0, Some(0.3)),
    ];
    rows.map(|row| vec![row]).to_vec()
}

#[tokio::test]
async fn sql_keeps_special_values_in_their_group() {
    for target in [1, 8] {
        let expected = [
            numbers([Some(0.6), Some(0.2)]),
            numbers([Some(1e-300), Some(1e-300 / 3.0)]),
            numbers([Some(f64::NAN), Some(f64::NAN)]),
            numbers([Some(f64::NAN), Some(f64::NAN)]),
            numbers([None, None]),
            numbers([Some(INFINITY), Some(INFINITY)]),
        ];
        assert_eq!(bits(&session(awkward(), target), BY_GROUP).await, expected);
    }
}

#[tokio::test]
async fn sql_filters_rows_of_an_aggregate() {
    let by_group =
        "SELECT exact_sum(x) FILTER (WHERE x < 0.25), exact_mean(x) FILTER (WHERE g > 0 AND x > 1e300)
                    FROM t GROUP BY g ORDER BY g";
    let over_all = "SELECT exact_sum(x) FILTER (WHERE g = 0), exact_mean(x) FILTER (WHERE g = 9) FROM t";
    for target in [1, 8] {
        let ctx = session(awkward(), target);
        let found = bits(&ctx, by_group).await;
        assert_eq!(found[0], numbers([Some(fsum(&[0.1, 0.2])), None]));
        assert_eq!(found[1], numbers([Some(-1e308 + 1e-300), Some(1e308)]));
        assert_eq!(found[4], numbers([None, None]));
        assert_eq!(bits(&ctx, over_all).await, [numbers([Some(0.6), None])]);
    }
}

#[tokio::test]
async fn sql_takes_integers_decimals_and_nothing() {
    let ctx = session(Vec::from([vec![]]), 4);
    let literals = "SELECT exact_mean(i), exact_sum(d), exact_sum(NULL), exact_sum(f)
                    FROM (VALUES (1, 0.1::DECIMAL(5, 2), 0.5::FLOAT), (2, 0.2, 0.25)) AS v(i, d, f)";
    assert_eq!(bits(&ctx, literals).await, [numbers([Some(1.5), Some(fsum(&[0.1, 0.2])), None, Some(0.75)])]);
    assert_eq!(bits(&ctx, "SELECT exact_sum(x), exact_mean(x) FROM t").await, [numbers([None, None])]);
    assert!(bits(&ctx, BY_GROUP).await.is_empty());
    let message = ctx.sql("SELECT exact_sum(x, g) FROM t").await.unwrap_err().to_string();
    assert!(message.contains("exact_sum"), "{message}");
}

#[tokio::test]
async fn sql_windows_forget_what_left_them() {
    let rows = [1e16, 1.0, INFINITY, f64::NAN, 0.1, 0.2, -INFINITY, 1e-300, 3.0];
    let rows = rows.iter().zip(0_i64..).map(|(&value, order)| (order, Some(value))).collect();
    let ctx = session(vec![rows], 4);
    let sql = "SELECT exact_sum(x) OVER (ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW),
                      exact_mean(x) OVER (ORDER BY g ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING),
                      exact_sum(x) OVER (PARTITION BY g) FROM t ORDER BY g";
    let expected = [
        [Some(1e16), Some(1.0), Some(1e16)],
        [Some(1e16), Some(INFINITY), Some(1.0)],
        [Some(INFINITY), Some(f64::NAN), Some(INFINITY)],
        [Some(f64::NAN), Some(0.1), Some(f64::NAN)],
        [Some(f64::NAN), Some(0.2), Some(0.1)],
        [Some(fsum(&[0.1, 0.2])), Some(-INFINITY), Some(0.2)],
        [Some(-INFINITY), Some(1e-300), Some(-INFINITY)],
        [Some(-INFINITY), Some(3.0), Some(1e-300)],
        [Some(3.0), None, Some(3.0)],
    ];
    assert_eq!(bits(&ctx, sql).await, expected.map(numbers));
}

#[tokio::test]
async fn sql_adds_distinct_values_alone_and_refuses_them_next_to_others() {
    let rows = [0.1, 0.1, 0.2, 0.2].iter().map(|&value| vec![(0, Some(value))]).collect();
    let ctx = session(rows, 4);
    let alone = bits(&ctx, "SELECT exact_sum(DISTINCT x) FROM t").await;
    assert_eq!(alone, [numbers([Some(fsum(&[0.1, 0.2]))])]);
    let mixed = ctx.sql("SELECT exact_sum(DISTINCT x), count(g) FROM t GROUP BY g").await.unwrap();
    let message = mixed.collect().await.unwrap_err().to_string();
    assert!(message.contains("exact_sum(DISTINCT ..)"), "{message}");
}
