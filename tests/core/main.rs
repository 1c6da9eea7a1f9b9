//! Tests of the library, one module a subject.

mod report;
mod suppress;

#[path = "../support/finding.rs"]
mod made;
