//! Tests of the library, one module per subject.

mod report;
mod suppress;
mod git_objects;
