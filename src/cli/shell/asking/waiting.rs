//! Waiting for a statement: what takes long shows itself.

use std::future::Future;
use std::time::Duration;

use crate::cli::output::Output;
use crate::cli::shell::terminal::Unechoed;

/// How long a statement may take before it shows itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often what is shown is renewed.
const RENEWED: Duration = Duration::from_millis(100);

/// Waits for a piece of work. After a moment the rows and bytes that were read so far are shown where somebody looks on,
/// until it ends.
pub(super) async fn until<T>(
    work: impl Future<Output = T>,
    read: impl Fn() -> (usize, u64),
    output: Option<&Output>,
) -> T {
    let Some(output) = output else { return work.await };
    tokio::pin!(work);
    if let Ok(ended) = tokio::time::timeout(PATIENCE, &mut work).await {
        return ended;
    }
    // Given back when the bar is gone.
    let _unechoed = Unechoed::begin(output);
    let progress = output.reading();
    let mut moments = tokio::time::interval(RENEWED);
    loop {
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            _ = moments.tick() => {
                let (rows, bytes) = read();
                progress.show_read(rows, bytes);
            }
        }
    }
}
