//! No allocation per record, batch or request in steady state: counted, not believed.

mod broker;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::Cluster;
use nanokafka_tokio::{DeliveryHandle, Options, Producer, Record, Topic};
use tokio::runtime::Builder;
use tokio::sync::Barrier;

thread_local! {
    /// Only threads of the producer count: the broker is in this process too.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// The count is one for the process: one test at a time.
static ONE: Mutex<()> = Mutex::new(());

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

async fn send_dropped(producer: &Producer, topic: Topic, records: usize) {
    for _ in 0..records {
        drop(producer.send(Record::new(topic, &[7; 100])).await.unwrap());
    }
    producer.flush().await;
}

/// Awaits each handle 500 records after it was sent.
async fn send_awaited(
    producer: &Producer,
    topic: Topic,
    records: usize,
    window: &mut [Option<DeliveryHandle>],
) {
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

async fn measure(tasks: usize) -> [u64; 2] {
    let cluster = Cluster::start(1, 3);
    cluster.script().counts_only = true;
    let producer = Producer::new(Options::new(cluster.bootstrap())).unwrap();
    let topic = producer.topic("t").unwrap();
    let warm = Arc::new(Barrier::new(tasks + 1));
    let measured = Arc::new(Barrier::new(tasks + 1));
    let records = RECORDS / tasks;
    let senders: Vec<_> = (0..tasks)
        .map(|_| {
            let (producer, warm, measured) = (producer.clone(), warm.clone(), measured.clone());
            tokio::spawn(async move {
                let mut window: Vec<_> = (0..500).map(|_| None).collect();
                // Often, so that every list has met the most that it will ever hold.
                for _ in 0..3 {
                    send_dropped(&producer, topic, records).await;
                    send_awaited(&producer, topic, records, &mut window).await;
                }
                warm.wait().await;
                warm.wait().await;
                send_dropped(&producer, topic, records).await;
                measured.wait().await;
                measured.wait().await;
                send_awaited(&producer, topic, records, &mut window).await;
                measured.wait().await;
            })
        })
        .collect();
    warm.wait().await;
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    warm.wait().await;
    measured.wait().await;
    let dropped = ALLOCATIONS.load(Ordering::Relaxed);
    measured.wait().await;
    measured.wait().await;
    let awaited = ALLOCATIONS.load(Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(cluster.script().counted, 8 * (records * tasks) as u64);
    producer.close(Duration::from_secs(20)).await;
    [dropped - before, awaited - dropped]
}

#[test]
fn none_on_one_thread() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    COUNTS.set(true);
    let counts = runtime.block_on(measure(1));
    COUNTS.set(false);
    assert_eq!(counts, [0, 0], "allocations with dropped and with awaited handles");
}

#[test]
fn none_from_eight_tasks_on_two_threads() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(|| COUNTS.set(true))
        .enable_all()
        .build()
        .unwrap();
    let counts = runtime.block_on(measure(8));
    // How many handles wait in one batch, or senders in line, at most is up to the scheduler: now and then a list
    // still grows. Per record it is nothing.
    assert!(counts.iter().all(|count| *count < 20), "{counts:?} allocations for {RECORDS} records each");
}
