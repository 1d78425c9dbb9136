//! A producer over a pair of streams, through nanokafka-embedded-io.

use core::task::{Context, Poll};

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use nanokafka::Endpoint;
use nanokafka_embedded_io::{Connector, StreamTransport};

use crate::producer::app;
use crate::registers::{input, output, read, write};

struct Port;

struct Modem {
    rx: Port,
    tx: Port,
}

pub fn run() -> ! {
    let app = app();
    let mut transport = StreamTransport::new(Modem { rx: Port, tx: Port });
    loop {
        output(app.turn(&mut transport).unwrap_or(0) as u32);
    }
}

fn outcome<T>(value: T) -> Result<T, ErrorKind> {
    if input() == 0 { Err(ErrorKind::Other) } else { Ok(value) }
}

impl Connector for Modem {
    type Reader = Port;
    type Writer = Port;
    type Error = ErrorKind;

    fn poll_connect(&mut self, _: &mut Context<'_>, to: Endpoint<'_>) -> Poll<Result<(), ErrorKind>> {
        output(to.host.len() as u32 + u32::from(to.port));
        if input() == 0 { Poll::Pending } else { Poll::Ready(outcome(())) }
    }

    fn reader(&mut self) -> &mut Port {
        &mut self.rx
    }

    fn writer(&mut self) -> &mut Port {
        &mut self.tx
    }

    fn close(&mut self) {
        output(0);
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl Read for Port {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        outcome(read(buf))
    }
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        outcome(input() == 0)
    }
}

impl Write for Port {
    fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        outcome(write(buf))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        outcome(())
    }
}

impl WriteReady for Port {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        outcome(input() == 0)
    }
}
