//! The other end: a broker, or a sink that counts bytes.

use super::node::Node;
use crate::broker::{Brokers, PORT};

/// A request of the largest batch.
const REQUEST_MAX: usize = 4_608;

pub(crate) struct Peer<'c> {
    node: Node<'c>,
    /// `None`: a sink.
    brokers: Option<Brokers>,
    request: [u8; REQUEST_MAX],
    len: usize,
    /// Bytes that a sink got.
    got: u64,
    answered: bool,
}

impl<'c> Peer<'c> {
    pub(crate) fn new(mut node: Node<'c>, brokers: Option<Brokers>) -> Self {
        node.socket().listen(PORT).expect("the socket is new");
        Self { node, brokers, request: [0; REQUEST_MAX], len: 0, got: 0, answered: false }
    }

    /// Records that the broker has written.
    pub(crate) fn written(&self) -> u64 {
        self.brokers.as_ref().map_or(0, |brokers| brokers.written)
    }

    /// Does all that there is to do.
    #[inline(never)]
    pub(crate) fn turn(&mut self) {
        self.node.poll();
        if self.brokers.is_some() {
            self.serve();
        } else {
            self.sink();
        }
        self.node.poll();
    }

    fn sink(&mut self) {
        let socket = self.node.socket();
        while let Ok(count) = socket.recv(|bytes| (bytes.len(), bytes.len()))
            && count > 0
        {
            self.got += count as u64;
        }
        if !self.answered && !socket.may_recv() && socket.may_send() {
            socket.send_slice(&self.got.to_be_bytes()).expect("the way back is open");
            self.answered = true;
        }
    }

    fn serve(&mut self) {
        let Some(brokers) = &mut self.brokers else { return };
        let socket = self.node.socket();
        while socket.can_recv() {
            self.len += socket.recv_slice(&mut self.request[self.len..]).expect("it can receive");
            while let Some(length) = self.request[..self.len].first_chunk::<4>() {
                let whole = 4 + u32::from_be_bytes(*length) as usize;
                let Some(request) = self.request[..self.len].get(..whole) else { break };
                let (mut answer, _) = brokers.answer(0, request);
                let bytes = answer.finish();
                assert!(socket.send_slice(bytes) == Ok(bytes.len()), "room for the answer");
                self.request.copy_within(whole..self.len, 0);
                self.len -= whole;
            }
        }
    }
}
