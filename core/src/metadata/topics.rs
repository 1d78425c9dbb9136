use super::Metadata;
use crate::code::ErrorCode;
use crate::delivery::TopicId;
use crate::node::Node;
use crate::wire::equal;

/// The longest name that a topic can have in Kafka (`Topic.MAX_NAME_LENGTH`).
const NAME_BYTES_MAX: usize = 249;

/// What is known of one topic. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct TopicSlot {
    pub(super) name: Option<&'static str>,
    /// 0 while it is not known.
    pub(super) partitions: u32,
    pub(super) error: ErrorCode,
}

impl TopicSlot {
    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { name: None, partitions: 0, error: ErrorCode::NONE }
    }
}

impl Default for TopicSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// What is known of one partition. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct PartitionSlot {
    /// The broker that leads it.
    pub(super) leader: Node,
}

impl PartitionSlot {
    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { leader: Node::NONE }
    }
}

impl Default for PartitionSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a topic was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RegisterError {
    /// Every [`TopicSlot`] is taken.
    TableFull,
    /// Kafka does not allow the name: it must have 1 to 249 letters, digits, `.`, `_` or `-`, and not be `.` or `..`.
    InvalidName,
}

impl core::fmt::Display for RegisterError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::TableFull => f.write_str("no topic slot is free"),
            Self::InvalidName => f.write_str(
                "a topic's name has 1 to 249 letters, digits, '.', '_' or '-', and is not '.' or '..'",
            ),
        }
    }
}

impl core::error::Error for RegisterError {}

impl Metadata<'_> {
    /// Gives the topic of this name a place, the same one every time.
    pub(crate) fn register(&mut self, name: &'static str) -> Result<TopicId, RegisterError> {
        if let Some(topic) = self.find_topic(name) {
            return Ok(topic);
        }
        if !is_valid_name(name) {
            return Err(RegisterError::InvalidName);
        }
        let free =
            self.topics.iter().position(|topic| topic.name.is_none()).ok_or(RegisterError::TableFull)?;
        if let Some(topic) = self.topics.get_mut(free) {
            *topic = TopicSlot { name: Some(name), ..TopicSlot::new() };
        }
        self.schedule.request_at_once();
        Ok(TopicId::new(free as u16))
    }

    pub(crate) fn find_topic(&self, name: &str) -> Option<TopicId> {
        let index = self
            .topics
            .iter()
            .position(|topic| topic.name.is_some_and(|own| equal(own.as_bytes(), name.as_bytes())))?;
        Some(TopicId::new(index as u16))
    }

    /// A topic's name; `None` past the last that was registered.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn topic_name(&self, topic: u16) -> Option<&'static str> {
        self.topic(topic).name
    }

    /// A place that is no topic's is taken for one that was never used.
    // Called from everywhere: inlined, it would be many copies.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn topic(&self, topic: u16) -> &TopicSlot {
        self.topics.get(usize::from(topic)).unwrap_or(const { &TopicSlot::new() })
    }

    /// How many topics are registered: their places are the first.
    pub(crate) fn topic_count(&self) -> u16 {
        let free = self.topics.iter().position(|topic| topic.name.is_none());
        free.unwrap_or(self.topics.len()) as u16
    }
}

/// `org.apache.kafka.common.internals.Topic.validate`.
fn is_valid_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(legal)
}
