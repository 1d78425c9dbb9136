//! All faults at small scope: each at each step of a canonical run, and each pair on a short one.
//!
//! A case's id says it all: `12.205` is fault 205 before step 12; `12.205-17.33` has fault 33 before step 17, too.

use std::fmt;
use std::str::FromStr;

use nanokafka::{Config, SendError};

use super::act::{FOLLOW_A_WRITE, Fault, MUTATIONS, TEN_YEARS_MS, TOPIC, act};
use super::plan::{Mode, Plan};
use super::run::{Report, settle, setup};
use crate::broker::{Action, Api, Content, Crash};
use crate::rig::{MemoryRig, Network, Rig};
use crate::world::World;

/// Steps of the canonical run for single faults: a record, and a poll or a few.
pub const SINGLE_STEPS: usize = 60;

/// Steps of the run for pairs.
pub const PAIR_STEPS: usize = 40;

/// Steps after which deliveries are taken again when a fault has left them.
const APPLICATION_SLEEPS_STEPS: usize = 10;

/// Which faults happen before which steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseId {
    /// Step and number of the fault.
    faults: Vec<(usize, usize)>,
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.faults.iter().map(|(step, fault)| format!("{step}.{fault}")).collect();
        f.write_str(&parts.join("-"))
    }
}

impl FromStr for CaseId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let (step, fault) = part.split_once('.')?;
            Some((step.parse().ok()?, fault.parse().ok()?))
        };
        let faults: Option<Vec<(usize, usize)>> = text.split('-').map(part).collect();
        let known = catalogue().len();
        let faults = faults.filter(|faults| faults.iter().all(|(_, fault)| *fault < known));
        faults
            .map(|faults| Self { faults })
            .ok_or_else(|| format!("{text} is no case: STEP.FAULT[-STEP.FAULT]"))
    }
}

/// The case with this number among those of one fault each.
#[must_use]
pub fn single(number: usize) -> Option<CaseId> {
    let (step, fault) = (number % SINGLE_STEPS, number / SINGLE_STEPS);
    (fault < catalogue().len()).then(|| CaseId { faults: vec![(step, fault)] })
}

/// The case with this number among those of two faults each.
#[must_use]
pub fn pair(number: usize) -> Option<CaseId> {
    let kinds = of_pairs();
    let points = kinds.len() * PAIR_STEPS;
    let (first, second) = (number / points, number % points);
    let at = |point: usize| (point % PAIR_STEPS, kinds[point / PAIR_STEPS]);
    (first < points).then(|| CaseId { faults: vec![at(first), at(second)] })
}

/// How many cases there are of one fault each.
#[must_use]
pub fn singles() -> usize {
    catalogue().len() * SINGLE_STEPS
}

/// How many cases there are of two faults each.
#[must_use]
pub fn pairs() -> usize {
    (of_pairs().len() * PAIR_STEPS).pow(2)
}

/// Every fault, with each of its particulars. Only appended to: the numbers are in case ids.
fn catalogue() -> Vec<Fault> {
    let mut all = Vec::new();
    let on = |api: Api, action: Action| Fault::Request(api, action);
    let apis = [Api::Produce, Api::Metadata, Api::InitProducerId, Api::ApiVersions];
    // Not 0 and 46: a broker that says that it has what it has not is past all help.
    let codes = || (-1..=130).chain([i16::MIN, i16::MAX, 12_345]).filter(|code| !matches!(code, 0 | 46));
    for api in apis {
        all.extend(codes().map(|code| on(api, Action::Error(code))));
        all.extend(
            [Action::Cut, Action::WrittenThenCut, Action::Freeze, Action::NoAnswer]
                .map(|action| on(api, action)),
        );
        all.extend([1, 100, 6_000, 40_000].map(|ms| on(api, Action::Delay(ms))));
        all.extend([-1, 1, 500, 5_000, i32::MAX].map(|ms| on(api, Action::Throttle(ms))));
        all.extend((0..90).map(|bytes| on(api, Action::CutAt(bytes))));
        all.extend(MUTATIONS.map(|mutation| on(api, Action::Spoil(mutation))));
    }
    all.extend(FOLLOW_A_WRITE.map(|code| on(Api::Produce, Action::WrittenThenError(code))));
    for node in 1..=3 {
        all.push(Fault::Reset(node));
        all.extend((0..2).map(|partition| Fault::MoveLeader(partition, node)));
        for (forgets_producers, loses_records) in [(false, 0), (true, 0), (false, 1), (false, 5)] {
            all.push(Fault::Crash(node, Crash { forgets_producers, loses_records }));
        }
        all.push(Fault::Readdress(node, 0));
    }
    all.extend([Fault::ClusterDown, Fault::ForgetProducers, Fault::Recreate, Fault::AddPartition]);
    all.extend([1, 5].map(Fault::TopicVanishes));
    all.extend([1, 6_000, u64::from(u32::MAX), TEN_YEARS_MS].map(Fault::ClockJump));
    all.extend([1, 700, 6_000, 40_000].map(Fault::SlowPoll));
    all.push(Fault::SlowApplication);
    all
}

