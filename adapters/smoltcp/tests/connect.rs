//! From an endpoint to a connection: addresses, names, refusals, ports.

mod rig;

use std::task::Poll;

use embedded_io::ErrorKind;
use rig::*;
use smoltcp::socket::{dns, tcp};
use smoltcp::wire::DnsQueryType;

#[test]
fn an_address_in_text_is_connected_to_without_asking_for_a_name() {
    let mut rig = Rig::<1>::new();
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()));
    assert_eq!(rig.poll_connect(0, "10.0.0.2", PORT), Poll::Ready(Ok(())), "and stays connected");
    assert!(rig.asked.is_empty());
    let socket = rig.kafka[0];
    let socket = rig.device.tcp(socket);
    assert!(!socket.nagle_enabled());
    assert_eq!(socket.keep_alive().unwrap().secs(), 30);
    assert_eq!(socket.timeout().unwrap().secs(), 120);
}

#[test]
fn a_port_that_nobody_listens_on_refuses() {
    let mut rig = Rig::<1>::new();
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Err(ErrorKind::ConnectionRefused));
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()), "the slot can be used again at once");
}

#[test]
fn a_name_is_resolved_anew_for_each_connection() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka.example.com", &[SERVER]);
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(0, "kafka.example.com", PORT), Ok(()));
    assert_eq!(rig.remote_of(0), Some(SERVER));
    rig.close(0);
    rig.name("kafka.example.com", &[OTHER]);
    rig.broker.listen(OTHER, PORT);
    assert_eq!(rig.connect(0, "kafka.example.com", PORT), Ok(()));
    assert_eq!(rig.remote_of(0), Some(OTHER));
    assert_eq!(rig.asked.len(), 2);
}

#[test]
fn a_name_that_does_not_exist_is_not_found() {
    let mut rig = Rig::<1>::new();
    assert_eq!(rig.connect(0, "nowhere.example.com", PORT), Err(ErrorKind::NotFound));
    rig.name("empty.example.com", &[]);
    assert_eq!(
        rig.connect(0, "empty.example.com", PORT),
        Err(ErrorKind::NotFound),
        "a name without addresses"
    );
}

#[test]
fn an_address_that_refuses_is_followed_by_the_next() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka", &[SERVER, OTHER]);
    rig.broker.listen(OTHER, PORT);
    assert_eq!(rig.connect(0, "kafka", PORT), Ok(()));
    assert_eq!(rig.remote_of(0), Some(OTHER));
}

#[test]
fn an_address_that_does_not_answer_is_followed_by_the_next() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka", &[NOBODY, SERVER]);
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect_within(0, "kafka", PORT, 8_000), Ok(()));
    assert_eq!(rig.remote_of(0), Some(SERVER));
}

#[test]
fn only_when_each_address_failed_does_the_attempt_fail() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka", &[NOBODY, SERVER, NOBODY, OTHER]);
    assert_eq!(rig.connect_within(0, "kafka", PORT, 20_000), Err(ErrorKind::ConnectionRefused));
    assert!(rig.now.secs() >= 7, "two that do not answer, 3.5 s each: {}", rig.now);
}

#[test]
fn more_addresses_than_there_is_room_for_are_harmless() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka", &[SERVER; 20]);
    assert_eq!(rig.connect(0, "kafka", PORT), Err(ErrorKind::ConnectionRefused));
}

#[test]
fn the_last_address_is_left_to_the_setup_timeout_of_the_producer() {
    let mut rig = Rig::<1>::new();
    assert_eq!(rig.poll_connect(0, "10.0.0.99", PORT), Poll::Pending);
    rig.run(30_000);
    assert_eq!(rig.poll_connect(0, "10.0.0.99", PORT), Poll::Pending);
    rig.close(0);
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()), "a reset that cannot be sent holds nobody up");
}

#[test]
fn without_a_name_server_names_are_not_found_and_addresses_still_work() {
    let mut rig = Rig::<1>::new();
    rig.device.sockets.get_mut::<dns::Socket>(rig.dns).update_servers(&[]);
    assert_eq!(rig.connect(0, "kafka", PORT), Err(ErrorKind::NotFound));
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()));
}

#[test]
fn a_name_server_that_is_silent_ends_in_not_found_and_close_ends_it_earlier() {
    let mut rig = Rig::<1>::new();
    rig.name_server_answers = false;
    assert_eq!(rig.connect_within(0, "kafka", PORT, 15_000), Err(ErrorKind::NotFound));
    // One place for a query: each attempt after a `close` finds it free.
    for _ in 0..3 {
        assert_eq!(rig.poll_connect(0, "kafka", PORT), Poll::Pending);
        rig.step();
        rig.close(0);
    }
    rig.name_server_answers = true;
    rig.name("kafka", &[SERVER]);
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(0, "kafka", PORT), Ok(()));
}

