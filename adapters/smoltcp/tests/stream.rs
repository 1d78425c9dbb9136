//! An open connection: bytes, both ways of ending it, and what `close` leaves behind.

mod rig;

use std::task::Poll;

use embedded_io::ErrorKind;
use rig::*;
use smoltcp::socket::tcp::State;

#[test]
fn head_and_body_go_in_one_call_as_far_as_there_is_room() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    assert_eq!(rig.poll_send(0, b"head ", b"body"), Poll::Ready(Ok(9)));
    assert_eq!(rig.poll_send(0, b"", b" more"), Poll::Ready(Ok(5)));
    rig.run(20);
    let mut got = [0; 64];
    let count = rig.broker.tcp(listener).recv_slice(&mut got).unwrap();
    assert_eq!(&got[..count], b"head body more");

    // The transmit buffer has 2048 bytes: first part of the body, then part of the head only.
    assert_eq!(rig.poll_send(0, &[1; 48], &[2; 4000]), Poll::Ready(Ok(2048)));
    let wakes = rig.wakes();
    assert_eq!(rig.poll_send(0, &[3; 4000], &[]), Poll::Pending);
    rig.run(200);
    assert!(rig.wakes() > wakes, "room again");
    assert_eq!(rig.poll_send(0, &[3; 4000], &[4; 10]), Poll::Ready(Ok(2048)));
}

#[test]
fn a_peer_that_does_not_read_holds_the_sender_back_and_nothing_is_lost() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    let data: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
    let (mut sent, mut got, mut was_pending) = (0, vec![], false);
    while got.len() < data.len() {
        while sent < data.len() {
            let (head, body) = data[sent..].split_at((data.len() - sent).min(700));
            let Poll::Ready(count) = rig.poll_send(0, head, body) else {
                was_pending = true;
                break;
            };
            sent += count.unwrap();
        }
        rig.run(20);
        // Three bytes less than a quarter of its window at a time.
        let mut piece = [0; 1021];
        let count = rig.broker.tcp(listener).recv_slice(&mut piece).unwrap();
        got.extend_from_slice(&piece[..count]);
        assert!(rig.now.secs() < 60);
    }
    assert!(was_pending);
    assert!(got == data);
}

#[test]
fn bytes_arrive_in_any_pieces_and_wake() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    let mut buf = [0; 4];
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Pending);
    let wakes = rig.wakes();
    rig.broker.tcp(listener).send_slice(b"abcdef").unwrap();
    rig.run(20);
    assert!(rig.wakes() > wakes);
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Ok(4)));
    assert_eq!(&buf, b"abcd");
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Ok(2)));
    assert_eq!(&buf[..2], b"ef");
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Pending);
}

#[test]
fn a_peer_that_says_goodbye_is_zero_after_the_last_byte() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    rig.broker.tcp(listener).send_slice(b"bye").unwrap();
    rig.broker.tcp(listener).close();
    rig.run(50);
    let mut buf = [0; 16];
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Ok(3)));
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Ok(0)));
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Ok(0)));
    rig.close(0);
    rig.run(50);
    assert!(rig.connections.is_closed(&rig.device.sockets));
    assert_ne!(rig.broker.tcp(listener).state(), State::CloseWait, "our goodbye came");
}

#[test]
fn a_peer_that_resets_is_an_error_after_the_last_byte() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    rig.broker.tcp(listener).send_slice(b"last").unwrap();
    rig.run(20);
    let mut buf = [0; 16];
    let wakes = rig.wakes();
    rig.broker.tcp(listener).abort();
    rig.run(20);
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Ok(4)));
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Ready(Err(ErrorKind::ConnectionReset)));
    assert_eq!(rig.poll_send(0, b"x", b""), Poll::Ready(Err(ErrorKind::ConnectionReset)));
    assert_eq!(rig.wakes(), wakes, "nobody waited");
    rig.close(0);
    rig.broker.tcp(listener).listen((SERVER, PORT)).unwrap();
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()));
    assert_eq!(rig.poll_recv(0, &mut buf), Poll::Pending, "nothing of the old connection");
}

