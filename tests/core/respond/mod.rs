//! Ending and replacing secrets: against providers and vaults that fail at every call, through crashes at every step.

mod backends;
mod crash;
mod fakes;
mod faults;
mod order;
mod plans;
mod providers;
#[cfg(unix)]
mod real;
mod told;
mod vaults;