#[test]
fn a_full_query_table_is_an_error_that_passes() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka", &[SERVER]);
    rig.broker.listen(SERVER, PORT);
    let dns = rig.device.sockets.get_mut::<dns::Socket>(rig.dns);
    let own = dns.start_query(rig.device.iface.context(), "time.example.com", DnsQueryType::A).ok().unwrap();
    assert_eq!(rig.connect(0, "kafka", PORT), Err(ErrorKind::OutOfMemory));
    let dns = rig.device.sockets.get_mut::<dns::Socket>(rig.dns);
    assert!(
        matches!(dns.get_query_result(own), Err(dns::GetQueryResultError::Pending)),
        "still the application's"
    );
    dns.cancel_query(own);
    assert_eq!(rig.connect(0, "kafka", PORT), Ok(()));
}

#[test]
fn what_is_no_endpoint_fails_at_once() {
    let mut rig = Rig::<1>::new();
    let long = "a.".repeat(200);
    let label = "a".repeat(64);
    for host in ["", ".", "a..b", &long, &label, "0.0.0.0"] {
        let result = rig.poll_connect(0, host, PORT);
        assert_eq!(result, Poll::Ready(Err(ErrorKind::InvalidInput)), "{host:?}");
    }
    assert_eq!(rig.poll_connect(0, "10.0.0.2", 0), Poll::Ready(Err(ErrorKind::InvalidInput)));
    #[cfg(not(feature = "proto-ipv6"))]
    assert_eq!(rig.poll_connect(0, "fd00::2", PORT), Poll::Ready(Err(ErrorKind::Unsupported)));
    #[cfg(feature = "proto-ipv6")]
    assert_eq!(rig.poll_connect(0, "fd00:::2", PORT), Poll::Ready(Err(ErrorKind::InvalidInput)));
}

#[test]
fn before_there_is_a_lease_no_address_is_available() {
    let mut rig = Rig::<1>::new();
    rig.broker.listen(SERVER, PORT);
    rig.device.iface.update_ip_addrs(|list| list.clear());
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Err(ErrorKind::AddrNotAvailable));
    assert_eq!(rig.connect(0, "kafka", PORT), Err(ErrorKind::AddrNotAvailable));
    rig.device.iface.update_ip_addrs(|list| list.push(smoltcp::wire::IpCidr::new(CLIENT, 24)).unwrap());
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()));
}

#[test]
fn a_lease_that_ends_while_connecting_is_no_refusal() {
    let mut rig = Rig::<1>::new();
    assert_eq!(rig.poll_connect(0, "10.0.0.99", PORT), Poll::Pending);
    rig.step();
    rig.device.iface.update_ip_addrs(|list| list.clear());
    assert_eq!(rig.connect(0, "10.0.0.99", PORT), Err(ErrorKind::AddrNotAvailable));
}

#[test]
fn slots_without_a_usable_socket_are_errors_not_panics() {
    let mut rig = Rig::<1>::new();
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(1, "10.0.0.2", PORT), Err(ErrorKind::OutOfMemory), "more slots than sockets");
    assert_eq!(rig.poll_send(1, b"a", b""), Poll::Ready(Err(ErrorKind::NotConnected)));
    assert_eq!(rig.poll_recv(255, &mut [0]), Poll::Ready(Err(ErrorKind::NotConnected)));
    rig.close(255);
    assert_eq!(rig.poll_send(0, b"a", b""), Poll::Ready(Err(ErrorKind::NotConnected)), "not connected yet");
    assert_eq!(rig.poll_recv(0, &mut [0]), Poll::Ready(Err(ErrorKind::NotConnected)));

    let empty = rig.device.add_tcp(0, 0);
    rig.connections = nanokafka_smoltcp::Connections::new([empty], 1);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Err(ErrorKind::OutOfMemory), "a socket without buffers");
    assert_eq!(rig.poll_connect(0, "10.0.0.2", PORT), Poll::Ready(Err(ErrorKind::OutOfMemory)));
    rig.connections = nanokafka_smoltcp::Connections::new([rig.dns], 1);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Err(ErrorKind::NotConnected), "not a TCP socket");
    rig.connections = nanokafka_smoltcp::Connections::new([rig.kafka[0]], 1);
    assert_eq!(rig.connect(0, "kafka", PORT), Err(ErrorKind::Unsupported), "a name, but no DNS socket");
    rig.device.sockets.remove(rig.kafka[0]);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Err(ErrorKind::NotConnected), "a socket that was removed");
    assert!(rig.connections.is_closed(&rig.device.sockets));
}

