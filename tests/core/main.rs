//! The library's tests, one module per subject.

mod git_objects;
mod report;
mod suppress;

#[path = "../support/finding.rs"]
mod made;
