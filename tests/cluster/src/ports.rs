//! Free ports of loopback.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

/// Below the range from which Linux takes the local ports of outgoing connections (32768 and up): a port from that
/// range could be taken by any client while a broker is down, and the broker could not come back.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A port on which nothing listens and that this process has not been given before.
pub(crate) fn free() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(u16::MAX);
    // Another process starts elsewhere in the range; within this one the counter does not come back to a port.
    let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let start = u16::try_from(start.wrapping_add(std::process::id()) % u32::from(COUNT)).unwrap_or(0);
    let _ = NEXT.compare_exchange(u16::MAX, start, Ordering::Relaxed, Ordering::Relaxed);
    for _ in 0..COUNT {
        let step = NEXT
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some((n + 1) % COUNT))
            .unwrap_or_default();
        let port = FIRST + step;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::Invalid(format!("no free port of 127.0.0.1 from {FIRST} to {}", FIRST + COUNT - 1)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_port_is_given_twice() {
        let mut ports: Vec<u16> = (0..50).map(|_| super::free().unwrap()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
    }
}
