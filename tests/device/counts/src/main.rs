//! Counts core's instructions and its stack on an emulated Cortex-M, against brokers in memory.
//!
//! `cargo xtask bench device` builds it, runs it in QEMU and reads its lines. What it finds wrong is a panic, which
//! ends the run with an error.
#![no_std]
#![no_main]

mod broker;
mod clock;
#[cfg(feature = "goodput")]
mod goodput;
#[cfg(not(feature = "goodput"))]
mod life;
mod message;
#[cfg(not(feature = "goodput"))]
mod rig;
#[cfg(not(feature = "goodput"))]
mod stack;
#[cfg(not(feature = "goodput"))]
mod steady;
#[cfg(not(feature = "goodput"))]
mod wire;

use core::panic::PanicInfo;

use cortex_m::peripheral::CPUID;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};

#[entry]
fn main() -> ! {
    let core = cortex_m::Peripherals::take().expect("taken once");
    // SAFETY: a register that only says which processor this is.
    let part = unsafe { (*CPUID::PTR).base.read() } >> 4 & 0xFFF;
    clock::start(core.SYST);
    let (expected, counted) = clock::calibrate();
    hprintln!("NK calibration expected={} counted={} part={:x}", expected, counted, part);
    scenes();
    hprintln!("NK done");
    end(debug::EXIT_SUCCESS)
}

#[cfg(not(feature = "goodput"))]
fn scenes() {
    assert!(clock::empty() == rig::EMPTY, "what is counted of nothing");
    for batch in [1, 10, 100] {
        steady::run(batch);
    }
    life::run();
}

#[cfg(feature = "goodput")]
fn scenes() {
    goodput::run();
}

fn end(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("NK error {}", info);
    end(debug::EXIT_FAILURE)
}
