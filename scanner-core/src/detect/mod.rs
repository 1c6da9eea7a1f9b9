//! Finds candidates: the places in a text where a secret may stand.

pub mod assignment;
