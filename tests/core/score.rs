//! Scores: random values in every alphabet are likely, words and references are not.
