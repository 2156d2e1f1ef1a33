//! Commands that are carried out: what a tool is given, what it leaves, and what is kept of it however it ends.

mod accounts;
mod ends;
mod stage;
mod whole;
