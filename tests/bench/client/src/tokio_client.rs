//! nanokafka on tokio through its public async API, from one task or from several, on tokio's usual runtime.

use std::time::{Duration, Instant};

use nanokafka_tokio::{Options, Producer, Record, SendError, Topic};
use plan::{BATCH_BYTES, Error, IN_FLIGHT, LINGER_MS, Plan};

pub(crate) fn run(plan: &Plan, tasks: u64) -> Result<(), Error> {
    tokio::runtime::Runtime::new()?.block_on(produce(plan, tasks))
}

async fn produce(plan: &Plan, tasks: u64) -> Result<(), Error> {
    let begin = Instant::now();
    let producer = Producer::new(Options {
        linger_ms: LINGER_MS,
        batch_bytes: BATCH_BYTES,
        max_in_flight: IN_FLIGHT,
        ..Options::new([plan.bootstrap.clone()])
    })?;
    let topic = producer.topic(&plan.topic).map_err(|error| format!("{error:?}"))?;
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let share = plan.records / tasks + u64::from(task < plan.records % tasks);
            tokio::spawn(send(producer.clone(), topic, share))
        })
        .collect();
    for task in running {
        task.await??;
    }
    let summary = producer.close(Duration::from_secs(60)).await;
    plan::report(begin);
    if summary.delivered != plan.records {
        return Err(format!("{summary:?} of {} records", plan.records).into());
    }
    Ok(())
}

async fn send(producer: Producer, topic: Topic, records: u64) -> Result<(), SendError> {
    let value = plan::value();
    for _ in 0..records {
        // Its delivery is counted by the summary.
        drop(producer.send(Record::new(topic, &value)).await?);
    }
    Ok(())
}
