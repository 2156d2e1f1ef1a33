//! Plans against what tools really did.

mod histories;
mod steps;
