//! The async producer against a scripted cluster, through its public API.

mod broker;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use broker::Cluster;
use nanokafka_tokio::{
    BuildError, DeliveryError, DeliveryHandle, Header, Options, Overflow, Producer, Record, RegisterError,
    SendError, Status,
};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(20);

fn options(cluster: &Cluster) -> Options {
    Options { reconnect_backoff_ms: 5, retry_backoff_ms: 5, ..Options::new(cluster.bootstrap()) }
}

async fn soon<F: Future>(future: F) -> F::Output {
    timeout(SOON, future).await.expect("in time")
}

#[tokio::test]
async fn a_record_arrives_with_all_its_parts() {
    let cluster = Cluster::start(1, 1);
    let producer = Producer::new(options(&cluster)).unwrap();
    let topic = producer.topic("t").unwrap();
    let headers = [Header { key: "unit", value: Some(b"C") }, Header { key: "none", value: None }];
    let record = Record::new(topic, b"21.5").key(b"device-7").headers(&headers);
    let first = soon(producer.send(record.timestamp_ms(1_700_000_000_000))).await.unwrap();
    let second = soon(producer.send(Record::tombstone(topic, b"device-8"))).await.unwrap();
    let delivered = soon(first).await.unwrap();
    assert_eq!((delivered.partition, delivered.offset, delivered.log_append_time_ms), (0, Some(0), None));
    assert_eq!(soon(second).await.unwrap().offset, Some(1));
    assert_eq!(producer.partitions(topic), Some(1));
    assert_eq!(producer.status(), Status::Online);

    let log = &cluster.topic("t")[&0];
    assert_eq!(log[0].key.as_deref(), Some(&b"device-7"[..]));
    assert_eq!(log[0].headers, [("unit".to_owned(), Some(b"C".to_vec())), ("none".to_owned(), None)]);
    assert_eq!(log[0].timestamp, 1_700_000_000_000);
    assert_eq!(log[1].value, None);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!((now - log[1].timestamp).abs() < 60_000, "the default is the time of sending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_one_producer_and_each_stays_in_order() {
    let cluster = Cluster::start(3, 6);
    let producer = Producer::new(Options { batches: 12, batch_bytes: 1_024, ..options(&cluster) }).unwrap();
    let topic = producer.topic("t").unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut handles = Vec::new();
                for n in 0..1_000 {
                    let (key, value) = (format!("k{task}"), format!("{task} {n}"));
                    handles.push(
                        producer
                            .send(Record::new(topic, value.as_bytes()).key(key.as_bytes()))
                            .await
                            .unwrap(),
                    );
                }
                let mut offsets = Vec::new();
                for handle in handles {
                    let delivered = handle.await.unwrap();
                    offsets.push((delivered.partition, delivered.offset.unwrap()));
                }
                offsets
            })
        })
        .collect();
    let mut places = BTreeMap::new();
    for (task, offsets) in tasks.into_iter().enumerate() {
        for (n, place) in soon(offsets).await.unwrap().into_iter().enumerate() {
            assert_eq!(places.insert(place, format!("{task} {n}")), None, "two records at one offset");
        }
    }
    let logs = cluster.topic("t");
    for ((partition, offset), text) in &places {
        assert_eq!(logs[partition][usize::try_from(*offset).unwrap()].text(), *text);
    }
    assert_eq!(logs.values().map(Vec::len).sum::<usize>(), 8_000);
    for log in logs.values() {
        let mut last = BTreeMap::new();
        for record in log {
            let text = record.text();
            let (task, n) = text.split_once(' ').unwrap();
            let n: u32 = n.parse().unwrap();
            assert!(last.insert(task.to_owned(), n).is_none_or(|before| before < n), "{text} out of order");
        }
    }
    let summary = soon(producer.close(SOON)).await;
    assert_eq!((summary.accepted, summary.delivered, summary.failed), (8_000, 8_000, 0));
}

#[tokio::test]
async fn dropped_handles_deliver_all_the_same_and_flush_waits_for_them() {
    let cluster = Cluster::start(1, 2);
    let producer =
        Producer::new(Options { linger_ms: 60_000, delivery_timeout_ms: 120_000, ..options(&cluster) })
            .unwrap();
    let topic = producer.topic("t").unwrap();
    for n in 0..10 {
        drop(
            soon(producer.send(Record::new(topic, format!("{n}").as_bytes()).partition(n % 2)))
                .await
                .unwrap(),
        );
    }
    soon(producer.flush()).await;
    assert_eq!(cluster.topic("t").values().map(Vec::len).collect::<Vec<_>>(), [5, 5]);
    soon(producer.flush()).await;
}

