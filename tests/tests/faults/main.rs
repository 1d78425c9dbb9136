//! The rows of the fault table, each with its tests. `tests/FAULTS.md` says which is where.

mod catalogue;
mod clocks;
mod codes;
mod ends;
mod frames;
mod lost_answers;
mod matching;
mod outage;
mod pieces;
mod rig;
mod sequences;
mod starvation;
mod throttle;
mod topics;
mod versions;
