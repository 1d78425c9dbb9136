//! The images that count, and QEMU that runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nanokafka_cluster::install::run_quietly;

use crate::bench::measured::measured;
use crate::demo::qemu::BOARD;
use crate::workspace::{cargo, root};

/// An instruction lasts 128 ns, by which the image counts.
const ICOUNT: &str = "shift=7";

/// One build of `tests/device/counts`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image {
    pub(super) target: &'static str,
    /// What the emulated board gets for a processor.
    cpu: &'static str,
    /// The processor's part number: the image tells what it has found.
    part: &'static str,
    pub(super) opt_level: &'static str,
    /// How CRC-32C is made.
    pub(super) crc: &'static str,
    feature: &'static str,
    /// Instructions that a copy and a CRC-32C of a record of 20 bytes take at least, by reliability-performance 4.1.
    pub(super) floor: f64,
}

const fn image(target: &'static str, opt_level: &'static str, crc: &'static str, floor: f64) -> Image {
    let (cpu, part) = match target.as_bytes()[6] {
        b'6' => ("cortex-m0", "c20"),
        _ => ("cortex-m3", "c23"),
    };
    let feature = match crc.as_bytes()[0] {
        b't' => "crc-table",
        b's' => "crc-slicing",
        _ => "",
    };
    Image { target, cpu, part, opt_level, crc, feature, floor }
}

const V7M: &str = "thumbv7m-none-eabi";
const V6M: &str = "thumbv6m-none-eabi";

/// The targets that are built for.
pub(super) const TARGETS: [&str; 2] = [V7M, V6M];

/// Floors: a copy of 20 bytes, nine bytes of a record's header, and 29.3 bytes of CRC-32C at `-O3`; for slicing, those
/// of slice-by-4, the fastest of all.
pub(super) const IMAGES: &[Image] = &[
    image(V7M, "s", "nibbles", 272.0),
    image(V7M, "3", "nibbles", 272.0),
    image(V7M, "3", "slicing", 132.0),
    image(V6M, "s", "nibbles", 394.0),
    image(V6M, "3", "nibbles", 394.0),
    image(V6M, "3", "table", 241.0),
];

impl Image {
    /// What tells it from the others.
    pub(super) fn name(&self) -> String {
        format!("{} opt-level {} {}", self.target, self.opt_level, self.crc)
    }

    /// Builds it, runs it twice, and returns what it tells: the same both times.
    pub(super) fn run(&self) -> Result<String> {
        let elf = self.build(self.feature)?;
        let (first, second) = (self.run_once(&elf, "")?, self.run_once(&elf, "")?);
        ensure!(first == second, "two runs of {} counted differently:\n{first}\n{second}", self.name());
        Ok(first)
    }

    pub(super) fn build(&self, features: &str) -> Result<PathBuf> {
        let folder = root().join("target/device");
        let mut cargo = cargo();
        // Flags of the caller's own would be measured.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level);
        cargo.args(["build", "--release", "--locked", "-p", "counts", "--manifest-path"]);
        cargo.arg(root().join("tests/device/Cargo.toml"));
        cargo.args(["--target", self.target, "--features", features, "--target-dir"]).arg(&folder);
        run_quietly(cargo).with_context(|| format!("the image {} does not build", self.name()))?;
        Ok(folder.join(self.target).join("release/counts"))
    }

    /// Runs it with these words for its command line, each behind a comma.
    pub(super) fn run_once(&self, elf: &Path, words: &str) -> Result<String> {
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", BOARD, "-cpu", self.cpu, "-icount", ICOUNT, "-nic", "none"]);
        qemu.args(["-display", "none", "-monitor", "none", "-serial", "none"]);
        let semihosting = format!("enable=on,target=native,arg=image{words}");
        qemu.args(["-semihosting-config", &semihosting, "-kernel"]).arg(elf);
        let told = measured(qemu).with_context(|| format!("{} failed in QEMU", self.name()))?.stdout;
        check(&told, self.part).with_context(|| format!("what {} told:\n{told}", self.name()))?;
        Ok(told)
    }
}

/// Loading the number of turns takes an instruction or two besides the loop.
const CALIBRATION_MORE: u64 = 2;

/// Whether the image came to its end, on the right processor, with a clock that counts instructions.
fn check(told: &str, part: &str) -> Result<()> {
    ensure!(told.lines().last() == Some("NK done"), "the image did not come to its end");
    let calibration = Line::find(told, "calibration")?;
    let (expected, counted) = (calibration.number("expected")?, calibration.number("counted")?);
    ensure!(
        (expected..=expected + CALIBRATION_MORE).contains(&counted),
        "a loop of {expected} instructions was counted as {counted}: this QEMU's -icount does not count instructions"
    );
    let found = calibration.text("part")?;
    ensure!(found == part, "QEMU emulated the processor {found} instead of {part}");
    Ok(())
}

/// A line `NK KIND name=value ...`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    /// All lines of this kind.
    pub(super) fn all(told: &'a str, kind: &'a str) -> impl Iterator<Item = Self> {
        told.lines()
            .filter(move |line| line.split(' ').nth(1) == Some(kind) && line.starts_with("NK "))
            .map(Line)
    }

    /// The first of this kind.
    pub(super) fn find(told: &'a str, kind: &'a str) -> Result<Self> {
        Self::all(told, kind).next().with_context(|| format!("it has no line `NK {kind}`"))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str> {
        let value = self.0.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.with_context(|| format!("no {name}= in: {}", self.0))
    }

    pub(super) fn number(&self, name: &str) -> Result<u64> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(number) => Ok(number),
            Err(_) => bail!("{name}={text} is no number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "NK calibration expected=10 counted=11 part=c23\nNK done";

    #[test]
    fn a_run_counts_when_it_ended_and_its_clock_and_processor_are_right() {
        assert!(check(GOOD, "c23").is_ok());
        assert!(check(GOOD, "c20").is_err());
        assert!(check(&GOOD.replace("counted=11", "counted=13"), "c23").is_err());
        assert!(check(&GOOD.replace("counted=11", "counted=9"), "c23").is_err());
        assert!(check(GOOD.trim_end_matches("done"), "c23").is_err());
    }

    #[test]
    fn a_line_gives_what_it_names() {
        let line = Line::find(GOOD, "calibration").unwrap();
        assert_eq!(line.number("expected").unwrap(), 10);
        assert!(line.number("count").is_err() && line.number("part").is_err());
        assert!(Line::find(GOOD, "cal").is_err());
    }

    #[test]
    fn images_have_names_of_their_own() {
        for (at, image) in IMAGES.iter().enumerate() {
            assert!(IMAGES[..at].iter().all(|other| other.name() != image.name()), "{}", image.name());
        }
    }
}
