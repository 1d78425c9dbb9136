use super::*;

#[test]
fn test_stressful_situation_every_record_ends_exactly_once_and_all_memory_is_back() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&Config { max_in_flight: 3, delivery_timeout_ms: 30_050, ..BASE }, &mut memory);
    let mut random = Random::new(42);
    let (mut accepted, mut ended) = (0u32, 0u32);
    let mut requests: Vec<Request> = Vec::new();
    for now in 0..20_000u32 {
        match random.below(6) {
            0 | 1 => {
                accepted +=
                    u32::from(rig.send(now, random.below(3) as i32, random.below(100) as usize).is_ok());
            }
            2 => requests.push(rig.drain(now, random.below(3) as u16, 2).1),
            3 | 4 if !requests.is_empty() => {
                let request = requests.swap_remove(random.below(requests.len() as u32) as usize);
                for partition in 0..3 {
                    let Some(batch) = rig.accumulator.in_flight(request, partition) else { continue };
                    if random.below(3) == 0 {
                        rig.reenqueue(batch, now + 5);
                    } else {
                        rig.complete(batch, ACK);
                    }
                }
            }
            _ => rig.expire(now + if random.below(50) == 0 { 30_000 } else { 0 }),
        }
        ended += rig.deliveries().iter().map(|delivery| delivery.records).sum::<u32>();
    }
    rig.accumulator.abort(Abort::Closed, &mut rig.counters);
    for request in requests {
        for partition in 0..3 {
            if let Some(batch) = rig.accumulator.in_flight(request, partition) {
                rig.complete(batch, ACK);
            }
        }
    }
    ended += rig.deliveries().iter().map(|delivery| delivery.records).sum::<u32>();
    assert!(accepted > 1000, "{accepted}");
    assert_eq!(ended, accepted);
    assert_eq!(rig.counters.records_delivered + rig.counters.records_failed, accepted as usize);
    assert!(rig.accumulator.batches.iter().all(|batch| batch.phase == Phase::Free));
}
