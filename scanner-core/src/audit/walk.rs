//! Goes through a log's files from the first entry to the last, and stops at the first that is not what was written.

use super::entry::{Entry, MAX_LINE};
use super::error::AuditError;
use super::files::Files;
use super::state::State;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// What a whole log came to.
pub(super) struct Walked {
    pub state: State,
    /// A last line without its break: it was never acknowledged, or its break was cut off.
    pub torn: Option<Vec<u8>>,
    pub files: usize,
}

/// Shows every entry to `visit`, with the state after it.
pub(super) fn walk(files: &Files, visit: &mut dyn FnMut(&Entry, &State)) -> Result<Walked, AuditError> {
    let (mut state, mut count) = (State::default(), 0);
    for (first, path) in files.list()? {
        expect(&path, first, &state)?;
        let torn = read(&path, &mut state, visit)?;
        if torn.is_some() {
            return Err(AuditError::broken(&path, state.frontier.size() + 1, "it was cut short"));
        }
        state.turn();
        count += 1;
    }
    let torn = match std::fs::exists(&files.active).map_err(AuditError::file(&files.active))? {
        true => read(&files.active, &mut state, visit)?,
        false => None,
    };
    Ok(Walked { state, torn, files: count + usize::from(files.active.exists()) })
}

fn expect(path: &Path, first: u64, state: &State) -> Result<(), AuditError> {
    let next = state.frontier.size() + 1;
    match first == next {
        true => Ok(()),
        false => Err(AuditError::broken(path, next, format!("it is not there: the next file begins with {first}"))),
    }
}

fn read(path: &Path, state: &mut State, visit: &mut dyn FnMut(&Entry, &State)) -> Result<Option<Vec<u8>>, AuditError> {
    let file = match File::open(path) {
        // Another process may have begun the next file since it was seen.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(AuditError::file(path))?,
    };
    tail(path, file, state, visit)
}

/// Reads the lines after the state's end; what is left of a line that has no break is handed back.
pub(super) fn tail(
    path: &Path,
    mut file: File,
    state: &mut State,
    visit: &mut dyn FnMut(&Entry, &State),
) -> Result<Option<Vec<u8>>, AuditError> {
    file.seek(SeekFrom::Start(state.bytes)).map_err(AuditError::file(path))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = MAX_LINE as u64 + 1;
        reader.by_ref().take(most).read_until(b'\n', &mut line).map_err(AuditError::file(path))?;
        let next = state.frontier.size() + 1;
        match line.pop() {
            None => return Ok(None),
            Some(b'\n') => {}
            Some(_) if line.len() as u64 + 1 == most => return Err(AuditError::broken(path, next, "it is too long")),
            Some(last) => {
                line.push(last);
                return Ok(Some(line));
            }
        }
        let entry = state.take(&line).map_err(|problem| AuditError::broken(path, next, problem))?;
        visit(&entry, state);
    }
}
