//! An Ethernet link between two smoltcp hosts that loses, delays, reorders, doubles and corrupts frames, from a seed.
//!
//! Nothing here waits: a frame has the time at which it arrives, and a host that asks earlier gets nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::random::Random;

/// Ethernet's payload and header.
const FRAME_BYTES_MAX: usize = 1514;

/// RFC 894: destination, source and EtherType.
const ETHERNET_HEADER_BYTES: usize = 14;
/// RFC 894.
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];

/// What the link does to frames. All zero: they arrive at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFaults {
    /// How many of 1000 frames never arrive.
    pub lost_permille: u64,
    /// How many of 1000 frames arrive twice.
    pub doubled_permille: u64,
    /// How many of 1000 IPv4 packets arrive with one bit changed that Ethernet's own check has missed.
    pub corrupted_permille: u64,
    /// The least time that a frame takes, in milliseconds.
    pub delay_ms: u64,
    /// Each frame takes up to this much longer, by chance: frames overtake each other.
    pub jitter_ms: u64,
    /// The link's rate in each direction, in bytes per millisecond; 0: without a limit.
    pub bytes_per_ms: u64,
}

impl LinkFaults {
    /// A bad radio link: 2 % lost, 1 % doubled, 5 to 25 ms and out of order.
    #[must_use]
    pub const fn bad_radio() -> Self {
        Self {
            lost_permille: 20,
            doubled_permille: 10,
            corrupted_permille: 0,
            delay_ms: 5,
            jitter_ms: 20,
            bytes_per_ms: 0,
        }
    }
}

/// What became of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Frames that a host gave to the link.
    pub sent: u64,
    /// Of these, lost.
    pub lost: u64,
    /// Of these, doubled.
    pub doubled: u64,
    /// Of these, corrupted.
    pub corrupted: u64,
    /// Frames that arrived before one that was sent earlier in the same direction.
    pub reordered: u64,
}

/// Frames on their way in one direction, by arrival and then by the order in which they were sent.
type InFlight = BTreeMap<(u64, u64), Vec<u8>>;

#[derive(Debug)]
struct Wire {
    faults: LinkFaults,
    random: Random,
    counts: LinkCounts,
    sent: u64,
    /// When each direction has room for the next frame, in thousandths of a millisecond.
    busy_until_us: [u64; 2],
    in_flight: [InFlight; 2],
}

impl Wire {
    fn put(&mut self, direction: usize, now: u64, frame: Vec<u8>) {
        self.counts.sent += 1;
        let mut leaves_us = now * 1000;
        if let Some(transfer_us) = (frame.len() as u64 * 1000).checked_div(self.faults.bytes_per_ms) {
            leaves_us = leaves_us.max(self.busy_until_us[direction]) + transfer_us;
            self.busy_until_us[direction] = leaves_us;
        }
        if self.random.chance(self.faults.lost_permille) {
            self.counts.lost += 1;
            return;
        }
        let doubled = self.random.chance(self.faults.doubled_permille);
        self.counts.doubled += u64::from(doubled);
        for _ in 0..=u64::from(doubled) {
            let delay = self.faults.delay_ms + self.random.below(self.faults.jitter_ms + 1);
            let arrives = leaves_us.div_ceil(1000) + delay;
            self.sent += 1;
            let later = self.in_flight[direction].last_key_value().is_some_and(|(&(at, _), _)| at > arrives);
            self.counts.reordered += u64::from(later);
            let mut arriving = frame.clone();
            // ARP has no checksum of its own to find it out by.
            if frame.get(12..14) == Some(&ETHERTYPE_IPV4)
                && self.random.chance(self.faults.corrupted_permille)
            {
                let bit = self.random.below((frame.len() - ETHERNET_HEADER_BYTES) as u64 * 8) as usize;
                arriving[ETHERNET_HEADER_BYTES + bit / 8] ^= 1 << (bit % 8);
                self.counts.corrupted += 1;
            }
            self.in_flight[direction].insert((arrives, self.sent), arriving);
        }
    }

    fn take(&mut self, direction: usize, now: u64) -> Option<Vec<u8>> {
        let first = self.in_flight[direction].first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }
}

/// A handle on the link between its two ends.
#[derive(Clone, Debug)]
pub struct Link(Rc<RefCell<Wire>>);

impl Link {
    /// A link with these faults, and its two ends.
    #[must_use]
    pub fn new(seed: u64, faults: LinkFaults) -> (Self, LinkEnd, LinkEnd) {
        let wire = Rc::new(RefCell::new(Wire {
            faults,
            random: Random::new(seed),
            counts: LinkCounts::default(),
            sent: 0,
            busy_until_us: [0; 2],
            in_flight: [InFlight::new(), InFlight::new()],
        }));
        let end = |sends: usize| LinkEnd { wire: Rc::clone(&wire), sends };
        (Self(Rc::clone(&wire)), end(0), end(1))
    }

    /// When the next frame arrives at either end, in milliseconds.
    #[must_use]
    pub fn next_arrival(&self) -> Option<u64> {
        let wire = self.0.borrow();
        wire.in_flight.iter().filter_map(|frames| Some(frames.first_key_value()?.0.0)).min()
    }

    /// Changes what the link does from now on.
    pub fn set_faults(&self, faults: LinkFaults) {
        self.0.borrow_mut().faults = faults;
    }

