//! Row 14: each timer, with clocks that start near a wrap, stand still, or jump ahead by years.

use std::task::{Context, Waker};

use nanokafka::TopicId;
use nanokafka_tests::broker::{Action, Api, Fault};
use nanokafka_tests::rig::{Destination, Network, Rig as _};

use crate::rig::{Setup, World, now, record_by_record};

/// Each timer at each place around each wrap.
const ROW_14_WRAP_CASES: usize = 240;

/// Each timer at each place around the set-back.
const ROW_14_SET_BACK_CASES: usize = 60;

/// After so long, a producer sets its own clock back, which has 32 bits.
const SET_BACK_AFTER_MS: u64 = 1 << 31;

/// Polls of each timer while the clock stands still.
const ROW_14_STILL_POLLS: usize = 5_000;

/// Where clocks of 31, 32, 53 and 63 bits wrap.
const WRAPS_MS: [u64; 4] = [1 << 31, 1 << 32, 1 << 53, 1 << 63];

const TEN_YEARS_MS: u64 = 10 * 365 * 86_400_000;

/// A timer: how it is set off, and what shows that it has fired.
struct Timer {
    name: &'static str,
    configure: fn(Setup) -> Setup,
    arm: fn(&mut World, TopicId),
    fired: fn(&World) -> bool,
}

fn same(setup: Setup) -> Setup {
    setup
}

fn online(world: &mut World, topic: TopicId) {
    world.send_many(topic, Some(0), 1);
    world.settle();
}

const TIMERS: [Timer; 12] = [
    Timer {
        name: "linger_ms",
        configure: |setup| setup.config(|config| (config.linger_ms, config.batch_bytes) = (300, None)),
        arm: |world, topic| {
            online(world, topic);
            world.send_many(topic, Some(0), 1);
        },
        fired: |world| world.produce_requests().len() == 2,
    },
    Timer {
        name: "retry_backoff_ms",
        configure: same,
        arm: |world, topic| {
            world.cluster().inject(Fault::on(Api::Produce, Action::Error(7)));
            world.send_many(topic, Some(0), 1);
            world.run_until("it is refused", |world| world.counters().batch_retries == 1);
        },
        fired: |world| world.produce_requests().len() == 2,
    },
    Timer {
        name: "reconnect_backoff_ms",
        configure: same,
        arm: |world, topic| {
            online(world, topic);
            world.stop(1);
            world.run_until("that is noticed", |world| world.counters().disconnects == 1);
            world.start(1);
            world.send_many(topic, Some(0), 1);
        },
        fired: |world| world.counters().connections >= 2,
    },
    Timer {
        name: "socket_connection_setup_timeout_ms",
        configure: |setup| setup.bootstrap(&[Destination::BlackHole]),
        arm: |world, _| world.run_for(1),
        fired: |world| world.counters().disconnects == 1,
    },
    Timer {
        name: "request_timeout_ms",
        configure: same,
        arm: |world, topic| {
            online(world, topic);
            world.cluster().inject(Fault::on(Api::Produce, Action::Freeze));
            world.send_many(topic, Some(0), 1);
            world.run_until("it is under way", |world| world.produce_requests().len() == 2);
        },
        fired: |world| world.counters().request_timeouts == 1,
    },
    Timer {
        name: "delivery_timeout_ms",
        configure: |setup| setup.config(|config| config.delivery_timeout_ms = 120_000),
        arm: |world, topic| {
            world.stop(1);
            world.send_many(topic, Some(0), 1);
        },
        fired: |world| world.errors().len() == 1,
    },
    Timer {
        name: "metadata_max_age_ms",
        configure: |setup| setup.config(|config| config.metadata_max_age_ms = 5_000),
        arm: online,
        fired: |world| world.counters().metadata_updates == 2,
    },
    Timer {
        name: "connections_max_idle_ms",
        configure: |setup| setup.config(|config| config.connections_max_idle_ms = 7_000),
        arm: online,
        fired: |world| world.counters().disconnects == 1,
    },
    Timer {
        name: "retry_backoff_ms of metadata",
        configure: same,
        arm: |world, topic| {
            world.cluster().inject(Fault::on(Api::Metadata, Action::Error(5)).topic("t"));
            world.send_many(topic, Some(0), 1);
            world.run_until("it was asked", |world| world.counters().metadata_updates == 1);
        },
        fired: |world| world.counters().metadata_updates == 2,
    },
    Timer {
        name: "retry_backoff_ms of the producer id",
        configure: same,
        arm: |world, topic| {
            world.cluster().inject(Fault::on(Api::InitProducerId, Action::Error(14)));
            world.send_many(topic, Some(0), 1);
            let asked = |world: &World| world.requests().iter().any(|seen| seen.api == Api::InitProducerId);
            world.run_until("it was asked", asked);
        },
        fired: |world| world.counters().producer_ids == 1,
    },
    Timer {
        name: "throttle_time_ms",
        configure: same,
        arm: |world, topic| {
            world.cluster().inject(Fault::on(Api::Produce, Action::Throttle(700)));
            online(world, topic);
            world.send_many(topic, Some(0), 1);
        },
        fired: |world| world.produce_requests().len() == 2,
    },
    Timer {
        name: "the deadline of close",
        configure: same,
        arm: |world, topic| {
            world.stop(1);
            world.send_many(topic, Some(0), 1);
            let deadline = world.rig.now().saturating_add_ms(900);
            world.producer.close(deadline);
        },
        fired: |world| world.producer.is_closed(),
    },
];

