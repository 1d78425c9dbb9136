//! Connections: frames out of bytes, and answers that wait for their time.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::{Api, Cluster, Speaks};

/// `socket.request.max.bytes`.
const REQUEST_BYTES_MAX: i32 = 104_857_600;

/// Names a connection to the cluster for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// How the cluster ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By closing it, after all that it had to say.
    Closed,
    /// By vanishing.
    Reset,
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
    /// It tells that a batch was written.
    pub(super) confirms: bool,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) node: i32,
    inbox: BytesMut,
    outbox: VecDeque<Reply>,
    /// Batches were written that will never be confirmed.
    pub(super) unconfirmed: bool,
    /// When a confirmation left last.
    confirmed_at: Option<u64>,
    /// Takes bytes and does nothing with them.
    pub(super) frozen: bool,
    ending: Option<Ending>,
}

impl Connection {
    /// Answers leave in the order of the requests, also when one of them is late.
    pub(super) fn reply(&mut self, reply: Reply) {
        let earliest = self.outbox.back().map_or(0, |last| last.at);
        self.outbox.push_back(Reply { at: reply.at.max(earliest), ..reply });
    }

    pub(super) fn close(&mut self) {
        self.ending.get_or_insert(Ending::Closed);
    }

    pub(super) fn reset(&mut self) {
        self.ending.get_or_insert(Ending::Reset);
    }

    fn outstanding(&self) -> usize {
        self.outbox.len()
    }

    fn owes_confirmation(&self) -> bool {
        self.unconfirmed || self.outbox.iter().any(|reply| reply.confirms)
    }
}

impl Cluster {
    /// A client connects to this broker. `None`: it is down.
    pub fn connect(&mut self, node: i32, now: u64) -> Option<ConnectionId> {
        let speaks = self.nodes.get(&node).filter(|node| node.up)?.speaks;
        self.accepted += 1;
        let id = ConnectionId(self.accepted);
        let mut connection = Connection {
            node,
            inbox: BytesMut::new(),
            outbox: VecDeque::new(),
            unconfirmed: false,
            confirmed_at: None,
            frozen: false,
            ending: None,
        };
        if speaks == Speaks::Banner {
            let bytes = b"SSH-2.0-OpenSSH_9.6\r\n".to_vec();
            connection.reply(Reply { at: now, bytes, confirms: false });
        }
        self.connections.insert(id, connection);
        Some(id)
    }

    /// Bytes from the client arrive.
    pub fn receive(&mut self, id: ConnectionId, now: u64, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.ending.is_some() || connection.frozen || bytes.is_empty() {
            return;
        }
        connection.inbox.extend_from_slice(bytes);
        match self.nodes[&connection.node].speaks {
            Speaks::Kafka => {
                while let Some(frame) = self.next_frame(id) {
                    self.handle(id, now, frame);
                }
            }
            Speaks::Http => answer_and_close(connection, now, super::spoil::HTTP_ANSWER),
            Speaks::Tls => answer_and_close(connection, now, super::spoil::TLS_ALERT),
            Speaks::Banner | Speaks::Nothing => {}
        }
    }

    /// Takes the bytes for the client whose time has come.
    pub fn transmit(&mut self, id: ConnectionId, now: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(connection) = self.connections.get_mut(&id) else { return bytes };
        while connection.outbox.front().is_some_and(|reply| reply.at <= now)
            && let Some(reply) = connection.outbox.pop_front()
        {
            bytes.extend_from_slice(&reply.bytes);
            if reply.confirms {
                connection.confirmed_at = Some(now);
            }
        }
        bytes
    }

    /// Changes the frames that wait to be sent by this broker, on each connection where one does: their order, their
    /// bytes, their number. They leave together then, when the last of them would have.
    pub fn edit_answers(&mut self, node: i32, mut edit: impl FnMut(&mut Vec<Vec<u8>>)) {
        for connection in self.connections.values_mut().filter(|connection| connection.node == node) {
            let Some(last) = connection.outbox.back() else { continue };
            let (at, confirms) = (last.at, connection.outbox.iter().any(|reply| reply.confirms));
            let mut frames = connection.outbox.drain(..).map(|reply| reply.bytes).collect();
            edit(&mut frames);
            connection.outbox.extend(frames.into_iter().map(|bytes| Reply { at, bytes, confirms }));
        }
    }

    /// When [`transmit`](Self::transmit) will have something.
    #[must_use]
    pub fn transmit_at(&self, id: ConnectionId) -> Option<u64> {
        self.connections.get(&id)?.outbox.front().map(|reply| reply.at)
    }

    /// Whether the cluster has ended the connection and has nothing more to say on it.
    #[must_use]
    pub fn ending(&self, id: ConnectionId) -> Option<Ending> {
        match self.connections.get(&id) {
            Some(connection) if connection.outbox.is_empty() => connection.ending,
            Some(_) => None,
            None => Some(Ending::Reset),
        }
    }

    /// The client has ended the connection.
    pub fn hang_up(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.remove(&id)
            && connection.owes_confirmation()
        {
            self.excuses += 1;
        }
    }

    /// The number of connections that no side has ended.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.connections.values().filter(|connection| connection.ending.is_none()).count()
    }

    pub(super) fn reset_connections(&mut self, node: i32, now: u64) {
        let within = self.answers_arrive_within_ms;
        for connection in self.connections.values_mut().filter(|connection| connection.node == node) {
            if reset(connection, now, within) {
                self.excuses += 1;
            }
        }
    }

    /// Ends the connection without an answer.
    pub(super) fn cut(&mut self, id: ConnectionId, now: u64) {
        let within = self.answers_arrive_within_ms;
        if self.connections.get_mut(&id).is_some_and(|connection| reset(connection, now, within)) {
            self.excuses += 1;
        }
    }

    fn next_frame(&mut self, id: ConnectionId) -> Option<Bytes> {
        let connection = self.connections.get_mut(&id).filter(|connection| connection.ending.is_none())?;
        let length = connection.inbox.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes))?;
        if !(8..=REQUEST_BYTES_MAX).contains(&length) {
            connection.close();
            self.violations.push(format!("a request of {length} bytes"));
            return None;
        }
        let length = length as usize;
        if connection.inbox.len() < 4 + length {
            return None;
        }
        connection.inbox.advance(4);
        Some(connection.inbox.split_to(length).freeze())
    }

    /// Which request, and to which broker, for the log of requests.
    pub(super) fn seen(&self, id: ConnectionId, now: u64, api: Api, version: i16) -> super::Seen {
        let connection = &self.connections[&id];
        super::Seen {
            at: now,
            node: connection.node,
            api,
            version,
            client_id: None,
            acks: 0,
            batches: Vec::new(),
            outstanding: connection.outstanding(),
        }
    }
}

fn answer_and_close(connection: &mut Connection, now: u64, answer: &[u8]) {
    connection.reply(Reply { at: now, bytes: answer.to_vec(), confirms: false });
    connection.close();
}

/// Whether a confirmation may have been lost with it.
fn reset(connection: &mut Connection, now: u64, within: u64) -> bool {
    let lost = connection.owes_confirmation()
        || connection.confirmed_at.is_some_and(|at| now.saturating_sub(at) < within);
    connection.outbox.clear();
    connection.inbox.clear();
    connection.unconfirmed = false;
    connection.confirmed_at = None;
    connection.ending = Some(Ending::Reset);
    lost
}
