//! Ends a leaked secret, or replaces it, proves the new value, and only then ends it.
//!
//! A `Plan` is made without asking anybody and is what `run::Run` carries out. Every change goes through the journal and
//! the audit log first; what nobody answered is looked up, never repeated blindly (decision 0022).

pub mod announce;
pub mod escrow;
pub mod guard;
pub mod journal;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod provider;
pub mod readers;
pub mod responder;
pub mod run;
pub mod target;

pub use guard::{Guard, Record};
pub use journal::{Append, Journal};
pub use outcome::{Outcome, Trouble};
pub use plan::{Action, Mode, Plan, Step, Task};
pub use responder::{Ability, Act, Effect, Job, Reconciled, Repeat, Responder};
pub use run::{Report, Run, World};
pub use target::{Facts, Fresh, Place, Target, holds, places_in};