#[test]
fn a_reset_wakes_who_waits_for_bytes_and_who_waits_for_room() {
    for wait_for_room in [false, true] {
        let mut rig = Rig::<1>::new();
        let listener = rig.connected();
        rig.unplugged.set(wait_for_room);
        if wait_for_room {
            assert_eq!(rig.poll_send(0, &[0; 4000], b""), Poll::Ready(Ok(2048)));
            assert_eq!(rig.poll_send(0, &[0; 4000], b""), Poll::Pending);
        } else {
            assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Pending);
        }
        rig.unplugged.set(false);
        let wakes = rig.wakes();
        rig.broker.tcp(listener).abort();
        rig.run(5);
        rig.run(5);
        assert!(rig.wakes() > wakes);
    }
}

#[test]
fn a_peer_that_vanishes_is_found_by_keep_alive() {
    let mut rig = Rig::<1>::new();
    rig.connections = nanokafka_smoltcp::Connections::new(rig.kafka, 7).keep_alive(1_000, 2);
    rig.connected();
    rig.run(60_000);
    assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Pending, "a peer that is there keeps the connection");
    rig.unplugged.set(true);
    rig.run(1_900);
    assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Pending);
    rig.run(1_500);
    assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Ready(Err(ErrorKind::ConnectionReset)));
}

#[test]
fn without_keep_alive_an_idle_connection_stays() {
    let mut rig = Rig::<1>::new();
    rig.connections = nanokafka_smoltcp::Connections::new(rig.kafka, 7).keep_alive(0, 3);
    let listener = rig.connected();
    rig.run(300_000);
    assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Pending);
    assert_eq!(rig.broker.tcp(listener).state(), State::Established);
}

#[test]
fn a_lease_that_ends_is_told_from_a_reset() {
    let mut rig = Rig::<1>::new();
    rig.connected();
    rig.device.iface.update_ip_addrs(|list| list.clear());
    rig.step();
    assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Ready(Err(ErrorKind::AddrNotAvailable)));
    assert_eq!(rig.poll_send(0, b"x", b""), Poll::Ready(Err(ErrorKind::AddrNotAvailable)));
}

#[test]
fn close_sends_what_was_taken_and_says_goodbye() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    assert_eq!(rig.poll_send(0, &[7; 2000], b""), Poll::Ready(Ok(2000)));
    rig.close(0);
    assert!(!rig.connections.is_closed(&rig.device.sockets));
    assert_eq!(rig.poll_recv(0, &mut [0; 4]), Poll::Ready(Err(ErrorKind::NotConnected)));
    rig.run(100);
    assert_eq!(rig.broker.tcp(listener).recv_slice(&mut [0; 4096]), Ok(2000));
    assert_eq!(rig.broker.tcp(listener).state(), State::CloseWait);
    assert!(!rig.connections.is_closed(&rig.device.sockets), "the peer has not answered the goodbye");
    rig.broker.tcp(listener).close();
    rig.run(100);
    assert!(rig.connections.is_closed(&rig.device.sockets));
}

#[test]
fn a_socket_that_still_says_goodbye_is_reset_when_it_is_needed() {
    let mut rig = Rig::<1>::new();
    let first = rig.connected();
    rig.poll_send(0, &[7; 100], b"").is_ready();
    rig.run(20);
    rig.close(0);
    rig.run(20);
    assert_eq!(rig.broker.tcp(first).state(), State::CloseWait);
    let wakes = rig.wakes();
    let second = rig.broker.listen(OTHER, PORT);
    assert_eq!(rig.poll_connect(0, "10.0.0.3", PORT), Poll::Pending, "the reset has its turn");
    assert!(rig.wakes() > wakes, "and the caller comes again");
    rig.step();
    assert_eq!(rig.connect(0, "10.0.0.3", PORT), Ok(()));
    rig.run(20);
    assert_eq!(rig.broker.tcp(first).state(), State::Closed, "the peer was told");
    assert_eq!(rig.broker.tcp(second).state(), State::Established);
}

