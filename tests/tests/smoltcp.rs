//! The suite over smoltcp.

nanokafka_tests::suite!(nanokafka_tests::rig::SmoltcpRig);

use nanokafka_tests::rig::SmoltcpRig;
use nanokafka_tests::world::Setup;

#[test]
fn the_link_of_this_suite_does_lose_double_and_reorder_frames() {
    let mut world = Setup::<SmoltcpRig>::nodes(3).topic("t", 6).start();
    let topic = world.topic("t");
    for partition in 0..600 {
        world.send_many(topic, Some(partition % 6), 1);
        world.settle();
    }
    let counts = world.rig.link().counts();
    assert!(counts.lost > 10 && counts.doubled > 10 && counts.reordered > 10, "{counts:?}");
    world.finish();
}
