//! `tests/FAULTS.md` says the truth.

use nanokafka_tests::catalogue::{constant, quoted, rows, why_no_test, workspace};

/// The rows of the fault table that are to be proved here.
const ROWS: [u32; 18] = [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 23, 24, 25, 26, 32];

#[test]
fn each_row_is_there_once_with_tests_that_exist_and_figures_that_they_have() {
    let text = std::fs::read_to_string(workspace().join("tests/FAULTS.md")).expect("tests/FAULTS.md");
    let rows = rows(&text);
    let mut numbers: Vec<u32> = rows.iter().map(|row| row[0].parse().expect("a row's number")).collect();
    numbers.sort_unstable();
    let mut wanted = ROWS.to_vec();
    wanted.sort_unstable();
    assert_eq!(numbers, wanted);
    let mut wrong = Vec::new();
    for row in &rows {
        let [number, _, tests, figures] = &row[..] else { panic!("four cells: {row:?}") };
        let tests = quoted(tests);
        assert!(!tests.is_empty(), "row {number} has no test");
        wrong.extend(tests.iter().filter_map(|test| why_no_test(test)));
        let figures = quoted(figures);
        assert!(!figures.is_empty(), "row {number} has no figure");
        wrong.extend(figures.iter().filter_map(|figure| why_wrong(figure, &tests)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A figure is a constant of one of the row's test files, or what a command of xtask prints.
fn why_wrong(figure: &str, tests: &[&str]) -> Option<String> {
    if let Some(command) = figure.strip_prefix("cargo xtask ") {
        let name = command.split(' ').next().unwrap_or_default();
        let main = std::fs::read_to_string(workspace().join("xtask/src/main.rs")).unwrap_or_default();
        let is_command = main.contains(&format!("=> {name}::run("));
        return (!is_command).then(|| format!("`{figure}`: xtask has no such command"));
    }
    let Some((name, value)) = figure.split_once(" = ") else {
        return Some(format!("`{figure}` is neither NAME = value nor a command"));
    };
    let found = tests.iter().find_map(|test| {
        let path = test.split("::").next()?;
        let source = std::fs::read_to_string(workspace().join(path)).ok()?;
        constant(&source, name)
    });
    let said = value.replace(',', "");
    (found.as_deref() != Some(said.as_str())).then(|| format!("`{figure}`, and the tests say {found:?}"))
}
