//! The Stellaris Ethernet MAC as a smoltcp device.
//!
//! Frames pass through one register, word by word. In its FIFOs a 16-bit length comes before each frame: of a
//! received one it counts itself, the frame and the CRC; of one to send the payload behind the 14-byte header only.

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use crate::registers::{
    MAC_ALL_INTERRUPTS, MAC_RX_INTERRUPT, MACDATA, MACIA0, MACIA1, MACIM, MACNP, MACRCTL, MACRCTL_ENABLE,
    MACRCTL_REJECT_BAD_CRC, MACRCTL_RESET_FIFO, MACRIS, MACTCTL, MACTCTL_ENABLE, MACTR, MACTR_NEW_TX, RCGC2,
    RCGC2_ETHERNET,
};

/// The MAC's line to the interrupt controller.
pub(crate) const INTERRUPT: u16 = 42;

const FRAME_MAX: usize = 1_514;
const HEADER_LEN: usize = 14;
const PREFIX_LEN: usize = 2;
const CRC_LEN: usize = 4;
const FIFO_MAX: usize = PREFIX_LEN + FRAME_MAX + CRC_LEN;

/// Room for one frame each way.
pub(crate) struct Frames {
    rx: [u8; FIFO_MAX],
    tx: [u8; FIFO_MAX],
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Self { rx: [0; FIFO_MAX], tx: [0; FIFO_MAX] }
    }
}

/// The MAC, ready to send and receive.
pub(crate) struct Ethernet<'a> {
    frames: &'a mut Frames,
}

impl<'a> Ethernet<'a> {
    pub(crate) fn start(frames: &'a mut Frames) -> Self {
        RCGC2.write(RCGC2.read() | RCGC2_ETHERNET);
        MACRCTL.write(MACRCTL_RESET_FIFO);
        MACTCTL.write(MACTCTL_ENABLE);
        MACRIS.write(MAC_ALL_INTERRUPTS);
        MACIM.write(MAC_RX_INTERRUPT);
        MACRCTL.write(MACRCTL_ENABLE | MACRCTL_REJECT_BAD_CRC);
        Self { frames }
    }

    /// The station address; a locally administered one where the chip was given none.
    pub(crate) fn address(&self) -> EthernetAddress {
        let [a, b, c, d] = MACIA0.read().to_le_bytes();
        let [e, f, ..] = MACIA1.read().to_le_bytes();
        if [a, b, c, d, e, f] != [0; 6] {
            return EthernetAddress([a, b, c, d, e, f]);
        }
        let address = [0x02, 0x4E, 0x4B, 0x00, 0x00, 0x01];
        MACIA0.write(u32::from_le_bytes([address[0], address[1], address[2], address[3]]));
        MACIA1.write(u32::from_le_bytes([address[4], address[5], 0, 0]));
        EthernetAddress(address)
    }

    /// A frame waits to be read.
    pub(crate) fn has_frame(&self) -> bool {
        MACNP.read() != 0
    }

    /// Forgets earlier receptions, so that the interrupt line rises with the next one.
    pub(crate) fn acknowledge(&self) {
        MACRIS.write(MAC_RX_INTERRUPT);
    }

    /// Takes the next frame out of the FIFO and returns its length; `None` when it was none that fits.
    fn read_frame(&mut self) -> Option<usize> {
        let first = MACDATA.read();
        let total = (first & 0xFFFF) as usize;
        let mut rest = first.to_le_bytes();
        let words = total.div_ceil(4);
        for word in 0..words {
            if word > 0 {
                rest = MACDATA.read().to_le_bytes();
            }
            // What does not fit is read all the same: it is the only way to the frame behind it.
            if let Some(place) = self.frames.rx.get_mut(word * 4..word * 4 + 4) {
                place.copy_from_slice(&rest);
            }
        }
        let len = total.checked_sub(PREFIX_LEN + CRC_LEN)?;
        (HEADER_LEN..=FRAME_MAX).contains(&len).then_some(len)
    }
}

impl Device for Ethernet<'_> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        // A reply may have to be sent at once.
        if MACTR.read() & MACTR_NEW_TX != 0 {
            return None;
        }
        while self.has_frame() {
            if let Some(len) = self.read_frame() {
                let Frames { rx, tx } = &mut *self.frames;
                return Some((RxToken { frame: &rx[PREFIX_LEN..PREFIX_LEN + len] }, TxToken { fifo: tx }));
            }
            defmt::warn!("dropped a frame that is too long or too short");
        }
        None
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        (MACTR.read() & MACTR_NEW_TX == 0).then_some(TxToken { fifo: &mut self.frames.tx })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities
    }
}

/// A received frame.
pub(crate) struct RxToken<'t> {
    frame: &'t [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// The free transmit FIFO.
pub(crate) struct TxToken<'t> {
    fifo: &'t mut [u8; FIFO_MAX],
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = f(&mut self.fifo[PREFIX_LEN..PREFIX_LEN + len]);
        let payload_len = len.saturating_sub(HEADER_LEN) as u16;
        self.fifo[..PREFIX_LEN].copy_from_slice(&payload_len.to_le_bytes());
        let words = (PREFIX_LEN + len).div_ceil(4);
        for word in self.fifo.as_chunks::<4>().0.iter().take(words) {
            MACDATA.write(u32::from_le_bytes(*word));
        }
        MACTR.write(MACTR_NEW_TX);
        result
    }
}
