//! `tests/JAVA-SCENARIOS.md` has each scenario once, with tests that exist, or a reason.

use nanokafka_tests::catalogue::{quoted, why_no_test, workspace};

const DOES_NOT_APPLY: &str = "does not apply: ";

/// `Class scenario`, in the order of the document, and what it says of each.
fn told(text: &str) -> Vec<(String, String)> {
    let mut class = "";
    let mut told = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            class = heading;
        } else if let Some((name, here)) = line.strip_prefix("| ").and_then(|row| row.split_once(" | "))
            && name != "Java"
        {
            told.push((format!("{class} {name}"), here.trim_end_matches(" |").to_owned()));
        }
    }
    told
}

#[test]
fn each_scenario_of_java_is_there_once_with_a_test_or_a_reason() {
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).expect(path);
    let names = read("tests/tests/java/scenarios.txt");
    let told = told(&read("tests/JAVA-SCENARIOS.md"));
    let mut wrong: Vec<String> = Vec::new();
    for name in names.lines() {
        let times = told.iter().filter(|(of, _)| of == name).count();
        if times != 1 {
            wrong.push(format!("{name} is there {times} times"));
        }
    }
    for (name, here) in &told {
        if !names.lines().any(|of| of == name) {
            wrong.push(format!("{name} is no scenario"));
        }
        match here.strip_prefix(DOES_NOT_APPLY) {
            Some(reason) if reason.len() > 20 => {}
            Some(_) => wrong.push(format!("{name}: no reason")),
            None if quoted(here).is_empty() => wrong.push(format!("{name}: no test")),
            None => wrong.extend(quoted(here).into_iter().filter_map(why_no_test)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told.len() >= 200, "{} scenarios", told.len());
}

#[test]
fn no_scenario_of_java_is_played_here_and_left_out_of_the_document() {
    let document = std::fs::read_to_string(workspace().join("tests/JAVA-SCENARIOS.md")).expect("it is there");
    for file in std::fs::read_dir(workspace().join("tests/tests/java")).expect("it is there").flatten() {
        let (path, name) = (file.path(), file.file_name());
        if name == "catalogue.rs" || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a source");
        let tests = source.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        for test in tests {
            let reference = format!("{}::{test}`", name.to_string_lossy());
            assert!(document.contains(&reference), "{reference}");
        }
    }
}