#[tokio::test]
async fn without_room_senders_wait_and_all_of_them_go_on() {
    let cluster = Cluster::start(1, 1);
    cluster.script().is_silent = true;
    let options = Options { batches: 2, batch_bytes: 256, request_timeout_ms: 300, ..options(&cluster) };
    let producer = Producer::new(options).unwrap();
    let topic = producer.topic("t").unwrap();
    while producer.try_send(Record::new(topic, &[7; 50])).is_ok() {}
    assert_eq!(producer.try_send(Record::new(topic, &[7; 50])).map(drop), Err(SendError::Full));

    let senders: Vec<_> = (0..50)
        .map(|_| {
            let producer = producer.clone();
            tokio::spawn(async move { producer.send(Record::new(topic, &[8; 50])).await.unwrap().await })
        })
        .collect();
    // Given up while it waits: it must not take room or a wake-up with it.
    assert!(timeout(Duration::from_millis(30), producer.send(Record::new(topic, b"gone"))).await.is_err());
    assert!(senders.iter().all(|sender| !sender.is_finished()));
    cluster.script().is_silent = false;
    for sender in senders {
        soon(sender).await.unwrap().unwrap();
    }
    assert!(cluster.topic("t")[&0].iter().all(|record| record.value.as_deref() != Some(b"gone")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost_in_a_crowd_where_many_give_up() {
    let cluster = Cluster::start(1, 3);
    let producer =
        Producer::new(Options { batches: 3, batch_bytes: 256, linger_ms: 1, ..options(&cluster) }).unwrap();
    let topic = producer.topic("t").unwrap();
    let tasks: Vec<_> = (0..200u64)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut sent = 0;
                for n in 0..20 {
                    let sending = producer.send(Record::new(topic, &[1; 60]));
                    // Every third waits for hardly any time, in no order.
                    let patience =
                        if (task + n) % 3 == 0 { Duration::from_micros(task * 37 % 500) } else { SOON };
                    sent += u64::from(timeout(patience, sending).await.is_ok_and(|sent| sent.is_ok()));
                }
                sent
            })
        })
        .collect();
    let mut sent = 0;
    for task in tasks {
        sent += soon(task).await.unwrap();
    }
    assert!(sent >= 200 * 13, "who is patient is served: {sent}");
    let summary = soon(producer.close(SOON)).await;
    assert_eq!((summary.accepted, summary.delivered), (sent, sent));
}

#[tokio::test]
async fn room_that_comes_after_the_outcome_is_room_too() {
    let cluster = Cluster::start(1, 1);
    cluster.script().is_silent = true;
    let options = Options {
        batches: 1,
        linger_ms: 0,
        request_timeout_ms: 300,
        delivery_timeout_ms: 300,
        ..options(&cluster)
    };
    let producer = Producer::new(options).unwrap();
    let topic = producer.topic("t").unwrap();
    soon(async {
        while producer.partitions(topic).is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let lost = soon(producer.send(Record::new(topic, &[0; 9_000]))).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send(Record::new(topic, &[1; 9_000])).await.map(drop) }
    });
    assert!(matches!(soon(lost).await, Err(DeliveryError::Timeout { maybe_written: true, .. })));
    assert_eq!(soon(waiting).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn handles_that_are_kept_keep_no_room() {
    let cluster = Cluster::start(1, 1);
    let producer =
        Producer::new(Options { batches: 2, batch_bytes: 128, linger_ms: 0, ..options(&cluster) }).unwrap();
    let topic = producer.topic("t").unwrap();
    let mut kept: Vec<DeliveryHandle> = Vec::new();
    for n in 0..300 {
        kept.push(soon(producer.send(Record::new(topic, format!("{n}").as_bytes()))).await.unwrap());
    }
    soon(producer.close(SOON)).await;
    drop(producer);
    for (n, handle) in kept.into_iter().enumerate() {
        assert_eq!(handle.result().unwrap().unwrap().offset, Some(i64::try_from(n).unwrap()));
        assert_eq!(handle.await.unwrap().offset, Some(i64::try_from(n).unwrap()));
    }
}

#[tokio::test]
async fn a_broker_that_restarts_loses_and_reorders_nothing() {
    let mut cluster = Cluster::start(2, 2);
    let producer = Producer::new(Options { batches: 8, batch_bytes: 512, ..options(&cluster) }).unwrap();
    let topic = producer.topic("t").unwrap();
    let mut handles = Vec::new();
    for n in 0..2_000 {
        match n {
            500 => cluster.stop(1),
            501 => {
                sleep(Duration::from_millis(100)).await;
                cluster.restart(1);
            }
            _ => {}
        }
        let value = format!("{n}");
        handles
            .push(soon(producer.send(Record::new(topic, value.as_bytes()).partition(n % 2))).await.unwrap());
    }
    for handle in handles {
        soon(handle).await.unwrap();
    }
    for (partition, log) in cluster.topic("t") {
        let numbers: Vec<i32> = log.iter().map(|record| record.text().parse().unwrap()).collect();
        let expected: Vec<i32> = (0..2_000).filter(|n| n % 2 == partition).collect();
        assert_eq!(numbers, expected);
    }
}

#[tokio::test]
async fn nobody_listening_is_a_status_and_then_a_timeout() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let producer = Producer::new(Options {
        linger_ms: 0,
        request_timeout_ms: 300,
        delivery_timeout_ms: 400,
        ..Options::new([format!("127.0.0.1:{port}")])
    })
    .unwrap();
    let topic = producer.topic("t").unwrap();
    let handle = producer.try_send(Record::new(topic, b"x")).unwrap();
    let error = soon(handle).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Timeout { maybe_written: false, .. }), "{error}");
    assert!(matches!(producer.status(), Status::Unreachable(_)), "{:?}", producer.status());
}

