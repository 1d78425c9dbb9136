//! The frames of requests, from what is known anyway.

use super::Joined;
use crate::accumulator::Request;
use crate::network::Outbound;
use crate::protocol::{Api, RequestHeader, init_producer_id, metadata, produce};
use crate::wire::{FrameWriter, Place};

impl Joined<'_> {
    /// Writes a request's frame. It is the same each time, as long as the request is in flight: what it is made of does not
    /// change meanwhile.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn write_request<'b>(&'b self, request: &Outbound, out: &mut FrameWriter<'_, 'b>) {
        let Outbound { connection, api, version, correlation_id } = *request;
        let settings = &self.turn.settings;
        RequestHeader { api, version, correlation_id, client_id: settings.client_id }.write(out);
        match api {
            Api::ApiVersions => {}
            Api::InitProducerId => init_producer_id::write_request(out),
            Api::Metadata => {
                let topics = (0..self.metadata.asked_topics()).map(|topic| self.name(topic));
                metadata::write_request(out, topics, settings.allow_auto_topic_creation);
            }
            Api::Produce => {
                produce::write_start(out, settings.acks.on_the_wire(), settings.request_timeout_ms);
                self.write_batches(Request { connection, correlation_id }, out);
            }
        }
    }

    /// Writes the batches of a produce request, in the order of topics and of their partitions.
    fn write_batches<'b>(&'b self, request: Request, out: &mut FrameWriter<'_, 'b>) {
        let topics_at = out.number();
        let (mut topic, mut topics) = (0u16, 0usize);
        while let Some(name) = self.metadata.topic_name(topic) {
            topics = topics.wrapping_add(usize::from(self.write_topic(request, topic, name, out)));
            topic = topic.wrapping_add(1);
        }
        out.set(topics_at, topics);
    }

    /// Writes a topic's batches, if there are any.
    fn write_topic<'b>(
        &'b self,
        request: Request,
        topic: u16,
        name: &str,
        out: &mut FrameWriter<'_, 'b>,
    ) -> bool {
        let mut partitions = 0usize;
        let mut partitions_at = Place::default();
        for partition in 0.. {
            let Some(place) = self.accumulator.partition_index(topic, partition) else { break };
            if place >= self.accumulator.partitions() {
                break;
            }
            let Some(batch) = self.accumulator.in_flight(request, place) else { continue };
            if partitions == 0 {
                partitions_at = produce::write_topic(out, name);
            }
            partitions = partitions.wrapping_add(1);
            out.set(partitions_at, partitions);
            produce::write_partition(out, partition as i32, self.accumulator.bytes(batch));
        }
        partitions > 0
    }

    fn name(&self, topic: u16) -> &'static str {
        self.metadata.topic_name(topic).unwrap_or("")
    }
}
