//! `stopleak init`: a project's settings, with every choice explained, and what to do next. It asks nothing and
//! overwrites nothing.

use crate::args::{BaselineVerb, Cli, InitArgs, Verb};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::settings;
use crate::terminal::message;
use clap::{CommandFactory, Parser};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Every setting, commented out: a line that begins with `#` and no blank works when that is taken away.
const SETTINGS: &str = include_str!("init.toml");

const FILE: &str = "stopleak.toml";
const BASELINE: &str = "stopleak-baseline.json";

/// Writes `stopleak.toml`, and a baseline on request.
pub fn run(args: &InitArgs) -> Result<u8> {
    let folder = args.folder.as_deref().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Failure::new(format!("{} is no folder", folder.display())));
    }
    if let Some(there) = settings::NAMES.iter().map(|name| inside(args, name)).find(|file| file.exists()) {
        return Err(Failure::new(format!("{} exists and was left as it is", there.display()))
            .hint("`stopleak baseline create` makes a baseline for it"));
    }
    // First: settings that name a baseline which could not be made would fail every scan.
    let code = if args.baseline { baseline(&inside(args, BASELINE), folder)? } else { exit::CLEAN };
    if code != exit::CLEAN {
        return Ok(code);
    }
    let text = match args.baseline {
        true => SETTINGS.replace("\n#baseline = ", "\nbaseline = "),
        false => SETTINGS.to_owned(),
    };
    let file = inside(args, FILE);
    let written = OpenOptions::new().write(true).create_new(true).open(&file);
    let written = written.and_then(|mut out| out.write_all(text.as_bytes()));
    written.or_fail(|| format!("cannot write {}", file.display()))?;
    message::line(&format!("{} written; every setting is explained in it and off.", file.display()));
    next(args.baseline);
    Ok(exit::CLEAN)
}

/// A file of the project, as a message should name it.
fn inside(args: &InitArgs, name: &str) -> PathBuf {
    args.folder.as_ref().map_or(name.into(), |folder| folder.join(name))
}

/// The same as `stopleak baseline create`.
fn baseline(file: &Path, folder: &Path) -> Result<u8> {
    let words = ["stopleak", "baseline", "create", "--baseline"].map(OsStr::new);
    let words = words.into_iter().chain([file.as_os_str(), OsStr::new("--"), folder.as_os_str()]);
    let parsed = Cli::try_parse_from(words).or_fail(|| "cannot make a baseline".to_owned())?;
    match parsed.verb {
        Verb::Baseline(args) if matches!(args.verb, BaselineVerb::Create { .. }) => super::baseline::run(&args),
        _ => Err(Failure::new("cannot make a baseline")),
    }
}

fn next(has_baseline: bool) {
    message::line("Next:");
    message::line("  stopleak scan                  the history and the files of this project");
    if Cli::command().find_subcommand("hook").is_some() {
        message::line("  stopleak hook install          stop new secrets before they are committed");
    }
    if !has_baseline {
        message::line("  stopleak baseline create       accept what is there, so that only new secrets count;");
        message::line("                                 then set `baseline` in stopleak.toml");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, parse};

    fn load(text: &str) -> std::result::Result<Settings, String> {
        parse(text, Path::new("/p/stopleak.toml"), "2026-11-21").map_err(|failure| failure.to_string())
    }

    fn is_setting(line: &str) -> bool {
        line.starts_with('#') && !line.starts_with("# ") && line != "#"
    }

    /// The text with those settings on that `wanted` names by their numbers.
    fn with(wanted: &dyn Fn(usize) -> bool) -> String {
        let on = |(number, line): (usize, &str)| match is_setting(line) && wanted(number) {
            true => format!("{}\n", &line[1..]),
            false => format!("{line}\n"),
        };
        SETTINGS.lines().enumerate().map(on).collect()
    }

    #[test]
    fn as_written_it_changes_nothing() {
        assert_eq!(format!("{:?}", load(SETTINGS).unwrap()), format!("{:?}", load("").unwrap()));
    }

    #[test]
    fn every_setting_works_when_its_comment_is_taken_away() {
        let lines: Vec<&str> = SETTINGS.lines().collect();
        let settings: Vec<usize> = (0..lines.len()).filter(|number| is_setting(lines[*number])).collect();
        assert!(settings.len() > 10, "{settings:?}");
        for &one in &settings {
            // A table that is off needs its head and what it cannot do without: it is on as a whole.
            let start = (0..=one).rev().take_while(|number| is_setting(lines[*number])).last().unwrap();
            let is_entry = lines[start].starts_with("#[");
            let end = (one..lines.len()).find(|number| !is_setting(lines[*number])).unwrap_or(lines.len());
            let text = with(&|number| number == one || (is_entry && (start..end).contains(&number)));
            load(&text).unwrap_or_else(|problem| panic!("{}: {problem}", lines[one]));
        }
        load(&with(&|_| true)).unwrap();
    }

    #[test]
    fn every_setting_that_exists_is_in_it() {
        let entries = ["[[allow]]\nreason = 'x'", "[[policy.rules]]\nverdict = 'warn'"];
        let tables = [
            "",
            "[scan]",
            "[rules]",
            "[verify]",
            "[forge]",
            "[policy]",
            "[policy.bypass]",
            "[audit]",
            "[respond]",
            "[sweep]",
        ];
        for table in tables.into_iter().chain(entries) {
            let problem = load(&format!("{table}\nno-such-key = 1\n")).unwrap_err();
            let names: Vec<&str> = problem.split_once("expected").unwrap().1.split('`').skip(1).step_by(2).collect();
            assert!(names.len() > 1, "{problem}");
            for name in names {
                let is_there = |line: &str| {
                    let line = line.strip_prefix('#').unwrap_or(line);
                    line.starts_with(&format!("{name} = "))
                        || line.starts_with(&format!("{name}."))
                        || line.starts_with('[') && line.trim_matches(['[', ']']).split('.').any(|part| part == name)
                };
                assert!(SETTINGS.lines().any(is_there), "`{name}` is not in init.toml");
            }
        }
    }
}
