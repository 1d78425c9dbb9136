//! How bytes are cut, by chance and by rate.

use crate::random::Random;
use crate::rig::{Network, Pieces};

/// What one `poll_recv` or `poll_send` moves at most on a slow connection.
const SLOW_PIECE_MS: u64 = 1;

/// By chance, but never twice in a row: a connection that always hesitates would be a dead one.
pub(super) fn hesitate(random: &mut Random, network: Network, hesitated: &mut bool) -> bool {
    *hesitated = !*hesitated && random.chance(network.hesitates_permille);
    *hesitated
}

pub(super) fn piece(random: &mut Random, network: Network, available: usize) -> usize {
    let fits = match network.bytes_per_ms {
        0 => available,
        rate => available.min((rate * SLOW_PIECE_MS) as usize),
    };
    match network.pieces {
        Pieces::Whole => fits,
        Pieces::OneByte => 1,
        Pieces::Random => 1 + random.below(fits as u64) as usize,
    }
}

/// How long the connection is busy with so many bytes.
pub(super) fn passes(network: Network, bytes: usize) -> u64 {
    match network.bytes_per_ms {
        0 => 0,
        rate => (bytes as u64).div_ceil(rate),
    }
}
