//! The rows of the fault table, each with its tests. `tests/FAULTS.md` says which is where.

mod clocks;
mod codes;
mod ends;
mod lost_answers;
mod matching;
mod pieces;
mod rig;
mod sequences;
mod starvation;
mod throttle;
mod topics;
mod versions;
