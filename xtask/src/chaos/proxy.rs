//! A proxy on loopback before each listener of each broker, which can reset, delay and stall what passes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use nanokafka_cluster::Door;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::plan::Trouble;

/// The most that is taken at a time.
const PIECE: usize = 16 * 1024;

/// A running proxy; its connections end when it is dropped.
pub(super) struct Proxy {
    doors: Vec<watch::Sender<Weather>>,
    /// Apart from the clients' own, so that none waits for another.
    _runtime: Runtime,
}

/// What a door does at present.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    stalled: bool,
    delay: Duration,
    /// How many times its connections were to be reset. One that sees the number change resets itself.
    resets: u64,
    /// After so many bytes more.
    after: usize,
}

impl Proxy {
    /// Opens these doors, and carries what comes to the brokers behind them.
    pub(super) fn start(doors: impl IntoIterator<Item = Door>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let open = |Door { advertised, broker }| {
            let listener = runtime
                .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, advertised)))
                .with_context(|| format!("the proxy cannot listen at port {advertised}"))?;
            let (weather, seen) = watch::channel(Weather::default());
            runtime.spawn(serve(listener, SocketAddr::from((Ipv4Addr::LOCALHOST, broker)), seen));
            Ok(weather)
        };
        let doors = doors.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        Ok(Self { doors, _runtime: runtime })
    }

    /// How many doors there are.
    pub(super) fn door_count(&self) -> usize {
        self.doors.len()
    }

    /// Lets a door do this from now on, until it is told otherwise. A reset happens once to each connection that is
    /// open now.
    pub(super) fn disturb(&self, door: usize, trouble: Trouble) {
        let change = |weather: &mut Weather| match trouble {
            Trouble::Reset { after } => (weather.resets, weather.after) = (weather.resets + 1, after),
            Trouble::Delay { by } => weather.delay = by,
            Trouble::Stall => weather.stalled = true,
        };
        if let Some(weather) = self.doors.get(door) {
            weather.send_modify(change);
        }
    }

    /// Lets everything pass that door again. What was held back passes now.
    pub(super) fn calm(&self, door: usize) {
        if let Some(weather) = self.doors.get(door) {
            weather.send_modify(|w| *w = Weather { resets: w.resets, after: w.after, ..Weather::default() });
        }
    }
}

async fn serve(listener: TcpListener, to: SocketAddr, weather: watch::Receiver<Weather>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(carry(client, to, weather.clone()))),
            // The machine is short of sockets: some will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Carries a connection's data both ways until either end closes it, or a reset is due.
async fn carry(mut client: TcpStream, to: SocketAddr, mut weather: watch::Receiver<Weather>) {
    let limit = Limit { seen: weather.borrow().resets, left: None };
    let connected = async {
        weather.wait_for(|w| !w.stalled).await.map_err(io::Error::other)?;
        TcpStream::connect(to).await
    };
    let Ok(mut server) = connected.await else {
        // Nobody listens there: a client would be refused.
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let ended = tokio::select! {
        ended = pump(from_client, to_server, weather.clone(), limit) => ended,
        ended = pump(from_server, to_client, weather, limit) => ended,
    };
    if ended.is_err() {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// What is left to pass before a reset, in one direction.
#[derive(Clone, Copy)]
struct Limit {
    seen: u64,
    left: Option<usize>,
}

impl Limit {
    /// How much of `count` may pass; an error when nothing may any more.
    fn allow(&mut self, weather: Weather, count: usize) -> io::Result<usize> {
        if weather.resets != self.seen {
            *self = Self { seen: weather.resets, left: Some(weather.after) };
        }
        match self.left {
            None => Ok(count),
            Some(0) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(left) => {
                let allowed = count.min(left);
                self.left = Some(left - allowed);
                Ok(allowed)
            }
        }
    }
}

/// `Ok`: the sender has closed. `Err`: the connection is to be reset.
async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut weather: watch::Receiver<Weather>,
    mut limit: Limit,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = tokio::select! {
            count = from.read(&mut piece) => count?,
            changed = weather.changed() => {
                changed.map_err(io::Error::other)?;
                let now = *weather.borrow();
                limit.allow(now, 0)?;
                continue;
            }
        };
        if count == 0 {
            return Ok(());
        }
        let delay = weather.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let now = *weather.wait_for(|w| !w.stalled).await.map_err(io::Error::other)?;
        let allowed = limit.allow(now, count)?;
        to.write_all(&piece[..allowed]).await?;
        if allowed < count {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net;
    use std::time::Instant;

    /// A server that sends everything back, and a proxy with one door to it.
    fn echo() -> (Proxy, u16) {
        let server = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in server.incoming().map_while(Result::ok) {
                std::thread::spawn(move || io::copy(&mut client.try_clone().unwrap(), &mut &client));
            }
        });
        let advertised = free_port();
        (Proxy::start([Door { advertised, broker: to }]).unwrap(), advertised)
    }

    fn free_port() -> u16 {
        net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    fn connect(door: u16) -> net::TcpStream {
        let client = net::TcpStream::connect(("127.0.0.1", door)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client
    }

    fn exchange(client: &mut net::TcpStream, data: &[u8]) -> io::Result<()> {
        client.write_all(data)?;
        let mut back = vec![0; data.len()];
        client.read_exact(&mut back)?;
        assert_eq!(back, data);
        Ok(())
    }

    #[test]
    fn what_comes_passes_unchanged_and_an_end_is_passed_on() {
        let (_proxy, door) = echo();
        let mut client = connect(door);
        let data: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        exchange(&mut client, &data[..1]).unwrap();
        exchange(&mut client, &data).unwrap();
        client.shutdown(net::Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_reset_meets_open_connections_and_no_later_one() {
        let (proxy, door) = echo();
        let mut client = connect(door);
        exchange(&mut client, b"before").unwrap();
        proxy.disturb(0, Trouble::Reset { after: 0 });
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        exchange(&mut connect(door), b"after").unwrap();
    }

    #[test]
    fn a_reset_can_come_in_the_middle() {
        let (proxy, door) = echo();
        let mut client = connect(door);
        exchange(&mut client, b"before").unwrap();
        proxy.disturb(0, Trouble::Reset { after: 10 });
        exchange(&mut client, b"0123456").unwrap();
        let _ = client.write_all(b"789cut");
        let mut back = Vec::new();
        // A reset takes what was not read yet, so how much of the rest comes is open.
        assert_eq!(client.read_to_end(&mut back).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert!(b"789".starts_with(&back), "{back:?}");
    }

    #[test]
    fn a_delay_holds_each_way_and_a_stall_everything_until_it_is_over() {
        let (proxy, door) = echo();
        let mut client = connect(door);
        let by = Duration::from_millis(60);
        proxy.disturb(0, Trouble::Delay { by });
        let begin = Instant::now();
        exchange(&mut client, b"slow").unwrap();
        assert!(begin.elapsed() >= 2 * by);
        proxy.calm(0);
        proxy.disturb(0, Trouble::Stall);
        client.write_all(b"late").unwrap();
        let mut second = connect(door);
        second.write_all(b"late").unwrap();
        for waiting in [&mut client, &mut second] {
            waiting.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            assert_eq!(waiting.read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
        proxy.calm(0);
        for waiting in [&mut client, &mut second] {
            waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut back = [0; 4];
            waiting.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"late");
        }
    }

    #[test]
    fn a_door_to_nobody_closes_what_comes() {
        let advertised = free_port();
        let _proxy = Proxy::start([Door { advertised, broker: free_port() }]).unwrap();
        assert!(!matches!(connect(advertised).read(&mut [0]), Ok(1..)));
    }
}
