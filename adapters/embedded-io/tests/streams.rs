//! The transport over streams in memory that take and give little, are not ready, fail, and end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use nanokafka::{Endpoint, Slot, Transport};
use nanokafka_embedded_io::{Connector, StreamTransport};

const TO: Endpoint<'static> = Endpoint { host: "kafka", port: 9092 };
const SLOT: Slot = Slot::new(0);

#[derive(Default)]
struct Incoming {
    /// Each is what one `read` gives at most; an empty one is the end.
    pieces: VecDeque<Vec<u8>>,
    error: Option<ErrorKind>,
    ready_error: Option<ErrorKind>,
    asked: bool,
}

#[derive(Default)]
struct Outgoing {
    written: Vec<u8>,
    /// How much each `write` takes; not ready when there is none.
    room: VecDeque<usize>,
    error: Option<ErrorKind>,
    asked: bool,
}

#[derive(Default)]
struct Line {
    incoming: Incoming,
    outgoing: Outgoing,
    pending: usize,
    refuse: Option<ErrorKind>,
    dialled: Vec<String>,
    closed: usize,
    registered: usize,
    /// Room that appears while the waker is being registered.
    room_on_register: Option<usize>,
}

impl ErrorType for Incoming {
    type Error = ErrorKind;
}

impl ReadReady for Incoming {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        self.asked = true;
        self.ready_error.map_or(Ok(self.error.is_some() || !self.pieces.is_empty()), Err)
    }
}

impl Read for Incoming {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(std::mem::take(&mut self.asked), "read without asking whether it blocks");
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut piece = self.pieces.pop_front().expect("this read would block");
        let rest = piece.split_off(piece.len().min(buf.len()));
        if !rest.is_empty() {
            self.pieces.push_front(rest);
        }
        buf[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

impl ErrorType for Outgoing {
    type Error = ErrorKind;
}

impl WriteReady for Outgoing {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        self.asked = true;
        Ok(self.error.is_some() || !self.room.is_empty())
    }
}

impl Write for Outgoing {
    fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        assert!(std::mem::take(&mut self.asked), "written without asking whether it blocks");
        assert!(!buf.is_empty());
        if let Some(error) = self.error {
            return Err(error);
        }
        let room = self.room.pop_front().expect("this write would block");
        self.written.extend_from_slice(&buf[..room.min(buf.len())]);
        // A driver that says more than there was is passed on as it is.
        Ok(if room == usize::MAX { room } else { room.min(buf.len()) })
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        panic!("flush blocks");
    }
}

impl Connector for Line {
    type Reader = Incoming;
    type Writer = Outgoing;
    type Error = ErrorKind;

    fn poll_connect(&mut self, _cx: &mut Context<'_>, to: Endpoint<'_>) -> Poll<Result<(), ErrorKind>> {
        if self.pending > 0 {
            self.pending -= 1;
            return Poll::Pending;
        }
        self.dialled.push(format!("{}:{}", to.host, to.port));
        Poll::Ready(self.refuse.map_or(Ok(()), Err))
    }

    fn reader(&mut self) -> &mut Incoming {
        &mut self.incoming
    }

    fn writer(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    fn close(&mut self) {
        self.closed += 1;
    }

    fn register(&mut self, waker: &Waker) {
        self.registered += 1;
        waker.wake_by_ref();
        self.outgoing.room.extend(self.room_on_register.take());
    }
}

#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn connect(transport: &mut StreamTransport<Line>) -> Poll<Result<(), ErrorKind>> {
    transport.poll_connect(&mut Context::from_waker(Waker::noop()), SLOT, TO)
}

fn send(transport: &mut StreamTransport<Line>, head: &[u8], body: &[u8]) -> Poll<Result<usize, ErrorKind>> {
    transport.poll_send(&mut Context::from_waker(Waker::noop()), SLOT, head, body)
}

