//! `hook install` and `hook uninstall`: a small script in git's folder of hooks, beside the hook that was there before.

use super::environment::ask_git;
use crate::args::HookInstallArgs;
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::terminal::message;
use std::path::{Path, PathBuf};

/// The second line of every script of ours.
const MARK: &str = "# Installed by `stopleak hook install`; `stopleak hook uninstall` takes it out again.";
/// The last line: what follows was added by someone else.
const END: &str = "# End of the hook of stopleak.";
/// The name that the hook before ours gets.
const BEFORE: &str = "before-stopleak";

/// Hooks of a work tree that a folder for all repositories has to hand on, since git then looks nowhere else.
const HANDED_ON: [&str; 16] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-merge",
    "post-rewrite",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "sendemail-validate",
];

/// Where hooks are put, and how.
struct Folder {
    path: PathBuf,
    /// Whether the scripts run a repository's own hooks, too.
    hands_on: bool,
}

/// Installs the hooks asked for.
pub fn install(args: &HookInstallArgs) -> Result<u8> {
    let is_bare = !args.global && ask_git(&["rev-parse", "--is-bare-repository"])?.as_deref() == Some("true");
    let mut names = Vec::new();
    if args.pre_receive || is_bare {
        names.push("pre-receive");
    } else {
        names.push("pre-commit");
        names.extend(args.pre_push.then_some("pre-push"));
        names.extend(args.commit_msg.then_some("commit-msg"));
    }
    let folder = if args.global { Folder::global()? } else { Folder::of_repository()? };
    std::fs::create_dir_all(&folder.path).or_fail(|| format!("cannot make {}", folder.path.display()))?;
    if folder.path.ends_with(".husky/_") {
        return Err(Failure::new("husky makes this repository's folder of hooks anew each time")
            .hint("add a line `stopleak hook pre-commit` to .husky/pre-commit instead"));
    }
    let program = std::env::current_exe().or_fail(|| "cannot tell where stopleak is".to_owned())?;
    for name in names {
        folder.install(name, Some(&program))?;
    }
    if folder.hands_on {
        for name in HANDED_ON.into_iter().filter(|name| !folder.path.join(name).exists()) {
            folder.install(name, None)?;
        }
    }
    Ok(exit::CLEAN)
}

/// Takes all hooks of ours out.
pub fn uninstall(global: bool) -> Result<u8> {
    let folder = match global {
        false => Folder::of_repository()?,
        true => match ask_git(&["config", "--global", "--type=path", "--get", "core.hooksPath"])? {
            Some(path) => Folder { path: path.into(), hands_on: false },
            None => return say_nothing_there("for all repositories"),
        },
    };
    let mut removed = 0;
    for name in HANDED_ON.into_iter().chain(["pre-receive"]) {
        removed += u32::from(folder.uninstall(name)?);
    }
    if removed == 0 {
        return say_nothing_there(&format!("in {}", folder.path.display()));
    }
    if global && own_folder().ok().as_ref() == Some(&folder.path) && std::fs::remove_dir(&folder.path).is_ok() {
        ask_git(&["config", "--global", "--unset", "core.hooksPath"])?;
    }
    Ok(exit::CLEAN)
}

fn say_nothing_there(place: &str) -> Result<u8> {
    message::line(&format!("no hook of stopleak is installed {place}"));
    Ok(exit::CLEAN)
}

/// `stopleak/hooks` among the user's settings.
fn own_folder() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    let settings = variable("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")));
    let settings = settings.ok_or_else(|| Failure::new("cannot tell the home folder: HOME is not set"))?;
    Ok(settings.join("stopleak").join("hooks"))
}

impl Folder {
    /// The folder git looks into: one for all work trees, elsewhere where `core.hooksPath` says so.
    fn of_repository() -> Result<Folder> {
        let path = ask_git(&["rev-parse", "--git-path", "hooks"])?;
        let path = path.ok_or_else(|| Failure::new("there is no git repository here").hint("run `git init` first"))?;
        let path = std::path::absolute(&path).or_fail(|| format!("cannot find {path}"))?;
        Ok(Folder { path, hands_on: false })
    }

    /// The folder for every repository of this user; made known to git when there is none.
    fn global() -> Result<Folder> {
        if let Some(path) = ask_git(&["config", "--global", "--type=path", "--get", "core.hooksPath"])? {
            let path = PathBuf::from(path);
            let hands_on = own_folder().is_ok_and(|own| own == path);
            return Ok(Folder { path, hands_on });
        }
        let path = own_folder()?;
        let told = ask_git(&["config", "--global", "core.hooksPath", &path.to_string_lossy()])?;
        told.ok_or_else(|| Failure::new("cannot set core.hooksPath in git's global settings"))?;
        Ok(Folder { path, hands_on: true })
    }