#[test]
fn each_connection_has_another_local_port() {
    let mut rig = Rig::<1>::new();
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let listener = rig.connected();
        let port = rig.local_port(0);
        assert!(port >= 49_152 && ports.insert(port), "{port} again");
        rig.close(0);
        rig.run(50);
        rig.broker.sockets.remove(listener);
    }
}

#[test]
fn other_sockets_of_the_set_are_left_alone() {
    let mut rig = Rig::<2>::new();
    let own = rig.device.add_tcp(64, 64);
    rig.broker.listen(OTHER, 80);
    rig.device
        .sockets
        .get_mut::<tcp::Socket>(own)
        .connect(rig.device.iface.context(), (OTHER, 80), 50_000)
        .unwrap();
    rig.broker.listen(SERVER, PORT);
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.connect(1, "10.0.0.2", PORT), Ok(()));
    assert_eq!(rig.connect(0, "10.0.0.2", PORT), Ok(()));
    assert_ne!(rig.local_port(0), rig.local_port(1));
    rig.close(1);
    rig.close(0);
    assert_eq!(rig.connect(0, "10.0.0.2", PORT + 1), Err(ErrorKind::ConnectionRefused));
    rig.run(3_000);
    assert_eq!(rig.device.tcp(own).state(), tcp::State::Established);
    assert_eq!(rig.device.tcp(own).local_endpoint().unwrap().port, 50_000);
}

#[test]
fn the_waker_is_called_when_the_name_is_known_and_when_the_connection_stands() {
    let mut rig = Rig::<1>::new();
    rig.name("kafka", &[SERVER]);
    rig.broker.listen(SERVER, PORT);
    assert_eq!(rig.poll_connect(0, "kafka", PORT), Poll::Pending);
    assert_eq!(rig.wakes(), 0);
    rig.run(50);
    assert_eq!(rig.wakes(), 1, "the name is known");
    assert_eq!(rig.poll_connect(0, "kafka", PORT), Poll::Pending);
    let wakes = rig.wakes();
    rig.run(50);
    assert!(rig.wakes() > wakes, "the connection stands");
    assert_eq!(rig.poll_connect(0, "kafka", PORT), Poll::Ready(Ok(())));
}

#[cfg(feature = "proto-ipv6")]
mod ipv6 {
    use super::*;
    use smoltcp::wire::IpAddress;

    const CLIENT6: IpAddress = IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    const SERVER6: IpAddress = IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2);

    #[test]
    fn an_ipv6_address_in_text_is_connected_to() {
        let mut rig = Rig::<1>::with(&[CLIENT6], &[SERVER6], 1);
        rig.broker.listen(SERVER6, PORT);
        assert_eq!(rig.connect_within(0, "fd00::2", PORT, 5_000), Ok(()));
    }

    #[test]
    fn a_name_is_asked_for_ipv6_addresses_after_its_ipv4_ones() {
        let mut rig = Rig::<1>::with(&[CLIENT, CLIENT6], &[SERVER, SERVER6], 1);
        rig.name("kafka", &[SERVER]);
        rig.names.insert(("kafka".into(), AAAA), Some(vec![SERVER6]));
        rig.broker.listen(SERVER6, PORT);
        assert_eq!(rig.connect_within(0, "kafka", PORT, 5_000), Ok(()));
        assert_eq!(rig.remote_of(0), Some(SERVER6));
        assert_eq!(rig.asked, [("kafka".into(), A), ("kafka".into(), AAAA)]);
    }

    #[test]
    fn what_became_of_the_ipv4_addresses_is_the_error_when_there_are_no_ipv6_ones() {
        let mut rig = Rig::<1>::with(&[CLIENT, CLIENT6], &[SERVER, SERVER6], 1);
        rig.name("kafka", &[SERVER]);
        assert_eq!(rig.connect(0, "kafka", PORT), Err(ErrorKind::ConnectionRefused));
        assert_eq!(rig.connect(0, "nowhere", PORT), Err(ErrorKind::NotFound));
    }

    #[test]
    fn a_device_without_an_ipv4_address_asks_for_ipv6_ones_only() {
        let mut rig = Rig::<1>::with(&[CLIENT6], &[SERVER6], 1);
        rig.names.insert(("kafka".into(), AAAA), Some(vec![SERVER6]));
        rig.broker.listen(SERVER6, PORT);
        assert_eq!(rig.connect_within(0, "kafka", PORT, 5_000), Ok(()));
        assert_eq!(rig.asked, [("kafka".into(), AAAA)]);
    }

    #[test]
    fn an_ipv6_address_from_a_device_that_has_none_is_not_available() {
        let mut rig = Rig::<1>::new();
        assert_eq!(rig.connect(0, "10.0.0.2", PORT), Err(ErrorKind::ConnectionRefused));
        let result = rig.connect_within(0, "fd00::2", PORT, 5_000);
        assert_eq!(result, Err(ErrorKind::AddrNotAvailable));
    }
}
