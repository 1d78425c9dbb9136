//! A tap on the wire: what happens to bytes by their number.

use std::collections::VecDeque;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the producer to its brokers.
    Requests,
    /// From the brokers to the producer.
    Responses,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides are told: RST.
    Reset,
    /// The producer is told that nothing more will come: FIN. What it still sends vanishes.
    Fin,
    /// Nobody is told: what is sent in either direction vanishes.
    HalfOpen,
}

/// Bytes by their number, on all connections together.
#[derive(Debug, Default)]
pub struct Tap {
    cut: Option<(Direction, u64, End)>,
    pieces: VecDeque<usize>,
    drip: Option<(Direction, u64)>,
}

impl Tap {
    /// Ends the connection that carries this byte, before it arrives; 0 is the next one.
    pub fn cut_before(&mut self, of: Direction, byte: u64, end: End) {
        self.cut = Some((of, byte, end));
    }

    /// Whether the cut is still to come.
    pub(super) fn is_armed(&self) -> bool {
        self.cut.is_some()
    }

    /// The next bytes of responses arrive in pieces of these lengths, a millisecond apart.
    pub fn split(&mut self, pieces: impl IntoIterator<Item = usize>) {
        self.pieces = pieces.into_iter().filter(|piece| *piece > 0).collect();
    }

    /// From now on, a byte in this direction takes so long; `None`: all flow again.
    pub fn drip(&mut self, drip: Option<(Direction, u64)>) {
        self.drip = drip;
    }

    /// How many of so many bytes pass in one piece, how long the connection is busy with them, and how it ends then.
    pub(super) fn pass(&mut self, of: Direction, offered: usize) -> (usize, u64, Option<End>) {
        let (mut taken, mut busy_ms) = (offered, 0);
        if let Some((_, ms)) = self.drip.filter(|(direction, _)| *direction == of) {
            (taken, busy_ms) = (taken.min(1), ms);
        }
        if of == Direction::Responses
            && let Some(piece) = self.pieces.front_mut()
        {
            taken = taken.min(*piece);
            *piece -= taken;
            if *piece == 0 {
                self.pieces.pop_front();
                busy_ms = busy_ms.max(1);
            }
        }
        match &mut self.cut {
            Some((direction, byte, end)) if *direction == of => {
                if *byte < taken as u64 {
                    let (passes, end) = (*byte as usize, *end);
                    self.cut = None;
                    return (passes, busy_ms, Some(end));
                }
                *byte -= taken as u64;
                (taken, busy_ms, None)
            }
            Some(_) | None => (taken, busy_ms, None),
        }
    }
}