fn recv(transport: &mut StreamTransport<Line>, buf: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
    transport.poll_recv(&mut Context::from_waker(Waker::noop()), SLOT, buf)
}

fn open() -> StreamTransport<Line> {
    let mut transport = StreamTransport::new(Line::default());
    assert_eq!(connect(&mut transport), Poll::Ready(Ok(())));
    transport
}

#[test]
fn the_connector_is_asked_until_it_is_ready_and_not_again() {
    let mut transport = StreamTransport::new(Line { pending: 2, ..Line::default() });
    assert_eq!(connect(&mut transport), Poll::Pending);
    assert_eq!(send(&mut transport, b"x", b""), Poll::Ready(Err(ErrorKind::NotConnected)));
    assert_eq!(recv(&mut transport, &mut [0]), Poll::Ready(Err(ErrorKind::NotConnected)));
    assert_eq!(connect(&mut transport), Poll::Pending);
    assert_eq!(connect(&mut transport), Poll::Ready(Ok(())));
    assert_eq!(connect(&mut transport), Poll::Ready(Ok(())));
    assert_eq!(transport.connector().dialled, ["kafka:9092"]);
}

#[test]
fn the_kind_of_a_connectors_error_is_kept_and_it_is_not_closed() {
    let mut transport = StreamTransport::new(Line { refuse: Some(ErrorKind::NotFound), ..Line::default() });
    assert_eq!(connect(&mut transport), Poll::Ready(Err(ErrorKind::NotFound)));
    transport.close(SLOT);
    assert_eq!(transport.connector().closed, 0);
    transport.connector_mut().refuse = None;
    assert_eq!(connect(&mut transport), Poll::Ready(Ok(())));
}

#[test]
fn a_second_slot_is_an_error_and_leaves_the_first_alone() {
    let mut transport = open();
    let cx = &mut Context::from_waker(Waker::noop());
    let other = Slot::new(1);
    assert_eq!(transport.poll_connect(cx, other, TO), Poll::Ready(Err(ErrorKind::OutOfMemory)));
    assert_eq!(transport.poll_send(cx, other, b"x", b""), Poll::Ready(Err(ErrorKind::NotConnected)));
    assert_eq!(transport.poll_recv(cx, other, &mut [0]), Poll::Ready(Err(ErrorKind::NotConnected)));
    transport.close(other);
    assert_eq!(transport.connector().closed, 0);
    assert_eq!(recv(&mut transport, &mut [0]), Poll::Pending);
}

#[test]
fn head_and_body_are_written_as_far_as_the_writer_takes_them() {
    let cases: [(&[usize], usize); 6] =
        [(&[3, 9], 3), (&[4, 9], 9), (&[9, 2], 6), (&[9], 4), (&[1, 1], 1), (&[9, usize::MAX], 9)];
    for (room, taken) in cases {
        let mut transport = open();
        transport.connector_mut().outgoing.room = room.to_vec().into();
        assert_eq!(send(&mut transport, b"head", b"body!"), Poll::Ready(Ok(taken)), "{room:?}");
        assert_eq!(transport.connector().outgoing.written, &b"headbody!"[..taken], "{room:?}");
    }
}

#[test]
fn either_part_may_be_empty() {
    let mut transport = open();
    transport.connector_mut().outgoing.room = vec![9, 9].into();
    assert_eq!(send(&mut transport, b"", b"body"), Poll::Ready(Ok(4)));
    assert_eq!(send(&mut transport, b"head", b""), Poll::Ready(Ok(4)));
    assert_eq!(send(&mut transport, b"", b"body"), Poll::Pending);
}

