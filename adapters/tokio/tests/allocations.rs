//! No allocation per record, batch or request in steady state: counted, not believed.

mod broker;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker::Cluster;
use nanokafka_tokio::{Options, Producer, Record, Topic};

thread_local! {
    /// Only threads of the producer count: the broker is in this process too.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: each call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    if COUNTS.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

const RECORDS: usize = 10_000;

async fn send_dropped(producer: Producer, topic: Topic, records: usize) {
    for _ in 0..records {
        drop(producer.send(Record::new(topic, &[7; 100])).await.unwrap());
    }
    producer.flush().await;
}

/// Awaits each handle 500 records after it was sent.
async fn send_awaited(producer: Producer, topic: Topic, records: usize, window: &mut [Option<nanokafka_tokio::DeliveryHandle>]) {
    for n in 0..records {
        let sent = producer.send(Record::new(topic, &[7; 100])).await.unwrap();
        if let Some(earlier) = window[n % 500].replace(sent) {
            earlier.await.unwrap();
        }
    }
    producer.flush().await;
    for handle in window.iter_mut().filter_map(Option::take) {
        handle.await.unwrap();
    }
}

async fn one_task() -> [u64; 2] {
    let cluster = Cluster::start(1, 3);
    cluster.script().counts_only = true;
    let producer = Producer::new(Options::new(cluster.bootstrap())).unwrap();
    let topic = producer.topic("t").unwrap();
    let mut window: Vec<_> = (0..500).map(|_| None).collect();
    send_dropped(producer.clone(), topic, RECORDS).await;
    send_awaited(producer.clone(), topic, RECORDS, &mut window).await;

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    send_dropped(producer.clone(), topic, RECORDS).await;
    let dropped = ALLOCATIONS.load(Ordering::Relaxed);
    send_awaited(producer.clone(), topic, RECORDS, &mut window).await;
    let awaited = ALLOCATIONS.load(Ordering::Relaxed);
    assert_eq!(cluster.script().counted, 4 * RECORDS as u64);
    producer.close(Duration::from_secs(20)).await;
    [dropped - before, awaited - dropped]
}

#[test]
fn none_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counts = runtime.block_on(async {
        COUNTS.set(true);
        let counts = one_task().await;
        COUNTS.set(false);
        counts
    });
    assert_eq!(counts, [0, 0], "allocations with dropped and with awaited handles");
}
