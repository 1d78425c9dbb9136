use std::future::poll_fn;
use std::time::Duration;

use embedded_io::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;

const SLOT: Slot = Slot::new(1);

async fn connect_to_host(transport: &mut TokioTransport, host: &str, port: u16) -> Result<(), ErrorKind> {
    let connected = poll_fn(|cx| transport.poll_connect(cx, SLOT, Endpoint { host, port }));
    timeout(Duration::from_secs(20), connected)
        .await
        .expect("connects or fails in time")
        .map_err(|error| error.kind())
}

async fn pair() -> (TokioTransport, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut transport = TokioTransport::new(2);
    let port = listener.local_addr().unwrap().port();
    let (connected, accepted) =
        tokio::join!(connect_to_host(&mut transport, "127.0.0.1", port), listener.accept());
    connected.unwrap();
    (transport, accepted.unwrap().0)
}

#[tokio::test]
async fn head_and_body_arrive_in_order_and_answers_come_back() {
    let (mut transport, mut peer) = pair().await;
    let sent = poll_fn(|cx| transport.poll_send(cx, SLOT, b"head", b"-body")).await.unwrap();
    assert_eq!(sent, 9);
    let mut got = [0; 9];
    peer.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"head-body");

    peer.write_all(b"answer").await.unwrap();
    let mut buf = [0; 4];
    assert_eq!(poll_fn(|cx| transport.poll_recv(cx, SLOT, &mut buf)).await.unwrap(), 4);
    assert_eq!(&buf, b"answ");
    assert_eq!(poll_fn(|cx| transport.poll_recv(cx, SLOT, &mut buf)).await.unwrap(), 2);
    drop(peer);
    assert_eq!(poll_fn(|cx| transport.poll_recv(cx, SLOT, &mut buf)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_socket_is_pending_and_wakes_when_the_peer_reads() {
    let (mut transport, mut peer) = pair().await;
    let body = vec![7; 1 << 20];
    let mut sent = 0;
    // Until the socket's buffers are full.
    while let Ok(taken) =
        timeout(Duration::from_millis(100), poll_fn(|cx| transport.poll_send(cx, SLOT, b"h", &body))).await
    {
        sent += taken.unwrap();
        assert!(sent < 1 << 30, "a socket takes bytes without end");
    }
    let reader = tokio::spawn(async move {
        let mut got = vec![0; sent + 5];
        peer.read_exact(&mut got).await.unwrap();
    });
    let more =
        timeout(Duration::from_secs(10), poll_fn(|cx| transport.poll_send(cx, SLOT, b"more!", &[]))).await;
    assert_eq!(more.expect("woken by room").unwrap(), 5);
    reader.await.unwrap();
}

#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    // `localhost` often has an IPv6 address too, where nobody listens here.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut transport = TokioTransport::new(2);
    for first in 0..3 {
        transport.slots[1].first_address = first;
        connect_to_host(&mut transport, "localhost", listener.local_addr().unwrap().port()).await.unwrap();
        transport.close(SLOT);
    }
}

#[tokio::test]
async fn errors_have_the_kinds_that_core_knows() {
    let mut transport = TokioTransport::new(2);
    assert_eq!(connect_to_host(&mut transport, "no.such.name.invalid", 9092).await, Err(ErrorKind::NotFound));
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(connect_to_host(&mut transport, "127.0.0.1", port).await, Err(ErrorKind::ConnectionRefused));
    let unconnected = poll_fn(|cx| transport.poll_send(cx, SLOT, b"x", &[])).await;
    assert_eq!(unconnected.map_err(|error| error.kind()), Err(ErrorKind::NotConnected));
    let outside =
        poll_fn(|cx| transport.poll_connect(cx, Slot::new(2), Endpoint { host: "127.0.0.1", port })).await;
    assert_eq!(outside.map_err(|error| error.kind()), Err(ErrorKind::InvalidInput));
}

#[tokio::test]
async fn a_closed_slot_can_be_opened_again_and_the_peer_sees_the_end() {
    let (mut transport, mut peer) = pair().await;
    transport.close(SLOT);
    transport.close(SLOT);
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    connect_to_host(&mut transport, "127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
}

#[tokio::test]
async fn giving_up_on_an_address_begins_with_the_next_one() {
    let mut transport = TokioTransport::new(2);
    // Polled once only: the resolver has not answered yet.
    let _ = poll_fn(|cx| {
        Poll::Ready(transport.poll_connect(cx, SLOT, Endpoint { host: "name.invalid", port: 1 }))
    })
    .await;
    transport.close(SLOT);
    assert_eq!(transport.slots[1].first_address, 1);
}
