//! Tokens of HashiCorp Vault and OpenBao: ended by themselves, or by the accessor and the user's own login.
//!
//! They are said to the vaults that the user's settings name, and to nobody else. <https://openbao.org/api-docs/auth/token/>

use super::keeper::{Keeper, VAULT, named};
use crate::finding::{Doubt, Validity};
use crate::respond::outcome::Trouble;
use crate::respond::responder::{Abilities, Ability, Act, Effect, Job, Repeat, Responder};
use crate::respond::target::{Facts, Target};
use crate::vault::VaultError;
use crate::vault::hashicorp::Holder;

/// The fact that names the token without being one.
const ACCESSOR: &str = "accessor";
/// The fact that says who could ask about it.
const ASKED_BY: &str = "asked-by";
/// By its own authority.
const ITSELF: &str = "itself";

/// Ends tokens.
pub struct VaultTokens<'a> {
    keepers: &'a [Keeper],
}

/// What one vault says of a token.
enum Told {
    Alive(Holder, &'static str),
    Dead,
    Unclear(Doubt, String),
}

impl<'a> VaultTokens<'a> {
    /// Asks these vaults.
    pub fn new(keepers: &'a [Keeper]) -> VaultTokens<'a> {
        VaultTokens { keepers }
    }

    fn ask(keeper: &Keeper, target: &Target, bound: &Facts) -> Told {
        let by_itself = match keeper.vault.holder(&target.secret) {
            Ok(holder) => return Told::Alive(holder, ITSELF),
            Err(error) => error,
        };
        // Every token may look itself up unless its policies say otherwise: one that could and is refused now is dead.
        if is_refused(&by_itself)
            || (matches!(by_itself, VaultError::Denied(_)) && bound.get(ASKED_BY).is_some_and(|by| by == ITSELF))
        {
            return Told::Dead;
        }
        if !matches!(by_itself, VaultError::Denied(_)) {
            return unclear(by_itself);
        }
        match keeper.has_login.then(|| keeper.vault.holder_by_us(&target.secret)) {
            Some(Ok(holder)) => Told::Alive(holder, "our login"),
            Some(Err(error)) if is_refused(&error) => Told::Dead,
            Some(Err(error)) if !matches!(error, VaultError::Denied(_)) => unclear(error),
            _ => Told::Unclear(
                Doubt::Strange,
                format!("{}: it is dead, or may not ask about itself, and nobody else may either", keeper.name),
            ),
        }
    }

    fn keeper(&self, job: &Job) -> Result<&Keeper, Trouble> {
        named(self.keepers, job.bound)
            .ok_or_else(|| Trouble::Refused("the token's vault is not set up any more".into()))
    }
}

impl Responder for VaultTokens<'_> {
    fn name(&self) -> &'static str {
        "vault-token"
    }

    fn abilities(&self, target: &Target) -> Option<Abilities> {
        let is_token = matches!(
            target.rule.id.as_str(),
            "hashicorp-vault.service-token" | "hashicorp-vault.legacy-token" | "hashicorp-vault.batch-token"
        );
        let is_batch = target.rule.id.ends_with("batch-token") || target.secret.expose().starts_with(b"b.");
        // Without vaults of the settings the rule's own request is made, where an endpoint is named.
        if !is_token || (self.keepers.is_empty() && !is_batch) {
            return None;
        }
        let has_login = self.keepers.iter().any(|keeper| keeper.has_login);
        let names: Vec<&str> = self.keepers.iter().map(|keeper| keeper.name.as_str()).collect();
        let ability = |request: &str, instead: Option<Act>| Ability {
            request: format!("vault {}: POST {request}", names.join(" or ")),
            irreversible: true,
            repeat: Repeat::WhenReadSaysNo,
            instead,
            by_hand: "revoke it by its accessor with a login that may: vault token revoke -accessor".into(),
        };
        let mut abilities = Abilities { by_itself: true, refusals: 1, ..Abilities::default() };
        let instead = has_login.then_some(Act::Overrule);
        abilities.acts.insert(Act::Delete, ability("auth/token/revoke-self, as itself", instead));
        if has_login {
            abilities.acts.insert(Act::Overrule, ability("auth/token/revoke-accessor, as our login", None));
        }
        abilities.warnings.push("tokens and leases that were made with it end with it".into());
        abilities.blocked = is_batch.then(|| {
            "a batch token cannot be revoked: it ends by itself. Until then revoke the token that made it, which ends \
             it, too, or take away what its policies allow"
                .to_owned()
        });
        Some(abilities)
    }

    fn bind(&self, target: &Target) -> Result<Facts, Trouble> {
        let mut reasons = Vec::new();
        for keeper in self.keepers {
            match Self::ask(keeper, target, &Facts::new()) {
                Told::Alive(holder, _) if holder.kind == "batch" => {
                    return Err(Trouble::Refused("it is a batch token, which cannot be revoked".into()));
                }
                Told::Alive(holder, by) => {
                    let facts = [(VAULT, keeper.name.as_str()), (ACCESSOR, &holder.accessor), (ASKED_BY, by)];
                    return Ok(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
                }
                Told::Unclear(Doubt::Connection, reason) => return Err(Trouble::Unavailable(reason)),
                Told::Unclear(_, reason) => reasons.push(reason),
                Told::Dead => reasons.push(format!("{} does not know it", keeper.name)),
            }
        }
        Err(Trouble::Ambiguous(format!("no vault of the settings says whose it is: {}", reasons.join("; "))))
    }

    fn carry_out(&self, act: Act, job: &Job) -> Result<Effect, Trouble> {
        let keeper = self.keeper(job)?;
        match act {
            Act::Delete => keeper.vault.revoke_own(&job.target.secret)?,
            Act::Overrule if !keeper.has_login => {
                return Err(Trouble::Denied(format!("there is no login at {}", keeper.name)));
            }
            Act::Overrule => match job.bound.get(ACCESSOR).filter(|accessor| !accessor.is_empty()) {
                Some(accessor) => keeper.vault.revoke_accessor(accessor)?,
                None => return Err(Trouble::Refused("its accessor is not known".into())),
            },
            _ => return Err(Trouble::Refused("a vault has no such request".into())),
        }
        Ok(Effect::default())
    }

    fn check(&self, target: &Target, bound: &Facts) -> Option<Validity> {
        let asked: Vec<&Keeper> = match named(self.keepers, bound) {
            Some(keeper) => vec![keeper],
            None => self.keepers.iter().collect(),
        };
        let mut unclear = None;
        for keeper in &asked {
            match Self::ask(keeper, target, bound) {
                Told::Alive(holder, _) => {
                    let identity =
                        [("vault", keeper.name.clone()), ("name", holder.display_name), (ACCESSOR, holder.accessor)];
                    let identity = identity.map(|(label, value)| (label.to_owned(), value)).into();
                    return Some(Validity::Active { identity, scopes: Some(holder.policies.join(", ")) });
                }
                Told::Dead => {}
                Told::Unclear(doubt, reason) => unclear = unclear.or(Some(Validity::unknown(doubt, reason))),
            }
        }
        (!asked.is_empty()).then(|| unclear.unwrap_or(Validity::Inactive))
    }
}

/// Whether the vault itself says that there is no such token.
fn is_refused(error: &VaultError) -> bool {
    matches!(error, VaultError::Denied(words) if ["invalid token", "bad token"].iter().any(|known| words.contains(known)))
}

fn unclear(error: VaultError) -> Told {
    let passes = matches!(error, VaultError::Unavailable(_) | VaultError::Unanswered(_));
    Told::Unclear(if passes { Doubt::Connection } else { Doubt::Strange }, error.to_string())
}
