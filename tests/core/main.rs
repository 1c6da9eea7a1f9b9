//! Tests of the library through its public face.

#[path = "../support/mod.rs"]
mod support;

mod git_objects;
mod git_select;
