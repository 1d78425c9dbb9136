//! What the layer check and the length check read from Rust source files: paths and functions, without a
//! compiler.

mod tokens;

use std::path::{Path, PathBuf};

use tokens::{Token, tokens};

/// A path in a source file that starts with `crate`, `self` or `super`, made absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The line, from 1.
    pub line: usize,
    /// The module that it stands in, inline modules included.
    pub within: Vec<String>,
    /// The segments from the crate's root; empty for the root itself, and `*` for a glob.
    pub path: Vec<String>,
}

/// A function and how long it is, signature and braces included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its first line, from 1.
    pub line: usize,
    /// The number of its lines.
    pub lines: usize,
}

/// All `.rs` files under a directory, sorted.
///
/// # Panics
/// When the directory cannot be read.
#[must_use]
pub fn rust_files(under: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(under).unwrap_or_else(|error| panic!("{}: {error}", under.display()));
    for entry in entries {
        let path = entry.expect("a directory entry can be read").path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module that a file below `src` is, from the crate's root: `network/poll.rs` is `network::poll`.
#[must_use]
pub fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// All paths of the file that start with `crate`, `self` or `super`, in imports and elsewhere. `module` is what
/// the file is.
#[must_use]
pub fn mentions(source: &str, module: &[String]) -> Vec<Mention> {
    let tokens = tokens(source);
    let mut mentions = Vec::new();
    // The inline modules that are open, with the depth of braces before each.
    let mut inner: Vec<(usize, String)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inner.retain(|(opened_at, _)| *opened_at < depth);
            }
            "mod" if text(&tokens, at + 2) == "{" => inner.push((depth, text(&tokens, at + 1).to_owned())),
            "crate" | "self" | "super"
                if text(&tokens, at + 1) == "::" && text(&tokens, at.wrapping_sub(1)) != "::" =>
            {
                let here: Vec<String> =
                    module.iter().cloned().chain(inner.iter().map(|(_, name)| name.clone())).collect();
                at = path_tree(&tokens, at, &here, &[], &mut mentions);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    mentions
}

/// The functions of the file that have a body.
#[must_use]
pub fn functions(source: &str) -> Vec<Function> {
    let tokens = tokens(source);
    let mut functions = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = text(&tokens, at + 1);
        if token.text != "fn" || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            continue;
        }
        let Some(open) = body_of(&tokens, at) else { continue };
        let mut depth = 0_usize;
        for token_in in &tokens[open..] {
            match token_in.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let lines = token_in.line - token.line + 1;
                functions.push(Function { name: name.to_owned(), line: token.line, lines });
                break;
            }
        }
    }
    functions
}

/// Where the body of the function opens; `None` for a declaration.
fn body_of(tokens: &[Token], from: usize) -> Option<usize> {
    let mut nested = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "(" | "[" => nested += 1,
            ")" | "]" => nested = nested.saturating_sub(1),
            ";" if nested == 0 => return None,
            "{" if nested == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads a path, or a tree of paths in braces, and returns where it ends.
fn path_tree(
    tokens: &[Token],
    mut at: usize,
    here: &[String],
    prefix: &[String],
    mentions: &mut Vec<Mention>,
) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens[at].line;
    loop {
        match text(tokens, at) {
            "{" => {
                at += 1;
                while !matches!(text(tokens, at), "}" | "") {
                    at = path_tree(tokens, at, here, &path, mentions);
                    while text(tokens, at) == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            segment => path.push(segment.to_owned()),
        }
        at += 1;
        if text(tokens, at) != "::" {
            break;
        }
        at += 1;
        // A turbofish ends the path as well.
        if text(tokens, at) == "<" {
            break;
        }
    }
    if text(tokens, at) == "as" {
        at += 2;
    }
    mentions.push(Mention { line, within: here.to_vec(), path: absolute(&path, here) });
    at
}

fn absolute(path: &[String], here: &[String]) -> Vec<String> {
    let mut base = here.to_vec();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        rest = tail;
    }
    base.extend_from_slice(rest);
    base
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|&part| part.to_owned()).collect();
        mentions(source, &module).iter().map(|mention| mention.path.join("::")).collect()
    }

    #[test]
    fn imports_and_plain_paths_are_found() {
        let source = "use crate::wire::Reader;\nfn f() -> crate::time::Instant { crate::code::of::<u8>(1) }";
        assert_eq!(paths(source, &["network"]), ["wire::Reader", "time::Instant", "code::of"]);
    }

    #[test]
    fn trees_are_taken_apart() {
        let source = "pub(crate) use crate::{wire::{self, Reader as R}, time::*, code};";
        assert_eq!(paths(source, &["a"]), ["wire::self", "wire::Reader", "time::*", "code"]);
    }

    #[test]
    fn super_climbs_out_of_files_and_of_inline_modules() {
        assert_eq!(paths("use super::x;", &["network", "poll"]), ["network::x"]);
        assert_eq!(paths("use super::super::sender;", &["network", "poll"]), ["sender"]);
        assert_eq!(paths("use super::sender;", &["network"]), ["sender"]);
        let source = "mod tests { use super::*; mod deep { use super::super::super::wire; } } use super::y;";
        assert_eq!(paths(source, &["network", "poll"]), ["network::poll::*", "network::wire", "network::y"]);
        assert_eq!(paths("use self::x; use super::*;", &["a"]), ["a::x", "*"]);
    }

    #[test]
    fn comments_strings_and_lifetimes_hide_nothing_and_add_nothing() {
        let source = r##"// crate::a
            /* crate::b /* nested */ */ const S: &'static str = "crate::c \" crate::d"; const R: &str = r#"crate::"e"#;
            const C: [char; 2] = ['"', '\'']; use crate::f;"##;
        assert_eq!(paths(source, &["x"]), ["f"]);
    }

    #[test]
    fn a_file_is_the_module_that_its_path_says() {
        assert_eq!(module_of(Path::new("network/poll.rs")), ["network", "poll"]);
        assert_eq!(module_of(Path::new("network/mod.rs")), ["network"]);
        assert_eq!(module_of(Path::new("lib.rs")), [""; 0]);
    }

    #[test]
    fn a_function_is_as_long_as_its_signature_and_its_body() {
        let source = "trait T { fn declared(&self); }\nfn one() {}\nfn three(\n    a: [u8; 3],\n) -> u8 { if a[0] > 1 {\n 1 } else { 2 }\n}\n";
        let found: Vec<(String, usize, usize)> = functions(source)
            .into_iter()
            .map(|function| (function.name, function.line, function.lines))
            .collect();
        assert_eq!(found, [("one".to_owned(), 2, 1), ("three".to_owned(), 3, 5)]);
    }
}
