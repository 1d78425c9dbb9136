//! One question to a broker over a plain socket: who is in the cluster, and who leads a topic's partitions?
//!
//! Asking with Kafka's own client would start a Java machine each time; waiting for a broker asks every few
//! milliseconds. Metadata version 4 is what every broker from 0.11 to 4.x answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a broker says about its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// Node, host and port of every broker that is registered, as advertised on the listener that was asked.
    pub(crate) brokers: Vec<(i32, String, u16)>,
    /// The controller's node, -1 when none is known.
    pub(crate) controller: i32,
    /// Leader by partition of the topic that was asked for; -1 for none. Empty for an unknown topic.
    pub(crate) leaders: Vec<(i32, i32)>,
    /// How many replicas of each of these partitions are in sync, in the same order.
    pub(crate) in_sync: Vec<usize>,
}

/// Asks the broker at `port` of loopback.
pub(crate) fn metadata(port: u16, topic: Option<&str>) -> io::Result<Metadata> {
    let timeout = Duration::from_secs(2);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(&request(topic)?)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    // Something else than Kafka may listen there.
    let size = usize::try_from(i32::from_be_bytes(size)).ok().filter(|s| *s <= 1 << 20);
    let mut body = vec![0; size.ok_or_else(not_kafka)?];
    stream.read_exact(&mut body)?;
    parse(&body).ok_or_else(not_kafka)
}

fn not_kafka() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is not an answer of Kafka's")
}

fn request(topic: Option<&str>) -> io::Result<Vec<u8>> {
    let mut body = vec![0, 3, 0, 4, 0, 0, 0, 1, 0, 5];
    body.extend_from_slice(b"probe");
    body.extend_from_slice(&i32::from(topic.is_some()).to_be_bytes());
    if let Some(topic) = topic {
        let length = i16::try_from(topic.len()).map_err(io::Error::other)?;
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(topic.as_bytes());
    }
    body.push(0);
    let size = u32::try_from(body.len()).map_err(io::Error::other)?;
    Ok([&size.to_be_bytes()[..], &body].concat())
}

fn parse(body: &[u8]) -> Option<Metadata> {
    let mut r = Reader(body);
    let _correlation_id = r.i32()?;
    let _throttle_time_ms = r.i32()?;
    let mut found = Metadata::default();
    for _ in 0..r.i32()? {
        let broker = (r.i32()?, r.string()?, u16::try_from(r.i32()?).ok()?);
        let _rack = r.string()?;
        found.brokers.push(broker);
    }
    let _cluster_id = r.string()?;
    found.controller = r.i32()?;
    for _ in 0..r.i32()? {
        let _error_code = r.i16()?;
        let _name = r.string()?;
        let _is_internal = r.take(1)?;
        for _ in 0..r.i32()? {
            let _error_code = r.i16()?;
            found.leaders.push((r.i32()?, r.i32()?));
            let _replicas = r.nodes()?;
            found.in_sync.push(r.nodes()?);
        }
    }
    Some(found)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// The length of a list of nodes, which is passed over.
    fn nodes(&mut self) -> Option<usize> {
        let count = usize::try_from(self.i32()?).ok()?;
        self.take(count.checked_mul(4)?)?;
        Some(count)
    }

    /// A string; null is as good as empty here.
    fn string(&mut self) -> Option<String> {
        match self.i16()? {
            -1 => Some(String::new()),
            length => String::from_utf8(self.take(usize::try_from(length).ok()?)?.to_vec()).ok(),
        }
    }
}
