//! The job and step that a line of a log belongs to: from markers in it, or from the name of its file.

use super::Name;
use super::format::Format;
use super::map::Map;
use std::fmt;

/// Longest name kept.
const LONGEST: usize = 120;

/// Where in a pipeline something was printed, as far as the log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPlace {
    /// The job.
    pub job: Option<Name>,
    /// The step, section or stage.
    pub step: Option<Name>,
}

impl LogPlace {
    /// What the file's name tells where the log does not: `build/3_Run tests.txt`, `0_build.txt`, as GitHub's log
    /// archives have them.
    pub fn or_of_path(mut self, path: &str) -> LogPlace {
        let inner = path.rsplit_once('!').map_or(path, |(_, inner)| inner);
        let (folder, file) = inner.rsplit_once('/').unwrap_or(("", inner));
        let Some((number, name)) = file.strip_suffix(".txt").and_then(|stem| stem.split_once('_')) else { return self };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return self;
        }
        let job = folder.rsplit('/').next().filter(|job| !job.is_empty());
        match job {
            Some(job) => {
                self.job.get_or_insert_with(|| job.into());
                // The name of the file is the step's own; a marker in it is only the command.
                self.step = Some(name.into());
            }
            None => _ = self.job.get_or_insert_with(|| name.into()),
        }
        self
    }

    /// Whether anything is known.
    pub fn is_known(&self) -> bool {
        self.job.is_some() || self.step.is_some()
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.job, &self.step) {
            (Some(job), Some(step)) => write!(f, "job {job}, step {step}"),
            (Some(job), None) => write!(f, "job {job}"),
            (None, Some(step)) => write!(f, "step {step}"),
            (None, None) => Ok(()),
        }
    }
}

/// Enters the step that a line begins, if it does.
pub fn follow(map: &mut Map, format: Format, prefix: &[u8], text: &[u8], at: usize) {
    let current = map.current();
    let found = match format {
        Format::Tabs => tabs(prefix),
        Format::Named => job(prefix),
        _ => marker(text, format).map(|step| {
            let job = current.and_then(|place| place.job.as_deref()).map(str::to_owned);
            (job, (!step.is_empty()).then(|| name(step)))
        }),
    };
    let Some((job, step)) = found else { return };
    let is_same =
        current.is_some_and(|place| place.job.as_deref() == job.as_deref() && place.step.as_deref() == step.as_deref());
    if !is_same {
        map.enter(at, LogPlace { job: job.map(Into::into), step: step.map(Into::into) });
    }
}

type Names = (Option<String>, Option<String>);

fn tabs(prefix: &[u8]) -> Option<Names> {
    let mut fields = prefix.split(|byte| *byte == b'\t');
    Some((Some(name(fields.next()?)), Some(name(fields.next()?))))
}

fn job(prefix: &[u8]) -> Option<Names> {
    let inner = prefix.strip_prefix(b"[").and_then(|rest| rest.split(|byte| *byte == b']').next());
    let inner = inner.or_else(|| prefix.split(|byte| *byte == b'|').next().map(<[u8]>::trim_ascii))?;
    (!inner.is_empty()).then(|| (Some(name(inner)), None))
}

/// The name of the step that begins with this line; empty where one ends.
fn marker(text: &[u8], format: Format) -> Option<&[u8]> {
    match text.first()? {
        b'#' => {
            let run = text.strip_prefix(b"##[group]").filter(|rest| rest.starts_with(b"Run "));
            run.or_else(|| text.strip_prefix(b"##[section]Starting: "))
        }
        b's' if text.starts_with(b"section_end:") => Some(b""),
        b's' => {
            let name = text.strip_prefix(b"section_start:")?.splitn(2, |byte| *byte == b':').nth(1)?;
            Some(name.split(|byte| matches!(byte, b'[' | b'\r')).next().unwrap_or_default())
        }
        b't' => Some(text.strip_prefix(b"travis_fold:start:")?.split(|byte| *byte == b'\r').next().unwrap_or_default()),
        b'[' => text.strip_prefix(b"[Pipeline] { (").map(|rest| rest.strip_suffix(b")").unwrap_or(rest)),
        b'-' | b'+' | b'~' if format == Format::Buildkite => {
            let heads: [&[u8]; 3] = [b"--- ", b"+++ ", b"~~~ "];
            heads.iter().find_map(|head| text.strip_prefix(*head))
        }
        _ => None,
    }
}

fn name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
