//! Apache Kafka itself, fetched by Maven and kept in a cache.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::install::{ensure_program, run_quietly};

/// The versions that the tests run against: newest, the last of 3.x, and one that needs ZooKeeper.
pub const VERSIONS: [&str; 3] = ["4.4.0", "3.9.2", "2.8.2"];

/// The version of Kafka's own clients that administer and read back; it speaks to all of [`VERSIONS`].
pub const TOOLS_VERSION: &str = "4.3.1";

const TOOL_SOURCE: &str = include_str!("../java/KafkaTool.java");

/// A version of Kafka on this machine's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    version: String,
    lib: PathBuf,
}

impl Distribution {
    /// The broker `version`, fetched into `cache_dir` unless it is there. Other processes may ask for the same.
    ///
    /// # Errors
    /// Java or Maven is missing and cannot be installed from here, or there is no such version, or no network.
    pub fn ensure(version: &str, cache_dir: &Path) -> Result<Self> {
        major(version)?;
        Ok(Self { version: version.into(), lib: fetch("kafka_2.13", version, cache_dir, version)? })
    }

    /// The version, as `4.4.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it is so old that it needs ZooKeeper.
    pub fn needs_zookeeper(&self) -> bool {
        major(&self.version).is_ok_and(|m| m < 3)
    }

    /// The class path of all its jars.
    pub(crate) fn class_path(&self) -> OsString {
        self.lib.join("*").into_os_string()
    }
}

/// Kafka's own clients with our small command line in front, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    lib: PathBuf,
    classes: PathBuf,
}

impl Tools {
    pub(crate) fn ensure(cache_dir: &Path) -> Result<Self> {
        let lib = fetch("kafka-tools", TOOLS_VERSION, cache_dir, &format!("tools-{TOOLS_VERSION}"))?;
        let classes = cache_dir.join(format!("tool-{:016x}", fnv1a(TOOL_SOURCE.as_bytes())));
        install_once(cache_dir, &classes, |dir| {
            let source = dir.join("KafkaTool.java");
            fs::write(&source, TOOL_SOURCE).map_err(Error::io(format!("writing {}", source.display())))?;
            let mut javac = Command::new("javac");
            javac.arg("-cp").arg(lib.join("*")).arg("-d").arg(dir).arg(&source);
            run_quietly(javac)
        })?;
        Ok(Self { lib, classes })
    }

    /// A command that runs the tool; its arguments are still to be added.
    pub(crate) fn command(&self) -> Command {
        let mut class_path = self.classes.clone().into_os_string();
        class_path.push(":");
        class_path.push(self.lib.join("*"));
        let mut java = Command::new("java");
        java.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
        java.arg("-cp").arg(class_path).arg("KafkaTool");
        java
    }
}

/// The class path of Kafka's own command line tools, [`TOOLS_VERSION`], fetched if they are not there.
///
/// # Errors
/// Java or Maven is missing and cannot be installed from here, or there is no network.
pub fn tools_class_path() -> Result<OsString> {
    Ok(Tools::ensure(&default_cache_dir())?.lib.join("*").into_os_string())
}

/// Where Kafka is kept: `kafka` in the target directory that cargo uses for this workspace.
pub fn default_cache_dir() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    workspace.join(target).join("kafka")
}

fn major(version: &str) -> Result<u32> {
    let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
    match numbers.as_slice() {
        [Ok(major), Ok(_), Ok(_)] => Ok(*major),
        _ => Err(Error::Invalid(format!(
            "`{version}` is not a version of Kafka; tested are {}",
            VERSIONS.join(", ")
        ))),
    }
}

/// The jars of `artifact` and all it needs, in `<cache_dir>/<name>/lib`.
fn fetch(artifact: &str, version: &str, cache_dir: &Path, name: &str) -> Result<PathBuf> {
    ensure_program("java", "default-jdk-headless")?;
    let dir = cache_dir.join(name);
    install_once(cache_dir, &dir, |dir| {
        ensure_program("javac", "default-jdk-headless")?;
        ensure_program("mvn", "maven")?;
        eprintln!("fetching Apache Kafka ({artifact} {version}) by Maven");
        let pom = dir.join("pom.xml");
        fs::write(&pom, project(artifact, version))
            .map_err(Error::io(format!("writing {}", pom.display())))?;
        let mut mvn = Command::new("mvn");
        mvn.args([
            "-q",
            "-B",
            "-Dstyle.color=never",
            "dependency:copy-dependencies",
            "-DoutputDirectory=lib",
        ])
        .current_dir(dir);
        run_quietly(mvn)
    })?;
    Ok(dir.join("lib"))
}

/// Makes `dir` by `fill`, once, also when several processes want it at the same time: a lock keeps the others
/// waiting, and only a finished directory gets its name.
fn install_once(cache_dir: &Path, dir: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let making = || format!("making {}", dir.display());
    fs::create_dir_all(cache_dir).map_err(Error::io(making()))?;
    let lock = File::create(cache_dir.join("lock")).map_err(Error::io(making()))?;
    lock.lock().map_err(Error::io(making()))?;
    if dir.is_dir() {
        return Ok(());
    }
    let mut partial = dir.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    // Left by a process that was killed in the middle: nobody else can be at it, we hold the lock.
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).map_err(Error::io(making()))?;
    fill(&partial)?;
    fs::rename(&partial, dir).map_err(Error::io(making()))
}

/// Kafka's packages bring no logger, and without one a broker that cannot start says nothing at all.
fn project(artifact: &str, version: &str) -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>nanokafka</groupId><artifactId>cache</artifactId><version>1</version><dependencies>{}{}\
         </dependencies></project>\n",
        dependency("org.apache.kafka", artifact, version),
        dependency("org.slf4j", "slf4j-simple", "1.7.36"),
    )
}

/// A hash that is the same in every release of Rust, because it names files that outlive the build.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_three_numbers() {
        assert_eq!(major("2.8.2").unwrap(), 2);
        for wrong in ["4", "4.4", "4.4.x", "", "../4.4.0", "4.4.0.1"] {
            let error = major(wrong).unwrap_err().to_string();
            assert!(error.contains("tested are 4.4.0, 3.9.2, 2.8.2"), "{error}");
        }
    }

    #[test]
    fn only_a_finished_directory_gets_its_name() {
        let cache = std::env::temp_dir().join(format!("nanokafka-install-once-{}", std::process::id()));
        let dir = cache.join("thing");
        let failed = install_once(&cache, &dir, |_| Err(Error::Invalid("no network".into())));
        assert!(failed.is_err() && !dir.exists());
        install_once(&cache, &dir, |d| fs::write(d.join("x"), "1").map_err(Error::io("writing"))).unwrap();
        install_once(&cache, &dir, |_| unreachable!("it is there already")).unwrap();
        assert_eq!(fs::read_to_string(dir.join("x")).unwrap(), "1");
        fs::remove_dir_all(&cache).unwrap();
    }
}
