//! What cannot go on: a panic or a fault is reported on both channels and stops the machine with code 2.

use core::panic::PanicInfo;
use cortex_m_rt::{ExceptionFrame, exception};
use telemetry::Line;

use crate::{HostConsole, logger, stack, stop};

// Message and place are left out: the message would cost kilobytes of formatting, and the place 7 KB, for a path and
// a line at everything that may panic. The way there is on the stack. The compiler calls the inline attribute ignored
// here, yet with fat LTO it is what lets it see that neither is wanted.
#[allow(unused_attributes)]
#[inline(always)]
#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    report()
}

#[inline(never)]
fn report() -> ! {
    if !logger::busy() {
        defmt::error!("panic, see the host's console");
    }
    let mut console = HostConsole;
    let mut line = Line::new(&mut console, "NK panic stack=");
    stack::return_addresses(|address| {
        line.hex(address).text(",");
    });
    line.end();
    stop(2)
}

// SAFETY: runs on the stack of whatever faulted, touches nothing of it, and never returns.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    fault("hard fault", frame.pc())
}

/// The chip's own interrupts; the run-time crate would keep room for 240.
const INTERRUPTS: usize = 44;

unsafe extern "C" {
    /// The run-time crate's name for the handler below.
    #[link_name = "DefaultHandler"]
    fn default_handler();
}

/// The part of the vector table behind the processor's own exceptions.
// SAFETY: the name and the section are what the run-time crate asks of a device, and the entries are handlers.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); INTERRUPTS] = [default_handler; INTERRUPTS];

// SAFETY: no interrupt is enabled outside the sleep in `Network::idle`, where none is taken, so this never runs
// unless the hardware does what it should not; it never returns.
#[exception]
unsafe fn DefaultHandler(interrupt: i16) -> ! {
    fault("unexpected interrupt", interrupt.unsigned_abs().into())
}

fn fault(kind: &str, at: u32) -> ! {
    if !logger::busy() {
        defmt::error!("{=str} at {=u32:#x}", kind, at);
    }
    let mut console = HostConsole;
    Line::new(&mut console, "NK fault ").text(kind).text(" at=").hex(at).end();
    stop(2)
}
