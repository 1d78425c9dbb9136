//! What the board sends to: a broker that takes every batch at once, and a sink of bytes. Both count what they got.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

const TOPIC: &str = "readings";
/// This machine as QEMU's guest sees it.
const HOST: &str = "10.0.2.2";

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const INIT_PRODUCER_ID: i16 = 22;

/// A listening server; its thread ends with this process.
pub(super) struct Server {
    pub(super) port: u16,
    /// Records, or bytes.
    got: Arc<AtomicU64>,
}

impl Server {
    /// A broker with one topic of one partition.
    pub(super) fn broker() -> Result<Self> {
        Self::start(serve)
    }

    /// Answers a closed connection with the number of its bytes.
    pub(super) fn sink() -> Result<Self> {
        Self::start(|mut stream, _, got| {
            let bytes = io::copy(&mut stream, &mut io::sink())?;
            got.fetch_add(bytes, Ordering::SeqCst);
            stream.write_all(&bytes.to_be_bytes())
        })
    }

    fn start(
        each: impl Fn(TcpStream, u16, &AtomicU64) -> io::Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for the board's peer")?;
        let port = listener.local_addr().context("no port for the board's peer")?.port();
        let got = Arc::new(AtomicU64::new(0));
        let (each, counter) = (Arc::new(each), Arc::clone(&got));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (each, counter) = (Arc::clone(&each), Arc::clone(&counter));
                // What fails is seen by the board, and by the count.
                std::thread::spawn(move || {
                    stream.set_nodelay(true).and_then(|()| each(stream, port, &counter))
                });
            }
        });
        Ok(Self { port, got })
    }

    /// How much it has got.
    pub(super) fn got(&self) -> u64 {
        self.got.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, port: u16, got: &AtomicU64) -> io::Result<()> {
    let mut offset = 0;
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return Ok(());
        }
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut request)?;
        let answer = answer(&request, port, &mut offset).ok_or(io::ErrorKind::InvalidData)?;
        got.store(offset, Ordering::SeqCst);
        let mut framed = Vec::from((answer.len() as u32).to_be_bytes());
        framed.extend(answer);
        stream.write_all(&framed)?;
    }
}

/// `None` where the request is not one of those that are known.
fn answer(request: &[u8], port: u16, offset: &mut u64) -> Option<Vec<u8>> {
    let api = i16::from_be_bytes(*request.first_chunk()?);
    let mut out = Vec::from(request.get(4..8)?);
    match api {
        API_VERSIONS => {
            out.extend([0, 0, 0, 0, 0, 3]);
            i16s(&mut out, &[PRODUCE, 3, 8, METADATA, 0, 4, INIT_PRODUCER_ID, 0, 0]);
        }
        METADATA => {
            // No throttling; one broker, which leads the one partition.
            i32s(&mut out, &[0, 1, 1]);
            string(&mut out, HOST);
            i32s(&mut out, &[i32::from(port)]);
            i16s(&mut out, &[-1, -1]);
            i32s(&mut out, &[1, 1]);
            i16s(&mut out, &[0]);
            string(&mut out, TOPIC);
            out.push(0);
            i32s(&mut out, &[1]);
            i16s(&mut out, &[0]);
            i32s(&mut out, &[0, 1, 1, 1, 1, 1]);
        }
        INIT_PRODUCER_ID => {
            out.extend([0; 6]);
            out.extend(7_i64.to_be_bytes());
            i16s(&mut out, &[0]);
        }
        PRODUCE => produced(request, &mut out, offset)?,
        _ => return None,
    }
    Some(out)
}

fn produced(request: &[u8], out: &mut Vec<u8>, offset: &mut u64) -> Option<()> {
    let field = |at: usize| request.get(at..at + 4)?.first_chunk().copied().map(i32::from_be_bytes);
    let client_id = i16::from_be_bytes(*request.get(8..10)?.first_chunk()?);
    // Client id, transactional id, acks, timeout, one topic with its name, one partition, its index and length.
    let batch = 10 + usize::try_from(client_id).ok()? + 2 + 2 + 4 + 4 + 2 + TOPIC.len() + 4 + 4 + 4;
    let len = usize::try_from(field(batch - 4)?).ok()?;
    let records = u64::try_from(field(batch + 57)?).ok()?;
    if request.len() != batch + len || records == 0 {
        return None;
    }
    i32s(out, &[1]);
    string(out, TOPIC);
    i32s(out, &[1, 0]);
    i16s(out, &[0]);
    out.extend(offset.to_be_bytes());
    // No time of the log's own; the log starts at 0; no record has an error, there is no message, and no throttling.
    out.extend([(-1_i64).to_be_bytes(), [0; 8]].concat());
    i32s(out, &[0]);
    i16s(out, &[-1]);
    i32s(out, &[0]);
    *offset += records;
    Some(())
}

fn i16s(out: &mut Vec<u8>, values: &[i16]) {
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

fn i32s(out: &mut Vec<u8>, values: &[i32]) {
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

fn string(out: &mut Vec<u8>, text: &str) {
    i16s(out, &[text.len() as i16]);
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_counted_and_what_is_no_request_is_not_answered() {
        let mut request = Vec::new();
        i16s(&mut request, &[PRODUCE, 8]);
        i32s(&mut request, &[9]);
        string(&mut request, "device-7");
        i16s(&mut request, &[-1, -1]);
        i32s(&mut request, &[30_000, 1]);
        string(&mut request, TOPIC);
        i32s(&mut request, &[1, 0, 61]);
        let batch = request.len();
        request.extend([0; 61]);
        request[batch + 60] = 3;
        let mut offset = 5;
        let out = answer(&request, 1, &mut offset).unwrap();
        assert_eq!((offset, &out[..4]), (8, &[0, 0, 0, 9][..]));
        assert!(answer(&request[..request.len() - 1], 1, &mut offset).is_none());
        assert!(answer(&[0, 99, 0, 0, 0, 0, 0, 1], 1, &mut offset).is_none());
    }

    #[test]
    fn the_sink_tells_how_much_it_got() {
        let sink = Server::sink().unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sink.port)).unwrap();
        stream.write_all(&[0; 1_000]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!((u64::from_be_bytes(answer), sink.got()), (1_000, 1_000));
    }
}
