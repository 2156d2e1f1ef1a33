//! Where a run's folder and its suite are now.
