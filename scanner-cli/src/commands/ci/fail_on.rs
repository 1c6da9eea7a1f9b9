//! `--fail-on`: which of the findings that count fail the job.

use std::str::FromStr;
use stopleak_core::policy::{Subject, Validities, ValidityWord};
use stopleak_core::{Finding, Severity};

/// Of what the policy blocks, what fails the job; the default: all of it.
#[derive(Clone, Debug, Default)]
pub struct FailOn {
    is_never: bool,
    severity: Option<Severity>,
    confidence: f32,
    validity: Option<Validities>,
}

impl FailOn {
    /// Whether it asks for what only a provider knows: without an answer nothing would pass, and that would be taken for a
    /// clean result.
    pub fn needs_answers(&self) -> bool {
        let is_answer = |word: &ValidityWord| matches!(word, ValidityWord::Active | ValidityWord::Inactive);
        self.validity.as_ref().is_some_and(|words| words.0.iter().all(is_answer))
    }

    /// Whether the finding fails the job.
    pub fn holds(&self, finding: &Finding) -> bool {
        !self.is_never
            && self.severity.is_none_or(|least| finding.rule.severity >= least)
            && finding.confidence.0 >= self.confidence
            && self.validity.as_ref().is_none_or(|words| words.holds(&Subject::of(finding)))
    }
}

impl FromStr for FailOn {
    type Err = String;

    /// `policy`, `never`, or a severity, a confidence and words on validity, each of which must hold.
    fn from_str(text: &str) -> Result<FailOn, String> {
        let mut fail_on = FailOn::default();
        let mut validity = Vec::new();
        for word in text.split(',').map(str::trim) {
            let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
            if let Some(severity) = all.into_iter().find(|severity| severity.as_str() == word) {
                fail_on.severity = Some(severity);
            } else if let Ok(confidence) = word.parse::<f32>() {
                let is_share = (0.0..=1.0).contains(&confidence);
                fail_on.confidence = is_share.then_some(confidence).ok_or("a confidence is between 0 and 1")?;
            } else {
                match word {
                    "policy" => {}
                    "never" => fail_on.is_never = true,
                    _ => validity.push(ValidityWord::from_str(word).map_err(|_| unknown(word))?),
                }
            }
        }
        fail_on.validity = (!validity.is_empty()).then_some(Validities(validity));
        Ok(fail_on)
    }
}

fn unknown(word: &str) -> String {
    format!(
        "`{word}` is none of policy, never, a severity (low, medium, high, critical), a confidence from 0 to 1, \
         active, inactive, presumed-active, unknown, unchecked"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_would_let_everything_pass_are_refused() {
        for good in ["policy", "never", "high", "0.9", "high,0.9", "high, presumed-active", "active,unknown"] {
            assert!(good.parse::<FailOn>().is_ok(), "{good}");
        }
        for (bad, expected) in
            [("hgih", "`hgih` is none of"), ("", "`` is none of"), ("2", "between 0 and 1"), ("NaN", "between 0 and 1")]
        {
            let error = bad.parse::<FailOn>().unwrap_err();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }
}
