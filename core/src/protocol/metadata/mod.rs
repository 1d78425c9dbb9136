//! Metadata v4: which broker leads which partition, and where brokers listen.
//!
//! A response lists every broker of the cluster and may be of any size; it is taken as a stream, and each part is
//! handed on as it goes by.

use super::fields::{Loop, Op, Register};
use crate::wire::FrameWriter;

/// The version used: the newest that brokers from 0.11 on speak.
pub(crate) const VERSION: i16 = 4;

/// Writes what follows the header: the topics to tell of.
pub(crate) fn write_request(
    out: &mut FrameWriter<'_, '_>,
    topics: impl ExactSizeIterator<Item = &'static str>,
    allow_auto_topic_creation: bool,
) {
    out.i32(topics.len() as i32);
    for name in topics {
        out.string(name);
    }
    out.bytes(&[allow_auto_topic_creation.into()]);
}

/// The response: brokers with their addresses, then topics with the leaders of their partitions.
#[rustfmt::skip]
pub(super) const RESPONSE: &[Op] = &[
    Op::Keep4(Register::THROTTLE_TIME),
    Op::Begin,
    // Node id, host length, port and rack length.
    Op::Count(Loop::new(0, 12)),
    /* 3 */ Op::While(Loop::new(0, 11)),
    Op::BrokerId,
    Op::String,
    Op::Host,
    Op::BrokerPort,
    // Rack.
    Op::NullableString,
    Op::Bytes,
    Op::Goto(3),
    // Cluster id and controller.
    /* 11 */ Op::NullableString,
    Op::Bytes,
    Op::Keep4(Register::NONE),
    // Error, name length, is_internal and partition count.
    Op::Count(Loop::new(0, 9)),
    /* 15 */ Op::While(Loop::new(0, 32)),
    Op::Keep2(Register::ERROR),
    Op::String,
    Op::Name,
    // Whether it is internal.
    Op::Keep1(Register::NONE),
    // Error, index, leader and two counts.
    Op::Count(Loop::new(1, 18)),
    Op::Topic,
    /* 22 */ Op::While(Loop::new(1, 31)),
    // Its error says why there is no leader; a leader of -1 says that there is none.
    Op::Keep2(Register::NONE),
    Op::Keep4(Register::INDEX),
    Op::Leader,
    // Replicas, and those in sync.
    Op::Array(4),
    Op::Bytes,
    Op::Array(4),
    Op::Bytes,
    Op::Goto(22),
    /* 31 */ Op::Goto(15),
    /* 32 */ Op::End,
];

#[cfg(test)]
mod tests;
