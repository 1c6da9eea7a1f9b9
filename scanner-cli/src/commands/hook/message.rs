//! `hook commit-msg`: the message as git will keep it, without what it cuts.

use super::environment::ask_git;
use super::guard;
use super::report::Kind;
use crate::args::GuardArgs;
use crate::failure::{OrFail, Result};
use std::path::Path;
use stopleak_core::scan::Change;

/// Checks a message.
pub fn run(file: &Path, args: &GuardArgs) -> Result<u8> {
    let text = std::fs::read(file).or_fail(|| format!("cannot read {}", file.display()))?;
    let cleanup = Cleanup::of_git()?;
    let name = file.display().to_string();
    guard::check(Kind::CommitMsg, args, |_| Ok(Change::Message { name, text: cleanup.cut(text) }))
}

/// What git cuts from a message.
struct Cleanup {
    /// What a comment starts with; `None` when comments stay.
    comment: Option<Vec<u8>>,
    /// Whether what follows a scissors line goes.
    scissors: bool,
}

impl Cleanup {
    fn of_git() -> Result<Cleanup> {
        // Git hands `:` to its hooks where nobody edits the message; then comments stay.
        let is_edited = std::env::var_os("GIT_EDITOR").is_none_or(|editor| editor != ":");
        let (strips, scissors) = match ask_git(&["config", "--get", "commit.cleanup"])?.as_deref() {
            Some("verbatim" | "whitespace") => (false, false),
            Some("scissors") => (false, is_edited),
            Some("strip") => (true, is_edited),
            _ => (is_edited, is_edited),
        };
        let named = match ask_git(&["config", "--get", "core.commentString"])? {
            None => ask_git(&["config", "--get", "core.commentChar"])?,
            named => named,
        };
        // With `auto` git chose a character for this message: only the scissors are certain.
        let comment = match named.as_deref() {
            Some("auto") => None,
            Some(text) if !text.is_empty() => Some(text.as_bytes().to_vec()),
            _ => Some(b"#".to_vec()),
        };
        Ok(Cleanup { comment: comment.filter(|_| strips), scissors })
    }

    /// Blanks what git cuts, so that lines keep their numbers.
    fn cut(&self, text: Vec<u8>) -> Vec<u8> {
        const SCISSORS: &[u8] = b"------------------------ >8 ------------------------";
        let mut kept = Vec::with_capacity(text.len());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let is_cut = line.trim_ascii_end().ends_with(SCISSORS) && line.len() < SCISSORS.len() + 16;
            if self.scissors && is_cut {
                break;
            }
            match &self.comment {
                Some(comment) if line.starts_with(comment) => kept.push(b'\n'),
                _ => kept.extend_from_slice(line),
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_what_follows_the_scissors_are_cut_and_lines_keep_their_numbers() {
        let text = "subject\n# comment\n\nbody # stays\n# ------------------------ >8 ------------------------\ndiff\n";
        let cut = |comment: Option<&str>, scissors| {
            let cleanup = Cleanup { comment: comment.map(|text| text.as_bytes().to_vec()), scissors };
            String::from_utf8(cleanup.cut(text.as_bytes().to_vec())).unwrap()
        };
        assert_eq!(cut(Some("#"), true), "subject\n\n\nbody # stays\n");
        assert_eq!(cut(Some(";"), true), "subject\n# comment\n\nbody # stays\n");
        assert_eq!(cut(None, false), text);
    }
}
