//! What the driver and all callers share, behind one lock that is never held across a system call for bytes.

mod accept;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use nanokafka::{
    BatchId, Counters, Delivery, DeliveryError, Instant, Polled, RegisterError, Status, Transport, Wake,
};

use crate::clock::Clock;
use crate::freed::Freed;
use crate::listeners::{Listeners, Target};
use crate::memory::OwnedCore;
use crate::names;
use crate::options::{BuildError, Options};
use crate::outcome::{BatchState, Pool};
use crate::record::Topic;
use crate::waiters::{LINE, Place, Waiters};

pub(crate) struct Shared {
    /// Tells topics of one producer from those of another.
    id: u64,
    clock: Clock,
    delivery_timeout_ms: u32,
    state: Mutex<State>,
}

type OpenBatch = (BatchId, Arc<BatchState>);

struct State {
    core: OwnedCore,
    /// The batches without an outcome, by the core's slot.
    open: Box<[Option<OpenBatch>]>,
    pool: Pool,
    next_sequence: u64,
    room: Waiters,
    freed: Freed,
    listeners: Listeners,
    /// The driver's waker while it sleeps.
    driver: Option<Waker>,
    status: Status,
    topics: usize,
    topics_max: usize,
    close_by: Option<Instant>,
    /// The driver was woken because there is no room, and there was none since.
    is_full_told: bool,
    ended: bool,
}

/// Lists that the driver fills under the lock and works off after it; kept, so that they allocate once.
pub(crate) struct Finished {
    states: Vec<Arc<BatchState>>,
    wakers: Vec<Waker>,
    scratch: Vec<Waker>,
}

impl Finished {
    /// Lists for the deliveries of `batches`.
    pub(crate) fn new(batches: usize) -> Self {
        Self { states: Vec::with_capacity(batches), wakers: Vec::with_capacity(LINE), scratch: Vec::new() }
    }

    pub(crate) fn fire(&mut self) {
        for state in self.states.drain(..) {
            state.wake(&mut self.scratch);
        }
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

/// What the driver does next.
pub(crate) struct Turn {
    pub(crate) wake: Wake,
    /// Core is closed; only bytes that linger in buffers are left, until this instant.
    pub(crate) closed_by: Option<Instant>,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Result<Self, BuildError> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        options.check_capacities()?;
        let clock = Clock::new();
        let (slots, topics_max) = (options.batches, options.topics);
        let delivery_timeout_ms = options.delivery_timeout_ms;
        let state = State {
            core: OwnedCore::start(options, clock.now())?,
            open: std::iter::repeat_with(|| None).take(slots).collect(),
            pool: Pool::new(slots),
            next_sequence: 0,
            room: Waiters::default(),
            freed: Freed::new(slots),
            listeners: Listeners::default(),
            driver: None,
            status: Status::Connecting,
            topics: 0,
            topics_max,
            close_by: None,
            is_full_told: false,
            ended: false,
        };
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, clock, delivery_timeout_ms, state: Mutex::new(state) })
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn topic(&self, name: &str) -> Result<Topic, RegisterError> {
        if !names::is_topic_name(name) {
            return Err(RegisterError::InvalidName);
        }
        let mut state = self.lock();
        let known = state.core.with(|core| core.topic(name).and_then(|id| Some((id, core.topic_name(id)?))));
        if let Some((id, name)) = known {
            return Ok(Topic { id, producer: self.id, name });
        }
        if state.topics >= state.topics_max {
            return Err(RegisterError::TableFull);
        }
        let name = names::intern(name);
        let id = state.core.with(|core| core.register_topic(name))?;
        state.topics = state.topics.saturating_add(1);
        let driver = state.driver.take();
        drop(state);
        // Metadata is on its way before the first record.
        driver.into_iter().for_each(Waker::wake);
        Ok(Topic { id, producer: self.id, name })
    }

