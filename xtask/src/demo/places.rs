//! The firmware's debug information: which lines of which files an address belongs to.

use std::path::Path;

use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use addr2line::{Context, FrameIter};
use anyhow::{Context as _, Result};
use object::{Object, ObjectSection};

use crate::workspace::root;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// How many calls of one address are shown: those beyond lie in what called for it.
const FRAMES_SHOWN: usize = 4;

/// The places of a firmware's code.
pub(super) struct Places<'a> {
    context: Context<Reader<'a>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(elf: &object::File<'a>) -> Result<Self> {
        let load = |id: SectionId| -> Result<Reader<'a>> {
            let data = elf.section_by_name(id.name()).map_or(Ok(&[][..]), |section| section.data())?;
            Ok(EndianSlice::new(data, LittleEndian))
        };
        let dwarf = Dwarf::load(load).context("the debug information cannot be read")?;
        Ok(Self { context: Context::from_dwarf(dwarf).context("the debug information cannot be read")? })
    }

    /// The files of the code at an address: first the one that it was written in, then those it was inlined into.
    pub(super) fn files(&self, address: u64) -> Vec<&str> {
        let mut files = Vec::new();
        let Some(mut frames) = self.frames(address) else { return files };
        while let Ok(Some(frame)) = frames.next() {
            files.extend(frame.location.and_then(|place| place.file));
        }
        files
    }

    /// `function (file:line)` of an address, innermost first, with what it was inlined into.
    pub(super) fn describe(&self, address: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(mut frames) = self.frames(address) else { return lines };
        while let Ok(Some(frame)) = frames.next()
            && lines.len() < FRAMES_SHOWN
        {
            let function = frame.function.as_ref().and_then(|f| Some(f.demangle().ok()?.into_owned()));
            let function = function.as_deref().map_or("?", without_hash);
            let place = frame.location.and_then(|p| Some(format!("{}:{}", short(p.file?), p.line?)));
            lines.push(format!("{function} ({})", place.as_deref().unwrap_or("?")));
        }
        lines
    }

    fn frames(&self, address: u64) -> Option<FrameIter<'_, Reader<'a>>> {
        self.context.find_frames(address).skip_all_loads().ok()
    }
}

/// `path::name::h0123456789abcdef` without its last part.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => path,
        _ => name,
    }
}

/// A path in this repository, or of a crate's or the standard library's source, without what lies above.
fn short(file: &str) -> String {
    let below = |mark: &str| file.split_once(mark).map(|(_, rest)| rest);
    if let Some(registry) = below("/registry/src/").and_then(|rest| rest.split_once('/')) {
        return registry.1.to_owned();
    }
    if let Some(library) = below("/library/") {
        return library.to_owned();
    }
    let path = Path::new(file).strip_prefix(root()).unwrap_or(Path::new(file));
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_short() {
        assert_eq!(without_hash("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(without_hash("a::hash"), "a::hash");
        assert_eq!(
            short("/h/.cargo/registry/src/index-1/smoltcp-0.14.0/src/a.rs"),
            "smoltcp-0.14.0/src/a.rs"
        );
        assert_eq!(short("/rustc/abc/library/core/src/a.rs"), "core/src/a.rs");
        assert_eq!(short(root().join("core/src/lib.rs").to_str().unwrap()), "core/src/lib.rs");
    }
}
