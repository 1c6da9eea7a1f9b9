//! Accepted is not dead: asks until the provider itself refuses the secret.

use super::{Flow, Halt, Run};
use crate::finding::{Doubt, Validity};
use crate::respond::journal::Ended;
use crate::respond::outcome::Outcome;
use crate::respond::responder::Act;
use crate::respond::target::Facts;
use std::time::Duration;

/// Pauses between the questions, in seconds.
const PAUSES: [u64; 5] = [5, 30, 120, 600, 3600];
/// Between two refusals that must both be seen.
const BETWEEN: Duration = Duration::from_secs(5);

impl Run<'_> {
    pub(super) fn confirm(&mut self) -> Result<Flow, Halt> {
        let needed = self.responder().map_or(1, |(_, abilities)| abilities.refusals.max(1));
        let (mut left, mut refusals) = (self.guard.wait, 0);
        let mut pauses = PAUSES.into_iter().map(Duration::from_secs);
        let validity = loop {
            let validity = self.ask_whether(self.target());
            let pause = match &validity {
                Validity::Inactive => {
                    refusals += 1;
                    if refusals >= needed {
                        break validity;
                    }
                    BETWEEN
                }
                Validity::Unknown { doubt, .. } if cannot_ask(*doubt) => break validity,
                _ => {
                    refusals = 0;
                    // The last pause is what is left of the time to wait.
                    match pauses.next() {
                        Some(pause) if !left.is_zero() => pause.min(left),
                        _ => break validity,
                    }
                }
            };
            left = left.saturating_sub(pause);
            self.sleep(pause);
        };
        let waited = (self.guard.wait - left).as_secs();
        Ok(match validity {
            Validity::Inactive => {
                self.end(Act::Confirm, Ended::Done, Facts::new())?;
                Flow::On
            }
            Validity::Active { .. } => Flow::Stop(Outcome::StillLive {
                reason: format!("the provider took the request, and the secret still works after {waited} s"),
            }),
            Validity::Unknown { doubt, reason } if cannot_ask(doubt) => Flow::Stop(Outcome::Accepted { reason }),
            Validity::Unknown { reason, .. } => Flow::Stop(Outcome::Unknown { reason }),
            _ => Flow::Stop(Outcome::Accepted { reason: "nobody was asked whether it is dead".into() }),
        })
    }
}

/// Whether no patience helps.
pub(super) fn cannot_ask(doubt: Doubt) -> bool {
    matches!(doubt, Doubt::NoWay | Doubt::Incomplete | Doubt::NotAllowed | Doubt::Gullible)
}
