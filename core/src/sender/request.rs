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
        let topics = known.asked_topics();
        let mut names_bytes = 0usize;
        for topic in 0..topics {
            names_bytes = names_bytes.wrapping_add(known.topic_name(topic).unwrap_or("").len());
        }
        metadata::write_start(
            head,
            frame.correlation_id,
            settings.client_id,
            usize::from(topics),
            names_bytes,
        );
    }
    for topic in frame.cursor.saturating_sub(1)..known.asked_topics() {
        let name = known.topic_name(topic).unwrap_or("");
        // A length in front, and the last byte of the request behind.
        if head.room() < name.len().wrapping_add(3) {
            return Part { body: None, next: Some(cursor_of(topic)) };
        }
        head.string(name);
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
    let name = |topic: TopicId| known.topic_name(topic.index() as u16).unwrap_or("");
    let Contents { size, part, partitions_of_topic, next } = Contents::of(frame, accumulator, &name);
    if frame.cursor == 0 {
        let start = produce::Start {
            version: frame.version,
            correlation_id: frame.correlation_id,
            client_id: settings.client_id,
            acks: settings.acks.on_the_wire(),
            timeout_ms: i32::try_from(settings.request_timeout_ms).unwrap_or(i32::MAX),
        };
        start.write(head, &size);
    }
    let Some(Entry { partition, batch, is_first_of_topic }) = part else { return Part::LAST };
    let (topic, index) = accumulator.partition_at(partition);
    let name = if is_first_of_topic { name(topic) } else { "" };
    let needed = produce::PARTITION_BYTES.wrapping_add(produce::TOPIC_BYTES).wrapping_add(name.len());
    if head.room() < needed && head.len() > 0 {
        return Part { body: None, next: Some(cursor_of(partition)) };
    }
    if is_first_of_topic {
        produce::write_topic(head, name, partitions_of_topic);
    }
    produce::write_partition(head, index, accumulator.bytes(batch).len());
    Part { body: Some(batch), next: next.map(cursor_of) }
}

/// 0 is the beginning of the frame.
fn cursor_of(place: u16) -> u16 {
    place.wrapping_add(1)
}

/// A partition of a request, and its batch.
struct Entry {
    partition: u16,
    batch: u16,
    is_first_of_topic: bool,
}

/// What is in a request, and in which part of it the cursor is.
struct Contents {
    size: produce::Size,
    /// What the part writes.
    part: Option<Entry>,
    /// The partitions of its topic.
    partitions_of_topic: usize,
    /// The partition behind it.
    next: Option<u16>,
}

impl Contents {
    /// In the order of partitions, and so of topics.
    fn of<'n>(frame: &Outbound, accumulator: &Accumulator<'_>, name: &impl Fn(TopicId) -> &'n str) -> Self {
        let request = Request { connection: frame.connection, correlation_id: frame.correlation_id };
        let size = produce::Size::default();
        let mut contents = Self { size, part: None, partitions_of_topic: 0, next: None };
        let mut last_topic = None;
        let mut is_counting = true;
        for partition in 0..accumulator.partitions() {
            let Some(batch) = accumulator.in_flight(request, partition) else { continue };
            let (topic, _) = accumulator.partition_at(partition);
            let is_first_of_topic = last_topic != Some(topic);
            if is_first_of_topic {
                contents.size.add_topic(name(topic));
                is_counting = contents.part.is_none();
                contents.partitions_of_topic = if is_counting { 0 } else { contents.partitions_of_topic };
                last_topic = Some(topic);
            }
            contents.size.add_partition(accumulator.bytes(batch).len());
            contents.partitions_of_topic =
                contents.partitions_of_topic.wrapping_add(usize::from(is_counting));
            if cursor_of(partition) >= frame.cursor {
                match contents.part {
                    None => contents.part = Some(Entry { partition, batch, is_first_of_topic }),
                    Some(_) => contents.next = contents.next.or(Some(partition)),
                }
            }
        }
        contents
    }
}
