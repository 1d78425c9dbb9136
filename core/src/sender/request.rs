//! The frames of requests, part by part: what the network writes of one before it needs the next.

use crate::accumulator::{Accumulator, Request};
use crate::config::Settings;
use crate::delivery::TopicId;
use crate::metadata::Metadata;
use crate::network::{Outbound, Part};
use crate::protocol::{api_versions, init_producer_id, metadata, produce};
use crate::wire::Writer;

pub(super) fn api_versions(frame: &Outbound, settings: &Settings<'_>, head: &mut Writer<'_>) -> Part {
    api_versions::write_request(head, frame.correlation_id, settings.client_id);
    Part::LAST
}

pub(super) fn init_producer_id(frame: &Outbound, settings: &Settings<'_>, head: &mut Writer<'_>) -> Part {
    init_producer_id::write_request(head, frame.correlation_id, settings.client_id);
    Part::LAST
}

/// A cursor of n > 0 goes on with the topic n - 1.
pub(super) fn metadata(
    frame: &Outbound,
    settings: &Settings<'_>,
    known: &Metadata<'_>,
    head: &mut Writer<'_>,
) -> Part {
    if frame.cursor == 0 {
        let (mut topics, mut names_bytes) = (0usize, 0usize);
        for name in known.asked_topics() {
            topics = topics.wrapping_add(1);
            names_bytes = names_bytes.wrapping_add(name.len());
        }
        metadata::write_start(head, frame.correlation_id, settings.client_id, topics, names_bytes);
    }
    let mut cursor = frame.cursor.max(1);
    for name in known.asked_topics().skip(usize::from(cursor.wrapping_sub(1))) {
        // A length in front, and the last byte of the request behind.
        if head.room() < name.len().wrapping_add(3) {
            return Part { body: None, next: Some(cursor) };
        }
        head.string(name);
        cursor = cursor.wrapping_add(1);
    }
    metadata::write_end(head, settings.allow_auto_topic_creation);
    Part::LAST
}

/// A cursor of n > 0 goes on with the partition at the place n - 1.
pub(super) fn produce(
    frame: &Outbound,
    settings: &Settings<'_>,
    known: &Metadata<'_>,
    accumulator: &Accumulator<'_>,
    head: &mut Writer<'_>,
) -> Part {
    let request = Request { connection: frame.connection, correlation_id: frame.correlation_id };
    let batches = Batches { request, accumulator };
    if frame.cursor == 0 {
        let start = produce::Start {
            version: frame.version,
            correlation_id: frame.correlation_id,
            client_id: settings.client_id,
            acks: settings.acks.on_the_wire(),
            timeout_ms: i32::try_from(settings.request_timeout_ms).unwrap_or(i32::MAX),
        };
        start.write(head, &batches.size(known));
    }
    let Some((partition, batch)) = batches.first_from(frame.cursor.saturating_sub(1)) else {
        return Part::LAST;
    };
    let (topic, index) = accumulator.partition_at(partition);
    let name = known.topic_name(topic.index() as u16).unwrap_or("");
    let (of_topic, first_of_topic) = batches.of_topic(topic);
    let mut needed = produce::PARTITION_BYTES;
    if first_of_topic == partition {
        needed = needed.wrapping_add(produce::TOPIC_BYTES).wrapping_add(name.len());
    }
    if head.room() < needed && head.len() > 0 {
        return Part { body: None, next: Some(cursor_of(partition)) };
    }
    if first_of_topic == partition {
        produce::write_topic(head, name, of_topic);
    }
    produce::write_partition(head, index, accumulator.bytes(batch).len());
    let next = batches.first_from(partition.wrapping_add(1)).map(|(partition, _)| cursor_of(partition));
    Part { body: Some(batch), next }
}

fn cursor_of(partition: u16) -> u16 {
    partition.wrapping_add(1)
}

/// The batches of one request, by the place of their partitions: so those of a topic stand together.
struct Batches<'s, 'a> {
    request: Request,
    accumulator: &'s Accumulator<'a>,
}

impl Batches<'_, '_> {
    /// The first batch of a partition at this place or behind.
    fn first_from(&self, mut partition: u16) -> Option<(u16, u16)> {
        while partition < self.accumulator.partitions() {
            if let Some(batch) = self.accumulator.in_flight(self.request, partition) {
                return Some((partition, batch));
            }
            partition = partition.wrapping_add(1);
        }
        None
    }

    /// Calls `each` for every batch, with its partition's topic.
    fn for_each(&self, mut each: impl FnMut(TopicId, u16, u16)) {
        let mut from = 0;
        while let Some((partition, batch)) = self.first_from(from) {
            each(self.accumulator.partition_at(partition).0, partition, batch);
            from = partition.wrapping_add(1);
        }
    }

    /// How many batches a topic has, and the place of the first one's partition.
    fn of_topic(&self, topic: TopicId) -> (usize, u16) {
        let (mut count, mut first) = (0usize, 0);
        self.for_each(|of, partition, _| {
            if of == topic {
                first = if count == 0 { partition } else { first };
                count = count.wrapping_add(1);
            }
        });
        (count, first)
    }

    fn size(&self, known: &Metadata<'_>) -> produce::Size {
        let mut size = produce::Size::default();
        let mut last_topic = None;
        self.for_each(|topic, _, batch| {
            if last_topic != Some(topic) {
                size.add_topic(known.topic_name(topic.index() as u16).unwrap_or(""));
                last_topic = Some(topic);
            }
            size.add_partition(self.accumulator.bytes(batch).len());
        });
        size
    }
}
