//! A transport that is its own broker: it takes every byte at once, looks only at the first bytes of a request, and
//! has the answer ready. What is measured on it is the producer and nothing else.

use std::convert::Infallible;
use std::task::{Context, Poll};

use nanokafka::{Endpoint, Slot, Transport};

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const INIT_PRODUCER_ID: i16 = 22;

pub(crate) struct FakeBroker {
    topic: &'static str,
    /// Bytes of the present request that are still to come.
    request_left: usize,
    answers: Vec<u8>,
    taken: usize,
    offset: i64,
    /// Whether a produce request gets an answer: not with acks=0.
    acknowledges: bool,
}

impl FakeBroker {
    pub(crate) fn new(topic: &'static str, acknowledges: bool) -> Self {
        Self { topic, request_left: 0, answers: Vec::new(), taken: 0, offset: 0, acknowledges }
    }

    fn begin(&mut self, head: &[u8]) {
        let field = |at: usize| -> [u8; 4] { head[at..at + 4].try_into().expect("four bytes") };
        self.request_left = 4 + u32::from_be_bytes(field(0)) as usize;
        let api = i16::from_be_bytes([head[4], head[5]]);
        if api == PRODUCE && !self.acknowledges {
            return;
        }
        let length_at = self.answers.len();
        self.answers.extend([0; 4]);
        self.answers.extend(field(8));
        match api {
            PRODUCE => self.produced(),
            METADATA => self.metadata(),
            API_VERSIONS => self.api_versions(),
            INIT_PRODUCER_ID => self.producer_id(),
            other => panic!("api {other}"),
        }
        let length = (self.answers.len() - length_at - 4) as u32;
        self.answers[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn i16s(&mut self, values: &[i16]) {
        self.answers.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }

    fn i32s(&mut self, values: &[i32]) {
        self.answers.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }

    fn i64s(&mut self, values: &[i64]) {
        self.answers.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }

    fn string(&mut self, text: &str) {
        self.i16s(&[text.len() as i16]);
        self.answers.extend(text.as_bytes());
    }

    fn api_versions(&mut self) {
        self.i16s(&[0]);
        self.i32s(&[3]);
        self.i16s(&[PRODUCE, 3, 8, METADATA, 0, 4, INIT_PRODUCER_ID, 0, 0]);
    }

    fn metadata(&mut self) {
        // No throttling; one broker, which leads the one partition.
        self.i32s(&[0, 1, 1]);
        self.string("127.0.0.1");
        self.i32s(&[9092]);
        self.i16s(&[-1, -1]);
        self.i32s(&[1, 1]);
        self.i16s(&[0]);
        self.string(self.topic);
        self.answers.push(0);
        self.i32s(&[1]);
        self.i16s(&[0]);
        self.i32s(&[0, 1, 1, 1, 1, 1]);
    }

    fn producer_id(&mut self) {
        self.i32s(&[0]);
        self.i16s(&[0]);
        self.i64s(&[7]);
        self.i16s(&[0]);
    }

    fn produced(&mut self) {
        self.i32s(&[1]);
        self.string(self.topic);
        self.i32s(&[1, 0]);
        self.i16s(&[0]);
        self.i64s(&[self.offset, -1, 0]);
        // No record has an error, there is no message, and no throttling.
        self.i32s(&[0]);
        self.i16s(&[-1]);
        self.i32s(&[0]);
        self.offset += 1_000;
    }
}

impl Transport for FakeBroker {
    type Error = Never;

    fn poll_connect(&mut self, _: &mut Context<'_>, _: Slot, _: Endpoint<'_>) -> Poll<Result<(), Never>> {
        Poll::Ready(Ok(()))
    }

    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        _: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, Never>> {
        if self.request_left == 0 {
            self.begin(head);
        }
        let count = head.len() + body.len();
        self.request_left -= count;
        Poll::Ready(Ok(count))
    }

    fn poll_recv(&mut self, _: &mut Context<'_>, _: Slot, buf: &mut [u8]) -> Poll<Result<usize, Never>> {
        let rest = &self.answers[self.taken..];
        if rest.is_empty() {
            self.answers.clear();
            self.taken = 0;
            return Poll::Pending;
        }
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Poll::Ready(Ok(count))
    }

    fn close(&mut self, _: Slot) {}
}

/// No call of this transport fails.
#[derive(Debug)]
pub(crate) struct Never(Infallible);

impl std::fmt::Display for Never {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {}
    }
}

impl std::error::Error for Never {}

impl embedded_io::Error for Never {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self.0 {}
    }
}
