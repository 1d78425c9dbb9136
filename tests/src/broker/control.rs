//! What a scenario does to the cluster and reads from it.

use super::{Cluster, Fault, Node, Partition, Release, Seen, Speaks, Topic};

impl Cluster {
    /// Brokers 1 to `nodes` of release 3.9, all up, at `broker-N.test:9092`.
    #[must_use]
    pub fn new(nodes: i32) -> Self {
        let node = |id: i32| Node {
            host: format!("broker-{id}.test"),
            port: 9092,
            advertised: None,
            release: Release::V3_9,
            speaks: Speaks::Kafka,
            up: true,
        };
        Self { nodes: (1..=nodes).map(|id| (id, node(id))).collect(), ..Self::default() }
    }

    /// Creates a topic whose partitions are led by the brokers in turn.
    pub fn create_topic(&mut self, name: &str, partitions: usize) {
        let leaders: Vec<i32> = self.nodes.keys().copied().cycle().take(partitions).collect();
        let topic = Topic {
            partitions: leaders.into_iter().map(Partition::led_by).collect(),
            log_append_time_ms: None,
            max_message_bytes: 1_048_588,
        };
        assert!(self.topics.insert(name.to_owned(), topic).is_none(), "topic {name} exists");
    }

    /// The topic, to change its settings or to read it.
    ///
    /// # Panics
    /// When there is none of this name.
    pub fn topic_mut(&mut self, name: &str) -> &mut Topic {
        self.topics.get_mut(name).unwrap_or_else(|| panic!("no topic {name}"))
    }

    /// All topics, by name.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &Topic)> {
        self.topics.iter().map(|(name, topic)| (name.as_str(), topic))
    }

    /// The numbers of all brokers.
    #[must_use]
    pub fn nodes(&self) -> Vec<i32> {
        self.nodes.keys().copied().collect()
    }

    /// Tells where this broker listens, and is said to listen.
    pub fn set_address(&mut self, node: i32, host: &str, port: u16) {
        let node = self.node_mut(node);
        host.clone_into(&mut node.host);
        node.port = port;
    }

    /// Makes the broker advertise another address than it listens at.
    pub fn advertise(&mut self, node: i32, host: &str, port: u16) {
        self.node_mut(node).advertised = Some((host.to_owned(), port));
    }

    /// Where this broker listens.
    #[must_use]
    pub fn address(&self, node: i32) -> (&str, u16) {
        let node = &self.nodes[&node];
        (&node.host, node.port)
    }

    /// The broker at this address, whether it is up or not.
    #[must_use]
    pub fn node_at(&self, host: &str, port: u16) -> Option<i32> {
        self.nodes.iter().find(|(_, node)| node.host == host && node.port == port).map(|(&id, _)| id)
    }

    /// Whether the broker is up.
    #[must_use]
    pub fn is_up(&self, node: i32) -> bool {
        self.nodes[&node].up
    }

    /// Makes this broker one of another release.
    pub fn set_release(&mut self, node: i32, release: Release) {
        self.node_mut(node).release = release;
    }

    /// Makes all brokers ones of another release.
    pub fn set_release_of_all(&mut self, release: Release) {
        self.nodes.values_mut().for_each(|node| node.release = release);
    }

    /// Puts something else behind this broker's port.
    pub fn set_speaks(&mut self, node: i32, speaks: Speaks) {
        self.node_mut(node).speaks = speaks;
    }

    /// Kills the broker: its connections are reset, and its partitions have no leader.
    pub fn stop(&mut self, node: i32, now: u64) {
        self.node_mut(node).up = false;
        self.reset_connections(node, now);
    }

    /// Starts the broker again.
    pub fn start(&mut self, node: i32) {
        self.node_mut(node).up = true;
    }

    /// Gives the partition another leader.
    pub fn move_leader(&mut self, topic: &str, partition: usize, to: i32) {
        assert!(self.nodes.contains_key(&to), "no broker {to}");
        self.topic_mut(topic).partitions[partition].leader = to;
    }

    /// Lets this go wrong.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Lets nothing go wrong any more.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Whether each fault with a number of times has happened that often: a scenario whose faults never
    /// happened has shown nothing.
    #[must_use]
    pub fn faults_are_spent(&self) -> bool {
        self.faults.are_spent()
    }

    /// Adds a line to the story, if it is kept.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(line());
        }
    }

    /// All requests so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> &[Seen] {
        &self.requests
    }

    /// What the client did that no client may do.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// How often a batch was written and its answer may not have reached the client, so that the client,
    /// which has no idempotence yet, may have sent it again.
    #[must_use]
    pub fn duplicate_excuses(&self) -> u32 {
        self.excuses
    }

    /// The number of records in all logs.
    #[must_use]
    pub fn records_written(&self) -> usize {
        self.topics.values().flat_map(|topic| &topic.partitions).map(|partition| partition.log.len()).sum()
    }

    fn node_mut(&mut self, node: i32) -> &mut Node {
        self.nodes.get_mut(&node).unwrap_or_else(|| panic!("no broker {node}"))
    }
}
