//! The one integration-test binary: every file beside this one is a module here.

mod slt;
mod support;
mod views;
