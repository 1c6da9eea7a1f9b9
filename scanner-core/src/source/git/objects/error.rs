//! Why an object, or a whole database, cannot be read.

use std::path::PathBuf;

use crate::{ObjectId, Warning};

/// The database itself cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The object folder cannot be listed.
    #[error("cannot read the object folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// More objects than a 32-bit number can name.
    #[error("more than 4 billion objects in one repository")]
    TooMany,
}

/// One object cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Its delta base is nowhere in the database.
    #[error("its delta base is missing")]
    MissingBase,
    /// Its delta base is there and cannot be read.
    #[error("its delta base {0} cannot be read")]
    UnreadableBase(ObjectId),
    /// Its stored form does not follow git's format.
    #[error("{0}")]
    Corrupt(&'static str),
    /// It is larger than the limit.
    #[error("its size of {size} bytes is over the limit of {limit}")]
    TooLarge {
        /// The size it declares.
        size: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// Its file cannot be read.
    #[error("its file cannot be read: {0}")]
    File(std::io::ErrorKind),
}

impl ObjectError {
    /// The warning about an object that was wanted and not read.
    pub fn warning(&self, id: ObjectId) -> Warning {
        Warning::unscanned(self.code(), id.to_string(), format!("object not scanned: {self}"))
    }

    /// The stable code of the warning.
    pub fn code(&self) -> &'static str {
        match self {
            ObjectError::MissingBase => "missing-object",
            ObjectError::UnreadableBase(_) | ObjectError::Corrupt(_) => "corrupt-object",
            ObjectError::TooLarge { .. } => "limit-object-size",
            ObjectError::File(_) => "unreadable-file",
        }
    }
}