#[tokio::test]
async fn an_unknown_topic_is_a_status_that_names_it() {
    let cluster = Cluster::start(1, 1);
    cluster.script().unknown_topics.insert("missing".to_owned());
    let producer = Producer::new(options(&cluster)).unwrap();
    let topic = producer.topic("missing").unwrap();
    let handle = producer.try_send(Record::new(topic, b"x")).unwrap();
    soon(async {
        while !matches!(producer.status(), Status::TopicError(id, _) if producer.topic_name(id) == Some("missing")) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    cluster.script().unknown_topics.clear();
    soon(handle).await.unwrap();
}

#[tokio::test]
async fn dropping_the_oldest_is_told_to_its_handles() {
    let cluster = Cluster::start(1, 1);
    cluster.script().unknown_topics.insert("t".to_owned());
    let options =
        Options { batches: 2, batch_bytes: 128, overflow: Overflow::DropOldest, ..options(&cluster) };
    let producer = Producer::new(options).unwrap();
    let topic = producer.topic("t").unwrap();
    let handles: Vec<_> = (0..3).map(|_| producer.try_send(Record::new(topic, &[1; 40])).unwrap()).collect();
    let mut outcomes = Vec::new();
    cluster.script().unknown_topics.clear();
    for handle in handles {
        outcomes.push(soon(handle).await.map(|delivered| delivered.offset));
    }
    assert_eq!(outcomes, [Err(DeliveryError::Dropped), Ok(Some(0)), Ok(Some(1))]);
}

#[tokio::test]
async fn a_fatal_code_is_reported_and_a_retriable_one_is_not() {
    let cluster = Cluster::start(1, 1);
    let producer = Producer::new(options(&cluster)).unwrap();
    let topic = producer.topic("t").unwrap();
    cluster.script().produce_errors.extend([19, 6, 10]);
    let error = soon(producer.try_send(Record::new(topic, b"x")).unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "failed with MESSAGE_TOO_LARGE (10)");
    soon(producer.try_send(Record::new(topic, b"x")).unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_can_never_work_is_an_error_at_once() {
    let cluster = Cluster::start(1, 1);
    let producer = Producer::new(Options { topics: 1, batch_bytes: 256, ..options(&cluster) }).unwrap();
    let topic = producer.topic("t").unwrap();
    assert_eq!(producer.topic("t"), Ok(topic));
    assert_eq!(producer.topic("other"), Err(RegisterError::TableFull));
    assert_eq!(producer.topic("no spaces"), Err(RegisterError::InvalidName));
    let too_large = producer.send(Record::new(topic, &[0; 300])).await.map(drop);
    assert!(matches!(too_large, Err(SendError::TooLarge { .. })), "{too_large:?}");
    let other = Producer::new(options(&cluster)).unwrap();
    assert_eq!(other.try_send(Record::new(topic, b"x")).map(drop), Err(SendError::UnknownTopic));

    let bad = |options| Producer::new(options).map(drop).unwrap_err().to_string();
    assert!(bad(Options::new(["no-port"])).contains("bootstrap"));
    assert!(bad(Options { batches: 0, ..options(&cluster) }).contains("batches is 0"));
    assert!(bad(Options { topics: 256, partitions_per_topic: 1_000, ..options(&cluster) }).contains("65535"));
    assert!(bad(Options { linger_ms: 200_000, ..options(&cluster) }).contains("delivery_timeout_ms"));
}

#[test]
fn outside_of_a_runtime_is_an_error_and_no_panic() {
    assert_eq!(Producer::new(Options::new(["127.0.0.1:1"])).map(drop), Err(BuildError::NoRuntime));
}
