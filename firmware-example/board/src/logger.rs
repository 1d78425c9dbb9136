//! defmt frames out on UART0, rzCOBS-encoded as defmt does by default.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::registers::{
    PORT_A_AFSEL, PORT_A_DEN, RCGC1, RCGC1_UART0, RCGC2, RCGC2_PORT_A, UARTCTL, UARTCTL_ENABLE_TX, UARTDR,
    UARTFBRD, UARTFR, UARTFR_TX_FULL, UARTIBRD, UARTLCRH, UARTLCRH_8_BITS_FIFO,
};

#[defmt::global_logger]
struct Logger;

struct State {
    taken: AtomicBool,
    restore: UnsafeCell<critical_section::RestoreState>,
    encoder: UnsafeCell<defmt::Encoder>,
}

// SAFETY: the cells are touched between `acquire` and `release` only, which are a critical section on a single core.
unsafe impl Sync for State {}

static STATE: State = State {
    taken: AtomicBool::new(false),
    restore: UnsafeCell::new(critical_section::RestoreState::invalid()),
    encoder: UnsafeCell::new(defmt::Encoder::new()),
};

/// 115,200 baud, 8 data bits.
pub(crate) fn start() {
    RCGC1.write(RCGC1.read() | RCGC1_UART0);
    RCGC2.write(RCGC2.read() | RCGC2_PORT_A);
    PORT_A_AFSEL.write(PORT_A_AFSEL.read() | 0b11);
    PORT_A_DEN.write(PORT_A_DEN.read() | 0b11);
    // 50 MHz / (16 * 115,200) = 27 + 8/64.
    UARTIBRD.write(27);
    UARTFBRD.write(8);
    UARTLCRH.write(UARTLCRH_8_BITS_FIFO);
    UARTCTL.write(UARTCTL_ENABLE_TX);
}

/// A frame is being written: a panic now came from within a log statement and must not log.
pub(crate) fn busy() -> bool {
    STATE.taken.load(Ordering::Relaxed)
}

fn send(bytes: &[u8]) {
    for &byte in bytes {
        while UARTFR.read() & UARTFR_TX_FULL != 0 {}
        UARTDR.write(u32::from(byte));
    }
}

// SAFETY: `acquire` enters a critical section that `release` leaves, so the calls between are never interleaved.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: paired with the `release` in `Logger::release`, which defmt calls exactly once after this.
        let restore = unsafe { critical_section::acquire() };
        if STATE.taken.swap(true, Ordering::Relaxed) {
            panic!("a log statement within a log statement");
        }
        // SAFETY: within the critical section, and `taken` was false: no other reference exists.
        unsafe {
            *STATE.restore.get() = restore;
            (*STATE.encoder.get()).start_frame(send);
        }
    }

    unsafe fn flush() {
        // `send` waits for room, so all bytes are with the UART already.
    }

    unsafe fn release() {
        // SAFETY: defmt calls this after `acquire`, so this is still the critical section, and `restore` is its own.
        unsafe {
            (*STATE.encoder.get()).end_frame(send);
            STATE.taken.store(false, Ordering::Relaxed);
            critical_section::release(*STATE.restore.get());
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: defmt calls this between `acquire` and `release`.
        unsafe { (*STATE.encoder.get()).write(bytes, send) };
    }
}
