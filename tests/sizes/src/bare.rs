//! A producer whose connections are no more than registers, so that what is measured is core.

use core::task::{Context, Poll};

use nanokafka::{Endpoint, Slot, Transport};

use crate::producer::app;
use crate::registers::{input, output, read, write};

struct Registers;

pub fn run() -> ! {
    let app = app();
    loop {
        output(app.turn(&mut Registers).unwrap_or(0) as u32);
    }
}

fn poll<T>(value: T) -> Poll<Result<T, embedded_io::ErrorKind>> {
    match input() {
        0 => Poll::Pending,
        1 => Poll::Ready(Err(embedded_io::ErrorKind::Other)),
        _ => Poll::Ready(Ok(value)),
    }
}

impl Transport for Registers {
    type Error = embedded_io::ErrorKind;

    fn poll_connect(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        output(slot.index() as u32 + to.host.len() as u32 + u32::from(to.port));
        poll(())
    }

    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, Self::Error>> {
        output(slot.index() as u32);
        let sent = write(head);
        poll(if sent < head.len() { sent } else { sent + write(body) })
    }

    fn poll_recv(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, Self::Error>> {
        output(slot.index() as u32);
        poll(read(buf))
    }

    fn close(&mut self, slot: Slot) {
        output(slot.index() as u32);
    }
}
