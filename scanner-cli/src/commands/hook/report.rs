//! What a hook says: what was found, where, why, and the three ways out.

use crate::failure::{OrFail, Result};
use crate::terminal::message;
use crate::terminal::text::Text;
use crate::terminal::words::counted;
use serde_json::json;
use stopleak_core::Finding;
use stopleak_core::policy::Bypass;
use stopleak_core::report::{Record, Report, Secrets, places};

/// A hook, by the moment it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PreCommit,
    Files,
    PrePush,
    PreReceive,
    CommitMsg,
}

impl Kind {
    /// Git's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::PreCommit | Kind::Files => "pre-commit",
            Kind::PrePush => "pre-push",
            Kind::PreReceive => "pre-receive",
            Kind::CommitMsg => "commit-msg",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Kind::PreCommit => "this commit adds",
            Kind::Files => "these files hold",
            Kind::PrePush => "this push brings",
            Kind::PreReceive => "push refused: it brings",
            Kind::CommitMsg => "this commit message holds",
        }
    }

    fn removal(self) -> &'static str {
        match self {
            Kind::PreCommit => "take it out of the file, `git add` the file, and commit again",
            Kind::Files => "take it out of the file",
            Kind::PrePush | Kind::PreReceive => {
                "take it out of the commits (`git commit --amend`, `git rebase -i`), and push again; a later commit \
                 that deletes it does not help"
            }
            Kind::CommitMsg => "write the message without it",
        }
    }

    fn bypass(self) -> &'static str {
        match self {
            Kind::PreCommit | Kind::CommitMsg => "STOPLEAK_BYPASS=\"the reason\" git commit …",
            Kind::Files => "STOPLEAK_BYPASS=\"the reason\" before the command",
            Kind::PrePush => "STOPLEAK_BYPASS=\"the reason\" git push …",
            Kind::PreReceive => "git push -o stopleak.bypass=\"the reason\" …",
        }
    }
}

/// Prints what blocks, then what only warns.
pub fn findings(kind: Kind, blocking: &[&Finding], warnings: &[&Finding]) -> Result<()> {
    for (list, verdict) in [(blocking, "stopped"), (warnings, "not stopped")] {
        let practices = list.iter().filter(|finding| finding.is_practice()).count();
        let secrets = list.len() - practices;
        let what = [(secrets, "new secret"), (practices, "risky practice")];
        let what = what.iter().filter(|(count, _)| *count > 0);
        let noun = |noun: &'static str| if kind == Kind::Files { noun.trim_start_matches("new ") } else { noun };
        let what: Vec<String> = what.map(|(count, name)| counted(*count as u64, noun(name))).collect();
        if list.is_empty() {
            continue;
        }
        message::line(&format!("stopleak: {verdict}: {} {}\n", kind.subject(), what.join(" and ")));
        let mut text = Text::new(anstream::stderr(), true);
        let mut write = |finding: &Finding| text.record(&Record::new(finding, Secrets::Redacted));
        list.iter().try_for_each(|finding| write(finding)).or_fail(|| "cannot write the report".to_owned())?;
    }
    Ok(())
}

/// Says that older secrets were left alone.
pub fn known(count: u64) {
    if count > 0 {
        let secrets = counted(count, "secret");
        message::line(&format!(
            "{secrets} that stood there before did not count; `stopleak scan` lists what is there\n"
        ));
    }
}

/// The three ways out; of something unscanned there are two.
pub fn ways_out(kind: Kind, bypass: &Bypass, is_unscanned: bool) {
    if is_unscanned {
        message::line("stopleak: stopped: not everything was scanned, so nothing is known of the rest");
        message::line("  mend it      see `not scanned` above");
        message::line("  accept it    --allow-partial on the hook's command lets pass what cannot be scanned");
    } else {
        message::line(&format!("  remove it    {}", kind.removal()));
        message::line(
            "  allow it     if it is no leak: end its line with `stopleak:allow REASON`, or add an [[allow]] entry",
        );
        message::line("               with a reason to stopleak.toml");
    }
    match bypass.allowed {
        true => message::line(&format!("  break glass  {}  (goes on record)", kind.bypass())),
        false => message::line("  break glass  the policy of this project allows no bypass"),
    }
}

/// A finding in the audit log: never its value.
pub fn record(finding: &Finding) -> serde_json::Value {
    const MOST: usize = 20;
    let place = |place: &stopleak_core::Occurrence| {
        let name = place.origin.path().map_or_else(|| place.origin.to_string(), str::to_owned);
        format!("{name}:{}", place.position.line)
    };
    json!({
        "rule": finding.rule.id,
        "fingerprint": finding.fingerprint.as_str(),
        "severity": finding.rule.severity.as_str(),
        "places": places(finding).into_iter().take(MOST).map(place).collect::<Vec<_>>(),
    })
}

/// A reason is recorded and shown: it must not hold what it is about.
pub fn without_secrets(reason: &str, findings: &[&Finding]) -> String {
    findings.iter().fold(reason.to_owned(), |reason, finding| match std::str::from_utf8(finding.secret.expose()) {
        Ok(secret) if !secret.is_empty() && !finding.is_practice() => reason.replace(secret, "…"),
        _ => reason,
    })
}
