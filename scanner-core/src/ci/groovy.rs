//! Jenkinsfiles: commands in `sh '…'` and its kin, the names that credentials are bound to, and what is archived.

use std::ops::Range;

/// Steps whose text a shell runs.
const SHELLS: [&[u8]; 4] = [b"sh", b"bat", b"powershell", b"pwsh"];

/// Where things stand in a Jenkinsfile.
#[derive(Debug, Default)]
pub struct Script {
    /// Texts that a shell runs.
    pub commands: Vec<Range<usize>>,
    /// Those of them in double quotes, where Groovy replaces `$name` before the shell sees it.
    woven: Vec<Range<usize>>,
    /// Names that hold secrets.
    bound: Vec<Vec<u8>>,
    /// Arguments of `archiveArtifacts` and `stash`.
    pub uploads: Vec<Range<usize>>,
}

impl Script {
    /// The command that Groovy writes the secret `name` into.
    pub fn interpolated(&self, bytes: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
        let text = super::inside(&self.woven, name)?;
        let before = &bytes[text.start..name.start];
        let before = before.strip_suffix(b"env.").unwrap_or(before);
        let before = before.strip_suffix(b"{").unwrap_or(before);
        let is_escaped = before.strip_suffix(b"$").is_none_or(|before| before.ends_with(b"\\"));
        let is_bound = self.bound.iter().any(|known| known == &bytes[name.clone()]);
        (!is_escaped && is_bound).then(|| text.clone())
    }
}

/// Reads a Jenkinsfile: its strings, and the word before each.
pub fn read(bytes: &[u8]) -> Script {
    let mut script = Script::default();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
            }
            b'/' if bytes[at..].starts_with(b"/*") => {
                at = memchr::memmem::find(&bytes[at..], b"*/").map_or(bytes.len(), |end| at + end + 2);
            }
            b'"' | b'\'' => {
                let (text, end) = string(bytes, at);
                take(bytes, at, text, &mut script);
                at = end;
            }
            _ => at += 1,
        }
    }
    script
}

/// The text of the string that begins at `at`, and what comes after it.
fn string(bytes: &[u8], at: usize) -> (Range<usize>, usize) {
    let quote = bytes[at];
    let width = if bytes[at..].starts_with(&[quote; 3]) { 3 } else { 1 };
    let start = at + width;
    let mut end = start;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 1,
            b'\n' if width == 1 => break,
            _ if bytes[end..].starts_with(&[quote; 3][..width]) => return (start..end, end + width),
            _ => {}
        }
        end += 1;
    }
    let end = end.min(bytes.len());
    (start.min(end)..end, end)
}

/// Sorts a string by what stands before it.
fn take(bytes: &[u8], quote: usize, text: Range<usize>, script: &mut Script) {
    let before = bytes[..quote].trim_ascii_end();
    let before = before.strip_suffix(b"(").unwrap_or(before).trim_ascii_end();
    let (named, step) = match before.strip_suffix(b":") {
        Some(rest) => {
            let name = last_word(rest);
            let rest = rest[..rest.len() - name.len()].trim_ascii_end();
            (name, last_word(rest.strip_suffix(b"(").unwrap_or(rest).trim_ascii_end()))
        }
        None => (&b""[..], last_word(before)),
    };
    let is_command = SHELLS.contains(&step) && matches!(named, b"" | b"script") || named == b"script";
    if is_command {
        if bytes[quote] == b'"' {
            script.woven.push(text.clone());
        }
        script.commands.push(text);
    } else if matches!(
        named,
        b"variable" | b"passwordVariable" | b"tokenVariable" | b"keystoreVariable" | b"passphraseVariable"
    ) {
        script.bound.push(bytes[text].to_vec());
    } else if named.is_empty() && step == b"credentials" {
        bind_environment(before, script);
    } else if step == b"archiveArtifacts" {
        // The quote belongs to it: a path may begin there.
        script.uploads.push(text.start - 1..(text.end + 1).min(bytes.len()));
    }
}

/// `NAME = credentials('…')` sets `NAME`, and `NAME_PSW` where it is a user and a password.
fn bind_environment(before: &[u8], script: &mut Script) {
    let before = before[..before.len() - b"credentials".len()].trim_ascii_end();
    let Some(before) = before.strip_suffix(b"=") else { return };
    let name = last_word(before.trim_ascii_end());
    script.bound.push(name.to_vec());
    script.bound.push([name, b"_PSW"].concat());
}

fn last_word(text: &[u8]) -> &[u8] {
    let len = text.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    &text[text.len() - len..]
}
