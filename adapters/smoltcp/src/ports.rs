use smoltcp::iface::SocketSet;
use smoltcp::socket::{AnySocket, tcp};

/// RFC 6335, section 6: the ports that anybody may use for a while.
const FIRST: u16 = 49_152;
const COUNT: u32 = 16_384;

/// RFC 6056, section 3.3.5, proposes 500: steps below it are hard to guess, and a port comes back after 32
/// connections at the earliest, 65 on average.
const STEP_MAX: u32 = 500;

/// How many ports in a row may be taken by other sockets before one of them is chosen all the same.
const TRIES: u8 = 32;

/// Local ports by RFC 6056's algorithm 5, "random increments": after a reset of the device the broker may still
/// hold connections from it, and a SYN from the same port would be answered as if it belonged to them.
#[derive(Debug)]
pub(crate) struct Ports {
    random: u64,
    last: u32,
}

impl Ports {
    pub(crate) const fn new(seed: u64) -> Self {
        // splitmix64 (Steele, Lea and Flood, 2014): neighbouring seeds, such as the count of a device's starts,
        // give unrelated ports.
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // The all-zero state is xorshift's fixed point.
        let random = if mixed == 0 { 1 } else { mixed };
        Self { random, last: (mixed >> 32) as u32 % COUNT }
    }

    /// A port that no TCP socket of the set uses and that the last 32 connections did not use.
    pub(crate) fn free(&mut self, sockets: &SocketSet<'_>) -> u16 {
        let mut port = self.next();
        for _ in 1..TRIES {
            if !is_used(sockets, port) {
                break;
            }
            port = self.next();
        }
        port
    }

    fn next(&mut self) -> u16 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let step = 1 + (self.random >> 32) as u32 % STEP_MAX;
        self.last = (self.last + step) % COUNT;
        FIRST + self.last as u16
    }
}

fn is_used(sockets: &SocketSet<'_>, port: u16) -> bool {
    sockets.iter().filter_map(|(_, socket)| tcp::Socket::downcast(socket)).any(|socket| {
        socket.listen_endpoint().port == port
            || socket.local_endpoint().is_some_and(|local| local.port == port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stay_in_range_and_none_comes_back_soon() {
        for seed in [0, 1, u64::MAX, 0xDEAD_BEEF] {
            let mut ports = Ports::new(seed);
            let mut recent = std::collections::VecDeque::new();
            for _ in 0..100_000 {
                let port = ports.next();
                assert!(port >= FIRST && !recent.contains(&port));
                recent.push_back(port);
                if recent.len() > 31 {
                    recent.pop_front();
                }
            }
        }
    }

    #[test]
    fn neighbouring_seeds_start_at_unrelated_ports() {
        let first: std::collections::BTreeSet<u16> = (0..1000).map(|seed| Ports::new(seed).next()).collect();
        // 1000 draws out of 16384 hit 970 different ones on average.
        assert!((940..1000).contains(&first.len()), "{}", first.len());
    }

    #[test]
    fn a_port_that_a_socket_of_the_application_uses_is_passed_over() {
        let taken = Ports::new(7).next();
        let mut sockets = SocketSet::new(vec![]);
        let mut listener =
            tcp::Socket::new(tcp::SocketBuffer::new(vec![0; 1]), tcp::SocketBuffer::new(vec![0; 1]));
        listener.listen(taken).unwrap();
        sockets.add(listener);
        assert_ne!(Ports::new(7).free(&sockets), taken);
    }
}
