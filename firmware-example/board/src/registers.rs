//! The memory-mapped registers that the firmware uses. LM3S6965 data sheet; the names are its own.
//!
//! A `Register` cannot be made outside this module, so the addresses below are all there are.

/// One 32-bit register of the chip.
pub(crate) struct Register(usize);

impl Register {
    pub(crate) fn read(&self) -> u32 {
        // SAFETY: `self.0` is one of this module's addresses, each an aligned 32-bit device register that is
        // always mapped; reading any of them has no effect on memory that Rust knows.
        unsafe { core::ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    pub(crate) fn write(&self, value: u32) {
        // SAFETY: as for `read`. No register here makes the chip read or write RAM by itself (there is no DMA),
        // so no value can break memory safety.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}

const SYSTEM: usize = 0x400F_E000;
const UART0: usize = 0x4000_C000;
const ETHERNET: usize = 0x4004_8000;

pub(crate) const RIS: Register = Register(SYSTEM + 0x050);
pub(crate) const RIS_PLL_LOCKED: u32 = 1 << 6;
pub(crate) const RCC: Register = Register(SYSTEM + 0x060);
pub(crate) const RCC_USE_DIVIDER: u32 = 1 << 22;
pub(crate) const RCC_DIVIDE_PLL_BY_4: u32 = 3 << 23;
pub(crate) const RCC_PLL_OFF: u32 = 1 << 13;
pub(crate) const RCC_BYPASS_PLL: u32 = 1 << 11;
pub(crate) const RCC_CRYSTAL_8_MHZ: u32 = 0xE << 6;
pub(crate) const RCGC1: Register = Register(SYSTEM + 0x104);
pub(crate) const RCGC1_UART0: u32 = 1 << 0;
pub(crate) const RCGC2: Register = Register(SYSTEM + 0x108);
pub(crate) const RCGC2_PORT_A: u32 = 1 << 0;
pub(crate) const RCGC2_ETHERNET: u32 = 1 << 28 | 1 << 30;

/// Alternate function and digital enable of port A, whose pins 0 and 1 are UART0.
pub(crate) const PORT_A_AFSEL: Register = Register(0x4000_4420);
pub(crate) const PORT_A_DEN: Register = Register(0x4000_451C);

pub(crate) const UARTDR: Register = Register(UART0);
pub(crate) const UARTFR: Register = Register(UART0 + 0x018);
pub(crate) const UARTFR_TX_FULL: u32 = 1 << 5;
pub(crate) const UARTIBRD: Register = Register(UART0 + 0x024);
pub(crate) const UARTFBRD: Register = Register(UART0 + 0x028);
pub(crate) const UARTLCRH: Register = Register(UART0 + 0x02C);
pub(crate) const UARTLCRH_8_BITS_FIFO: u32 = 3 << 5 | 1 << 4;
pub(crate) const UARTCTL: Register = Register(UART0 + 0x030);
pub(crate) const UARTCTL_ENABLE_TX: u32 = 1 << 8 | 1 << 0;

/// Raw interrupt status when read (MACRIS), acknowledge when written (MACIACK).
pub(crate) const MACRIS: Register = Register(ETHERNET);
pub(crate) const MACIM: Register = Register(ETHERNET + 0x04);
pub(crate) const MAC_RX_INTERRUPT: u32 = 1 << 0;
pub(crate) const MAC_ALL_INTERRUPTS: u32 = 0x7F;
pub(crate) const MACRCTL: Register = Register(ETHERNET + 0x08);
pub(crate) const MACRCTL_ENABLE: u32 = 1 << 0;
pub(crate) const MACRCTL_REJECT_BAD_CRC: u32 = 1 << 3;
pub(crate) const MACRCTL_RESET_FIFO: u32 = 1 << 4;
pub(crate) const MACTCTL: Register = Register(ETHERNET + 0x0C);
/// Enable, pad short frames, append the CRC, full duplex.
pub(crate) const MACTCTL_ENABLE: u32 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4;
pub(crate) const MACDATA: Register = Register(ETHERNET + 0x10);
pub(crate) const MACIA0: Register = Register(ETHERNET + 0x14);
pub(crate) const MACIA1: Register = Register(ETHERNET + 0x18);
pub(crate) const MACNP: Register = Register(ETHERNET + 0x34);
pub(crate) const MACTR: Register = Register(ETHERNET + 0x38);
pub(crate) const MACTR_NEW_TX: u32 = 1 << 0;
