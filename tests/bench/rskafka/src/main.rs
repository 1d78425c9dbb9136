//! rskafka in the bench: its `BatchProducer`, one for each partition, with many callers, since each waits for its
//! record's acknowledgement. It knows no idempotence.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plan::{BATCH_BYTES, Error, LINGER_MS, Plan};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::UnknownTopicHandling;
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::client::producer::{BatchProducer, BatchProducerBuilder};
use rskafka::record::Record;

/// Callers for each partition: with fewer than a batch has records, every batch waits for its linger.
const CALLERS: u64 = 512;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(2).collect();
    tokio::runtime::Runtime::new()?.block_on(produce(&Plan::from_args(&args)?))
}

async fn produce(plan: &Plan) -> Result<(), Error> {
    let begin = Instant::now();
    let client = ClientBuilder::new(vec![plan.bootstrap.clone()]).build().await?;
    let mut producers = Vec::new();
    for partition in 0..i32::from(plan.partitions) {
        let client = client.partition_client(&plan.topic, partition, UnknownTopicHandling::Retry).await?;
        let linger = Duration::from_millis(LINGER_MS.into());
        let producer = BatchProducerBuilder::new(Arc::new(client)).with_linger(linger);
        producers.push(Arc::new(producer.build(RecordAggregator::new(BATCH_BYTES))));
    }
    let count = CALLERS * u64::from(plan.partitions);
    let callers: Vec<_> = (0..count)
        .zip(producers.iter().cycle())
        .map(|(caller, producer)| {
            let share = plan.records / count + u64::from(caller < plan.records % count);
            tokio::spawn(send(producer.clone(), share))
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    plan::report(begin);
    Ok(())
}

async fn send(producer: Arc<BatchProducer<RecordAggregator>>, records: u64) -> Result<(), Error> {
    for _ in 0..records {
        let timestamp = chrono::Utc::now();
        let record = Record { key: None, value: Some(plan::value()), headers: BTreeMap::new(), timestamp };
        producer.produce(record).await?;
    }
    Ok(())
}
