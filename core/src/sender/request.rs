//! The frames of requests, part by part: what the network writes of one before it needs the next.

use crate::accumulator::{Accumulator, Request};
use crate::config::Config;
use crate::metadata::Metadata;
use crate::network::{Outbound, Part};
use crate::protocol::{api_versions, metadata, produce};
use crate::wire::{NoRoom, Writer};

pub(super) fn api_versions(
    frame: &Outbound,
    config: &Config<'_>,
    head: &mut Writer<'_>,
) -> Result<Part, NoRoom> {
    api_versions::write_request(head, frame.correlation_id, config.client_id)?;
    Ok(Part { body: None, next: None })
}

/// A cursor of n > 0 goes on with the topic n - 1.
pub(super) fn metadata(
    frame: &Outbound,
    config: &Config<'_>,
    known: &Metadata<'_>,
    head: &mut Writer<'_>,
) -> Result<Part, NoRoom> {
    if frame.cursor == 0 {
        let names_bytes = known.asked_topics().map(str::len).sum();
        let topics = known.asked_topics().count();
        metadata::write_start(head, frame.correlation_id, config.client_id, topics, names_bytes)?;
    }
    let mut cursor = frame.cursor.max(1);
    for name in known.asked_topics().skip(cursor.saturating_sub(1) as usize) {
        // A length in front, and the last byte of the request behind.
        if head.room() < name.len().saturating_add(3) {
            return Ok(Part { body: None, next: Some(cursor) });
        }
        head.string(name)?;
        cursor = cursor.saturating_add(1);
    }
    metadata::write_end(head, config.allow_auto_topic_creation)?;
    Ok(Part { body: None, next: None })
}

/// A cursor of n > 0 goes on with the partition at the place n - 1.
pub(super) fn produce(
    frame: &Outbound,
    config: &Config<'_>,
    known: &Metadata<'_>,
    accumulator: &Accumulator<'_>,
    head: &mut Writer<'_>,
) -> Result<Part, NoRoom> {
    let request = Request { connection: frame.connection, correlation_id: frame.correlation_id };
    let batches = Batches { request, accumulator };
    if frame.cursor == 0 {
        let start = produce::Start {
            version: frame.version,
            correlation_id: frame.correlation_id,
            client_id: config.client_id,
            acks: config.acks.on_the_wire(),
            timeout_ms: i32::try_from(config.request_timeout_ms).unwrap_or(i32::MAX),
        };
        start.write(head, &batches.size(known))?;
    }
    let from = frame.cursor.saturating_sub(1) as u16;
    let Some((partition, batch)) = batches.from(from).next() else {
        return Ok(Part { body: None, next: None });
    };
    let (topic, index) = accumulator.partition_at(partition);
    let topic = topic.index() as u16;
    let name = known.topic_name(topic).ok_or(NoRoom)?;
    let is_first_of_topic = batches.of_topic(topic).next().is_some_and(|(first, _)| first == partition);
    let mut needed = produce::PARTITION_BYTES;
    if is_first_of_topic {
        needed = needed.saturating_add(produce::TOPIC_BYTES).saturating_add(name.len());
    }
    if head.room() < needed && head.len() > 0 {
        return Ok(Part { body: None, next: Some(cursor_of(partition)) });
    }
    if is_first_of_topic {
        produce::write_topic(head, name, batches.of_topic(topic).count())?;
    }
    produce::write_partition(head, index, accumulator.bytes(batch).len())?;
    let next = batches.from(partition.saturating_add(1)).next().map(|(partition, _)| cursor_of(partition));
    Ok(Part { body: Some(batch), next })
}

fn cursor_of(partition: u16) -> u32 {
    u32::from(partition).saturating_add(1)
}

/// The batches of one request, by the place of their partitions: so those of a topic stand together.
struct Batches<'s, 'a> {
    request: Request,
    accumulator: &'s Accumulator<'a>,
}

impl Batches<'_, '_> {
    fn from(&self, partition: u16) -> impl Iterator<Item = (u16, u16)> + '_ {
        (partition..self.accumulator.partitions())
            .filter_map(|partition| Some((partition, self.accumulator.in_flight(self.request, partition)?)))
    }

    fn of_topic(&self, topic: u16) -> impl Iterator<Item = (u16, u16)> + '_ {
        self.from(0).filter(move |(partition, _)| {
            self.accumulator.partition_at(*partition).0.index() == usize::from(topic)
        })
    }

    fn size(&self, known: &Metadata<'_>) -> produce::Size {
        let mut size = produce::Size::default();
        let mut last_topic = None;
        for (partition, batch) in self.from(0) {
            let topic = self.accumulator.partition_at(partition).0;
            if last_topic != Some(topic) {
                size.add_topic(known.topic_name(topic.index() as u16).unwrap_or(""));
                last_topic = Some(topic);
            }
            size.add_partition(self.accumulator.bytes(batch).len());
        }
        size
    }
}
