//! Whose the bytes in flash are.
//!
//! Code is told by the debug information: of the functions that were inlined into each other at an address, the
//! innermost that belongs to a crate has it. The standard library's code counts for the crate it was inlined into, and
//! for itself only where it stands alone. Constants are told by their symbols' names; most have none.

use std::collections::BTreeMap;

use addr2line::gimli::DW_LANG_Rust;
use anyhow::Result;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use super::places::Places;

/// The name of nanokafka's core among the shares.
pub(super) const CORE: &str = "nanokafka";
/// The name of the adapter for smoltcp among the shares.
pub(super) const ADAPTER: &str = "nanokafka_smoltcp";

const STANDARD_LIBRARY: &str = "std";

/// The shortest instruction: each address at which one could begin is asked for.
const STEP: usize = 2;

/// The bytes of each crate that has any, by its name.
pub(super) fn shares(elf: &object::File<'_>) -> Result<BTreeMap<String, u64>> {
    let places = Places::new(elf)?;
    let mut shares = BTreeMap::new();
    for section in elf.sections().filter(|s| s.kind() == SectionKind::Text) {
        for address in (section.address()..section.address() + section.size()).step_by(STEP) {
            if let Some(owner) = owner_of_code(&places.files(address)) {
                *shares.entry(owner.to_owned()).or_default() += STEP as u64;
            }
        }
    }
    let constants = [SectionKind::ReadOnlyData, SectionKind::ReadOnlyString, SectionKind::Data];
    for symbol in elf.symbols().filter(|s| s.size() > 0) {
        let Some(section) = symbol.section_index().and_then(|i| elf.section_by_index(i).ok()) else {
            continue;
        };
        if constants.contains(&section.kind())
            && let Ok(name) = symbol.name()
            && let Some(owner) = owner_of_symbol(&addr2line::demangle_auto(name.into(), Some(DW_LANG_Rust)))
        {
            *shares.entry(owner.to_owned()).or_default() += symbol.size();
        }
    }
    Ok(shares)
}

/// The crate that code belongs to which comes from these files, the innermost first.
fn owner_of_code<'a>(files: &[&'a str]) -> Option<&'a str> {
    files.iter().find_map(|file| crate_of(file)).or((!files.is_empty()).then_some(STANDARD_LIBRARY))
}

/// The crate of a source file; `None` for the standard library, which has no code of its own in the end.
fn crate_of(file: &str) -> Option<&str> {
    if file.contains("compiler-builtins") || file.contains("compiler_builtins") {
        return Some("compiler_builtins");
    }
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        let folder = rest.split('/').nth(1)?;
        return folder.rsplit_once('-').map(|(name, _version)| name);
    }
    if file.starts_with("/rustc/") || file.contains("/lib/rustlib/src/") {
        return None;
    }
    let ours =
        [("/firmware-example/", "firmware"), ("/adapters/smoltcp/src/", ADAPTER), ("/core/src/", CORE)];
    ours.iter().find(|(folder, _)| file.contains(folder)).map(|(_, name)| *name)
}

/// The crate in a symbol's path, such as `nanokafka` in `<nanokafka::a::B as core::fmt::Debug>::fmt`.
fn owner_of_symbol(name: &str) -> Option<&str> {
    let path = name.trim_start_matches(['<', '&', '_']);
    let (first, _) = path.split_once("::")?;
    first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_').then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STD: &str = "/rustc/5980/library/core/src/slice/mod.rs";
    const CORE_FILE: &str = "/somewhere/core/src/wire/reader.rs";
    const SMOLTCP: &str = "/h/registry/src/index-1/smoltcp-0.14.0/src/wire/tcp.rs";

    #[test]
    fn code_belongs_to_the_innermost_crate() {
        assert_eq!(owner_of_code(&[STD, STD, CORE_FILE, SMOLTCP]), Some(CORE));
        assert_eq!(owner_of_code(&[SMOLTCP, CORE_FILE]), Some("smoltcp"));
        assert_eq!(owner_of_code(&["/x/adapters/smoltcp/src/lib.rs", CORE_FILE]), Some(ADAPTER));
        assert_eq!(owner_of_code(&["/x/firmware-example/board/src/core/src/main.rs"]), Some("firmware"));
        assert_eq!(
            owner_of_code(&["/h/rustlib/../lib/rustlib/src/rust/library/core/src/fmt.rs"]),
            Some("std")
        );
        assert_eq!(
            owner_of_code(&["/rustc/1/library/compiler-builtins/src/mem.rs"]),
            Some("compiler_builtins")
        );
        assert_eq!(owner_of_code(&[STD]), Some(STANDARD_LIBRARY));
        assert_eq!(owner_of_code(&[]), None);
    }

    #[test]
    fn constants_belong_to_the_crate_in_their_name() {
        assert_eq!(owner_of_symbol("nanokafka::batch::write::CASTAGNOLI"), Some(CORE));
        assert_eq!(owner_of_symbol("<nanokafka_smoltcp::A as core::fmt::Debug>::X"), Some(ADAPTER));
        assert_eq!(owner_of_symbol("__INTERRUPTS"), None);
    }
}
