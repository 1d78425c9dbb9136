//! What cannot go on: a panic or a fault is reported on both channels and stops the machine with code 2.

use core::panic::{Location, PanicInfo};
use cortex_m_rt::{ExceptionFrame, exception};
use telemetry::Line;

use crate::{HostConsole, logger, stop};

// The message is left out: to format it costs kilobytes. The compiler calls the inline attribute ignored here, yet
// with fat LTO it is what lets it see that no message is wanted, and drop what builds one at every place that may
// panic: 2.9 KB.
#[allow(unused_attributes)]
#[inline(always)]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    report(info.location())
}

#[inline(never)]
fn report(location: Option<&Location<'_>>) -> ! {
    let (file, line) = location.map_or(("?", 0), |location| (location.file(), location.line()));
    if !logger::busy() {
        defmt::error!("panic at {=str}:{=u32}", file, line);
    }
    let mut console = HostConsole;
    Line::new(&mut console, "NK panic at=").text(file).text(":").number(u64::from(line)).end();
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
    Line::new(&mut console, "NK fault ").text(kind).field("at", u64::from(at)).end();
    stop(2)
}
