use super::*;

fn wait(waiters: &mut Waiters, place: Option<Place>) -> Place {
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
    let places: Vec<_> = (0..3).map(|_| wait(&mut waiters, None)).collect();
    assert_eq!(wake(&mut waiters, 2), 2);
    assert_eq!(wake(&mut waiters, 2), 1);
    assert_eq!(wake(&mut waiters, 2), 0);
    waiters.leave(places[0]);
    assert_eq!(wait(&mut waiters, Some(places[1])), places[1], "who lost keeps the place");
    assert_eq!(wake(&mut waiters, 9), 1);
}

#[test]
fn who_lost_often_closes_the_line_until_served() {
    let mut waiters = Waiters::default();
    let first = wait(&mut waiters, None);
    let second = wait(&mut waiters, None);
    assert!(waiters.may_try(None));
    for _ in 0..LOSSES_MAX {
        assert!(waiters.may_try(None) && waiters.may_try(Some(second)));
        assert_eq!(wake(&mut waiters, 1), 1);
        wait(&mut waiters, Some(first));
    }
    assert!(!waiters.may_try(None) && !waiters.may_try(Some(second)) && waiters.may_try(Some(first)));
    waiters.leave(first);
    assert!(waiters.may_try(None) && waiters.may_try(Some(second)));
}

#[test]
fn polls_without_a_wake_are_no_losses() {
    let mut waiters = Waiters::default();
    let first = wait(&mut waiters, None);
    for _ in 0..10 {
        wait(&mut waiters, Some(first));
    }
    assert!(waiters.may_try(None));
}

#[test]
fn leaving_twice_or_unknown_does_nothing() {
    let mut waiters = Waiters::default();
    let first = wait(&mut waiters, None);
    waiters.leave(first);
    waiters.leave(first);
    assert_eq!(wake(&mut waiters, 1), 0);
}
