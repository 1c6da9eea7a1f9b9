//! Who we are, as git is told: by a helper that reads its own environment, for one host, in memory.
//!
//! <https://git-scm.com/docs/gitcredentials>, <https://git-scm.com/docs/git-config#ENVIRONMENT>

use crate::secret::Secret;
use std::process::Command;

const USER: &str = "STOPLEAK_GIT_USER";
const PASSWORD: &str = "STOPLEAK_GIT_PASSWORD";

/// `printf` is the shell's own: no process has the words on its command line.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$STOPLEAK_GIT_USER\" \
                      \"$STOPLEAK_GIT_PASSWORD\"; }; f";

/// A user and a password for the repositories of one host.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Scheme and host: `https://github.com`.
    pub place: String,
    /// The user.
    pub user: String,
    /// The password or token.
    pub password: Secret,
}

/// Lets a git command read a repository as somebody, or as nobody. The word is in no address, on no command line, in no
/// file, and goes to no host but its own; helpers of the user's own, which might store it, are not asked.
pub fn equip(command: &mut Command, credential: Option<&Credential>) {
    let mut settings = vec![
        // An empty helper forgets those that other settings name.
        ("credential.helper".to_owned(), String::new()),
        ("core.askPass".to_owned(), String::new()),
    ];
    for name in ["GIT_ASKPASS", "SSH_ASKPASS", USER, PASSWORD] {
        command.env_remove(name);
    }
    if let Some(Credential { place, user, password }) = credential {
        settings.push((format!("credential.{place}.helper"), HELPER.to_owned()));
        command.env(USER, user).env(PASSWORD, String::from_utf8_lossy(password.expose()).as_ref());
    }
    // Settings that the command was given already stay.
    let count = command.get_envs().find(|(name, _)| *name == "GIT_CONFIG_COUNT").and_then(|(_, value)| value?.to_str());
    let first = count.and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    // A terminal that is asked would wait for ever.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_COUNT", (first + settings.len()).to_string());
    for (index, (key, value)) in settings.into_iter().enumerate().map(|(index, setting)| (first + index, setting)) {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}
