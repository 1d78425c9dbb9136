//! Metadata v4: which broker leads which partition, and where brokers listen.
//!
//! A response lists every broker of the cluster and may be of any size; it is taken as a stream, and each part is
//! handed on as it goes by.

use super::response::{Field, Op};
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
pub(super) const RESPONSE: &[Field] = &[
    (4, Op::Throttle),
    (0, Op::Begin),
    // Node id, host length, port and rack length.
    (4, Op::Count(0, 12)),
    /* 3 */ (0, Op::While(0, 10)),
    (4, Op::BrokerId),
    (2, Op::HostLen),
    (0, Op::Host),
    (4, Op::BrokerPort),
    // Rack.
    (2, Op::Skip(1)),
    (0, Op::Goto(3)),
    // Cluster id and controller.
    /* 10 */ (2, Op::Skip(1)),
    (4, Op::Pass),
    // Error, name length, is_internal and partition count.
    (4, Op::Count(0, 9)),
    /* 13 */ (0, Op::While(0, 28)),
    (2, Op::Error),
    (2, Op::NameLen),
    (0, Op::Name),
    // Whether it is internal.
    (1, Op::Pass),
    // Error, index, leader and two counts.
    (4, Op::Count(1, 18)),
    (0, Op::Topic),
    /* 20 */ (0, Op::While(1, 27)),
    // Its error says why there is no leader; a leader of -1 says that there is none.
    (2, Op::Pass),
    (4, Op::Index),
    (4, Op::Leader),
    // Replicas, and those in sync.
    (4, Op::Skip(4)),
    (4, Op::Skip(4)),
    (0, Op::Goto(20)),
    /* 27 */ (0, Op::Goto(13)),
    /* 28 */ (0, Op::End),
];

#[cfg(test)]
mod tests;
