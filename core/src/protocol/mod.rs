//! The requests and responses of the Kafka protocol that a producer needs, one file an API.
//!
//! | API | key | versions here | served by brokers |
//! |---|---|---|---|
//! | Produce | 0 | 3 to 8, the highest that both know | 0.11 to 4.x |
//! | Metadata | 3 | 4 | 0.11 to 4.x |
//! | ApiVersions | 18 | 0 | 0.10 to 4.x |
//! | InitProducerId | 22 | 0 | 0.11 to 4.x |
//!
//! All of them are non-flexible: no compact types and no tagged fields. Brokers from 4.0 announce Produce from 0
//! but reject 0 to 2 (KAFKA-18659); those are never chosen. Source: <https://kafka.apache.org/protocol>.

pub(crate) mod api_versions;
pub(crate) mod init_producer_id;
pub(crate) mod metadata;
pub(crate) mod produce;
mod response;
mod topic_name;

use crate::code::ErrorCode;
use crate::wire::FrameWriter;

pub(crate) use response::{Decoded, Response};
use topic_name::TopicMatch;

/// A request's API.
#[allow(clippy::enum_variant_names, reason = "the protocol's names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Api {
    Produce,
    Metadata,
    ApiVersions,
    InitProducerId,
}

impl Api {
    const fn key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Metadata => 3,
            Self::ApiVersions => 18,
            Self::InitProducerId => 22,
        }
    }
}

/// What every request begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHeader<'a> {
    pub(crate) api: Api,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: &'a str,
}

impl RequestHeader<'_> {
    /// Writes room for the frame's length, and the header v1.
    pub(crate) fn write(&self, out: &mut FrameWriter<'_, '_>) {
        out.number();
        out.i16(self.api.key());
        out.i16(self.version);
        out.i32(self.correlation_id);
        out.string(self.client_id);
    }
}

/// Who is told what a response holds, piece by piece, while it arrives.
pub(crate) trait Sink {
    /// The name of the topic with this number; `None` past the last.
    fn topic_name(&self, index: u16) -> Option<&'static str>;
    /// The answer for one partition of a Produce response.
    fn produced(&mut self, partition: produce::Partition);
    /// A Metadata response begins. Its parts follow, which whoever sends no such request need not take.
    fn metadata(&mut self) {}
    /// A broker follows.
    fn broker(&mut self, _id: i32) {}
    /// A piece of that broker's host name.
    fn broker_host(&mut self, _piece: &[u8]) {}
    /// That broker's port; the broker is complete.
    fn broker_port(&mut self, _port: i32) {}
    /// A topic of ours, or `None` for one that was not asked for.
    fn topic(&mut self, _topic: Option<u16>, _error: ErrorCode, _partitions: u32) {}
    /// One of that topic's partitions.
    fn partition(&mut self, _topic: Option<u16>, _index: i32, _leader: i32) {}
}

/// For the tests of the decoders: feeds a response in pieces of `piece` bytes, as the network layer does.
#[cfg(test)]
pub(crate) mod feed {
    use super::{Decoded, Sink, produce};
    use crate::wire::{Frame, Malformed, Stream};

    /// Who has no topics, and wants to know nothing.
    pub(crate) struct Nobody;

    impl Sink for Nobody {
        fn topic_name(&self, _: u16) -> Option<&'static str> {
            None
        }

        fn produced(&mut self, _: produce::Partition) {}
    }

    pub(crate) fn in_pieces(
        response: &[u8],
        piece: usize,
        mut feed: impl FnMut(&mut Frame<'_>) -> Result<Decoded, Malformed>,
    ) -> Result<Decoded, Malformed> {
        let mut stream = Stream::new();
        let mut left = response.len() as u32;
        let mut last = Decoded::Partial;
        for bytes in response.chunks(piece) {
            assert_eq!(last, Decoded::Partial, "bytes after the end");
            let mut frame = Frame::new(&mut stream, bytes, left);
            last = feed(&mut frame)?;
            assert!(frame.is_starved(), "a decoder takes what it is given");
            left = frame.left();
        }
        Ok(last)
    }
}
