//! Which planned keys have no row, found without holding either list: a run may plan hundreds of thousands of keys.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arrow::array::{Array as _, RecordBatch, StringArray};
use datafusion::error::DataFusionError;
use datafusion::prelude::DataFrame;
use futures::StreamExt as _;
use tokio::sync::OnceCell;

/// A key as its source and the stored rows both name it.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct Place<'a> {
    pub ingest_id: &'a str,
    pub task: &'a str,
    pub case_id: Option<&'a str>,
    /// `None` stands for any model.
    pub model: Option<&'a str>,
}

/// 128 bits in place of a key. Of a million keys two fall together with a probability of 10^-27.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest(u64, u64);

impl Place<'_> {
    pub fn digest(&self) -> Digest {
        let half = |of: u8| {
            let mut hasher = DefaultHasher::new();
            (of, self).hash(&mut hasher);
            hasher.finish()
        };
        Digest(half(0), half(1))
    }
}

/// The planned keys without a row; looked up once, when first asked.
#[derive(Debug)]
pub(super) struct WithoutRows {
    /// Key columns of the stored rows, as text: `ingest_id`, `task`, `case_id`, `model`.
    rows: DataFrame,
    missing: OnceCell<HashSet<Digest>>,
}

impl WithoutRows {
    pub fn new(rows: DataFrame) -> Self {
        Self { rows, missing: OnceCell::new() }
    }

    /// Those of the planned keys that no row names.
    ///
    /// # Errors
    /// When a list of keys or the rows cannot be read.
    pub async fn among(
        &self,
        planned: impl Iterator<Item = Result<Digest, DataFusionError>>,
    ) -> Result<&HashSet<Digest>, DataFusionError> {
        self.missing.get_or_try_init(|| self.look(planned)).await
    }

    async fn look(
        &self,
        planned: impl Iterator<Item = Result<Digest, DataFusionError>>,
    ) -> Result<HashSet<Digest>, DataFusionError> {
        let mut missing = planned.collect::<Result<HashSet<_>, _>>()?;
        if missing.is_empty() {
            return Ok(missing);
        }
        let mut stream = self.rows.clone().execute_stream().await?;
        while let Some(batch) = stream.next().await {
            strike(&mut missing, &batch?)?;
        }
        // Usually few are left of many.
        missing.shrink_to_fit();
        Ok(missing)
    }
}

/// Takes out what the rows of a batch are rows of.
fn strike(missing: &mut HashSet<Digest>, rows: &RecordBatch) -> Result<(), DataFusionError> {
    let column = |place: usize| {
        let texts = rows.column(place).as_any().downcast_ref::<StringArray>();
        texts.ok_or_else(|| DataFusionError::Internal("the columns of a key are text".to_owned()))
    };
    let [ingests, tasks, cases, models] = [column(0)?, column(1)?, column(2)?, column(3)?];
    for row in 0..rows.num_rows() {
        let any = Place {
            ingest_id: ingests.value(row),
            task: tasks.value(row),
            case_id: cases.is_valid(row).then(|| cases.value(row)),
            model: None,
        };
        missing.remove(&any.digest());
        if models.is_valid(row) {
            missing.remove(&Place { model: Some(models.value(row)), ..any }.digest());
        }
    }
    Ok(())
}