#[test]
fn bytes_offered_again_until_taken_arrive_once_and_in_order() {
    let mut transport = open();
    let data: Vec<u8> = (0..=255).collect();
    let mut sent = 0;
    for turn in 0.. {
        if sent == data.len() {
            break;
        }
        // Not ready every third time, else 1 to 4 bytes for each of up to two writes.
        transport.connector_mut().outgoing.room = (0..turn % 3).map(|n| 1 + (turn + n) % 4).collect();
        let (head, body) = data[sent..].split_at((data.len() - sent).min(2));
        if let Poll::Ready(count) = send(&mut transport, head, body) {
            sent += count.unwrap();
        }
    }
    assert_eq!(transport.connector().outgoing.written, data);
}

#[test]
fn a_writer_that_takes_nothing_or_fails_ends_the_connection() {
    let mut transport = open();
    transport.connector_mut().outgoing.room = vec![0].into();
    assert_eq!(send(&mut transport, b"x", b""), Poll::Ready(Err(ErrorKind::WriteZero)));
    transport.connector_mut().outgoing.error = Some(ErrorKind::BrokenPipe);
    assert_eq!(send(&mut transport, b"x", b""), Poll::Ready(Err(ErrorKind::BrokenPipe)));
}

#[test]
fn what_arrives_is_given_in_the_pieces_in_which_it_arrives() {
    let mut transport = open();
    let mut buf = [0; 4];
    assert_eq!(recv(&mut transport, &mut buf), Poll::Pending);
    transport.connector_mut().incoming.pieces = [b"abcdef".to_vec(), b"g".to_vec(), vec![]].into();
    assert_eq!(recv(&mut transport, &mut []), Poll::Pending, "no room is not the end");
    assert_eq!(recv(&mut transport, &mut buf), Poll::Ready(Ok(4)));
    assert_eq!(&buf, b"abcd");
    assert_eq!(recv(&mut transport, &mut buf), Poll::Ready(Ok(2)));
    assert_eq!(recv(&mut transport, &mut buf), Poll::Ready(Ok(1)));
    assert_eq!(recv(&mut transport, &mut buf), Poll::Ready(Ok(0)), "the end");
}

#[test]
fn an_error_of_the_reader_or_of_its_readiness_keeps_its_kind() {
    let mut transport = open();
    transport.connector_mut().incoming.error = Some(ErrorKind::ConnectionReset);
    assert_eq!(recv(&mut transport, &mut [0]), Poll::Ready(Err(ErrorKind::ConnectionReset)));
    transport.connector_mut().incoming.ready_error = Some(ErrorKind::TimedOut);
    assert_eq!(recv(&mut transport, &mut [0]), Poll::Ready(Err(ErrorKind::TimedOut)));
}

#[test]
fn the_waker_is_registered_when_a_stream_is_not_ready_and_readiness_asked_again() {
    let counter = Arc::new(CountingWaker::default());
    let waker = Waker::from(counter.clone());
    let cx = &mut Context::from_waker(&waker);
    let mut transport = open();
    assert_eq!(transport.poll_recv(cx, SLOT, &mut [0]), Poll::Pending);
    assert_eq!(transport.poll_send(cx, SLOT, b"x", b""), Poll::Pending);
    assert_eq!(counter.0.load(Ordering::Relaxed), 2);
    transport.connector_mut().room_on_register = Some(1);
    assert_eq!(transport.poll_send(cx, SLOT, b"xy", b"z"), Poll::Ready(Ok(1)));
    assert_eq!(transport.connector().registered, 3);
}

#[test]
fn close_ends_an_open_connection_or_an_attempt_once() {
    let mut transport = open();
    transport.close(SLOT);
    transport.close(SLOT);
    assert_eq!(transport.connector().closed, 1);
    assert_eq!(send(&mut transport, b"x", b""), Poll::Ready(Err(ErrorKind::NotConnected)));
    transport.connector_mut().pending = 1;
    assert_eq!(connect(&mut transport), Poll::Pending);
    transport.close(SLOT);
    assert_eq!(transport.connector().closed, 2);
    assert_eq!(connect(&mut transport), Poll::Ready(Ok(())));
    assert_eq!(transport.into_connector().closed, 3);
}
