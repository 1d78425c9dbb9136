//! The rows of the fault table, each with its tests. `tests/FAULTS.md` says which is where.

mod ends;
mod lost_answers;
mod pieces;
mod rig;
