//! Tests of the library, one module a subject.

mod git_objects;
mod report;
mod rules;
mod suppress;
