//! The command line: one command per file, and [`output`], through which every word leaves the program.
//!
//! Knows all other modules and is known by none of them.

pub mod output;
