//! Plans against what tools really did.

mod histories;
mod real_agentv;
mod steps;
