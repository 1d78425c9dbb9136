//! librdkafka in the bench, through the thinnest layer of its Rust crate and from one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use plan::{BATCH_BYTES, Error, IN_FLIGHT, LINGER_MS, Plan};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

#[derive(Clone, Default)]
struct Count {
    delivered: Arc<AtomicU64>,
}

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_ok() {
            self.delivered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let plan = Plan::from_args(&args)?;
    let begin = Instant::now();
    let count = Count::default();
    let producer: ThreadedProducer<Count> = ClientConfig::new()
        .set("bootstrap.servers", &plan.bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", LINGER_MS.to_string())
        .set("batch.size", BATCH_BYTES.to_string())
        .set("max.in.flight.requests.per.connection", IN_FLIGHT.to_string())
        .set("compression.type", "none")
        .create_with_context(count.clone())?;
    let value = plan::value();
    for _ in 0..plan.records {
        let mut record = BaseRecord::<(), [u8]>::to(&plan.topic).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            std::thread::sleep(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60))?;
    plan::report(begin);
    match count.delivered.load(Ordering::Relaxed) {
        delivered if delivered == plan.records => Ok(()),
        delivered => Err(format!("{delivered} of {} records were delivered", plan.records).into()),
    }
}
