//! Tests of the library, one module a subject.

#[path = "../support/mod.rs"]
mod support;

mod git_objects;
mod git_select;
