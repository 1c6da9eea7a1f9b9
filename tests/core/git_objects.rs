//! The object database against what git itself says it holds.