#[test]
fn unread_bytes_at_close_are_a_reset() {
    let mut rig = Rig::<1>::new();
    let listener = rig.connected();
    rig.broker.tcp(listener).send_slice(b"too late").unwrap();
    rig.run(20);
    rig.close(0);
    rig.run(20);
    assert_eq!(rig.broker.tcp(listener).state(), State::Closed);
    assert!(rig.connections.is_closed(&rig.device.sockets));
}

#[test]
fn a_reset_that_cannot_be_sent_does_not_keep_the_socket() {
    let mut rig = Rig::<1>::new();
    let first = rig.connected();
    rig.unplugged.set(true);
    rig.poll_send(0, &[7; 100], b"").is_ready();
    rig.close(0);
    rig.run(1_000);
    assert!(!rig.connections.is_closed(&rig.device.sockets));
    rig.unplugged.set(false);
    rig.broker.sockets.remove(first);
    let second = rig.broker.listen(OTHER, PORT);
    assert_eq!(rig.connect(0, "10.0.0.3", PORT), Ok(()));
    rig.run(20);
    assert_eq!(rig.broker.tcp(second).state(), State::Established);
}

#[test]
fn close_while_connecting_frees_the_slot_and_tells_the_peer() {
    let mut rig = Rig::<1>::new();
    let listener = rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.poll_connect(0, "10.0.0.2", PORT), Poll::Pending);
    rig.run(10);
    rig.close(0);
    rig.close(0);
    rig.run(20);
    assert_eq!(rig.broker.tcp(listener).state(), State::Listen, "the peer forgot the attempt");
    assert!(rig.connections.is_closed(&rig.device.sockets));
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()));
}

#[test]
fn calls_in_any_order_on_a_wire_that_comes_and_goes_never_panic() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % below
    };
    let hosts = ["10.0.0.2", "10.0.0.3", "10.0.0.99", "kafka", "nowhere", "..", ""];
    let mut rig = Rig::<3>::with(&[CLIENT], &[SERVER, OTHER], 2);
    rig.name("kafka", &[OTHER, SERVER]);
    let listeners = [SERVER, SERVER, OTHER].map(|at| rig.broker.listen(at, PORT));
    let mut connected = 0;
    for _ in 0..100_000 {
        let slot = random(4) as u8;
        match random(16) {
            0..=4 => {
                let result = rig.poll_connect(slot, hosts[random(7) as usize], PORT + random(2) as u16 / 2);
                connected += u32::from(result == Poll::Ready(Ok(())));
            }
            5..=6 => drop(rig.poll_send(slot, &[1; 100], &vec![2; random(3000) as usize])),
            7..=8 => drop(rig.poll_recv(slot, &mut vec![0; random(300) as usize])),
            9 if random(4) == 0 => rig.close(slot),
            10 if random(8) == 0 => rig.unplugged.set(random(3) == 0),
            11 => {
                let listener = rig.broker.tcp(listeners[random(3) as usize]);
                match random(8) {
                    0 => listener.close(),
                    1 => listener.abort(),
                    2 => drop(listener.send_slice(&[3; 700])),
                    _ => drop(listener.recv_slice(&mut [0; 900])),
                }
                if !listener.is_open() {
                    let at = [SERVER, OTHER][random(2) as usize];
                    listener.listen((at, PORT)).unwrap();
                }
            }
            12 if random(64) == 0 => rig.device.iface.update_ip_addrs(|list| list.clear()),
            13 if random(8) == 0 => rig.device.iface.update_ip_addrs(|list| {
                list.clear();
                list.push(smoltcp::wire::IpCidr::new(CLIENT, 24)).unwrap();
            }),
            _ => rig.step(),
        }
    }
    assert!(connected > 100, "{connected}");
    (0..3).for_each(|slot| rig.close(slot));
    rig.unplugged.set(false);
    listeners.iter().for_each(|&listener| rig.broker.tcp(listener).abort());
    rig.run(300_000);
    assert!(rig.connections.is_closed(&rig.device.sockets), "nothing lingers, no query is left behind");
}
