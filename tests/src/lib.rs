//! The shared test suite of nanokafka: written once, run over every transport.
//!
//! * [`board`]: the example firmware in QEMU.
//! * [`broker`]: a scripted Kafka cluster, bytes in and bytes out.
//! * [`link`]: an Ethernet link that loses, delays, reorders and doubles frames.
//! * [`rig`]: a transport for the producer, a way to let time pass, and the cluster at the other end.
//! * [`world`]: a producer on a rig, with a journal of all that was submitted and reported.
//! * [`catalogue`]: whether the tests that a document names exist.
//! * [`journal`]: what was submitted, and what was reported.
//! * [`oracle`]: the six counts, from the journal and the log.
//! * [`real`]: a producer of a real cluster.
//! * [`scenario`]: the scenarios, generic over the rig.
//! * [`sim`]: the simulator: all faults at once, from a seed.
//! * [`source`]: what the layer check reads from source files.

pub mod board;
pub mod broker;
pub mod catalogue;
pub mod journal;
pub mod link;
pub mod oracle;
pub mod real;
pub mod rig;
pub mod scenario;
pub mod sim;
pub mod source;
pub mod world;

pub use nanokafka_cluster::random;

/// The examples of the README, which are doc tests here because they need every crate.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
