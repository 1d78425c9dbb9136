//! nanokafka's core on a plain loop of one thread: send until a batch is full, poll, wait for the socket when there is
//! no room.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nanokafka::{Config, Instant, Producer, Record, Resources, SendError, Wake};
use plan::{BATCH_BYTES, Error, IN_FLIGHT, LINGER_MS, Plan};

use crate::socket::Sockets;

/// As many as the tokio client has by default.
const BATCHES: usize = 64;

/// How many batches are begun before core is polled: those of several partitions then leave in one request.
const BATCHES_PER_TURN: u32 = 6;

/// Every partition's slot, with room for the most that the bench uses.
const PARTITIONS: usize = 16;

struct Loop<'a> {
    producer: Producer<'a>,
    sockets: Sockets,
    begin: std::time::Instant,
    now: Instant,
    delivered: u64,
}

pub(crate) fn run(plan: &Plan) -> Result<(), Error> {
    let begin = std::time::Instant::now();
    let now = Instant::from_millis(0);
    let topic: &'static str = plan.topic.clone().leak();
    let bootstrap = [plan.bootstrap.as_str()];
    let config = Config { linger_ms: LINGER_MS, max_in_flight: IN_FLIGHT, ..Config::new(&bootstrap) };
    // A static that is all zero: no page of it is there before it is used, and none passes over a stack.
    static MEMORY: Mutex<Resources<BATCHES, BATCH_BYTES, 1, PARTITIONS>> = Mutex::new(Resources::new());
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let producer = Producer::new(config, memory.lend(), now).map_err(|error| error.to_string())?;
    let mut state = Loop { producer, sockets: Sockets::default(), begin, now, delivered: 0 };
    let topic = state.producer.register_topic(topic).map_err(|error| format!("{error:?}"))?;
    let value = plan::value();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let mut begun = 0u32;
    for _ in 0..plan.records {
        loop {
            let timestamp_ms = wall + state.now.as_millis() as i64;
            let record = Record::new(topic, &value).timestamp_ms(timestamp_ms);
            match state.producer.send(state.now, &record) {
                Ok(ticket) => {
                    // A batch was begun, so one before it may be full.
                    begun += u32::from(ticket.index == 0);
                    if begun == BATCHES_PER_TURN {
                        begun = 0;
                        state.sockets.look_again();
                        while state.turn()? == Wake::Now {}
                    }
                    break;
                }
                Err(SendError::Full) => state.turn_and_wait()?,
                Err(error) => return Err(error.into()),
            }
        }
    }
    state.producer.flush();
    while state.delivered < plan.records {
        state.turn_and_wait()?;
    }
    plan::report(begin);
    Ok(())
}

impl Loop<'_> {
    /// One call of core; when it wants the next.
    fn turn(&mut self) -> Result<Wake, Error> {
        self.now = Instant::from_millis(self.begin.elapsed().as_millis() as u64);
        let polled = self.producer.poll(self.now, &mut self.sockets);
        while let Some(delivery) = self.producer.next_delivery() {
            delivery.result?;
            self.delivered += u64::from(delivery.records);
        }
        Ok(polled.wake)
    }

    fn turn_and_wait(&mut self) -> Result<(), Error> {
        let before = self.delivered;
        let wake = self.turn()?;
        let timeout_ms = match wake {
            Wake::Now => return Ok(()),
            _ if self.delivered > before => return Ok(()),
            Wake::At(at) => at.as_millis().saturating_sub(self.now.as_millis()).max(1),
            Wake::OnIo => 1_000,
        };
        self.sockets.wait(Duration::from_millis(timeout_ms))?;
        Ok(())
    }
}
