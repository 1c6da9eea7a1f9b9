//! What kind of pipeline a text is, told from the first words of its first lines: every text pays for this.

use super::MAX_PIPELINE;

/// Bytes looked at.
const SAMPLE: usize = 1_024;

/// How a pipeline is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GitHub Actions, GitLab CI, CircleCI, Azure Pipelines, Buildkite, Travis, Drone, Bitbucket, Tekton, Argo.
    Yaml,
    /// How an image is built.
    Dockerfile,
    /// A Jenkinsfile.
    Groovy,
}

/// Keys at the top of pipelines in YAML.
const KEYS: [&[u8]; 34] = [
    b"name",
    b"on",
    b"\"on\"",
    b"'on'",
    b"run-name",
    b"permissions",
    b"env",
    b"jobs",
    b"runs",
    b"stages",
    b"steps",
    b"script",
    b"before_script",
    b"variables",
    b"include",
    b"workflow",
    b"workflows",
    b"default",
    b"image",
    b"version",
    b"orbs",
    b"trigger",
    b"pool",
    b"resources",
    b"parameters",
    b"pr",
    b"language",
    b"kind",
    b"apiVersion",
    b"pipelines",
    b"definitions",
    b"agents",
    b"build",
    b"test",
];

/// The kind of pipeline that a text may be.
pub fn of(bytes: &[u8]) -> Option<Kind> {
    let first = *bytes.first()?;
    let may_begin = first.is_ascii_alphabetic()
        || matches!(first, b'#' | b'-' | b'.' | b'"' | b'\'' | b'/' | b'@' | b'\n' | b'\r' | b' ' | 0xef);
    if bytes.len() > MAX_PIPELINE || !may_begin {
        return None;
    }
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', sample).chain([sample.len()]);
    ends.into_iter().find_map(|end| {
        let line = &sample[start..end.max(start)];
        start = end + 1;
        // Whatever begins with a letter at the margin may tell.
        let is_at_margin =
            line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'@' | b'"' | b'\'' | 0xef));
        if is_at_margin { of_line(line) } else { None }
    })
}

fn of_line(line: &[u8]) -> Option<Kind> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_end();
    let word = line.iter().position(|byte| matches!(byte, b' ' | b':' | b'\t' | b'(' | b'{')).unwrap_or(line.len());
    let (word, rest) = line.split_at(word);
    match (word, rest.first()) {
        (b"FROM" | b"from", Some(b' ')) if is_image(rest) => Some(Kind::Dockerfile),
        (b"ARG", Some(b' ')) => Some(Kind::Dockerfile),
        (b"pipeline" | b"node" | b"withCredentials", Some(b' ' | b'{' | b'(')) => {
            matches!(rest.trim_ascii_start().first(), Some(b'{' | b'(')).then_some(Kind::Groovy)
        }
        (word, None) if word.starts_with(b"@Library") => Some(Kind::Groovy),
        (word, Some(b'(')) if word == b"@Library" => Some(Kind::Groovy),
        // A name and a colon alone, or with a value after a space.
        (word, Some(b':')) if matches!(rest.get(1), None | Some(b' ')) => {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'"' | b'\'');
            let opens = rest.len() == 1 && !word.is_empty() && word.iter().all(is_name);
            (opens || KEYS.contains(&word)).then_some(Kind::Yaml)
        }
        _ => None,
    }
}

/// `FROM image`, `FROM image AS name`, with flags before: no sentence, no statement of SQL or Python.
fn is_image(rest: &[u8]) -> bool {
    let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty() && !word.starts_with(b"--"));
    let image = words.next().is_some_and(|word| !word.ends_with(b";") && !word.ends_with(b","));
    match words.next() {
        None => image,
        Some(word) => image && word.eq_ignore_ascii_case(b"as") && words.next().is_some() && words.next().is_none(),
    }
}
