//! An image that is measured and never run. Its features say what is in it; the image without any is what the others
//! are compared with.
#![no_std]
#![no_main]

#[cfg(all(feature = "core", not(any(feature = "embedded-io", feature = "smoltcp", feature = "layout"))))]
#[path = "bare.rs"]
mod image;
#[cfg(feature = "layout")]
#[path = "layout.rs"]
mod image;
#[cfg(feature = "smoltcp")]
#[path = "network.rs"]
mod image;
#[cfg(not(any(feature = "core", feature = "smoltcp")))]
#[path = "nothing.rs"]
mod image;
#[cfg(feature = "embedded-io")]
#[path = "streams.rs"]
mod image;
#[cfg(any(feature = "defmt", feature = "log"))]
mod logger;
#[cfg(all(feature = "core", not(feature = "layout")))]
mod producer;
mod registers;

#[unsafe(no_mangle)]
#[unsafe(link_section = ".start")]
extern "C" fn _start() -> ! {
    #[cfg(any(feature = "defmt", feature = "log"))]
    logger::start();
    image::run()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        registers::output(u32::MAX);
    }
}
