//! A copy of the repository that mistakes are put into.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use diffy::patch_set::{FileOperation, ParseOptions, PatchSet};
use nanokafka_cluster::install::run_quietly;

/// What the simulator is built of.
const PARTS: [&str; 8] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", "core", "adapters", "tests", "xtask"];

/// The copy and its target folder.
pub(super) struct Copy {
    dir: PathBuf,
    target: PathBuf,
}

/// A file of the repository, by its path in it, as the patch would have it.
pub(super) type Patched = Vec<(String, String)>;

/// Applies a patch to what is in the repository; writes nothing.
pub(super) fn patched(root: &Path, patch: &str) -> Result<Patched> {
    let mut files = Vec::new();
    for file in PatchSet::parse(patch, ParseOptions::unidiff()) {
        let file = file.context("not a patch in unified format")?;
        let operation = file.operation().strip_prefix(1);
        let FileOperation::Modify { original, .. } = &operation else {
            anyhow::bail!("a patch may change files, and not create or delete them");
        };
        let path = root.join(original.as_ref());
        let before = fs::read_to_string(&path).with_context(|| format!("{original} is not there"))?;
        let patch = file.patch().as_text().context("not a text")?;
        let after = diffy::apply(&before, patch).with_context(|| format!("in {original}"))?;
        files.push((original.to_string(), after));
    }
    ensure!(!files.is_empty(), "it changes nothing");
    Ok(files)
}

impl Copy {
    pub(super) fn new(source: &Path, under: &Path) -> Result<Self> {
        let copy = Self { dir: under.join("copy"), target: under.join("target") };
        for part in PARTS {
            mirror(&source.join(part), &copy.dir.join(part)).with_context(|| format!("copying {part}"))?;
        }
        Ok(copy)
    }

    /// Builds the copy's simulator, and tells where it is.
    pub(super) fn build(&self) -> Result<PathBuf> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--release", "--quiet", "-p", "nanokafka-tests", "--bin", "sim"]);
        // Nobody looks at these programs by a debugger, and mistakes leave code behind that nobody calls.
        cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "false").env("RUSTFLAGS", "--cap-lints=allow");
        // One mistake changes one file.
        cargo.env("CARGO_PROFILE_RELEASE_INCREMENTAL", "true");
        cargo.current_dir(&self.dir).env("CARGO_TARGET_DIR", &self.target);
        run_quietly(cargo).context("the simulator does not build")?;
        Ok(self.target.join("release/sim"))
    }

    /// The repository's root in the copy.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Does something with these files in the copy, and puts the old ones back.
    pub(super) fn with<T>(&self, files: &Patched, then: impl FnOnce(&Self) -> T) -> Result<T> {
        let mut before = Vec::new();
        for (path, text) in files {
            let path = self.dir.join(path);
            before.push((path.clone(), fs::read(&path)?));
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        let result = then(self);
        for (path, text) in before {
            fs::write(path, text)?;
        }
        Ok(result)
    }
}

/// Makes `to` equal to `from`, and leaves files alone that are: cargo builds again what is newer.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    if from.is_file() {
        let text = fs::read(from)?;
        if fs::read(to).ok().as_ref() != Some(&text) {
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(to, text)?;
        }
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            mirror(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(old: &str, new: &str) -> String {
        format!(
            "A mistake.\n\n--- a/core/src/lib.rs\n+++ b/core/src/lib.rs\n@@ -1,1 +1,1 @@\n-{old}\n+{new}\n"
        )
    }

    #[test]
    fn a_patch_that_fits_changes_its_file_and_one_that_does_not_is_an_error() {
        let dir = std::env::temp_dir().join(format!("nanokafka-mutants-{}", std::process::id()));
        fs::create_dir_all(dir.join("core/src")).unwrap();
        fs::write(dir.join("core/src/lib.rs"), "// moved\nsame\n").unwrap();
        let files = patched(&dir, &patch("same", "other")).unwrap();
        assert_eq!(files, [("core/src/lib.rs".to_owned(), "// moved\nother\n".to_owned())]);
        assert!(patched(&dir, &patch("gone", "other")).is_err());
        assert!(patched(&dir, "no patch").is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
