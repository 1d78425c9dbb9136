//! `close`: with time left, without, and what can be read back.

use nanokafka::{DeliveryError, SendError};

use crate::broker::{Action, Api, Fault};
use crate::rig::Rig;
use crate::world::Setup;

/// Everything that lingers is sent, and every connection is closed.
pub fn close_with_time_left_delivers_everything<R: Rig>() {
    let linger_ms = R::PACE.delivery_timeout_ms / 2;
    let setup = Setup::<R>::nodes(3).topic("t", 6).config(|config| {
        config.linger_ms = linger_ms;
        config.delivery_timeout_ms = linger_ms + R::PACE.delivery_timeout_ms;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send_many(topic, Some(partition), 3);
    }
    world.finish_unsettled();
    assert_eq!(world.delivered(), 18);
    assert_eq!(world.producer.peek_delivery().map(|undelivered| undelivered.delivery), None);
    world.run_until("no connection is left", |world| world.cluster().open_connections() == 0);
}

/// The cluster is away: at the deadline, each record is reported and its batch can be read back (which
/// `take_deliveries` compares with what was sent).
pub fn close_without_time_left_reports_everything_and_shows_the_records<R: Rig>() {
    let mut world = Setup::<R>::nodes(2).topic("t", 6).start();
    world.stop(1);
    world.stop(2);
    let topic = world.topic("t");
    world.send_many(topic, None, 20);
    world.send_many(topic, Some(4), 5);
    world.run_for(100);
    let deadline = world.rig.now().saturating_add_ms(200);
    world.producer.close(deadline);
    assert!(!world.producer.is_closed(), "there is time left");
    world.run_until("the producer is closed", |world| world.producer.is_closed());
    world.take_deliveries();
    assert_eq!(world.unreported(), 0);
    assert!(world.rig.now() >= deadline, "it tried until the deadline");
    let late = world.rig.now().saturating_since_ms(deadline);
    assert!(late <= R::PACE.slack_ms, "closed {late} ms after the deadline");
    let errors = world.errors();
    assert!(!errors.is_empty());
    for error in errors {
        assert_eq!(error, DeliveryError::Closed { maybe_written: false });
    }
    let verdict = world.verdict();
    assert!(verdict.all_zero(), "{verdict}");
}

/// A batch whose answer is still awaited may be in the log.
pub fn close_tells_which_records_may_have_been_written<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 2).start();
    let topic = world.topic("t");
    world.cluster().inject(Fault::on(Api::Produce, Action::NoAnswer));
    world.send_many(topic, Some(0), 1);
    world.run_until("the batch is on its way", |world| !world.produce_requests().is_empty());
    world.producer.close(world.rig.now());
    world.run_until("the producer is closed", |world| world.producer.is_closed());
    world.take_deliveries();
    assert_eq!(world.errors(), [DeliveryError::Closed { maybe_written: true }]);
    assert_eq!(world.cluster().records_written(), 1);
}

/// There is nothing to wait for.
pub fn close_before_anything_was_sent_is_quick<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).start();
    world.topic("t");
    let start = world.rig.now();
    world.finish_unsettled();
    let took = world.rig.now().saturating_since_ms(start);
    assert!(took <= R::PACE.slack_ms, "{took} ms");
}

/// `send` says so, and what was accepted before is not touched.
pub fn a_closed_producer_takes_no_records<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 3);
    world.producer.close(world.rig.now().saturating_add_ms(R::PACE.patience_ms));
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Closed));
    world.run_until("the producer is closed", |world| world.producer.is_closed());
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Closed));
    world.take_deliveries();
    assert_eq!(world.delivered(), 3);
    world.run_for(100);
    assert_eq!(world.statuses().last(), Some(&nanokafka::Status::Closed));
}
