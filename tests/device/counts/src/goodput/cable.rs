//! An Ethernet cable between the board and its peer, with a rate and a delay.

use core::cell::RefCell;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use super::time::Time;

const FRAME_MAX: usize = 1_514;
/// As many as are on their way at once, at most.
const FRAMES: usize = 3;
/// What Ethernet adds to a frame: preamble, check sequence and the gap behind.
const FRAME_MORE_BYTES: u32 = 8 + 4 + 12;

/// Frames that go one way.
pub(crate) struct Way {
    frames: [[u8; FRAME_MAX]; FRAMES],
    lens: [usize; FRAMES],
    /// When each has arrived.
    due_us: [u64; FRAMES],
    first: usize,
    count: usize,
    /// When the frame before has left.
    free_at_us: u64,
}

impl Way {
    pub(crate) const fn new() -> Self {
        let (frames, lens, due_us) = ([[0; FRAME_MAX]; FRAMES], [0; FRAMES], [0; FRAMES]);
        Self { frames, lens, due_us, first: 0, count: 0, free_at_us: 0 }
    }
}

/// What a cable is like.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    /// Kilobits a second; 0: no limit.
    pub(crate) kbit: u32,
    /// One way.
    pub(crate) delay_us: u64,
}

/// One end of it.
#[derive(Clone, Copy)]
pub(crate) struct Port<'c> {
    pub(crate) to: &'c RefCell<Way>,
    pub(crate) from: &'c RefCell<Way>,
    pub(crate) rate: Rate,
    pub(crate) time: &'c Time,
    /// Frames are received only while an answer could be sent at once. One end at least must receive always, or both
    /// could wait for each other.
    pub(crate) is_patient: bool,
}

pub(crate) struct Received<'c>(&'c RefCell<Way>);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        let mut way = self.0.borrow_mut();
        let at = way.first;
        let result = take(&way.frames[at][..way.lens[at]]);
        way.first = (at + 1) % FRAMES;
        way.count -= 1;
        result
    }
}

/// A frame for which there is no room.
#[inline(never)]
fn lose<R>(len: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
    fill(&mut [0; FRAME_MAX][..len])
}

impl TxToken for Port<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut way = self.to.borrow_mut();
        if way.count == FRAMES {
            return lose(len, fill);
        }
        let at = (way.first + way.count) % FRAMES;
        let result = fill(&mut way.frames[at][..len]);
        let bits = 8 * (len as u32 + FRAME_MORE_BYTES);
        let begin_us = self.time.now_us().max(way.free_at_us);
        way.free_at_us = begin_us + u64::from((1_000 * bits).checked_div(self.rate.kbit).unwrap_or(0));
        way.lens[at] = len;
        way.due_us[at] = way.free_at_us + self.rate.delay_us;
        way.count += 1;
        result
    }
}

impl<'c> Device for Port<'c> {
    type RxToken<'t>
        = Received<'c>
    where
        Self: 't;
    type TxToken<'t>
        = Port<'c>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Received<'c>, Port<'c>)> {
        let way = self.from.borrow();
        let arrived = way.count > 0 && way.due_us[way.first] <= self.time.now_us();
        let room = !self.is_patient || self.to.borrow().count < FRAMES;
        (arrived && room).then_some((Received(self.from), *self))
    }

    fn transmit(&mut self, _: Instant) -> Option<Port<'c>> {
        let way = self.to.borrow();
        (way.count < FRAMES && way.free_at_us <= self.time.now_us()).then_some(*self)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities
    }
}
