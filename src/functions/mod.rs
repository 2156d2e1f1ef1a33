//! Statistics as SQL functions: what the views call on small aggregates, and what a person may call too.
//!
//! Every function is listed once, in [`FUNCTIONS`]; docs, the shell and the registration derive from it. A null
//! argument gives null, and so does an argument outside the function's domain: a statistic that does not exist
//! is missing, it is no error and no NaN. Aggregates skip nulls; those whose last digit may depend on the order of
//! the rows are here (sum, mean, standard deviation), all others are the engine's own.

mod beta;
mod distribution;
mod histogram;
mod prediction;
mod quantile;
mod sums;
#[cfg(test)]
mod tests;
mod udf;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

use self::sums::Exact;

pub use distribution::{
    binomial_cdf, mcnemar_exact_p, normal_cdf, normal_quantile, sign_test_p, student_t_p, student_t_quantile,
};
pub use histogram::{histogram_bin, histogram_edge};
pub use prediction::{Seen, sum_to_come};
pub use quantile::quantile_of;

/// A statistic as SQL knows it.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Name in SQL.
    pub name: &'static str,
    /// Names of its arguments, in order.
    pub arguments: &'static [&'static str],
    /// What it gives, in a line; says when that is null beyond null arguments.
    pub doc: &'static str,
    body: Body,
}

/// What a function is over.
#[derive(Debug, Clone, Copy)]
enum Body {
    /// The values of one row.
    Row(Kernel),
    /// One DOUBLE of every row of a group: what its exact sum gives.
    Group(Exact),
    /// One DOUBLE of every row of a group: how far the values are from their mean.
    Deviation,
}

/// The computation behind a function of a row, by the SQL types of its arguments; the result is always a DOUBLE.
#[derive(Debug, Clone, Copy)]
enum Kernel {
    Double(fn(f64) -> Option<f64>),
    DoubleDouble(fn(f64, f64) -> Option<f64>),
    CountCount(fn(i64, i64) -> Option<f64>),
    CountCountDouble(fn(i64, i64, f64) -> Option<f64>),
    DoublesDouble(fn(&[f64], f64) -> Option<f64>),
    DoubleDoubleDoubleCount(fn(f64, f64, f64, i64) -> Option<f64>),
}

