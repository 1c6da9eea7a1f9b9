//! Commands of the user's: their words as they are, without a shell; what is secret goes in by standard input or not at all.

use crate::respond::outcome::Trouble;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command to its end. What it prints is nobody's business here: it may hold anything.
pub fn run(words: &[String], input: &[u8], variables: &[(&str, &str)], patience: Duration) -> Result<(), Trouble> {
    let (program, rest) = words.split_first().ok_or_else(|| Trouble::Refused("the command has no words".into()))?;
    let mut command = Command::new(program);
    command.args(rest).envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn();
    let mut child = child.map_err(|error| Trouble::Refused(format!("`{program}` cannot be run: {error}")))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A command that does not read what it is given may still do its work.
        let _ = pipe.write_all(input);
    }
    wait(&mut child, program, patience)
}

fn wait(child: &mut Child, program: &str, patience: Duration) -> Result<(), Trouble> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let code = status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
                return Err(Trouble::Refused(format!("`{program}` ended with {code}")));
            }
            Ok(None) if started.elapsed() < patience => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Trouble::Unanswered(format!("`{program}` did not end in {} s", patience.as_secs())));
            }
            Err(error) => return Err(Trouble::Unanswered(format!("`{program}`: {error}"))),
        }
    }
}
