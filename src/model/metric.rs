//! Metrics: a name with a direction, an aggregate and a unit, and the ones every result has.

use super::stored_table;

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better (scores, log probability).
    Higher,
    /// Less is better (duration, cost, tokens).
    Lower,
    /// Neither; such a metric has no winner and no verdict.
    None,
}

impl Direction {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::None => "none",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Higher, Self::Lower, Self::None].into_iter().find(|direction| direction.as_str() == word)
    }
}

/// How the values of the cases of an arm become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Arithmetic mean.
    Mean,
    /// Sum.
    Sum,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Median, linear interpolation.
    Median,
    /// 90th percentile, linear interpolation.
    P90,
    /// 95th percentile, linear interpolation.
    P95,
    /// 99th percentile, linear interpolation.
    P99,
    /// How many cases have a value.
    Count,
    /// Mean over the runs of an arm; only of metrics that are measured by run.
    Run,
    /// Ratio of two sums, such as applied over processed cases; only of metrics that are counted so.
    Rate,
}

impl Aggregate {
    /// Every aggregate that any metric of results can have, in documentation order.
    pub const ALL: [Self; 9] = [
        Self::Mean,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Median,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::Count,
    ];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Median => "median",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Count => "count",
            Self::Run => "run",
            Self::Rate => "rate",
        }
    }

    /// Reads the word of an aggregate that any metric of results can have.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.as_str() == word)
    }
}

stored_table! {
    /// One row per metric that a source described, and one per metric that a person described; the person's fields win.
    MetricRow in "metrics" {
        /// Name of the metric, as in `scores.metric`.
        metric: String,
        /// `higher`, `lower` or `none`: which way is better. Null when nobody said; then `higher`.
        direction: Option<String>,
        /// How case values become one number: mean, sum, min, max, median, p90, p95, p99 or count. Null: mean.
        aggregate: Option<String>,
        /// Unit, such as `ms` or `usd`. Null when it has none; `none` when a person took the source's away.
        unit: Option<String>,
        /// Who described it: the tool's name, or `user`.
        origin: String,
    }
}

impl MetricRow {
    /// The origin of what a person said with `runq metrics set`.
    pub const USER: &'static str = "user";

    /// The unit of a person who says that there is none.
    pub const NO_UNIT: &'static str = "none";

    /// Whether a person said so, rather than a source.
    pub fn is_a_persons(&self) -> bool {
        self.origin == Self::USER
    }

    /// This description, with the fields that it does not name from an earlier one.
    #[must_use]
    pub fn over(self, earlier: Self) -> Self {
        Self {
            direction: self.direction.or(earlier.direction),
            aggregate: self.aggregate.or(earlier.aggregate),
            unit: self.unit.or(earlier.unit),
            ..self
        }
    }
}

/// A metric that every result has without a score row.
#[derive(Debug, Clone, Copy)]
pub struct BuiltInMetric {
    /// Name, which is also a column of `results` (but for `passed`).
    pub name: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// Default aggregate.
    pub aggregate: Aggregate,
    /// Unit, empty when it has none.
    pub unit: &'static str,
    /// Whether it judges an answer (and so has a verdict) rather than what the answer took.
    pub judges: bool,
}

/// The metrics that come from columns of `results`.
pub const BUILT_IN_METRICS: [BuiltInMetric; 8] = [
    BuiltInMetric {
        name: "score",
        direction: Direction::Higher,
        aggregate: Aggregate::Mean,
        unit: "",
        judges: true,
    },
    BuiltInMetric {
        name: "passed",
        direction: Direction::Higher,
        aggregate: Aggregate::Mean,
        unit: "",
        judges: true,
    },
    BuiltInMetric {
        name: "duration_ms",
        direction: Direction::Lower,
        aggregate: Aggregate::Median,
        unit: "ms",
        judges: false,
    },
    BuiltInMetric {
        name: "cost_usd",
        direction: Direction::Lower,
        aggregate: Aggregate::Mean,
        unit: "usd",
        judges: false,
    },
    BuiltInMetric {
        name: "input_tokens",
        direction: Direction::Lower,
        aggregate: Aggregate::Mean,
        unit: "tokens",
        judges: false,
    },
    BuiltInMetric {
        name: "output_tokens",
        direction: Direction::Lower,
        aggregate: Aggregate::Mean,
        unit: "tokens",
        judges: false,
    },
    BuiltInMetric {
        name: "total_tokens",
        direction: Direction::Lower,
        aggregate: Aggregate::Mean,
        unit: "tokens",
        judges: false,
    },
    BuiltInMetric {
        name: "logprob",
        direction: Direction::Higher,
        aggregate: Aggregate::Mean,
        unit: "",
        judges: true,
    },
];

/// Whether an arm has one value of the metric, of its runs, and a case none.
pub fn is_by_run(metric: &str) -> bool {
    RUN_METRICS.iter().any(|known| known.name == metric)
}

const fn of_runs(name: &'static str, direction: Direction, unit: &'static str) -> BuiltInMetric {
    BuiltInMetric { name, direction, aggregate: Aggregate::Run, unit, judges: false }
}

const fn share(name: &'static str, direction: Direction) -> BuiltInMetric {
    BuiltInMetric { name, direction, aggregate: Aggregate::Rate, unit: "share", judges: false }
}

/// The metrics that come from the headers of runs, and the shares of results by confidence: an arm has one value of
/// them and a case none. Names, definitions and directions follow AMX's aggregates.
pub const RUN_METRICS: [BuiltInMetric; 10] = [
    of_runs("run_duration_ms", Direction::Lower, "ms"),
    of_runs("run_model_duration_ms", Direction::Lower, "ms"),
    of_runs("run_input_tokens", Direction::Lower, "tokens"),
    of_runs("run_output_tokens", Direction::Lower, "tokens"),
    of_runs("run_total_tokens", Direction::Lower, "tokens"),
    of_runs("run_cost_usd", Direction::Lower, "usd"),
    share("high_confidence", Direction::Higher),
    share("medium_confidence", Direction::None),
    share("low_confidence", Direction::Lower),
    share("approval_rate", Direction::Higher),
];
