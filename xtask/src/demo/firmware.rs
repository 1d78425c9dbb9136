//! The firmware: built, and measured by what its ELF file says.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nanokafka_cluster::install::run_quietly;
use object::{File, Object, ObjectSection, SectionFlags, elf};

use super::flash;
use super::places::Places;
use crate::workspace::{cargo, ensure_targets, root};

/// The board's target.
pub(crate) const TARGET: &str = "thumbv7m-none-eabi";

/// Partitions of its topic that the firmware lends memory for, in `board/src/kafka_memory.rs`.
pub(crate) const PARTITIONS_MAX: usize = 16;

/// What a firmware takes of the chip, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// All that is programmed: code, constants, and the first values of variables.
    pub(crate) flash: u64,
    /// All that is reserved: variables with and without first values. The stack gets what is left.
    pub(crate) ram: u64,
    /// The part of `flash` that is nanokafka's core.
    pub(crate) core_flash: u64,
    /// The part of `flash` that is the adapter for smoltcp.
    pub(crate) adapter_flash: u64,
    /// The part of `flash` that cannot be told whose it is: most constants.
    pub(crate) unknown_flash: u64,
}

/// Builds the firmware in its own workspace and returns its ELF file.
pub(crate) fn build() -> Result<PathBuf> {
    let workspace = root().join("firmware-example");
    ensure_targets(&[TARGET])?;
    let mut cargo = cargo();
    // Its own folder also where the caller shares one target directory between workspaces.
    cargo.arg("build").arg("--release").arg("--manifest-path").arg(workspace.join("Cargo.toml"));
    cargo.args(["--bin", "firmware", "--target", TARGET, "--target-dir"]).arg(workspace.join("target"));
    run_quietly(cargo).context("the firmware does not build")?;
    Ok(workspace.join("target").join(TARGET).join("release/firmware"))
}

/// A firmware's ELF file.
pub(crate) struct Elf {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Elf {
    pub(crate) fn read(path: PathBuf) -> Result<Self> {
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { path, bytes })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How much it takes of the chip, and who takes it.
    pub(crate) fn size(&self) -> Result<Size> {
        let file = self.parse()?;
        let mut size = Size::default();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            if sh_flags & u64::from(elf::SHF_ALLOC) == 0 {
                continue;
            }
            let stored = section.kind() != object::SectionKind::UninitializedData;
            size.flash += if stored { section.size() } else { 0 };
            size.ram += if sh_flags & u64::from(elf::SHF_WRITE) != 0 { section.size() } else { 0 };
        }
        let shares = flash::shares(&file)?;
        let share = |name: &str| shares.get(name).copied().unwrap_or(0);
        size.core_flash = share(flash::CORE);
        size.adapter_flash = share(flash::ADAPTER);
        size.unknown_flash = size.flash - shares.values().sum::<u64>().min(size.flash);
        Ok(size)
    }

    /// What stands at return addresses, innermost first: a line each, more where functions were inlined.
    pub(crate) fn describe_calls(&self, return_addresses: &[u64]) -> Result<Vec<String>> {
        let places = Places::new(&self.parse()?)?;
        // A return address is behind the call, and may already belong to another line.
        Ok(return_addresses.iter().flat_map(|address| places.describe(address.saturating_sub(2))).collect())
    }

    fn parse(&self) -> Result<File<'_>> {
        File::parse(&*self.bytes).with_context(|| format!("reading {}", self.path.display()))
    }
}
