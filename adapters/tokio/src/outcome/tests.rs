use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(handle: &mut DeliveryHandle, count: &Arc<Count>) -> Poll<Result<Delivered, DeliveryError>> {
    let waker = Waker::from(count.clone());
    Pin::new(handle).poll(&mut Context::from_waker(&waker))
}

#[test]
fn every_waiter_is_woken_once_and_gets_the_outcome() {
    let mut pool = Pool::new(1);
    let state = pool.take(7);
    let counts = [Arc::<Count>::default(), Arc::default()];
    let mut handles = [DeliveryHandle::new(state.clone(), 0), DeliveryHandle::new(state.clone(), 1)];
    for _ in 0..3 {
        for (handle, count) in handles.iter_mut().zip(&counts) {
            assert!(poll(handle, count).is_pending());
        }
    }
    // A handle that moves to another task is woken there.
    assert!(poll(&mut handles[0], &counts[1]).is_pending());
    assert_eq!(state.lock().len(), 2);

    state.fail(DeliveryError::Dropped);
    let mut scratch = Vec::new();
    state.wake(&mut scratch);
    assert!(scratch.is_empty());
    assert_eq!(counts.each_ref().map(|count| count.0.load(Ordering::Relaxed)), [0, 2]);
    for (handle, count) in handles.iter_mut().zip(&counts) {
        assert_eq!(poll(handle, count), Poll::Ready(Err(DeliveryError::Dropped)));
        assert_eq!(handle.result(), Some(Err(DeliveryError::Dropped)));
    }
}

#[test]
fn a_state_is_reused_only_after_its_last_handle() {
    let mut pool = Pool::new(1);
    let first = pool.take(0);
    let held = DeliveryHandle::new(first.clone(), 0);
    first.fail(DeliveryError::Dropped);
    let address = Arc::as_ptr(&first);
    pool.put(first);

    let second = pool.take(1);
    assert_ne!(Arc::as_ptr(&second), address, "a state with a handle must not change");
    assert_eq!(held.result(), Some(Err(DeliveryError::Dropped)));
    drop(held);
    let third = pool.take(2);
    assert_eq!(Arc::as_ptr(&third), address);
    assert_eq!((third.sequence(), third.result_of(0)), (2, None));
}

#[test]
fn the_pool_does_not_grow_without_bound() {
    let mut pool = Pool::new(2);
    let mut handles = Vec::new();
    for sequence in 0..1_000 {
        let state = pool.take(sequence);
        handles.push(DeliveryHandle::new(state.clone(), 0));
        state.fail(DeliveryError::Dropped);
        pool.put(state);
    }
    assert!(pool.retired.len() <= 2 * 4 + 64);
    assert!(handles.iter().all(|handle| handle.result().is_some()));
}

#[test]
fn each_record_of_a_split_batch_gets_the_outcome_of_its_part() {
    let mut pool = Pool::new(1);
    let state = pool.take(1);
    let handles = [0, 1, 2].map(|index| DeliveryHandle::new(state.clone(), index));
    let part = |first, result, is_last| Outcome {
        records: (first, if is_last { u32::MAX } else { first + 1 }),
        partition: Some(3),
        result,
    };
    state.settle(part(0, Err(DeliveryError::Dropped), false));
    assert_eq!(handles.each_ref().map(|handle| handle.result().is_some()), [true, false, false]);
    state.settle(part(1, Err(DeliveryError::UnknownPartition), true));
    let results = handles.map(|handle| handle.result().unwrap().unwrap_err());
    assert_eq!(
        results,
        [DeliveryError::Dropped, DeliveryError::UnknownPartition, DeliveryError::UnknownPartition]
    );
}
