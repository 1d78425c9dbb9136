//! The network's faults: a thread that disturbs one door of the proxy after the other.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use super::logbook::Logbook;
use super::plan::{self, Trouble};
use super::proxy::Proxy;
use super::silence::Window;

/// The network, and what is wrong with it at times. All is well again when this is dropped.
pub(super) struct Network {
    /// Dropped, it ends the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<Met>>,
}

/// What the network did.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    pub(super) faults: Vec<Window>,
    pub(super) resets: usize,
    pub(super) delays: usize,
    pub(super) stalls: usize,
}

impl Network {
    /// Begins with the first fault of this seed.
    pub(super) fn start(proxy: Arc<Proxy>, seed: u64, logbook: Arc<Logbook>) -> Self {
        let (end, ended) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut met = Met::default();
            let over = |wait| !matches!(ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
            for fault in plan::network_faults(seed) {
                if over(fault.wait) {
                    break;
                }
                let door = fault.door % proxy.door_count().max(1);
                logbook.line("network", &format!("door {door}: {:?} for {:?}", fault.trouble, fault.lasts));
                let from = Instant::now();
                proxy.disturb(door, fault.trouble);
                let over = over(fault.lasts);
                proxy.calm(door);
                logbook.line("network", &format!("door {door}: calm"));
                met.faults.push(Window { from, to: Instant::now() });
                match fault.trouble {
                    Trouble::Reset { .. } => met.resets += 1,
                    Trouble::Delay { .. } => met.delays += 1,
                    Trouble::Stall => met.stalls += 1,
                }
                if over {
                    break;
                }
            }
            met
        });
        Self { end: Some(end), thread: Some(thread) }
    }

    /// Ends the faults, and tells what they were.
    pub(super) fn calm(mut self) -> Met {
        self.end = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
