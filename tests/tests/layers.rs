//! Imports point down, files and functions stay short.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nanokafka_tests::source::{functions, mentions, module_of, rust_files};

/// Core's modules, from the bottom to the top. A module may use those of the layers below.
const LAYERS: &[&[&str]] = &[
    &["time", "fmt", "wire", "transport", "node", "random", "counters", "code"],
    &["protocol", "batch", "partition", "config", "delivery", "record"],
    &["accumulator", "metadata", "network"],
    &["idempotence"],
    &["sender"],
    &["producer"],
];

/// Who may use whom within a layer. None among accumulator, metadata and network: only sender joins them.
const WITHIN_A_LAYER: &[(&str, &str)] = &[
    // The least size of a batch is a rule of the configuration.
    ("config", "batch"),
    // A batch is written from records; its tests make the topic that records name.
    ("batch", "record"),
    ("batch", "delivery"),
    // A record names its topic.
    ("record", "delivery"),
];

/// What unit tests may use besides: the memory that they lend is put together at the top.
const TESTS_MAY_USE: &str = "producer";

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the crate's root gives other names to: `Config` is of `config`.
fn root_names(lib: &str) -> BTreeMap<String, String> {
    let qualified =
        lib.replace("pub use ", "pub use self::").replace("pub(crate) use ", "pub(crate) use self::");
    let mentions = mentions(&qualified, &[]);
    mentions
        .into_iter()
        .filter_map(|mention| Some((mention.path.last()?.clone(), mention.path.first()?.clone())))
        .collect()
}

/// What is wrong with the imports of one file of core.
fn wrong_imports(file: &Path, source: &str, root: &BTreeMap<String, String>) -> Vec<String> {
    let module = module_of(file);
    let Some(from) = module.first() else { return Vec::new() };
    let Some(layer) = layer_of(from) else {
        return vec![format!("{}: module `{from}` has no layer", file.display())];
    };
    let mut wrong = Vec::new();
    for mention in mentions(source, &module) {
        let at = format!("{}:{}", file.display(), mention.line);
        let Some(first) = mention.path.first().filter(|first| *first != "*") else {
            wrong.push(format!("{at}: imports the crate's root"));
            continue;
        };
        let to = root.get(first).filter(|_| layer_of(first).is_none()).unwrap_or(first);
        match layer_of(to) {
            _ if to == from => {}
            Some(below) if below < layer => {}
            Some(same) if same == layer && WITHIN_A_LAYER.contains(&(from, to)) => {}
            Some(_) if to == TESTS_MAY_USE && mention.within.iter().any(|module| module == "tests") => {}
            Some(_) => wrong.push(format!("{at}: `{from}` uses `{to}`, which is not below it")),
            None => wrong.push(format!("{at}: `{to}` has no layer")),
        }
    }
    wrong
}

#[test]
fn imports_of_core_point_down_only() {
    let core = workspace().join("core/src");
    let root = root_names(&std::fs::read_to_string(core.join("lib.rs")).unwrap());
    let files = rust_files(&core);
    assert!(files.len() > 20, "core has {} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let source = std::fs::read_to_string(file).unwrap();
        wrong.extend(wrong_imports(file.strip_prefix(&core).unwrap(), &source, &root));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_import_that_points_up_is_found_in_every_form() {
    let root = root_names("mod a;\npub use accumulator::{BatchSlot};\npub use time::{Instant, Wake};\n");
    let wrong = |file: &str, source: &str| wrong_imports(Path::new(file), source, &root);
    let bad = [
        ("wire/read.rs", "use crate::protocol::Header;"),
        ("network/mod.rs", "use crate::{time::Instant, metadata::Leaders};"),
        ("network/poll.rs", "use super::super::sender;"),
        ("metadata/mod.rs", "fn f(x: &crate::accumulator::Queue) {}"),
        ("accumulator/mod.rs", "mod tests { use super::super::network; }"),
        ("sender/mod.rs", "use crate::producer::Producer;"),
        ("metadata/tests.rs", "use crate::network;"),
        ("delivery.rs", "use crate::batch;"),
        ("wire/mod.rs", "use crate::BatchSlot;"),
        ("batch/mod.rs", "use super::*;"),
        ("time.rs", "use crate::shiny;"),
        ("shiny.rs", "use crate::time;"),
    ];
    for (file, source) in bad {
        assert_eq!(wrong(file, source).len(), 1, "{file}: {source}");
    }
    let good = [
        ("sender/mod.rs", "use crate::{accumulator, metadata, network, wire::Reader};"),
        ("batch/read.rs", "use super::write; use crate::time::Instant; use core::fmt;"),
        ("config/check.rs", "use super::super::time; // crate::producer"),
        ("network/mod.rs", "use crate::Instant;"),
        ("config/check.rs", "use crate::batch;"),
        ("accumulator/mod.rs", "mod tests { use super::*; use crate::producer::Resources; }"),
        ("metadata/tests.rs", "use crate::producer::Resources;"),
    ];
    for (file, source) in good {
        assert_eq!(wrong(file, source), [""; 0], "{file}: {source}");
    }
}

#[test]
fn the_exceptions_within_a_layer_form_no_cycle() {
    let mut left = WITHIN_A_LAYER.to_vec();
    // Takes away what uses nothing any more, as long as there is something.
    loop {
        let users: Vec<&str> = left.iter().map(|(user, _)| *user).collect();
        let before = left.len();
        left.retain(|(_, used)| users.contains(used));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "in a cycle: {left:?}");
    let knows_each_other = |module| LAYERS[2].contains(module);
    assert!(!WITHIN_A_LAYER.iter().any(|(user, used)| knows_each_other(user) || knows_each_other(used)));
}

/// What is too long in a file.
fn too_long(file: &Path, source: &str) -> Vec<String> {
    let mut long = Vec::new();
    let lines = source.lines().count();
    if lines > FILE_LINES_MAX {
        long.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", file.display()));
    }
    for function in functions(source).into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
        let (name, line, lines) = (function.name, function.line, function.lines);
        long.push(format!(
            "{}:{line}: `{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}",
            file.display()
        ));
    }
    long
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for under in ["core", "adapters", "tests", "xtask"] {
        for file in rust_files(&workspace().join(under)) {
            let source = std::fs::read_to_string(&file).unwrap();
            long.extend(too_long(file.strip_prefix(workspace()).unwrap(), &source));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn a_file_or_a_function_that_is_too_long_is_found() {
    let function = format!("fn long() {{\n{}}}\n", "    work();\n".repeat(FUNCTION_LINES_MAX - 1));
    assert_eq!(too_long(Path::new("x.rs"), &function).len(), 1);
    let fits = format!("fn fits() {{\n{}}}\n", "    work();\n".repeat(FUNCTION_LINES_MAX - 2));
    assert_eq!(too_long(Path::new("x.rs"), &fits).len(), 0);
    assert_eq!(too_long(Path::new("x.rs"), &"\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
    assert_eq!(too_long(Path::new("x.rs"), &"\n".repeat(FILE_LINES_MAX)).len(), 0);
}