    /// Writes one script; without a program it only hands on.
    fn install(&self, name: &str, program: Option<&Path>) -> Result<()> {
        let (hook, before) = (self.path.join(name), self.path.join(format!("{name}.{BEFORE}")));
        let existing = existing(&hook)?;
        if existing == Existing::Foreign {
            if before.symlink_metadata().is_ok() {
                return Err(Failure::new(format!("both {} and {} exist", hook.display(), before.display()))
                    .hint("keep one of them: stopleak runs the second before itself"));
            }
            std::fs::rename(&hook, &before).or_fail(|| format!("cannot rename {}", hook.display()))?;
        }
        if existing == Existing::Extended {
            return Err(Failure::new(format!("{} was changed after stopleak wrote it", hook.display()))
                .hint(format!("move what was added to {}, which runs first", before.display())));
        }
        write(&hook, &script(name, program, self.hands_on))?;
        if program.is_some() {
            let chained = if before.symlink_metadata().is_ok() { ", after the hook that was there" } else { "" };
            message::line(&format!("{name}: installed in {}{chained}", hook.display()));
        }
        Ok(())
    }

    /// Takes one script out and brings back the hook before it; tells whether there was one of ours.
    fn uninstall(&self, name: &str) -> Result<bool> {
        let (hook, before) = (self.path.join(name), self.path.join(format!("{name}.{BEFORE}")));
        match existing(&hook)? {
            Existing::None | Existing::Foreign => return Ok(false),
            Existing::Extended => {
                return Err(Failure::new(format!("{} was changed after stopleak wrote it", hook.display()))
                    .hint("take stopleak's part out by hand"));
            }
            Existing::Ours => {}
        }
        let is_guard = std::fs::read_to_string(&hook).is_ok_and(|text| text.contains("\nstopleak="));
        std::fs::remove_file(&hook).or_fail(|| format!("cannot remove {}", hook.display()))?;
        let mut restored = "";
        if before.symlink_metadata().is_ok() {
            std::fs::rename(&before, &hook).or_fail(|| format!("cannot rename {}", before.display()))?;
            restored = "; the hook that was there before is back";
        }
        if is_guard {
            message::line(&format!("{name}: removed from {}{restored}", self.path.display()));
        }
        Ok(true)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    None,
    Foreign,
    Ours,
    /// Ours, with more below its end.
    Extended,
}

fn existing(hook: &Path) -> Result<Existing> {
    if hook.symlink_metadata().is_err() {
        return Ok(Existing::None);
    }
    let Ok(text) = std::fs::read(hook) else { return Ok(Existing::Foreign) };
    let text = String::from_utf8_lossy(&text);
    if text.lines().nth(1) != Some(MARK) {
        return Ok(Existing::Foreign);
    }
    Ok(if text.trim_end().ends_with(END) { Existing::Ours } else { Existing::Extended })
}

fn write(hook: &Path, text: &str) -> Result<()> {
    // Beside it and moved over it: git must never run half a hook.
    let beside = hook.with_extension("stopleak-new");
    let written = std::fs::write(&beside, text).and_then(|()| executable(&beside));
    written.and_then(|()| std::fs::rename(&beside, hook)).or_fail(|| format!("cannot write {}", hook.display()))
}

#[cfg(unix)]
fn executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// The script: the hook that was there before, the repository's own one, stopleak. Each may stop what is under way.
fn script(name: &str, program: Option<&Path>, hands_on: bool) -> String {
    let reads_input = matches!(name, "pre-push" | "pre-receive" | "post-rewrite");
    let (save, feed) = match reads_input {
        // The x keeps line breaks at the end.
        true => ("input=$(cat; echo x)\ninput=${input%x}\n", "printf %s \"$input\" | "),
        false => ("", ""),
    };
    let mut text = format!("#!/bin/sh\n{MARK}\n{save}");
    let run = |hook: &str| format!("if [ -x \"{hook}\" ]; then {feed}\"{hook}\" \"$@\" || exit $?; fi\n");
    text += &run(&format!("$0.{BEFORE}"));
    if hands_on {
        text += &format!("own=$(git rev-parse --git-common-dir)/hooks/{name}\n{}", run("$own"));
    }
    if let Some(program) = program {
        let program = program.to_string_lossy().replace('\\', "/").replace('\'', "'\\''");
        text += &format!("stopleak='{program}'\n");
        text += "[ -x \"$stopleak\" ] || stopleak=$(command -v stopleak) || {\n";
        text +=
            "  echo \"stopleak: the program is gone, so nothing was checked: install it again, or remove $0\" >&2\n";
        text += "  exit 2\n}\n";
        let arguments = if name == "commit-msg" || name == "pre-push" { " \"$@\"" } else { "" };
        text += &format!("{feed}\"$stopleak\" hook {name}{arguments} || exit $?\n");
    }
    text + END + "\n"
}
