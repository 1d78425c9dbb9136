//! Kafka's primitive types on the wire: big-endian integers, strings, arrays and zigzag varints.
//!
//! [`Writer`] fills a slice that is lent to it, [`Reader`] borrows from a slice that is whole. [`FrameWriter`] makes any
//! piece of a request. What arrives of a response is taken by its decoder, byte by byte.
//!
//! Source: <https://kafka.apache.org/protocol#protocol_types>.

mod bytes;
mod frame_writer;
mod read;
pub(crate) mod varint;
mod write;

pub(crate) use bytes::{copy, equal};
#[cfg(test)]
pub(crate) use frame_writer::in_pieces;
pub(crate) use frame_writer::{FrameWriter, Place, Window};
pub(crate) use read::Reader;
pub(crate) use write::Writer;

/// The bytes do not fit: what was to be written is larger than the slice that was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The bytes are not what the protocol allows at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;
