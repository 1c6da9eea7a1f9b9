//! Many repositories: which they are, and how they are swept on a schedule.

pub mod alerts; // who is told of what
pub mod cache; // copies of remote repositories, within a budget
pub mod crew; // threads that take jobs and do them
pub mod git; // the network, by way of git
pub mod glance; // is anything new on this machine?
pub mod job; // one repository: list, fetch, scan, write down
pub mod key; // names findings without giving them away
pub mod meter; // how far it is
mod owners; // CODEOWNERS
pub mod packs; // what new rules make necessary
pub mod questions; // whether what is found is alive
pub mod queue; // who does which job
pub mod run; // from targets to jobs
pub mod scales; // memory within bounds
pub mod schedule; // when a sweep is due
pub mod store; // everything that is known
pub mod targets; // which repositories there are
pub mod watch; // who is told

pub use alerts::Teller;
pub use crew::{Crew, Options};
pub use git::{Git, Logins};
pub use job::{MakeRequest, Scanner};
pub use key::{KeyError, StoreKey};
pub use meter::Meter;
pub use questions::{Ledger, Questions};
pub use schedule::Schedule;
pub use store::{Store, StoreError};
pub use watch::{Event, Nobody, Watcher};
