//! Plain text lines without `core::fmt`, which would add kilobytes to a firmware.

/// Where lines go.
pub trait Console {
    /// Writes a piece of a line. ASCII, at most [`Line::PIECE_MAX`] bytes.
    fn write(&mut self, piece: &[u8]);
}

/// A line under construction, handed on in pieces so that it may be of any length.
pub struct Line<'c, C: Console + ?Sized> {
    console: &'c mut C,
    piece: [u8; PIECE_MAX],
    len: usize,
}

const PIECE_MAX: usize = 96;

impl<'c, C: Console + ?Sized> Line<'c, C> {
    /// The longest piece that a [`Console`] is given, in bytes.
    pub const PIECE_MAX: usize = PIECE_MAX;

    /// A line that begins with `start`.
    pub fn new(console: &'c mut C, start: &str) -> Self {
        let mut line = Self { console, piece: [0; PIECE_MAX], len: 0 };
        line.text(start);
        line
    }

    /// Appends text; what is not printable ASCII becomes `?`, so that a line stays one line.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for byte in text.bytes() {
            self.push(if (b' '..=b'~').contains(&byte) { byte } else { b'?' });
        }
        self
    }

    /// Appends a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        for &digit in &digits[at..] {
            self.push(digit);
        }
        self
    }

    /// Appends a number in hexadecimal, as `0x` and eight digits.
    pub fn hex(&mut self, number: u32) -> &mut Self {
        self.text("0x");
        for shift in (0..8).rev() {
            self.push(b"0123456789abcdef"[(number >> (4 * shift)) as usize % 16]);
        }
        self
    }

    /// Appends a number that may be negative.
    pub fn signed(&mut self, number: i64) -> &mut Self {
        if number < 0 {
            self.push(b'-');
        }
        self.number(number.unsigned_abs())
    }

    /// Appends ` name=` and a number.
    pub fn field(&mut self, name: &str, number: u64) -> &mut Self {
        self.text(" ").text(name).text("=").number(number)
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.push(b'\n');
        self.flush();
    }

    fn push(&mut self, byte: u8) {
        if self.len == PIECE_MAX {
            self.flush();
        }
        self.piece[self.len] = byte;
        self.len += 1;
    }

    fn flush(&mut self) {
        self.console.write(&self.piece[..self.len]);
        self.len = 0;
    }
}

/// Counters written as ranges while they come, in their order: `40-44,47,50-59`.
#[derive(Debug, Default)]
pub struct Counters {
    open: Option<(u32, u32)>,
    written: bool,
}

impl Counters {
    /// Takes the next counter; writes the range before it once that is complete.
    pub fn push<C: Console + ?Sized>(&mut self, line: &mut Line<'_, C>, counter: u32) {
        match &mut self.open {
            Some((_, last)) if last.checked_add(1) == Some(counter) => *last = counter,
            Some(_) | None => {
                self.write_open(line);
                self.open = Some((counter, counter));
            }
        }
    }

    /// Writes what is left.
    pub fn finish<C: Console + ?Sized>(mut self, line: &mut Line<'_, C>) {
        self.write_open(line);
    }

    fn write_open<C: Console + ?Sized>(&mut self, line: &mut Line<'_, C>) {
        let Some((first, last)) = self.open.take() else { return };
        if self.written {
            line.text(",");
        }
        self.written = true;
        line.number(u64::from(first));
        if last != first {
            line.text("-").number(u64::from(last));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[derive(Default)]
    pub(crate) struct Collected(pub(crate) String, pub(crate) usize);

    impl Console for Collected {
        fn write(&mut self, piece: &[u8]) {
            assert!(piece.is_ascii() && piece.len() <= PIECE_MAX);
            self.0.extend(piece.iter().map(|&byte| char::from(byte)));
            self.1 += 1;
        }
    }

    fn ranges(counters: &[u32]) -> String {
        let mut console = Collected::default();
        let mut line = Line::new(&mut console, "");
        let mut ranges = Counters::default();
        for &counter in counters {
            ranges.push(&mut line, counter);
        }
        ranges.finish(&mut line);
        line.end();
        console.0
    }

    #[test]
    fn counters_become_ranges_in_their_order() {
        assert_eq!(ranges(&[]), "\n");
        assert_eq!(ranges(&[7]), "7\n");
        assert_eq!(ranges(&[40, 41, 42, 43, 44, 47, 50, 51, 52]), "40-44,47,50-52\n");
        assert_eq!(ranges(&[5, 4, 3, 9, 9, 10]), "5,4,3,9,9-10\n");
        assert_eq!(ranges(&[u32::MAX - 1, u32::MAX, 0, 1]), "4294967294-4294967295,0-1\n");
    }

    #[test]
    fn numbers_are_decimal() {
        let mut console = Collected::default();
        let mut line = Line::new(&mut console, "n");
        line.field("a", 0)
            .field("b", u64::MAX)
            .text(" ")
            .signed(-12)
            .text(" ")
            .signed(i64::MIN)
            .text(" ")
            .hex(0xF0A9)
            .end();
        assert_eq!(console.0, "n a=0 b=18446744073709551615 -12 -9223372036854775808 0x0000f0a9\n");
    }

    #[test]
    fn a_long_line_comes_in_pieces_and_stays_one_line() {
        let mut console = Collected::default();
        let counters: Vec<u32> = (0..1_000).step_by(2).collect();
        let mut line = Line::new(&mut console, "é\n ");
        for &counter in &counters {
            line.number(u64::from(counter)).text(",");
        }
        line.end();
        assert!(console.0.starts_with("??? 0,2,4,"));
        assert!(console.0.ends_with("996,998,\n"));
        assert_eq!(console.0.lines().count(), 1);
        assert_eq!(console.1, console.0.len().div_ceil(PIECE_MAX));
    }
}
