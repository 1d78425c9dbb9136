use super::*;

fn wait(waiters: &mut Waiters, place: Place) -> Place {
    waiters.wait(place, Waker::noop(), true)
}

fn wake(waiters: &mut Waiters, count: usize) -> usize {
    let mut woken = 0;
    waiters.wake(count, |_| woken += 1);
    woken
}

#[test]
fn the_first_in_line_are_woken_first_and_once() {
    let mut waiters = Waiters::default();
    let places: Vec<_> = (0..3).map(|_| wait(&mut waiters, Place::NONE)).collect();
    assert_eq!(wake(&mut waiters, 2), 2);
    assert_eq!(wake(&mut waiters, 2), 1);
    assert_eq!(wake(&mut waiters, 2), 0);
    waiters.leave(places[0]);
    assert_eq!(wait(&mut waiters, places[1]), places[1], "who lost keeps the place");
    assert_eq!(wake(&mut waiters, 9), 1);
}

#[test]
fn who_lost_often_closes_the_line_until_served() {
    let mut waiters = Waiters::default();
    let first = wait(&mut waiters, Place::NONE);
    let second = wait(&mut waiters, Place::NONE);
    assert!(waiters.may_try(Place::NONE));
    for _ in 0..LOSSES_MAX {
        assert!(waiters.may_try(Place::NONE) && waiters.may_try(second));
        assert_eq!(wake(&mut waiters, 1), 1);
        wait(&mut waiters, first);
    }
    assert!(!waiters.may_try(Place::NONE) && !waiters.may_try(second) && waiters.may_try(first));
    waiters.leave(first);
    assert!(waiters.may_try(Place::NONE) && waiters.may_try(second));
}

#[test]
fn polls_without_a_wake_are_no_losses() {
    let mut waiters = Waiters::default();
    let first = wait(&mut waiters, Place::NONE);
    for _ in 0..10 {
        wait(&mut waiters, first);
    }
    assert!(waiters.may_try(Place::NONE));
}

#[test]
fn leaving_twice_or_unknown_does_nothing() {
    let mut waiters = Waiters::default();
    let first = wait(&mut waiters, Place::NONE);
    waiters.leave(first);
    waiters.leave(first);
    assert_eq!(wake(&mut waiters, 1), 0);
}

#[test]
fn who_gives_up_passes_its_turn_on_once() {
    let mut waiters = Waiters::default();
    let places: Vec<_> = (0..3).map(|_| wait(&mut waiters, Place::NONE)).collect();
    assert_eq!(wake(&mut waiters, 1), 1);
    assert!(waiters.pass_on(places[0]).is_some(), "it had been woken; now the next one is");
    assert!(waiters.pass_on(places[0]).is_none(), "it is not in line any more");
    assert_eq!(wake(&mut waiters, 9), 1, "one is still asleep");
    assert!(waiters.pass_on(Place::NONE).is_none());
}