    /// What became of the frames so far.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        self.0.borrow().counts
    }
}

/// One end of the link: a network device.
#[derive(Debug)]
pub struct LinkEnd {
    wire: Rc<RefCell<Wire>>,
    /// The direction in which this end sends; it receives from the other one.
    sends: usize,
}

impl Device for LinkEnd {
    type RxToken<'a> = ArrivedFrame;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, timestamp: Instant) -> Option<(ArrivedFrame, Sender<'_>)> {
        let now = millis(timestamp);
        let frame = self.wire.borrow_mut().take(1 - self.sends, now)?;
        Some((ArrivedFrame(frame), Sender { end: self, now }))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Sender<'_>> {
        Some(Sender { end: self, now: millis(timestamp) })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

/// A frame that has arrived.
#[derive(Debug)]
pub struct ArrivedFrame(Vec<u8>);

impl RxToken for ArrivedFrame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// The right to send one frame.
#[derive(Debug)]
pub struct Sender<'a> {
    end: &'a LinkEnd,
    now: u64,
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.end.wire.borrow_mut().put(self.end.sends, self.now, frame);
        result
    }
}

fn millis(timestamp: Instant) -> u64 {
    u64::try_from(timestamp.total_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(end: &mut LinkEnd, now: i64, frame: &[u8]) {
        let token = end.transmit(Instant::from_millis(now)).unwrap();
        token.consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
    }

    fn take(end: &mut LinkEnd, now: i64) -> Option<Vec<u8>> {
        let (frame, _) = end.receive(Instant::from_millis(now))?;
        Some(frame.consume(<[u8]>::to_vec))
    }

    /// The same 1000 frames, and what arrives of them in which order.
    fn a_thousand_frames(seed: u64, faults: LinkFaults) -> (LinkCounts, Vec<u16>) {
        let (link, mut a, mut b) = Link::new(seed, faults);
        let mut arrived = Vec::new();
        for n in 0..1000_u16 {
            put(&mut a, i64::from(n), &n.to_be_bytes());
        }
        while let Some(at) = link.next_arrival() {
            let frame = take(&mut b, at as i64).expect("a frame at the time that the link names");
            arrived.push(u16::from_be_bytes([frame[0], frame[1]]));
        }
        (link.counts(), arrived)
    }

    #[test]
    fn without_faults_each_frame_arrives_once_in_order_and_at_the_other_end_only() {
        let (_, mut a, mut b) = Link::new(1, LinkFaults::default());
        put(&mut a, 5, b"one");
        put(&mut a, 5, b"two");
        assert_eq!(take(&mut a, 5), None);
        assert_eq!(take(&mut b, 5).as_deref(), Some(&b"one"[..]));
        assert_eq!(take(&mut b, 5).as_deref(), Some(&b"two"[..]));
        assert_eq!(take(&mut b, 5), None);
    }

    #[test]
    fn a_delayed_frame_is_not_there_before_its_time() {
        let (link, mut a, mut b) = Link::new(1, LinkFaults { delay_ms: 10, ..LinkFaults::default() });
        put(&mut a, 5, b"x");
        assert_eq!(link.next_arrival(), Some(15));
        assert_eq!(take(&mut b, 14), None);
        assert!(take(&mut b, 15).is_some());
    }

    #[test]
    fn a_slow_link_takes_its_time_per_byte_and_one_frame_after_the_other() {
        let (link, mut a, mut b) = Link::new(1, LinkFaults { bytes_per_ms: 100, ..LinkFaults::default() });
        put(&mut a, 0, &[0; 500]);
        put(&mut a, 0, &[1; 500]);
        assert_eq!(link.next_arrival(), Some(5));
        assert!(take(&mut b, 5).is_some());
        assert_eq!(link.next_arrival(), Some(10));
    }

    #[test]
    fn a_corrupted_packet_has_one_other_bit_behind_the_header_of_ethernet() {
        let faults = LinkFaults { corrupted_permille: 1000, ..LinkFaults::default() };
        let (link, mut a, mut b) = Link::new(1, faults);
        let mut packet = [0; 60];
        packet[12..14].copy_from_slice(&ETHERTYPE_IPV4);
        put(&mut a, 0, &packet);
        put(&mut a, 0, &[0; 60]);
        let arrived = take(&mut b, 0).unwrap();
        assert_eq!(arrived[..14], packet[..14]);
        let changed: u32 = arrived.iter().zip(&packet).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!((changed, link.counts().corrupted), (1, 1));
        assert_eq!(take(&mut b, 0).as_deref(), Some(&[0; 60][..]), "ARP is left alone");
    }

    #[test]
    fn a_bad_radio_loses_doubles_and_reorders_and_the_same_seed_does_it_again() {
        let (counts, arrived) = a_thousand_frames(7, LinkFaults::bad_radio());
        assert!(counts.lost > 0 && counts.doubled > 0 && counts.reordered > 0, "{counts:?}");
        assert_eq!(arrived.len() as u64, counts.sent - counts.lost + counts.doubled);
        assert!(!arrived.is_sorted());
        assert_eq!(a_thousand_frames(7, LinkFaults::bad_radio()), (counts, arrived.clone()));
        assert_ne!(a_thousand_frames(8, LinkFaults::bad_radio()).1, arrived);
    }
}
