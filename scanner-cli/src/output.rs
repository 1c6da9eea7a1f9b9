//! Which report goes where: `--format` and `--output` as people combine them.

use crate::failure::{Failure, OrFail, Result};
use crate::terminal::text::Text;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use stopleak_core::report::{Csv, Github, Gitlab, Html, Json, JsonLines, Junit, Markdown, Report, Sarif};

/// A report format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    JsonLines,
    Json,
    Sarif,
    Gitlab,
    Github,
    Markdown,
    Html,
    Junit,
    Csv,
}

/// One report to write; without a path it goes to standard output.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub format: Format,
    pub path: Option<PathBuf>,
}

const NAMES: [(&str, Format); 10] = [
    ("text", Format::Text),
    ("jsonl", Format::JsonLines),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("gitlab", Format::Gitlab),
    ("github", Format::Github),
    ("markdown", Format::Markdown),
    ("html", Format::Html),
    ("junit", Format::Junit),
    ("csv", Format::Csv),
];

/// Pairs formats and files: the n-th format without a file goes to the n-th `--output`; what is left of the
/// formats goes to standard output, what is left of the files is named by its ending.
pub fn plan(formats: &[String], files: &[PathBuf]) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    let mut files = files.iter();
    for written in formats {
        let output = match written.split_once('=') {
            Some((name, file)) => Output { format: named(name)?, path: Some(checked(file)?) },
            None => paired(named(written)?, files.next())?,
        };
        outputs.push(output);
    }
    for file in files {
        outputs.push(Output { format: by_ending(file)?, path: on_disk(file) });
    }
    if outputs.is_empty() {
        outputs.push(Output { format: Format::Text, path: None });
    }
    one_each(&outputs)?;
    Ok(outputs)
}

fn named(name: &str) -> Result<Format> {
    let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
    found.ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        Failure::new(format!("unknown format `{name}`")).hint(format!("the formats are {}", names.join(", ")))
    })
}

fn checked(file: &str) -> Result<PathBuf> {
    if file.is_empty() { Err(Failure::new("`--format FORMAT=FILE` needs a file after `=`")) } else { Ok(file.into()) }
}

fn paired(format: Format, file: Option<&PathBuf>) -> Result<Output> {
    let Some(file) = file else {
        return Ok(Output { format, path: None });
    };
    match ending(file) {
        // Every one of them may be kept in a `.json` or `.txt` file.
        Some(other) if other != format && !matches!(other, Format::Json | Format::Text) => {
            let (format, other) = (name(format), name(other));
            let message = format!("{} ends like {other} but would hold {format}", file.display());
            Err(Failure::new(message).hint(format!("write `--format {format} --format {other}={}`", file.display())))
        }
        _ => Ok(Output { format, path: on_disk(file) }),
    }
}

fn on_disk(file: &Path) -> Option<PathBuf> {
    (file != Path::new("-")).then(|| file.to_owned())
}

fn name(format: Format) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == format).map_or("text", |(name, _)| name)
}

