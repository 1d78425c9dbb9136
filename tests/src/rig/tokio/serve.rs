//! The brokers' side: accepts, and carries bytes between sockets and the scripted cluster.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::super::{Network, Pieces, SharedCluster};
use crate::broker::{ConnectionId, Ending};
use crate::random::Random;

/// Milliseconds since the rig was built.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}

/// What all connections share.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) cluster: SharedCluster,
    pub(super) network: Network,
    pub(super) clock: Clock,
    /// The scenario did something to the cluster.
    pub(super) changed: Arc<Notify>,
}

impl Host {
    pub(super) async fn accept(self, node: i32, listener: TcpListener) {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let host = self.clone();
                tokio::spawn(async move {
                    // The end of a connection, however it comes, is the client's to notice.
                    let _ = host.serve(node, stream).await;
                });
            }
        }
    }

    async fn serve(self, node: i32, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let Some(id) = self.cluster.lock().connect(node, self.clock.now()) else {
            return stream.set_zero_linger();
        };
        let result = self.exchange(id, &mut stream).await;
        self.cluster.lock().hang_up(id);
        result
    }

    async fn exchange(&self, id: ConnectionId, stream: &mut TcpStream) -> io::Result<()> {
        let mut random = Random::new(self.network.seed);
        let mut buffer = vec![0; 65_536];
        loop {
            let answer = self.cluster.lock().transmit(id, self.clock.now());
            if !answer.is_empty() {
                tokio::time::sleep(Duration::from_millis(self.network.latency_ms)).await;
                self.write(stream, &answer, &mut random).await?;
                continue;
            }
            match self.cluster.lock().ending(id) {
                None => {}
                Some(Ending::Closed) => return Ok(()),
                Some(Ending::Reset) => return stream.set_zero_linger(),
            }
            let later = self.cluster.lock().transmit_at(id).map(|at| at.saturating_sub(self.clock.now()));
            let rate = usize::try_from(self.network.bytes_per_ms).unwrap_or(0);
            let room = if rate > 0 { rate } else { buffer.len() };
            tokio::select! {
                read = stream.read(&mut buffer[..room]) => match read? {
                    0 => return Ok(()),
                    taken => {
                        self.cluster.lock().receive(id, self.clock.now(), &buffer[..taken]);
                        if rate > 0 {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                    }
                },
                () = tokio::time::sleep(Duration::from_millis(later.unwrap_or(0))), if later.is_some() => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// In pieces, each of which leaves as a segment of its own.
    async fn write(&self, stream: &mut TcpStream, mut bytes: &[u8], random: &mut Random) -> io::Result<()> {
        while !bytes.is_empty() {
            let fits = match self.network.bytes_per_ms {
                0 => bytes.len(),
                rate => bytes.len().min(rate as usize),
            };
            let piece = match self.network.pieces {
                Pieces::Whole => fits,
                Pieces::OneByte => 1,
                Pieces::Random => 1 + random.below(fits as u64) as usize,
            };
            stream.write_all(&bytes[..piece]).await?;
            bytes = &bytes[piece..];
            if self.network.bytes_per_ms > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}
