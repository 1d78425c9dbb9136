//! The clients of the bench: built in their own workspace, so that no other build compiles the peers.

use std::path::PathBuf;

use anyhow::{Context, Result};
use nanokafka_cluster::install::run_quietly;

use crate::workspace::{cargo, root};

/// Builds a package of `tests/bench` and returns its program.
pub(crate) fn build(package: &str) -> Result<PathBuf> {
    let workspace = root().join("tests/bench");
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--package", package, "--manifest-path"]);
    // Its own folder also where the caller shares one target directory between workspaces.
    let target = root().join("target/bench/clients");
    cargo.arg(workspace.join("Cargo.toml")).arg("--target-dir").arg(&target);
    run_quietly(cargo).with_context(|| format!("the bench's client {package} does not build"))?;
    Ok(target.join("release").join(package))
}
