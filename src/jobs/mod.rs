//! Commands that runq started, and what became of them.
