//! How the async producer ends, against a scripted cluster.

mod broker;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use broker::Cluster;
use nanokafka_tokio::{Acks, DeliveryError, Options, Producer, Record, SendError, Status};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(20);

fn options(cluster: &Cluster) -> Options {
    Options { reconnect_backoff_ms: 5, retry_backoff_ms: 5, ..Options::new(cluster.bootstrap()) }
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(SOON, future).await.expect("in time")
}

#[tokio::test]
async fn close_reports_what_it_could_not_deliver() {
    let cluster = Cluster::start(1, 1);
    cluster.script().is_silent = true;
    let producer = Producer::new(options(&cluster)).unwrap();
    let topic = producer.topic("t").unwrap();
    let handle = producer.try_send(Record::new(topic, b"x")).unwrap();
    sleep(Duration::from_millis(100)).await;
    let summary = soon(producer.close(Duration::from_millis(100))).await;
    assert_eq!((summary.accepted, summary.delivered, summary.failed), (1, 0, 1));
    assert_eq!(handle.await, Err(DeliveryError::Closed { maybe_written: true }));
    assert_eq!(producer.try_send(Record::new(topic, b"y")).map(drop), Err(SendError::Closed));
    assert_eq!(producer.send(Record::new(topic, b"y")).await.map(drop), Err(SendError::Closed));
    assert_eq!(producer.status(), Status::Closed);
    soon(producer.close(SOON)).await;
    soon(producer.flush()).await;
}

#[tokio::test]
async fn close_without_being_awaited_still_closes() {
    let cluster = Cluster::start(1, 1);
    let producer = Producer::new(options(&cluster)).unwrap();
    let topic = producer.topic("t").unwrap();
    let handle = producer.try_send(Record::new(topic, b"x")).unwrap();
    drop(producer.close(SOON));
    assert_eq!(producer.try_send(Record::new(topic, b"y")).map(drop), Err(SendError::Closed));
    soon(handle).await.unwrap();
}

#[tokio::test]
async fn the_last_clone_dropped_delivers_and_ends_the_task() {
    let cluster = Cluster::start(1, 1);
    let producer =
        Producer::new(Options { linger_ms: 60_000, delivery_timeout_ms: 120_000, ..options(&cluster) })
            .unwrap();
    let topic = producer.topic("t").unwrap();
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let handle = producer.clone().try_send(Record::new(topic, b"x")).unwrap();
    drop(producer);
    assert_eq!(soon(handle).await.unwrap().offset, Some(0));
    soon(async {
        while tokio::runtime::Handle::current().metrics().num_alive_tasks() >= before {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[test]
fn a_runtime_that_is_gone_leaves_nobody_waiting() {
    let cluster = Cluster::start(1, 1);
    cluster.script().is_silent = true;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let producer = Producer::new_on(Options { batches: 1, ..options(&cluster) }, runtime.handle()).unwrap();
    let topic = producer.topic("t").unwrap();
    let handle = producer.try_send(Record::new(topic, b"x")).unwrap();
    drop(runtime);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(pin!(handle).poll(&mut cx), Poll::Ready(Err(DeliveryError::Closed { maybe_written: true })));
    assert_eq!(producer.try_send(Record::new(topic, b"x")).map(drop), Err(SendError::Closed));
    assert!(pin!(producer.flush()).poll(&mut cx).is_ready());
    assert!(pin!(producer.close(SOON)).poll(&mut cx).is_ready());
}

#[tokio::test]
async fn acks_0_sends_all_before_the_close_ends() {
    let cluster = Cluster::start(1, 1);
    let producer =
        Producer::new(Options { acks: Acks::None, enable_idempotence: false, ..options(&cluster) }).unwrap();
    let topic = producer.topic("t").unwrap();
    let first = soon(producer.send(Record::new(topic, b"0"))).await.unwrap();
    assert_eq!(soon(first).await.unwrap().offset, None);
    for n in 1..5_000 {
        drop(soon(producer.send(Record::new(topic, format!("{n}").as_bytes()))).await.unwrap());
    }
    let summary = soon(producer.close(SOON)).await;
    assert_eq!((summary.delivered, summary.failed), (5_000, 0));
    soon(async {
        while cluster.topic("t").get(&0).map_or(0, Vec::len) < 5_000 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
