#[path = "../support/synthetic.rs"]
mod synthetic;
