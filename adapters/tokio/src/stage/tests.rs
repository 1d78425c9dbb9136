use std::collections::VecDeque;
use std::task::Waker;

use super::*;

const SLOT: Slot = Slot::new(0);
const HERE: Endpoint<'static> = Endpoint { host: "h", port: 1 };

/// Takes `room` bytes, then none; gives out `incoming`, piece by piece.
#[derive(Default)]
struct Net {
    room: usize,
    sent: Vec<u8>,
    broken: bool,
    incoming: VecDeque<Vec<u8>>,
    closed: usize,
}

impl Transport for Net {
    type Error = StageError;
    fn poll_connect(
        &mut self,
        _: &mut Context<'_>,
        _: Slot,
        _: Endpoint<'_>,
    ) -> Poll<Result<(), StageError>> {
        Poll::Ready(Ok(()))
    }
    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        _: Slot,
        head: &[u8],
        _: &[u8],
    ) -> Poll<Result<usize, StageError>> {
        if self.broken {
            return Poll::Ready(Err(StageError(ErrorKind::BrokenPipe)));
        }
        let taken = self.room.min(head.len());
        if taken == 0 {
            return Poll::Pending;
        }
        self.room -= taken;
        self.sent.extend_from_slice(&head[..taken]);
        Poll::Ready(Ok(taken))
    }
    fn poll_recv(&mut self, _: &mut Context<'_>, _: Slot, buf: &mut [u8]) -> Poll<Result<usize, StageError>> {
        match self.incoming.pop_front() {
            None => Poll::Pending,
            Some(piece) => {
                buf[..piece.len()].copy_from_slice(&piece);
                Poll::Ready(Ok(piece.len()))
            }
        }
    }
    fn close(&mut self, _: Slot) {
        self.closed += 1;
    }
}

fn open(lingers: bool) -> Staged<Net> {
    let mut staged = Staged::new(Net::default(), 2, lingers);
    assert!(staged.poll_connect(&mut cx(), SLOT, HERE).is_ready());
    staged
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn kind<V>(poll: Poll<Result<V, StageError>>) -> Option<ErrorKind> {
    match poll {
        Poll::Ready(Err(error)) => Some(error.kind()),
        Poll::Ready(Ok(_)) | Poll::Pending => None,
    }
}

#[test]
fn all_bytes_come_out_in_order_whatever_the_socket_takes() {
    let mut staged = open(false);
    let bytes: Vec<u8> = (0..3 * OUT_BYTES).map(|i| (i % 251) as u8).collect();
    let mut given = 0;
    let mut turn = 0;
    while staged.net.sent.len() < bytes.len() {
        let head_len = (bytes.len() - given).min(19);
        let (head, body) = bytes[given..].split_at(head_len);
        if given < bytes.len() {
            match staged.poll_send(&mut cx(), SLOT, head, body) {
                Poll::Ready(taken) => given += taken.unwrap(),
                Poll::Pending => assert_eq!(staged.stages[0].unsent(), OUT_BYTES),
            }
        }
        turn += 1;
        staged.net.room = [1, 5_000, 70_000, 0][turn % 4];
        let waits = staged.stages[0].wants_room;
        assert_eq!(
            staged.flush(&mut cx()),
            waits && turn % 4 != 3,
            "core is called when there is room again"
        );
        assert!(staged.stages[0].out.capacity() <= OUT_BYTES, "the buffer never grows");
    }
    assert_eq!(staged.net.sent, bytes);
}

#[test]
fn input_is_passed_on_in_pieces_and_then_its_end() {
    let mut staged = open(false);
    staged.net.incoming.extend([b"abcde".to_vec(), b"f".to_vec(), Vec::new()]);
    let mut got = Vec::new();
    let mut buf = [0; 2];
    let mut fills = 0;
    loop {
        match staged.poll_recv(&mut cx(), SLOT, &mut buf) {
            Poll::Ready(Ok(0)) => break,
            Poll::Ready(Ok(len)) => got.extend_from_slice(&buf[..len]),
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => {
                assert!(staged.fill(&mut cx()));
                fills += 1;
            }
        }
    }
    assert_eq!((got.as_slice(), fills), (&b"abcdef"[..], 3));
    assert!(!staged.fill(&mut cx()), "nothing is read after the end");
}

#[test]
fn a_broken_connection_is_told_to_core_once_it_was_seen() {
    let mut staged = open(false);
    assert!(staged.poll_send(&mut cx(), SLOT, b"x", b"").is_ready());
    staged.net.broken = true;
    assert!(staged.flush(&mut cx()));
    assert_eq!(kind(staged.poll_send(&mut cx(), SLOT, b"y", b"")), Some(ErrorKind::BrokenPipe));
    staged.close(SLOT);
    assert_eq!(kind(staged.poll_recv(&mut cx(), SLOT, &mut [0])), Some(ErrorKind::NotConnected));
    staged.net.broken = false;
    assert!(staged.poll_connect(&mut cx(), SLOT, HERE).is_ready());
    staged.net.room = 9;
    assert!(!staged.flush(&mut cx()));
    assert!(staged.net.sent.is_empty(), "no byte of the old connection reaches the new one");
}

#[test]
fn without_acknowledgements_bytes_are_sent_after_the_close() {
    let mut staged = open(true);
    assert!(staged.poll_send(&mut cx(), SLOT, b"last", b" words").is_ready());
    staged.close(SLOT);
    assert!(staged.is_lingering());
    assert!(staged.poll_connect(&mut cx(), SLOT, HERE).is_pending());
    staged.net.room = 4;
    assert!(!staged.flush(&mut cx()));
    staged.net.room = 40;
    assert!(staged.flush(&mut cx()));
    assert_eq!(
        (staged.net.sent.as_slice(), staged.net.closed, staged.is_lingering()),
        (&b"last words"[..], 1, false)
    );
    assert!(staged.poll_connect(&mut cx(), SLOT, HERE).is_ready());
}

#[test]
fn a_second_close_ends_the_lingering() {
    let mut staged = open(true);
    assert!(staged.poll_send(&mut cx(), SLOT, b"x", b"").is_ready());
    staged.close(SLOT);
    staged.close(SLOT);
    assert_eq!((staged.net.closed, staged.is_lingering()), (1, false));
}
