//! Carries a function of a row into DataFusion: argument types, nulls, arrays and single values.
//!
//! Knows nothing of statistics. Integers and decimals are brought to DOUBLE by the engine before a call.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::{Kernel, Kind};

/// A [`Kernel`] as the engine calls it. Two are equal when their names are.
#[derive(Debug)]
pub(super) struct Statistic {
    name: &'static str,
    kernel: Kernel,
    signature: Signature,
}

impl Statistic {
    pub(super) fn new(name: &'static str, kernel: Kernel) -> Self {
        let types = kernel
            .argument_types()
            .iter()
            .map(|kind| match kind {
                Kind::Count => DataType::Int64,
                Kind::Double => DataType::Float64,
                Kind::Doubles => DataType::new_list(DataType::Float64, true),
            })
            .collect();
        Self { name, kernel, signature: Signature::exact(types, Volatility::Immutable) }
    }
}

impl PartialEq for Statistic {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Statistic {}

impl Hash for Statistic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Statistic {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let single = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let answer: Float64Array = match self.kernel {
            Kernel::Double(kernel) => {
                let [x] = exactly(&arrays)?;
                doubles(x)?.iter().map(|x| kernel(x?)).collect()
            }
            Kernel::DoubleDouble(kernel) => {
                let [x, y] = exactly(&arrays)?;
                doubles(x)?.iter().zip(doubles(y)?).map(|(x, y)| kernel(x?, y?)).collect()
            }
            Kernel::CountCount(kernel) => {
                let [x, y] = exactly(&arrays)?;
                counts(x)?.iter().zip(counts(y)?).map(|(x, y)| kernel(x?, y?)).collect()
            }
            Kernel::CountCountDouble(kernel) => {
                let [x, y, z] = exactly(&arrays)?;
                let pairs = counts(x)?.iter().zip(counts(y)?);
                pairs.zip(doubles(z)?).map(|((x, y), z)| kernel(x?, y?, z?)).collect()
            }
            Kernel::DoubleDoubleDoubleCount(kernel) => {
                let [x, low, high, bins] = exactly(&arrays)?;
                let places = doubles(x)?.iter().zip(doubles(low)?).zip(doubles(high)?);
                let places = places.zip(counts(bins)?);
                places.map(|(((x, low), high), bins)| kernel(x?, low?, high?, bins?)).collect()
            }
            Kernel::DoublesDouble(kernel) => {
                let [x, y] = exactly(&arrays)?;
                let lists = x.as_list_opt::<i32>().ok_or_else(|| wrong_type("a list", x))?;
                let kernel = |(list, y): (Option<ArrayRef>, Option<f64>)| -> Result<Option<f64>> {
                    let (Some(list), Some(y)) = (list, y) else { return Ok(None) };
                    let list = doubles(&list)?;
                    Ok(if list.null_count() == 0 { kernel(list.values(), y) } else { None })
                };
                lists.iter().zip(doubles(y)?).map(kernel).collect::<Result<_>>()?
            }
        };
        if single && answer.len() == 1 {
            let value = answer.is_valid(0).then(|| answer.value(0));
            return Ok(ColumnarValue::Scalar(ScalarValue::Float64(value)));
        }
        Ok(ColumnarValue::Array(Arc::new(answer)))
    }
}

fn exactly<const N: usize>(arrays: &[ArrayRef]) -> Result<&[ArrayRef; N]> {
    arrays.try_into().map_err(|_| exec_datafusion_err!("expected {N} arguments, found {}", arrays.len()))
}

fn doubles(array: &ArrayRef) -> Result<&Float64Array> {
    typed::<Float64Type>(array)
}

fn counts(array: &ArrayRef) -> Result<&PrimitiveArray<Int64Type>> {
    typed::<Int64Type>(array)
}

fn typed<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>, DataFusionError> {
    array.as_primitive_opt::<T>().ok_or_else(|| wrong_type(&T::DATA_TYPE.to_string(), array))
}

fn wrong_type(expected: &str, found: &ArrayRef) -> DataFusionError {
    exec_datafusion_err!("expected {expected}, found {}", found.data_type())
}
