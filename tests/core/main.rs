//! Tests of the library through its public face.

mod git_objects;
