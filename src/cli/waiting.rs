//! Waiting for S3: a command that takes a while there shows that it is at work.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::output::Output;
use crate::objects::Reach;

/// How long a command may take before it shows itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often what is shown is renewed.
const RENEWED: Duration = Duration::from_millis(100);

/// Carries out a command. After a moment the requests to S3 so far are shown where somebody looks on, until it ends;
/// nothing is shown while S3 is not asked.
pub(super) async fn shown<T>(work: impl Future<Output = T>, output: &Output, reach: &Arc<Reach>) -> T {
    let Some(shown) = show(output, Arc::clone(reach)) else { return work.await };
    let ended = work.await;
    shown.abort();
    // The line is off the terminal when the task is gone.
    let _ = shown.await;
    ended
}

/// A task of its own: a command may stand still while it reads files.
fn show(output: &Output, reach: Arc<Reach>) -> Option<JoinHandle<()>> {
    let begin = output.asking()?;
    let before = reach.traffic().so_far();
    Some(tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        let mut moments = tokio::time::interval(RENEWED);
        while !reach.is_asked() {
            moments.tick().await;
        }
        let progress = begin();
        loop {
            moments.tick().await;
            let asked = (reach.traffic().so_far() - before).total();
            progress.show_requests(asked.requests, asked.bytes);
        }
    }))
}
