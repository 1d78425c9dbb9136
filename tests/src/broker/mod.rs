//! A scripted Kafka cluster in memory: bytes in, bytes out, and a time that is told.
//!
//! It decodes requests and encodes responses with the crate `kafka-protocol`, so that nanokafka's encoder is
//! never judged by nanokafka's decoder, follows a real broker's rules, keeps what was written, and does wrong
//! what a [`Fault`] tells it. What a client must never do is noted as a violation.

mod connection;
mod control;
mod crash;
mod fault;
mod handle;
mod log;
mod produce;
pub mod producer_state;
mod release;
mod spoil;

use std::collections::BTreeMap;

pub use connection::{ConnectionId, Ending};
pub use crash::{BrokenPromises, Crash};
pub use fault::{Action, Api, Fault, Mutation};
pub use log::{Content, LogRecord, Partition, Topic};
pub use release::Release;

use connection::Connection;
use fault::Faults;
use producer_state::Stamp;

/// What listens on a node's port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speaks {
    /// Kafka.
    #[default]
    Kafka,
    /// A web server: answers anything with `400 Bad Request` and closes.
    Http,
    /// A TLS server: answers plain text with an alert and closes.
    Tls,
    /// A server that greets first, as SSH does.
    Banner,
    /// Something that accepts and never says a word.
    Nothing,
}

/// One broker of the cluster.
#[derive(Clone, Debug)]
struct Node {
    host: String,
    port: u16,
    /// What Metadata says instead.
    advertised: Option<(String, u16)>,
    release: Release,
    speaks: Speaks,
    up: bool,
}

/// A batch in a Produce request that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBatch {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The number of its records; 0 when it could not be decoded.
    pub records: usize,
    /// Its size, header included.
    pub bytes: usize,
    /// Its producer and number; -1 in each field when it has none.
    pub stamp: Stamp,
}

/// A request that reached a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When, in milliseconds.
    pub at: u64,
    /// Which broker.
    pub node: i32,
    /// Which request.
    pub api: Api,
    /// In which version.
    pub version: i16,
    /// The client's name.
    pub client_id: Option<String>,
    /// Produce: the `acks` field.
    pub acks: i16,
    /// Produce: what it carries.
    pub batches: Vec<SeenBatch>,
    /// How many requests on the same connection had no answer yet when this one came.
    pub outstanding: usize,
}

/// The cluster. See the [module](self).
#[derive(Debug, Default)]
pub struct Cluster {
    nodes: BTreeMap<i32, Node>,
    topics: BTreeMap<String, Topic>,
    /// `auto.create.topics.enable`: with this many partitions, when a client asks for a topic that is missing.
    pub auto_create: Option<usize>,
    /// What ApiVersions says instead of what the brokers' release does: key, lowest version, highest.
    pub announces: Option<Vec<(i16, i16, i16)>>,
    /// Brokers that Metadata lists besides the nodes that exist; they lead nothing.
    pub extra_brokers: i32,
    /// An answer that left longer ago has arrived; a later reset may lose it, and excuses a duplicate.
    pub answers_arrive_within_ms: u64,
    /// How many producer ids were given out, and the epoch that comes with them.
    producer_ids: i64,
    /// The epoch that a producer id comes with.
    pub first_epoch: i16,
    /// Followers fetch what was written with acks of 1 or 0 only when [`replicate`](Self::replicate) is called.
    pub replicates_later: bool,
    /// What the cluster has done to its clients.
    pub broken_promises: BrokenPromises,
    faults: Faults,
    connections: BTreeMap<ConnectionId, Connection>,
    accepted: u64,
    requests: Vec<Seen>,
    violations: Vec<String>,
    /// What happened, line by line, for whoever asked for it.
    pub story: Option<Vec<String>>,
    excuses: u32,
}
