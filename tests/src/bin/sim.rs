//! A worker of `cargo xtask sim`: runs some seeds or cases, and prints one line of JSON for all of them.
//!
//! `sim seeds START COUNT MODE stop|go`, `sim single|pairs START COUNT stop|go`, `sim count single|pairs`,
//! `sim trace SEED MODE` or `sim case ID`. A process of its own for each
//! part, because a world's memory is leaked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use nanokafka::Acks;
use nanokafka_tests::sim::exhaustive::{CaseId, pair, pairs, run_case, single, singles, trace_case};
use nanokafka_tests::sim::{Mode, Plan, Report, Sum, run, trace};

static MESSAGE: Mutex<String> = Mutex::new(String::new());

fn main() {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut message) = MESSAGE.lock() {
            *message = info.to_string();
        }
    }));
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["seeds", start, count, mode, stop] => {
            let (start, count, mode) = (number(start), number(count), mode_of(mode));
            let case =
                |seed: u64| -> Case { (seed.to_string(), Box::new(move || run(&Plan::of(seed, mode)))) };
            sum((start..start + count).map(case), *stop == "stop");
        }
        ["single", start, count, stop] => {
            let cases = (number(start)..number(start) + number(count)).map_while(|n| single(n as usize));
            sum(cases.map(case), *stop == "stop");
        }
        ["pairs", start, count, stop] => {
            let cases = (number(start)..number(start) + number(count)).map_while(|n| pair(n as usize));
            sum(cases.map(case), *stop == "stop");
        }
        ["count", "single"] => println!("{}", singles()),
        ["count", "pairs"] => println!("{}", pairs()),
        ["case", id] => {
            let case: CaseId = id.parse().unwrap_or_else(|error| panic!("{error}"));
            let _ = catch_unwind(AssertUnwindSafe(|| trace_case(&case)));
            print_message();
        }
        ["trace", seed, mode] => tell(&Plan::of(number(seed), mode_of(mode))),
        other => panic!("{other:?}"),
    }
}

/// Its id, and how it runs.
type Case = (String, Box<dyn Fn() -> Report>);

fn case(id: CaseId) -> Case {
    (id.to_string(), Box::new(move || run_case(&id)))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn mode_of(text: &str) -> Mode {
    match text {
        "idempotent" => Mode::Idempotent,
        "all" => Mode::Plain(Acks::All),
        "1" => Mode::Plain(Acks::Leader),
        "0" => Mode::Plain(Acks::None),
        other => panic!("mode {other}"),
    }
}

fn sum(cases: impl Iterator<Item = Case>, stop: bool) {
    let mut sum = Sum::default();
    for (id, case) in cases {
        match catch_unwind(AssertUnwindSafe(case)) {
            Ok(report) => {
                if !report.counts.all_zero() {
                    println!("FAIL {id} {}", report.counts);
                    sum.failed += 1;
                }
                sum.add(&report);
            }
            Err(_) => {
                let message = MESSAGE.lock().map(|message| message.replace('\n', " ")).unwrap_or_default();
                println!("FAIL {id} {}", message.chars().take(600).collect::<String>());
                sum.seeds += 1;
                sum.failed += 1;
            }
        }
        if stop && sum.failed > 0 {
            break;
        }
    }
    println!("{}", sum.json());
}

fn tell(plan: &Plan) {
    println!("{plan:#?}");
    let _ = catch_unwind(AssertUnwindSafe(|| trace(plan)));
    print_message();
}

fn print_message() {
    if let Ok(message) = MESSAGE.lock() {
        println!("{message}");
    }
}
