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
mod fields;
pub(crate) mod init_producer_id;
pub(crate) mod metadata;
pub(crate) mod produce;
mod response;

use crate::code::ErrorCode;
use crate::wire::FrameWriter;

pub(crate) use response::{Expected, Response};

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
    /// A Produce response has said what became of a partition's batch.
    fn produced(&mut self, response: &Response);
    /// A Metadata response begins. Its parts follow, which whoever sends no such request need not take.
    fn metadata(&mut self) {}
    /// A broker follows.
    fn broker(&mut self, _id: i32) {}
    /// A byte of that broker's host name.
    fn broker_host(&mut self, _byte: u8) {}
    /// That broker's port; the broker is complete.
    fn broker_port(&mut self, _port: i32) {}
    /// A topic of ours, or the number of none, for one that was not asked for.
    fn topic(&mut self, _topic: u16, _error: ErrorCode, _partitions: u32) {}
    /// One of that topic's partitions.
    fn partition(&mut self, _topic: u16, _index: i32, _leader: i32) {}
}

/// For the tests of the decoders: feeds responses in pieces of `piece` bytes, as the network layer does.
#[cfg(test)]
pub(crate) mod feed {
    use super::{Api, Expected, Response, Sink};
    use crate::wire::Malformed;

    /// Who has no topics, and wants to know nothing.
    pub(crate) struct Nobody;

    impl Sink for Nobody {
        fn topic_name(&self, _: u16) -> Option<&'static str> {
            None
        }

        fn produced(&mut self, _: &Response) {}
    }

    /// A response with this body, as it was decoded; an error when it is not whole at its end.
    pub(crate) fn in_pieces(
        (api, version): (Api, i16),
        body: &[u8],
        piece: usize,
        sink: &mut impl Sink,
    ) -> Result<Response, Malformed> {
        let frame = [&(body.len() as i32 + 4).to_be_bytes(), &7i32.to_be_bytes(), body].concat();
        let expected = Expected { request: Some((api, 7)), version };
        let mut response = Response::new();
        let mut is_whole = false;
        for mut bytes in frame.chunks(piece) {
            assert!(!is_whole, "bytes after the end");
            is_whole = response.take(&mut bytes, &expected, sink)?;
            assert!(bytes.is_empty(), "a decoder takes what it is given");
        }
        assert!(is_whole, "it has seen all of it");
        Ok(response)
    }
}
