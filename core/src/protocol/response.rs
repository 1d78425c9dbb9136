//! Takes responses as they arrive, byte by byte. What is in one is told by a table of its fields, one for each API: an
//! interpreter for all of them is half as much code as a decoder for each.

use super::api_versions::Usable;
use super::fields::{Loop, Op, PROGRAM, REGISTERS, Register, place_of};
use super::{Api, Sink, init_producer_id};
use crate::code::ErrorCode;
use crate::wide::Wide;
use crate::wire::{Malformed, equal};

/// The longest response that is read: metadata of some hundred thousand partitions. A TLS alert or an HTTP answer
/// read as a length is far above it (KAFKA-4090).
const RESPONSE_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// A response's correlation id, behind its length.
const CORRELATION_ID_BYTES: u32 = 4;

/// The topic of a name that is none of ours.
const NOBODYS: u16 = u16::MAX;

/// What may arrive.
pub(crate) struct Expected {
    /// The request that is to be answered next, if one was wholly written, and its correlation id.
    pub(crate) request: Option<(Api, i32)>,
    /// The version of Produce.
    pub(crate) version: i16,
}

/// The response that is arriving, and what it has said so far.
// What is small in front: it takes the shortest instructions there.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Response {
    /// The place of the next field, and where the table begins.
    at: u8,
    table: u8,
    pub(crate) usable: Usable,
    /// The topic whose name has gone by.
    topic: u16,
    /// The field that is going by.
    op: Op,
    /// What of it has gone by: its last four bytes.
    value: u32,
    /// How many of its bytes have not.
    missing: u32,
    /// How many bytes follow a length.
    len: u32,
    /// Bytes of the response that have not gone by.
    left: u32,
    registers: [u32; REGISTERS],
}

