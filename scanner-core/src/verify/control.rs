//! The negative control: a random value of the same shape, which no provider can have issued. Where it looks active,
//! "active" means nothing.

use crate::rule::example::Random;
use crate::rule::{Checksum, Rule, crc, pattern, sample};
use crate::secret::Secret;
use regex_syntax::hir::{Hir, HirKind};
use std::hash::{BuildHasher, Hasher};

/// Values shorter than this might be somebody's.
const LEAST: usize = 8;

/// A random value that looks like one of the rule's; `like` gives its length where the rule has no form of its own.
pub fn value_like(rule: &Rule, like: &Secret) -> Secret {
    // Seeded by the system: nobody can know the value beforehand and answer it otherwise.
    let mut random = Random::new(std::collections::hash_map::RandomState::new().build_hasher().finish());
    let drawn = rule.form.pattern().and_then(|own| {
        let hir = pattern::parse(&own.source).ok()?;
        let group = if own.has_group { secret_group(&hir)? } else { &hir };
        Some(sample::sample(group, &mut random))
    });
    let drawn = drawn.filter(|value| value.len() >= LEAST && value != like.expose());
    let mut value = drawn.unwrap_or_else(|| letters(like.expose().len().clamp(LEAST, 256), &mut random));
    if rule.checksum == Some(Checksum::GithubCrc32) {
        seal(&mut value);
    }
    Secret::new(&value)
}

fn secret_group(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some("secret") => Some(&capture.sub),
        HirKind::Capture(capture) => secret_group(&capture.sub),
        HirKind::Repetition(repetition) => secret_group(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(secret_group),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

fn letters(count: usize, random: &mut Random) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..count).map(|_| ALPHABET[random.below(ALPHABET.len())]).collect()
}

/// Makes the checksum right: a provider that looks at nothing else must show it.
fn seal(value: &mut [u8]) {
    let Some(from) = value.iter().rposition(|byte| *byte == b'_').map(|at| at + 1) else { return };
    if value.len() < from + 12 {
        return;
    }
    let end = value.len() - 6;
    let check = crc::github_check(&value[from..end]);
    value[end..].copy_from_slice(&check);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RuleSet;

    #[test]
    fn a_control_has_the_shape_and_is_another_value_every_time() {
        let rules = RuleSet::embedded();
        let rule = rules.rules().iter().find(|rule| rule.id == "github.personal-access-token").expect("it is there");
        let like = Secret::new(b"x");
        let (one, two) = (value_like(rule, &like), value_like(rule, &like));
        assert!(one != two && one.expose().len() == 40 && one.expose().starts_with(b"ghp_"));
        let (body, check) = one.expose()[4..].split_at(30);
        assert_eq!(crc::github_check(body), check);
    }

    #[test]
    fn every_rule_has_a_control() {
        for rule in RuleSet::embedded().rules() {
            let value = value_like(rule, &Secret::new(b"0123456789abcdef"));
            assert!(value.expose().len() >= LEAST, "{}", rule.id);
        }
    }
}
