//! The producers that the faults are to meet, each in a thread of its own.

pub(super) mod board;
pub(super) mod hosted;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use nanokafka_cluster::ConsumedRecord;
use nanokafka_cluster::board::Id;
use nanokafka_cluster::verdict::{Consumed, Submitted};

use super::silence::Silences;

/// How long a client keeps trying: longer than any fault, so that what is given up has another cause.
pub(super) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(300);

/// How much longer a client may take until it is ended.
const GRACE: Duration = Duration::from_secs(30);

/// What a client and who waits for it tell each other while it runs.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Records acknowledged so far.
    pub(super) acked: AtomicU64,
    /// It is to end without delivering the rest.
    pub(super) stop: AtomicBool,
}

/// All that a client says in the end.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// In the order in which they were accepted.
    pub(super) submitted: Vec<Submitted<Id>>,
    pub(super) silences: Silences,
    /// What is wrong beside the records' outcomes.
    pub(super) troubles: Vec<String>,
}

/// A client that runs. Dropped, it ends.
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) topic: String,
    /// How many it is to send.
    pub(super) records: u32,
    /// Reads a record of its topic.
    pub(super) identify: fn(&ConsumedRecord) -> Consumed<Id>,
    pub(super) signals: Arc<Signals>,
    thread: Option<JoinHandle<Result<Account>>>,
}

impl Client {
    /// Starts `run` in a thread.
    fn start(
        name: &'static str,
        topic: &str,
        records: u32,
        identify: fn(&ConsumedRecord) -> Consumed<Id>,
        run: impl FnOnce(&Arc<Signals>) -> Result<Account> + Send + 'static,
    ) -> Self {
        let signals = Arc::new(Signals::default());
        let seen = signals.clone();
        let thread = Some(std::thread::spawn(move || run(&seen)));
        Self { name, topic: topic.to_owned(), records, identify, signals, thread }
    }

    /// Whether it has come to an end, good or bad.
    pub(super) fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// How many of its records are acknowledged.
    pub(super) fn acked(&self) -> u64 {
        self.signals.acked.load(Ordering::Relaxed)
    }

    /// Waits for its end.
    pub(super) fn account(&mut self) -> Result<Account> {
        let thread = self.thread.take().ok_or_else(|| anyhow!("{} was asked twice", self.name))?;
        thread.join().unwrap_or_else(|_| Err(anyhow!("{} panicked", self.name)))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.signals.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
