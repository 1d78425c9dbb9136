//! The simulator: the real core over the in-memory transport or the real smoltcp adapter, against simulated brokers
//! that fail in all ways at once, in virtual time, all of it from one seed.
//!
//! A run has a phase of faults, whose kinds and rates are drawn from the seed, and then a calm phase, in which all must
//! be delivered or reported within a bounded number of polls. [`Report`] holds the six counts; everything else that a
//! producer promises ([`World`](crate::world::World) checks each poll) ends a run with a panic that says what was
//! broken.

mod act;
pub mod exhaustive;
mod plan;
mod run;
mod tell;

pub use plan::{Mode, Plan};
pub use run::{Report, run};
pub use tell::{Sum, trace};
