//! A name server for the brokers' names: all of them are one address, and no other name exists (RFC 1035).

use smoltcp::socket::udp;

use super::super::SharedCluster;
use super::BROKERS;

const PORT: u16 = 53;
const HEADER_BYTES: usize = 12;
/// A response that is authoritative and recursive, with and without a name.
const FOUND: [u8; 2] = [0x85, 0x80];
const NO_SUCH_NAME: [u8; 2] = [0x85, 0x83];

pub(super) fn socket() -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; 8_192]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(PORT).expect("a socket that was not bound before");
    socket
}

/// Answers what was asked; whether there was anything.
pub(super) fn answer(socket: &mut udp::Socket<'_>, cluster: &SharedCluster) -> bool {
    let mut answered = false;
    while let Ok((query, from)) = socket.recv().map(|(bytes, from)| (bytes.to_vec(), from)) {
        if let Some(reply) = reply_to(&query, cluster) {
            // A reply that does not fit is as good as lost on the way.
            let _ = socket.send_slice(&reply, from);
        }
        answered = true;
    }
    answered
}

fn reply_to(query: &[u8], cluster: &SharedCluster) -> Option<Vec<u8>> {
    let (name, end) = name_at(query, HEADER_BYTES)?;
    // The type and the class follow the name.
    let question = query.get(HEADER_BYTES..end + 4)?;
    let cluster = cluster.lock();
    let known = cluster.nodes().into_iter().any(|node| cluster.address(node).0 == name);
    let mut reply = query.get(..2)?.to_vec();
    reply.extend_from_slice(if known { &FOUND } else { &NO_SUCH_NAME });
    reply.extend_from_slice(&[0, 1, 0, u8::from(known), 0, 0, 0, 0]);
    reply.extend_from_slice(question);
    if known {
        // The name of the question, an A record of class IN, for 60 seconds, of 4 bytes.
        reply.extend_from_slice(&[0xC0, HEADER_BYTES as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend_from_slice(&BROKERS.octets());
    }
    Some(reply)
}

/// The name in dots, and where it ends.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).into_owned());
        at += length;
    }
}
