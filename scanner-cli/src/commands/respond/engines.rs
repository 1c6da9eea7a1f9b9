//! Vaults that end what they made: opened when a token, a database's password or a lease leaked, and logged out of.

use crate::args::RespondArgs;
use crate::failure::{Failure, Result};
use crate::terminal::message;
use crate::vaults::Vaults;
use stopleak_core::respond::Target;
use stopleak_core::respond::journal::Records;
use stopleak_core::respond::provider::{Keeper, Leases, StaticRoles, VaultTokens};

/// The vaults of HashiCorp's kind that the user named.
pub struct Engines(Vec<Keeper>);

impl Engines {
    /// Opens them, if one of these secrets may be theirs; nothing is asked with --offline.
    pub fn open(vaults: &Vaults, targets: &[Target], args: &RespondArgs) -> Result<Engines> {
        if args.lease.is_some() && targets.len() != 1 {
            return Err(Failure::new(format!("--lease is of one credential, and there are {}", targets.len()))
                .hint("pick one with --fingerprint"));
        }
        let may_be_theirs = |target: &Target| {
            target.rule.provider.id == "hashicorp-vault" || target.rule.id.starts_with("connection-string.")
        };
        let is_needed = args.lease.is_some() || targets.iter().any(may_be_theirs);
        if !is_needed || args.selection.images.offline {
            return Ok(Engines(Vec::new()));
        }
        let keepers = vaults.keepers()?;
        match args.lease.is_some() && !keepers.iter().any(|keeper| keeper.has_login) {
            true => Err(Failure::new("a lease is ended by its vault, and no vault is named that lets us in")
                .hint("set VAULT_ADDR and VAULT_TOKEN, or write [[vault]] into settings and name them with --config")),
            false => Ok(Engines(keepers)),
        }
    }

    /// Who ends tokens, leases and static roles; reads which ones the leaked secrets are of. What could not be read is said.
    pub fn responders(
        &self,
        targets: &[Target],
        args: &RespondArgs,
        earlier: &Records,
    ) -> (VaultTokens<'_>, Leases<'_>, StaticRoles<'_>) {
        let (leases, unread) = Leases::find(&self.0, targets, args.lease.as_deref(), earlier);
        let (roles, unread_roles) = StaticRoles::find(&self.0, targets, earlier);
        for reason in unread.iter().chain(&unread_roles) {
            message::caution(&format!("not read, so that a vault's own credential may be taken for another: {reason}"));
        }
        (VaultTokens::new(&self.0), leases, roles)
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        for keeper in self.0.drain(..) {
            if let Err(error) = keeper.vault.log_out() {
                message::caution(&format!("{}: our token lives on until it ends by itself: {error}", keeper.name));
            }
        }
    }
}
