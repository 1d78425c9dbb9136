//! The images: what is in each, what it is compared with, and how large it is.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use nanokafka_cluster::install::run_quietly;
use object::{File, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind, elf};

use crate::workspace::{cargo, root};

/// Batches of the images times their size, in `tests/sizes/src/producer.rs`: the application's own choice, not counted.
pub(super) const ARENA_BYTES: u64 = 4 * 1_024;

/// One row of the table for each target.
pub(super) struct Image {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    features: &'static str,
    /// Features of the image that it is compared with; `None` takes the whole image.
    base: Option<&'static str>,
}

const fn image(
    name: &'static str,
    features: &'static str,
    base: Option<&'static str>,
    about: &'static str,
) -> Image {
    Image { name, about, features, base }
}

#[rustfmt::skip]
pub(super) const IMAGES: &[Image] = &[
    image("core", "core", Some(""), "core without a feature, over registers: ApiVersions, metadata, produce, accumulator, idempotence"),
    image("core+address-map", "address-map", Some(""), "core with `address-map`"),
    image("core+drop-oldest", "drop-oldest", Some(""), "core with `drop-oldest`"),
    image("core+split", "split", Some(""), "core with `split`"),
    image("core+default", "default-features", Some(""), "core with its default features: these three"),
    image("core+all", "all", Some(""), "the same with an application that uses all there is: headers, explicit partitions, records read back, flush, reset, each setting"),
    image("core+crc-table", "crc-table", Some(""), "core with `crc-table`"),
    image("core+crc-slicing", "crc-slicing", Some(""), "core with `crc-slicing`"),
    image("core+log", "core,log", Some("log"), "core with `log`, against an application that logs"),
    image("core+defmt", "core,defmt", Some("defmt"), "core with `defmt` at level info, against an application that logs"),
    image("core+embedded-io", "embedded-io", Some(""), "core with the adapter for streams"),
    image("core+smoltcp", "smoltcp-adapter", Some("smoltcp"), "core with the adapter for smoltcp, against an application that uses smoltcp's TCP, DHCP and DNS"),
    image("core+smoltcp+async", "smoltcp-adapter,async", Some("smoltcp,async"), "the same with wakers"),
    image("smoltcp", "smoltcp", Some(""), "smoltcp alone: nothing of nanokafka"),
    image("whole", "smoltcp-adapter", None, "all of an image with smoltcp, DHCP, DNS and core"),
];

/// What an image takes of a chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) flash: u64,
    pub(super) ram: u64,
}

impl Image {
    /// Its bytes on a target, without those of what it is compared with.
    pub(super) fn measure(&self, target: &str) -> Result<Bytes> {
        let has_arena = self.features != "smoltcp";
        let Bytes { flash, ram } = Built::new(target, self.features)?.bytes()?;
        let base = match self.base {
            Some(features) => Built::new(target, features)?.bytes()?,
            None => Bytes::default(),
        };
        let arena = if has_arena { ARENA_BYTES } else { 0 };
        Ok(Bytes {
            flash: flash.saturating_sub(base.flash),
            ram: ram.saturating_sub(base.ram).saturating_sub(arena),
        })
    }
}

/// An image's ELF file.
pub(super) struct Built(Vec<u8>);

impl Built {
    pub(super) fn new(target: &str, features: &str) -> Result<Self> {
        let elf = build(target, features)?;
        Ok(Self(std::fs::read(&elf).with_context(|| format!("reading {}", elf.display()))?))
    }

    fn parse(&self) -> Result<File<'_>> {
        File::parse(&*self.0).context("the image is no ELF file")
    }

    fn bytes(&self) -> Result<Bytes> {
        let mut bytes = Bytes::default();
        for section in self.parse()?.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            if sh_flags & u64::from(elf::SHF_ALLOC) == 0 {
                continue;
            }
            let stored = section.kind() != SectionKind::UninitializedData;
            bytes.flash += if stored { section.size() } else { 0 };
            bytes.ram += if sh_flags & u64::from(elf::SHF_WRITE) != 0 { section.size() } else { 0 };
        }
        Ok(bytes)
    }

    /// The functions through which something in the image can panic.
    pub(super) fn panics(&self) -> Result<Vec<String>> {
        let file = self.parse()?;
        let names = file.symbols().filter_map(|symbol| Some(plain(symbol.name().ok()?)));
        Ok(names.filter(|name| name.starts_with("core::panicking::")).collect())
    }

    /// The largest functions, by name.
    pub(super) fn largest(&self, count: usize) -> Result<Vec<(String, u64)>> {
        let file = self.parse()?;
        let functions = file.symbols().filter(|symbol| symbol.kind() == object::SymbolKind::Text);
        let named = functions.filter_map(|symbol| Some((plain(symbol.name().ok()?), symbol.size())));
        let mut functions: Vec<(String, u64)> = named.collect();
        functions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        functions.truncate(count);
        Ok(functions)
    }

    /// Sizes of the statics that stand for nanokafka's types, by what they are called behind `layout_`.
    pub(super) fn layout(&self) -> Result<Vec<(String, u64)>> {
        let file = self.parse()?;
        let symbols = file.symbols().filter_map(|symbol| {
            Some((symbol.name().ok()?.strip_prefix("layout_")?.to_owned(), symbol.size()))
        });
        let mut layout: Vec<(String, u64)> = symbols.collect();
        layout.sort();
        Ok(layout)
    }
}

/// A symbol as a person reads it: without its hash, and without what mangling left of punctuation.
fn plain(symbol: &str) -> String {
    let name = addr2line::demangle_auto(symbol.into(), Some(addr2line::gimli::DW_LANG_Rust));
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path.to_owned()
        }
        _ => name.into_owned(),
    }
}

fn build(target: &str, features: &str) -> Result<PathBuf> {
    let folder = root().join("target/sizes");
    let mut cargo: Command = cargo();
    // The level at which lines of core's log are kept.
    cargo.env("DEFMT_LOG", "info");
    // Flags of the caller's own would be measured.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(root().join("tests/sizes/Cargo.toml"));
    cargo.args(["--target", target, "--features", features, "--target-dir"]).arg(&folder);
    run_quietly(cargo)
        .with_context(|| format!("the image with features `{features}` does not build for {target}"))?;
    Ok(folder.join(target).join("release/sizes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_names_of_their_own_and_none_is_compared_with_itself() {
        for (at, image) in IMAGES.iter().enumerate() {
            assert!(IMAGES[..at].iter().all(|other| other.name != image.name), "{}", image.name);
            assert_ne!(image.base, Some(image.features));
        }
    }

    #[test]
    fn a_function_is_shown_without_its_hash() {
        assert_eq!(plain("_ZN9nanokafka8producer3run17h0123456789abcdefE"), "nanokafka::producer::run");
        assert_eq!(plain("memcpy"), "memcpy");
    }
}