impl Response {
    // All zero: lent memory must be, to lie in `.bss`.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            op: Op::Idle,
            at: 0,
            table: 0,
            usable: Usable::NONE,
            topic: 0,
            value: 0,
            missing: 0,
            len: 0,
            left: 0,
            registers: [0; REGISTERS],
        }
    }

    /// Another begins, whatever has become of this one.
    pub(crate) fn clear(&mut self) {
        self.op = Op::Idle;
        self.missing = 0;
    }

    /// Takes bytes from the front of `piece`, as far as the end of a response; says whether that was reached. What is expected
    /// stays the same until then.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn take(
        &mut self,
        piece: &mut &[u8],
        expected: &Expected,
        sink: &mut impl Sink,
    ) -> Result<bool, Malformed> {
        loop {
            if self.missing == 0 {
                if self.step(expected, sink)? {
                    self.op = Op::Idle;
                    return Ok(true);
                }
                self.op = *PROGRAM.get(usize::from(self.at)).ok_or(Malformed)?;
                self.at = self.at.wrapping_add(1);
                self.value = 0;
                self.missing = self.op.bytes(self.len);
                continue;
            }
            if self.left == 0 {
                return Err(Malformed);
            }
            let Some((byte, rest)) = piece.split_first() else { return Ok(false) };
            *piece = rest;
            self.byte(*byte, sink);
        }
    }

    /// A byte of the field goes by.
    #[cfg_attr(target_os = "none", inline(never))]
    fn byte(&mut self, byte: u8, sink: &mut impl Sink) {
        if self.op == Op::Name {
            self.match_name(byte, sink);
        } else if self.op == Op::Host {
            sink.broker_host(byte);
        }
        self.missing = self.missing.wrapping_sub(1);
        self.left = self.left.wrapping_sub(1);
        self.value = (self.value << 8) | u32::from(byte);
    }

    /// The field has gone by. Says whether the response has.
    #[cfg_attr(target_os = "none", inline(never))]
    fn step(&mut self, expected: &Expected, sink: &mut impl Sink) -> Result<bool, Malformed> {
        let value = self.value;
        match self.op {
            Op::Idle => (self.at, self.left) = (0, 4),
            Op::Length if (CORRELATION_ID_BYTES..=RESPONSE_BYTES_MAX).contains(&value) => self.left = value,
            Op::CorrelationId => {
                let (api, awaited) = expected.request.ok_or(Malformed)?;
                if awaited != value as i32 {
                    return Err(Malformed);
                }
                self.usable = Usable::NONE;
                self.table = place_of(Some(api)) as u8;
                self.at = self.table;
            }
            Op::End => return if self.left == 0 { Ok(true) } else { Err(Malformed) },
            Op::Keep0(register) | Op::Keep1(register) | Op::Keep2(register) | Op::Keep4(register) => {
                self.keep(register, value);
            }
            Op::Count(around) => {
                let count = self.elements(value as i32, around.number())?;
                *self.turns(around).ok_or(Malformed)? = count;
            }
            Op::While(around) => {
                let turns = self.turns(around).ok_or(Malformed)?;
                match turns.checked_sub(1) {
                    Some(left) => *turns = left,
                    None => self.go_to(around.number()),
                }
            }
            Op::Goto(place) => self.go_to(place),
            Op::Since(since) if since.is_newer_than(expected.version) => self.go_to(since.place()),
            Op::IfError(place) if self.error() != ErrorCode::NONE => {
                self.len = self.left;
                self.go_to(place);
            }
            Op::NullableString => {
                self.elements(i32::from(value as i16), 1)?;
            }
            Op::Array(bytes) => {
                self.elements(value as i32, bytes)?;
            }
            Op::String if (value as i16) >= 0 => {
                self.elements(value as i32, 1)?;
                // No name of ours is empty.
                self.topic = if value == 0 { NOBODYS } else { 0 };
            }
            Op::Begin => sink.metadata(),
            Op::BrokerId => sink.broker(value as i32),
            Op::BrokerPort => sink.broker_port(value as i32),
            Op::Topic => sink.topic(self.topic(), self.error(), self.register(Register::PARTITIONS)),
            Op::Leader => sink.partition(self.topic(), self.index(), value as i32),
            Op::RecordIndex if self.register(Register::BEHIND_RECORD) == 0 => {
                self.keep(Register::BEHIND_RECORD, value.wrapping_add(1));
            }
            Op::Produced => sink.produced(self),
            Op::ApiKey => {
                let (key, min) = (self.register(Register::API_KEY), self.register(Register::VERSION_MIN));
                self.usable.learn(key as i16, min as i16, value as i16);
            }
            Op::CheckProducerId if self.producer_id().is_valid() => {}
            Op::Since(_) | Op::IfError(_) | Op::RecordIndex | Op::Bytes | Op::Name | Op::Host => {}
            Op::Length | Op::String | Op::CheckProducerId => return Err(Malformed),
        }
        Ok(false)
    }

    fn go_to(&mut self, place: u8) {
        self.at = self.table.wrapping_add(place);
    }

    /// An array's element count, or a string's length; null (-1) is 0. What cannot fit into the rest of the frame, with so
    /// many bytes of each at least, is refused; so many may follow.
    #[cfg_attr(target_os = "none", inline(never))]
    fn elements(&mut self, count: i32, bytes_min: u8) -> Result<u32, Malformed> {
        let count = if count == -1 { 0 } else { u32::try_from(count).map_err(|_| Malformed)? };
        self.len =
            count.checked_mul(u32::from(bytes_min)).filter(|len| *len <= self.left).ok_or(Malformed)?;
        Ok(count)
    }

    /// A byte of a topic's name.
    ///
    /// The candidate is the first topic of that length that begins with the bytes seen so far. When it fails at some byte,
    /// the bytes before are those of the candidate, so later topics can still be compared with them.
    fn match_name(&mut self, byte: u8, names: &impl Sink) {
        let seen = self.len.wrapping_sub(self.missing) as usize;
        let name = |topic| names.topic_name(topic).map(str::as_bytes);
        let begin = name(self.topic).and_then(|own| own.get(..seen)).unwrap_or(&[]);
        while let Some(name) = name(self.topic) {
            if name.len() == self.len as usize
                && name.get(seen) == Some(&byte)
                && name.get(..seen).is_some_and(|other| equal(other, begin))
            {
                return;
            }
            self.topic = self.topic.wrapping_add(1);
        }
        self.topic = NOBODYS;
    }

    /// What the loop of this depth has left.
    fn turns(&mut self, around: Loop) -> Option<&mut u32> {
        self.registers.get_mut(usize::from(around.turns().0))
    }

    #[inline]
    fn keep(&mut self, Register(index): Register, value: u32) {
        if let Some(register) = self.registers.get_mut(usize::from(index)) {
            *register = value;
        }
    }

    fn register(&self, Register(index): Register) -> u32 {
        self.registers.get(usize::from(index)).copied().unwrap_or(0)
    }

    fn wide(&self, [high, low]: [Register; 2]) -> Wide {
        Wide::new(i64::from(self.register(high)) << 32 | i64::from(self.register(low)))
    }

    /// How long the broker is to be left alone.
    pub(crate) fn throttle_ms(&self) -> i32 {
        self.register(Register::THROTTLE_TIME) as i32
    }

    /// What it says of the whole, of a topic or of a partition.
    pub(crate) fn error(&self) -> ErrorCode {
        ErrorCode::new(self.register(Register::ERROR) as i16)
    }

    /// The topic; the greatest number, when it is none of ours.
    pub(crate) fn topic(&self) -> u16 {
        self.topic
    }

    /// A partition's number.
    pub(crate) fn index(&self) -> i32 {
        self.register(Register::INDEX) as i32
    }

    pub(crate) fn base_offset(&self) -> Wide {
        self.wide(Register::BASE_OFFSET)
    }

    pub(crate) fn log_append_time_ms(&self) -> Wide {
        self.wide(Register::LOG_APPEND_TIME)
    }

    /// The broker says that it does not know where the partition's log starts; below v5 it says nothing of it.
    pub(crate) fn log_start_unknown(&self) -> bool {
        let [high, low] = Register::LOG_START_OFFSET;
        self.register(high) & self.register(low) == u32::MAX
    }

    /// The first record that the broker names as a cause of the error.
    pub(crate) fn record_index(&self) -> Option<u32> {
        self.register(Register::BEHIND_RECORD).checked_sub(1)
    }

    /// What a broker has answered to InitProducerId.
    pub(crate) fn producer_id(&self) -> init_producer_id::Answer {
        init_producer_id::Answer {
            error: self.error(),
            producer_id: self.wide(Register::PRODUCER_ID).get(),
            producer_epoch: self.register(Register::PRODUCER_EPOCH) as i16,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::protocol::feed;

    /// Whose topics these are, and those that a response was about.
    struct Log(&'static [&'static str], Vec<u16>);
    impl Sink for Log {
        fn topic_name(&self, index: u16) -> Option<&'static str> {
            self.0.get(usize::from(index)).copied()
        }
        fn produced(&mut self, response: &Response) {
            self.1.push(response.topic());
        }
    }

    /// A Produce response for one partition of each of these topics.
    fn response(names: &[&str]) -> Vec<u8> {
        let mut out = Vec::from((names.len() as i32).to_be_bytes());
        for name in names {
            out.extend((name.len() as i16).to_be_bytes());
            out.extend(name.as_bytes());
            out.extend([0, 0, 0, 1]);
            out.extend([0; 4 + 2 + 8 + 8]);
        }
        out.extend([0; 4]);
        out
    }

    #[test]
    fn a_name_is_found_in_any_pieces_among_names_that_share_beginnings() {
        const OURS: &[&str] = &["abc", "abd", "ab", "zbd", "abcdef", "abd2"];
        let bytes = response(OURS);
        for piece in 1..=bytes.len() {
            let mut log = Log(OURS, Vec::new());
            feed::in_pieces((Api::Produce, 3), &bytes, piece, &mut log).unwrap();
            assert_eq!(log.1, [0, 1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        let others = ["abe", "a", "abcd", "xbc", "bbd", "\u{e4}", "", "abc\u{e4}"];
        let mut log = Log(&["abc", "abd", "ab"], Vec::new());
        feed::in_pieces((Api::Produce, 3), &response(&others), 9, &mut log).unwrap();
        assert_eq!(log.1, [NOBODYS; 8]);
        let mut log = Log(&[], Vec::new());
        feed::in_pieces((Api::Produce, 3), &response(&["abc"]), 9, &mut log).unwrap();
        assert_eq!(log.1, [NOBODYS]);
    }

    #[test]
    fn counts_and_lengths_beyond_the_frame_are_malformed() {
        let elements = |count, left| Response { left, ..Response::new() }.elements(count, 6);
        assert_eq!(elements(2, 12), Ok(2));
        assert_eq!(elements(2, 11), Err(Malformed));
        assert_eq!(elements(i32::MAX, u32::MAX), Err(Malformed));
        assert_eq!(elements(-1, 0), Ok(0));
        assert_eq!(elements(-2, 4), Err(Malformed));
        // No name is null, and none is longer than the frame.
        for len in [[0xff, 0xff], [0x80, 0], [0, 32], [0x7f, 0xff]] {
            let mut bytes = response(&["abc"]);
            bytes[4..6].copy_from_slice(&len);
            assert!(feed::in_pieces((Api::Produce, 3), &bytes, 9, &mut feed::Nobody).is_err());
        }
    }

    #[test]
    fn one_follows_another_and_what_fits_no_request_is_malformed() {
        let body = [0, 0, 0, 0, 0, 0, 0, 9];
        let frame = |len: i32, id: i32| [&len.to_be_bytes()[..], &id.to_be_bytes(), &body].concat();
        let (first, second) = (frame(12, 1), frame(12, 2));
        let bytes = [&first[..], &second].concat();
        let mut response = Response::new();
        let mut piece = &bytes[..];
        let take = |response: &mut Response, piece: &mut &[u8], request| {
            response.take(piece, &Expected { request, version: 3 }, &mut feed::Nobody)
        };
        assert_eq!(take(&mut response, &mut piece, Some((Api::Produce, 1))), Ok(true));
        assert_eq!((piece, response.throttle_ms()), (&second[..], 9));
        assert_eq!(take(&mut response, &mut piece, Some((Api::Produce, 3))), Err(Malformed));
        // The connection is gone, in the middle of a field.
        response.clear();
        assert_eq!(take(&mut response, &mut &second[..3], None), Ok(false));
        response.clear();
        assert_eq!(take(&mut response, &mut &second[..], Some((Api::Produce, 2))), Ok(true));
        assert_eq!(take(&mut response, &mut &second[..], None), Err(Malformed));
        for len in [3, -1, 0x1503_0100, RESPONSE_BYTES_MAX as i32 + 1] {
            response.clear();
            assert_eq!(take(&mut response, &mut &frame(len, 1)[..4], None), Err(Malformed), "{len}");
        }
    }
}
