//! Documents that name tests: their tables, and whether the tests exist.

use std::path::{Path, PathBuf};

/// The workspace's folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The rows of all tables of a Markdown text whose first cell is not a heading, cell by cell.
#[must_use]
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &str| line.starts_with('|');
    let is_rule = |line: &str| is_row(line) && line.chars().all(|c| "|-: ".contains(c));
    let heads_table = |number: usize| lines.get(number + 1).is_some_and(|next| is_rule(next));
    let numbered = lines.iter().enumerate();
    let rows = numbered.filter(|&(number, line)| is_row(line) && !is_rule(line) && !heads_table(number));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(|(_, line)| cells(line)).collect()
}

/// What stands in backticks.
#[must_use]
pub fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Nothing when `path::function` is a test, and otherwise why it is none.
#[must_use]
pub fn why_no_test(name: &str) -> Option<String> {
    let Some((path, function)) = name.rsplit_once("::") else {
        return Some(format!("`{name}` is no path::function"));
    };
    let Ok(source) = std::fs::read_to_string(workspace().join(path)) else {
        return Some(format!("`{name}`: there is no such file"));
    };
    let is_test = has_test(&source, function)
        || is_scenario(path, function)
        // The scenarios of a real cluster are run one after the other: see the tables there.
        || (path.ends_with("real_kafka.rs")
            && source.contains(&format!("fn {function}("))
            && source.matches(function).count() > 1);
    (!is_test).then(|| format!("`{name}`: there is no such test"))
}

/// Whether the source has a function of this name with the attribute `test`.
fn has_test(source: &str, function: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let head = format!("fn {function}(");
    lines.iter().enumerate().filter(|(_, line)| line.contains(&head)).any(|(number, _)| {
        let before = lines.iter().take(number).rev();
        before.take_while(|line| line.starts_with("#[")).any(|line| line.starts_with("#[test]"))
    })
}

/// Whether the suite runs this scenario.
fn is_scenario(path: &str, function: &str) -> bool {
    let Some(module) = path.strip_prefix("tests/src/scenario/").and_then(|file| file.strip_suffix(".rs"))
    else {
        return false;
    };
    let suite = std::fs::read_to_string(workspace().join("tests/src/scenario/mod.rs")).unwrap_or_default();
    let of_module = suite.split_once(&format!("{module}:\n")).map_or("", |(_, rest)| rest);
    let names = of_module.split(';').next().unwrap_or_default();
    names.split_whitespace().any(|name| name == function)
}

/// The value of an integer constant in a source.
#[must_use]
pub fn constant(source: &str, name: &str) -> Option<String> {
    let rest = source.split_once(&format!("const {name}: "))?.1;
    let value = rest.split_once("= ")?.1.split_once(';')?.0;
    Some(value.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_scenarios_are_found_and_others_are_not() {
        let found = "tests/src/catalogue.rs::tests_and_scenarios_are_found_and_others_are_not";
        assert_eq!(why_no_test(found), None);
        assert_eq!(why_no_test("tests/src/scenario/network.rs::one_byte_at_a_time"), None);
        for missing in [
            "tests/src/catalogue.rs::quoted",
            "tests/src/catalogue.rs::nobody",
            "tests/src/scenario/content.rs::one_byte_at_a_time",
            "tests/src/nowhere.rs::one_byte_at_a_time",
            "one_byte_at_a_time",
        ] {
            assert!(why_no_test(missing).is_some(), "{missing}");
        }
    }

    #[test]
    fn tables_are_taken_apart() {
        let text = "# T\n\n| a | b |\n|---|---|\n| 1 | `x` and `y` |\n| 2 | z |\n";
        assert_eq!(rows(text), [["1", "`x` and `y`"], ["2", "z"]]);
        assert_eq!(quoted("`x` and `y`"), ["x", "y"]);
        assert_eq!(constant("const A: usize = 1_000;", "A"), Some("1000".to_owned()));
        assert_eq!(constant("const A: usize = 1_000;", "B"), None);
    }
}
