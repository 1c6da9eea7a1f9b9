//! The command as a user meets it: the built binary in a folder of its own, with git's settings shut out.

mod adoption;
mod archive;
mod audit;
mod baseline;
mod bombs;
mod buckets;
mod ci;
mod docs;
mod exit_codes;
mod forge;
mod git;
mod honesty;
mod hook;
mod images;
mod import;
mod live;
mod mask;
mod notify;
mod output;
#[cfg(unix)]
mod page;
mod policy;
mod report;
mod pipelines;
mod remedy;
mod respond;
#[cfg(unix)]
mod rotate;
mod rules;
mod serve;
mod settings;
#[cfg(unix)]
mod sweep;
#[cfg(unix)]
mod sweep_alerts;
mod sweep_plan;
mod vault;
mod verify;

#[path = "../support/archive.rs"]
mod archives;
#[path = "../support/chromium.rs"]
mod chromium;
#[path = "../support/events.rs"]
mod events;
#[path = "../support/finding.rs"]
mod made;
#[path = "../support/kv2.rs"]
mod kv2;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder to run in.
struct Project {
    folder: TempDir,
}

/// What a run left.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Project {
    fn new() -> Project {
        Project { folder: TempDir::new().unwrap() }
    }

    /// Writes a file, and the folders above it.
    fn file(self, path: &str, text: impl AsRef<[u8]>) -> Project {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Runs `stopleak` with these words.
    fn run(&self, args: &str) -> Run {
        self.run_with(args, b"")
    }

    fn run_with(&self, args: &str, input: &[u8]) -> Run {
        run_in(self.path(), args, input)
    }

    fn command(&self, args: &str) -> Command {
        command_in(self.path(), args)
    }
}

/// Runs `stopleak` in a folder.
fn run_in(folder: &Path, args: &str, input: &[u8]) -> Run {
    let mut child = command_in(folder, args).spawn().unwrap();
    // A command that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The binary under test; `STOPLEAK_TEST_BINARY` names another one, such as one that is shipped.
fn binary() -> OsString {
    std::env::var_os("STOPLEAK_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_stopleak").into())
}

fn command_in(folder: &Path, args: &str) -> Command {
    let mut command = Command::new(binary());
    let inherited = std::env::vars_os().map(|(name, _)| name);
    inherited.filter(|name| name.to_string_lossy().starts_with("GIT")).for_each(|name| _ = command.env_remove(name));
    command.args(args.split_whitespace()).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR").env_remove("RUST_BACKTRACE").env_remove("COLUMNS");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Run {
    /// The lines of a JSON Lines report of this type.
    fn lines(&self, kind: &str) -> Vec<serde_json::Value> {
        let lines = self.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["type"] == kind).collect()
    }
}
