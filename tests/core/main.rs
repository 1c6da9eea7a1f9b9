//! The library's tests, one module per subject.

mod assignment;
mod score;
