//! What a cluster is started with.

use std::time::Duration;

/// What to start. Made by [`Options::new`].
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) version: String,
    pub(crate) nodes: u16,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) heap_mib: u32,
    pub(crate) quick_start: bool,
    pub(crate) ready_timeout: Duration,
    pub(crate) proxied: bool,
}

impl Options {
    /// One node of this version of Kafka, with a small heap and a compiler that is quick rather than thorough.
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            nodes: 1,
            properties: Vec::new(),
            heap_mib: 256,
            quick_start: true,
            ready_timeout: Duration::from_secs(90),
            proxied: false,
        }
    }

    /// 1 node, or 3 with three replicas of everything, of which two must be in sync.
    #[must_use]
    pub fn nodes(mut self, nodes: u16) -> Self {
        self.nodes = nodes;
        self
    }

    /// One more line of every node's `server.properties`; it wins over ours.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// The heap of each node in MiB; 256 unless said.
    #[must_use]
    pub fn heap_mib(mut self, heap_mib: u32) -> Self {
        self.heap_mib = heap_mib;
        self
    }

    /// Lets the Java machine optimise as in production, which makes it slower to start. For benchmarks.
    #[must_use]
    pub fn optimised(mut self) -> Self {
        self.quick_start = false;
        self
    }

    /// How long the cluster may take until all its nodes answer; 90 s unless said.
    #[must_use]
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.ready_timeout = timeout;
        self
    }

    /// Advertises to clients, but for Kafka's own tools, ports on which no broker listens: each node has two
    /// [doors](crate::Cluster::doors) that the caller is to open with proxies. The brokers' own traffic stays direct.
    #[must_use]
    pub fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }
}
