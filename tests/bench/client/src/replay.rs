//! The floor of any client on a broker: one batch that was encoded before, sent again and again over one socket, with
//! as many requests in flight as the others have.

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
    let rest = plan.records % per_batch;
    let last = (rest > 0).then(|| batch::encode(rest as usize, &value));
    let requests = plan.records.div_ceil(per_batch);
    let begin = Instant::now();
    let mut socket = TcpStream::connect(&plan.bootstrap)?;
    socket.set_nodelay(true)?;
    let mut answer = Vec::new();
    for number in 0..requests {
        if number >= u64::from(IN_FLIGHT) {
            take_answer(&mut socket, &mut answer, number - u64::from(IN_FLIGHT), plan)?;
        }
        let batch = if number + 1 == requests { last.as_ref().unwrap_or(&full) } else { &full };
        write(&mut socket, &head(plan, number, batch.len()), batch)?;
    }
    for number in requests.saturating_sub(u64::from(IN_FLIGHT))..requests {
        take_answer(&mut socket, &mut answer, number, plan)?;
    }
    plan::report(begin);
    Ok(())
}

/// All of a request in front of its batch. The partitions get one by turns.
fn head(plan: &Plan, number: u64, batch_bytes: usize) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0i16.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend((number as i32).to_be_bytes());
    string(&mut body, "replay");
    // No transaction, acks=all, 30 s; one topic.
    body.extend((-1i16).to_be_bytes());
    body.extend((-1i16).to_be_bytes());
    body.extend(30_000i32.to_be_bytes());
    body.extend(1i32.to_be_bytes());
    string(&mut body, &plan.topic);
    body.extend(1i32.to_be_bytes());
    body.extend(((number % u64::from(plan.partitions)) as i32).to_be_bytes());
    body.extend((batch_bytes as i32).to_be_bytes());
    let mut head = Vec::from(((body.len() + batch_bytes) as i32).to_be_bytes());
    head.extend(body);
    head
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as i16).to_be_bytes());
    out.extend(text.as_bytes());
}

/// One system call where the socket has room.
fn write(socket: &mut TcpStream, head: &[u8], batch: &[u8]) -> Result<(), Error> {
    let mut written = socket.write_vectored(&[IoSlice::new(head), IoSlice::new(batch)])?;
    if written < head.len() {
        socket.write_all(&head[written..])?;
        written = head.len();
    }
    socket.write_all(&batch[written - head.len()..])?;
    Ok(())
}

fn take_answer(socket: &mut TcpStream, answer: &mut Vec<u8>, number: u64, plan: &Plan) -> Result<(), Error> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    answer.resize(u32::from_be_bytes(length) as usize, 0);
    socket.read_exact(answer)?;
    // Correlation id, one topic and its name, one partition and its number, then the error.
    let error_at = 4 + 4 + 2 + plan.topic.len() + 4 + 4;
    let correlation_id = answer.first_chunk().map(|id| i32::from_be_bytes(*id));
    let error = answer.get(error_at..).and_then(<[u8]>::first_chunk).map(|code| i16::from_be_bytes(*code));
    if correlation_id != Some(number as i32) || error != Some(0) {
        return Err(format!("request {number}: answer {correlation_id:?} with error {error:?}").into());
    }
    Ok(())
}
