//! The user guide is true: every ```console block of a page is run, in order, in one project made for the page.
//!
//! A block reads as a terminal: `$ command`, then what it prints (both streams), then `? CODE` where it does not end
//! with 0. `[..]` stands for anything on a line, `...` for any lines. `<!-- project: NAME -->` picks the project.

use crate::Project;
use crate::made::token;
use crate::support::Repo;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command, what it should print, and its exit code.
#[derive(Debug, Default)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
    code: i32,
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .chain([root.join("../README.md")])
        .collect();
    pages.sort();
    pages
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            match (line.strip_prefix("$ "), line.strip_prefix("? ")) {
                (Some(command), _) => {
                    steps.push(Step { line: index + 1, command: command.to_owned(), ..Step::default() });
                }
                (_, Some(code)) => steps.last_mut().expect("a command first").code = code.parse().unwrap(),
                _ => steps.last_mut().expect("a command first").expected.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Whether the lines are as written.
fn matches(expected: &[String], actual: &[&str]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == "..." => (0..=actual.len()).any(|skip| matches(rest, &actual[skip..])),
        Some((first, rest)) => {
            actual.split_first().is_some_and(|(line, others)| same(first, line) && matches(rest, others))
        }
    }
}

fn same(expected: &str, actual: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == actual,
        Some((before, after)) => actual.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| same(after, &rest[at..]))
        }),
    }
}

/// What a page's commands find.
fn project(text: &str) -> Box<dyn Place> {
    let name = text.split_once("<!-- project: ").and_then(|(_, rest)| rest.split_once(" -->")).map(|(name, _)| name);
    match name {
        None => Box::new(Project::new()),
        Some("leaking repository") => {
            let mut repo = Repo::new();
            repo.commit("src/app.env", format!("# settings\nHF_TOKEN={}\nPORT=8080\n", token(1)));
            repo.commit("old.env", format!("HF_TOKEN={}\n", token(2))).remove("old.env").commit_all("remove old.env");
            repo.write(".gitleaksignore", "src/app.env:huggingface-access-token:2\nsrc/gone.py:jwt:7\n");
            repo.commit_all("ignore");
            Box::new(repo)
        }
        Some("vault") => {
            let project = Project::new();
            crate::vault::fill(project.path());
            Box::new(project)
        }
        Some(other) => panic!("no project is called {other}"),
    }
}

trait Place {
    fn folder(&self) -> &Path;
}

impl Place for Project {
    fn folder(&self) -> &Path {
        self.path()
    }
}

impl Place for Repo {
    fn folder(&self) -> &Path {
        self.path()
    }
}

fn run(step: &Step, folder: &Path) -> (String, i32) {
    let binary = Path::new(env!("CARGO_BIN_EXE_stopleak")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([binary.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{{ {}\n}} 2>&1", step.command)]).current_dir(folder).env("PATH", path);
    let inherited = std::env::vars_os().map(|(name, _)| name);
    inherited.filter(|name| name.to_string_lossy().starts_with("GIT_")).for_each(|name| _ = command.env_remove(name));
    command.env("STOPLEAK_VAULT_PASSPHRASE", "of the guide");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env_remove("COLUMNS");
    let output = command.env_remove("CLICOLOR_FORCE").stdin(Stdio::null()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

#[test]
#[cfg(unix)]
fn what_the_guide_shows_is_what_happens() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let project = project(&text);
        for step in steps(&text) {
            count += 1;
            let (printed, code) = run(&step, project.folder());
            // A blank line before the end of a block is the page's, not the program's.
            let actual: Vec<&str> = printed.trim_end_matches('\n').lines().collect();
            if code != step.code || !matches(&step.expected, &actual) {
                let (page, line) = (page.display(), step.line);
                wrong.push(format!("{page}:{line}: $ {}\n{printed}? {code}\n", step.command));
            }
        }
    }
    assert!(count > 15, "{count} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let found = std::fs::read_to_string(&target).unwrap_or_default();
            let has_anchor = |line: &str| line.starts_with('#') && slug(line) == anchor;
            if !target.exists() || (!anchor.is_empty() && !found.lines().any(has_anchor)) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A heading's anchor, as forges make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}