fn ending(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()? {
        "sarif" => Some(Format::Sarif),
        "html" | "htm" => Some(Format::Html),
        "md" | "markdown" => Some(Format::Markdown),
        "csv" => Some(Format::Csv),
        "xml" => Some(Format::Junit),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        "json" if file.file_stem()?.to_str()?.ends_with(".sarif") => Some(Format::Sarif),
        // The name that GitLab's own job gives it.
        "json" if file.file_stem()?.to_str()?.ends_with("secret-detection-report") => Some(Format::Gitlab),
        "json" => Some(Format::Json),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

fn by_ending(file: &Path) -> Result<Format> {
    ending(file).ok_or_else(|| {
        let message = format!("the ending of {} names no format", file.display());
        Failure::new(message).hint(format!("write `--format FORMAT={}`", file.display()))
    })
}

/// Two reports in one place would be neither.
fn one_each(outputs: &[Output]) -> Result<()> {
    for (index, output) in outputs.iter().enumerate() {
        if outputs[..index].iter().any(|other| other.path == output.path) {
            let place = output.path.as_ref().map_or("standard output".into(), |path| path.display().to_string());
            return Err(Failure::new(format!("two reports would go to {place}"))
                .hint("give each its file: `--format jsonl --format sarif=stopleak.sarif`"));
        }
    }
    Ok(())
}

/// A report being written; a reader that goes away ends it quietly.
pub struct Writing {
    report: Box<dyn Report + Send>,
    place: String,
    closed: bool,
    /// Whether its findings may be written before all are known.
    pub is_live: bool,
}

impl Output {
    /// Opens the place before the scan: what cannot be written fails early, and an older report is not scanned.
    pub fn open(&self, quiet: bool) -> Result<Writing> {
        let text = self.format == Format::Text;
        let out: Box<dyn Write + Send> = match &self.path {
            Some(path) => {
                let file = File::create(path).or_fail(|| format!("cannot write {}", path.display()))?;
                if text { Box::new(anstream::StripStream::new(file)) } else { Box::new(file) }
            }
            None if text => Box::new(anstream::AutoStream::auto(io::stdout())),
            None => Box::new(io::stdout()),
        };
        // GitHub's runner takes masked values out of what it shows; nobody else does.
        let has_runner = self.path.is_none() && std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let report = self.format.report(BufWriter::new(out), quiet, has_runner);
        let place = self.path.as_ref().map_or("standard output".into(), |path| path.display().to_string());
        let is_live = matches!(self.format, Format::Text | Format::JsonLines);
        Ok(Writing { report, place, closed: false, is_live })
    }
}

impl Format {
    fn report(self, out: impl Write + Send + 'static, quiet: bool, has_runner: bool) -> Box<dyn Report + Send> {
        match self {
            Format::Text => Box::new(Text::new(out, quiet)),
            Format::JsonLines => Box::new(JsonLines::new(out)),
            Format::Json => Box::new(Json::new(out)),
            Format::Sarif => Box::new(Sarif::new(out)),
            Format::Gitlab => Box::new(Gitlab::new(out, now())),
            Format::Github => Box::new(Github::new(out, has_runner)),
            Format::Markdown => Box::new(Markdown::new(out)),
            Format::Html => Box::new(Html::new(out, now())),
            Format::Junit => Box::new(Junit::new(out)),
            Format::Csv => Box::new(Csv::new(out)),
        }
    }
}

/// Seconds since 1970, or what `SOURCE_DATE_EPOCH` says: <https://reproducible-builds.org/specs/source-date-epoch/>.
fn now() -> i64 {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    fixed.unwrap_or_else(stopleak_core::time::now)
}

impl Writing {
    /// Whether nobody reads it any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Does one step of the report.
    pub fn step(&mut self, step: impl FnOnce(&mut dyn Report) -> io::Result<()>) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        match step(&mut *self.report) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            result => result.or_fail(|| format!("cannot write {}", self.place)),
        }
    }
}

/// Prints what is no report; a reader that has enough is no trouble.
pub fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.or_fail(|| "cannot write to standard output".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(formats: &[&str], files: &[&str]) -> String {
        let formats: Vec<String> = formats.iter().map(|text| text.to_string()).collect();
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let print = |output: &Output| match &output.path {
            Some(path) => format!("{}>{}", name(output.format), path.display()),
            None => name(output.format).to_owned(),
        };
        match plan(&formats, &files) {
            Ok(outputs) => outputs.iter().map(print).collect::<Vec<_>>().join(" "),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn formats_and_files_are_paired_as_written() {
        let table: [(&[&str], &[&str], &str); 12] = [
            (&[], &[], "text"),
            (&["jsonl"], &[], "jsonl"),
            (&["sarif"], &["x.sarif"], "sarif>x.sarif"),
            (&["sarif"], &["x.json"], "sarif>x.json"),
            (&[], &["x.sarif.json"], "sarif>x.sarif.json"),
            (&["text", "sarif=x.sarif", "jsonl=y"], &[], "text sarif>x.sarif jsonl>y"),
            (&["sarif", "jsonl"], &["x.sarif", "y.jsonl"], "sarif>x.sarif jsonl>y.jsonl"),
            (&["jsonl"], &["x.sarif"], "x.sarif ends like sarif but would hold jsonl"),
            (&["jsonl", "json"], &[], "two reports would go to standard output"),
            (&["xml"], &[], "unknown format `xml`"),
            (&[], &["a.html", "b.md", "c.csv", "d.xml"], "html>a.html markdown>b.md csv>c.csv junit>d.xml"),
            (&["gitlab"], &["gl-secret-detection-report.json"], "gitlab>gl-secret-detection-report.json"),
        ];
        for (formats, files, expected) in table {
            assert_eq!(planned(formats, files), expected);
        }
    }
}
