//! Why a container or a member of one was not unpacked.

use super::limits::Stop;
use std::borrow::Cow;
use std::io;

/// What kept bytes from being seen.
#[derive(Debug)]
pub enum Trouble {
    /// A limit.
    Stop(Stop),
    /// Bytes that are not what the format says.
    Damaged(Cow<'static, str>),
    /// A part of the format that is not read.
    Unsupported(Cow<'static, str>),
    /// It takes a password.
    Encrypted(Cow<'static, str>),
}

impl Trouble {
    /// It ends before its end.
    pub const CUT_SHORT: Trouble = Trouble::Damaged(Cow::Borrowed("it is cut short"));

    /// Bytes that are not what the format says.
    pub fn damaged(what: &'static str) -> Trouble {
        Trouble::Damaged(Cow::Borrowed(what))
    }

    /// The code and the text of a warning about it.
    pub fn describe(&self) -> (&'static str, String) {
        match self {
            Trouble::Stop(stop) => ("archive-limit", stop.to_string()),
            Trouble::Damaged(what) => ("archive-damaged", what.to_string()),
            Trouble::Unsupported(what) => ("archive-unsupported", what.to_string()),
            Trouble::Encrypted(what) => ("archive-encrypted", what.to_string()),
        }
    }
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Trouble {
        Trouble::Stop(stop)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.downcast::<Stop>() {
            Ok(stop) => Trouble::Stop(stop),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Trouble::CUT_SHORT,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Trouble::Unsupported(error.to_string().into()),
            Err(error) => Trouble::Damaged(error.to_string().into()),
        }
    }
}
