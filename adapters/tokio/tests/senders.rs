//! Many senders of one producer, and one that sends much.

mod broker;

use std::future::Future;
use std::time::Duration;

use broker::Cluster;
use nanokafka_tokio::{Options, Overflow, Producer, Record};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(20);

fn options(cluster: &Cluster) -> Options {
    Options { reconnect_backoff_ms: 5, retry_backoff_ms: 5, ..Options::new(cluster.bootstrap()) }
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(SOON, future).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_one_that_was_woken_and_goes_away() {
    // One that finds room again is woken alone, for it may fill all of it. Here hardly anybody does: of those who wait,
    // most send one record and then nothing for as long as the test runs, some are slow, some give up.
    let cluster = Cluster::start(2, 4);
    for round in 0..3 {
        let producer =
            Producer::new(Options { batches: 32, batch_bytes: 128, linger_ms: 1, ..options(&cluster) });
        let producer = producer.unwrap();
        let topic = producer.topic(&format!("t{round}")).unwrap();
        let (served, mut serving) = tokio::sync::mpsc::unbounded_channel();
        let tasks: Vec<_> = (0..400u64)
            .map(|task| {
                let (producer, served) = (producer.clone(), served.clone());
                tokio::spawn(async move {
                    if task % 5 == 0 {
                        let patience = Duration::from_micros(task * 37 % 3_000);
                        let record = Record::new(topic, &[2; 40]);
                        let sent = timeout(patience, producer.send(record)).await;
                        served.send(u64::from(sent.is_ok())).unwrap();
                        return std::future::pending::<()>().await;
                    }
                    let records = if task % 50 == 1 { 20 } else { 1 };
                    for _ in 0..records {
                        drop(producer.send(Record::new(topic, &[1; 40])).await.unwrap());
                        sleep(Duration::from_micros(task % 7 * 100)).await;
                    }
                    served.send(records).unwrap();
                    std::future::pending::<()>().await;
                })
            })
            .collect();
        let mut sent = 0;
        for _ in 0..tasks.len() {
            sent += soon(serving.recv()).await.unwrap();
        }
        assert!(sent >= 400 - 80 + 8 * 19, "who is patient is served: {sent}");
        let summary = soon(producer.close(SOON)).await;
        assert_eq!((summary.accepted, summary.delivered), (sent, sent));
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

#[tokio::test]
async fn a_task_that_sends_without_end_lets_others_run() {
    // Nothing that it sends ever has to wait, and what is too large is refused each time.
    let options =
        Options { overflow: Overflow::DropOldest, batch_bytes: 4_096, ..Options::new(["127.0.0.1:1"]) };
    let producer = Producer::new(options).unwrap();
    let topic = producer.topic("t").unwrap();
    for value in [&[0; 1][..], &[0; 2_000], &[0; 5_000]] {
        let sending = tokio::spawn({
            let (producer, value) = (producer.clone(), value.to_vec());
            async move {
                loop {
                    let _ = producer.send(Record::new(topic, &value)).await;
                }
            }
        });
        // On one thread: each of these steps is one that the other task has left to us.
        for _ in 0..100 {
            soon(tokio::task::yield_now()).await;
        }
        sending.abort();
        assert!(soon(sending).await.is_err());
    }
    assert!(producer.counters().records_accepted > 0);
}

#[tokio::test]
async fn a_records_time_is_that_of_its_sending_within_some_milliseconds() {
    let cluster = Cluster::start(1, 1);
    let producer = Producer::new(options(&cluster)).unwrap();
    let topic = producer.topic("t").unwrap();
    let now_ms =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut times = Vec::new();
    for pause_ms in [0, 1, 50, 0, 3, 120, 0] {
        // Without a turn of the driver in between.
        std::thread::sleep(Duration::from_millis(pause_ms));
        let before = now_ms();
        drop(producer.try_send(Record::new(topic, b"x")).unwrap());
        times.push((before, now_ms()));
    }
    soon(producer.flush()).await;
    for (record, (before, after)) in cluster.topic("t")[&0].iter().zip(times) {
        assert!((before - 20..=after + 5).contains(&record.timestamp), "{record:?}: {before} to {after}");
    }
}
