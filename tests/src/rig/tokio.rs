//! The scripted cluster behind real listeners of loopback, and `nanokafka-tokio`'s transport. Real time.

mod serve;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use nanokafka::{Instant, Polled, Producer};
use nanokafka_tokio::TokioTransport;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Destination, Network, Pace, Rig, SharedCluster, Woken};
use serve::{Clock, Host};

/// Slots of the transport; no scenario lends more connections.
const SLOTS: usize = 8;

/// Scenarios over TCP of the operating system.
pub struct TokioRig {
    runtime: Runtime,
    transport: TokioTransport,
    cluster: SharedCluster,
    clock: Clock,
    host: Host,
    listening: BTreeMap<i32, JoinHandle<()>>,
    refused: u16,
    black_hole: u16,
    /// What keeps the black hole's queue full.
    _holds: (std::net::TcpListener, Vec<std::net::TcpStream>),
}

impl Rig for TokioRig {
    const PACE: Pace = Pace {
        request_timeout_ms: 1_500,
        delivery_timeout_ms: 5_000,
        setup_timeout_ms: 1_000,
        patience_ms: 30_000,
        slack_ms: 500,
    };

    fn build(cluster: SharedCluster, network: Network) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let nodes = cluster.lock().nodes();
        for node in nodes {
            cluster.lock().set_address(node, "127.0.0.1", free_port());
        }
        // An answer that the kernel has taken may still be lost with the connection.
        cluster.lock().answers_arrive_within_ms = 1_000;
        let clock = Clock::start();
        let changed = Arc::new(Notify::new());
        let host = Host { cluster: cluster.clone(), network, clock, changed };
        let (black_hole, holds) = runtime.block_on(black_hole());
        let mut rig = Self {
            runtime,
            transport: TokioTransport::new(SLOTS),
            cluster,
            clock,
            host,
            listening: BTreeMap::new(),
            refused: free_port(),
            black_hole,
            _holds: holds,
        };
        rig.sync();
        rig
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.clock.now())
    }

    fn address(&self, of: Destination) -> String {
        match of {
            Destination::Node(node) => format!("127.0.0.1:{}", self.cluster.lock().address(node).1),
            Destination::Refused => format!("127.0.0.1:{}", self.refused),
            Destination::Unresolvable => "unresolvable.invalid:9092".to_owned(),
            Destination::BlackHole => format!("127.0.0.1:{}", self.black_hole),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, producer: &mut Producer<'_>) -> Polled {
        let _inside = self.runtime.enter();
        producer.poll_with(cx, Instant::from_millis(self.clock.now()), &mut self.transport)
    }

    fn advance(&mut self, until: Instant, woken: &Woken) {
        let wait = until.as_millis().saturating_sub(self.clock.now());
        let woken = poll_fn(|cx| {
            woken.forward_to(cx.waker());
            if woken.is_set() { Poll::Ready(()) } else { Poll::Pending }
        });
        self.runtime.block_on(async {
            // One turn for the brokers even when there is no time to wait.
            tokio::task::yield_now().await;
            let _ = tokio::time::timeout(Duration::from_millis(wait), woken).await;
        });
    }

    fn sync(&mut self) {
        let brokers: Vec<(i32, u16, bool)> = {
            let cluster = self.cluster.lock();
            cluster
                .nodes()
                .into_iter()
                .map(|node| (node, cluster.address(node).1, cluster.is_up(node)))
                .collect()
        };
        for (node, port, up) in brokers {
            match (up, self.listening.remove(&node)) {
                (true, Some(task)) => {
                    self.listening.insert(node, task);
                }
                (true, None) => {
                    let _inside = self.runtime.enter();
                    let listener = listen(port);
                    let task = self.runtime.spawn(self.host.clone().accept(node, listener));
                    self.listening.insert(node, task);
                }
                (false, Some(task)) => {
                    task.abort();
                    // The port is free once the task is gone.
                    let _ = self.runtime.block_on(task);
                }
                (false, None) => {}
            }
        }
        self.host.changed.notify_waiters();
    }
}

fn listen(port: u16) -> TcpListener {
    let listener =
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the broker's port is free");
    listener.set_nonblocking(true).expect("a socket that does not block");
    TcpListener::from_std(listener).expect("a runtime")
}

/// A port on which nobody listens. Below those that Linux gives to connections (32768 and up): another test's connection
/// would take it while its broker is down.
fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const PORTS: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS {
        // Runs at the same time begin at different places.
        let place = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = (FIRST + place % PORTS) as u16;
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}

/// A port that never answers: a listener whose queue is full and that nobody accepts from. Linux then lets the
/// next SYN go by.
async fn black_hole() -> (u16, (std::net::TcpListener, Vec<std::net::TcpStream>)) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("its address");
    let mut held = Vec::new();
    for _ in 0..8 {
        let connect = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(50), connect).await {
            Ok(Ok(stream)) => held.push(stream.into_std().expect("a stream")),
            _ => break,
        }
    }
    (address.port(), (listener.into_std().expect("a listener"), held))
}
