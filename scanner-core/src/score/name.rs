//! What the name of a value promises: a password, a secret, a token, a key, or something about one.

use super::words::{self, each_word};

/// What the head of a name stands for, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Head {
    /// Nothing that sounds like a credential.
    #[default]
    Other,
    /// `auth`, `credentials`, `session`.
    Access,
    /// `key` with nothing before it.
    Key,
    /// `token`.
    Token,
    /// `api_key`, `private_key`, `access_key`.
    NamedKey,
    /// `secret`.
    Secret,
    /// `password` and its short forms.
    Password,
}

/// A name, read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Name {
    /// The last word that sounds like a credential.
    pub head: Head,
    /// A later word says it is something about a credential: `password_field`, `token_type`, `key_id`.
    pub about: bool,
    /// An earlier word turns it: `public_key`, `is_secret`, `max_tokens`, `get_password`.
    pub turned: bool,
    /// `test`, `fake`, `example`.
    pub pretend: bool,
    /// `hash`, `digest`, `checksum`.
    pub digest: bool,
    /// `public_key`, `PublicKeyToken`.
    pub public: bool,
    /// `csrf_token`, `next_page_token`.
    pub transient: bool,
}

/// Reads a name.
pub fn read(name: &[u8]) -> Name {
    let mut found = Name::default();
    let mut key_of = false;
    each_word(name, |word, meaning| {
        let head = head(word, meaning, key_of);
        key_of = meaning & words::KEY_OF != 0;
        if head != Head::Other {
            (found.head, found.about, found.digest) = (head, false, false);
        } else if meaning & words::ABOUT != 0 {
            found.about = true;
        }
        found.digest |= meaning & words::NAMED_DIGEST != 0;
        found.turned |= meaning & words::TURNS != 0;
        found.pretend |= meaning & words::PRETENDS != 0;
        found.public |= meaning & words::PUBLIC != 0;
        found.transient |= meaning & words::TRANSIENT != 0;
    });
    found
}

fn head(word: &[u8], meaning: u32, key_of: bool) -> Head {
    let heads = [
        (words::PASSWORD, Head::Password),
        (words::SECRET, Head::Secret),
        (words::TOKEN, Head::Token),
        (words::NAMED_KEY, Head::NamedKey),
        (words::KEY, if key_of { Head::NamedKey } else { Head::Key }),
        (words::ACCESS, Head::Access),
    ];
    let known = heads.iter().find(|(bit, _)| meaning & bit != 0).map(|(_, head)| *head);
    known.unwrap_or_else(|| if meaning == 0 { joined(word) } else { Head::Other })
}

/// A word written without a joint: `dbpassword`, `clientsecret`, `accesstoken`.
fn joined(word: &[u8]) -> Head {
    const ENDS: [(&[u8], Head); 8] = [
        (b"password", Head::Password),
        (b"passwd", Head::Password),
        (b"passphrase", Head::Password),
        (b"pwd", Head::Password),
        (b"secret", Head::Secret),
        (b"token", Head::Token),
        (b"apikey", Head::NamedKey),
        (b"secretkey", Head::NamedKey),
    ];
    const USERS: [&[u8]; 16] = [
        b"user", b"db", b"my", b"root", b"admin", b"smtp", b"mail", b"email", b"ftp", b"mysql", b"pg", b"redis",
        b"http", b"login", b"ssh", b"ldap",
    ];
    // Compasses and bypasses are no passwords.
    if word.strip_suffix(b"pass").is_some_and(|user| USERS.contains(&user)) {
        return Head::Password;
    }
    ENDS.iter().find(|(end, _)| word.ends_with(end)).map_or(Head::Other, |(_, head)| *head)
}
