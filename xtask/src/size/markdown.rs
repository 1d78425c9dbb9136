//! SIZES.md.

use std::fmt::Write;

use super::image::{ARENA_BYTES, IMAGES};
use super::table::{Row, UPDATE, grouped};
use super::{FUNCTIONS_SHOWN, SHOWN_TARGET};

/// What stands in front of the stack's figure, by which it is found again.
const STACK: &str =
    "Deepest stack of the firmware, application and smoltcp included, painted and read back in QEMU: ";

/// Others' figures, with what they are of. The MQTT clients in Rust and smoltcp were built for it, like the images
/// here; the core libraries' are of their own size tables, the sketches' of 256dpi/arduino-mqtt#193.
#[rustfmt::skip]
const PEERS: &[(&str, &str, &str)] = &[
    ("minimq 0.13.5 (MQTT 5)", "20,116", "connect, publish QoS 1, poll; thumbv7em, opt-level s, measured as here over registers"),
    ("rust-mqtt 0.6.0 (MQTT 5)", "42,882", "the same"),
    ("coreMQTT 5", "18,900", "GCC -Os, library's own table; without a network stack"),
    ("coreMQTT 1.1.2 (MQTT 3.1.1)", "5,700", "the same"),
    ("coreMQTT-Agent", "17,600", "the same, coreMQTT included"),
    ("coreHTTP", "22,300", "the same; 17.1 KB of it is llhttp"),
    ("smoltcp 0.14", "15,760", "Ethernet, IPv4, a TCP client's loop, without DHCP and DNS; thumbv7em, opt-level s, measured as here"),
    ("PubSubClient / arduino-mqtt", "12,978 / 16,008", "sketch on AVR, Ethernet library included, -Os"),
    ("librdkafka, Java, rskafka", "none", "not for machines of this size"),
];

/// All that SIZES.md shows.
pub(super) struct Measured<'a> {
    pub(super) rows: &'a [Row],
    pub(super) layout: &'a [(String, u64)],
    pub(super) functions: &'a [(String, u64)],
    /// Bytes; `None` when it was never measured.
    pub(super) stack: Option<u64>,
}

/// The stack's figure in an older SIZES.md.
pub(super) fn stack_of(written: &str) -> Option<u64> {
    let figure = written.lines().find_map(|line| line.strip_prefix(STACK))?;
    figure.split_once(' ')?.0.replace(',', "").parse().ok()
}

impl Measured<'_> {
    pub(super) fn to_markdown(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).unwrap_or_else(|_| unreachable!("a String takes all that is written"));
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "# Sizes\n\nWritten by `{UPDATE}`; `{UPDATE} --check` fails in CI when a figure grows by more than 1 % without being"
        )?;
        writeln!(
            out,
            "written here. Bytes, of images in `tests/sizes`: opt-level s, fat LTO, one codegen unit, panic=abort, each compared"
        )?;
        writeln!(
            out,
            "with the same image without nanokafka. What the compiler links for nanokafka, such as `memcpy`, counts for it. RAM"
        )?;
        writeln!(
            out,
            "is static, the producer itself included, with 6 partitions, 3 brokers, 96 bytes for their host names, 2 connections and"
        )?;
        writeln!(
            out,
            "4 batches, without the batches' {} bytes. `{UPDATE}` fails when `core` or `core+all` has a function by which it can panic.",
            grouped(ARENA_BYTES)
        )?;
        writeln!(out, "\n## Images\n\n| Target | Image | Flash | RAM |\n|---|---|--:|--:|")?;
        for row in self.rows {
            writeln!(out, "{}", row.to_markdown())?;
        }
        writeln!(out)?;
        for image in IMAGES {
            writeln!(out, "- `{}`: {}.", image.name, image.about)?;
        }
        writeln!(
            out,
            "- `firmware`: all of `firmware-example`, for the board, at opt-level z; its RAM includes 14 KiB of batches."
        )?;
        self.write_parts(out)?;
        writeln!(
            out,
            "\n## Others\n\nFlash of what a device could use instead, where a figure is known.\n\n| Who | Flash | Of what |\n|---|--:|---|"
        )?;
        for (who, flash, scope) in PEERS {
            writeln!(out, "| {who} | {flash} | {scope} |")?;
        }
        Ok(())
    }

    fn write_parts(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n## Types on {SHOWN_TARGET}\n\nWhat each more of them takes of RAM.\n\n| Of | Bytes |\n|---|--:|"
        )?;
        for (name, bytes) in self.layout {
            writeln!(out, "| {name} | {} |", grouped(*bytes))?;
        }
        writeln!(out, "\n## Stack\n")?;
        match self.stack {
            Some(bytes) => writeln!(out, "{STACK}{} bytes (`{UPDATE} --stack`).", grouped(bytes))?,
            None => writeln!(out, "Not measured yet: `{UPDATE} --stack`.")?,
        }
        writeln!(
            out,
            "\n## The {FUNCTIONS_SHOWN} largest functions of `core` on {SHOWN_TARGET}\n\nWith all that was inlined into them.\n\n| Function | Bytes |\n|---|--:|"
        )?;
        for (name, bytes) in self.functions {
            writeln!(out, "| `{}` | {} |", name.replace('|', "\\|"), grouped(*bytes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_back() {
        let row = Row { target: "t".into(), image: "core".into(), flash: 34_567, ram: 1_000 };
        let (layout, functions) = ([("producer".to_owned(), 680)], [("a::b".to_owned(), 7_000)]);
        let rows = [row.clone()];
        let measured = Measured { rows: &rows, layout: &layout, functions: &functions, stack: Some(4_321) };
        let text = measured.to_markdown();
        assert_eq!(stack_of(&text), Some(4_321));
        assert_eq!(text.lines().filter_map(Row::parse).collect::<Vec<_>>(), [row]);
        assert!(text.contains("| producer | 680 |") && text.contains("| `a::b` | 7,000 |"));
        let without = Measured { stack: None, ..measured };
        assert_eq!(stack_of(&without.to_markdown()), None);
    }
}
