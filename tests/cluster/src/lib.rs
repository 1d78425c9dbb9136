//! Real Apache Kafka clusters on loopback, for tests and tools.
//!
//! ```no_run
//! use nanokafka_cluster::{Cluster, Options};
//!
//! let mut cluster = Cluster::start(Options::new("4.4.0").nodes(3))?;
//! cluster.create_topic("telemetry", 6)?;
//! println!("hosts: {}, QEMU guests: {}", cluster.bootstrap(), cluster.guest_bootstrap());
//! cluster.kill(1)?;
//! cluster.restart(1)?;
//! for record in cluster.read_all("telemetry")? {
//!     println!("{} {}", record.partition, record.offset);
//! }
//! # Ok::<(), nanokafka_cluster::Error>(())
//! ```
//!
//! - [`kafka`] fetches Kafka by Maven, once, into the workspace's target directory.
//! - [`Cluster`] starts one or three nodes on free ports of loopback and stops them, whatever happens.
//! - [`Admin`] creates topics, moves leaders and reads everything back through Kafka's own clients.
//! - [`verdict`] is the judge: the six counts that are all to be 0.
//! - [`board`] understands the example firmware.
//! - [`random`] is the generator that faults are drawn from.
//! - [`process`] holds the children, and [`install`] the programs that must be there first.

pub mod board;
pub mod install;
pub mod kafka;
pub mod process;
pub mod random;
pub mod verdict;

mod admin;
mod cluster;
mod error;
mod node;
mod options;
mod ports;
mod probe;
mod record;
mod settings;

pub use admin::Admin;
pub use cluster::Cluster;
pub use error::{Error, Result};
pub use options::Options;
pub use record::{ConsumedRecord, ProduceRecord};
pub use settings::Door;
