//! Ctrl-C: it ends the program at once, unless a command wants to end by itself. A store stays whole wherever a writer
//! ends.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{exit, export};

/// How many commands want to hear of Ctrl-C.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Ends the program at Ctrl-C. While somebody listens the first one is theirs, and the second one ends the program.
pub async fn end_on_ctrl_c() {
    let mut left_to_listener = false;
    while tokio::signal::ctrl_c().await.is_ok() {
        if LISTENERS.load(Ordering::SeqCst) > 0 && !left_to_listener {
            left_to_listener = true;
            continue;
        }
        export::discard_unfinished();
        std::process::exit(i32::from(exit::INTERRUPTED));
    }
}

/// A command that ends by itself at Ctrl-C, as long as this lives.
#[derive(Debug)]
pub struct Listener(());

impl Listener {
    /// Begins to listen.
    pub fn new() -> Self {
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// Returns when Ctrl-C is pressed; never where the program cannot hear of it.
    pub async fn pressed(&self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
    }
}
