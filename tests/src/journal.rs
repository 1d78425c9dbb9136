//! What was submitted, in which batch it went, and what was reported.

use std::collections::HashMap;

use nanokafka::{
    BatchId, Delivery, DeliveryError, Header, Instant, Producer, Record, SendError, StoredRecord, TopicId,
};

use crate::broker::Content;
use crate::oracle::{Outcome, Submitted};

/// The journal of one producer. Each delivery is checked against the tickets of its records.
#[derive(Debug, Default)]
pub struct Journal {
    records: Vec<Submitted>,
    batches: HashMap<BatchId, Vec<usize>>,
    deliveries: Vec<Delivery>,
    /// Places of records that were reported as dropped.
    dropped: Vec<usize>,
}

impl Journal {
    /// Sends, and keeps the record if it was accepted.
    ///
    /// # Errors
    /// Those of [`Producer::send`].
    pub fn send(
        &mut self,
        producer: &mut Producer<'_>,
        now: Instant,
        topic: TopicId,
        partition: Option<i32>,
        content: Content,
    ) -> Result<(), SendError> {
        let headers: Vec<Header<'_>> =
            content.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
        let record = Record {
            topic,
            partition,
            key: content.key.as_deref(),
            value: content.value.as_deref(),
            headers: &headers,
            timestamp_ms: content.timestamp_ms,
        };
        let ticket = producer.send(now, &record)?;
        if let Some(dropped) = ticket.dropped {
            self.report(producer, dropped);
        }
        let members = self.batches.entry(ticket.batch).or_default();
        assert_eq!(ticket.index as usize, members.len(), "the ticket's place in its batch");
        members.push(self.records.len());
        let topic = producer.topic_name(topic).expect("a topic that took a record has a name").to_owned();
        self.records.push(Submitted { topic, partition, content, outcome: Outcome::Unreported });
        Ok(())
    }

    /// Takes all deliveries that wait, comparing the records that can be read back with those submitted.
    pub fn take_deliveries(&mut self, producer: &mut Producer<'_>) {
        while let Some(undelivered) = producer.peek_delivery() {
            let of = undelivered.delivery;
            let (batch, first) = (of.batch, of.first_index as usize);
            let kept: Vec<Content> = undelivered.records.map(|record| content_of(&record)).collect();
            let members =
                self.batches.get(&batch).unwrap_or_else(|| panic!("a delivery of no batch: {batch:?}"));
            let sent = members.iter().skip(first).take(of.records as usize);
            let sent: Vec<&Content> = sent.map(|&place| &self.records[place].content).collect();
            assert!(kept.iter().eq(sent), "the records of a batch, read back");
            let delivery = producer.next_delivery().expect("what was peeked at can be taken");
            assert_eq!(delivery.batch, batch, "`peek_delivery` shows what `next_delivery` takes");
            self.report(producer, delivery);
        }
    }

    fn report(&mut self, producer: &Producer<'_>, delivery: Delivery) {
        let members = self.batches.get(&delivery.batch);
        let members =
            members.unwrap_or_else(|| panic!("reported twice, or never sent: {delivery:?}")).clone();
        let (first, records) = (delivery.first_index as usize, delivery.records as usize);
        assert!(first + records <= members.len() && records > 0, "records of {delivery:?}");
        assert_eq!(delivery.is_last, first + records == members.len(), "{delivery:?}");
        if delivery.is_last {
            self.batches.remove(&delivery.batch);
        }
        for (index, place) in members.into_iter().skip(first).take(records).enumerate() {
            let record = &mut self.records[place];
            assert_eq!(record.outcome, Outcome::Unreported, "reported twice: {delivery:?}");
            assert_eq!(producer.topic_name(delivery.topic), Some(record.topic.as_str()), "{delivery:?}");
            record.outcome = match delivery.result {
                Ok(ack) => Outcome::Acked {
                    partition: delivery.partition.expect("a delivered batch has a partition"),
                    offset: ack.base_offset.map(|base| base + index as i64),
                },
                Err(_) => Outcome::Failed,
            };
            if delivery.result == Err(DeliveryError::Dropped) {
                self.dropped.push(place);
            }
        }
        self.deliveries.push(delivery);
    }

    /// The records that were accepted, in order.
    #[must_use]
    pub fn records(&self) -> &[Submitted] {
        &self.records
    }

    /// The records that were reported as dropped: never sent.
    pub fn dropped(&self) -> impl Iterator<Item = &Submitted> {
        self.dropped.iter().map(|&place| &self.records[place])
    }

    /// All deliveries so far.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// The errors among the deliveries.
    #[must_use]
    pub fn errors(&self) -> Vec<DeliveryError> {
        self.deliveries.iter().filter_map(|delivery| delivery.result.err()).collect()
    }

    /// The number of records that were reported as delivered.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.records.iter().filter(|record| matches!(record.outcome, Outcome::Acked { .. })).count()
    }

    /// The number of records that have no outcome.
    #[must_use]
    pub fn unreported(&self) -> usize {
        self.records.iter().filter(|record| record.outcome == Outcome::Unreported).count()
    }
}

fn content_of(record: &StoredRecord<'_>) -> Content {
    let headers = record.headers.clone();
    Content {
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: headers
            .map(|header| {
                (String::from_utf8_lossy(header.key).into_owned(), header.value.map(<[u8]>::to_vec))
            })
            .collect(),
        timestamp_ms: record.timestamp_ms,
    }
}
