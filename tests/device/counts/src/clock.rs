//! Instructions, counted by a clock: under QEMU's `-icount shift=7` each takes 128 ns, and SysTick counts 20 ns.
//!
//! A reading is off by less than one tick, which is a sixth of an instruction: each interval is known exactly.

use core::sync::atomic::{Ordering, compiler_fence};

use cortex_m::peripheral::{SYST, syst::SystClkSource};

/// Nanoseconds of an instruction, as `-icount shift=7` makes them.
const INSTRUCTION_NS: u32 = 128;
/// The board's 200 MHz by 4.
const TICK_NS: u32 = 20;
/// SysTick has 24 bits: the longest interval has 2.6 million instructions.
const TICKS_MAX: u32 = 0xFF_FFFF;

/// The LM3S6965's run-mode clock configuration: SysTick has no clock before it is written.
const RCC: *mut u32 = core::ptr::without_provenance_mut(0x400F_E060);
/// 8 MHz crystal, PLL divided by 4.
const RCC_50_MHZ: u32 = 0xE << 6 | 3 << 23 | 1 << 22;

/// Starts the clock.
pub(crate) fn start(mut systick: SYST) {
    // SAFETY: RCC is a register of this chip, and writing it changes no memory.
    unsafe { RCC.write_volatile(RCC_50_MHZ) };
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(TICKS_MAX);
    systick.clear_current();
    systick.enable_counter();
}

/// A moment.
#[derive(Clone, Copy)]
pub(crate) struct Moment(u32);

impl Moment {
    /// Some moment.
    #[cfg(not(feature = "goodput"))]
    pub(crate) const START: Self = Self(0);
}

/// Now. Nothing that is measured moves across.
#[inline(always)]
pub(crate) fn now() -> Moment {
    compiler_fence(Ordering::SeqCst);
    let moment = Moment(SYST::get_current());
    compiler_fence(Ordering::SeqCst);
    moment
}

/// Instructions from `begin` to `end`, the second reading included.
pub(crate) fn between(begin: Moment, end: Moment) -> u32 {
    // SysTick counts down.
    let ticks = begin.0.wrapping_sub(end.0) & TICKS_MAX;
    (ticks * TICK_NS + INSTRUCTION_NS / 2) / INSTRUCTION_NS
}

/// Turns of the loop whose instructions are known.
const TURNS: u32 = 100_000;

/// What a loop of known length has, and what was counted of it.
pub(crate) fn calibrate() -> (u32, u32) {
    let begin = now();
    // SAFETY: counts a register down; nothing else changes but the flags.
    unsafe {
        core::arch::asm!("2:", "subs {left}, #1", "bne 2b", left = inout(reg) TURNS => _, options(nomem, nostack));
    }
    let counted = between(begin, now());
    (TURNS * 2, counted.saturating_sub(empty()))
}

/// What is counted of nothing.
pub(crate) fn empty() -> u32 {
    let begin = now();
    between(begin, now())
}
