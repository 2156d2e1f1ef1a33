//! Object stores: what is asked of them, and S3 as people have it.
//!
//! Below sources and the store, which both reach S3 through [`s3`]. Nothing here knows runs or tables.

mod network;
mod reach;
pub mod s3;
mod traffic;

pub use network::{AT_ONCE, Network};
pub use reach::Reach;
pub use traffic::{Counted, Io, Requests, Traffic};
