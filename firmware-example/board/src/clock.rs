//! Monotonic milliseconds from SysTick, and sleeping until the next of them.

use core::cell::Cell;
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::Mutex;

use crate::registers::{
    RCC, RCC_BYPASS_PLL, RCC_CRYSTAL_8_MHZ, RCC_DIVIDE_PLL_BY_4, RCC_PLL_OFF, RCC_USE_DIVIDER, RIS,
    RIS_PLL_LOCKED,
};

/// The PLL's 200 MHz by 4.
const CPU_HZ: u32 = 50_000_000;

static MILLIS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// Runs the CPU at 50 MHz and counts milliseconds from here.
pub(crate) fn start(mut systick: SYST) {
    // The order of the data sheet: change the clock while the PLL is bypassed. QEMU's SysTick has no clock at all
    // before RCC is written.
    RCC.write(RCC_CRYSTAL_8_MHZ | RCC_BYPASS_PLL | RCC_PLL_OFF);
    RCC.write(RCC_CRYSTAL_8_MHZ | RCC_BYPASS_PLL | RCC_DIVIDE_PLL_BY_4 | RCC_USE_DIVIDER);
    while RIS.read() & RIS_PLL_LOCKED == 0 {}
    RCC.write(RCC_CRYSTAL_8_MHZ | RCC_DIVIDE_PLL_BY_4 | RCC_USE_DIVIDER);

    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CPU_HZ / 1_000 - 1);
    systick.clear_current();
    systick.enable_counter();
    systick.enable_interrupt();
}

/// Milliseconds since [`start`](crate::start); 64 bits do not wrap.
pub fn now_ms() -> u64 {
    critical_section::with(|token| MILLIS.borrow(token).get())
}

#[exception]
fn SysTick() {
    critical_section::with(|token| {
        let millis = MILLIS.borrow(token);
        millis.set(millis.get() + 1);
    });
}

defmt::timestamp!("{=u64:ms}", now_ms());
