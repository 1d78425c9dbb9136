use super::*;
use crate::code::ErrorCode;
use crate::protocol::{Api, RequestHeader, Response, Sink, feed};
use crate::wire::{Malformed, in_pieces};
use std::string::String;
use std::vec::Vec;

#[derive(Default)]
struct Log {
    events: Vec<String>,
    host: Vec<u8>,
}

impl Sink for Log {
    fn topic_name(&self, index: u16) -> Option<&'static str> {
        ["t", "readings"].get(usize::from(index)).copied()
    }
    fn metadata(&mut self) {
        self.events.push("begin".into());
    }
    fn broker(&mut self, id: i32) {
        self.events.push(format!("broker {id}"));
    }
    fn broker_host(&mut self, byte: u8) {
        self.host.push(byte);
    }
    fn broker_port(&mut self, port: i32) {
        let host = core::mem::take(&mut self.host);
        let host = String::from_utf8_lossy(&host);
        self.events.push(format!("at {host}:{port}"));
    }
    fn topic(&mut self, topic: u16, error: ErrorCode, partitions: u32) {
        self.events.push(format!("topic {topic}, error {}, {partitions} partitions", error.code()));
    }
    fn partition(&mut self, topic: u16, index: i32, leader: i32) {
        self.events.push(format!("partition {index} of {topic} at {leader}"));
    }
    fn produced(&mut self, _: &Response) {}
}

fn string(out: &mut Vec<u8>, s: &str) {
    out.extend((s.len() as i16).to_be_bytes());
    out.extend(s.as_bytes());
}

fn response() -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(7i32.to_be_bytes());
    out.extend(2i32.to_be_bytes());
    for (id, host, port) in [(1i32, "kafka-1.example.com", 9092i32), (2, "10.0.0.2", 9093)] {
        out.extend(id.to_be_bytes());
        string(&mut out, host);
        out.extend(port.to_be_bytes());
        if id == 1 { out.extend((-1i16).to_be_bytes()) } else { string(&mut out, "rack") }
    }
    string(&mut out, "cluster");
    out.extend(1i32.to_be_bytes());
    out.extend(2i32.to_be_bytes());
    for (error, name, partitions) in [(0i16, "readings", 2i32), (3, "other", 0)] {
        out.extend(error.to_be_bytes());
        string(&mut out, name);
        out.push(0);
        out.extend(partitions.to_be_bytes());
        for index in 0..partitions {
            out.extend(0i16.to_be_bytes());
            out.extend(index.to_be_bytes());
            out.extend((index + 1).to_be_bytes());
            for _ in 0..2 {
                out.extend(2i32.to_be_bytes());
                out.extend([0; 8]);
            }
        }
    }
    out
}

fn decode(bytes: &[u8], piece: usize) -> Result<Vec<String>, Malformed> {
    let mut log = Log::default();
    feed::in_pieces((Api::Metadata, VERSION), bytes, piece, &mut log)?;
    Ok(log.events)
}

#[test]
fn golden_request() {
    let header = RequestHeader { api: Api::Metadata, version: VERSION, correlation_id: 2, client_id: "dev" };
    let request = in_pieces(64, 64, |out| {
        header.write(out);
        write_request(out, ["t"].into_iter(), true);
    });
    let golden = b"\0\0\0\x15\0\x03\0\x04\0\0\0\x02\0\x03dev\0\0\0\x01\0\x01t\x01";
    assert_eq!(request, golden);
}

#[test]
fn a_response_means_the_same_in_pieces_of_any_size() {
    let bytes = response();
    for piece in 1..=bytes.len() {
        assert_eq!(
            decode(&bytes, piece).unwrap(),
            [
                "begin",
                "broker 1",
                "at kafka-1.example.com:9092",
                "broker 2",
                "at 10.0.0.2:9093",
                "topic 1, error 0, 2 partitions",
                "partition 0 of 1 at 1",
                "partition 1 of 1 at 2",
                "topic 65535, error 3, 0 partitions",
            ]
        );
    }
}

#[test]
fn every_cut_is_refused_and_so_is_a_surplus() {
    let bytes = response();
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len], 9).is_err(), "cut at {len}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(decode(&longer, 9).is_err());
}

#[test]
fn every_hostile_length_in_every_place_is_refused_or_harmless() {
    let bytes = response();
    for at in 0..bytes.len() - 4 {
        for hostile in [0i32, -1, -2, 1, i32::MAX, i32::MIN, 0x1503_0100] {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&hostile.to_be_bytes());
            let _ = decode(&bytes, 5);
        }
    }
}