    pub(crate) fn topic_name(&self, id: nanokafka::TopicId) -> Option<&'static str> {
        self.lock().core.with(|core| core.topic_name(id))
    }

    pub(crate) fn partitions(&self, topic: Topic) -> Option<u32> {
        if topic.producer != self.id {
            return None;
        }
        self.lock().core.with(|core| core.partitions(topic.id))
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().core.with(|core| *core.counters())
    }

    pub(crate) fn status(&self) -> Status {
        let state = self.lock();
        if state.ended { Status::Closed } else { state.status }
    }

    /// Gives up a place in line.
    pub(crate) fn leave(&self, place: Place) {
        let next = self.lock().room.pass_on(place);
        next.into_iter().for_each(Waker::wake);
    }

    /// Makes all that was accepted so far due; what to wait for until it has its outcome.
    pub(crate) fn flush(&self) -> Target {
        let mut state = self.lock();
        state.core.with(|core| core.flush());
        let target = Target::Before(state.next_sequence);
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        target
    }

    /// No more records; what is not delivered after `within_ms` fails. An earlier deadline replaces a later one.
    pub(crate) fn close(&self, within_ms: u64) {
        let deadline = self.clock.now().saturating_add_ms(within_ms);
        let mut wakers = Vec::new();
        let mut state = self.lock();
        if state.close_by.is_none_or(|earlier| deadline < earlier) {
            state.close_by = Some(deadline);
            state.core.with(|core| core.close(deadline));
        }
        // Who waits for room is told that there will be none.
        state.room.wake(usize::MAX, |waker| wakers.push(waker));
        wakers.extend(state.driver.take());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Closes in the name of a user who is gone.
    pub(crate) fn abandon(&self) {
        self.close(u64::from(self.delivery_timeout_ms));
    }

    /// Whether `target` is reached; if not, `waker` is woken when it is. `key` names the caller from then on.
    pub(crate) fn poll_target(&self, target: Target, key: &mut Option<u64>, waker: &Waker) -> Poll<()> {
        let mut state = self.lock();
        if target.is_reached(state.oldest_open(), state.ended) {
            return Poll::Ready(());
        }
        *key = Some(state.listeners.wait(*key, target, waker));
        Poll::Pending
    }

    pub(crate) fn forget(&self, key: u64) {
        self.lock().listeners.forget(key);
    }

    /// One call of core's `poll` and what follows from it. Leaves `waker` to be woken for new work.
    pub(crate) fn turn<T: Transport>(
        &self,
        cx: &mut std::task::Context<'_>,
        transport: &mut T,
        finished: &mut Finished,
    ) -> Turn {
        let now = self.clock.now();
        let mut state = self.lock();
        let (polled, news) = state.core.with(|core| {
            let before = core.counters().bytes_received.wrapping_add(core.counters().disconnects);
            let polled = core.poll_with(cx, now, transport);
            (polled, before != core.counters().bytes_received.wrapping_add(core.counters().disconnects))
        });
        let Polled { wake, status, .. } = polled;
        state.status = status;
        state.take_deliveries(now, finished);
        if news {
            // A batch that failed on its way gives its place back only with an answer or a disconnect, long after
            // its delivery was taken.
            state.freed.add_unknown(now);
        }
        let State { freed, room, .. } = &mut *state;
        let wake = freed.wake(now, room, wake, |waker| finished.wakers.push(waker));
        match &mut state.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        let closed = state.core.with(|core| core.is_closed());
        Turn { wake, closed_by: if closed { state.close_by.or(Some(now)) } else { None } }
    }

    /// The driver has ended, or was ended with its runtime: nobody must wait any more.
    pub(crate) fn end(&self, finished: &mut Finished) {
        let mut state = self.lock();
        let State { open, pool, room, listeners, ended, .. } = &mut *state;
        *ended = true;
        for (_, batch) in open.iter_mut().filter_map(Option::take) {
            batch.fail(DeliveryError::Closed { maybe_written: true });
            pool.put(batch.clone());
            finished.states.push(batch);
        }
        room.wake(usize::MAX, |waker| finished.wakers.push(waker));
        listeners.fire(u64::MAX, true, |waker| finished.wakers.push(waker));
        drop(state);
        finished.fire();
    }
}

impl State {
    /// Sets the outcome of a batch; its state, whose waiters are to be woken without the lock.
    fn settle(&mut self, delivery: &Delivery) -> Option<Arc<BatchState>> {
        let entry = self.open.get_mut(delivery.batch.slot())?;
        if !delivery.is_last {
            // The rest of a batch that was split goes out at the next poll.
            let (_, state) = entry.as_ref().filter(|(id, _)| *id == delivery.batch)?;
            state.complete(delivery);
            return Some(state.clone());
        }
        let (_, state) = entry.take_if(|(id, _)| *id == delivery.batch)?;
        state.complete(delivery);
        self.pool.put(state.clone());
        Some(state)
    }

    fn take_deliveries(&mut self, now: Instant, finished: &mut Finished) {
        let mut freed = 0usize;
        while let Some(delivery) = self.core.with(|core| core.next_delivery()) {
            freed = freed.saturating_add(1);
            finished.states.extend(self.settle(&delivery));
        }
        if freed > 0 {
            self.freed.add(freed, now);
            if !self.listeners.is_empty() {
                let oldest = self.oldest_open();
                self.listeners.fire(oldest, self.ended, |waker| finished.wakers.push(waker));
            }
        }
    }

    fn oldest_open(&self) -> u64 {
        self.open.iter().flatten().map(|(_, state)| state.sequence()).min().unwrap_or(u64::MAX)
    }
}
