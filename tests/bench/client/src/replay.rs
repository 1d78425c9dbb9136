//! The floor of any client on a broker: one batch that was encoded before, sent again and again over one socket, with
//! as many requests in flight as the others have. A request has the batch once for each partition.

use std::io::{IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use plan::{BATCH_BYTES, Error, IN_FLIGHT, Plan};

use crate::batch;

/// Produce v7: the newest whose answer has no lists of errors.
const VERSION: i16 = 7;

pub(crate) fn run(plan: &Plan) -> Result<(), Error> {
    let value = plan::value();
    let per_batch = batch::capacity(BATCH_BYTES, &value) as u64;
    let full = batch::encode(per_batch as usize, &value);
    let per_request = per_batch * u64::from(plan.partitions);
    // What does not make a whole request goes to the first partition, in requests of one batch.
    let (whole, rest) = (plan.records / per_request, plan.records % per_request);
    let singles = rest.div_ceil(per_batch);
    let requests = whole + singles;
    let last = (rest % per_batch > 0).then(|| batch::encode((rest % per_batch) as usize, &value));
    let begin = Instant::now();
    let mut socket = TcpStream::connect(&plan.bootstrap)?;
    socket.set_nodelay(true)?;
    let mut answer = Vec::new();
    for number in 0..requests {
        if number >= u64::from(IN_FLIGHT) {
            take_answer(&mut socket, &mut answer, number - u64::from(IN_FLIGHT), plan)?;
        }
        let batch = if number + 1 == requests { last.as_ref().unwrap_or(&full) } else { &full };
        let partitions = if number < whole { plan.partitions } else { 1 };
        write(&mut socket, &heads(plan, number, partitions, batch.len()), batch)?;
    }
    for number in requests.saturating_sub(u64::from(IN_FLIGHT))..requests {
        take_answer(&mut socket, &mut answer, number, plan)?;
    }
    plan::report(begin);
    Ok(())
}

/// What stands in front of each batch of a request.
fn heads(plan: &Plan, number: u64, partitions: u16, batch_bytes: usize) -> Vec<Vec<u8>> {
    let mut start = Vec::new();
    start.extend(0i16.to_be_bytes());
    start.extend(VERSION.to_be_bytes());
    start.extend((number as i32).to_be_bytes());
    string(&mut start, "replay");
    // No transaction, acks=all, 30 s; one topic.
    start.extend((-1i16).to_be_bytes());
    start.extend((-1i16).to_be_bytes());
    start.extend(30_000i32.to_be_bytes());
    start.extend(1i32.to_be_bytes());
    string(&mut start, &plan.topic);
    start.extend(i32::from(partitions).to_be_bytes());
    let length = start.len() + usize::from(partitions) * (4 + 4 + batch_bytes);
    let mut before = Vec::from((length as i32).to_be_bytes());
    before.extend(start);
    let head = |partition: u16| {
        let mut head = std::mem::take(&mut before);
        head.extend(i32::from(partition).to_be_bytes());
        head.extend((batch_bytes as i32).to_be_bytes());
        head
    };
    (0..partitions).map(head).collect()
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as i16).to_be_bytes());
    out.extend(text.as_bytes());
}

/// One system call where the socket has room.
fn write(socket: &mut TcpStream, heads: &[Vec<u8>], batch: &[u8]) -> Result<(), Error> {
    let mut parts: Vec<IoSlice<'_>> =
        heads.iter().flat_map(|head| [IoSlice::new(head), IoSlice::new(batch)]).collect();
    let mut left = &mut parts[..];
    while !left.is_empty() {
        let written = socket.write_vectored(left)?;
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

fn take_answer(socket: &mut TcpStream, answer: &mut Vec<u8>, number: u64, plan: &Plan) -> Result<(), Error> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    answer.resize(u32::from_be_bytes(length) as usize, 0);
    socket.read_exact(answer)?;
    let correlation_id = answer.first_chunk().map(|id| i32::from_be_bytes(*id));
    // Correlation id, one topic and its name, the number of partitions.
    let partitions_at = 4 + 4 + 2 + plan.topic.len() + 4;
    // Then for each its number, error, base offset, append time and log start; and the throttle time.
    let answers = answer.get(partitions_at..).unwrap_or(&[]).chunks_exact(4 + 2 + 8 + 8 + 8);
    if correlation_id != Some(number as i32)
        || answers.len() == 0
        || answers.clone().any(|answer| answer[4..6] != [0, 0])
    {
        return Err(format!("request {number}: correlation id {correlation_id:?}, answer {answer:?}").into());
    }
    Ok(())
}