/// Every function, in documentation order.
pub const FUNCTIONS: [Function; 13] = [
    Function {
        name: "student_t_p",
        arguments: &["t", "df"],
        doc: "two-sided p-value of Student's t with df degrees of freedom; null unless t is finite and df > 0",
        body: Body::Row(Kernel::DoubleDouble(student_t_p)),
    },
    Function {
        name: "student_t_quantile",
        arguments: &["p", "df"],
        doc: "the t with probability p below it; null unless 0 < p < 1 and df > 0",
        body: Body::Row(Kernel::DoubleDouble(student_t_quantile)),
    },
    Function {
        name: "normal_cdf",
        arguments: &["x"],
        doc: "probability that a standard normal value is at most x; null unless x is finite",
        body: Body::Row(Kernel::Double(normal_cdf)),
    },
    Function {
        name: "normal_quantile",
        arguments: &["p"],
        doc: "the standard normal value with probability p below it; null unless 0 < p < 1",
        body: Body::Row(Kernel::Double(normal_quantile)),
    },
    Function {
        name: "binomial_cdf",
        arguments: &["k", "n", "p"],
        doc: "probability of at most k successes in n trials; null unless n >= 0 and 0 <= p <= 1",
        body: Body::Row(Kernel::CountCountDouble(binomial_cdf)),
    },
    Function {
        name: "mcnemar_exact_p",
        arguments: &["improved", "regressed"],
        doc: "exact two-sided McNemar p-value of the cases that changed; 1 when none did, null for a negative count",
        body: Body::Row(Kernel::CountCount(mcnemar_exact_p)),
    },
    Function {
        name: "sign_test_p",
        arguments: &["positive", "negative"],
        doc: "exact two-sided sign test of differences that are not 0; 1 when there is none, null for a negative count",
        body: Body::Row(Kernel::CountCount(sign_test_p)),
    },
    Function {
        name: "quantile_of",
        arguments: &["ordered", "p"],
        doc: "value at p of an ascending list, between two values in proportion; null when it is empty, unless 0 <= p <= 1",
        body: Body::Row(Kernel::DoublesDouble(quantile_of)),
    },
    Function {
        name: "exact_sum",
        arguments: &["x"],
        doc: "aggregate: sum of the non-null x, exact and rounded once, in any order of the rows; null without one",
        body: Body::Group(Exact::Sum),
    },
    Function {
        name: "exact_mean",
        arguments: &["x"],
        doc: "aggregate: exact_sum(x) over the number of non-null x, in any order of the rows; null without one",
        body: Body::Group(Exact::Mean),
    },
    Function {
        name: "exact_stddev",
        arguments: &["x"],
        doc: "aggregate: sample standard deviation of the non-null x, in any order of the rows; null below two",
        body: Body::Deviation,
    },
    Function {
        name: "histogram_bin",
        arguments: &["x", "low", "high", "bins"],
        doc: "which of equal bins x is in, from 1, right-closed, the first one with its low; null outside low to high",
        body: Body::Row(Kernel::DoubleDoubleDoubleCount(histogram_bin)),
    },
    Function {
        name: "histogram_edge",
        arguments: &["k", "low", "high", "bins"],
        doc: "edge k of equal bins from low (k = 0) to high (k = bins); null unless low <= high are finite",
        body: Body::Row(Kernel::DoubleDoubleDoubleCount(histogram_edge)),
    },
];

impl Function {
    /// How it is called, with the SQL types, such as `student_t_p(t DOUBLE, df DOUBLE) -> DOUBLE`.
    pub fn signature(&self) -> String {
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .zip(self.body.argument_types())
            .map(|(name, kind)| format!("{name} {}", kind.sql()))
            .collect();
        format!("{}({}) -> DOUBLE", self.name, arguments.join(", "))
    }
}

/// Type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Count,
    Double,
    Doubles,
}

impl Kind {
    const fn sql(self) -> &'static str {
        match self {
            Self::Count => "BIGINT",
            Self::Double => "DOUBLE",
            Self::Doubles => "DOUBLE[]",
        }
    }
}

impl Body {
    const fn argument_types(self) -> &'static [Kind] {
        match self {
            Self::Row(kernel) => kernel.argument_types(),
            Self::Group(_) | Self::Deviation => &[Kind::Double],
        }
    }
}

impl Kernel {
    const fn argument_types(self) -> &'static [Kind] {
        match self {
            Self::Double(_) => &[Kind::Double],
            Self::DoubleDouble(_) => &[Kind::Double, Kind::Double],
            Self::CountCount(_) => &[Kind::Count, Kind::Count],
            Self::CountCountDouble(_) => &[Kind::Count, Kind::Count, Kind::Double],
            Self::DoublesDouble(_) => &[Kind::Doubles, Kind::Double],
            Self::DoubleDoubleDoubleCount(_) => &[Kind::Double, Kind::Double, Kind::Double, Kind::Count],
        }
    }
}

/// Makes every function of [`FUNCTIONS`] known to the SQL of a session.
pub fn register(ctx: &SessionContext) {
    for function in FUNCTIONS {
        match function.body {
            Body::Row(kernel) => {
                ctx.register_udf(ScalarUDF::from(udf::Statistic::new(function.name, kernel)));
            }
            Body::Group(exact) => {
                ctx.register_udaf(AggregateUDF::from(sums::ExactAggregate::new(function.name, exact)));
            }
            Body::Deviation => {
                ctx.register_udaf(AggregateUDF::from(sums::ExactDeviation::new(function.name)));
            }
        }
    }
}
