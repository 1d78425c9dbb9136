#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
//! [nanokafka] over one connection that somebody else makes: a modem with its own TCP, a serial link to
//! a gateway, another TCP stack. All it takes is a pair of [embedded-io](embedded_io) streams that say whether
//! they are ready, and a [`Connector`] that opens and closes what they carry.
//!
//! There is one connection, slot 0. Give the producer one as well, or its attempts to open a second fail with
//! `OutOfMemory`: the last number of [`Resources`](nanokafka::Resources) is `CONNECTIONS`. A cluster whose
//! partitions have several leaders is then served by turns, one connection after the other.
//!
//! Nothing here blocks: a stream is read or written only after `read_ready` or `write_ready` said yes, and once
//! for each yes. A writer is never flushed, since `flush` waits: it has to send what it was given by itself.
//!
//! # A modem
//! ```
//! use core::task::{Context, Poll};
//! use embedded_io::{ErrorKind, Read, ReadReady, Write, WriteReady};
//! use nanokafka::{Config, Endpoint, Instant, Producer, Record, Resources};
//! use nanokafka_embedded_io::{Connector, StreamTransport};
//!
//! /// A modem whose transparent mode makes its serial port the connection. `Rx` and `Tx` are the halves of an
//! /// interrupt-driven serial port.
//! struct Modem<Rx, Tx> {
//!     rx: Rx,
//!     tx: Tx,
//!     dialling: bool,
//!     /// The line that the modem is answering with, as far as it came.
//!     line: [u8; 16],
//!     len: usize,
//! }
//!
//! impl<Rx: Read + ReadReady, Tx: Write + WriteReady> Modem<Rx, Tx> {
//!     fn new(rx: Rx, tx: Tx) -> Self {
//!         Self { rx, tx, dialling: false, line: [0; 16], len: 0 }
//!     }
//! }
//!
//! impl<Rx: Read + ReadReady, Tx: Write + WriteReady> Connector for Modem<Rx, Tx> {
//!     type Reader = Rx;
//!     type Writer = Tx;
//!     type Error = ErrorKind;
//!
//!     fn poll_connect(&mut self, _cx: &mut Context<'_>, to: Endpoint<'_>) -> Poll<Result<(), ErrorKind>> {
//!         if !self.dialling {
//!             // The modem resolves the name. So short a command fits the port's buffer and does not wait.
//!             write!(self.tx, "AT+TCPCONNECT=\"{}\",{}\r", to.host, to.port).map_err(|_| ErrorKind::Other)?;
//!             (self.dialling, self.len) = (true, 0);
//!         }
//!         let mut byte = [0];
//!         while self.rx.read_ready().map_err(|_| ErrorKind::Other)? {
//!             self.rx.read(&mut byte).map_err(|_| ErrorKind::Other)?;
//!             if byte != *b"\n" {
//!                 if let Some(place) = self.line.get_mut(self.len) {
//!                     (*place, self.len) = (byte[0], self.len + 1);
//!                 }
//!                 continue;
//!             }
//!             let len = core::mem::take(&mut self.len);
//!             match &self.line[..len] {
//!                 b"CONNECT\r" => return Poll::Ready(Ok(())), // what follows comes from the broker
//!                 b"NO CARRIER\r" => {
//!                     self.dialling = false;
//!                     return Poll::Ready(Err(ErrorKind::ConnectionRefused));
//!                 }
//!                 _ => {} // the echo of the command, or an empty line
//!             }
//!         }
//!         Poll::Pending
//!     }
//!
//!     fn reader(&mut self) -> &mut Rx {
//!         &mut self.rx
//!     }
//!
//!     fn writer(&mut self) -> &mut Tx {
//!         &mut self.tx
//!     }
//!
//!     fn close(&mut self) {
//!         self.dialling = false; // and pull the line that makes the modem hang up
//!     }
//! }
//!
//! fn run(rx: impl Read + ReadReady, tx: impl Write + WriteReady, millis: fn() -> u64) -> ! {
//!     let mut memory = Resources::<4, 1024, 1, 6, 3, 1>::new(); // CONNECTIONS is 1
//!     let config = Config::new(&["kafka.example.com:9092"]);
//!     let mut producer = Producer::new(config, memory.lend(), Instant::from_millis(millis())).unwrap();
//!     let topic = producer.register_topic("readings").unwrap();
//!     let mut transport = StreamTransport::new(Modem::new(rx, tx));
//!     loop {
//!         let now = Instant::from_millis(millis());
//!         let _ = producer.send(now, &Record::new(topic, b"21.5"));
//!         let polled = producer.poll(now, &mut transport);
//!         while let Some(delivery) = producer.next_delivery() {
//!             if delivery.result.is_err() { /* count it, or send it again */ }
//!         }
//!         // Sleep until `polled.wake`, or until an interrupt of the serial port. Without such an interrupt,
//!         // sleep no longer than the port's buffer takes to fill.
//!     }
//! }
//! ```

mod connector;
mod transport;

pub use connector::Connector;
pub use transport::StreamTransport;
