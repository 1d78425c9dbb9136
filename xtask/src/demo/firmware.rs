//! The firmware: built, and measured by what its ELF file says.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nanokafka_cluster::install::run_quietly;
use object::{Object, ObjectSection, SectionFlags, elf};

use crate::workspace::{cargo, ensure_targets, root};

const TARGET: &str = "thumbv7m-none-eabi";

/// What a firmware takes of the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// All that is programmed: code, constants, and the first values of variables.
    pub(crate) flash: u64,
    /// All that is reserved: variables with and without first values. The stack gets what is left.
    pub(crate) ram: u64,
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

/// Reads the sizes from an ELF file.
pub(crate) fn size(elf: &Path) -> Result<Size> {
    let bytes = std::fs::read(elf).with_context(|| format!("reading {}", elf.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| format!("reading {}", elf.display()))?;
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
    Ok(size)
}
