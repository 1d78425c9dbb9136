//! Row 23: answers in the wrong order, with wrong correlation ids, for nobody, twice, or glued together.

use crate::rig::{IN_FLIGHT_MAX, all_delivered, each_place, record_by_record, send_in_flight, warm};

/// All orders of up to five answers.
const ROW_23_PERMUTATIONS: usize = 153;

/// Each bit of each correlation id, of up to five answers.
const ROW_23_WRONG_IDS: usize = 480;

/// An answer for nobody before, between and behind up to five, and each of them twice.
const ROW_23_SURPLUS: usize = 35;

/// The correlation id, behind the frame's length.
const ID_AT: usize = 4;

/// So many in flight, whose answers are changed: only so many of the first may be believed.
fn answered(in_flight: usize, believed: usize, case: &str, edit: impl FnMut(&mut Vec<Vec<u8>>)) {
    let (mut world, topic) = warm(record_by_record(1, 1));
    send_in_flight(&mut world, topic, in_flight, 50);
    world.cluster().edit_answers(1, edit);
    world.run_for(60);
    let is_good = believed > in_flight;
    assert_eq!(world.counters().malformed_responses, usize::from(!is_good), "{case}");
    assert_eq!(world.counters().disconnects, usize::from(!is_good), "{case}");
    assert_eq!(world.delivered(), 1 + believed.min(in_flight), "{case}: nothing else is acknowledged by it");
    world.settle();
    all_delivered(world, 1 + in_flight, case);
}

/// All orders of the numbers below `n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..n).map(move |at| {
            let mut order = order.clone();
            order.insert(at, n - 1);
            order
        })
    });
    longer.collect()
}

#[test]
fn answers_in_any_other_order_are_not_believed() {
    let mut cases = 0;
    for in_flight in 1..=IN_FLIGHT_MAX {
        for order in permutations(in_flight) {
            let in_place = order.iter().enumerate().take_while(|(at, of)| at == *of).count();
            let believed = if in_place == in_flight { usize::MAX } else { in_place };
            answered(in_flight, believed, &format!("{order:?}"), |frames| {
                *frames = order.iter().map(|of| frames[*of].clone()).collect();
            });
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_23_PERMUTATIONS);
}

#[test]
fn an_answer_with_a_wrong_correlation_id_is_not_believed() {
    let mut cases = 0;
    for (in_flight, place) in each_place() {
        for bit in 0..32 {
            answered(in_flight, place, &format!("bit {bit} of {place} of {in_flight}"), |frames| {
                frames[place][ID_AT + bit / 8] ^= 1 << (bit % 8);
            });
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_23_WRONG_IDS);
}

#[test]
fn an_answer_to_nobody_or_a_second_one_is_not_believed() {
    let mut cases = 0;
    for in_flight in 1..=IN_FLIGHT_MAX {
        for at in 0..=in_flight {
            answered(in_flight, at, &format!("to nobody at {at} of {in_flight}"), |frames| {
                let mut to_nobody = frames[0].clone();
                to_nobody[ID_AT..ID_AT + 4].copy_from_slice(&0x7FFF_0000_i32.to_be_bytes());
                frames.insert(at, to_nobody);
            });
            cases += 1;
        }
    }
    for (in_flight, place) in each_place() {
        answered(in_flight, place + 1, &format!("{place} of {in_flight} twice"), |frames| {
            frames.insert(place, frames[place].clone());
        });
        cases += 1;
    }
    assert_eq!(cases, ROW_23_SURPLUS);
}

#[test]
fn answers_glued_together_are_told_apart() {
    for in_flight in 1..=IN_FLIGHT_MAX {
        answered(in_flight, usize::MAX, "glued", |frames| *frames = vec![frames.concat()]);
    }
}
