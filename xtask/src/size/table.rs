//! The rows of SIZES.md: written, read back, and compared.

/// The command that brings SIZES.md up to date.
pub(super) const UPDATE: &str = "cargo xtask size";

/// One figure with its name; `target` and `image` name its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) target: String,
    pub(super) image: String,
    pub(super) flash: u64,
    pub(super) ram: u64,
}

/// A number with commas between its thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl Row {
    pub(super) fn to_markdown(&self) -> String {
        format!("| {} | `{}` | {} | {} |", self.target, self.image, grouped(self.flash), grouped(self.ram))
    }

    /// Reads a line that [`to_markdown`](Self::to_markdown) wrote; `None` for any other.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [target, image, flash, ram] = cells[..] else { return None };
        let number = |cell: &str| cell.replace(',', "").parse().ok();
        Some(Self {
            target: target.to_owned(),
            image: image.strip_prefix('`')?.strip_suffix('`')?.to_owned(),
            flash: number(flash)?,
            ram: number(ram)?,
        })
    }
}

/// What a figure may grow by without being written down: 1 %.
const fn is_grown(old: u64, new: u64) -> bool {
    new * 100 > old * 101
}

/// Everything by which the rows measured now are larger than those written down, or are not written down.
pub(super) fn grown(written: &[Row], measured: &[Row]) -> Vec<String> {
    let mut grown = Vec::new();
    for row in measured {
        let name = format!("{} on {}", row.image, row.target);
        let Some(old) = written.iter().find(|old| (&old.target, &old.image) == (&row.target, &row.image))
        else {
            grown.push(format!("{name} is not in SIZES.md: flash {}, RAM {}", row.flash, row.ram));
            continue;
        };
        for (what, old, new) in [("flash", old.flash, row.flash), ("RAM", old.ram, row.ram)] {
            if is_grown(old, new) {
                grown.push(format!("{what} of {name} grew from {} to {} bytes", grouped(old), grouped(new)));
            }
        }
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(image: &str, flash: u64, ram: u64) -> Row {
        Row { target: "thumbv6m-none-eabi".into(), image: image.into(), flash, ram }
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_other_lines_are_none() {
        let written = row("core+log", 1_234_567, 89);
        assert_eq!(written.to_markdown(), "| thumbv6m-none-eabi | `core+log` | 1,234,567 | 89 |");
        assert_eq!(Row::parse(&written.to_markdown()), Some(written));
        for line in ["", "| target | image | flash | RAM |", "|---|---|--:|--:|", "| a | b | 1 | 2 |"] {
            assert_eq!(Row::parse(line), None, "{line}");
        }
    }

    #[test]
    fn one_percent_more_passes_and_a_byte_more_does_not() {
        let old = [row("core", 10_000, 100)];
        assert!(grown(&old, &[row("core", 10_100, 101)]).is_empty());
        assert!(grown(&old, &[row("core", 9_000, 0)]).is_empty());
        let larger = grown(&old, &[row("core", 10_101, 102)]);
        assert_eq!(
            larger,
            [
                "flash of core on thumbv6m-none-eabi grew from 10,000 to 10,101 bytes",
                "RAM of core on thumbv6m-none-eabi grew from 100 to 102 bytes"
            ]
        );
        assert!(grown(&[row("core", 0, 0)], &[row("core", 1, 0)]).len() == 1);
    }

    #[test]
    fn a_row_that_is_not_written_down_is_told() {
        assert!(grown(&[], &[row("core", 1, 2)])[0].contains("is not in SIZES.md"));
    }
}