/// The timer set off, by a clock that starts there.
fn armed(timer: &Timer, starts_at_ms: u64) -> World {
    armed_later(timer, starts_at_ms, 0)
}

/// The timer set off, so long after the producer was made.
fn armed_later(timer: &Timer, starts_at_ms: u64, later_ms: u64) -> World {
    let network = Network { starts_at_ms, ..Network::default() };
    // For ever, so that no jump ends a batch.
    let setup = record_by_record(1, 1).config(|config| config.delivery_timeout_ms = u32::MAX);
    let mut world = (timer.configure)(setup.network(network)).start();
    world.rig.jump(later_ms as i64);
    let topic = world.topic("t");
    (timer.arm)(&mut world, topic);
    assert!(!(timer.fired)(&world), "{}: already", timer.name);
    world
}

/// When it is set off and when it fires, counted from the start of the clock.
fn times(timer: &Timer, starts_at_ms: u64) -> (u64, u64) {
    times_of(armed(timer, starts_at_ms), timer, starts_at_ms)
}

fn times_of(mut world: World, timer: &Timer, starts_at_ms: u64) -> (u64, u64) {
    let at = now(&world);
    world.run_until(timer.name, timer.fired);
    (at - starts_at_ms, now(&world) - starts_at_ms)
}

#[test]
fn no_timer_is_early_or_late_around_a_wrap() {
    let mut cases = 0;
    for timer in &TIMERS {
        let (set, fires) = times(timer, 0);
        assert!(fires - set >= 40, "{}: {} ms is no timer", timer.name, fires - set);
        for wrap in WRAPS_MS {
            for wraps_after in [0, set, (set + fires) / 2, fires - 1, fires] {
                let found = times(timer, wrap - wraps_after);
                assert_eq!(found, (set, fires), "{}, the clock at {wrap} - {wraps_after}", timer.name);
                cases += 1;
            }
        }
    }
    assert_eq!(cases, ROW_14_WRAP_CASES);
}

#[test]
fn no_timer_is_early_or_late_when_the_producer_sets_its_own_clock_back() {
    let mut cases = 0;
    for timer in &TIMERS {
        let (set, fires) = times(timer, 0);
        for set_back_after in [0, set, (set + fires) / 2, fires - 1, fires] {
            let later_ms = SET_BACK_AFTER_MS - set_back_after;
            let found = times_of(armed_later(timer, 0, later_ms), timer, later_ms);
            assert_eq!(found, (set, fires), "{}, set back after {set_back_after} ms", timer.name);
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_14_SET_BACK_CASES);
}

#[test]
fn no_timer_fires_while_the_clock_stands_still() {
    for timer in &TIMERS {
        let mut world = armed(timer, 0);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..ROW_14_STILL_POLLS {
            world.rig.poll(&mut cx, &mut world.producer);
        }
        world.take_deliveries();
        assert!(!(timer.fired)(&world), "{}: fired", timer.name);
        assert!(world.requests().len() <= 8, "{}: {} requests", timer.name, world.requests().len());
        let set = now(&world);
        world.run_until(timer.name, timer.fired);
        let (took, usual) = (now(&world) - set, times(timer, 0).1 - times(timer, 0).0);
        // Jitter of 20 % in either, where there is jitter.
        let has_jitter = timer.name.contains("backoff") || timer.name.contains("setup");
        let range = if has_jitter { usual * 8 / 12..=usual * 12 / 8 } else { usual..=usual };
        assert!(range.contains(&took), "{}: {took} ms when the clock goes on, not {usual}", timer.name);
    }
}

/// A clock that was set by mistake, or by a first wrong guess of the date.
#[test]
fn a_clock_that_falls_back_by_years_goes_on_from_there() {
    for timer in &TIMERS {
        let network = Network { starts_at_ms: TEN_YEARS_MS, ..Network::default() };
        let setup = record_by_record(1, 1).config(|config| config.delivery_timeout_ms = u32::MAX);
        let mut world = (timer.configure)(setup.network(network)).start();
        let topic = world.topic("t");
        // What is on the wire would be ten years away for the rig.
        world.rig.jump(1 - TEN_YEARS_MS as i64);
        (timer.arm)(&mut world, topic);
        let armed = now(&world);
        assert!(armed < 60_000, "{}: the clock has fallen back", timer.name);
        world.run_until(timer.name, timer.fired);
        let (took, usual) = (now(&world) - armed, times(timer, 0).1 - times(timer, 0).0);
        assert!(took <= usual * 12 / 8 + 10, "{}: {took} ms, not {usual}", timer.name);
    }
}

#[test]
fn every_timer_has_fired_after_a_jump_of_years() {
    for timer in &TIMERS {
        let mut world = armed(timer, 0);
        world.rig.jump(TEN_YEARS_MS as i64);
        let jumped = now(&world);
        world.run_until(timer.name, timer.fired);
        let took = now(&world) - jumped;
        // Connections that were idle for ten years may have to be made anew.
        // And the idle one is asked for metadata first, which is as old.
        let most = if timer.name == "connections_max_idle_ms" { 7_130 } else { 130 };
        assert!(took <= most, "{}: {took} ms after the jump", timer.name);
        // And it goes on from there.
        if !world.producer.is_closed() && timer.name != "socket_connection_setup_timeout_ms" {
            world.start(1);
            let topic = world.topic("t");
            world.send_many(topic, Some(0), 1);
            world.settle();
            assert_eq!(now(&world) / TEN_YEARS_MS, 1);
            world.finish();
        }
    }
}