/// The numbers of those faults of which each pair is tried: one of each kind that differs to a producer.
fn of_pairs() -> Vec<usize> {
    let wanted = [
        Fault::Request(Api::Produce, Action::Error(6)),
        Fault::Request(Api::Produce, Action::Error(19)),
        Fault::Request(Api::Produce, Action::Error(45)),
        Fault::Request(Api::Produce, Action::Error(59)),
        Fault::Request(Api::Produce, Action::Error(10)),
        Fault::Request(Api::Produce, Action::Error(87)),
        Fault::Request(Api::Produce, Action::WrittenThenError(6)),
        Fault::Request(Api::Produce, Action::WrittenThenError(-1)),
        Fault::Request(Api::Produce, Action::Cut),
        Fault::Request(Api::Produce, Action::WrittenThenCut),
        Fault::Request(Api::Produce, Action::CutAt(30)),
        Fault::Request(Api::Produce, Action::Freeze),
        Fault::Request(Api::Produce, Action::NoAnswer),
        Fault::Request(Api::Produce, Action::Delay(6_000)),
        Fault::Request(Api::Produce, Action::Throttle(500)),
        Fault::Request(Api::Metadata, Action::Error(3)),
        Fault::Request(Api::Metadata, Action::Cut),
        Fault::Request(Api::InitProducerId, Action::Error(31)),
        Fault::Request(Api::ApiVersions, Action::Cut),
        Fault::Reset(1),
        Fault::MoveLeader(0, 2),
        Fault::Crash(1, Crash { forgets_producers: false, loses_records: 0 }),
        Fault::Crash(1, Crash { forgets_producers: true, loses_records: 0 }),
        Fault::Crash(1, Crash { forgets_producers: false, loses_records: 5 }),
        Fault::ClusterDown,
        Fault::Recreate,
    ];
    let all = catalogue();
    wanted.iter().filter_map(|fault| all.iter().position(|known| known == fault)).collect()
}

/// Runs the case.
///
/// # Panics
/// As [`run`](super::run).
#[must_use]
pub fn run_case(case: &CaseId) -> Report {
    drive(&mut setup::<MemoryRig>(&canonical()), case)
}

/// As [`run_case`], printing the story.
pub fn trace_case(case: &CaseId) {
    super::run::tell_all(setup::<MemoryRig>(&canonical()), |world| drive(world, case));
}

/// Three brokers, two partitions, up to five in flight, and times that leave room for all that may happen.
fn canonical() -> Plan {
    let mut plan = Plan::of(0, Mode::Idempotent);
    plan.on_smoltcp = false;
    plan.nodes = 3;
    plan.partitions = 2;
    plan.max_message_bytes = 1_048_588;
    plan.release = crate::broker::Release::V3_9;
    plan.first_epoch = 0;
    plan.network = Network { latency_ms: 3, ..Network::default() };
    plan.config = Config {
        client_id: "sim",
        linger_ms: 4,
        request_timeout_ms: 5_000,
        delivery_timeout_ms: 60_000,
        max_in_flight: 5,
        random_seed: 7,
        ..Config::new(&[])
    };
    plan.capacities = crate::world::Capacities { batches: 6, batch_bytes: 160, ..Default::default() };
    plan
}

fn drive<R: Rig>(world: &mut World<R>, case: &CaseId) -> Report {
    let steps = if case.faults.len() > 1 { PAIR_STEPS } else { SINGLE_STEPS };
    let all = catalogue();
    let topic = world.topic(TOPIC);
    let mut awake_at = usize::MAX;
    for step in 0..steps {
        for (_, fault) in case.faults.iter().filter(|(at, _)| *at == step) {
            act(world, all[*fault]);
            if all[*fault] == Fault::SlowApplication {
                awake_at = step + APPLICATION_SLEEPS_STEPS;
            }
        }
        if step == awake_at {
            world.set_takes_deliveries(true);
        }
        match world.send(topic, Some(step as i32 % 2), Content::of_value(format!("{step}"))) {
            Ok(()) | Err(SendError::Full) => {}
            Err(SendError::Fatal(_)) => world.producer.reset(),
            Err(error) => panic!("send: {error}"),
        }
        let limit = world.rig.now().saturating_add_ms(2);
        world.step(limit);
    }
    settle(world, &canonical(), case.faults.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_cases_as_promised_and_each_id_reads_back() {
        assert!(singles() >= 50_000, "{}", singles());
        assert!(pairs() >= 1_000_000, "{}", pairs());
        assert_eq!(of_pairs().len(), 26, "each of the chosen is in the catalogue");
        for case in [single(0), single(singles() - 1), pair(12_345), pair(pairs() - 1)].map(Option::unwrap) {
            assert_eq!(case.to_string().parse(), Ok(case));
        }
        assert!(single(singles()).is_none() && pair(pairs()).is_none());
        assert!("1.99999".parse::<CaseId>().is_err() && "x".parse::<CaseId>().is_err());
    }
}
